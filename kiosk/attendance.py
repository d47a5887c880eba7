"""A month's presences as lines, days and sums, for payroll: what was tapped, and every gap as a gap. Pure.

Nothing is filled in: a stay without its OUT has no length. Registrations carry whole seconds, and so do lines: a sum is
exactly that of its lines. A stay belongs to the local day on which it began, in both months where it crosses their border, with
the share that lies in each; days have the 23 to 25 hours that the site's clock gives them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.days import bounds, day_of
from kiosk.model import Direction, State

#: What a mark has for a state where no registration was owed.
NOT_OWED: Final = "local"
#: Registrations on either side of a month are looked at that far, so that a stay across its border is whole; no shift is longer.
MARGIN: Final = timedelta(days=4)


class Channel(StrEnum):
    """Where a presence was registered: at this box, or elsewhere (a telephone), as the service showed it."""

    BOX = "box"
    OTHER = "other"


class Gap(StrEnum):
    """Why a line has no length."""

    NO_IN = "no_in"
    NO_OUT = "no_out"
    STILL_IN = "still_in"
    NO_TIME = "no_time"
    NOT_CONFIRMED = "not_confirmed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One IN or OUT.

    Attributes:
        holder: The person's number.
        direction: in or out.
        second: When, whole seconds of Unix time, as registered.
        state: Of its registration, or ``NOT_OWED``.
        channel: Where it was registered.
        row: Its number in its table; orders what happened within one second.
        is_break: Whether the break button came before it.
        linked: Whether it is the past tap of a card that was linked later, and was confirmed by its person.
        alone: Why it is told by itself and is no end of a stay, or None.
        site: Where, if that is not where the box stands now.
        declaration: For which works, or None.
        employer: For whom, or None.
    """

    holder: int
    direction: Direction
    second: int
    state: str
    channel: Channel = Channel.BOX
    row: int = 0
    is_break: bool = False
    linked: bool = False
    alone: Gap | None = None
    site: str | None = None
    declaration: str | None = None
    employer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A calendar month at a site.

    Attributes:
        first: Its first day.
        zone: The site's time zone.
        now: The second of looking, Unix time: nobody who came in before the longest shift has yet forgotten his OUT.
        longest_seconds: The longest shift.
    """

    first: date
    zone: ZoneInfo
    now: int
    longest_seconds: int

    @property
    def next(self) -> date:
        """The first day of the month after."""
        return (self.first + timedelta(days=31)).replace(day=1)

    @property
    def span(self) -> tuple[int, int]:
        """When it begins and when the next one does, whole seconds of Unix time."""
        return bounds(self.first, self.zone)[0] // 1000, bounds(self.next, self.zone)[0] // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One stay, or what there is of one.

    Attributes:
        begun: Its IN, or None.
        ended: Its OUT, or None.
        gap: Why it has no length, or None where it has one.
        seconds: How long it was within the month; None where a gap is.
        break_seconds: How long the break was that it ended in; None without one, or while nobody came back from it.
    """

    begun: Mark | None
    ended: Mark | None
    gap: Gap | None = None
    seconds: int | None = None
    break_seconds: int | None = None

    @property
    def mark(self) -> Mark:
        """What tells whose it is, and for which works: its IN where there is one."""
        found = self.begun or self.ended
        if found is None:
            raise ValueError("a line has an IN or an OUT")
        return found

    @property
    def key(self) -> tuple[int, str | None, str | None, str | None]:
        """What it is summed by: holder, site, employer, declaration."""
        mark = self.mark
        return mark.holder, mark.site, mark.employer, mark.declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What a person's lines of one site, employer and declaration come to; ``gaps`` of them have no length."""

    key: tuple[int, str | None, str | None, str | None]
    stays: int
    seconds: int
    break_seconds: int
    gaps: int


def lines(marks: Iterable[Mark], month: Month) -> list[Line]:
    """Make the lines of a month, by holder and time.

    Args:
        marks: Everything from ``MARGIN`` before the month to ``MARGIN`` after it, in any order.
        month: Which.
    """
    people: dict[int, list[Mark]] = defaultdict(list)
    for mark in marks:
        people[mark.holder].append(mark)
    return [line for _, own in sorted(people.items()) for line in _of_one(own, month)]


