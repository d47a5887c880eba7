"""All SQL about stays that overlap: a task for each two, closed when they overlap no more. What overlaps: ``overlaps``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk.model import Direction, State, TaskKind, rfc3339
from kiosk.outbox import Outbox
from kiosk.overlaps import Mark, Overlap, overlapping
from kiosk.taps import TIMED
from kiosk.tasks import open_once

#: What the service has, or may have, or shall have.
_OWED: Final = frozenset({State.QUEUED, State.IN_FLIGHT, State.UNKNOWN, State.ACCEPTED})
#: What other channels registered is kept for 31 days at least: of older stays nobody can tell any more that they don't overlap.
_KNOWN_MS: Final = 30 * 24 * 3_600_000
_HERE_SQL: Final = (
    f"SELECT {TIMED}, at_ms, direction, group_index, id, registration_id, state FROM registrations"  # noqa: S608  our own words
    " WHERE holder = ? AND +book = ? AND +state <> 'cancelled' AND linked IS NULL ORDER BY id DESC"
)
_THERE_SQL: Final = (
    "SELECT at_ms, direction, group_index, registration_id FROM elsewhere"
    " WHERE holder = ? AND at_ms >= ? AND +book = ? AND gone_ms IS NULL"
)
_HOLDERS_SQL: Final = (
    "SELECT holder FROM elsewhere WHERE book = ?1 AND at_ms >= ?2 AND at_ms < ?3"
    " UNION SELECT holder FROM tasks WHERE book = ?1 AND kind = ?4 AND closed_ms IS NULL AND about_ms >= ?2 AND about_ms < ?3"
)
_OPEN_SQL: Final = (
    "SELECT id, registration, note FROM tasks"
    " WHERE holder = ? AND kind = ? AND book = ? AND closed_ms IS NULL AND about_ms >= ? AND about_ms < ?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which stays are looked at.

    Attributes:
        from_ms: The later of two stays began at this moment or after it, Unix milliseconds UTC.
        to_ms: And before this one.
        longest_ms: How long a stay without an OUT lasts.
    """

    from_ms: int
    to_ms: int
    longest_ms: int


@dataclass(frozen=True, slots=True)
class _Task:
    id: int
    about: tuple[int | None, str | None]


def review(outbox: Outbox, window: Window, *, at_ms: int, holders: Iterable[int] = ()) -> int:
    """Ask a human about stays that overlap, and take the question back where they do no more. Works person by person.

    Args:
        outbox: The book.
        window: Which stays.
        at_ms: The trusted clock, Unix milliseconds UTC.
        holders: Whom to look at besides those of whom another channel knows, or who were asked about.

    Returns:
        How many questions were new.
    """
    if window.from_ms < at_ms - _KNOWN_MS:
        return 0
    values = (outbox.book, window.from_ms, window.to_ms, TaskKind.OVERLAP.value)
    known = outbox.database.read(lambda connection: [row[0] for row in connection.execute(_HOLDERS_SQL, values)])
    asked = 0
    for holder in sorted({*known, *holders}):
        if outbox.database.read(partial(_differs, book=outbox.book, holder=holder, window=window)):
            asked += outbox.database.write(partial(_settle, book=outbox.book, holder=holder, window=window, at_ms=at_ms))
    return asked


def _differs(connection: sqlite3.Connection, book: int, holder: int, window: Window) -> bool:
    """Whether anything is to be written, which is seldom so."""
    found = _overlaps(connection, book, holder, window)
    return found is not None and {_about(each) for each in found} != {
        task.about for task in _open(connection, book, holder, window)
    }


def _settle(connection: sqlite3.Connection, book: int, holder: int, window: Window, at_ms: int) -> int:
    found = _overlaps(connection, book, holder, window)
    if found is None:
        return 0
    still = {_about(each) for each in found}
    for task in _open(connection, book, holder, window):
        if task.about not in still:
            connection.execute("UPDATE tasks SET closed_ms = ? WHERE id = ?", (at_ms, task.id))
    asked = 0
    for each in found:
        registration, note = _about(each)
        asked += open_once(
            connection,
            TaskKind.OVERLAP,
            book=book,
            at_ms=at_ms,
            holder=holder,
            registration=registration,
            note=note,
            about_ms=each.second.at_ms,
        )
    return asked


def _overlaps(connection: sqlite3.Connection, book: int, holder: int, window: Window) -> list[Overlap] | None:
    """The overlaps whose later stay began in the window; None while nobody knows the time of one of his taps."""
    since_ms = window.from_ms - window.longest_ms
    marks: list[Mark] = []
    for timed, at_ms, direction, group, row, registration_id, state in connection.execute(_HERE_SQL, (holder, book)):
        if not timed:
            return None
        if at_ms < since_ms:
            break
        marks.append(
            Mark(
                at_ms=at_ms,
                direction=Direction(direction),
                group=group or b"",
                row=row,
                registration_id=registration_id,
                owed=State(state) in _OWED,
            )
        )
    for at_ms, direction, group, registration_id in connection.execute(_THERE_SQL, (holder, since_ms, book)):
        marks.append(Mark(at_ms=at_ms, direction=Direction(direction), group=group, registration_id=registration_id))
    found = overlapping(marks, longest_ms=window.longest_ms)
    return [each for each in found if window.from_ms <= each.second.at_ms < window.to_ms]


def _open(connection: sqlite3.Connection, book: int, holder: int, window: Window) -> list[_Task]:
    values = (holder, TaskKind.OVERLAP.value, book, window.from_ms, window.to_ms)
    return [_Task(number, (registration, note)) for number, registration, note in connection.execute(_OPEN_SQL, values)]


def _about(overlap: Overlap) -> tuple[int | None, str]:
    """The row of the book that the task names, the later one of two, and which other presence it overlaps with."""
    own, other = (overlap.second, overlap.first) if overlap.second.row is not None else (overlap.first, overlap.second)
    what = f"registration {other.registration_id} at the service" if other.row is None else f"registration {other.row} here"
    return own.row, f"inside by {what} too, since {rfc3339(other.at_ms)}"
