"""Delivery: what is due is sent, the verdict settled, the unknown looked up; then how long to wait.

``step`` does one piece of work and says when to come again; ``run`` is the thread round it. Whatever raises here ends
the process: the rows that were in flight are unknown at the next start, and nothing is lost (design, sections 4, 7).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from threading import Event, Lock
from typing import Final

from kiosk import cancellations, groups, liveness, lookups
from kiosk.bell import Bell
from kiosk.cancelling import Canceller
from kiosk.contact import Contact, ServiceStatus
from kiosk.errors import Declined, StoreFull
from kiosk.line import DeliverySettings, Line, Service, boot_seconds
from kiosk.model import ClockReading
from kiosk.outbox import Outbox, is_waiting, recover
from kiosk.schedule import Dice
from kiosk.searching import Searcher
from kiosk.sending import Sender
from kiosk.verdicts import SearchFailed

_IDLE_SECONDS: Final = 600.0
_UNTRUSTED_SECONDS: Final = 10.0
_FULL_SECONDS: Final = 10.0
#: When the moment has just come between two looks at the clock.
_SHORTEST_SECONDS: Final = 0.01
#: How long a verb waits for the call that is under way.
_BUSY_SECONDS: Final = 10.0


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
        contact = Contact(settings.pace, dice, boot_seconds(clock()))
        self._line = Line(outbox=outbox, service=service_factory, clock=clock, settings=settings, contact=contact)
        self._sender = Sender(self._line, accepted)
        self._searcher = Searcher(self._line)
        self._canceller = Canceller(self._line)
        self._offset_ms: float | None = None
        self._astray = False
        self._asked = False
        self._busy = Lock()
        self._began_ns = 0
        self._bell = Bell()

    def status(self) -> ServiceStatus:
        """How it stands with the service."""
        return self._line.contact.status

    @property
    def hangs(self) -> bool:
        """Whether one piece of work has been under way for so long that only a new process can free it."""
        return liveness.hangs(self._began_ns, self._line.clock().boot_ns, liveness.DELIVERY_SECONDS)

    def nudge(self) -> None:
        """Look for due work now instead of at the end of the wait; never shortens a backoff. Also call it after ``stop``."""
        self._bell.ring()

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
            now = self._line.clock()
            if not now.trusted:
                return "the clock is not trusted yet: nothing can be asked"
            self._watch_clock(now)
            lookup = lookups.one(self._line.outbox, row, now.wall_ms)
            words = {} if lookup is None else self._searcher.look_up(lookup)
        finally:
            self._busy.release()
        self.nudge()
        return words.get(row, "this registration is not unknown any more")

    def run(self, stop: Event) -> None:
        """Deliver until ``stop`` is set and ``nudge`` was called; raises whatever a step raises but a full store."""
        while not stop.is_set():
            self._began_ns = self._line.clock().boot_ns
            try:
                wait = self.step()
            except StoreFull:
                # Taps go on being answered, red. A verdict that could not be written is looked up like a lost one.
                self._astray, wait = True, _FULL_SECONDS
            self._began_ns = 0
            self._line.untidy = self._bell.wait(wait) or self._line.untidy

    def step(self) -> float:
        """Do one piece of work; returns the seconds after which there may be more, 0 for at once."""
        with self._busy:
            if self._astray:
                self._line.outbox.database.write(partial(recover, book=self._line.outbox.book))
                self._astray, self._offset_ms = False, None
            if self._line.untidy:
                self._line.untidy = groups.tidy(self._line.outbox)
                return 0.0
            now = self._line.clock()
            if not now.trusted:
                # Nothing is sent and no assertion signed (design, section 7), but the time may be asked for.
                return self._ask_the_time(now)
            self._watch_clock(now)
            work = (
                self._searcher.settle_unknown,
                self._searcher.take_precautions,
                self._sender.step,
                self._canceller.step,
            )
            return 0.0 if any(each(now) for each in work) else self._wait()

    def _ask_the_time(self, now: ClockReading) -> float:
        """Ask the service how it is, for the date of its answer: a network that blocks time servers is no deadlock.

        Once after the start, and as long as something waits.
        """
        contact = self._line.contact
        if boot_seconds(now) < contact.send_from:
            return min(_UNTRUSTED_SECONDS, contact.send_from - boot_seconds(now))
        if self._asked and not self._line.outbox.database.read(partial(is_waiting, book=self._line.outbox.book)):
            return _UNTRUSTED_SECONDS
        self._asked = True
        health = self._line.service().health()
        now = self._line.clock()
        if now.trusted:
            return 0.0
        failed = health if isinstance(health, SearchFailed) else SearchFailed(why="the service answers, but does not tell the time")
        contact.failed(boot_seconds(now), failed.why, reachable=failed.reachable, asked=failed.retry_after)
        return min(_UNTRUSTED_SECONDS, max(contact.send_from - boot_seconds(now), _SHORTEST_SECONDS))

    def _wait(self) -> float:
        now = self._line.clock()
        waits = [_IDLE_SECONDS, *self._searcher.wait(now)]
        if boot_seconds(now) < self._line.contact.send_from:
            waits.append(self._line.contact.send_from - boot_seconds(now))
        waits += [wait for wait in (self._sender.wait(now), self._canceller.wait(now)) if wait is not None]
        return max(min(waits), _SHORTEST_SECONDS)

    def _watch_clock(self, now: ClockReading) -> None:
        """Times of calls by another clock than today's don't count: their rows wait anew."""
        settle_ms = self._line.settings.settle_ms
        offset_ms = now.wall_ms - now.boot_ns / 1_000_000
        if self._offset_ms is None or abs(offset_ms - self._offset_ms) > max(1000, settle_ms / 10):
            lookups.stamp(self._line.outbox, at_ms=now.wall_ms, settle_ms=settle_ms)
            cancellations.stamp(self._line.outbox, at_ms=now.wall_ms + settle_ms)
            self._offset_ms = offset_ms
