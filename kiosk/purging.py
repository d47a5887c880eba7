"""All SQL of the retention: what is finished and old enough goes, slice by slice, each slice with an entry of the record.

A row stays whatever its age while it is not finished, while something is open about it or its person, while it says where
somebody is, while the next row of its person still needs it, and as the newest of its table: numbers are given once
(``schema``). Rows are older than those before them: a tap whose clock was not to be trusted is as old as its neighbours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk import evidence, tap_entries
from kiosk.contract import VALIDITY_PENDING
from kiosk.evidence import Entry
from kiosk.outbox import Outbox
from kiosk.vault import Vault

DAY_MS: Final = 86_400_000
#: Younger rows never go: other channels are told from our own rows for four days back (``channels``).
YOUNGEST_MS: Final = 7 * DAY_MS
#: Ids looked at in one read, and rows deleted in one transaction: no tap waits longer than 20 ms on a slower machine.
WINDOW: Final = 500
SLICE: Final = 25
#: Where the record says up to when taps were purged; Unix milliseconds UTC.
_PURGED: Final = "purged_ms"

_FINISHED: Final = f"(state = 'cancelled' OR (state = 'accepted' AND validity <> '{VALIDITY_PENDING}' AND cancel_requested = 0))"
_REGISTRATIONS: Final = (
    f"SELECT id, at_ms, clock_trusted OR healed_ms IS NOT NULL, {_FINISHED} FROM registrations"  # noqa: S608  our own words
    " WHERE id > ? ORDER BY id LIMIT ?"
)
_TAPS: Final = (
    "SELECT id, at_ms, clock_trusted OR healed_ms IS NOT NULL, (direction IS NOT NULL) = {local} FROM taps"
    " WHERE id > ? ORDER BY id LIMIT ?"
)
#: Of the given rows those that may go: the row's person has a later one that counts, and that is finished.
_MAY_GO: Final = (
    f"SELECT id, at_ms FROM registrations r WHERE id IN ({{marks}}) AND {_FINISHED}"  # noqa: S608  our own words
    " AND id < (SELECT max(id) FROM registrations)"
    f" AND (SELECT {_FINISHED} FROM registrations n WHERE n.holder = r.holder AND +n.book = r.book AND n.id > r.id"
    " AND n.state <> 'cancelled' AND n.linked IS NULL ORDER BY n.id LIMIT 1)"
    " AND holder NOT IN (SELECT holder FROM tasks WHERE closed_ms IS NULL AND holder IS NOT NULL)"
    " AND NOT EXISTS (SELECT 1 FROM tasks WHERE closed_ms IS NULL AND registration = r.id) ORDER BY id"
)
_TAPS_MAY_GO: Final = (
    "SELECT id, at_ms FROM taps t WHERE id IN ({marks}) AND id < (SELECT max(id) FROM taps) AND (direction IS NULL OR EXISTS"
    " (SELECT 1 FROM taps n WHERE n.holder = t.holder AND +n.book = t.book AND n.id > t.id AND n.direction IS NOT NULL))"
)
#: Content of entries about what happened to people and their rows; what the box itself did stays told.
_ABOUT_PEOPLE: Final = ("registration:", "tap:", "holder:", "badge:", "task:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What one walk through a table takes.

    Attributes:
        table: ``registrations`` or ``taps``.
        window: Selects rows by id: id, moment, whether that is sure, whether the row is one to go by itself.
        may_go: Selects of some rows those that may go.
        why: For the record: ``age`` or ``number``.
        days: After how many, for the record.
    """

    table: str
    window: str
    may_go: str
    why: str
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a walk came: ``after`` is the last id looked at, None at its end; ``gone`` is how many rows went."""

    after: int | None
    gone: int


def registrations(days: int) -> Term:
    """Finished registrations older than so many days."""
    return Term(table="registrations", window=_REGISTRATIONS, may_go=_MAY_GO, why="age", days=days)


def surplus(days: int) -> Term:
    """Finished registrations that are too many, whatever their age; ``days`` is what they would have been kept."""
    return Term(table="registrations", window=_REGISTRATIONS, may_go=_MAY_GO, why="number", days=days)


def unknown_cards(days: int) -> Term:
    """Taps of cards that nobody knew."""
    return Term(table="taps", window=_TAPS.format(local="0"), may_go=_TAPS_MAY_GO, why="age", days=days)


def local_taps(days: int) -> Term:
    """Taps of people for whom nothing is owed."""
    return Term(table="taps", window=_TAPS.format(local="1"), may_go=_TAPS_MAY_GO, why="age", days=days)


def purge(outbox: Outbox, term: Term, *, after: int, cutoff_ms: int, now_ms: int, most: int = SLICE) -> Progress:
    """Take one step of a walk: look at the next rows and delete of those before ``cutoff_ms`` what may go.

    Args:
        outbox: The store.
        term: What goes.
        after: Where the last step ended, 0 at first.
        cutoff_ms: Unix milliseconds UTC.
        now_ms: The trusted clock, likewise.
        most: How many rows may go, at most ``SLICE``.
    """
    rows = outbox.database.read(lambda connection: connection.execute(term.window, (after, WINDOW)).fetchall())
    # A moment that lies ahead is a clock's mistake: it must not keep everything before it for years.
    young = next((index for index, row in enumerate(rows) if row[2] and cutoff_ms <= row[1] <= now_ms), None)
    end = len(rows) if young is None else young
    while end and not (rows[end - 1][2] and rows[end - 1][1] < cutoff_ms):
        end -= 1  # nothing that is surely old comes after it: it may be young
    due = [row[0] for row in rows[:end] if row[3]][:most]
    looked, more = (rows[end - 1][0], young is None and len(rows) == WINDOW) if end else (after, False)
    if len(due) == most:
        looked, more = due[-1], True
    gone = outbox.database.write(partial(_delete, outbox.vault, term, due, now_ms)) if due else 0
    return Progress(after=looked if more else None, gone=gone)


def count_finished(connection: sqlite3.Connection) -> int:
    """How many registrations are accepted or cancelled: one pass over an index, the rows themselves are not read."""
    sql = "SELECT count(*) FROM registrations WHERE state IN ('accepted', 'cancelled')"
    return int(connection.execute(sql).fetchone()[0])


def purged_ms(connection: sqlite3.Connection) -> int | None:
    """Up to when the book is not whole any more, Unix milliseconds UTC; None while nothing was purged from it."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_PURGED,)).fetchone()
    return None if row is None else int(row[0])


