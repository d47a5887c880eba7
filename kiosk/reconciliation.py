"""Reconciliation: each day of the book is compared with what the service holds, and nothing is ever sent.

Every day once it is over and its validities had time to come, missed days up to the thirty within which registrations can be
corrected (facts, rsz-service, section 4), and by ``kiosk outbox reconcile``. A day that was not settled is compared again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from threading import Event
from typing import Final, Protocol, assert_never
from zoneinfo import ZoneInfo

from kiosk import daybook, doubles, purging
from kiosk.claims import HOUR_MS
from kiosk.comparison import Comparison, Finding, Kind, Ours, Why, compare, differences
from kiosk.daybook import Term
from kiosk.days import AFTER_DAY_MS, Done, bounds, day_after, due
from kiosk.doubles import Window
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import ClockReading
from kiosk.outbox import Outbox
from kiosk.schedule import Dice, backoff
from kiosk.verdicts import (
    Consulted,
    ConsultVerdict,
    Found,
    NotThere,
    Query,
    SearchFailed,
    SearchUnavailable,
    SearchVerdict,
    ServedRegistration,
)

_log = logging.getLogger(__name__)

#: A day is fetched in parts, so that memory holds a quarter of it; a search shows at most 20,000 registrations.
_PART_MS: Final = 6 * 3_600_000
#: Single looks for rows that a search does not show; beyond them something else is wrong than a row.
_MOST_LOOKS: Final = 50
_UNTRUSTED_SECONDS: Final = 60.0
_IDLE_SECONDS: Final = 900.0
_CAP_SECONDS: Final = 3600.0
_BETWEEN_DAYS_SECONDS: Final = 60.0
#: Failures in a row before another day is tried.
_TRIES: Final = 3


class Consultant(Protocol):
    """What may be asked of the service; none of it changes anything there."""

    def search(self, query: Query) -> SearchVerdict:
        """Look up what the service holds, all pages."""
        ...

    def consult(self, registration_id: int, *, employer: Employer | None) -> ConsultVerdict:
        """Look at one registration with its history."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What the comparison of a day came to.

    Attributes:
        day: The site's date.
        comparison: Equal, unexplained, explained.
        shown: How many registrations the service showed.
        asked: How many searches and looks that took.
    """

    day: date
    comparison: Comparison
    shown: int
    asked: int


@dataclass(slots=True, kw_only=True)
class _Part:
    """Some hours of a day as the service shows them; ``unseen`` are the groups that it could not be asked about."""

    from_ms: int
    to_ms: int
    found: dict[int, ServedRegistration] = field(default_factory=dict)
    unseen: set[bytes] = field(default_factory=set)
    asked: int = 0


class Reconciler:
    """Compares days; safe from several threads, since each comparison stands by itself.

    Args:
        outbox: The book.
        service: Builds or returns the service.
        clock: Reads all clocks.
        zone: The site's time zone: a day is the site's.
        declarations: Those configured; what rows of the day name is searched as well.
        max_shift_hours: How long a stay without an OUT lasts.
    """

    def __init__(
        self,
        outbox: Outbox,
        service: Callable[[], Consultant],
        clock: Callable[[], ClockReading],
        *,
        zone: ZoneInfo,
        declarations: Iterable[DeclarationNumber],
        max_shift_hours: float,
    ) -> None:
        self.outbox = outbox
        self.clock = clock
        self.zone = zone
        self._service = service
        self._declarations = frozenset(declarations)
        self._longest_ms = round(max_shift_hours * HOUR_MS)

    def compare(self, day: date) -> Reconciled | SearchFailed | SearchUnavailable:
        """Compare one day with the service and keep what it came to; anything but ``Reconciled`` has changed nothing."""
        begins_ms, ends_ms = bounds(day, self.zone)
        now_ms = self.clock().wall_ms
        rows = daybook.rows_between(self.outbox, begins_ms, ends_ms)
        terms = daybook.terms_of(self.outbox, rows)
        told = _NOTHING
        stale: dict[int, ServedRegistration] = {}
        shown = asked = 0
        for from_ms in range(begins_ms, ends_ms, _PART_MS):
            to_ms = min(from_ms + _PART_MS, ends_ms)
            part = self._fetch(from_ms, to_ms, terms)
            if not isinstance(part, _Part):
                return part
            here = [row for row in rows if from_ms <= row.at_ms < to_ms]
            seen = [daybook.ours(self.outbox, row, now_ms) for row in here if row.group not in part.unseen]
            came = compare(seen, daybook.theirs(self.outbox, list(part.found.values())))
            stale.update((theirs.registration_id, part.found[theirs.registration_id]) for _, theirs in came.stale)
            waiting = {Why.WAITING: len(here) - len(seen)}
            told = _sum(_sum(told, came), replace(_NOTHING, explained=waiting))
            shown, asked = shown + len(part.found), asked + part.asked
        confirmed = self._confirm(told, stale)
        if not isinstance(confirmed, Comparison):
            return confirmed
        at_ms = self.clock().wall_ms
        daybook.write(self.outbox, rows, confirmed, stale, at_ms=at_ms)
        window = Window(from_ms=begins_ms, to_ms=ends_ms, longest_ms=self._longest_ms)
        doubles.review(self.outbox, window, at_ms=at_ms, holders={row.holder for row in rows})
        if now_ms >= ends_ms + AFTER_DAY_MS:  # a day that is not over yet is not done by this
            daybook.record(self.outbox, day.isoformat(), confirmed, at_ms=at_ms)
        return Reconciled(day=day, comparison=confirmed, shown=shown, asked=asked + _missing(told))

    def whole_from_ms(self) -> int:
        """When the first day begins of which the book is whole, Unix milliseconds UTC; 0 while nothing was purged.

        What went from the book would look as if others had registered it.
        """
        purged_ms = self.outbox.database.read(purging.purged_ms)
        return 0 if purged_ms is None else day_after(purged_ms, self.zone)

    def pass_by(self, day: date) -> bool:
        """Note a day without any row of ours as done, without asking the service; False when there are rows."""
        if daybook.rows_between(self.outbox, *bounds(day, self.zone)):
            return False
        daybook.record(self.outbox, day.isoformat(), _NOTHING, at_ms=self.clock().wall_ms)
        return True

    def _fetch(self, from_ms: int, to_ms: int, terms: Mapping[bytes, Term]) -> _Part | SearchFailed | SearchUnavailable:
        """Everything under these declarations, of every employer: a duplicate may stand under another than ours."""
        part = _Part(from_ms=from_ms, to_ms=to_ms)
        declarations = self._declarations | {declaration for _, declaration in terms.values()}
        for declaration in sorted(declarations, key=lambda each: each.value):
            query = Query(from_ms=from_ms, to_ms=to_ms - 1000, declaration=declaration)
            verdict = self._search(query, part)
            if not (isinstance(verdict, Found) or self._fetch_by_employer(query, verdict, terms, part)):
                return verdict
        return part

    def _fetch_by_employer(
        self, query: Query, verdict: SearchFailed | SearchUnavailable, terms: Mapping[bytes, Term], part: _Part
    ) -> bool:
        """Ask employer by employer where one credential may be what failed: the others' days are compared all the same."""
        groups = {group: term for group, term in terms.items() if term[1] == query.declaration}
        away = isinstance(verdict, SearchFailed) and (verdict.retry_after is not None or not verdict.reachable)
        if away or len(groups) < 2:  # noqa: PLR2004  of one employer nothing is left to tell apart
            return False
        failed = {
            group
            for group, (employer, _) in groups.items()
            if not isinstance(self._search(replace(query, employer=employer), part), Found)
        }
        part.unseen |= failed
        return len(failed) < len(groups)

    def _search(self, query: Query, part: _Part) -> SearchVerdict:
        part.asked += 1
        verdict = self._service().search(query)
        if isinstance(verdict, Found):
            # A service that narrows less than it was asked to must not make strangers of another part's registrations.
            part.found.update(
                (each.registration_id, each) for each in verdict.registrations if part.from_ms <= each.second * 1000 < part.to_ms
            )
        return verdict

    def _confirm(self, told: Comparison, stale: dict[int, ServedRegistration]) -> Comparison | SearchFailed | SearchUnavailable:
        """Look at each row that no search showed by its id: only the service's own "not there" makes it lost.

        Of more than can politely be looked at, the others go by these: one that is there says that the search failed.
        """
        findings = [finding for finding in told.findings if finding.kind is not Kind.ONLY_HERE]
        missing = [(each, each.ours) for each in told.findings if each.kind is Kind.ONLY_HERE and each.ours is not None]
        hides = False
        for finding, row in missing[:_MOST_LOOKS]:
            verdict = self._look(row)
            match verdict:
                case Consulted(registration=served):
                    hides = True
                    told = self._found_after_all(told, row, served, findings, stale)
                case NotThere():
                    findings.append(finding)
                case SearchFailed() | SearchUnavailable():
                    return verdict
                case other:
                    assert_never(other)
        others = [finding for finding, _ in missing[_MOST_LOOKS:]]
        if hides:
            return _sum(replace(told, findings=tuple(findings)), replace(_NOTHING, explained={Why.WAITING: len(others)}))
        return replace(told, findings=(*findings, *others))

    def _look(self, row: Ours) -> ConsultVerdict:
        if row.registration_id is None:
            return NotThere()
        term = daybook.term_of(self.outbox, row.row)
        return self._service().consult(row.registration_id, employer=None if term is None else term[0])

    def _found_after_all(
        self,
        told: Comparison,
        row: Ours,
        served: ServedRegistration,
        findings: list[Finding],
        stale: dict[int, ServedRegistration],
    ) -> Comparison:
        (theirs,) = daybook.theirs(self.outbox, [served])
        stale[served.registration_id] = served
        what = differences(row, theirs)
        if what:
            findings.append(Finding(kind=Kind.DIFFERENT, ours=row, theirs=theirs, what=what))
        return replace(told, equal=told.equal + (not what), stale=(*told.stale, (row, theirs)))