def _of_one(marks: Sequence[Mark], month: Month) -> Iterator[Line]:
    """One person's; an OUT and an IN of the same second are a switch, in the order of their rows."""
    told = [_alone(mark) for mark in marks if mark.alone is not None]
    stays = list(_paired(sorted((mark for mark in marks if mark.alone is None), key=lambda mark: (mark.second, mark.row)), month))
    told += [_measured(line, after, month) for line, after in zip(stays, [*stays, None][1:], strict=True)]
    return (line for line in sorted(told, key=lambda line: line.mark.second) if _belongs(line, month))


def _alone(mark: Mark) -> Line:
    came = mark.direction is Direction.IN
    return Line(begun=mark if came else None, ended=None if came else mark, gap=mark.alone)


def _paired(marks: Sequence[Mark], month: Month) -> Iterator[Line]:
    """Each OUT closes the IN right before it, and no other one."""
    inside: Mark | None = None
    for mark in marks:
        if mark.direction is Direction.IN:
            if inside is not None:
                yield Line(begun=inside, ended=None, gap=Gap.NO_OUT)
            inside = mark
        else:
            yield Line(begun=inside, ended=mark, gap=Gap.NO_IN if inside is None else None)
            inside = None
    if inside is not None:
        still = month.now - inside.second <= month.longest_seconds
        yield Line(begun=inside, ended=None, gap=Gap.STILL_IN if still else Gap.NO_OUT)


def _measured(line: Line, after: Line | None, month: Month) -> Line:
    """The line with its lengths within the month."""
    begun, ended = line.begun, line.ended
    seconds = None if begun is None or ended is None else _within(begun.second, ended.second, month)
    pause = None
    if ended is not None and ended.is_break and after is not None and after.begun is not None:
        pause = _within(ended.second, after.begun.second, month) if _returned(ended, after.begun, month) else None
    return Line(begun=begun, ended=ended, gap=line.gap, seconds=seconds, break_seconds=pause)


def _returned(left: Mark, came: Mark, month: Month) -> bool:
    """Whether an IN ends the break that an OUT began: the next day's first IN does not."""
    return came.second - left.second <= month.longest_seconds


def _within(begun: int, ended: int, month: Month) -> int:
    first, end = month.span
    return max(0, min(ended, end) - max(begun, first))


def _belongs(line: Line, month: Month) -> bool:
    """Whether a line has to do with this month; what has no time has to do with every month that it may lie in."""
    first, end = month.span
    if line.gap is Gap.NO_TIME:
        return True
    marks = [mark.second for mark in (line.begun, line.ended) if mark is not None]
    return min(marks) < end and max(marks) >= first


def day_of_line(line: Line, zone: ZoneInfo) -> date | None:
    """The local day on which it began; None where its time is not known."""
    return None if line.gap is Gap.NO_TIME else day_of(line.mark.second * 1000, zone)


def days(told: Iterable[Line], month: Month) -> Mapping[tuple[int, date], int]:
    """The seconds of each person on each local day of the month; a night shift is shared out at midnight."""
    shares: dict[tuple[int, date], int] = defaultdict(int)
    first, end = month.span
    for line in told:
        if line.begun is None or line.ended is None or line.seconds is None:
            continue
        at, until = max(line.begun.second, first), min(line.ended.second, end)
        while at < until:
            day = day_of(at * 1000, month.zone)
            turn = min(until, bounds(day, month.zone)[1] // 1000)
            shares[line.mark.holder, day] += turn - at
            at = turn
    return dict(sorted(shares.items()))


def sums(told: Iterable[Line]) -> list[Sum]:
    """What the lines come to, by holder, site, employer and declaration."""
    groups: dict[tuple[int, str | None, str | None, str | None], list[Line]] = defaultdict(list)
    for line in told:
        groups[line.key].append(line)
    return [
        Sum(
            key=key,
            stays=sum(line.seconds is not None for line in own),
            seconds=sum(line.seconds or 0 for line in own),
            break_seconds=sum(line.break_seconds or 0 for line in own),
            gaps=sum(line.gap is not None and line.gap is not Gap.CANCELLED for line in own),
        )
        for key, own in sorted(groups.items(), key=lambda each: (each[0][0], *(part or "" for part in each[0][1:])))
    ]


def is_alone(state: str, *, timed: bool, confirmed: bool) -> Gap | None:
    """Why a registration moves nobody on a payroll's page, or None: cancelled, not dated, or linked and not confirmed."""
    if state == State.CANCELLED:
        return Gap.CANCELLED
    if not timed:
        return Gap.NO_TIME
    return None if confirmed else Gap.NOT_CONFIRMED