def expire(connection: sqlite3.Connection, *, before_ms: int) -> int:
    """Delete a slice of what was closed or told before; inside the caller's transaction. Returns how many rows went.

    What a human has seen to stays as long as the row that it is about: without it he would be asked again (``tasks.is_asked``).
    """
    closed = connection.execute(
        "DELETE FROM tasks WHERE id IN (SELECT id FROM tasks t WHERE closed_ms < ?"
        " AND NOT (by_hand AND EXISTS (SELECT 1 FROM registrations WHERE id = t.registration)) LIMIT ?)",
        (before_ms, SLICE),
    ).rowcount
    told = connection.execute(
        "DELETE FROM notices WHERE id IN (SELECT id FROM notices n WHERE told_ms < ?"
        " OR NOT EXISTS (SELECT 1 FROM registrations WHERE id = n.registration) LIMIT ?)",
        (before_ms, SLICE),
    ).rowcount
    return closed + told


def expire_days(connection: sqlite3.Connection, *, before: str) -> int:
    """Delete what the comparisons of days before this date came to, inside the caller's transaction."""
    return connection.execute("DELETE FROM reconciliations WHERE day < ?", (before,)).rowcount


def fade(connection: sqlite3.Connection, *, after: int, cutoff_ms: int, now_ms: int) -> Progress:
    """Let the content of one slice of old entries about people go, inside the caller's transaction; the chain stays."""
    rows = connection.execute(
        "SELECT id, at_ms, subject, sealed IS NOT NULL FROM evidence WHERE id > ? ORDER BY id LIMIT ?", (after, WINDOW)
    ).fetchall()
    end = next((index for index, row in enumerate(rows) if cutoff_ms <= row[1] <= now_ms), len(rows))
    due = [row[0] for row in rows[:end] if row[3] and row[2].startswith(_ABOUT_PEOPLE)]
    evidence.erase(connection, due)
    return Progress(after=rows[end - 1][0] if rows and end == len(rows) else None, gone=len(due))


def delete_rows(
    connection: sqlite3.Connection, vault: Vault, table: str, ids: Sequence[int], *, at_ms: int, **facts: object
) -> None:
    """Delete these taps or registrations with their entry of the record, inside the caller's transaction.

    Args:
        connection: The store, in a transaction.
        vault: Seals the entry.
        table: ``registrations`` or ``taps``.
        ids: At most ``SLICE``.
        at_ms: Unix milliseconds UTC.
        facts: Why, and what else the entry says.
    """
    connection.execute(f"DELETE FROM {table} WHERE id IN ({_marks(ids)})", ids)  # noqa: S608  our own word and question marks
    told = {"table": table, "ids": list(ids), "count": len(ids), **facts}
    evidence.record(connection, vault, Entry.PURGED, "box", at_ms=at_ms, facts=told)


def _delete(vault: Vault, term: Term, due: Sequence[int], now_ms: int, connection: sqlite3.Connection) -> int:
    # What the record has not taken in yet would leave no trace; it goes another night.
    known = tap_entries.chained(connection, term.table)
    due = [row for row in due if row <= known]
    # Chosen once more: since the row was looked at somebody may have asked for its cancellation.
    going = connection.execute(term.may_go.format(marks=_marks(due)), due).fetchall()
    if not going:
        return 0
    ids = [row[0] for row in going]
    delete_rows(connection, vault, term.table, ids, at_ms=now_ms, why=term.why, days=term.days)
    newest = max((row[1] for row in going if row[1] <= now_ms), default=None)
    if term.table == "registrations" and newest is not None:
        connection.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            (_PURGED, newest),
        )
    return len(ids)


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
