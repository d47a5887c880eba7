"""All SQL about a backlog that grows old: one task while it lasts. Nothing is ever given up for its age."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk.evidence import Entry, record
from kiosk.model import TaskKind
from kiosk.outbox import Outbox
from kiosk.tasks import open_once

#: What waits for the true time of its tap has no age yet; `status` and the light tell of it.
_WAITING_SQL: Final = (
    "SELECT min(id), count(*) FROM registrations WHERE book = ? AND state IN ('queued', 'in_flight', 'unknown')"
    " AND reason IS NOT 'clock'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What was not sent yet: its oldest row, the moment of that row's tap (Unix milliseconds UTC), and how many rows wait."""

    oldest: int
    since_ms: int
    rows: int


def look(connection: sqlite3.Connection, book: int) -> Backlog | None:
    """What waits to be sent or settled; None while nothing does."""
    oldest, rows = connection.execute(_WAITING_SQL, (book,)).fetchone()
    if oldest is None:
        return None
    since_ms = connection.execute("SELECT at_ms FROM registrations WHERE id = ?", (oldest,)).fetchone()[0]
    return Backlog(oldest=oldest, since_ms=since_ms, rows=rows)


def is_told(connection: sqlite3.Connection, book: int) -> bool:
    """Whether a human is asked about a backlog."""
    sql = "SELECT 1 FROM tasks WHERE closed_ms IS NULL AND book = ? AND kind = ?"
    return connection.execute(sql, (book, TaskKind.BACKLOG.value)).fetchone() is not None


def escalate(connection: sqlite3.Connection, outbox: Outbox, found: Backlog, *, at_ms: int) -> bool:
    """Ask a human about a backlog, inside the caller's transaction, unless one is asked or has seen to that same row.

    Returns:
        Whether that was new; then it also stands in the record.
    """
    if is_told(connection, outbox.book):
        return False
    if not open_once(connection, TaskKind.BACKLOG, book=outbox.book, at_ms=at_ms, registration=found.oldest, holder=None):
        return False
    facts: dict[str, object] = {"oldest": found.oldest, "since_ms": found.since_ms, "rows": found.rows}
    record(connection, outbox.vault, Entry.ESCALATED, f"book:{outbox.book}", at_ms=at_ms, facts=facts)
    return True


def settle(connection: sqlite3.Connection, book: int, *, at_ms: int) -> bool:
    """Take the question back, inside the caller's transaction; whether it was open."""
    sql = "UPDATE tasks SET closed_ms = ? WHERE closed_ms IS NULL AND book = ? AND kind = ?"
    return connection.execute(sql, (at_ms, book, TaskKind.BACKLOG.value)).rowcount > 0
