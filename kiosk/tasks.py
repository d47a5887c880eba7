"""What only a human may settle: opened once, closed when its cause is gone or by a human who has seen to it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from kiosk.deadlines import UNDATED, Bounds
from kiosk.model import TaskKind

_COLUMNS: Final = "SELECT id, kind, registration, holder, opened_ms, note, about_ms FROM tasks"
#: When the presence was that a registration is about; unknown while nobody vouches for the time of its tap.
_ABOUT_SQL: Final = "(SELECT CASE WHEN clock_trusted = 1 OR healed_ms IS NOT NULL THEN at_ms END FROM registrations WHERE id = ?)"
_OPEN_SQL: Final = (
    "INSERT INTO tasks (kind, book, registration, holder, opened_ms, note, about_ms)"  # noqa: S608  our own words
    f" SELECT ?, ?, ?, ?, ?, ?, ifnull(?, {_ABOUT_SQL})"
    " WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE closed_ms IS NULL AND kind = ? AND book = ?"
    " AND registration IS ? AND holder IS ? AND note IS ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One open task; ``note`` is never personal. ``about_ms`` is the moment of the presence that it is about, or None."""

    id: int
    kind: TaskKind
    registration: int | None
    holder: int | None
    opened_ms: int
    note: str | None
    about_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How many open tasks have at most a week left, and of how many the last day is over."""

    soon: int
    overdue: int


def open_task(
    connection: sqlite3.Connection,
    kind: TaskKind,
    *,
    book: int,
    at_ms: int,
    registration: int | None = None,
    holder: int | None = None,
    note: str | None = None,
    about_ms: int | None = None,
) -> bool:
    """Open a task inside the caller's transaction, unless the same one is open already.

    Args:
        connection: The store, in a transaction.
        kind: What is asked.
        book: The current book.
        at_ms: Now, Unix milliseconds UTC.
        registration: The row of the book that it is about, or None.
        holder: The person that it is about, or None.
        note: What else tells it from another; never personal.
        about_ms: When the presence was that it is about, Unix milliseconds UTC; left out, the registration says it.

    Returns:
        Whether it is a new one.
    """
    same = (kind.value, book, registration, holder, note)
    values = (kind.value, book, registration, holder, at_ms, note, about_ms, registration, *same)
    return connection.execute(_OPEN_SQL, values).rowcount == 1


def open_once(
    connection: sqlite3.Connection,
    kind: TaskKind,
    *,
    book: int,
    at_ms: int,
    holder: int | None,
    registration: int | None = None,
    note: str | None = None,
    about_ms: int | None = None,
) -> bool:
    """Open a task as ``open_task`` does, but never again once a human has seen to the same."""
    if is_asked(connection, kind, book=book, holder=holder, registration=registration, note=note):
        return False
    return open_task(
        connection, kind, book=book, at_ms=at_ms, registration=registration, holder=holder, note=note, about_ms=about_ms
    )


def is_asked(
    connection: sqlite3.Connection, kind: TaskKind, *, book: int, holder: int | None, registration: int | None, note: str | None
) -> bool:
    """Whether a human is asked this, about a holder where there is one, or was and has seen to it."""
    found = connection.execute(
        "SELECT 1 FROM tasks WHERE holder IS ? AND kind = ? AND (closed_ms IS NULL OR by_hand) AND book = ? AND registration IS ?"
        " AND note IS ? LIMIT 1",
        (holder, kind.value, book, registration, note),
    ).fetchone()
    return found is not None


def date_tasks(connection: sqlite3.Connection, *, registration: int) -> None:
    """Date the open tasks about a registration anew, inside the caller's transaction: the time of its tap was healed."""
    connection.execute(
        f"UPDATE tasks SET about_ms = {_ABOUT_SQL} WHERE closed_ms IS NULL AND registration = ?",  # noqa: S608  our own words
        (registration, registration),
    )


