"""Find, read and check the configuration; every mistake is reported at once, with its repair (design, section 6).

``settings`` holds the slices. In messages the tables of ``[[declaration]]`` and ``[[reader]]`` count from 1.
"""

from __future__ import annotations

import tomllib
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar

from cattrs import Converter

from kiosk.config_checks import Mistake, Wrong, converter, misplaced, mistakes, required_keys, unknown_keys, url_path
from kiosk.errors import UsageError
from kiosk.model import Environment
from kiosk.secret_files import file_mistakes, secret_mistakes
from kiosk.settings import (
    Clock,
    Config,
    Control,
    Credential,
    Declaration,
    Driver,
    Evidence,
    Indicator,
    NamesEmployer,
    Position,
    Reader,
    Rules,
    Screen,
    Service,
    Site,
    Store,
)

DEFAULT_PATH: Final = Path("/etc/kiosk/kiosk.toml")
SECTIONS: Final[Mapping[str, type]] = {
    "site": Site,
    "employer": NamesEmployer,
    "service": Service,
    "store": Store,
    "control": Control,
    "clock": Clock,
    "rules": Rules,
    "position": Position,
    "evidence": Evidence,
    "screen": Screen,
    "indicator": Indicator,
    "declaration": Declaration,
    "reader": Reader,
    "credential": Credential,
}
#: The sections in double brackets, each needed at least once, and those that may be left out.
REPEATED: Final = frozenset({"declaration", "reader"})
OPTIONAL: Final = frozenset({"credential"})
STORE_KEY_BYTES: Final = 32

T = TypeVar("T")


def locate(option: str | None, environ: Mapping[str, str]) -> Path:
    """Choose the file: ``--config``, else ``$KIOSK_CONFIG``, else ``/etc/kiosk/kiosk.toml``."""
    return Path(option if option is not None else environ.get("KIOSK_CONFIG") or DEFAULT_PATH)


def load(path: Path, environ: Mapping[str, str], *, secrets: bool = True) -> Config:
    """Read the whole configuration.

    Args:
        path: The TOML file; relative paths in it start from its directory.
        environ: For the defaults below ``$STATE_DIRECTORY`` and ``$CREDENTIALS_DIRECTORY``.
        secrets: Whether to look at keys and certificates too; verbs that only talk to the daemon need none.

    Raises:
        UsageError: One line for each mistake: file, key, what is wrong, repair.
    """
    base = path.absolute().parent
    draft = _Draft(_with_defaults(_document(path), environ), converter(base))
    found = [*draft.read(), *_across(draft), *(_files(draft, environ) if secrets else ())]
    if found:
        raise UsageError("\n".join(f"{path}: {mistake}" for mistake in found))
    return _config(path.absolute(), draft)


