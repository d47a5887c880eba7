"""The book: every registration owed for a tap, and how many stand in which state.

All SQL about registrations lives here and in the rooms beside it: ``claims`` chooses what is sent, ``settling``
writes down what came of it, ``groups`` pauses and resumes an employer's declaration, ``lookups`` settles the
unknown, ``findings`` keeps the service's later remarks.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk.database import Database
from kiosk.errors import SealBroken
from kiosk.model import Draft, Located, PlaceSource, Reason, Registration, Signal, State, TaskKind
from kiosk.records import group_bytes, pack_draft, unpack_draft
from kiosk.taps import Moment
from kiosk.tasks import open_task
from kiosk.vault import Field, Index, Vault, new_uid

_UNSENT: Final = (State.QUEUED, State.IN_FLIGHT, State.UNKNOWN)


_ADD: Final = (
    "INSERT INTO registrations (uid, book, holder, direction, state, reason, at_ms, group_index, sealed, signal, card_index,"
    " reader, driver, technology, press, wall_ms, boot_ns, boot_id, clock_trusted, clock_source, clock_bound_ms, trust,"
    " place_source, place_error_m, place_age_ms)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Outbox:
    """One book of the store, with all that its rooms need to work on it.

    Attributes:
        database: The open store.
        vault: Its keys.
        book: The current book's id; rows of another one are never touched.
    """

    database: Database
    vault: Vault
    book: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many registrations stand in each state, and since when the oldest of them waits.

    Attributes:
        counts: Every state, also those with none.
        oldest_unsent_ms: The tap's moment of the first row that is queued, in flight or unknown; Unix ms UTC, or None.
        waiting_for_clock: How many of the queued ones were tapped before the clock could be trusted.
    """

    counts: dict[State, int]
    oldest_unsent_ms: int | None
    waiting_for_clock: int = 0


def group_of(vault: Vault, draft: Draft) -> bytes | None:
    """The blind index of what a call has in common, employer and declaration; None while one of them lacks."""
    if draft.employer is None or draft.declaration is None:
        return None
    return vault.index(Index.GROUP, group_bytes(draft.employer, draft.declaration))


def add_registration(
    connection: sqlite3.Connection,
    vault: Vault,
    *,
    tap: Moment,
    book: int,
    holder: int,
    draft: Draft,
    state: State,
    reason: Reason | None,
    group_index: bytes | None,
    signal: Signal,
) -> int:
    """Write down a tap with the registration owed for it, inside the caller's transaction; one INSERT, for the tap path.

    Args:
        connection: The store, in a transaction.
        vault: Seals the draft.
        tap: What was seen.
        book: The current book.
        holder: The person.
        draft: What shall be sent.
        state: ``queued``, or ``held`` with its reason.
        reason: Why it is held, or why a queued one waits (``clock``, ``group``).
        group_index: See ``group_of``.
        signal: What the worker is shown after the commit.

    Returns:
        The registration's id in the book.
    """
    uid = new_uid()
    cursor = connection.execute(
        _ADD,
        (
            uid,
            book,
            holder,
            draft.direction.value,
            state.value,
            None if reason is None else reason.value,
            draft.at_ms,
            group_index,
            vault.seal(Field.REGISTRATION, uid, pack_draft(draft)),
            signal.value,
            *tap.columns(),
            *origin(tap.located, draft),
        ),
    )
    return int(cursor.lastrowid or 0)


def origin(located: Located | None, draft: Draft) -> tuple[str, int | None, int | None]:
    """Whether the place is the receiver's, and then how far off it may be (metres, rounded up) and how old it was.

    In the order of the columns ``place_source``, ``place_error_m`` and ``place_age_ms``.
    """
    if located is None or draft.place != located.place:
        return PlaceSource.SITE.value, None, None
    return PlaceSource.GPS.value, math.ceil(located.error_meters), located.age_ms


def is_paused(connection: sqlite3.Connection, book: int, group_index: bytes) -> bool:
    """Whether this employer's declaration is paused: new taps for it are queued with reason ``group``."""
    row = connection.execute(
        "SELECT 1 FROM pauses WHERE book = ? AND group_index = ? AND paused_ms IS NOT NULL", (book, group_index)
    ).fetchone()
    return row is not None


def tally(connection: sqlite3.Connection, book: int) -> Tally:
    """Count the book by state: one pass over an index, the rows themselves are not read."""
    counts = dict.fromkeys(State, 0)
    oldest: list[int] = []
    for state, count, first in connection.execute(
        "SELECT state, count(*), min(id) FROM registrations WHERE book = ? GROUP BY state", (book,)
    ):
        counts[State(state)] = count
        if State(state) in _UNSENT:
            oldest.append(first)
    if not oldest:
        return Tally(counts=counts, oldest_unsent_ms=None)
    at_ms = connection.execute("SELECT at_ms FROM registrations WHERE id = ?", (min(oldest),)).fetchone()[0]
    return Tally(counts=counts, oldest_unsent_ms=at_ms, waiting_for_clock=count_waiting(connection, book))


def count_waiting(connection: sqlite3.Connection, book: int) -> int:
    """How many rows wait for the true time of their tap; nothing sends them until it is known."""
    found = connection.execute(
        "SELECT count(*) FROM registrations WHERE book = ? AND state = 'queued' AND reason = 'clock'", (book,)
    )
    return int(found.fetchone()[0])


def is_waiting(connection: sqlite3.Connection, book: int) -> bool:
    """Whether anything of this book is yet to be sent or settled."""
    sql = "SELECT 1 FROM registrations WHERE book = ? AND state IN ('queued', 'in_flight', 'unknown') LIMIT 1"
    return connection.execute(sql, (book,)).fetchone() is not None


def recover(connection: sqlite3.Connection, book: int) -> int:
    """At start-up: nobody knows what became of the calls that were in flight, so their rows are unknown.

    They get no time of call: the clock may not be trusted yet. ``lookups.stamp`` gives it once it is.

    Returns:
        How many rows that were.
    """
    return connection.execute(
        "UPDATE registrations SET state = ?, called_ms = NULL, absent_ms = NULL, search_ms = NULL WHERE book = ? AND state = ?",
        (State.UNKNOWN.value, book, State.IN_FLIGHT.value),
    ).rowcount


def unseal(outbox: Outbox, uid: bytes, sealed: bytes) -> tuple[Registration | None, Reason]:
    """Open what is to be sent; None with the reason for which the row must be held instead."""
    try:
        draft = unpack_draft(outbox.vault.open(Field.REGISTRATION, uid, sealed))
    except SealBroken:
        return None, Reason.SEAL
    return draft.complete(), Reason.EMPLOYER if draft.employer is None else Reason.DECLARATION


def park(
    connection: sqlite3.Connection, *, book: int, row: int, holder: int, reason: Reason, at_ms: int, note: str | None = None
) -> None:
    """Hold a row for a human, inside the caller's transaction; ``note`` says in the task what he can do."""
    connection.execute("UPDATE registrations SET state = 'held', reason = ?, split = 0 WHERE id = ?", (reason.value, row))
    open_task(connection, TaskKind.HELD, book=book, at_ms=at_ms, registration=row, holder=holder, note=note)
