"""Reminders: what a human must hear although nobody taps. A stay that nobody ended becomes a task when it is due.

The thread sleeps until the oldest open stay is as long as the longest shift: whoever comes in meanwhile is due later than
that. It may die and be started again at any moment, for what was asked stands in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Final

from kiosk import stays
from kiosk.claims import HOUR_MS
from kiosk.model import ClockReading
from kiosk.outbox import Outbox

_log = logging.getLogger(__name__)

_UNTRUSTED_SECONDS: Final = 10.0
_SHORTEST_SECONDS: Final = 0.05
#: The clock may be set, and the time of a tap healed, while the thread sleeps.
_LONGEST_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderSettings:
    """This room's own slice of the configuration.

    Attributes:
        max_shift_hours: Whoever came in longer ago has left without a tap.
    """

    max_shift_hours: float


class Reminders:
    """Asks for what is due. ``step`` and ``run`` belong to one thread.

    Args:
        outbox: The book.
        clock: Reads all clocks.
        settings: See there.
    """

    def __init__(self, outbox: Outbox, clock: Callable[[], ClockReading], settings: ReminderSettings) -> None:
        self._outbox = outbox
        self._clock = clock
        self._shift_ms = round(settings.max_shift_hours * HOUR_MS)

    def run(self, stop: Event) -> None:
        """Remind until ``stop`` is set."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Ask for everything that is due; returns the seconds after which there may be more."""
        now = self._clock()
        if not now.trusted:
            return _UNTRUSTED_SECONDS
        due_ms = self._ask_for_outs(now.wall_ms)
        return min(max((due_ms - now.wall_ms) / 1000, _SHORTEST_SECONDS), _LONGEST_SECONDS)

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
