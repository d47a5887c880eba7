"""The configuration's slices for lamps, buttons and identity cards; see ``settings`` for the others."""
# No postponed annotations here: cattrs would resolve them without the rules in ``Annotated``.

from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Annotated

from kiosk.config_checks import Number, Parsed, sha256_list
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Press

#: A line of a GPIO chip.
Line = Annotated[int, Number(0, 511, whole=True)]
Declared = Annotated[DeclarationNumber, Parsed(DeclarationNumber)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """Lamps and buzzer on lines of a GPIO chip; without a chip the box has none."""

    chip: str | None = None
    green: Line | None = None
    red: Line | None = None
    blue: Line | None = None
    white: Line | None = None
    buzzer: Line | None = None
    active_low: bool = False
    night_from: time | None = None
    night_until: time | None = None

    @property
    def night(self) -> tuple[time, time] | None:
        """From when until when the buzzer only ticks, local times; None: never."""
        return None if self.night_from is None or self.night_until is None else (self.night_from, self.night_until)

    @property
    def lines(self) -> dict[str, int]:
        """The lines that are wired, by what hangs on them."""
        wired = {"green": self.green, "red": self.red, "blue": self.blue, "white": self.white, "buzzer": self.buzzer}
        return {name: line for name, line in wired.items() if line is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A push button; it stands for a direction or a declaration, at one reader or at all of them."""

    name: str
    line: Line
    chip: str | None = None
    press: Press | None = None
    declaration: Declared | None = None
    reader: str | None = None
    active_low: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Eid:
    """Why identity cards are read here, and the certificates of the state that prove them, each by its SHA-256."""

    purpose: str | None = None
    roots: tuple[Path, ...] = ()
    fingerprints: Annotated[tuple[str, ...], sha256_list] = ()
