"""Cancelling at the service what it has accepted: all SQL about it. A human asks, delivery sends, nobody's tap ever does.

A row stays accepted until the service agrees. ``cancel_requested`` says how far it is: asked for, or sent without an
answer that settles it; then the service is looked at before it is sent again. ``cancel_ms`` says when.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Final

from kiosk.claims import HOUR_MS
from kiosk.evidence import Entry, record
from kiosk.groups import LONGEST_REASON
from kiosk.identifiers import Employer
from kiosk.model import TaskKind
from kiosk.outbox import Outbox, unseal
from kiosk.tasks import close_tasks, open_once, open_task

#: What a cancelled registration no longer needs from anybody.
_DONE_WITH: Final = frozenset(
    {
        TaskKind.MISSING_IN,
        TaskKind.MISSING_OUT,
        TaskKind.LONG_STAY,
        TaskKind.VALIDITY,
        TaskKind.REMARK,
        TaskKind.LOST,
        TaskKind.DIFFERENT,
        TaskKind.NOT_CANCELLED,
        TaskKind.OVERLAP,
    }
)

_COLUMNS: Final = "SELECT id, holder, uid, sealed, group_index, registration_id FROM registrations"
_STAGES: Final = "SELECT group_index, cancel_requested FROM registrations"
_FIRST: Final = "SELECT min(cancel_ms) FROM registrations"
_STAMP: Final = "UPDATE registrations SET cancel_ms = ?"
_CANCELLING: Final = "book = ? AND cancel_requested > 0 AND state = 'accepted'"
_NEXT_SQL: Final = f"{_STAGES} WHERE {_CANCELLING} AND cancel_ms <= ? ORDER BY cancel_ms, id LIMIT 1"
_ROWS_SQL: Final = (
    f"{_COLUMNS} WHERE {_CANCELLING} AND cancel_ms <= ? AND group_index = ? AND cancel_requested = ? ORDER BY id LIMIT ?"
)
_FIRST_SQL: Final = f"{_FIRST} WHERE {_CANCELLING}"
_STAMP_SQL: Final = f"{_STAMP} WHERE {_CANCELLING} AND cancel_ms > ?"
#: When it was asked for, which the record tells, and whether a human was told already that it is not done.
_ASKED_SQL: Final = (
    "SELECT (SELECT max(at_ms) FROM evidence WHERE subject = ? AND kind = ?),"
    " EXISTS (SELECT 1 FROM tasks WHERE registration = ? AND kind = 'not_cancelled' AND closed_ms IS NULL)"
)
#: So long a cancellation may fail before a human is asked.
_LONG_MS: Final = 24 * HOUR_MS


class Stage(IntEnum):
    """How far a cancellation is; the value of ``cancel_requested``."""

    NONE = 0
    ASKED = 1
    SENT = 2


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An accepted row that a human wants cancelled; the fields are the columns of ``_COLUMNS``."""

    id: int
    holder: int
    uid: bytes
    sealed: bytes
    group: bytes
    registration_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """Rows of one employer to cancel in one call, or one of them to look at first.

    Attributes:
        employer: Whose they are; None where no seal opens, so that nobody can be asked in his name.
        sent: Whether it was sent already, and nobody knows what became of it.
        rows: At least one.
    """

    employer: Employer | None
    sent: bool
    rows: tuple[Withdrawn, ...]

    @property
    def ids(self) -> list[int]:
        """The service's ids, in the order of the rows."""
        return [row.registration_id for row in self.rows]


def ask(connection: sqlite3.Connection, outbox: Outbox, row: int, *, because: str, at_ms: int) -> None:
    """Ask for an accepted row to be cancelled at the service, inside the caller's transaction; once asked is enough.

    It is due at once, whatever the clock says: nobody may vouch for it yet.
    """
    cursor = connection.execute(
        "UPDATE registrations SET cancel_requested = ?, cancel_ms = 0"
        " WHERE id = ? AND book = ? AND state = 'accepted' AND cancel_requested = 0",
        (Stage.ASKED.value, row, outbox.book),
    )
    if cursor.rowcount:
        close_tasks(connection, registration=row, kinds=frozenset({TaskKind.NOT_CANCELLED}), at_ms=at_ms)
        record(connection, outbox.vault, Entry.CANCEL_REQUESTED, f"registration:{row}", at_ms=at_ms, person={"because": because})


def due(outbox: Outbox, now_ms: int, *, size: int) -> Cancellation | None:
    """Choose what to cancel next, or None when nothing is due; what was sent without an answer comes one by one."""
    rows, stage = outbox.database.read(partial(_due, book=outbox.book, now_ms=now_ms, size=size))
    if not rows:
        return None
    opened = (unseal(outbox, row.uid, row.sealed)[0] for row in rows)
    registration = next((each for each in opened if each is not None), None)
    return Cancellation(employer=None if registration is None else registration.employer, sent=stage is Stage.SENT, rows=rows)


def next_due_ms(connection: sqlite3.Connection, book: int) -> int | None:
    """When the next one may be asked for, Unix milliseconds UTC, or None while none is wanted."""
    first = connection.execute(_FIRST_SQL, (book,)).fetchone()[0]
    return None if first is None else int(first)


