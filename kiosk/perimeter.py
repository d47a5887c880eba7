"""Whether the box is where it should be: a task and an entry of the record when it leaves its fences and when it is back.

A tap is judged by its own fix (``obligations``); this is about the box, also while nobody taps.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from hardware.ports import Fix
from kiosk import tasks
from kiosk.evidence import Entry, record
from kiosk.geography import Fence, distance_meters
from kiosk.locator import place_of
from kiosk.model import ClockReading, TaskKind
from kiosk.outbox import Outbox

_log = logging.getLogger(__name__)

#: A box at the very edge must not open and close a task with every fix.
_SETTLE_SECONDS: Final = 60.0
_NS: Final = 1_000_000_000


class Perimeter:
    """Watches the fixes of one box. Belongs to the receiver's thread.

    Args:
        outbox: The book.
        clock: Reads all clocks.
        fences: Every circle in which the box may stand; none: it may stand anywhere.
        settle_seconds: How long the fixes must agree before anything is said.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Callable[[], ClockReading],
        fences: Sequence[Fence],
        *,
        settle_seconds: float = _SETTLE_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._fences = tuple(fences)
        self._settle_ns = round(settle_seconds * _NS)
        # What was said last; and what the fixes have all said since, from which moment on, boot time in nanoseconds.
        self._inside: bool | None = None
        self._since: tuple[bool, int] | None = None

    def note(self, fix: Fix) -> None:
        """Take a fix; says what it must once the fixes have agreed for long enough. Raises what the store raises."""
        if not self._fences:
            return
        inside = any(fence.holds(place_of(fix), fix.error_meters) for fence in self._fences)
        if self._since is None or self._since[0] is not inside:
            self._since = (inside, fix.boot_ns)
        if inside is not self._inside and fix.boot_ns - self._since[1] >= self._settle_ns:
            self._say(fix, inside=inside)
            self._inside = inside

    def _say(self, fix: Fix, *, inside: bool) -> None:
        away = min(distance_meters(fence.centre, place_of(fix)) for fence in self._fences)
        at_ms = self._clock().wall_ms
        news = self._outbox.database.write(partial(_settle, outbox=self._outbox, inside=inside, meters=round(away), at_ms=at_ms))
        if news:
            tell = _log.info if inside else _log.warning
            tell("the box is back" if inside else "the box is not where it should be", extra={"meters": round(away)})


def _settle(connection: sqlite3.Connection, outbox: Outbox, *, inside: bool, meters: int, at_ms: int) -> bool:
    """Open or close the task, with an entry of the record, inside the caller's transaction; whether anything was new."""
    change = tasks.close_box_task if inside else tasks.open_task
    if not change(connection, TaskKind.MISPLACED, book=outbox.book, at_ms=at_ms):
        return False
    record(connection, outbox.vault, Entry.FENCE, "box", at_ms=at_ms, facts={"inside": inside, "meters": meters})
    return True
