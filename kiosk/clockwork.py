"""Looks at the clock every few seconds: writes its changes down, and heals the taps that waited for it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final

from kiosk import clockbook, healing
from kiosk.anchors import Anchor
from kiosk.bell import Bell
from kiosk.clockbook import Standing
from kiosk.errors import StoreFull
from kiosk.healing import Bearings
from kiosk.model import ClockReading
from kiosk.outbox import Outbox
from kiosk.timekeeper import Timekeeper

_log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 10.0


class Clockwork:
    """One thread's work; ``nudge`` and ``note`` belong to any.

    Args:
        outbox: The book.
        timekeeper: Reads all clocks.
        bearings: What decides a tap besides its time.
        healed: Called after taps got their true time.
    """

    def __init__(self, outbox: Outbox, timekeeper: Timekeeper, bearings: Bearings, *, healed: Callable[[], None]) -> None:
        self._outbox = outbox
        self._timekeeper = timekeeper
        self._bearings = bearings
        self._healed = healed
        self._before: Standing | None = None
        self._overruled = False
        self._trusted = False
        self._bell = Bell()

    def note(self, anchor: Anchor) -> None:
        """Learn the time of the service's answer, and look at once where that may end a wait."""
        self._timekeeper.note(anchor)
        if not self._trusted or self._timekeeper.overruled != self._overruled:
            self.nudge()

    def nudge(self) -> None:
        """Look now instead of at the end of the wait. Also call it after ``stop``."""
        self._bell.ring()

    def run(self, stop: Event) -> None:
        """Look until ``stop`` is set and ``nudge`` was called; a full store is tried again."""
        self._before = self._outbox.database.read(clockbook.last_standing)
        while not stop.is_set():
            try:
                self.look()
            except StoreFull:
                _log.warning("no room to write a change of the clock down")
            self._bell.wait(_LOOK_SECONDS)

    def look(self) -> None:
        """Write down what changed; once the clock is trusted, heal everything that waits."""
        database, vault = self._outbox.database, self._outbox.vault
        now = self._timekeeper.read()
        self._trusted = now.trusted
        if self._timekeeper.overruled and not self._overruled:
            database.write(partial(clockbook.overrule, vault=vault, now=now))
            self._overruled = True
            _log.warning("clock overruled", extra={"source": now.source})
        standing = Standing.of(now)
        if standing.is_news(self._before):
            database.write(partial(clockbook.write_down, vault=vault, now=now, before=self._before))
            words = {"trusted": now.trusted, "source": now.source, "disputed": now.disputed}
            _log.info("clock", extra={**words, "stepped_ms": standing.stepped_ms(self._before)})
            self._before = standing
        if now.trusted and now.bound_ms is not None:
            self._heal(now, Anchor(source=now.source, wall_ms=now.wall_ms, boot_ns=now.boot_ns, bound_ms=now.bound_ms))

    def _heal(self, now: ClockReading, anchor: Anchor) -> None:
        """Earlier boots first: what they leave behind decides the taps of this one."""
        database = self._outbox.database
        boots = database.read(partial(healing.open_boots, book=self._outbox.book))
        done = 0
        for boot_id in sorted(boots, key=lambda each: each == now.boot_id):
            own = anchor if boot_id == now.boot_id else None
            while count := database.write(partial(self._slice, now, anchor.at(0) + anchor.bound_at(0), boot_id, own)):
                done += count
        if done:
            _log.info("healed", extra={"rows": done})
            database.write(partial(clockbook.forget_anchors, but=now.boot_id))
            self._healed()

    def _slice(self, now: ClockReading, began_ms: int, boot_id: str, anchor: Anchor | None, connection: sqlite3.Connection) -> int:
        known = anchor or clockbook.anchor_of(connection, boot_id)
        if known is None:
            return healing.lose(connection, self._outbox, boot_id, latest_ms=began_ms, now_ms=now.wall_ms)
        return healing.heal(connection, self._outbox, boot_id, known, self._bearings, now_ms=now.wall_ms)
