"""Whoever must hear what the service found of a registration: a task for the manager, a notice for the worker's next tap."""

from __future__ import annotations

import sqlite3
from typing import Final

from kiosk.advice import Audience, advise_finding, is_good, language_of
from kiosk.errors import SealBroken
from kiosk.model import TaskKind
from kiosk.outbox import Outbox
from kiosk.records import unpack_remarks
from kiosk.tasks import open_task
from kiosk.vault import Field, Vault

#: Told at one tap at most: more is not read in passing. What is left over waits for the next tap.
_MOST_NOTICES: Final = 20
_MOST_SENTENCES: Final = 3

#: One look at a partial index, which is empty nearly always: every tap pays for it.
_OPEN_SQL: Final = "SELECT id, registration FROM notices WHERE holder = ? AND told_ms IS NULL ORDER BY id LIMIT ?"
_FINDING_SQL: Final = (
    "SELECT uid, validity, remarks FROM registrations WHERE id = ? AND book = ? AND state = 'accepted' AND cancel_requested = 0"
)


def spread(
    connection: sqlite3.Connection, outbox: Outbox, row: int, *, validity: str, remarks: tuple[str, ...], at_ms: int
) -> None:
    """Tell the people concerned what the service found, inside the caller's transaction; plain good news concerns nobody.

    A remark is told in the task by the row's own advice, never in the note: it is free text and may name the person.

    Args:
        connection: The store, in a transaction.
        outbox: The book.
        row: The registration's id in the book.
        validity: As the service spells it.
        remarks: Likewise.
        at_ms: The trusted clock, Unix milliseconds UTC.
    """
    good = is_good(validity)
    if good and not remarks:
        return
    found = connection.execute("SELECT holder, cancel_requested FROM registrations WHERE id = ?", (row,)).fetchone()
    if found is None or found[1]:
        return  # who asked for the cancellation need not hear of it
    kind, note = (TaskKind.REMARK, None) if good else (TaskKind.VALIDITY, validity)
    open_task(connection, kind, book=outbox.book, at_ms=at_ms, registration=row, holder=found[0], note=note)
    connection.execute(
        "INSERT INTO notices (book, holder, registration, opened_ms) SELECT ?, ?, ?, ? WHERE NOT EXISTS"
        " (SELECT 1 FROM notices WHERE holder = ? AND told_ms IS NULL AND registration = ?)",
        (outbox.book, found[0], row, at_ms, found[0], row),
    )


def take(
    connection: sqlite3.Connection, vault: Vault, *, book: int, holder: int, language: str | None, at_ms: int
) -> tuple[str, ...]:
    """What a worker is told at his tap, in his language; marked as told in the caller's transaction, which is the tap's own."""
    notices = connection.execute(_OPEN_SQL, (holder, _MOST_NOTICES)).fetchall()
    if not notices:
        return ()
    sentences: dict[str, None] = {}
    last = 0
    for number, row in notices:
        more = sentences | dict.fromkeys(_sentences(connection, vault, book, row, language))
        if sentences and len(more) > _MOST_SENTENCES:
            break
        sentences, last = more, number
    connection.execute("UPDATE notices SET told_ms = ? WHERE holder = ? AND told_ms IS NULL AND id <= ?", (at_ms, holder, last))
    return tuple(sentences)[:_MOST_SENTENCES]


def _sentences(connection: sqlite3.Connection, vault: Vault, book: int, row: int, language: str | None) -> tuple[str, ...]:
    """What to say of one row; nothing of one that was cancelled meanwhile, or belongs to another book."""
    found = connection.execute(_FINDING_SQL, (row, book)).fetchone()
    if found is None:
        return ()
    uid, validity, sealed = found
    return advise_finding(validity, remarks_of(vault, uid, sealed), language_of(language), Audience.WORKER)


def remarks_of(vault: Vault, uid: bytes, sealed: bytes | None) -> tuple[str, ...]:
    """The remarks kept on an accepted row; none where their seal is broken: the service shows them again."""
    try:
        return () if sealed is None else unpack_remarks(vault.open(Field.REMARKS, uid, sealed))
    except SealBroken:
        return ()
