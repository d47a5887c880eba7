from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from kiosk.days import Done, bounds, day_after, due

ZONE = ZoneInfo("Europe/Brussels")
HOUR_MS = 3_600_000


def _at(day: date, hour: float) -> int:
    return bounds(day, ZONE)[0] + round(hour * HOUR_MS)


def test_the_oldest_day_that_was_not_compared_comes_first() -> None:
    """Over for two hours, within thirty days, and not before the book began."""
    opened = _at(date(2026, 11, 2), 9)
    done = {"2026-11-02": Done(at_ms=_at(date(2026, 11, 3), 3), unsettled=0)}
    assert due(_at(date(2026, 11, 3), 1.9), opened, {}, ZONE) is None
    assert due(_at(date(2026, 11, 3), 2.1), opened, {}, ZONE) == date(2026, 11, 2)
    assert due(_at(date(2026, 11, 3), 23), opened, done, ZONE) is None
    assert due(_at(date(2026, 11, 5), 3), opened, done, ZONE) == date(2026, 11, 3)
    assert due(_at(date(2027, 2, 1), 3), opened, {}, ZONE) == date(2027, 1, 2)


def test_a_day_that_was_not_settled_is_compared_again_once_a_day() -> None:
    """What was still on its way, or differed, may be in order now."""
    opened = _at(date(2026, 11, 2), 9)
    done = {"2026-11-02": Done(at_ms=_at(date(2026, 11, 3), 3), unsettled=1)}
    assert due(_at(date(2026, 11, 3), 23), opened, done, ZONE) is None
    assert due(_at(date(2026, 11, 4), 2.1), opened, done, ZONE) == date(2026, 11, 2)


def test_the_day_after_begins_at_local_midnight() -> None:
    """Also after the long day on which summer time ends."""
    long_day = date(2026, 10, 25)
    for hour in (0, 0.5, 24.9):
        assert day_after(_at(long_day, hour), ZONE) == _at(date(2026, 10, 26), 0)
