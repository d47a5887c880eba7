"""What one value of the configuration may be, and what is said when it is not; the only door to cattrs.

A rule is a callable in an ``Annotated`` type: it takes what TOML gave and returns the value, or raises ``Wrong``.
No message repeats a value: somebody may have pasted a key or a person into the wrong line.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from cattrs import ClassValidationError, Converter, ForbiddenExtraKeysError
from cattrs.gen import make_dict_structure_fn

S = TypeVar("S")
P_co = TypeVar("P_co", covariant=True)

_LAST_PORT: Final = 65_535
_LONGEST: Final = 1000
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")
_HOST: Final = re.compile(r"(?!-)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.?")
_TOML_TYPES: Final = (
    (bool, "true or false"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    (list, "an array"),
    (dict, "a table"),
)
#: What to do about a missing key, where there is more to say than to add it.
REPAIRS: Final = {
    "store.path": "add it, or start kiosk where systemd sets $STATE_DIRECTORY",
    "service.api_url": "run kiosk provision, or add the address of the API",
    "service.client_id": "add the id that Chaman gave to this box",
    "service.private_key": "run kiosk provision, or add the file of the client key",
}


class Wrong(ValueError):
    """A value that may not be; the sentence says what is wrong and, after a semicolon, the repair."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to repair: the key's path in the file, what is wrong and the repair."""

    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}"


def _found(value: object) -> str:
    return next((words for kind, words in _TOML_TYPES if isinstance(value, kind)), "a date or time")


@dataclass(frozen=True, slots=True)
class Number:
    """A number from ``low`` to ``high``, both allowed; ``whole`` asks for a TOML integer. A boolean is no number."""

    low: float
    high: float
    whole: bool = False

    def __call__(self, value: object) -> float:
        """Return the number, as an int where ``whole``; raises ``Wrong``."""
        repair = f"write {'an integer' if self.whole else 'a number'} from {self.low} to {self.high}"
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            raise Wrong(f"is {_found(value)}; {repair}")
        # A chained comparison is also false for nan, which TOML can spell.
        if not self.low <= value <= self.high:
            raise Wrong(f"is out of range; {repair}")
        return value if self.whole else float(value)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most ``longest`` characters; blanks around it are dropped."""

    longest: int

    def __call__(self, value: object) -> str:
        """Return the text; raises ``Wrong``."""
        plain = text(value).strip()
        if len(plain) > self.longest:
            raise Wrong(f"has more than {self.longest} characters; shorten it")
        return plain


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enumeration."""

    choices: type[StrEnum]

    def __call__(self, value: object) -> StrEnum:
        """Return the member; raises ``Wrong``."""
        member = next((choice for choice in self.choices if choice == value), None)
        if member is None:
            raise Wrong(f"is {_found(value)} that means nothing here; write one of: {', '.join(self.choices)}")
        return member


class _Parses(Protocol[P_co]):
    def parse(self, text: str) -> P_co:
        """Read a number; raises ``ValueError`` with a sentence that does not repeat it."""
        ...


@dataclass(frozen=True, slots=True)
class Parsed:
    """A value whose class reads it from a string."""

    kind: _Parses[object]

    def __call__(self, value: object) -> object:
        """Return the parsed value; raises ``Wrong``."""
        try:
            return self.kind.parse(text(value))
        except Wrong:
            raise
        except ValueError as error:
            raise Wrong(f"{error}; copy it once more from the original") from error


