"""What a human sees and changes in the book: all SQL behind the ``outbox`` verbs (design, section 7, the book).

A row's content is sealed anew only here, by ``requeue``; the version before it goes into the record.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk.errors import SealBroken
from kiosk.model import Direction, Draft, Reason, State, TaskKind
from kiosk.outbox import group_of, is_paused
from kiosk.records import pack_draft, pack_remarks, unpack_draft, unpack_remarks
from kiosk.taps import TIMED
from kiosk.tasks import close_tasks
from kiosk.vault import Field, Vault

#: Rows in one read: some 3 ms, so that no tap waits longer than 20 ms on a slower machine.
WINDOW: Final = 250
_COLUMNS: Final = (
    "SELECT id, uid, holder, direction, state, reason, at_ms, group_index, sealed, attempts, called_ms, absent_ms,"
    " cancel_requested, registration_id, confirmed_ms, validity, remarks, wall_ms, reader, clock_trusted,"
    " clock_source, clock_bound_ms, healed_ms, earliest_ms, latest_ms, technology, trust,"
    " place_source, place_error_m, place_age_ms, linked, link_until_ms, link_confirmed_ms FROM registrations"
)
_BEFORE_SQL: Final = (
    f"{_COLUMNS} WHERE holder = ? AND book = ? AND id < ? AND state <> 'cancelled' AND linked IS NULL ORDER BY id DESC LIMIT 1"
)
#: A linked row was written long after its tap: only the time tells what came before it.
_BEFORE_LINKED_SQL: Final = (
    f"{_COLUMNS} WHERE holder = ? AND +book = ? AND at_ms < ? AND {TIMED} AND state <> 'cancelled'"
    " ORDER BY at_ms DESC, id DESC LIMIT 1"
)
_ELSEWHERE_SQL: Final = (
    "SELECT direction, uid, sealed, at_ms FROM elsewhere"
    " WHERE holder = ? AND +book = ? AND at_ms < ? AND gone_ms IS NULL ORDER BY at_ms DESC LIMIT 1"
)
_QUEUE_SQL: Final = (
    "UPDATE registrations SET state = 'queued', reason = ?, group_index = ?, sealed = ?, split = 0, released = max(released, ?),"
    " absent_ms = NULL, search_ms = NULL WHERE id = ? AND book = ? AND state = ?"
)
#: What a registration no longer needs once it is queued again, and once it is cancelled.
_WHY_IT_STOOD: Final = frozenset({TaskKind.HELD, TaskKind.REFUSED, TaskKind.UNKNOWN})
_ABOUT_ITSELF: Final = _WHY_IT_STOOD | {TaskKind.MISSING_IN, TaskKind.MISSING_OUT, TaskKind.LONG_STAY, TaskKind.OVERLAP}


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A row as it lies on disk, with what is known of its tap; the fields are the columns of ``_COLUMNS``."""

    id: int
    uid: bytes
    holder: int
    direction: str
    state: str
    reason: str | None
    at_ms: int
    group_index: bytes | None
    sealed: bytes
    attempts: int
    called_ms: int | None
    absent_ms: int | None
    cancel_requested: int
    registration_id: int | None
    confirmed_ms: int | None
    validity: str | None
    remarks: bytes | None
    tapped_ms: int
    reader: str
    clock_trusted: int
    clock_source: str
    clock_bound_ms: int | None
    healed_ms: int | None
    earliest_ms: int | None
    latest_ms: int | None
    technology: str
    trust: str
    place_source: str
    place_error_m: int | None
    place_age_ms: int | None
    linked: int | None
    link_until_ms: int | None
    link_confirmed_ms: int | None

    @property
    def timed(self) -> bool:
        """Whether the tap's time is known: by the clock at the tap, or healed."""
        return self.clock_trusted == 1 or self.healed_ms is not None

    @property
    def bound_ms(self) -> int | None:
        """How far off ``at_ms`` may be, milliseconds; None where nobody knows."""
        if self.healed_ms is None or self.earliest_ms is None or self.latest_ms is None:
            return self.clock_bound_ms
        return (self.latest_ms - self.earliest_ms) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A registration as a human may see it.

    Attributes:
        row: Everything that is not sealed.
        state: Its state.
        direction: in or out.
        draft: What is or was to be sent; None where the seal does not open.
        remarks: The service's remarks.
        cancelled_because: What a human wrote when he cancelled it in the book.
    """

    row: SealedRow
    state: State
    direction: Direction
    draft: Draft | None
    remarks: tuple[str, ...]
    cancelled_because: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The IN of a stay: what it carries, and its row, or None where another channel made it."""

    draft: Draft
    row: SealedRow | None


def last_id(connection: sqlite3.Connection) -> int:
    """Return the highest id of the book, 0 in an empty one."""
    return int(connection.execute("SELECT ifnull(max(id), 0) FROM registrations").fetchone()[0])


def window(connection: sqlite3.Connection, *, book: int, after: int, state: State | None) -> list[SealedRow]:
    """Return the rows with the next ``WINDOW`` ids after this one, those in ``state`` only; there may be none among them."""
    # The pluses keep SQLite from walking an index over the whole book instead of these ids.
    rows = connection.execute(
        f"{_COLUMNS} WHERE id > ? AND id <= ? AND +book = ? AND +state = ifnull(?, state) ORDER BY id",
        (after, after + WINDOW, book, None if state is None else state.value),
    )
    return [SealedRow(*row) for row in rows]


