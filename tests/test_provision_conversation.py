"""kiosk.provision.conversation goes from an empty folder to a box that works, whatever cuts it on the way."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from hardware.ports import ReaderLost
from kiosk.check import Grade, check
from kiosk.errors import Declined, UsageError
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Coordinates
from kiosk.provision import trial
from kiosk.provision.askers import Unattended
from kiosk.provision.conversation import prepare, prove_token
from kiosk.provision.notebook import Notebook
from kiosk.provision.place import confirm_place
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.settings import Driver
from kiosk.simulator.simulator import Simulator
from tests.admins import SITE, Admin, answers, desk_of, set_up, setup, upload
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME

LINE = f'{{"card": "{CANARY_CARD.identifier.hex()}", "insz": "{CANARY_INSZ.digits}", "name": "{CANARY_NAME}"}}'


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "box"


def test_from_an_empty_folder_to_a_box_that_works(box: Path, simulator: Simulator) -> None:
    """Keys with the right modes, a configuration that check accepts, a token, the addresses, a badge, a registration accepted."""
    config, admin = set_up(box, simulator)
    assert {path.name: path.stat().st_mode & 0o777 for path in box.iterdir()} == {
        "store.key": 0o600, "evidence.key": 0o600, "client.key.pem": 0o600, "client.cert.pem": 0o600, "kiosk.toml": 0o640,
    }  # fmt: skip
    assert [finding for finding in check(config, datetime.now(UTC)) if finding.grade is Grade.WRONG] == []
    assert config.site.coordinates == Coordinates(50.8466, 4.3670)
    assert config.declarations[1].number == DeclarationNumber("1Y102M7NZF7PZ")
    assert config.declarations[1].url == "https://example.org/qr?d=1Y102M7NZF7PZ"
    assert any("Chaman" in words and str(box / "client.cert.pem") in words for words in admin.heard)
    assert not prove_token(setup(box, admin, Notebook(None, {})), config)
    upload(simulator, box)
    assert prove_token(setup(box, admin, Notebook(None, {})), config)
    assert confirm_place(setup(box, admin, Notebook(None, {})), config) == config
    assert "  Wetstraat 16, 1000 Brussel" in admin.heard
    before = len(simulator.ledger.rows())
    # Two declarations: the holder names his, as an admin would for a gate that serves both.
    trial.begin(admin, config, desk_of(config), badge=LINE.replace("}", ', "declaration": "1Y1003SQ5VSSZ"}'), proven=True)
    assert len(simulator.ledger.rows()) == before + 1
    assert "accepted by 127.0.0.1" in admin.heard[-1]
    assert CANARY_INSZ.digits not in "".join(admin.heard)


def test_ctrl_c_at_any_question_costs_nothing(box: Path, simulator: Simulator) -> None:
    """Cut after every single question in turn, it goes on where it stopped; no question but the last is ever asked again."""
    notebook_path, asked, cuts = box.with_name("answers"), Counter[str](), 0
    while True:
        admin = Admin(Notebook.opened(notebook_path), answers(simulator), patience=1)
        try:
            config = prepare(setup(box, admin, Notebook.opened(notebook_path)))
        except click.Abort:
            asked += admin.asked
            cuts += 1
            assert not (box / "kiosk.toml").exists(), "half a configuration"
            assert cuts < 40
            continue
        break
    assert config.site.name == SITE
    assert cuts > 10
    # Declarations are one question with several answers; a yes or no is never kept.
    assert {key for key, count in asked.items() if count > 1} <= {"declarations", "assume_clock"}
    upload(simulator, box)
    kept = Notebook.opened(notebook_path)
    confirm_place(setup(box, Admin(kept, {}), kept), config)
    assert not notebook_path.exists()


def test_a_cut_between_any_two_files_is_gone_on_from(box: Path, simulator: Simulator) -> None:
    """Whatever of the keys is there is kept, and what lacks is made."""
    set_up(box, simulator)
    kept = {name: (box / name).read_bytes() for name in ("store.key", "client.key.pem")}
    for gone in ("kiosk.toml", "evidence.key", "client.cert.pem"):
        (box / gone).unlink()
    set_up(box, simulator)
    assert {name: (box / name).read_bytes() for name in kept} == kept


def test_an_existing_configuration_is_never_written_over(box: Path, simulator: Simulator) -> None:
    """A second run asks nothing and changes nothing."""
    set_up(box, simulator)
    before = (box / "kiosk.toml").read_bytes()
    _, admin = set_up(box, simulator, site="Another")
    assert (box / "kiosk.toml").read_bytes() == before
    assert admin.asked == Counter()


def test_without_a_person_the_file_says_it_all(box: Path, simulator: Simulator) -> None:
    """The answers make the same box; without a client id the first run makes the keys and says what to do with them."""
    given = answers(simulator)
    early = Notebook(None, {key: value for key, value in given.items() if key != "client_id"})
    with pytest.raises(Declined, match="no client_id yet"):
        prepare(setup(box, Unattended(early), early))
    assert (box / "client.cert.pem").exists()
    assert not (box / "kiosk.toml").exists()
    upload(simulator, box)
    notebook = Notebook(None, given | {"first_registration": True})
    config = prepare(setup(box, Unattended(notebook), notebook))
    assert [reader.driver for reader in config.readers] == [Driver.SIMULATED]
    assert prove_token(setup(box, Unattended(notebook), notebook), config)


def test_a_site_without_a_declaration_owes_nothing(box: Path, simulator: Simulator) -> None:
    """Nobody asks for an employer then, and the configuration says local_only."""
    config, admin = set_up(box, simulator, declarations=[])
    assert (config.site.local_only, config.declarations) == (True, ())
    assert admin.asked["employer"] == 0


def test_a_bought_pair_is_held_against_the_criteria(box: Path, simulator: Simulator, tmp_path: Path) -> None:
    """A PEM file with both is taken; one in another company's name is refused by name of the criterion."""
    key, certificate = tmp_path / "a.key", tmp_path / "a.crt"
    make_client_key(key, certificate, company="Bought NV", now=datetime.now(UTC), kind=KeyKind.P_384)
    (tmp_path / "both.pem").write_bytes(key.read_bytes() + certificate.read_bytes())
    with pytest.raises(UsageError, match="company: it is in the name of Bought NV"):
        set_up(box, simulator, certificate=str(tmp_path / "both.pem"))
    assert {path.name for path in box.iterdir()} == {"store.key", "evidence.key"}
    _, admin = set_up(box, simulator, certificate=str(tmp_path / "both.pem"), company="Bought NV")
    assert "  meets key: the key is EC on P-384" in admin.heard
    assert admin.asked["key"] == 0


