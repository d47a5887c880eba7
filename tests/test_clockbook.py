"""kiosk.clockbook remembers of the clock what the next start must know."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.clockbook import Standing
from kiosk.model import ClockReading

NOW = ClockReading(
    wall_ms=1_793_602_800_000,
    boot_ns=5_000_000_000,
    boot_id="a",
    trusted=True,
    source="kernel",
    bound_ms=12,
    system_ms=1_793_602_800_000,
)


def later(seconds: float, *, step_ms: int = 0) -> ClockReading:
    """A reading so much later, after somebody set the system clock."""
    passed_ms = round(seconds * 1000)
    return replace(
        NOW,
        wall_ms=NOW.wall_ms + passed_ms,
        boot_ns=NOW.boot_ns + passed_ms * 1_000_000,
        system_ms=NOW.wall_ms + passed_ms + step_ms,
    )


@pytest.mark.parametrize(("step_ms", "told"), [(0, 0), (1000, 0), (-1000, 0), (1001, 1001), (-86_400_000, -86_400_000)])
def test_a_step_is_told_beyond_a_second(step_ms: int, told: int) -> None:
    """The system clock against the boot clock, however much time passed between the two looks."""
    before, now = Standing.of(NOW), Standing.of(later(100_000, step_ms=step_ms))
    assert now.stepped_ms(before) == told
    assert now.is_news(before) is (told != 0)


def test_across_a_boot_no_step_is_told() -> None:
    """The boot clock began anew: nobody knows; that it is another boot is news enough."""
    other = Standing.of(replace(later(10, step_ms=5000), boot_id="b"))
    assert other.stepped_ms(Standing.of(NOW)) == 0
    assert other.is_news(Standing.of(NOW))
    assert Standing.of(NOW).is_news(None)


@pytest.mark.parametrize("change", [{"trusted": False}, {"source": "service"}, {"disputed": True}])
def test_whoever_vouches_is_news(change: dict[str, object]) -> None:
    """Trust gained or lost, another source, a dispute."""
    changed = replace(NOW, **change)  # type: ignore[arg-type]  # names true fields
    assert Standing.of(changed).is_news(Standing.of(NOW))
