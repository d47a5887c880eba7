"""What a call came to, written in the book: one transaction a call (design, section 5).

The helpers for one row (``accept``, ``requeue``) also serve whoever settles a row by another way: a lookup, a human.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, assert_never

from kiosk import groups, notices
from kiosk.batches import Batch, Row
from kiosk.evidence import Entry, Prepared, append, prepare, record
from kiosk.groups import LONGEST_REASON, Group
from kiosk.model import State, TaskKind
from kiosk.outbox import Outbox
from kiosk.records import pack_remarks
from kiosk.tasks import close_tasks, open_task
from kiosk.vault import Field
from kiosk.verdicts import Answered, CallRefused, Created, NotCreated

_log = logging.getLogger(__name__)

#: What an acceptance proves to be done.
_SETTLED_BY_ACCEPTANCE: Final = frozenset({TaskKind.HELD, TaskKind.REFUSED, TaskKind.UNKNOWN})
#: A batch that was lost that often, while others came through, is suspected as a whole and tried in halves.
_LOSSES_THAT_SUSPECT: Final = 3


def group_of_batch(batch: Batch) -> Group:
    """Whose call it was."""
    first = batch.rows[0].registration
    return Group(index=batch.group, employer=first.employer, declaration=first.declaration)


def answered(outbox: Outbox, batch: Batch, verdict: Answered, *, at_ms: int) -> None:
    """Write down the answer to every item, in order; ``at_ms`` is when it came, Unix milliseconds UTC."""
    # Sealed before the store is locked: two hundred of them take longer than a tap may wait.
    entries = {
        row.id: _acceptance(outbox, row, item)
        for row, item in zip(batch.rows, verdict.items, strict=True)
        if isinstance(item, Created)
    }
    outbox.database.write(partial(_answered, outbox=outbox, batch=batch, verdict=verdict, entries=entries, at_ms=at_ms))


def call_refused(outbox: Outbox, batch: Batch, verdict: CallRefused, *, at_ms: int) -> None:
    """Refuse the rows that the problem names, or a row that was alone; otherwise isolate the bad one by halves.

    The halving is kept in the book, so a restart does not begin it again: all rows of a suspect set (``split``) were
    refused together, so that set is never sent whole. Its first half is tried; accepted, it clears itself and leaves
    the blame with the rest; refused, it clears the rest, which goes back to the others. One bad row in 200 costs at
    most eleven calls.
    """
    outbox.database.write(partial(_call_refused, outbox, batch, verdict, at_ms))


def put_back(outbox: Outbox, batch: Batch, *, sent_ms: int | None) -> None:
    """Queue the rows of a call that was not carried out; ``sent_ms`` is when it ended, None if nothing left the box."""

    def work(connection: sqlite3.Connection) -> None:
        reason = groups.waiting_reason(connection, outbox.book, batch.group)
        connection.executemany(
            "UPDATE registrations SET state = 'queued', reason = ?, called_ms = ifnull(?, called_ms)"
            " WHERE id = ? AND state = 'in_flight'",
            ((reason, sent_ms, row.id) for row in batch.rows),
        )

    outbox.database.write(work)


def lost(outbox: Outbox, batch: Batch, *, at_ms: int, search_ms: int, suspect: bool) -> None:
    """Nobody knows whether the call was carried out: its rows are unknown until a lookup settles them.

    Args:
        outbox: The book.
        batch: The rows of the call.
        at_ms: When the call ended.
        search_ms: When they may be looked up first.
        suspect: Whether the service works otherwise, so that a batch lost again and again is suspected itself.
    """
    suspects = [row.id for row in batch.rows if suspect and row.attempts >= _LOSSES_THAT_SUSPECT]
    split = batch.split or (-suspects[0] if suspects else 0)

    def work(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "UPDATE registrations SET state = 'unknown', reason = NULL, called_ms = ?, absent_ms = NULL, search_ms = ?,"
            " split = ? WHERE id = ? AND state = 'in_flight'",
            ((at_ms, search_ms, split if batch.split or row.id in suspects else 0, row.id) for row in batch.rows),
        )

    outbox.database.write(work)


def pause_group(outbox: Outbox, batch: Batch, why: str, *, at_ms: int, probe_ms: int) -> None:
    """The service does not let this box act for the batch's employer: pause the group at once and queue the rows."""
    outbox.database.write(
        lambda connection: groups.pause(connection, outbox, group_of_batch(batch), why, at_ms=at_ms, probe_ms=probe_ms)
    )
    put_back(outbox, batch, sent_ms=None)


def accept(
    connection: sqlite3.Connection, outbox: Outbox, row: int, uid: bytes, created: Created, *, at_ms: int, state: State
) -> bool:
    """Write an acceptance inside the caller's transaction; False when its id settled another row or the state changed.

    Whoever must hear of what the service found already, is told.

    Args:
        connection: The store, in a transaction.
        outbox: The book.
        row: The registration's id in the book.
        uid: The row's uid, which its remarks are sealed for.
        created: What the service answered.
        at_ms: When the answer came (``confirmed_at``).
        state: The state it must still be in.
    """
    remarks = outbox.vault.seal(Field.REMARKS, uid, pack_remarks(created.remarks)) if created.remarks else None
    cursor = connection.execute(
        "UPDATE OR IGNORE registrations SET state = 'accepted', reason = NULL, split = 0, registration_id = ?,"
        " confirmed_ms = ?, validity = ?, remarks = ?, absent_ms = NULL, search_ms = ? WHERE id = ? AND book = ? AND state = ?",
        (created.registration_id, at_ms, created.validity, remarks, at_ms, row, outbox.book, state.value),
    )
    if cursor.rowcount != 1:
        return False
    notices.spread(connection, outbox, row, validity=created.validity, remarks=created.remarks, at_ms=at_ms)
    return True


