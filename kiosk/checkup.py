"""Looks the whole store through while nobody waits for it: after a run that was not ended properly, else once a day.

Not before the first tap of this run is recorded, and on a copy, so that no tap ever waits for it. Where damage is found this
process ends: the next start salvages the store (``kiosk.recovery``).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final

from kiosk import evidence, recovery
from kiosk.bell import Bell
from kiosk.database import Database
from kiosk.errors import StoreError
from kiosk.model import ClockReading

_log = logging.getLogger(__name__)

_DAY_MS: Final = 86_400_000
#: Between two steps of the copy: nothing else shall feel it.
_BREATH_SECONDS: Final = 0.02
#: In ``meta``: when the last look began, Unix milliseconds UTC. Noted before, so that a store which is found damaged again
#: and again is salvaged once a day at most.
_MARK: Final = "checked_ms"
#: Room that must be left beside the copy.
_SPARE_BYTES: Final = 16 * 1024 * 1024


class _Stopped(Exception):
    """The daemon stops while the store is looked through."""


class Checkup:
    """One thread's work; ``nudge`` belongs to any.

    Args:
        database: The open store.
        clock: Reads all clocks.
    """

    def __init__(self, database: Database, clock: Callable[[], ClockReading]) -> None:
        self._database = database
        self._clock = clock
        self._due = database.unclean
        self._bell = Bell()

    def nudge(self) -> None:
        """A tap was recorded. Also call it after ``stop``."""
        self._bell.ring()

    def run(self, stop: Event) -> None:
        """Wait for taps, and look the store through when it is due, until ``stop`` is set and ``nudge`` was called."""
        while not stop.is_set():
            self._bell.wait()
            if not stop.is_set() and self._is_due():
                self.look(stop)

    def look(self, stop: Event) -> None:
        """Look the store through now; gives up when ``stop`` is set."""
        self._due = False
        self._database.write(partial(evidence.set_mark, name=_MARK, value=self._clock().wall_ms))
        if not self._has_room():
            _log.warning("store not checked", extra={"why": "no room for a copy"})
            return
        try:
            found = recovery.check_copy(self._database, pause=partial(_breathe, stop))
        except _Stopped:
            return
        except StoreError as error:
            _log.warning("store not checked", extra={"why": error.message})
            return
        if found is None:
            _log.info("store checked")
        else:
            self._database.condemn(found)

    def _is_due(self) -> bool:
        last = self._database.read(partial(evidence.mark, name=_MARK))
        return self._due or not isinstance(last, int) or not 0 <= self._clock().wall_ms - last < _DAY_MS

    def _has_room(self) -> bool:
        path = self._database.path
        free = os.statvfs(path.parent)
        return free.f_bavail * free.f_frsize > path.stat().st_size + _SPARE_BYTES


def _breathe(stop: Event) -> None:
    if stop.wait(_BREATH_SECONDS):
        raise _Stopped
