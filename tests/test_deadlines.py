"""kiosk.deadlines says until when something can be corrected, and by whom."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from kiosk.days import bounds
from kiosk.deadlines import UNDATED, Asker, asker, bounds_on, until
from kiosk.identifiers import Employer
from kiosk.model import Capacity, TaskKind
from tests.people import EMPLOYER, OTHER_EMPLOYER

ZONE = ZoneInfo("Europe/Brussels")
DAY = date(2026, 11, 2)


def test_thirty_days_from_the_local_day_of_the_presence() -> None:
    """From its first millisecond to its last by the site's clock, though UTC has another date then."""
    begins, ends = bounds(DAY, ZONE)
    assert {until(TaskKind.MISSING_OUT, at_ms, ZONE) for at_ms in (begins, ends - 1)} == {date(2026, 12, 2)}
    assert until(TaskKind.MISSING_OUT, ends, ZONE) == date(2026, 12, 3)


def test_what_is_no_presence_has_no_last_day() -> None:
    """Nor has what happened at a time that nobody knows."""
    assert [until(kind, 0, ZONE) for kind in UNDATED] == [None] * len(UNDATED)
    assert until(TaskKind.MISSING_OUT, None, ZONE) is None


@pytest.mark.parametrize(("days", "soon", "overdue"), [(22, False, False), (23, True, False), (30, True, False), (31, True, True)])
def test_a_week_before_the_last_day_it_is_soon(days: int, soon: bool, overdue: bool) -> None:  # noqa: FBT001  the expectation
    """The last day still counts; the bounds agree with the days that are shown."""
    today = date(2026, 11, 2 + days - 22) if days < 31 else date(2026, 11, 11)
    about_ms = bounds(date.fromordinal(today.toordinal() - days), ZONE)[0] + 1
    found = bounds_on(today, ZONE)
    assert (about_ms < found.soon_ms, about_ms < found.overdue_ms) == (soon, overdue)
    last = until(TaskKind.HELD, about_ms, ZONE)
    assert last is not None
    assert (last - today).days == 30 - days


@pytest.mark.parametrize(
    ("employer", "own", "capacity", "who"),
    [
        (EMPLOYER, EMPLOYER, Capacity.EMPLOYEE, Asker.OURS),
        (EMPLOYER, EMPLOYER, None, Asker.OURS),
        (OTHER_EMPLOYER, EMPLOYER, Capacity.EMPLOYEE, Asker.EMPLOYER),
        (OTHER_EMPLOYER, EMPLOYER, Capacity.AGENCY, Asker.EMPLOYER),
        (EMPLOYER, EMPLOYER, Capacity.SELF_EMPLOYED, Asker.SELF),
        (None, EMPLOYER, Capacity.EMPLOYEE, Asker.UNKNOWN),
        (OTHER_EMPLOYER, None, Capacity.EMPLOYEE, Asker.UNKNOWN),
    ],
)
def test_who_must_ask(employer: Employer | None, own: Employer | None, capacity: Capacity | None, who: Asker) -> None:
    """Own staff oneself, a subcontractor's worker through his employer, the self-employed themselves; nobody is guessed."""
    assert asker(employer=employer, own=own, capacity=capacity) is who