def _document(path: Path) -> dict[str, Any]:
    try:
        # The mark that Windows editors put before UTF-8 is not worth a failed start.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        why = "is a directory; name the file in it" if path.is_dir() else f"can't be read: {error.strerror}"
        raise UsageError(
            f"{path}: {why}", repair="run kiosk provision, or name another file with --config or $KIOSK_CONFIG"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from error
    # Besides its own error tomllib lets through int's for thousands of digits and Python's for deep nesting.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no TOML: {error}; correct it there, strings need quotes") from error


def _with_defaults(document: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Fill in the paths that follow from where systemd keeps state and credentials, else from each other."""
    store, control = document.get("store", {}), document.get("control", {})
    if not (isinstance(store, dict) and isinstance(control, dict)):
        return document
    # systemd joins several directories with colons; the first is ours.
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    store = {"path": f"{state}/kiosk.db", **store} if state else store
    beside = Path(str(store.get("path", ""))).parent
    key_file = Path(credentials) / "store.key" if credentials else beside / "store.key"
    return {
        **document,
        "store": {"key_file": str(key_file), **store},
        "control": {"socket": str(beside / "kiosk.sock"), **control},
    }


class _Draft:
    """The sections that could be read, each by its key in the messages."""

    def __init__(self, document: dict[str, Any], strict: Converter) -> None:
        self._document = document
        self._strict = strict
        self._good: dict[type, dict[str, Any]] = {slice_: {} for slice_ in SECTIONS.values()}

    def read(self) -> Iterator[Mistake]:
        """Read every section; a bad one yields its mistakes and hinders no other."""
        yield from unknown_keys(set(self._document) - set(SECTIONS), list(SECTIONS))
        for name, slice_ in SECTIONS.items():
            if name in REPEATED | OPTIONAL:
                tables = self._document.get(name)
                if isinstance(tables, list) and tables:
                    for place, table in enumerate(tables, 1):
                        yield from self._structure(table, slice_, f"{name}[{place}]")
                elif name in self._document or (name in REPEATED and not (name == "declaration" and self.is_local_only)):
                    yield Mistake(name, f"is needed at least once; add [[{name}]], in double brackets")
            elif name in self._document or not required_keys(slice_):
                yield from self._structure(self._document.get(name, {}), slice_, name)
            else:
                yield Mistake(name, f"is missing; add [{name}] with {', '.join(required_keys(slice_))}")

    def _structure(self, table: object, slice_: type, key: str) -> Iterator[Mistake]:
        try:
            self._good[slice_][key] = self._strict.structure(table, slice_)
        except Exception as error:  # noqa: BLE001  # mistakes() sorts it, and raises again what is not the file's fault
            yield from mistakes(error, key)

    @property
    def is_local_only(self) -> bool:
        """Whether nothing is owed at this site, so that it needs no declaration and no employer."""
        site = self._document.get("site")
        return isinstance(site, dict) and site.get("local_only") is True

    def has(self, name: str) -> bool:
        """Whether the file has this section, good or bad."""
        return name in self._document

    def good(self, slice_: type[T]) -> Mapping[str, T]:
        """Every section of this slice that could be read."""
        return self._good[slice_]

    def only(self, slice_: type[T]) -> T:
        """The one section of this slice; only where nothing was wrong."""
        (section,) = self.good(slice_).values()
        return section


def _config(path: Path, draft: _Draft) -> Config:
    return Config(
        path=path,
        site=draft.only(Site),
        employer=draft.only(NamesEmployer).employer,
        declarations=tuple(draft.good(Declaration).values()),
        service=draft.only(Service),
        credentials=tuple(draft.good(Credential).values()),
        store=draft.only(Store),
        control=draft.only(Control),
        clock=draft.only(Clock),
        rules=draft.only(Rules),
        readers=tuple(draft.good(Reader).values()),
        position=draft.only(Position),
        evidence=draft.only(Evidence),
        screen=draft.only(Screen),
        indicator=draft.only(Indicator),
    )


def _across(draft: _Draft) -> Iterator[Mistake]:
    """Everything that is wrong only beside something else."""
    yield from _employers(draft)
    for site in draft.good(Site).values():
        yield from _place(site)
    yield from _declarations(draft.good(Declaration))
    yield from _readers(draft)
    for service in draft.good(Service).values():
        yield from _paths(service)
    yield from _credentials(draft.good(Credential))
    for rules in draft.good(Rules).values():
        if rules.ask_after_hours >= rules.max_shift_hours:
            yield Mistake("rules.ask_after_hours", "is not below max_shift_hours; lower it or raise the other")
    for indicator in draft.good(Indicator).values():
        yield from _indicator(indicator)


def _employers(draft: _Draft) -> Iterator[Mistake]:
    declarations = draft.good(Declaration)
    for key, section in {**draft.good(NamesEmployer), **declarations, **draft.good(Credential)}.items():
        if section.enterprise_number and section.foreign_vat_number:
            yield Mistake(
                f"{key}.foreign_vat_number", "stands beside enterprise_number; an employer has one of them, remove the other"
            )
    nameless = [key for key, declaration in declarations.items() if declaration.employer is None]
    repair = "add enterprise_number or foreign_vat_number"
    if not any(section.employer is None for section in draft.good(NamesEmployer).values()):
        return
    if draft.has("employer"):
        yield Mistake("employer", f"names nobody; {repair}, or remove the section")
    elif nameless and not draft.is_local_only:
        yield Mistake("employer", f"is missing, and {nameless[0]} names none; {repair} here or in each declaration")


def _place(site: Site) -> Iterator[Mistake]:
    if wrong := misplaced(site.latitude, site.longitude):
        yield Mistake("site.latitude", wrong)


def _credentials(credentials: Mapping[str, Credential]) -> Iterator[Mistake]:
    for key, credential in credentials.items():
        if credential.employer is None:
            yield Mistake(key, "names no employer; add enterprise_number or foreign_vat_number, or use [service] for everybody")
    yield from _twice({f"{key}: employer": each.employer for key, each in credentials.items() if each.employer is not None})


def _declarations(declarations: Mapping[str, Declaration]) -> Iterator[Mistake]:
    yield from _twice({f"{key}.number": declaration.number for key, declaration in declarations.items()})
    for key, declaration in declarations.items():
        if (declaration.valid_from or date.min) > (declaration.valid_until or date.max):
            yield Mistake(f"{key}.valid_until", "lies before valid_from; correct one of the two dates")


def _readers(draft: _Draft) -> Iterator[Mistake]:
    readers = draft.good(Reader)
    yield from _twice({f"{key}.name": reader.name for key, reader in readers.items()})
    production = any(service.environment is Environment.PRODUCTION for service in draft.good(Service).values())
    declared = {declaration.number for declaration in draft.good(Declaration).values()}
    for key, reader in readers.items():
        if production and reader.driver is Driver.SIMULATED:
            yield Mistake(
                f"{key}.driver",
                "is simulated, but service.api_url names the production host; use a real reader, or the host of a training service",
            )
        if reader.declaration and declared and reader.declaration not in declared:
            yield Mistake(f"{key}.declaration", "is the number of no [[declaration]] here; add it or correct the number")


def _twice(values: Mapping[str, Hashable]) -> Iterator[Mistake]:
    seen: dict[Hashable, str] = {}
    for key, value in values.items():
        if value in seen:
            yield Mistake(key, f"is the same as {seen[value]}; give each its own, or remove one")
        seen.setdefault(value, key)


def _paths(service: Service) -> Iterator[Mistake]:
    for path in fields(service.paths):
        try:
            url_path(getattr(service.paths, path.name))
        except Wrong as error:
            yield Mistake(f"service.paths.{path.name}", str(error))


def _indicator(indicator: Indicator) -> Iterator[Mistake]:
    if indicator.chip and not indicator.lines:
        yield Mistake("indicator.chip", "has no line that is used; add green, red, white or buzzer, or remove the section")
    yield from _twice({f"indicator.{name}": line for name, line in indicator.lines.items()})


def _files(draft: _Draft, environ: Mapping[str, str]) -> Iterator[Mistake]:
    """Look at every file that the sections name, without reading what is in them."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    credentials = Path(directory) if directory else None
    for store in draft.good(Store).values():
        for what in secret_mistakes(store.key_file, credentials=credentials, size=STORE_KEY_BYTES):
            yield Mistake("store.key_file", what)
    for evidence in draft.good(Evidence).values():
        if evidence.key_file is not None:
            for what in secret_mistakes(evidence.key_file, credentials=credentials):
                yield Mistake("evidence.key_file", what)
    for service in draft.good(Service).values():
        for what in file_mistakes(service.ca_file) if service.ca_file else ():
            yield Mistake("service.ca_file", what)
    signers: dict[str, Service | Credential] = {**draft.good(Service), **draft.good(Credential)}
    for key, signer in signers.items():
        yield from _signer(key, signer, credentials)


def _signer(key: str, signer: Service | Credential, credentials: Path | None) -> Iterator[Mistake]:
    for what in secret_mistakes(signer.private_key, credentials=credentials):
        yield Mistake(f"{key}.private_key", what)
    for what in file_mistakes(signer.certificate) if signer.certificate else ():
        yield Mistake(f"{key}.certificate", what)
