"""How full the store is: below its cap and on its disk. Said at 50, 80 and 95 %; at 100 % taps are refused, nothing is overwritten.

Above the cap a reserve is left, so that delivery, healing and purging go on while no tap may be recorded; they make room again.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kiosk.database import Database
from kiosk.errors import StoreFull

_log = logging.getLogger(__name__)

_MIB: Final = 1024 * 1024
_PAGE: Final = 1024
#: Of the cap, and of the disk: what taps never take.
_RESERVE: Final = 1 / 16
_LARGEST_DISK_RESERVE: Final = 4 * _MIB


class Level(StrEnum):
    """How full the store is."""

    OK = "ok"
    HALF = "half"
    HIGH = "high"
    LAST = "last"
    FULL = "full"


#: From how many percent on.
_FROM: Final = ((100, Level.FULL), (95, Level.LAST), (80, Level.HIGH), (50, Level.HALF))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How full the store is, 0 to 100 percent, rounded down, of what it may take."""

    used_percent: int
    level: Level

    @property
    def asks(self) -> bool:
        """Whether somebody should make room."""
        return self.level in {Level.HIGH, Level.LAST, Level.FULL}


def standing(*, used: int, cap: int, free: int, reserve: int) -> Standing:
    """Judge how full a store is.

    Args:
        used: Bytes that hold something; free pages don't count.
        cap: Bytes that taps may fill.
        free: Bytes of the file system that are free for the store's owner.
        reserve: Bytes of those that taps leave to the others.
    """
    most = max(1, min(cap, used + max(0, free - reserve)))
    percent = min(100, used * 100 // most)
    return Standing(used_percent=percent, level=next((level for least, level in _FROM if percent >= least), Level.OK))


class Room:
    """Keeps the store below its cap.

    Args:
        database: The open store.
        max_megabytes: The cap, MiB.
    """

    def __init__(self, database: Database, max_megabytes: int) -> None:
        self._database = database
        self._cap = max_megabytes * _MIB
        pages = int(self._cap * (1 + _RESERVE)) // _PAGE
        database.read(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        self._standing = Standing(used_percent=0, level=Level.OK)
        self.look()

    @property
    def standing(self) -> Standing:
        """How full it was at the last look."""
        return self._standing

    @property
    def refusal(self) -> StoreFull | None:
        """Why no tap may be recorded now, or None. Costs a comparison while there is room; else it looks afresh."""
        if self._standing.level is not Level.FULL or self.look().level is not Level.FULL:
            return None
        return StoreFull(
            f"{self._database.path}: no room to record: the store may take no more",
            repair="free space on this file system, or raise [store] max_megabytes",
        )

    def look(self) -> Standing:
        """Look how full it is; a level that was not reached before is logged once."""
        disk = os.statvfs(self._database.path.parent)
        now = standing(
            used=self._database.read(_used),
            cap=self._cap,
            free=disk.f_bavail * disk.f_frsize,
            reserve=min(_LARGEST_DISK_RESERVE, int(disk.f_blocks * disk.f_frsize * _RESERVE)),
        )
        before, self._standing = self._standing, now
        if now.level is not before.level:
            tell = _log.warning if now.asks else _log.info
            tell("store filled", extra={"level": now.level.value, "used_percent": now.used_percent})
        return now


def _used(connection: sqlite3.Connection) -> int:
    pages, free = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    return int(pages - free) * _PAGE
