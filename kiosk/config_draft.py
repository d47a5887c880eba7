"""The sections of the configuration as far as they could be read, each mistake with its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeVar

from cattrs import Converter

from kiosk.config_checks import Mistake, mistakes, required_keys, unknown_keys
from kiosk.device_settings import Button, Eid, Indicator
from kiosk.retention_settings import Retention
from kiosk.settings import (
    Clock,
    Control,
    Credential,
    Declaration,
    Evidence,
    Metrics,
    NamesEmployer,
    Reader,
    Rules,
    Screen,
    Service,
    Store,
)
from kiosk.site_settings import Position, Site

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
    "retention": Retention,
    "screen": Screen,
    "metrics": Metrics,
    "indicator": Indicator,
    "eid": Eid,
    "declaration": Declaration,
    "reader": Reader,
    "credential": Credential,
    "button": Button,
}
#: The sections in double brackets, each needed at least once, and those that may be left out.
REPEATED: Final = frozenset({"declaration", "reader"})
OPTIONAL: Final = frozenset({"credential", "button"})

T = TypeVar("T")


class Draft:
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