@dataclass(frozen=True, slots=True)
class Listen:
    """A TCP address to listen on; port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, value: str) -> Listen:
        """Read ``host:port`` or ``[IPv6]:port``; raises ``ValueError``."""
        host, colon, port = value.rpartition(":")
        if not (colon and _is_host(host) and re.fullmatch(r"[0-9]{1,5}", port) and int(port) <= _LAST_PORT):
            raise Wrong('is no address to listen on; write "HOST:PORT", for instance "127.0.0.1:8080", port 0 to 65535')
        return cls(host.strip("[]"), int(port))


class LocalListen:
    """An address that only programs of this machine reach."""

    @staticmethod
    def parse(value: str) -> Listen:
        """Read ``host:port`` or ``[IPv6]:port``; raises ``ValueError``."""
        listen = Listen.parse(value)
        try:
            local = ipaddress.ip_address(listen.host).is_loopback
        except ValueError:
            local = listen.host == "localhost"
        if not local:
            raise Wrong('is no address of this machine alone; write "127.0.0.1:PORT", "[::1]:PORT" or "localhost:PORT"')
        return listen


def text(value: object) -> str:
    """Accept a string of 1 to 1000 characters, no control characters, not only blanks; raises ``Wrong``."""
    if not isinstance(value, str):
        raise Wrong(f"is {_found(value)}; write a string in quotes")
    if not value.strip():
        raise Wrong("is empty; fill it in or remove the line")
    if len(value) > _LONGEST or _CONTROL.search(value):
        raise Wrong("has control characters or more than 1000 characters; write plain text")
    return value


def service_url(value: object) -> str:
    """Accept an https URL with a host, no user, query or fragment; kept verbatim; raises ``Wrong``."""
    url = text(value)
    try:
        parts = urlsplit(url)
        sound = parts.scheme == "https" and _is_host(parts.netloc.rpartition("@")[2].removesuffix(f":{parts.port}"))
    except ValueError:
        sound = False
    # urlsplit drops tabs and lets backslashes pass, which others read as slashes: the host would be another one.
    if not sound or not re.fullmatch(r"[!-\[\]-~]+", url):
        raise Wrong("is no https address; write https://HOST/PATH in plain ASCII")
    if "@" in url or "?" in url or "#" in url:
        raise Wrong("has a user, a query or a fragment; write only https://HOST/PATH")
    return url


def web_address(value: object) -> str:
    """Accept an https link for people to open, verbatim: the box itself never follows it; raises ``Wrong``."""
    url = text(value)
    if not re.fullmatch(r"https://\S+", url):
        raise Wrong("is no https link; copy it as the service shows it, https:// included")
    return url


def sha256_list(value: object) -> tuple[str, ...]:
    """Accept SHA-256 fingerprints as people copy them, with colons and blanks; raises ``Wrong``."""
    plain = [re.sub(r"[\s:]", "", text(each)).lower() for each in _list(value)]
    if not all(re.fullmatch(r"[0-9a-f]{64}", each) for each in plain):
        raise Wrong("has an entry that is no SHA-256 fingerprint; each has 64 hexadecimal digits, colons may stand between them")
    return tuple(plain)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Wrong(f'is {_found(value)}; write an array, for instance ["one", "another"]')
    return value


def _is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        try:
            return bool(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            return False
    return _HOST.fullmatch(host) is not None


def url_path(value: object) -> str:
    """Accept the path of an operation, from its slash on; raises ``Wrong``."""
    path = text(value)
    if not re.fullmatch(r"/[A-Za-z0-9._~/{}-]*", path):
        raise Wrong("is no path of the service; write it with a leading slash and no query")
    return path


def operation_path(value: object, *, takes_id: bool) -> str:
    """Accept the path of an operation that is asked about one registration, or about none; raises ``Wrong``."""
    path = url_path(value)
    if takes_id and "{id}" not in path:
        raise Wrong("has no {id}; write {id} where the number of the registration goes")
    if re.search("[{}]", path.replace("{id}", "", 1) if takes_id else path):
        raise Wrong("has braces that nothing fills in; remove them" + (", all but one {id}" if takes_id else ""))
    return path


def zone(value: object) -> ZoneInfo:
    """Accept the name of a time zone of the IANA database; raises ``Wrong``."""
    try:
        return ZoneInfo(text(value))
    # A folder of the database, or a name too long for a file, comes as OSError; an unknown name as KeyError.
    except (KeyError, OSError, ValueError) as error:
        if isinstance(error, Wrong):
            raise
        raise Wrong('is no known time zone; write a name like "Europe/Brussels"') from error


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"is {_found(value)}; write true or false without quotes")
    return value


def _day(value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Wrong(f"is {_found(value)}; write a date without quotes, for instance 2026-12-31")
    return value


def _time(value: object) -> time:
    if not isinstance(value, time):
        raise Wrong(f"is {_found(value)}; write a time without quotes, for instance 22:00:00")
    return value


def converter(base: Path) -> Converter:
    """Make a strict converter; paths in the file are relative to ``base``."""
    made = Converter(forbid_extra_keys=True, detailed_validation=True)
    made.register_structure_hook_factory(is_dataclass, lambda slice_: _table(made, slice_))
    made.register_structure_hook_factory(lambda kind: hasattr(kind, "__metadata__"), lambda kind: _hook(kind.__metadata__[0]))
    # By class and not by predicate: cattrs asks classes first, so the hook of str would take every StrEnum.
    made.register_structure_hook(StrEnum, lambda value, kind: Choice(kind)(value))
    made.register_structure_hook(str, _hook(text))
    made.register_structure_hook(bool, _hook(_flag))
    made.register_structure_hook(date, _hook(_day))
    made.register_structure_hook(time, _hook(_time))
    made.register_structure_hook(Path, _hook(lambda value: base / text(value)))
    made.register_structure_hook_func(
        lambda kind: kind == tuple[Path, ...], _hook(lambda value: tuple(base / text(each) for each in _list(value)))
    )
    return made


def _hook(rule: Callable[[object], object]) -> Callable[[Any, Any], Any]:
    return lambda value, _: rule(value)


def _table(made: Converter, slice_: type[S]) -> Callable[[Any, Any], S]:
    inner = make_dict_structure_fn(slice_, made, _cattrs_forbid_extra_keys=True)

    def hook(value: Any, _: object) -> S:
        if not isinstance(value, dict):
            raise Wrong(f"is {_found(value)}; write it as a table")
        return inner(value, slice_)

    return hook


def mistakes(error: BaseException, key: str) -> Iterator[Mistake]:
    """Spell out everything that cattrs found below ``key``."""
    match error:
        case ForbiddenExtraKeysError():
            yield from unknown_keys(error.extra_fields, [field.name for field in fields(error.cl)], f"{key}.")
        case ClassValidationError():
            noted, others = error.group_exceptions()
            for inner, note in noted:
                yield from mistakes(inner, f"{key}.{note.name}")
            for inner in others:
                yield from mistakes(inner, key)
        case KeyError():
            yield Mistake(key, f"is missing; {REPAIRS.get(key, 'add it')}")
        case Wrong():
            yield Mistake(key, str(error))
        case _:
            raise error


def unknown_keys(found: Iterable[str], known: list[str], prefix: str = "") -> Iterator[Mistake]:
    """Say of each key that nobody reads what was probably meant."""
    # In the template headings are commented out too: a key alone that is put in force lands under the heading above it.
    elsewhere = ", or take the # before its own heading away too" if prefix else ""
    for key in sorted(found):
        # A quoted TOML key may hold anything, also a line end or a pasted secret.
        shown = key if _BARE_KEY.fullmatch(key) else json.dumps(key[:20])
        near = difflib.get_close_matches(key, known, n=1)
        repair = f"did you mean {near[0]}?" if near else f"remove it{elsewhere}; known here: {', '.join(sorted(known))}"
        yield Mistake(f"{prefix}{shown}", f"is an unknown key; {repair}")


def required_keys(slice_: type) -> list[str]:
    """Name the keys without which a section can't be."""
    return [field.name for field in fields(slice_) if field.default is MISSING and field.default_factory is MISSING]