def test_readers_are_shown_and_named(box: Path, simulator: Simulator) -> None:
    """What is plugged in is proposed; where PC/SC does not answer that is said and nothing stops."""
    notebook = Notebook(None, {})
    admin = Admin(notebook, answers(simulator) | {"reader": "ACR122"})
    with_reader = replace(setup(box, admin, notebook), readers=lambda: ("ACS ACR122U 00 00",))
    config = prepare(with_reader)
    assert "plugged in: ACS ACR122U 00 00" in admin.heard
    assert [(reader.driver, reader.match) for reader in config.readers] == [(Driver.PCSC, "ACR122")]
    (box / "kiosk.toml").unlink()

    def lost() -> tuple[str, ...]:
        raise ReaderLost("pcscd is away")

    silent = Admin(Notebook(None, {}), answers(simulator) | {"reader": "any"})
    config = prepare(replace(setup(box, silent, Notebook(None, {})), readers=lost))
    assert any("pcscd is away" in words for words in silent.heard)
    assert [(reader.driver, reader.match) for reader in config.readers] == [(Driver.PCSC, None)]


@pytest.mark.parametrize(
    ("named", "driver"),
    [
        ("tty:AMA0:pn532", Driver.CONTACTLESS),
        ("usb", Driver.CONTACTLESS),
        ("/dev/input/by-id/usb-reader-event-kbd", Driver.KEYBOARD),
        ("SCM Microsystems", Driver.PCSC),
    ],
)
def test_a_reader_is_opened_by_what_its_name_says(box: Path, simulator: Simulator, named: str, driver: Driver) -> None:
    """A path of nfcpy, a device that types, or a part of a PC/SC reader's name: nobody is asked for a driver."""
    admin = Admin(Notebook(None, {}), answers(simulator) | {"reader": named})
    config = prepare(setup(box, admin, Notebook(None, {})))
    assert [(reader.driver, reader.match) for reader in config.readers] == [(driver, named)]


def test_a_bought_key_that_chaman_would_refuse_is_named_and_leaves_nothing(box: Path, simulator: Simulator, tmp_path: Path) -> None:
    """Too short a key, another kind of key, no key usage: each by its criterion; the file is asked for anew."""
    (tmp_path / "no.p12").write_bytes(b"x")
    for words, told in (
        (("-newkey", "rsa:1024", "-addext", "keyUsage=digitalSignature"), "key: the key is RSA with 1024 bits"),
        (("-newkey", "ed25519", "-addext", "keyUsage=digitalSignature"), "key: the key is of another kind"),
        (("-newkey", "rsa:2048", "-sha1"), "digest: it is signed with SHA-1"),
        (("-newkey", "rsa:2048"), "key usage: it does not say"),
    ):
        out = ("-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert"))
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-subj", "/O=Invented NV", *words, *out], check=True, capture_output=True
        )
        (tmp_path / "both.pem").write_bytes((tmp_path / "key").read_bytes() + (tmp_path / "cert").read_bytes())
        notebook = Notebook(tmp_path / "answers", {})
        admin = Admin(notebook, answers(simulator) | {"certificate": str(tmp_path / "both.pem")})
        with pytest.raises(UsageError, match=told):
            prepare(setup(box, admin, notebook))
        assert {path.name for path in box.iterdir()} == {"store.key", "evidence.key"}
        assert Notebook.opened(tmp_path / "answers").text("certificate") is None
    broken = Admin(notebook, answers(simulator) | {"certificate": str(tmp_path / "no.p12")})
    broken.secrets = ["geheim"]
    with pytest.raises(UsageError, match="no PKCS#12"):
        prepare(setup(box, broken, notebook))
    assert notebook.text("certificate") is None
