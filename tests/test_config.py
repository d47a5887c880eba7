from __future__ import annotations

import math
import socket
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.config import DEFAULT_PATH, load, locate
from kiosk.config_checks import Listen
from kiosk.config_draft import OPTIONAL, REPEATED, SECTIONS
from kiosk.errors import UsageError
from kiosk.identifiers import ForeignVatNumber
from kiosk.model import Address, Coordinates, Environment, ReaderDirection
from kiosk.settings import Config, Driver, LatePolicy
from tests.configs import MINIMAL, change, complaints, read, write
from tests.idcards import ec_issuer
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, OTHER_EMPLOYER, PLACE

SECOND_DECLARATION = f'\n[[declaration]]\nnumber = "{OTHER_DECLARATION.value}"\n'
EMPLOYER_SECTION = '[employer]\nenterprise_number = "0206731645"\n'


def names(slice_: type) -> list[str]:
    return [key.name for key in fields(slice_)]


def test_the_smallest_file_gives_a_whole_configuration(tmp_path: Path) -> None:
    """Site, service, employer, one declaration and one reader suffice; the rest has defaults."""
    config = read(tmp_path)
    assert (config.site.coordinates, config.site.time_zone.key) == (PLACE, "Europe/Brussels")
    assert (config.employer, [found.number for found in config.declarations]) == (EMPLOYER, [DECLARATION])
    assert config.service.environment is Environment.TRAINING
    assert [(reader.name, reader.driver, reader.direction) for reader in config.readers] == [
        ("gate", Driver.SIMULATED, ReaderDirection.TOGGLE)
    ]
    assert (config.rules.late_policy, config.service.batch_size, config.screen.listen.port) == (LatePolicy.SEND, 100, 8080)


def test_paths_are_relative_to_the_file_and_absolute_ones_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory has no say, not even when the file itself is named relative to it."""
    path = write(tmp_path, change(('"kiosk.db"', '"/srv/kiosk.db"')))
    monkeypatch.chdir(tmp_path)
    config = load(Path(path.name), {})
    assert config.path == path
    assert config.store.key_file == tmp_path / "store.key"
    assert config.store.path == Path("/srv/kiosk.db")
    assert config.control.socket == Path("/srv/kiosk.sock")


def test_systemd_says_where_state_and_credentials_are(tmp_path: Path) -> None:
    """Without keys of their own the store lies in the first state directory, its key in the credentials directory."""
    (tmp_path / "credentials").mkdir()
    text = change(('path = "kiosk.db"\nkey_file = "store.key"\n', ""))
    path = write(tmp_path, text)
    (tmp_path / "store.key").rename(tmp_path / "credentials" / "store.key")
    environ = {"STATE_DIRECTORY": f"{tmp_path}/state:{tmp_path}/other", "CREDENTIALS_DIRECTORY": f"{tmp_path}/credentials"}
    config = load(path, environ)
    assert config.store.path == tmp_path / "state" / "kiosk.db"
    assert config.store.key_file == tmp_path / "credentials" / "store.key"
    assert config.control.socket == tmp_path / "state" / "kiosk.sock"
    (tmp_path / "credentials" / "store.key").chmod(0o440)
    assert load(path, environ) == config


def test_what_the_file_says_goes_before_what_systemd_says(tmp_path: Path) -> None:
    """A path in the file is meant."""
    text = change(("[store]", '[control]\nsocket = "run/s"\n[store]'))
    config = read(tmp_path, text, {"STATE_DIRECTORY": "/elsewhere", "CREDENTIALS_DIRECTORY": "/elsewhere"})
    assert (config.store.path, config.control.socket) == (tmp_path / "kiosk.db", tmp_path / "run" / "s")


def test_without_a_state_directory_the_store_must_be_named(tmp_path: Path) -> None:
    """The store is never put in a place nobody chose."""
    for environ in ({}, {"STATE_DIRECTORY": ""}):
        found = complaints(tmp_path, change(('path = "kiosk.db"\n', "")), environ)
        assert found == ["store.path: is missing; add it, or start kiosk where systemd sets $STATE_DIRECTORY"]


def test_a_key_file_by_default_lies_beside_the_store_outside_systemd(tmp_path: Path) -> None:
    """A verb run by hand finds the key where provision of such a box put it."""
    assert read(tmp_path, change(('key_file = "store.key"\n', ""))).store.key_file == tmp_path / "store.key"


@pytest.mark.parametrize(
    ("option", "environ", "chosen"),
    [
        ("a.toml", {"KIOSK_CONFIG": "b.toml"}, Path("a.toml")),
        (None, {"KIOSK_CONFIG": "b.toml"}, Path("b.toml")),
        (None, {"KIOSK_CONFIG": ""}, DEFAULT_PATH),
        (None, {}, Path("/etc/kiosk/kiosk.toml")),
    ],
)
def test_the_option_goes_before_the_environment_and_both_before_the_default(
    option: str | None, environ: dict[str, str], chosen: Path
) -> None:
    """One order, the design's."""
    assert locate(option, environ) == chosen


