"""Reminders: what a human must hear although nobody taps, a stay that nobody ended and what could not be sent for long.

The thread sleeps until the oldest open stay is as long as the longest shift, or the oldest unsent row is as old as is borne:
whatever comes meanwhile is due later than that. It may die and be started again at any moment, for what was asked stands in
the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Final

from kiosk import backlog, stays
from kiosk.bell import Bell
from kiosk.claims import HOUR_MS
from kiosk.line import boot_seconds
from kiosk.model import ClockReading
from kiosk.outbox import Outbox

_log = logging.getLogger(__name__)

_UNTRUSTED_SECONDS: Final = 10.0
_SHORTEST_SECONDS: Final = 0.05
#: The clock may be set, and the time of a tap healed, while the thread sleeps.
_LONGEST_SECONDS: Final = 3600.0
#: A row that is old when it is first seen may be sent in a moment: the box was off, or somebody released it.
_GRACE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderSettings:
    """This room's own slice of the configuration.

    Attributes:
        max_shift_hours: Whoever came in longer ago has left without a tap.
        escalate_after_minutes: What could not be sent for so long asks for a human; 0: never.
    """

    max_shift_hours: float
    escalate_after_minutes: float = 0

    @property
    def grace_seconds(self) -> float:
        """How long a row must have been seen waiting before anybody is asked, and from look to look while a backlog lasts."""
        return min(_GRACE_SECONDS, self.escalate_after_minutes * 60)


class Reminders:
    """Asks for what is due. ``step`` and ``run`` belong to one thread, ``nudge`` to any.

    Args:
        outbox: The book.
        clock: Reads all clocks.
        settings: See there.
    """

    def __init__(self, outbox: Outbox, clock: Callable[[], ClockReading], settings: ReminderSettings) -> None:
        self._outbox = outbox
        self._clock = clock
        self._settings = settings
        self._shift_ms = round(settings.max_shift_hours * HOUR_MS)
        self._bell = Bell()
        self._outs_from = 0.0
        # The oldest row that waited at the last look, and since when it was that, seconds of the boot clock.
        self._oldest: tuple[int, float] | None = None
        self._told = False

    def nudge(self) -> None:
        """``stop`` was set."""
        self._bell.ring()

    def sent(self) -> None:
        """The service took something: where a human was asked about a backlog it may be gone."""
        if self._told:
            self._bell.ring()

    def run(self, stop: Event) -> None:
        """Remind until ``stop`` is set and ``nudge`` was called."""
        while not stop.is_set():
            self._bell.wait(self.step())

    def step(self) -> float:
        """Ask for everything that is due; returns the seconds after which there may be more."""
        now = self._clock()
        if not now.trusted:
            return _UNTRUSTED_SECONDS
        boot = boot_seconds(now)
        if boot >= self._outs_from:
            self._outs_from = boot + _bounded((self._ask_for_outs(now.wall_ms) - now.wall_ms) / 1000)
        return _bounded(min(self._outs_from - boot, self._watch_backlog(now)))

    def _watch_backlog(self, now: ClockReading) -> float:
        """Ask for what has waited too long, or take that back; returns the seconds after which there may be more."""
        outbox, after_ms = self._outbox, round(self._settings.escalate_after_minutes * 60_000)
        found = outbox.database.read(partial(backlog.look, book=outbox.book)) if after_ms else None
        patience = 0.0 if found is None else self._settings.grace_seconds - self._seen_for(found.oldest, boot_seconds(now))
        left_ms = after_ms if found is None else found.since_ms + after_ms - now.wall_ms
        if found is None or left_ms > 0:
            self._take_back(now.wall_ms)
            return left_ms / 1000 if after_ms else _LONGEST_SECONDS
        if patience > 0:
            return patience
        self._told = True
        if outbox.database.write(partial(backlog.escalate, outbox=outbox, found=found, at_ms=now.wall_ms)):
            _log.warning("what is to be sent waits for long", extra={"rows": found.rows, "oldest": found.oldest})
        return self._settings.grace_seconds

    def _seen_for(self, oldest: int, now: float) -> float:
        """For how many seconds this row has been seen as the oldest."""
        if self._oldest is None or self._oldest[0] != oldest:
            self._oldest = (oldest, now)
        return now - self._oldest[1]

    def _take_back(self, now_ms: int) -> None:
        outbox = self._outbox
        self._told = False
        told = outbox.database.read(partial(backlog.is_told, book=outbox.book))
        if told and outbox.database.write(partial(backlog.settle, book=outbox.book, at_ms=now_ms)):
            _log.info("the backlog is gone")

    def _ask_for_outs(self, now_ms: int) -> int:
        """Ask for the OUT of each stay that is over; returns when the next one will be, Unix milliseconds UTC."""
        outbox, over_ms = self._outbox, now_ms - self._shift_ms
        after: int | None = 0
        oldest_ms = now_ms
        asked = 0
        while after is not None:
            look = outbox.database.read(partial(stays.look, book=outbox.book, after=after, over_ms=over_ms))
            for stay in look.over:
                asked += outbox.database.write(partial(stays.ask_if_open, stay=stay, book=outbox.book, at_ms=now_ms))
            oldest_ms = oldest_ms if look.next_ms is None else min(oldest_ms, look.next_ms)
            after = look.after
        if asked:
            _log.info("asked for a missing out", extra={"stays": asked})
        return oldest_ms + self._shift_ms + 1


def _bounded(seconds: float) -> float:
    return min(max(seconds, _SHORTEST_SECONDS), _LONGEST_SECONDS)
