"""What only a human may settle: opened once, closed when its cause is gone or by a human who has seen to it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from kiosk.model import TaskKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One open task; ``note`` is never personal."""

    id: int
    kind: TaskKind
    registration: int | None
    holder: int | None
    opened_ms: int
    note: str | None


def open_task(
    connection: sqlite3.Connection,
    kind: TaskKind,
    *,
    book: int,
    at_ms: int,
    registration: int | None = None,
    holder: int | None = None,
    note: str | None = None,
) -> None:
    """Open a task inside the caller's transaction, unless the same one is open already."""
    connection.execute(
        "INSERT INTO tasks (kind, book, registration, holder, opened_ms, note) SELECT ?, ?, ?, ?, ?, ?"
        " WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE closed_ms IS NULL AND kind = ? AND book = ?"
        " AND registration IS ? AND holder IS ? AND note IS ?)",
        (kind.value, book, registration, holder, at_ms, note, kind.value, book, registration, holder, note),
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


def open_tasks(connection: sqlite3.Connection, book: int) -> list[Task]:
    """Every open task of a book, oldest first."""
    rows = connection.execute(
        "SELECT id, kind, registration, holder, opened_ms, note FROM tasks WHERE closed_ms IS NULL AND book = ? ORDER BY id",
        (book,),
    )
    return [
        Task(id=row[0], kind=TaskKind(row[1]), registration=row[2], holder=row[3], opened_ms=row[4], note=row[5]) for row in rows
    ]


def close_task(connection: sqlite3.Connection, number: int, *, book: int, at_ms: int) -> bool:
    """Close one open task of this book, inside the caller's transaction; False when there is none."""
    done = connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE id = ? AND book = ? AND closed_ms IS NULL", (at_ms, number, book)
    )
    return done.rowcount == 1


def count_open(connection: sqlite3.Connection, book: int) -> int:
    """How many things a human is asked for."""
    return int(connection.execute("SELECT count(*) FROM tasks WHERE closed_ms IS NULL AND book = ?", (book,)).fetchone()[0])
