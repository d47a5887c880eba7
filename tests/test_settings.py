from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from kiosk import config
from kiosk.config_checks import Choice, Listen, Number
from kiosk.config_draft import SECTIONS
from kiosk.contract import Paths
from kiosk.identifiers import EnterpriseNumber
from kiosk.model import Environment
from kiosk.rules import DeclarationTerm
from kiosk.settings import Declaration, Rules, Service, ServiceLimits
from kiosk.site_settings import SiteAddress
from tests.configs import change, complaints, read, write
from tests.people import DECLARATION, EMPLOYER, OTHER_EMPLOYER, PLACE

REFERENCE = (Path(config.__file__).parent / "kiosk.toml").read_text(encoding="utf-8")
#: "#key" and "#[section]" are settings, "# text" is text.
UNCOMMENTED = re.sub(r"(?m)^#(?=[a-z_]+ = |\[)", "", REFERENCE)
#: What can't stand beside the rest: the other one of two employer numbers, and what else a button may stand for.
ALTERNATIVES = ('foreign_vat_number = "NL123456789B01"\n', 'press = "out"\n')


def entries() -> Iterator[tuple[str, Any, str]]:
    """Each key of the reference by its path, its value there, and the text above it."""
    section, said, closed = "", "", False
    for line in REFERENCE.splitlines():
        if found := re.fullmatch(r"#?\[+([a-z.]+)\]+", line):
            section, said, closed = found[1], "", False
        elif found := re.fullmatch(r"#?([a-z_]+) = .*", line):
            yield f"{section}.{found[1]}", tomllib.loads(line.removeprefix("#"))[found[1]], said
            closed = True
        elif line.startswith("# "):
            said, closed = (line[2:] if closed else f"{said} {line[2:]}"), False


def keys() -> dict[str, Field[Any]]:
    """Each key of the slices by its path."""
    found = {f"{name}.{key.name}": key for name, slice_ in SECTIONS.items() for key in fields(slice_)}
    for path, slice_ in (("service.paths", Paths), ("service.limits", ServiceLimits), ("site.address", SiteAddress)):
        del found[path]
        found |= {f"{path}.{key.name}": key for key in fields(slice_)}
    return found


def default(key: Field[Any]) -> Any:
    made = key.default if key.default_factory is MISSING else key.default_factory()
    match made:
        case ZoneInfo():
            return made.key
        case Listen():
            return f"{made.host}:{made.port}"
        case StrEnum():
            return made.value
        case tuple():
            return list(made)
        case _:
            return made


def rules_of(kind: Any) -> Iterator[Any]:
    yield from getattr(kind, "__metadata__", ())
    for inner in get_args(kind):
        yield from rules_of(inner)


ENTRIES = {path: (value, said) for path, value, said in entries()}


def test_the_reference_has_every_key_and_no_other() -> None:
    """What the program reads and what the reference explains are the same keys."""
    assert set(ENTRIES) == set(keys())
    assert len(ENTRIES) == len(list(entries()))


@pytest.mark.parametrize("path", sorted(keys()))
def test_the_reference_states_the_true_default(path: str) -> None:
    """A default in the text is the code's and stands in the line; what has none or must be given is said to."""
    value, said = ENTRIES[path]
    truth = default(keys()[path])
    if stated := re.search(r"Default: (\S+)\.(?: |$)", said):
        assert tomllib.loads(f"x = {stated[1]}")["x"] == value == truth
    elif "By default" in said:
        assert path in {"store.path", "store.key_file", "control.socket"}
    elif "equired" in said and "No default" not in said:
        assert truth is MISSING or path == "service.token_url"
    else:
        assert "No default" in said
        assert truth is None


@pytest.mark.parametrize(
    "path", [path for path, key in keys().items() if any(isinstance(rule, Number) for rule in rules_of(key.type))]
)
def test_the_reference_states_the_true_range(path: str) -> None:
    """Lowest and highest value stand in the text, with the kind of number."""
    (rule,) = rules_of(keys()[path].type)
    said = ENTRIES[path][1]
    assert f"{rule.low} to {rule.high}" in said
    assert ("Integer" in said) == rule.whole


@pytest.mark.parametrize("path", sorted(keys()))
def test_the_reference_names_every_choice(path: str) -> None:
    """Each word that may be written stands in the text, in quotes."""
    kind = keys()[path].type
    choices = kind if isinstance(kind, type) and issubclass(kind, StrEnum) else None
    for rule in rules_of(kind):
        choices = rule.choices if isinstance(rule, Choice) else choices
    for word in choices or ():
        assert f'"{word}"' in ENTRIES[path][1]