def test_all_mistakes_are_told_at_once_each_with_file_key_and_repair(tmp_path: Path) -> None:
    """Syntax apart, nobody repairs one mistake only to meet the next."""
    text = change(
        ("latitude = 50.8466", "latitude = 91"),
        ("0206731645", "0206731646"),
        ('number = "1Y1003SQ5VSSZ"', "number = 12\nvalid_from = 2026-12-31\nvalid_until = 2026-01-01"),
        ("client_id", "client_ident"),
        ("https://localhost", "http://localhost"),
        ('driver = "simulated"', 'driver = "pcscd"\ndirection = "both"'),
        ("[store]", "[rules]\ndebounce_seconds = 0\nask_after_hours = true\n[stoer]\n[store]"),
    )
    found = complaints(tmp_path, text)
    assert [line.split(": ")[0] for line in found] == [
        "stoer",
        "site.latitude",
        "employer.enterprise_number",
        "service.api_url",
        "service.client_id",
        "service.client_ident",
        "rules.debounce_seconds",
        "rules.ask_after_hours",
        "declaration[1].number",
        "reader[1].driver",
        "reader[1].direction",
    ]
    assert all(";" in line for line in found)
    assert "stoer: is an unknown key; did you mean store?" in found
    assert "service.client_ident: is an unknown key; did you mean client_id?" in found


def test_a_bad_section_hinders_no_other_check(tmp_path: Path) -> None:
    """One bad reader or declaration does not hide what is wrong between the others, nor a bad key file."""
    text = change(("[[reader]]", '[[reader]]\nname = "gate"\ndriver = "pcsc"\n[[reader]]\nname = 3\ndriver = "pcsc"\n[[reader]]'))
    path = write(tmp_path, text)
    (tmp_path / "store.key").chmod(0o644)
    with pytest.raises(UsageError) as caught:
        load(path, {})
    assert [line.split(": ")[1] for line in caught.value.message.splitlines()] == [
        "reader[2].name",
        "reader[3].name",
        "store.key_file",
    ]


def test_a_missing_section_is_told_with_the_keys_it_needs(tmp_path: Path) -> None:
    """An empty file names everything that is required, and nothing that is not."""
    found = complaints(tmp_path, "")
    assert found == [
        "site: is missing; add [site] with name, latitude, longitude",
        "service: is missing; add [service] with api_url, client_id, private_key",
        "store.path: is missing; add it, or start kiosk where systemd sets $STATE_DIRECTORY",
        "declaration: is needed at least once; add [[declaration]], in double brackets",
        "reader: is needed at least once; add [[reader]], in double brackets",
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [("site", "site = 3"), ("store", "store = []"), ("control", 'control = "x"'), ("service.paths", "[service]\npaths = 'x'")],
)
def test_a_section_that_is_no_table_is_told(tmp_path: Path, name: str, text: str) -> None:
    """A value where a table belongs is a sentence, not a traceback."""
    assert any(line.startswith(f"{name}: is a") and line.endswith("; write it as a table") for line in complaints(tmp_path, text))


