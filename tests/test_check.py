from __future__ import annotations

import socket
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from hardware.ports import ReaderLost
from kiosk.check import Finding, Grade, check, lines, report
from kiosk.device_settings import Button, Eid, Indicator
from kiosk.errors import Declined, KioskError, NoDaemon
from kiosk.model import Press
from kiosk.opening import open_house
from kiosk.provisioning import make_client_key, make_evidence_key
from kiosk.settings import Config, Credential, Driver, Evidence
from kiosk.signing import load_signer
from kiosk.site_settings import Position, PositionSource, SiteAddress
from tests.configs import MINIMAL, read
from tests.people import DECLARATION, OTHER_EMPLOYER

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One client key with its certificate, since making one takes a second."""
    folder = tmp_path_factory.mktemp("pair")
    make_client_key(folder / "client.key.pem", folder / "client.cert.pem", company="Invented NV", now=NOW)
    return folder


@pytest.fixture
def config(tmp_path: Path, pair: Path) -> Config:
    """A configuration in which all is well."""
    loaded = read(tmp_path, MINIMAL)
    service = replace(loaded.service, private_key=pair / "client.key.pem", certificate=pair / "client.cert.pem")
    return replace(loaded, service=service)


def found(config: Config, subject: str, now: datetime = NOW) -> Finding:
    (one,) = [finding for finding in check(config, now) if finding.subject == subject]
    return one


def test_a_good_box_has_nothing_wrong(config: Config) -> None:
    """Every part is reported, nothing is wrong, and no store is made by looking."""
    findings = check(config, NOW)
    assert [finding.subject for finding in findings] == [
        "configuration",
        "site",
        "client key",
        "certificate",
        "evidence key",
        "declaration 1Y1003SQ5VSSZ",
        "store",
        "reader gate",
        "direction",
    ]
    assert report(findings)["ok"] is True
    assert "training" in findings[0].told
    assert found(config, "client key").told == "signs with RS256"
    assert found(config, "certificate").told == "730 days left"
    assert not config.store.path.exists()


def test_the_evidence_key_is_told_with_its_public_half(config: Config, tmp_path: Path) -> None:
    """Without one it is advice, a good one names what to keep elsewhere, and one that can't sign is wrong."""
    assert found(config, "evidence key").grade is Grade.ADVICE
    make_evidence_key(tmp_path / "evidence.key")
    good = found(replace(config, evidence=Evidence(key_file=tmp_path / "evidence.key")), "evidence key")
    signer = load_signer(tmp_path / "evidence.key")
    assert signer is not None
    assert (good.grade, signer.public.hex() in good.told) == (Grade.OK, True)
    bad = found(replace(config, evidence=Evidence(key_file=config.store.key_file)), "evidence key")
    assert (bad.grade, bad.repair is not None) == (Grade.WRONG, True)