class Reconciliation:
    """The thread that compares each day by itself. It sends nothing; it may die and be started again at any moment.

    Args:
        reconciler: Compares a day.
        dice: Chance, so that not every box asks at the same time.
    """

    def __init__(self, reconciler: Reconciler, *, dice: Dice = random.random) -> None:
        self._reconciler = reconciler
        self._dice = dice
        self._late_ms = round(dice() * AFTER_DAY_MS)  # not every box asks at the same time
        self._failures = 0
        #: Days that could not be compared today: one that never can must not keep the others waiting.
        self._put_off: dict[str, Done] = {}

    def run(self, stop: Event) -> None:
        """Compare what is due until ``stop`` is set."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Compare one day if one is due; returns the seconds after which there may be more to do."""
        reconciler, now = self._reconciler, self._reconciler.clock()
        if not now.trusted:
            return _UNTRUSTED_SECONDS
        outbox = reconciler.outbox
        done = outbox.database.read(partial(daybook.days_done, book=outbox.book))
        first_ms = max(outbox.database.read(partial(daybook.opened_ms, book=outbox.book)), reconciler.whole_from_ms())
        day = due(now.wall_ms - self._late_ms, first_ms, {**done, **self._put_off}, reconciler.zone)
        if day is None:
            return _IDLE_SECONDS
        if reconciler.pass_by(day):
            return 1.0
        came = reconciler.compare(day)
        match came:
            case Reconciled(comparison=comparison):
                self._failures = 0
                self._put_off.pop(day.isoformat(), None)
                _log.info("day reconciled", extra={"day": day.isoformat(), **counts(comparison)})
                return _BETWEEN_DAYS_SECONDS * (1 + self._dice())
            case SearchFailed(retry_after=asked):
                wait = backoff(self._failures, cap_seconds=_CAP_SECONDS, asked_seconds=asked, dice=self._dice)
                self._failures += 1
                if self._failures % _TRIES == 0:
                    self._put_off[day.isoformat()] = Done(at_ms=now.wall_ms, unsettled=1)
                return max(wait, _BETWEEN_DAYS_SECONDS)
            case SearchUnavailable(why=why):
                _log.warning("day can't be reconciled", extra={"day": day.isoformat(), "why": why})
                self._put_off[day.isoformat()] = Done(at_ms=now.wall_ms, unsettled=1)
                return _CAP_SECONDS
            case other:
                assert_never(other)


def counts(told: Comparison) -> dict[str, int]:
    """How many of each, and how much of it is not settled."""
    found = {kind.value: sum(finding.kind is kind for finding in told.findings) for kind in Kind}
    return {"equal": told.equal, **found, "unsettled": daybook.unsettled(told)}


_NOTHING: Final = Comparison(equal=0, findings=(), explained={}, stale=())


def _sum(one: Comparison, other: Comparison) -> Comparison:
    return Comparison(
        equal=one.equal + other.equal,
        findings=one.findings + other.findings,
        explained={why: count for why in Why if (count := one.explained.get(why, 0) + other.explained.get(why, 0))},
        stale=one.stale + other.stale,
    )


def _missing(told: Comparison) -> int:
    return min(_MOST_LOOKS, sum(finding.kind is Kind.ONLY_HERE for finding in told.findings))