def test_single_brackets_for_a_repeated_section_are_told(tmp_path: Path) -> None:
    """The most likely slip of the pen gets its own repair."""
    assert "reader: is needed at least once; add [[reader]], in double brackets" in complaints(
        tmp_path, change(("[[reader]]", "[reader]"))
    )
    assert "reader[1]: is an integer; write it as a table" in complaints(tmp_path, "reader = [3]")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ([(EMPLOYER_SECTION, "")], "employer: is missing, and declaration[1] names none"),
        ([(EMPLOYER_SECTION, "[employer]\n")], "employer: names nobody; add enterprise_number or foreign_vat_number"),
        (
            [(EMPLOYER_SECTION, EMPLOYER_SECTION + 'foreign_vat_number = "NL123456789B01"\n')],
            "employer.foreign_vat_number: stands beside",
        ),
        (
            [("[service]", 'enterprise_number = "0403019261"\nforeign_vat_number = "NL123"\n[service]')],
            "declaration[1].foreign_vat_number",
        ),
        ([("0206731645", "2206731645")], "employer.enterprise_number: an enterprise number begins with 0 or 1"),
        (
            [("enterprise_number", "foreign_vat_number"), ("0206731645", "BE0206731645")],
            "employer.foreign_vat_number: a Belgian employer",
        ),
        ([("1Y1003SQ5VSSZ", "1Y1003SQ5VSS")], "declaration[1].number: a declaration number has 13 characters"),
        (
            [("[service]", SECOND_DECLARATION.replace("02M7NZF7PZ", "003sq5vssz") + "[service]")],
            "declaration[2].number: is the same as",
        ),
        (
            [("[service]", "valid_from = 2026-02-01\nvalid_until = 2026-01-31\n[service]")],
            "declaration[1].valid_until: lies before",
        ),
        (
            [("[[reader]]", '[[reader]]\nname = "gate"\ndriver = "pcsc"\n[[reader]]')],
            "reader[2].name: is the same as reader[1].name",
        ),
        ([("[[reader]]", f'[[reader]]\ndeclaration = "{OTHER_DECLARATION.value}"')], "reader[1].declaration: is the number of no"),
        (
            [("localhost:8443", "Services.SocialSecurity.be.")],
            "reader[1].driver: is simulated, but service.api_url names the production",
        ),
        ([("[store]", "[rules]\nask_after_hours = 14\n[store]")], "rules.ask_after_hours: is not below max_shift_hours"),
        ([("[store]", '[service.paths]\nregister = "presenceRegistrations"\n[store]')], "service.paths.register: is no path"),
        ([("[store]", '[service.paths]\nconsult = "/presences"\n[store]')], "service.paths.consult: has no {id}; write {id} where"),
        ([("[store]", '[service.paths]\nconsult = "/{x}/{id}"\n[store]')], "service.paths.consult: has braces that nothing fills"),
        (
            [("[store]", '[service.paths]\nhealth = "/{id}"\n[store]')],
            "service.paths.health: has braces that nothing fills in; remove",
        ),
        ([("[store]", "[service.limits]\nbatch = 201\n[store]")], "service.limits.batch: is out of range; write an integer from 1"),
        (
            [('name = "Wetstraat 16"', 'name = "x"\nregime = "construction"')],
            "site.regime: construction is not served yet: it needs",
        ),
        ([('name = "Wetstraat 16"', 'name = "x"\nregime = "fishing"')], "site.regime: is a string that means nothing here"),
        (
            [("[store]", '[service.paths]\nregistre = "/x"\n[store]')],
            "service.paths.registre: is an unknown key; did you mean register?",
        ),
        ([("[store]", '[position]\nsource = "gps"\n[store]')], "position.source: is a string that means nothing here"),
        ([("[store]", "[position]\nport = 0\n[store]")], "position.port: is out of range; write an integer from 1 to 65535"),
        ([("[store]", "[position]\nmax_age_seconds = 0\n[store]")], "position.max_age_seconds: is out of range"),
        ([('"1Y1003SQ5VSSZ"', '"1Y1003SQ5VSSZ"\nlatitude = 50.8')], "declaration[1].longitude: is missing beside the other one"),
        ([('"1Y1003SQ5VSSZ"', '"1Y1003SQ5VSSZ"\nlongitude = 4.3')], "declaration[1].latitude: is missing beside the other one"),
        (
            [('"1Y1003SQ5VSSZ"', '"1Y1003SQ5VSSZ"\nlatitude = 4.3\nlongitude = 50.8')],
            "declaration[1].latitude: and longitude are exchanged",
        ),
        (
            [
                ("[service]", f"{SECOND_DECLARATION}latitude = 51.2\nlongitude = 4.4\n[service]"),
                ("[store]", '[position]\nsource = "gpsd"\n[store]'),
            ],
            "site.fence_meters: is none, so declaration[1], which has no place of its own as others have, would count everywhere",
        ),
        (
            [("[store]", '[evidence]\nkey_file = "e.key"\n[store]')],
            "evidence.key_file: ",
        ),
        ([('"simulated"', '"contactless"\nmatch = "/dev/ttyAMA0"')], "reader[1].match: is no path of nfcpy; write one such as usb"),
        (
            [('"simulated"', '"contactless"\n[[reader]]\nname = "side"\ndriver = "contactless"\nmatch = "usb"')],
            "reader[2].match: is the same as reader[1].match",
        ),
        (
            [("localhost:8443", "services.socialsecurity.be"), ('"simulated"', '"contactless"\nmatch = "udp:127.0.0.1:54321"')],
            "reader[1].match: lets any program play cards, but service.api_url names the production host",
        ),
        ([("client.key.pem", "nothing.pem")], "service.private_key: "),
        ([("[store]", 'certificate = "nothing.pem"\n[store]')], "service.certificate: "),
        ([("[store]", 'ca_file = "."\n[store]')], "service.ca_file: "),
    ],
)
def test_each_mistake_is_told_alone_by_its_key(tmp_path: Path, changes: list[tuple[str, str]], complaint: str) -> None:
    """One thing wrong gives exactly one line, at the right key, with a repair."""
    (line,) = complaints(tmp_path, change(*changes))
    assert line.startswith(complaint)
    assert ";" in line


