"""kiosk.attendance makes a payroll's month of what was tapped, and of nothing else."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.attendance import NOT_OWED, Channel, Gap, Line, Mark, Month, day_of_line, days, is_alone, lines, sums
from kiosk.model import Direction, State

ZONE = ZoneInfo("Europe/Brussels")
HOUR = 3600
MARCH = Month(first=date(2026, 3, 1), zone=ZONE, now=2_000_000_000, longest_seconds=14 * HOUR)
OCTOBER = Month(first=date(2026, 10, 1), zone=ZONE, now=2_000_000_000, longest_seconds=14 * HOUR)
NOVEMBER = Month(first=date(2026, 11, 1), zone=ZONE, now=2_000_000_000, longest_seconds=14 * HOUR)


def at(local: str) -> int:
    """The second of a local time; of the hour that comes twice, the first."""
    return round(datetime.fromisoformat(local).replace(tzinfo=ZONE).timestamp())


def came(local: str, holder: int = 1, **changes: Any) -> Mark:
    return Mark(holder=holder, direction=Direction.IN, second=at(local), state=State.ACCEPTED, **changes)


def left(local: str, holder: int = 1, **changes: Any) -> Mark:
    return Mark(holder=holder, direction=Direction.OUT, second=at(local), state=State.ACCEPTED, **changes)


def test_a_stay_is_a_line_with_its_length() -> None:
    """The OUT closes the IN right before it."""
    begun, ended = came("2026-11-02T07:00:00"), left("2026-11-02T15:30:00")
    assert lines([ended, begun], NOVEMBER) == [Line(begun=begun, ended=ended, seconds=8 * HOUR + 1800)]


def test_a_missing_out_stays_missing() -> None:
    """The stay has no length, the one after it does, and the sum says that a gap is in it."""
    told = lines([came("2026-11-02T07:00:00"), came("2026-11-03T07:00:00"), left("2026-11-03T15:00:00")], NOVEMBER)
    assert [(line.gap, line.seconds) for line in told] == [(Gap.NO_OUT, None), (None, 8 * HOUR)]
    assert [(each.stays, each.seconds, each.gaps) for each in sums(told)] == [(1, 8 * HOUR, 1)]


def test_a_missing_in_stays_missing() -> None:
    """An OUT with nothing before it is a line without length, on its own day."""
    told = lines([left("2026-11-02T15:00:00")], NOVEMBER)
    assert [(line.begun, line.gap, line.seconds, day_of_line(line, ZONE)) for line in told] == [
        (None, Gap.NO_IN, None, date(2026, 11, 2))
    ]


def test_whoever_is_inside_has_forgotten_nothing_yet() -> None:
    """Up to the longest shift the OUT may still come; from then on it is missing."""
    now = Month(first=date(2026, 11, 1), zone=ZONE, now=at("2026-11-02T21:00:00"), longest_seconds=14 * HOUR)
    later = Month(first=date(2026, 11, 1), zone=ZONE, now=at("2026-11-02T21:00:01"), longest_seconds=14 * HOUR)
    assert [line.gap for line in lines([came("2026-11-02T07:00:00")], now)] == [Gap.STILL_IN]
    assert [line.gap for line in lines([came("2026-11-02T07:00:00")], later)] == [Gap.NO_OUT]


def test_a_break_is_counted_from_its_out_to_the_next_in() -> None:
    """It is no presence; a break that nobody came back from the same shift has no length."""
    marks = [
        came("2026-11-02T07:00:00"), left("2026-11-02T12:00:00", is_break=True), came("2026-11-02T12:30:00"),
        left("2026-11-02T15:00:00"), came("2026-11-03T07:00:00"), left("2026-11-03T12:00:00", is_break=True),
        came("2026-11-04T07:00:00"), left("2026-11-04T08:00:00"),
    ]  # fmt: skip
    told = lines(marks, NOVEMBER)
    assert [line.break_seconds for line in told] == [1800, None, None, None]
    assert [(each.seconds, each.break_seconds) for each in sums(told)] == [(13 * HOUR + 1800, 1800)]


def test_a_night_shift_is_one_line_and_two_days() -> None:
    """It belongs to the day on which it began, and each day has its own hours of it."""
    told = lines([came("2026-11-02T22:00:00"), left("2026-11-03T06:00:00")], NOVEMBER)
    assert [(day_of_line(line, ZONE), line.seconds) for line in told] == [(date(2026, 11, 2), 8 * HOUR)]
    assert days(told, NOVEMBER) == {(1, date(2026, 11, 2)): 2 * HOUR, (1, date(2026, 11, 3)): 6 * HOUR}


def test_a_shift_across_the_border_of_two_months_is_in_both_with_its_share() -> None:
    """Nothing of it is counted twice, and none of it lost."""
    marks = [came("2026-10-31T22:00:00"), left("2026-11-01T06:00:00")]
    assert [line.seconds for line in lines(marks, OCTOBER)] == [2 * HOUR]
    assert [line.seconds for line in lines(marks, NOVEMBER)] == [6 * HOUR]


@pytest.mark.parametrize(("month", "day", "hours"), [(MARCH, 29, 23), (OCTOBER, 25, 25), (NOVEMBER, 2, 24)])
def test_a_day_has_the_hours_that_its_clock_gives_it(month: Month, day: int, hours: int) -> None:
    """Whoever stays from midnight to midnight was there for 23 hours in spring and for 25 in autumn."""
    first = month.first.replace(day=day).isoformat()
    told = lines([came(f"{first}T00:00:00"), left(f"{month.first.replace(day=day + 1).isoformat()}T00:00:00")], month)
    assert days(told, month) == {(1, month.first.replace(day=day)): hours * HOUR}


def test_a_switch_of_declaration_is_two_lines() -> None:
    """The OUT and the IN of one second follow each other in the order of their rows."""
    marks = [
        came("2026-11-02T07:00:00", row=1, declaration="a"), came("2026-11-02T09:00:00", row=3, declaration="b"),
        left("2026-11-02T09:00:00", row=2, declaration="a"), left("2026-11-02T10:00:00", row=4, declaration="b"),
    ]  # fmt: skip
    told = lines(marks, NOVEMBER)
    assert [(line.key, line.seconds) for line in told] == [
        ((1, None, None, "a"), 2 * HOUR),
        ((1, None, None, "b"), HOUR),
    ]
    assert [each.key[3] for each in sums(told)] == ["a", "b"]


def test_what_moves_nobody_is_told_by_itself() -> None:
    """A cancelled, undated or unconfirmed tap ends no stay and begins none; what is undated is told in any month."""
    marks = [
        came("2026-11-02T07:00:00"), left("2026-11-02T09:00:00", alone=Gap.CANCELLED), left("2026-11-02T10:00:00"),
        came("1970-01-01T01:00:00", alone=Gap.NO_TIME), came("2026-11-03T10:00:00", alone=Gap.NOT_CONFIRMED),
    ]  # fmt: skip
    told = lines(marks, NOVEMBER)
    assert sorted((line.gap or "", line.seconds) for line in told) == [
        ("", 3 * HOUR), ("cancelled", None), ("no_time", None), ("not_confirmed", None),
    ]  # fmt: skip
    assert day_of_line(told[0], ZONE) is None
    assert sums(told)[0].gaps == 2


def test_people_are_apart() -> None:
    """Nobody's OUT closes another's stay, and what lies outside the month is not told."""
    told = lines([came("2026-11-02T07:00:00", 2), left("2026-11-02T09:00:00", 1), came("2026-12-01T00:00:00", 3)], NOVEMBER)
    assert [(line.mark.holder, line.gap) for line in told] == [(1, Gap.NO_IN), (2, Gap.NO_OUT)]


def test_why_a_registration_moves_nobody() -> None:
    """Cancelled goes before all else; any other state of a dated and confirmed one moves its person."""
    assert is_alone(State.CANCELLED, timed=False, confirmed=False) is Gap.CANCELLED
    assert is_alone(State.HELD, timed=False, confirmed=True) is Gap.NO_TIME
    assert is_alone(State.HELD, timed=True, confirmed=False) is Gap.NOT_CONFIRMED
    assert {is_alone(state, timed=True, confirmed=True) for state in (State.REFUSED, State.UNKNOWN, NOT_OWED)} == {None}


def test_a_line_of_nothing_is_nobodys() -> None:
    """It has neither an IN nor an OUT."""
    with pytest.raises(ValueError, match="an IN or an OUT"):
        _ = Line(begun=None, ended=None).mark


FIRST, END = OCTOBER.span
MARKS = st.lists(
    st.builds(
        Mark,
        holder=st.integers(1, 3),
        direction=st.sampled_from(Direction),
        second=st.integers(FIRST - 3 * 24 * HOUR, END + 3 * 24 * HOUR),
        state=st.sampled_from([*State, NOT_OWED]),
        channel=st.sampled_from(Channel),
        is_break=st.booleans(),
        declaration=st.sampled_from([None, "a", "b"]),
        alone=st.sampled_from([None, None, None, *(Gap.CANCELLED, Gap.NO_TIME)]),
    ),
    max_size=40,
    unique_by=lambda mark: mark.second,
)


@given(MARKS)
def test_the_sum_of_a_month_is_that_of_its_stays_and_of_its_days(marks: list[Mark]) -> None:
    """To the second, for everybody, however the taps lie, in the month whose clock goes back."""
    told = lines(marks, OCTOBER)
    whole = sum(line.seconds or 0 for line in told)
    shares = days(told, OCTOBER)
    assert sum(each.seconds for each in sums(told)) == whole == sum(shares.values())
    assert all(day.month == 10 and 0 < seconds <= (25 if day.day == 25 else 24) * HOUR for (_, day), seconds in shares.items())


@given(MARKS)
def test_nothing_is_invented_and_nothing_left_out(marks: list[Mark]) -> None:
    """Every end of a line is a tap, each is told once, and only what has both ends has a length."""
    told = lines(marks, OCTOBER)
    ends = [mark for line in told for mark in (line.begun, line.ended) if mark is not None]
    assert all(mark in marks for mark in ends)
    assert len(ends) == len({(mark.holder, mark.second) for mark in ends})
    expected = {(mark.holder, mark.second) for mark in marks if FIRST <= mark.second < END or mark.alone is Gap.NO_TIME}
    assert expected <= {(mark.holder, mark.second) for mark in ends}
    for line in told:
        assert (line.seconds is None) == (line.gap is not None)
        assert line.seconds is None or (line.begun is not None and line.ended is not None)


@given(MARKS)
def test_two_months_share_what_lies_across_their_border(marks: list[Mark]) -> None:
    """The seconds of both together are those of the stays that lie in either."""
    both = [lines(marks, month) for month in (OCTOBER, NOVEMBER)]
    stays = {
        (line.begun.second, line.ended.second, line.mark.holder)
        for told in both
        for line in told
        if line.begun is not None and line.ended is not None and line.seconds is not None
    }
    end = NOVEMBER.span[1]
    expected = sum(max(0, min(out, end) - max(begun, FIRST)) for begun, out, _ in stays)
    assert sum(line.seconds or 0 for told in both for line in told) == expected
