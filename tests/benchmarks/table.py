"""The figures of a run, and how they are printed: what was measured, what was hoped for, and where the build fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_HEADS: Final = ("quantity", "measured", "goal", "limit", "against")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table.

    Attributes:
        quantity: What was measured.
        measured: The number that is judged.
        unit: What stands behind the number.
        goal: What it shall become, or None; never fails a build.
        limit: Above this the build fails, or None for a figure that is only printed.
        against: The floor or peer of the same run, with its own figure.
        digits: Decimals.
    """

    quantity: str
    measured: float
    unit: str = ""
    goal: float | None = None
    limit: float | None = None
    against: str = ""
    digits: int = 2

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as text; a missed goal is marked."""
        missed = " missed" if self.goal is not None and self.measured > self.goal else ""
        return (
            self.quantity,
            self._text(self.measured) + self.unit,
            self._text(self.goal) + missed,
            self._text(self.limit),
            self.against,
        )

    def _text(self, number: float | None) -> str:
        return "-" if number is None else f"{number:.{self.digits}f}"


@dataclass
class Table:
    """Collects the figures in the order in which they were measured."""

    figures: list[Figure] = field(default_factory=list)

    def judge(self, figure: Figure) -> None:
        """Print a figure with the others at the end; fails past its limit."""
        self.figures.append(figure)
        assert figure.limit is None or figure.measured <= figure.limit, " | ".join(figure.cells)

    def lines(self) -> list[str]:
        """Return the table in columns."""
        rows = [_HEADS, *(figure.cells for figure in self.figures)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