def test_the_reference_works_as_it_is(tmp_path: Path) -> None:
    """A copy with its own numbers starts a box."""
    found = read(tmp_path, REFERENCE, {"STATE_DIRECTORY": str(tmp_path)})
    assert found.service.environment is Environment.TRAINING
    assert found.employer == EMPLOYER


def test_the_reference_works_with_every_line_in_use(tmp_path: Path) -> None:
    """Taking away the marks gives a file that is right, except where it says that two lines exclude each other."""
    write(tmp_path)
    for name in ("client.cert.pem", "ca.pem", "evidence.key", "other.key.pem", "other.cert.pem"):
        (tmp_path / name).touch(0o600)
    text = UNCOMMENTED
    for line in ALTERNATIVES:
        assert line in text
        text = text.replace(line, "")
    found = read(tmp_path, text)
    assert found.indicator.lines == {"green": 17, "red": 27, "blue": 24, "white": 22, "buzzer": 23}
    assert [(button.name, button.declaration, button.active_low) for button in found.buttons] == [("out", DECLARATION, True)]
    assert found.declarations[0].valid_until == date(2026, 12, 31)
    assert found.rules == Rules()
    assert found.service.paths == Paths()
    assert found.service.limits == ServiceLimits()
    assert found.service.certificate == tmp_path / "client.cert.pem"
    assert found.own_settings[OTHER_EMPLOYER].private_key == tmp_path / "other.key.pem"


def test_the_lines_left_out_above_are_refused(tmp_path: Path) -> None:
    """Two numbers for one employer, or two meanings of one button, do not pass in silence."""
    for name in ("client.cert.pem", "ca.pem", "evidence.key", "other.key.pem", "other.cert.pem"):
        (tmp_path / name).touch(0o600)
    assert [line.split(": ")[0] for line in complaints(tmp_path, UNCOMMENTED)] == [
        "employer.foreign_vat_number",
        "declaration[1].foreign_vat_number",
        "credential[1].foreign_vat_number",
        "button[1]",
    ]


@pytest.mark.parametrize(
    ("url", "host", "environment"),
    [
        ("https://services.socialsecurity.be/REST/presenceRegistration/v1", "services.socialsecurity.be", Environment.PRODUCTION),
        ("https://SERVICES.SocialSecurity.be:443/", "services.socialsecurity.be", Environment.PRODUCTION),
        ("https://services.socialsecurity.be./", "services.socialsecurity.be", Environment.PRODUCTION),
        ("https://services-sim.socialsecurity.be/", "services-sim.socialsecurity.be", Environment.TRAINING),
        ("https://services.socialsecurity.be.example.org/", "services.socialsecurity.be.example.org", Environment.TRAINING),
        ("https://localhost:8443/services.socialsecurity.be", "localhost", Environment.TRAINING),
        ("https://[::1]:8443/", "::1", Environment.TRAINING),
    ],
)
def test_only_the_production_host_is_production(url: str, host: str, environment: Environment) -> None:
    """The host decides, however it is spelled; a name that only contains it is training."""
    service = Service(api_url=url, client_id="box", private_key=Path("client.key.pem"))
    assert (service.service_host, service.environment) == (host, environment)


def test_slices_become_what_the_rooms_take(tmp_path: Path) -> None:
    """The rules and the client get their own values, with nothing lost on the way."""
    found = read(tmp_path)
    assert found.site.coordinates == PLACE
    assert found.service.settings.url("/x") == "https://localhost:8443/api/x"
    assert (found.service.settings.client_id, found.service.settings.private_key) == ("box-1", tmp_path / "client.key.pem")
    assert Rules(debounce_seconds=1, max_shift_hours=20).limits.debounce_seconds == 1
    assert Rules(minimum_stay_minutes=7, ask_after_hours=8).limits.minimum_stay_minutes == 7
    own = Declaration(number=DECLARATION, enterprise_number=EnterpriseNumber("0403019261"), valid_until=date(2026, 1, 1))
    assert own.term == DeclarationTerm(number=DECLARATION, employer=own.employer, valid_from=None, valid_until=date(2026, 1, 1))
    assert not own.term.valid_on(date(2026, 1, 2))


def test_a_call_holds_no_more_than_the_service_takes(tmp_path: Path) -> None:
    """What the service takes bounds what was asked for, and pages are as long as configured."""
    found = read(tmp_path, change(("[store]", "batch_size = 60\n[service.limits]\nbatch = 50\npage_size = 20\n[store]")))
    assert (found.service.items_in_a_call, found.service.settings.page_size) == (50, 20)
    assert read(tmp_path).service.items_in_a_call == 100
