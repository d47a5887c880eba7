"""Delivery: what is due is sent, the verdict settled, the unknown looked up; then how long to wait.

``step`` does one piece of work and says when to come again; ``run`` is the thread round it. Whatever raises here ends
the process: the rows that were in flight are unknown at the next start, and nothing is lost (design, sections 4, 7).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Condition, Event, Lock
from typing import Final, Protocol, assert_never

from kiosk import claims, groups, lookups, settling
from kiosk.claims import Batch, Claims, Terms
from kiosk.contact import Contact, Pace, ServiceStatus
from kiosk.errors import Declined, StoreFull
from kiosk.lookups import Lookup, Searched
from kiosk.model import ClockReading, Registration
from kiosk.outbox import Outbox, recover
from kiosk.schedule import Dice
from kiosk.verdicts import (
    Ambiguous,
    Answered,
    CallRefused,
    CallVerdict,
    Created,
    Found,
    Misconfigured,
    NotNow,
    NotSent,
    Query,
    SearchFailed,
    SearchUnavailable,
    SearchVerdict,
    TooLarge,
)

_log = logging.getLogger(__name__)

_IDLE_SECONDS: Final = 600.0
#: While rows are unknown: an earlier one delays its person's later rows only for a while, and that while ends unseen.
_UNKNOWN_SECONDS: Final = 60.0
_UNTRUSTED_SECONDS: Final = 10.0
_FULL_SECONDS: Final = 10.0
#: When the moment has just come between two looks at the clock.
_SHORTEST_SECONDS: Final = 0.01
#: How long a verb waits for the call that is under way.
_BUSY_SECONDS: Final = 10.0


class Service(Protocol):
    """What delivery asks of the service; a call's failures are values, never raised."""

    def register(self, registrations: Sequence[Registration]) -> CallVerdict:
        """Send registrations of one employer and one declaration."""
        ...

    def search(self, query: Query) -> SearchVerdict:
        """Look up what the service holds, all pages."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """Delivery's own slice of ``[service]`` and ``[rules]``.

    Attributes:
        batch_size: Rows in a call, at most 200.
        settle_seconds: Between the end of an unknown call and a search that counts, and between two such searches.
        order_wait_minutes: How long an unknown row delays its person's later ones.
        late_after_minutes: Rows older than this at their first send are held; None: ``late_policy = "send"``.
        pace: The caps of the waits.
    """

    batch_size: int = 100
    settle_seconds: float = 60
    order_wait_minutes: float = 10
    late_after_minutes: float | None = None
    pace: Pace = field(default_factory=Pace)


class Delivery:
    """The back door: the only one who sends registrations. ``step`` and ``run`` belong to one thread, the rest to any.

    Args:
        outbox: The book.
        service_factory: Builds or returns the service; asked at the first row that is due, so that nothing heavy is
            imported before, and at each call, so that a key that was repaired is used.
        clock: Reads all clocks.
        settings: See there.
        dice: Chance for the waits.
        accepted: Called after the service accepted something.
    """

    def __init__(
        self,
        outbox: Outbox,
        service_factory: Callable[[], Service],
        clock: Callable[[], ClockReading],
        settings: DeliverySettings,
        *,
        dice: Dice = random.random,
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._outbox = outbox
        self._service_factory = service_factory
        self._clock = clock
        self._settings = settings
        self._claims = Claims(outbox)
        self._contact = Contact(settings.pace, dice, _boot(clock()))
        self._size = settings.batch_size
        self._offset_ms: float | None = None
        self._accepted = accepted
        self._untidy = True
        self._astray = False
        self._busy = Lock()
        self._bell = Condition()
        self._rung = False

    def status(self) -> ServiceStatus:
        """How it stands with the service."""
        return self._contact.status

    def nudge(self) -> None:
        """Look for due work now instead of at the end of the wait; never shortens a backoff. Also call it after ``stop``."""
        with self._bell:
            self._rung = True
            self._bell.notify_all()

    def search_now(self, row: int) -> str:
        """Look one unknown row up at the service now.

        Returns:
            What came of it in a few words; a ``lookups.Finding`` where the service answered.

        Raises:
            Declined: A call is under way.
        """
        if not self._busy.acquire(timeout=_BUSY_SECONDS):
            raise Declined("a call is under way", repair="try again")
        try:
            now = self._clock()
            if not now.trusted:
                return "the clock is not trusted yet: nothing can be asked"
            self._watch_clock(now)
            lookup = lookups.one(self._outbox, row, now.wall_ms)
            words = {} if lookup is None else self._search(lookup)
        finally:
            self._busy.release()
        self.nudge()
        return words.get(row, "this registration is not unknown any more")

    def run(self, stop: Event) -> None:
        """Deliver until ``stop`` is set and ``nudge`` was called; raises whatever a step raises but a full store."""
        while not stop.is_set():
            try:
                wait = self.step()
            except StoreFull:
                # Taps go on being answered, red. A verdict that could not be written is looked up like a lost one.
                self._astray, wait = True, _FULL_SECONDS
            with self._bell:
                self._bell.wait_for(lambda: self._rung or stop.is_set(), timeout=wait)
                self._untidy = self._untidy or self._rung
                self._rung = False

    def step(self) -> float:
        """Do one piece of work; returns the seconds after which there may be more, 0 for at once."""
        with self._busy:
            if self._astray:
                self._outbox.database.write(partial(recover, book=self._outbox.book))
                self._astray, self._offset_ms = False, None
            if self._untidy:
                self._untidy = groups.tidy(self._outbox)
                return 0.0
            now = self._clock()
            if not now.trusted:
                return _UNTRUSTED_SECONDS  # nothing is sent and no assertion signed (design, section 7)
            self._watch_clock(now)
            if self._look_up(now) or self._deliver(now):
                return 0.0
            return self._wait()

    def _look_up(self, now: ClockReading) -> bool:
        if _boot(now) < self._contact.search_from:
            return False
        lookup = lookups.due(self._outbox, now.wall_ms)
        if lookup is not None:
            self._search(lookup)
        return lookup is not None

    def _deliver(self, now: ClockReading) -> bool:
        if _boot(now) < self._contact.send_from:
            return False
        late = self._settings.late_after_minutes
        terms = Terms(
            now_ms=now.wall_ms,
            size=1 if self._contact.shrunk else self._size,
            order_wait_ms=round(self._settings.order_wait_minutes * 60_000),
            late_after_ms=None if late is None else round(late * 60_000),
        )
        batch = self._claims.next(terms) or self._claims.probe(terms)
        if batch is not None:
            verdict = self._service_factory().register([row.registration for row in batch.rows])
            self._settle(batch, verdict)
        return batch is not None

    def _settle(self, batch: Batch, verdict: CallVerdict) -> None:
        now = self._clock()
        at_ms = now.wall_ms
        match verdict:
            case Answered(items=items) if len(items) == len(batch.rows):
                settling.answered(self._outbox, batch, verdict, at_ms=at_ms)
                self._contact.answered(at_ms)
                self._accepted()
                self._untidy = batch.probe or not all(isinstance(item, Created) for item in items)
            case Answered():
                self._lose(batch, "an answer to another number of items", now)
            case Ambiguous(why=why):
                self._lose(batch, why, now)
            case NotSent(why=why, reachable=reachable, retry_after=asked):
                settling.put_back(self._outbox, batch, sent_ms=None)
                self._contact.failed(_boot(now), why, reachable=reachable, asked=asked)
                self._contact.hold_searches()
            case NotNow(why=why, retry_after=asked):
                settling.put_back(self._outbox, batch, sent_ms=at_ms)
                self._contact.failed(_boot(now), why, asked=asked)
                self._contact.hold_searches()
            case CallRefused() | TooLarge():
                self._settle_refusal(batch, verdict, at_ms)
            case Misconfigured():
                self._settle_fault(batch, verdict, now)
            case other:
                assert_never(other)

    def _lose(self, batch: Batch, why: str, now: ClockReading) -> None:
        search_ms = now.wall_ms + self._settle_ms
        settling.lost(self._outbox, batch, at_ms=now.wall_ms, search_ms=search_ms, suspect=self._contact.works)
        self._contact.failed(_boot(now), why)
        _log.warning("unknown", extra={"rows": len(batch.rows), "why": why})

    def _settle_refusal(self, batch: Batch, verdict: CallRefused | TooLarge, at_ms: int) -> None:
        if isinstance(verdict, TooLarge) and len(batch.rows) > 1:
            self._size = (len(batch.rows) + 1) // 2  # remembered until the next start
            settling.put_back(self._outbox, batch, sent_ms=at_ms)
            self._contact.refused("a call was too large")
            return
        refusal = CallRefused(reason="payloadTooLarge") if isinstance(verdict, TooLarge) else verdict
        settling.call_refused(self._outbox, batch, refusal, at_ms=at_ms)
        self._contact.refused(refusal.reason)
        self._untidy = True

    def _settle_fault(self, batch: Batch, verdict: Misconfigured, now: ClockReading) -> None:
        if verdict.employer_only:
            settling.pause_group(self._outbox, batch, verdict.why, at_ms=now.wall_ms)
            self._contact.refused(verdict.why)
            self._untidy = True
            return
        settling.put_back(self._outbox, batch, sent_ms=None)
        self._contact.misconfigured(_boot(now), verdict.why)
        self._contact.hold_searches()

    def _search(self, lookup: Lookup) -> Mapping[int, str]:
        """Search, settle what it shows, and return what it came to for each row, in words."""
        started_ms = self._clock().wall_ms
        verdict = self._service_factory().search(lookup.query)
        now = self._clock()
        match verdict:
            case Found():
                self._contact.searched()
                self._untidy = True
                searched = Searched(started_ms=started_ms, ended_ms=now.wall_ms, settle_ms=self._settle_ms)
                return lookups.settle(self._outbox, lookup, verdict, searched)
            case SearchFailed(why=why, retry_after=asked):
                self._contact.search_failed(_boot(now), why, asked)
                lookups.postpone(self._outbox, lookup, until_ms=now.wall_ms)
                return dict.fromkeys((row.id for row in lookup.rows), f"the search did not come about: {why}")
            case SearchUnavailable(why=why):
                self._contact.searched()
                lookups.unavailable(self._outbox, lookup, at_ms=now.wall_ms)
                return dict.fromkeys((row.id for row in lookup.rows), f"the service does not answer this search: {why}")
            case other:
                assert_never(other)

    def _wait(self) -> float:
        now = self._clock()
        boot, wall_ms, book = _boot(now), now.wall_ms, self._outbox.book
        waits = [_IDLE_SECONDS]
        if boot < self._contact.send_from:
            waits.append(self._contact.send_from - boot)
        search_ms = self._outbox.database.read(partial(lookups.next_due_ms, book=book))
        if search_ms is not None:
            waits += (_UNKNOWN_SECONDS, max((search_ms - wall_ms) / 1000, self._contact.search_from - boot))
        probe_ms = self._outbox.database.read(partial(claims.next_probe_ms, book=book))
        if probe_ms is not None:
            waits.append(max((probe_ms - wall_ms) / 1000, self._contact.send_from - boot))
        return max(min(waits), _SHORTEST_SECONDS)

    def _watch_clock(self, now: ClockReading) -> None:
        """Times of calls by another clock than today's don't count: their rows wait anew."""
        offset_ms = now.wall_ms - now.boot_ns / 1_000_000
        if self._offset_ms is None or abs(offset_ms - self._offset_ms) > max(1000, self._settle_ms / 10):
            everything = self._offset_ms is not None
            lookups.stamp(self._outbox, at_ms=now.wall_ms, settle_ms=self._settle_ms, everything=everything)
            self._offset_ms = offset_ms

    @property
    def _settle_ms(self) -> int:
        return round(self._settings.settle_seconds * 1000)


def _boot(reading: ClockReading) -> float:
    return reading.boot_ns / 1_000_000_000