def stamp(outbox: Outbox, *, at_ms: int) -> None:
    """Let none wait beyond this moment: another clock than today's said so."""
    outbox.database.write(lambda connection: connection.execute(_STAMP_SQL, (at_ms, outbox.book, at_ms)))


def mark_sent(outbox: Outbox, cancellation: Cancellation, *, again_ms: int) -> None:
    """Write down, before the call, that it is being made: after a crash the service is looked at first.

    Args:
        outbox: The book.
        cancellation: What is sent.
        again_ms: When the service may be looked at if no answer comes, Unix milliseconds UTC.
    """
    _put(outbox, cancellation.rows, Stage.SENT, again_ms)


def put_back(outbox: Outbox, rows: Sequence[Withdrawn], *, again_ms: int) -> None:
    """The call was not carried out: it may be made again from this moment on."""
    _put(outbox, rows, Stage.ASKED, again_ms)


def look_later(outbox: Outbox, rows: Sequence[Withdrawn], *, again_ms: int) -> None:
    """Nobody knows what became of the call: the service is looked at from this moment on."""
    _put(outbox, rows, Stage.SENT, again_ms)


def hold_up(outbox: Outbox, rows: Sequence[Withdrawn], why: str, *, at_ms: int) -> None:
    """The box may not cancel for this employer: a task each, and another try in an hour."""

    def work(connection: sqlite3.Connection) -> None:
        for row in rows:
            _complain(connection, outbox, row, why, at_ms)

    outbox.database.write(work)
    put_back(outbox, rows, again_ms=at_ms + HOUR_MS)


def tell_old(connection: sqlite3.Connection, outbox: Outbox, rows: Sequence[Withdrawn], *, at_ms: int) -> None:
    """Ask a human about those that were wanted a day ago and not cancelled yet, inside the caller's transaction; once each.

    They are tried on, as before.
    """
    for row in rows:
        asked_ms, told = connection.execute(_ASKED_SQL, (f"registration:{row.id}", Entry.CANCEL_REQUESTED.value, row.id)).fetchone()
        if asked_ms is not None and at_ms - asked_ms >= _LONG_MS and not told:
            open_once(
                connection,
                TaskKind.NOT_CANCELLED,
                book=outbox.book,
                at_ms=at_ms,
                holder=row.holder,
                registration=row.id,
                note="not done within a day; it is tried on",
            )


def done(connection: sqlite3.Connection, outbox: Outbox, row: Withdrawn, *, at_ms: int) -> None:
    """The service has cancelled it: from the next tap on its person stands as if it had not been."""
    cursor = connection.execute(
        "UPDATE registrations SET state = 'cancelled', cancel_requested = 0, cancel_ms = NULL, search_ms = NULL"
        " WHERE id = ? AND book = ? AND state = 'accepted'",
        (row.id, outbox.book),
    )
    if cursor.rowcount:
        close_tasks(connection, registration=row.id, kinds=_DONE_WITH, at_ms=at_ms)
        facts: dict[str, object] = {"state": "cancelled", "registration_id": row.registration_id}
        record(connection, outbox.vault, Entry.CANCELLED, f"registration:{row.id}", at_ms=at_ms, facts=facts)


def refused(connection: sqlite3.Connection, outbox: Outbox, row: Withdrawn, why: str, *, at_ms: int) -> None:
    """The service does not cancel it: it stays accepted, with a task, and is not asked for again by itself."""
    connection.execute(
        "UPDATE registrations SET cancel_requested = 0, cancel_ms = NULL WHERE id = ? AND book = ? AND state = 'accepted'",
        (row.id, outbox.book),
    )
    _complain(connection, outbox, row, why, at_ms)
    facts: dict[str, object] = {"not_cancelled": why[:LONGEST_REASON]}
    record(connection, outbox.vault, Entry.VERDICT, f"registration:{row.id}", at_ms=at_ms, facts=facts)


def _due(connection: sqlite3.Connection, book: int, now_ms: int, size: int) -> tuple[tuple[Withdrawn, ...], Stage]:
    first = connection.execute(_NEXT_SQL, (book, now_ms)).fetchone()
    if first is None:
        return (), Stage.NONE
    group, stage = first[0], Stage(first[1])
    values = (book, now_ms, group, stage.value, 1 if stage is Stage.SENT else size)
    return tuple(Withdrawn(*row) for row in connection.execute(_ROWS_SQL, values)), stage


def _put(outbox: Outbox, rows: Sequence[Withdrawn], stage: Stage, again_ms: int) -> None:
    outbox.database.write(
        lambda connection: connection.executemany(
            "UPDATE registrations SET cancel_requested = ?, cancel_ms = ? WHERE id = ? AND cancel_requested > 0",
            ((stage.value, again_ms, row.id) for row in rows),
        )
    )


def _complain(connection: sqlite3.Connection, outbox: Outbox, row: Withdrawn, why: str, at_ms: int) -> None:
    note = why[:LONGEST_REASON]
    open_task(connection, TaskKind.NOT_CANCELLED, book=outbox.book, at_ms=at_ms, registration=row.id, holder=row.holder, note=note)