def test_the_site_is_told_as_registrations_name_it(config: Config) -> None:
    """By its coordinates, by its address, or not at all, since nothing is owed there."""
    address = SiteAddress(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    sites = [config.site, replace(config.site, address=address), replace(config.site, local_only=True)]
    told = [found(replace(config, site=site), "site").told for site in sites]
    assert [words.partition(":")[0] for words in told] == [
        "registrations name its coordinates",
        "registrations name its address",
        "local only",
    ]


def test_the_report_tells_each_finding_with_its_repair(config: Config) -> None:
    """As JSON: ok, and for each finding subject, grade, told and repair; one that is wrong is enough."""
    findings = [
        Finding(subject="a", grade=Grade.OK, told="x"),
        Finding(subject="b", grade=Grade.WRONG, told="y", repair="do z"),
    ]
    assert report(findings) == {
        "ok": False,
        "items": [
            {"subject": "a", "grade": "ok", "told": "x", "repair": None},
            {"subject": "b", "grade": "wrong", "told": "y", "repair": "do z"},
        ],
    }
    assert report(findings[:1])["ok"] is True


def test_a_person_reads_each_finding_with_its_repair_below() -> None:
    """Grade, subject and what was found on one line; what to do on the next, where there is something."""
    findings = [
        Finding(subject="a", grade=Grade.OK, told="x"),
        Finding(subject="b", grade=Grade.WRONG, told="y", repair="do z"),
    ]
    assert lines(findings) == "ok      a: x\nwrong   b: y\n        repair: do z"


def test_every_mistake_is_told_at_once(config: Config, tmp_path: Path) -> None:
    """A broken key, a store that is none and a reader that is not there: three repairs from one look."""
    (tmp_path / "broken.pem").write_text("no key", encoding="ascii")
    config.store.path.write_bytes(b"no database, but long enough to be looked at" * 50)
    readers = (replace(config.readers[0], driver=Driver.PCSC, match="No Such Reader"),)
    broken = replace(config, readers=readers, service=replace(config.service, private_key=tmp_path / "broken.pem"))
    wrong = [finding for finding in check(broken, NOW) if finding.grade is Grade.WRONG]
    assert [finding.subject for finding in wrong] == ["client key", "store", "reader gate"]
    assert config.store.path.read_bytes().startswith(b"no database"), "looking changed the file"


def test_a_certificate_is_missed_or_refused(config: Config, tmp_path: Path) -> None:
    """Without one: advice. One that is none, or that belongs to another key: wrong."""
    assert found(replace(config, service=replace(config.service, certificate=None)), "certificate").grade is Grade.ADVICE
    (tmp_path / "none.pem").write_text("nothing", encoding="ascii")
    none = replace(config, service=replace(config.service, certificate=tmp_path / "none.pem"))
    assert found(none, "certificate").grade is Grade.WRONG
    make_client_key(tmp_path / "other.key", tmp_path / "other.pem", company="Invented NV", now=NOW)
    other = replace(config, service=replace(config.service, certificate=tmp_path / "other.pem"))
    first, second = [finding for finding in check(other, NOW) if finding.subject == "certificate"]
    assert first.grade is Grade.WRONG
    assert "does not belong" in first.told
    assert second.grade is Grade.OK


@pytest.mark.parametrize(
    ("days", "grade", "told"),
    [
        (0, Grade.OK, "730 days left"),
        (639, Grade.OK, "91 days left"),
        (640, Grade.ADVICE, "90 days left"),
        (731, Grade.WRONG, "ended"),
    ],
)
def test_a_certificate_that_ends_is_told_in_time(config: Config, days: int, grade: Grade, told: str) -> None:
    """Three months before its end it is an advice, after its end a mistake."""
    one = found(config, "certificate", NOW + timedelta(days=days))
    assert (one.grade, one.told.startswith(told)) == (grade, True)
    assert (one.repair is None) == (grade is Grade.OK)


@pytest.mark.parametrize(
    ("until", "grade", "told"),
    [
        (None, Grade.OK, "it has no last day"),
        (date(2027, 2, 21), Grade.OK, "91 days left"),
        (date(2027, 2, 20), Grade.ADVICE, "90 days left"),
        (date(2026, 11, 22), Grade.ADVICE, "0 days left"),
        (date(2026, 11, 20), Grade.ADVICE, "ended 2 days ago"),
    ],
)
def test_a_declaration_that_ends_is_told_in_time(config: Config, until: date | None, grade: Grade, told: str) -> None:
    """With the days that it has left; one that has ended is no mistake of the configuration, since taps are held and kept."""
    ending = replace(config, declarations=(replace(config.declarations[0], valid_until=until),))
    one = found(ending, "declaration 1Y1003SQ5VSSZ")
    assert (one.grade, one.told) == (grade, told)
    assert (one.repair is None) == (grade is Grade.OK)


def test_a_store_in_use_is_well(config: Config) -> None:
    """A store that opens with its key is well, and so is one that the daemon holds."""
    house = open_house(config, create=True)
    assert "in use by the running daemon" in found(config, "store").told
    house.database.close()
    assert "opens with its key" in found(config, "store").told


def test_a_receiver_is_looked_for(config: Config) -> None:
    """Where gpsd answers that is told, with advice where no fence uses it; where nobody does, it is wrong."""
    with socket.create_server(("127.0.0.1", 0)) as gpsd:
        position = Position(source=PositionSource.GPSD, port=gpsd.getsockname()[1])
        with_receiver = replace(config, position=position)
        advised = found(with_receiver, "receiver")
        assert (advised.grade, "the box may stand anywhere" in advised.told) == (Grade.ADVICE, True)
        fenced = replace(with_receiver, site=replace(config.site, fence_meters=100))
        assert found(fenced, "receiver").grade is Grade.OK
    silent = found(fenced, "receiver")
    assert (silent.grade, "does not answer" in silent.told) == (Grade.WRONG, True)


def test_a_reader_is_looked_for(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PC/SC reader that fits is named, one that does not is wrong with what is plugged in; without pcscd that is said."""
    gate = replace(config.readers[0], driver=Driver.PCSC, match="Virtual")
    with_pcsc = replace(config, readers=(gate,))
    monkeypatch.setattr("hardware.pcsc.listing", lambda: ["Virtual PCD 00 00", "Other"])
    monkeypatch.setattr("hardware.pcsc.refusing", lambda names: tuple(name for name in names if name == "Refusing"))
    assert found(with_pcsc, "reader gate").told == "Virtual PCD 00 00, toggle"
    anything = replace(config, readers=(replace(gate, match=None),))
    assert found(anything, "reader gate").told == "Virtual PCD 00 00, Other, toggle"
    monkeypatch.setattr("hardware.pcsc.listing", lambda: ["Other"])
    assert found(with_pcsc, "reader gate").told == "plugged in are: Other"
    monkeypatch.setattr("hardware.pcsc.listing", lambda: ["Refusing"])
    refused = found(anything, "reader gate")
    assert (refused.grade, "polkit" in (refused.repair or "")) == (Grade.WRONG, True)
    monkeypatch.setattr("hardware.pcsc.listing", list)
    assert found(with_pcsc, "reader gate").told == "no reader is plugged in"

    def lost() -> list[str]:
        raise ReaderLost("no pcscd")

    monkeypatch.setattr("hardware.pcsc.listing", lost)
    assert (found(with_pcsc, "reader gate").told, found(with_pcsc, "reader gate").grade) == ("no pcscd", Grade.WRONG)


def test_a_contactless_reader_is_opened_unless_the_daemon_has_it(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """What answers at its path is named, or what to do about it; while a daemon runs nobody disturbs its serial line."""
    gate = replace(config.readers[0], driver=Driver.CONTACTLESS, match="tty:AMA0:pn532")
    with_nfc = replace(config, readers=(gate,))
    monkeypatch.setattr("hardware.contactless.look", lambda path: f"PN532v1.6 at {path}")
    assert found(with_nfc, "reader gate").told == "PN532v1.6 at tty:AMA0:pn532, toggle"

    def lost(path: str) -> str:
        raise ReaderLost(f"nothing answers at {path}; repair: see that it has power")

    monkeypatch.setattr("hardware.contactless.look", lost)
    absent = found(with_nfc, "reader gate")
    assert (absent.grade, absent.told, absent.repair) == (
        Grade.WRONG,
        "nothing answers at tty:AMA0:pn532",
        "see that it has power",
    )

    answers: list[KioskError] = [Declined("busy"), NoDaemon("none runs")]

    def ask(*_: object) -> dict[str, object]:
        if answers:
            raise answers.pop(0)
        return {}

    monkeypatch.setattr("kiosk.control.ask", ask)
    held = "tty:AMA0:pn532, toggle; the running daemon has it"
    assert [found(with_nfc, "reader gate").told for _ in range(3)] == [held, "nothing answers at tty:AMA0:pn532", held]


def test_whoever_reads_identity_cards_is_told_what_it_takes(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """The purpose and the notice; without the state's roots also that no card proves anything."""
    assert "identity cards" not in [finding.subject for finding in check(config, NOW)]
    monkeypatch.setattr("hardware.pcsc.listing", lambda: ["Contact 00 00"])
    monkeypatch.setattr("hardware.pcsc.refusing", lambda _names: ())
    reading = replace(config, readers=(replace(config.readers[0], driver=Driver.EID),), eid=Eid(purpose="presence"))
    assert found(reading, "reader gate").told == "Contact 00 00, toggle"
    assert found(reading, "identity cards").told.startswith("read for: presence; hang `kiosk eid notice`")
    assert found(reading, "identity cards' roots").grade is Grade.ADVICE
    rooted = replace(reading, eid=Eid(purpose="presence", roots=(Path("a"), Path("b"))))
    assert found(rooted, "identity cards' roots").told == "2, each with its fingerprint"


def test_a_reader_that_types_is_looked_for_without_being_opened(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path, missing, forbidden, of the kind that moves, or well: the running daemon holds it, so nobody else opens it."""

    def told(path: Path) -> tuple[Grade, str]:
        reader = replace(config.readers[0], driver=Driver.KEYBOARD, match=str(path))
        one = found(replace(config, readers=(reader,)), "reader gate")
        assert one.grade is Grade.OK or one.repair
        return one.grade, one.told

    moving, staying = tmp_path / "event3", tmp_path / "by-id" / "usb-x-event-kbd"
    staying.parent.mkdir()
    assert told(staying) == (Grade.WRONG, f"{staying} is not there")
    for device in (moving, staying):
        device.touch()
    assert told(moving) == (Grade.ADVICE, f"{moving} may be another device after the next start")
    assert told(staying) == (Grade.OK, f"{staying}, hex, toggle")
    monkeypatch.setattr("os.access", lambda *_: False)  # root, who runs tests too, may read anything
    assert told(staying) == (Grade.WRONG, f"{staying}: this user may not read it")


def test_toggle_readers_come_with_a_warning_about_other_kiosks(tmp_path: Path) -> None:
    """Several kiosks on one site must use fixed directions; with fixed ones there is nothing to warn of."""
    assert "direction" in [finding.subject for finding in check(read(tmp_path, MINIMAL), NOW)]
    fixed = read(tmp_path, MINIMAL + 'direction = "in"\n')
    assert "direction" not in [finding.subject for finding in check(fixed, NOW)]


def test_every_credential_is_looked_at(config: Config, pair: Path, tmp_path: Path) -> None:
    """An employer's own key and certificate are told with his number; one that misses a criterion is named with it."""
    own = Credential(
        enterprise_number=OTHER_EMPLOYER,
        client_id="box-2",
        private_key=pair / "client.key.pem",
        certificate=pair / "client.cert.pem",
    )
    subject = f"certificate of {OTHER_EMPLOYER.value}"
    assert found(replace(config, credentials=(own,)), subject).told == "730 days left"
    make_client_key(tmp_path / "other.key", tmp_path / "other.pem", company="Invented NV", now=NOW)
    mixed = replace(config, credentials=(replace(own, certificate=tmp_path / "other.pem"),))
    first, second = [finding for finding in check(mixed, NOW) if finding.subject == subject]
    assert (first.grade, "does not belong" in first.told, second.grade) == (Grade.WRONG, True, Grade.OK)
    early = [finding for finding in check(config, NOW - timedelta(days=1)) if finding.grade is Grade.WRONG]
    assert ["begins on" in finding.told for finding in early] == [True]


def test_a_button_is_told_with_its_line_or_without_its_chip(config: Config, tmp_path: Path) -> None:
    """Where it is wired and what it means; a chip that is not there is a mistake with its repair."""
    chip = tmp_path / "gpiochip7"
    buttons = (
        Button(name="leave", line=5, press=Press.OUT, chip=str(chip)),
        Button(name="annex", line=6, declaration=DECLARATION, reader="gate"),
    )
    wired = replace(config, buttons=buttons, indicator=Indicator(chip=str(chip)))
    missing = found(wired, "button leave")
    assert missing.grade is Grade.WRONG
    assert "gpioinfo" in str(missing.repair)
    chip.touch()
    assert found(wired, "button leave").told == f"out, {chip} line 5"
    assert found(wired, "button annex").told == f"declaration {DECLARATION.value}, {chip} line 6, at reader gate"


def test_a_pair_that_chaman_does_not_take_is_told_whole(config: Config, tmp_path: Path) -> None:
    """Where the key is of a wrong kind, its certificate is still held against every criterion."""
    key = tmp_path / "p256.key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/O=Invented NV",
    ]
    subprocess.run([*command, "-keyout", str(key), "-out", str(tmp_path / "p256.pem")], check=True, capture_output=True)
    key.chmod(0o600)
    pair = replace(config, service=replace(config.service, private_key=key, certificate=tmp_path / "p256.pem"))
    wrong = [finding for finding in check(pair, datetime.now(UTC) + timedelta(minutes=1)) if finding.grade is Grade.WRONG]
    assert [finding.subject for finding in wrong] == ["client key", "certificate", "certificate"]
    assert "EC on P-256" in wrong[1].told
    assert "used for" in wrong[2].told
