"""What the service sees when five hundred kiosks have power or network again."""

from __future__ import annotations

import pytest

from tests.benchmarks.table import Figure, Table
from tests.fleet import HOUR, KIOSKS, Fleet

_GOAL = _LIMIT = 1.2

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize(("name", "back", "booted"), [("power back", 0.0, True), ("network back", HOUR, False)])
def test_a_fleet_comes_back_evenly(table: Table, name: str, back: float, *, booted: bool) -> None:
    """In ten-second bins the service sees at most 1.2 times the mean rate: the worst of ten fleets."""
    worst = max((Fleet(seed, back, booted).run() for seed in range(10)), key=Fleet.peak_to_mean)
    table.judge(
        Figure(
            quantity=f"T15 fleet of {KIOSKS}, {name}: peak to mean",
            measured=worst.peak_to_mean(),
            unit="x",
            goal=_GOAL,
            limit=_LIMIT,
            against=f"calls in 10 s: {worst.bins}",
        )
    )