def test_every_declaration_may_name_its_own_employer_instead_of_a_default(tmp_path: Path) -> None:
    """Then no default is needed; a foreign one is named by its VAT number."""
    text = change(
        (EMPLOYER_SECTION, ""),
        ("[service]", f'enterprise_number = "0403.019.261"\n{SECOND_DECLARATION}foreign_vat_number = "NL 123456789B01"\n[service]'),
    )
    config = read(tmp_path, text)
    assert config.employer is None
    assert [found.employer for found in config.declarations] == [OTHER_EMPLOYER, ForeignVatNumber("NL123456789B01")]


def test_a_reader_may_stand_for_one_declaration(tmp_path: Path) -> None:
    """The number is read as leniently as in the declaration itself."""
    assert read(tmp_path, change(("[[reader]]", '[[reader]]\ndeclaration = "1y1003sq5vssz"'))).readers[0].declaration == DECLARATION


def test_a_real_reader_may_face_production(tmp_path: Path) -> None:
    """Only what a program plays is kept out."""
    for driver in ('"pcsc"', '"contactless"\nmatch = "tty:AMA0:pn532"'):
        config = read(tmp_path, change(("localhost:8443", "services.socialsecurity.be"), ('"simulated"', driver)))
        assert config.service.environment is Environment.PRODUCTION


def test_verbs_without_keys_do_not_look_at_them(tmp_path: Path) -> None:
    """A verb that only asks the daemon works for a user who may read no key; other mistakes are still told."""
    path = write(tmp_path, change(("[store]", 'certificate = "nothing.pem"\n[store]')))
    (tmp_path / "store.key").unlink()
    (tmp_path / "client.key.pem").unlink()
    assert load(path, {}, secrets=False).store.key_file == tmp_path / "store.key"
    with pytest.raises(UsageError, match=r"store\.key_file") as caught:
        load(path, {})
    assert len(caught.value.message.splitlines()) == 3


def test_a_missing_store_key_names_the_verb_that_makes_it(tmp_path: Path) -> None:
    """The repair of the most frequent first mistake."""
    (line,) = complaints(tmp_path, change(('"store.key"', '"other.key"')))
    assert line.startswith(f"store.key_file: {tmp_path}/other.key can't be read")
    assert line.endswith("put it there (kiosk provision makes one in an empty folder)")


