"""Watches the parts that must turn: a hung delivery ends the process, a hung reader does at most once in ten minutes.

Also where no service manager feeds on the watchdog: the process ends with 1 and is started afresh.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from kiosk import liveness
from kiosk.database import Database
from kiosk.errors import StoreError
from kiosk.model import ClockReading

_log = logging.getLogger(__name__)

_NAME: Final = "reader_restart"


class Turning(Protocol):
    """A part that may hang."""

    @property
    def hangs(self) -> bool:
        """Whether it hangs now."""
        ...


class Vigil:
    """Looks after one run's parts; for the main thread.

    Args:
        database: Where the last end for a reader is remembered: a new process knows nothing.
        clock: Reads all clocks.
        delivery: Without it nothing is sent.
        readers: Each reader.
    """

    def __init__(
        self, database: Database, clock: Callable[[], ClockReading], *, delivery: Turning, readers: Sequence[Turning]
    ) -> None:
        self._database = database
        self._clock = clock
        self._delivery = delivery
        self._readers = readers
        self._told = False

    def must_end(self) -> bool:
        """Whether only a new process can help, and may be had now; what hangs is logged once."""
        if self._delivery.hangs:
            _log.error("hangs", extra={"part": "delivery"})
            return True
        if not any(reader.hangs for reader in self._readers):
            self._told = False
            return False
        if not self._told:
            _log.error("hangs", extra={"part": "reader"})
            self._told = True
        try:
            return self._database.write(partial(_claim, self._clock()))
        except StoreError:
            return False  # what can't be remembered would come again and again; a dead store ends the process anyway


def _claim(now: ClockReading, connection: sqlite3.Connection) -> bool:
    """Remember an end for a hung reader, unless the last one was a moment ago."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    last = None
    if row is not None:
        boot_id, _, ended_ns = str(row[0]).partition(" ")
        last = (boot_id, int(ended_ns))
    if not liveness.may_restart(last, now.boot_id, now.boot_ns):
        return False
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NAME, f"{now.boot_id} {now.boot_ns}"))
    return True
