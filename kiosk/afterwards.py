"""What a tap settles besides itself: a linked card is confirmed by its person, a loan badge comes back.

A thread of its own, so that no tap waits for it. What it missed in a crash it does at the next start.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final

from kiosk import evidence, links, loans
from kiosk.bell import Bell
from kiosk.evidence import Entry
from kiosk.model import ClockReading
from kiosk.outbox import Outbox

_log = logging.getLogger(__name__)

#: The time of a tap may be healed, and the clock be set, while nobody taps.
_LONGEST_SECONDS: Final = 3600.0
_SHORTEST_SECONDS: Final = 0.05
#: Until the clock may be believed no loan ends by it.
_UNTRUSTED_SECONDS: Final = 60.0


class Afterwards:
    """Looks after each tap. ``step`` and ``run`` belong to one thread, ``nudge`` to any.

    Args:
        outbox: The book.
        clock: Reads all clocks.
        confirmed: Called after a commit that left something to search for.
    """

    def __init__(self, outbox: Outbox, clock: Callable[[], ClockReading], *, confirmed: Callable[[], None]) -> None:
        self._outbox = outbox
        self._clock = clock
        self._confirmed = confirmed
        self._bell = Bell()

    def nudge(self) -> None:
        """A tap was recorded, or a card was lent. Also call it after ``stop``."""
        self._bell.ring()

    def run(self, stop: Event) -> None:
        """Look after each tap until ``stop`` is set and ``nudge`` was called."""
        while not stop.is_set():
            self._bell.wait(self.step())

    def step(self) -> float | None:
        """Do what is due; returns the seconds after which there may be more without a tap, or None."""
        outbox = self._outbox
        if outbox.database.read(partial(links.is_waiting, book=outbox.book)):
            self._let_go()
        next_ms = outbox.database.read(loans.next_end_ms)
        if next_ms is not None:
            self._take_back()
            next_ms = outbox.database.read(loans.next_end_ms)
        if next_ms is not None:
            now = self._clock()
            left = (next_ms - now.wall_ms) / 1000 if now.trusted else _UNTRUSTED_SECONDS
            return min(max(left, _SHORTEST_SECONDS), _LONGEST_SECONDS)
        return _LONGEST_SECONDS if outbox.database.read(partial(links.is_waiting, book=outbox.book)) else None

    def _let_go(self) -> None:
        rows = self._outbox.database.write(self._confirm)
        if rows:
            _log.info("linked taps confirmed", extra={"ids": rows})
            self._confirmed()

    def _take_back(self) -> None:
        outbox, now = self._outbox, self._clock()
        work = partial(loans.end_due, vault=outbox.vault, book=outbox.book, at_ms=now.wall_ms, timed=now.trusted)
        ended = outbox.database.write(work)
        if ended:
            _log.info("loan badges are nobody's again", extra={"ids": ended})

    def _confirm(self, connection: sqlite3.Connection) -> tuple[int, ...]:
        at_ms = self._clock().wall_ms
        rows = links.confirm(connection, self._outbox.book, at_ms=at_ms)
        for row in rows:
            evidence.record(connection, self._outbox.vault, Entry.LINK_CONFIRMED, f"registration:{row}", at_ms=at_ms)
        return rows