def close_tasks(connection: sqlite3.Connection, *, registration: int, kinds: frozenset[TaskKind], at_ms: int) -> None:
    """Close the open tasks of these kinds about one registration, inside the caller's transaction."""
    marks = ", ".join("?" * len(kinds))
    connection.execute(
        f"UPDATE tasks SET closed_ms = ? WHERE closed_ms IS NULL AND registration = ? AND kind IN ({marks})",  # noqa: S608  question marks only
        (at_ms, registration, *(kind.value for kind in kinds)),
    )


def close_holder_tasks(connection: sqlite3.Connection, *, holder: int, kind: TaskKind, at_ms: int) -> None:
    """Close the open tasks of this kind about one holder, inside the caller's transaction."""
    connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE closed_ms IS NULL AND kind = ? AND holder = ?", (at_ms, kind.value, holder)
    )


def card_note(card_index: bytes) -> str:
    """What a task about a card says of it: its blind index tells cards apart and says nothing."""
    return f"card key {card_index.hex()[:8]}"


def close_noted(connection: sqlite3.Connection, kind: TaskKind, note: str, *, at_ms: int) -> None:
    """Close the open tasks of this kind with this note, inside the caller's transaction."""
    connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE closed_ms IS NULL AND kind = ? AND note = ?", (at_ms, kind.value, note)
    )


def close_box_task(connection: sqlite3.Connection, kind: TaskKind, *, book: int, at_ms: int) -> bool:
    """Close the open task of this kind about the box itself, inside the caller's transaction; whether there was one."""
    closed = connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE closed_ms IS NULL AND kind = ? AND book = ? AND registration IS NULL"
        " AND holder IS NULL",
        (at_ms, kind.value, book),
    )
    return closed.rowcount > 0


def open_tasks(connection: sqlite3.Connection, book: int) -> list[Task]:
    """Every open task of a book, oldest first."""
    rows = connection.execute(f"{_COLUMNS} WHERE closed_ms IS NULL AND book = ? ORDER BY id", (book,))
    return [_task(row) for row in rows]


def close_task(connection: sqlite3.Connection, number: int, *, book: int, at_ms: int) -> bool:
    """Note that a human has seen to one open task of this book, inside the caller's transaction; False when there is none."""
    done = connection.execute(
        "UPDATE tasks SET closed_ms = ?, by_hand = 1 WHERE id = ? AND book = ? AND closed_ms IS NULL", (at_ms, number, book)
    )
    return done.rowcount == 1


def one_open(connection: sqlite3.Connection, number: int, *, book: int) -> Task | None:
    """One open task of a book, or None."""
    row = connection.execute(f"{_COLUMNS} WHERE id = ? AND closed_ms IS NULL AND book = ?", (number, book)).fetchone()
    return None if row is None else _task(row)


def count_due(connection: sqlite3.Connection, book: int, bounds: Bounds) -> Due:
    """How many open tasks of a book must be settled soon, and how many were not in time."""
    marks = ", ".join("?" * len(UNDATED))
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE about_ms >= ?1), count(*) FILTER (WHERE about_ms < ?1) FROM tasks"  # noqa: S608  question marks only
        f" WHERE closed_ms IS NULL AND book = ?2 AND about_ms < ?3 AND kind NOT IN ({marks})",
        (bounds.overdue_ms, book, bounds.soon_ms, *(kind.value for kind in UNDATED)),
    ).fetchone()
    return Due(soon=row[0], overdue=row[1])


def count_open(connection: sqlite3.Connection, book: int) -> int:
    """How many things a human is asked for."""
    return int(connection.execute("SELECT count(*) FROM tasks WHERE closed_ms IS NULL AND book = ?", (book,)).fetchone()[0])


def _task(row: tuple[Any, ...]) -> Task:
    number, kind, registration, holder, opened_ms, note, about_ms = row
    return Task(
        id=number,
        kind=TaskKind(kind),
        registration=registration,
        holder=holder,
        opened_ms=opened_ms,
        note=note,
        about_ms=about_ms,
    )
