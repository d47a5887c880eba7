"""All SQL of the monthly report: who went in and out, from the book, from taps that owe nothing, and from other channels.

Read in slices by id and opened outside the store's lock, so that no tap waits for a report.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kiosk.attendance import NOT_OWED
from kiosk.taps import TIMED

#: Ids in one read: some 3 ms, so that no tap waits longer than 20 ms on a slower machine.
WINDOW: Final = 250
_REGISTRATIONS: Final = (
    f"id, uid, sealed, holder, direction, state, at_ms, {TIMED}, earliest_ms, latest_ms, press, place_source = 'site',"
    " linked IS NOT NULL, linked IS NULL OR link_confirmed_ms IS NOT NULL FROM registrations WHERE 1"
)
_TAPS: Final = (
    f"id, uid, NULL, holder, direction, '{NOT_OWED}', at_ms, {TIMED}, earliest_ms, latest_ms, press, 0, 0, 1 FROM taps"
    " WHERE holder IS NOT NULL AND direction IS NOT NULL"
)
_ELSEWHERE: Final = (
    "id, uid, sealed, holder, direction, 'accepted', at_ms, 1, NULL, NULL, NULL, 0, 0, 1 FROM elsewhere WHERE gone_ms IS NULL"
)
#: Where movements lie, by a word for people: the table, and what is selected of it; the columns are the fields of ``Moved``.
PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "registrations": ("registrations", _REGISTRATIONS),
    "taps": ("taps", _TAPS),
    "other_channels": ("elsewhere", _ELSEWHERE),
}


@dataclass(frozen=True, slots=True)
class Moved:
    """One IN or OUT as it lies on disk; ``sealed`` is its registration's content, or None where none was owed."""

    id: int
    uid: bytes
    sealed: bytes | None
    holder: int
    direction: str
    state: str
    at_ms: int
    timed: int
    earliest_ms: int | None
    latest_ms: int | None
    press: str | None
    at_site: int
    linked: int
    confirmed: int

    def may_lie_in(self, from_ms: int, until_ms: int) -> bool:
        """Whether it was, or where its time is not known may have been, from one moment to before another, Unix ms UTC."""
        if self.timed:
            return from_ms <= self.at_ms < until_ms
        return (self.latest_ms is None or self.latest_ms >= from_ms) and (self.earliest_ms is None or self.earliest_ms < until_ms)


def last_id(connection: sqlite3.Connection, *, place: str) -> int:
    """Return the highest id of a place, 0 where there is none."""
    return int(connection.execute(f"SELECT ifnull(max(id), 0) FROM {PLACES[place][0]}").fetchone()[0])  # noqa: S608  our own word


def window(connection: sqlite3.Connection, *, place: str, book: int, after: int) -> list[Moved]:
    """Return what this book has in a place with the next ``WINDOW`` ids after this one; there may be none among them."""
    # The plus keeps SQLite from walking an index over the whole book instead of these ids.
    sql = f"SELECT {PLACES[place][1]} AND id > ? AND id <= ? AND +book = ? ORDER BY id"
    return [Moved(*row) for row in connection.execute(sql, (after, after + WINDOW, book))]


def people(connection: sqlite3.Connection, *, after: int, size: int) -> list[tuple[int, bytes, bytes]]:
    """Return the next holders with their current profiles, still sealed: holder, uid, content."""
    sql = "SELECT holder, uid, sealed FROM profiles WHERE current AND holder > ? ORDER BY holder LIMIT ?"
    return connection.execute(sql, (after, size)).fetchall()