def close_settled(connection: sqlite3.Connection, row: int, *, at_ms: int) -> None:
    """Close the tasks that an accepted row no longer needs, inside the caller's transaction."""
    close_tasks(connection, registration=row, kinds=_SETTLED_BY_ACCEPTANCE, at_ms=at_ms)


def verdict_entry(connection: sqlite3.Connection, outbox: Outbox, row: int, facts: dict[str, object], *, at_ms: int) -> None:
    """Append what settled a row to the record, inside the caller's transaction."""
    record(connection, outbox.vault, Entry.VERDICT, f"registration:{row}", at_ms=at_ms, facts=facts)


def _acceptance(outbox: Outbox, row: Row, created: Created) -> Prepared:
    facts = {
        "state": State.ACCEPTED.value,
        "registration_id": created.registration_id,
        "validity": created.validity,
        "attempts": row.attempts,
    }
    return prepare(outbox.vault, Entry.VERDICT, f"registration:{row.id}", facts=facts)


def _answered(
    connection: sqlite3.Connection,
    *,
    outbox: Outbox,
    batch: Batch,
    verdict: Answered,
    entries: Mapping[int, Prepared],
    at_ms: int,
) -> None:
    refusals: list[str | None] = []
    accepted: list[Prepared] = []
    for row, item in zip(batch.rows, verdict.items, strict=True):
        match item:
            case Created():
                if _accepted(connection, outbox, row, item, at_ms):
                    accepted.append(entries[row.id])
                refusals.append(None)
            case NotCreated(reason=reason):
                _refuse(connection, outbox, row, reason, at_ms)
                refusals.append(reason)
            case other:
                assert_never(other)
    append(connection, accepted, at_ms=at_ms)
    groups.count_answers(connection, outbox, group_of_batch(batch), refusals, at_ms=at_ms)


def _accepted(connection: sqlite3.Connection, outbox: Outbox, row: Row, created: Created, at_ms: int) -> bool:
    if not accept(connection, outbox, row.id, row.uid, created, at_ms=at_ms, state=State.IN_FLIGHT):
        # The service named an id that another row has: whether this one arrived is not known.
        _log.warning("an id that another row has", extra={"row": row.id})
        connection.execute(
            "UPDATE registrations SET state = 'unknown', reason = NULL, called_ms = ?, search_ms = ?"
            " WHERE id = ? AND state = 'in_flight'",
            (at_ms, at_ms, row.id),
        )
        return False
    if row.attempts > 1:
        close_settled(connection, row.id, at_ms=at_ms)
    return True


def _refuse(connection: sqlite3.Connection, outbox: Outbox, row: Row, reason: str, at_ms: int) -> None:
    words = reason[:LONGEST_REASON]
    connection.execute(
        "UPDATE registrations SET state = 'refused', reason = ?, split = 0, called_ms = ? WHERE id = ? AND state = 'in_flight'",
        (words, at_ms, row.id),
    )
    open_task(connection, TaskKind.REFUSED, book=outbox.book, at_ms=at_ms, registration=row.id, holder=row.holder, note=words)
    verdict_entry(connection, outbox, row.id, {"state": State.REFUSED.value, "reason": words}, at_ms=at_ms)


def _call_refused(outbox: Outbox, batch: Batch, verdict: CallRefused, at_ms: int, connection: sqlite3.Connection) -> None:
    named = {index: reason for index, reason in verdict.items if 0 <= index < len(batch.rows)}
    if not named and len(batch.rows) == 1:
        named = {0: verdict.reason}
    if batch.split:  # whatever was refused now explains the older refusal: the rest of that set is cleared
        connection.execute(
            "UPDATE registrations SET split = 0"
            " WHERE book = ? AND state = 'queued' AND reason IS NULL AND group_index = ? AND split = ?",
            (outbox.book, batch.group, batch.split),
        )
    if not named:
        _queue(connection, outbox, batch.group, batch.rows, split=-batch.rows[0].id, at_ms=at_ms)
        return
    for index, reason in sorted(named.items()):
        _refuse(connection, outbox, batch.rows[index], reason, at_ms)
    groups.count_answers(connection, outbox, group_of_batch(batch), [named[index] for index in sorted(named)], at_ms=at_ms)
    others = [row for index, row in enumerate(batch.rows) if index not in named]
    _queue(connection, outbox, batch.group, others, split=0, at_ms=at_ms)


def _queue(connection: sqlite3.Connection, outbox: Outbox, group: bytes, rows: Sequence[Row], *, split: int, at_ms: int) -> None:
    reason = groups.waiting_reason(connection, outbox.book, group)
    connection.executemany(
        "UPDATE registrations SET state = 'queued', reason = ?, split = ?, called_ms = ? WHERE id = ? AND state = 'in_flight'",
        ((reason, split, at_ms, row.id) for row in rows),
    )
