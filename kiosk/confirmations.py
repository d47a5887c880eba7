"""After each tap: whether somebody confirmed in person that a linked card was his, so that its past tap may be settled.

A thread of its own, so that no tap waits for it. What it missed in a crash it does at the next start.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final

from kiosk import evidence, links
from kiosk.bell import Bell
from kiosk.evidence import Entry
from kiosk.model import ClockReading
from kiosk.outbox import Outbox

_log = logging.getLogger(__name__)

#: The time of a tap may be healed, and then lie within what may be confirmed, while nobody taps.
_LONGEST_SECONDS: Final = 3600.0


class Confirmations:
    """Looks whether what was linked is confirmed. ``step`` and ``run`` belong to one thread, ``nudge`` to any.

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
        """A tap was recorded. Also call it after ``stop``."""
        self._bell.ring()

    def run(self, stop: Event) -> None:
        """Look after each tap until ``stop`` is set and ``nudge`` was called."""
        while not stop.is_set():
            waits = self.step()
            self._bell.wait(_LONGEST_SECONDS if waits else None)

    def step(self) -> bool:
        """Let go what was confirmed; whether anything still waits."""
        outbox = self._outbox
        waiting = partial(links.is_waiting, book=outbox.book)
        if not outbox.database.read(waiting):
            return False
        rows = outbox.database.write(self._confirm)
        if rows:
            _log.info("linked taps confirmed", extra={"ids": rows})
            self._confirmed()
        return outbox.database.read(waiting)

    def _confirm(self, connection: sqlite3.Connection) -> tuple[int, ...]:
        at_ms = self._clock().wall_ms
        rows = links.confirm(connection, self._outbox.book, at_ms=at_ms)
        for row in rows:
            evidence.record(connection, self._outbox.vault, Entry.LINK_CONFIRMED, f"registration:{row}", at_ms=at_ms)
        return rows