def sealed_row(connection: sqlite3.Connection, *, book: int, row: int) -> SealedRow | None:
    """Return one row of this book, or None."""
    found = connection.execute(f"{_COLUMNS} WHERE id = ? AND book = ?", (row, book)).fetchone()
    return None if found is None else SealedRow(*found)


def rows_of(connection: sqlite3.Connection, *, book: int, holder: int, from_ms: int, to_ms: int) -> list[SealedRow]:
    """Return a person's rows of this book from one moment (inclusive) to another, Unix milliseconds UTC, in their order."""
    sql = f"{_COLUMNS} WHERE holder = ? AND +book = ? AND at_ms >= ? AND at_ms < ? ORDER BY id"
    return [SealedRow(*row) for row in connection.execute(sql, (holder, book, from_ms, to_ms))]


def row_of_id(connection: sqlite3.Connection, *, book: int, registration_id: int) -> int | None:
    """Return which row of this book the service knows by that id, or None."""
    sql = "SELECT id FROM registrations WHERE book = ? AND registration_id = ?"
    found = connection.execute(sql, (book, registration_id)).fetchone()
    return None if found is None else int(found[0])


def unseal(vault: Vault, row: SealedRow) -> Kept:
    """Open a row; what does not open is left out, so that one bad row does not hide the others."""
    state = State(row.state)
    try:
        draft = _open(vault, row.uid, row.sealed)
    except SealBroken:
        draft = None
    try:
        remarks = () if row.remarks is None else unpack_remarks(vault.open(Field.REMARKS, row.uid, row.remarks))
    except SealBroken:
        remarks = ()
    # The service says nothing about what it never had: there the sealed words are the human's.
    own = state is State.CANCELLED and row.registration_id is None and bool(remarks)
    return Kept(
        row=row,
        state=state,
        direction=Direction(row.direction),
        draft=draft,
        remarks=() if own else remarks,
        cancelled_because=remarks[0] if own else None,
    )


def stay_before(connection: sqlite3.Connection, vault: Vault, *, book: int, row: SealedRow) -> Opening | None:
    """Return the IN that an OUT closes: what its holder did before it, if that is an IN that was not cancelled.

    Another channel's counts where that is known to be later than his registration here.

    Raises:
        SealBroken: That IN is damaged.
    """
    sql, before = (_BEFORE_SQL, row.id) if row.linked is None else (_BEFORE_LINKED_SQL, row.at_ms)
    found = connection.execute(sql, (row.holder, book, before)).fetchone()
    here = None if found is None else SealedRow(*found)
    there = connection.execute(_ELSEWHERE_SQL, (row.holder, book, row.at_ms)).fetchone() if row.timed else None
    if there is not None and (here is None or (here.timed and here.at_ms < there[3])):
        return Opening(draft=_open(vault, there[1], there[2]), row=None) if there[0] == Direction.IN else None
    if here is None or here.direction != Direction.IN:
        return None
    return Opening(draft=_open(vault, here.uid, here.sealed), row=here)


def _open(vault: Vault, uid: bytes, sealed: bytes) -> Draft:
    return unpack_draft(vault.open(Field.REGISTRATION, uid, sealed))


def requeue(
    connection: sqlite3.Connection, vault: Vault, *, book: int, row: SealedRow, draft: Draft, at_ms: int, released: bool
) -> None:
    """Queue a refused or held row with this content, inside the caller's transaction, and close the tasks about it.

    A row that was never sent, of a tap whose true time is not known, goes on waiting for it.

    Args:
        connection: The store, in a transaction.
        vault: Seals the content.
        book: The current book.
        row: As read in the same transaction.
        draft: Complete.
        at_ms: When, for the tasks.
        released: Whether it is not to be held again for being late.
    """
    group = group_of(vault, draft)
    reason = None
    # The clock goes first: the end of a pause must not send what still waits for its true time.
    if not row.timed and row.called_ms is None:
        reason = Reason.CLOCK.value
    elif group is not None and is_paused(connection, book, group):
        reason = Reason.GROUP.value
    sealed = vault.seal(Field.REGISTRATION, row.uid, pack_draft(draft))
    connection.execute(_QUEUE_SQL, (reason, group, sealed, int(released), row.id, book, row.state))
    close_tasks(connection, registration=row.id, kinds=_WHY_IT_STOOD, at_ms=at_ms)


def cancel(connection: sqlite3.Connection, vault: Vault, *, row: SealedRow, because: str, at_ms: int) -> None:
    """Cancel a row in the book, inside the caller's transaction: from the next tap on the holder stands as if it had not been.

    Where the tap owes another registration (an OUT and an IN on a change of declaration), he stands where that one leaves him.
    """
    words = vault.seal(Field.REMARKS, row.uid, pack_remarks((because,)))
    connection.execute("UPDATE registrations SET state = 'cancelled', split = 0, remarks = ? WHERE id = ?", (words, row.id))
    close_tasks(connection, registration=row.id, kinds=_ABOUT_ITSELF, at_ms=at_ms)


def may_be_absent(connection: sqlite3.Connection, row: SealedRow) -> bool:
    """Whether a human may say that an unknown row did not arrive: a search failed to find it, or none is to be had."""
    if row.absent_ms is not None:
        return True
    task = connection.execute(
        "SELECT 1 FROM tasks WHERE closed_ms IS NULL AND kind = ? AND registration = ?", (TaskKind.UNKNOWN.value, row.id)
    ).fetchone()
    return task is not None