def test_a_store_key_of_another_length_is_refused_at_once(tmp_path: Path) -> None:
    """A key file with a line end, or cut short, never gets as far as the store; the client key may have any length."""
    path = write(tmp_path)
    (tmp_path / "store.key").write_bytes(bytes(31))
    with pytest.raises(UsageError, match=r"store\.key_file: .* has 31 bytes, must be exactly 32") as caught:
        load(path, {})
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[site]\nname = Wetstraat\n", "at line 2"),
        (b"[site]\n\nname = '\xe9'\n", "line 3 is not UTF-8"),
        (b"[site]\n[site]\n", "is no TOML"),
        (b"x = " + b"9" * 5000, "is no TOML"),
        (b"x = " + b"[" * 100_000, "is no TOML"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    """Whatever the parser says or lets through becomes one sentence."""
    path = tmp_path / "kiosk.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        load(path, {})
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_file_that_can_not_be_read_is_told_with_the_way_out(tmp_path: Path) -> None:
    """Missing, a directory, a socket: each names the file and how to name another."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        for path, said in ((tmp_path / "none", "No such file"), (tmp_path, "is a directory"), (tmp_path / "s", "can't be read")):
            with pytest.raises(UsageError, match=said) as caught:
                load(path, {})
            assert str(path) in caught.value.message
            assert "--config" in (caught.value.repair or "")


def test_an_editor_from_windows_does_no_harm(tmp_path: Path) -> None:
    """A byte order mark and CR LF are no reason not to start."""
    path = write(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load(path, {}).site.name == "Wetstraat 16"


def test_no_message_repeats_a_value(tmp_path: Path) -> None:
    """A key or a person pasted into the wrong line shows up in no message."""
    canary = "Kanarievogel85073003328"
    for name, slice_ in SECTIONS.items():
        for key in names(slice_):
            heading = f"[[{name}]]" if name in REPEATED | OPTIONAL else f"[{name}]"
            path = tmp_path / "kiosk.toml"
            path.write_text(f'{heading}\n{key} = ["{canary}"]\n"{canary} {"x" * 50}{canary}" = 1\n')
            with pytest.raises(UsageError) as caught:
                load(path, {}, secrets=False)
            assert f"{key}: is an array" in caught.value.message or key in {"paths", "roots", "fingerprints"}
            assert caught.value.message.count(canary) == 0, caught.value.message


KEYS = sorted({key for slice_ in SECTIONS.values() for key in names(slice_)} | {"register", "search", "odd key"})
SCALARS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["https://x/", "kiosk.db", "pcsc", "0206731645", "1Y1003SQ5VSSZ", "Europe", "Europe/Brussels", "\x00", "[::1]:1"]
    ),
    st.integers(-(10**30), 10**30),
    st.floats(),
    st.booleans(),
    st.dates(),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3)
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(sorted(SECTIONS)),
    st.one_of(
        st.dictionaries(st.sampled_from(KEYS), VALUES), st.lists(st.dictionaries(st.sampled_from(KEYS), VALUES), max_size=3), VALUES
    ),
)


def toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return '"' + "".join(f"\\U{ord(letter):08x}" for letter in value if not 0xD800 <= ord(letter) < 0xE000) + '"'
        case float() if math.isnan(value):
            return "nan"
        case dict():
            return "{" + ", ".join(f"{toml(key)} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(toml(item) for item in value) + "]"
        case date():
            return value.isoformat()
        case _:
            return repr(value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(document=DOCUMENTS, state=st.sampled_from(["", "/state"]))
def test_whatever_stands_in_the_file_gives_a_configuration_or_a_sentence(
    tmp_path: Path, document: dict[str, Any], state: str
) -> None:
    """No value under any key ends in a traceback."""
    text = "\n".join(f"{key} = {toml(value)}" for key, value in document.items())
    path = tmp_path / "random.toml"
    path.write_text(text, encoding="utf-8")
    outcome: Config | str
    try:
        outcome = load(path, {"STATE_DIRECTORY": state})
    except UsageError as error:
        outcome = error.message
    assert isinstance(outcome, Config) or all(line.startswith(f"{path}: ") for line in outcome.split("\n"))


GOOD_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "rules": st.fixed_dictionaries(
            {}, optional={"debounce_seconds": SCALARS, "max_shift_hours": st.floats(0, 30), "ask_after_hours": st.integers(0, 30)}
        ),
        "screen": st.fixed_dictionaries({}, optional={"listen": st.sampled_from(["[::1]:0", "h:1", "h:99999", ":1", "1"])}),
        "clock": st.fixed_dictionaries({}, optional={"max_error_seconds": SCALARS, "source": st.sampled_from(["kernel", "ntp"])}),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=GOOD_VALUES)
def test_a_configuration_that_is_accepted_keeps_its_ranges(tmp_path: Path, document: dict[str, Any]) -> None:
    """What passes beside a sound rest is really inside its range, of its type, and consistent."""
    text = MINIMAL + "".join(
        f"[{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in section.items()) for name, section in document.items()
    )
    try:
        config = read(tmp_path, text)
    except UsageError:
        return
    assert config.rules.debounce_seconds >= 1
    assert 0 <= config.rules.ask_after_hours < config.rules.max_shift_hours
    assert isinstance(config.rules.ask_after_hours, float | int)
    assert math.isfinite(config.clock.max_error_seconds)
    assert config.screen.listen in (Listen("::1", 0), Listen("h", 1), Listen("127.0.0.1", 8080))
    assert config.site.coordinates == Coordinates(50.8466, 4.3670)


CREDENTIAL = '[[credential]]\nenterprise_number = "0403019261"\nclient_id = "box-2"\nprivate_key = "client.key.pem"\n'


def test_an_employer_may_have_his_own_credential(tmp_path: Path) -> None:
    """Its key and client id go with its employer, the addresses are the service's."""
    found = read(tmp_path, MINIMAL + CREDENTIAL)
    (own,) = found.own_settings.values()
    assert (own.client_id, own.private_key, own.api_url) == ("box-2", tmp_path / "client.key.pem", found.service.api_url)


def test_credentials_are_checked(tmp_path: Path) -> None:
    """A credential of nobody, two of the same employer and a missing key are each told at once."""
    nobody = CREDENTIAL.replace('enterprise_number = "0403019261"\n', "").replace("client.key.pem", "missing.pem")
    assert [line.split(": ")[0] for line in complaints(tmp_path, MINIMAL + CREDENTIAL + CREDENTIAL + nobody)] == [
        "credential[3]",
        "credential[2]",
        "credential[3].private_key",
    ]


def test_a_site_where_nothing_is_owed_needs_no_declaration(tmp_path: Path) -> None:
    """With local_only neither declaration nor employer is asked for; without it both are."""
    bare = change(
        ('[employer]\nenterprise_number = "0206731645"\n', ""),
        ('[[declaration]]\nnumber = "1Y1003SQ5VSSZ"\n', ""),
        ("longitude = 4.3670", "longitude = 4.3670\nlocal_only = true"),
    )
    assert read(tmp_path, bare).declarations == ()
    owing = bare.replace("local_only = true", "local_only = false")
    assert [line.split(": ")[0] for line in complaints(tmp_path, owing)] == ["declaration"]


@pytest.mark.parametrize(
    ("place", "told"),
    [("latitude = 4.3670\nlongitude = 50.8466", "exchanged"), ("latitude = 0\nlongitude = 0.0", "in the sea")],
)
def test_coordinates_that_can_not_be_meant_are_refused(tmp_path: Path, place: str, told: str) -> None:
    """Latitude and longitude exchanged, or both left at nought, would go with every registration."""
    text = change(("latitude = 50.8466\nlongitude = 4.3670", place))
    (line,) = complaints(tmp_path, text)
    assert told in line


def test_a_site_may_have_its_address(tmp_path: Path) -> None:
    """An address goes out instead of the coordinates; one that lacks a part or is too long is told."""
    address = (
        '[site.address]\npost_code = " 1000 "\nmunicipality = "Brussel"\nstreet = "Wetstraat"\nhouse_number = "16"\n\n[employer]'
    )
    given = read(tmp_path, change(("[employer]", address))).site.place
    assert given == Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    wrong = address.replace('street = "Wetstraat"\n', "").replace('"16"', f'"{"1" * 21}"')
    assert {line.split(";")[0] for line in complaints(tmp_path, change(("[employer]", wrong)))} == {
        "site.address.street: is missing",
        "site.address.house_number: has more than 20 characters",
    }


def test_roots_of_identity_cards_are_files_with_known_fingerprints(tmp_path: Path) -> None:
    """Every one that can't be used is told by its file; a good one is found beside the configuration."""
    (tmp_path / "root.crt").write_bytes(ec_issuer().root_pem)
    good = f'[eid]\nroots = ["root.crt"]\nfingerprints = ["{ec_issuer().fingerprint.upper()}"]\n[store]'
    found = read(tmp_path, change(("[store]", good))).eid
    assert (found.roots, found.fingerprints) == ((tmp_path / "root.crt",), (ec_issuer().fingerprint,))
    bad = '[eid]\nroots = ["root.crt", "none.crt"]\n[store]'
    first, second = complaints(tmp_path, change(("[store]", bad)))
    assert first.startswith(f"eid.roots: {tmp_path / 'root.crt'} has the SHA-256 fingerprint {ec_issuer().fingerprint}, which")
    assert second.startswith(f"eid.roots: {tmp_path / 'none.crt'} can't be read")
    (line,) = complaints(tmp_path, change(("[store]", '[eid]\nroots = "root.crt"\n[store]')))
    assert line == 'eid.roots: is a string; write an array, for instance ["one", "another"]'
