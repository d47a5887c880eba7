"""Pausing and resuming a group, the registrations of one employer for one declaration.

Five equal refusals in a row are no accident of one person: the group waits with one task, one row an hour probes it (or
sooner, where only its credential is at fault), and an acceptance or a human lets it go (design, section 5). Its rows are
marked in slices, so that no tap waits for a hundred thousand of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk.claims import HOUR_MS
from kiosk.evidence import Entry, record
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import Reason, TaskKind
from kiosk.outbox import Outbox, is_paused
from kiosk.records import group_bytes
from kiosk.tasks import open_task
from kiosk.vault import Index

_REFUSALS_THAT_PAUSE: Final = 5
_SLICE: Final = 300
#: A reason is problem or issue types, never a value; more than this of it helps nobody.
LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What a call has in common; see ``group_named`` for how a human names it."""

    index: bytes
    employer: Employer
    declaration: DeclarationNumber

    @property
    def name(self) -> str:
        """Employer and declaration, as a task shows them."""
        return f"{self.employer.value} {self.declaration.value}"


def group_named(outbox: Outbox, employer: Employer, declaration: DeclarationNumber) -> Group:
    """The group of an employer and a declaration."""
    index = outbox.vault.index(Index.GROUP, group_bytes(employer, declaration))
    return Group(index=index, employer=employer, declaration=declaration)


def count_answers(
    connection: sqlite3.Connection, outbox: Outbox, group: Group, refusals: Iterable[str | None], *, at_ms: int
) -> None:
    """Count equal refusals in a row, inside the caller's transaction; pause at the fifth, resume at an acceptance.

    Args:
        connection: The store, in a transaction.
        outbox: The book.
        group: Whose answers these are.
        refusals: The reason of each refusal, None for each acceptance, in the order of the taps.
        at_ms: When they came.
    """
    row = connection.execute(
        "SELECT refusals, last_reason, paused_ms FROM pauses WHERE book = ? AND group_index = ?", (outbox.book, group.index)
    ).fetchone()
    count, last, paused_ms = row or (0, "", None)
    accepted = False
    for reason in refusals:
        accepted = accepted or reason is None
        words = (reason or "")[:LONGEST_REASON]
        count = 0 if reason is None else count + 1 if words == last else 1
        last = words
    if row is not None and accepted:
        resume(connection, outbox, group, at_ms=at_ms)
    if count == 0 or (paused_ms is not None and not accepted):
        return
    if count >= _REFUSALS_THAT_PAUSE:
        pause(connection, outbox, group, last, at_ms=at_ms)
    else:
        _write(connection, (outbox.book, group.index, count, last, None))


def pause(
    connection: sqlite3.Connection, outbox: Outbox, group: Group, reason: str, *, at_ms: int, probe_ms: int = HOUR_MS
) -> None:
    """Pause a group inside the caller's transaction: one task, one entry of the record. Nothing if it is paused already.

    Args:
        connection: The store, in a transaction.
        outbox: The book.
        group: The one that waits.
        reason: Problem or issue types, or what is wrong with its credential.
        at_ms: Now.
        probe_ms: How long until one of its rows is tried.
    """
    if is_paused(connection, outbox.book, group.index):
        return
    _write(connection, (outbox.book, group.index, _REFUSALS_THAT_PAUSE, reason[:LONGEST_REASON], at_ms), probe_ms)
    open_task(connection, TaskKind.GROUP_PAUSED, book=outbox.book, at_ms=at_ms, note=group.name)
    facts: dict[str, object] = {"group": group.name, "reason": reason}
    record(connection, outbox.vault, Entry.GROUP_PAUSED, f"group:{group.index.hex()}", at_ms=at_ms, facts=facts)


def resume(connection: sqlite3.Connection, outbox: Outbox, group: Group, *, at_ms: int) -> bool:
    """Let a group go on and forget its refusals, inside the caller's transaction; False if it was not paused.

    Its rows go on waiting until the delivery has marked them slice by slice (``tidy``).
    """
    paused = is_paused(connection, outbox.book, group.index)
    connection.execute("DELETE FROM pauses WHERE book = ? AND group_index = ?", (outbox.book, group.index))
    if paused:
        connection.execute(
            "UPDATE tasks SET closed_ms = ? WHERE closed_ms IS NULL AND kind = ? AND book = ? AND note = ?",
            (at_ms, TaskKind.GROUP_PAUSED.value, outbox.book, group.name),
        )
        record(connection, outbox.vault, Entry.GROUP_RELEASED, f"group:{group.index.hex()}", at_ms=at_ms)
    return paused


def waiting_reason(connection: sqlite3.Connection, book: int, group_index: bytes) -> str | None:
    """Why a row of this group that goes back to the queue waits there: ``group`` while it is paused, else None."""
    return Reason.GROUP.value if is_paused(connection, book, group_index) else None


def tidy(outbox: Outbox) -> bool:
    """Mark one slice of queued rows as the pauses of their groups demand; False once all are marked so."""
    return outbox.database.write(partial(_tidy, outbox.book))


def _tidy(book: int, connection: sqlite3.Connection) -> bool:
    paused = [
        row[0] for row in connection.execute("SELECT group_index FROM pauses WHERE book = ? AND paused_ms IS NOT NULL", (book,))
    ]
    if any(_remark(connection, book, group, None, Reason.GROUP.value) for group in paused):
        return True
    released = (group for group in _groups_marked(connection, book) if group not in paused)
    return any(_remark(connection, book, group, Reason.GROUP.value, None) for group in released)


def _groups_marked(connection: sqlite3.Connection, book: int) -> Iterable[bytes]:
    """Every group with rows that wait for it, by leaps through the index."""
    sql = (
        "SELECT group_index FROM registrations WHERE book = ? AND state = 'queued' AND reason = 'group' AND group_index > ?"
        " ORDER BY group_index LIMIT 1"
    )
    after = b""
    while row := connection.execute(sql, (book, after)).fetchone():
        after = row[0]
        yield after


def _remark(connection: sqlite3.Connection, book: int, group: bytes, old: str | None, new: str | None) -> int:
    return connection.execute(
        "UPDATE registrations SET reason = ? WHERE id IN (SELECT id FROM registrations"
        " WHERE book = ? AND state = 'queued' AND reason IS ? AND group_index = ? LIMIT ?)",
        (new, book, old, group, _SLICE),
    ).rowcount


def _write(connection: sqlite3.Connection, values: tuple[int, bytes, int, str, int | None], probe_ms: int = HOUR_MS) -> None:
    connection.execute(
        "INSERT INTO pauses (book, group_index, refusals, last_reason, paused_ms, probe_wait_ms) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (book, group_index) DO UPDATE"
        " SET refusals = excluded.refusals, last_reason = excluded.last_reason, paused_ms = excluded.paused_ms, probed_ms = NULL,"
        " probe_wait_ms = excluded.probe_wait_ms",
        (*values, probe_ms),
    )
