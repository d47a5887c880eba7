"""Settling the unknown by the service's own search, before anything is sent again (design, section 5).

Found settles a row at once. Absent counts only after two searches at least ``settle_seconds`` apart, the first that
long after the call ended; then the row is queued again. One service id settles one row.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final

from kiosk import groups, roster, settling
from kiosk.claims import HOUR_MS
from kiosk.errors import SealBroken
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import Direction, Registration, State, TaskKind
from kiosk.outbox import Outbox, unseal
from kiosk.tasks import close_tasks, open_task
from kiosk.verdicts import Created, Found, Query, ServedRegistration

#: Rows settled by one search at most.
_MOST_ROWS: Final = 200
#: Rows more than half a day from the first are looked up by another search, so no window is longer than a day and two hours.
_REACH_MS: Final = 12 * HOUR_MS

_COLUMNS: Final = (
    "SELECT id, holder, uid, sealed, group_index, at_ms, called_ms, absent_ms FROM registrations"
    " WHERE book = ? AND state = 'unknown'"
)

_Key = tuple[str, Direction, int, Employer, DeclarationNumber]


class Finding(StrEnum):
    """What a search came to for one row, in words for a human."""

    FOUND = "found at the service: accepted"
    TOO_EARLY = "not found; too early to count, it is looked up again"
    ABSENT_ONCE = "not found; it is looked up once more before it is sent again"
    ABSENT = "not found twice: queued again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """One unknown row, and everything it may be known by.

    Attributes:
        id: Its number in the book.
        holder: The person.
        uid: What its sealed fields are bound to.
        registration: What was sent.
        ssins: Every INSZ the person had, eleven digits each: a BIS number may have been replaced meanwhile.
        called_ms: When its call ended; None until the clock is trusted after a restart.
        absent_ms: When it was not found for the first time, or None.
    """

    id: int
    holder: int
    uid: bytes
    registration: Registration
    ssins: frozenset[str] = field(repr=False)
    called_ms: int | None
    absent_ms: int | None

    def keys(self) -> list[_Key]:
        """What a registration at the service must equal to be this one; coordinates are ignored."""
        own = self.registration
        return [(ssin, own.direction, own.second, own.employer, own.declaration) for ssin in sorted(self.ssins)]


@dataclass(frozen=True, slots=True)
class _Unknown:
    """An unknown row, still sealed; the fields are the columns of ``_COLUMNS``."""

    id: int
    holder: int
    uid: bytes
    sealed: bytes
    group: bytes
    at_ms: int
    called_ms: int | None
    absent_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Rows of one group that one search can settle, and that search."""

    group: bytes
    query: Query
    rows: tuple[Sought, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """When a search began and ended, and how long must lie between two that count; all milliseconds."""

    started_ms: int
    ended_ms: int
    settle_ms: int


def due(outbox: Outbox, now_ms: int) -> Lookup | None:
    """Choose the rows to look up next: those of the group that has waited longest; None when none is due."""
    sql = f"{_COLUMNS} AND search_ms <= ? ORDER BY search_ms, id LIMIT ?"
    rows = outbox.database.read(partial(_unknown, sql, (outbox.book, now_ms, _MOST_ROWS)))
    while rows:
        first = rows[0]
        near = [row for row in rows if row.group == first.group and abs(row.at_ms - first.at_ms) <= _REACH_MS]
        if lookup := _prepare(outbox, near, now_ms):
            return lookup
        rows = [row for row in rows if row not in near]
    return None


def one(outbox: Outbox, row: int, now_ms: int) -> Lookup | None:
    """Look one row up out of turn; None when it is not unknown (any more)."""
    sql = f"{_COLUMNS} AND id = ?"
    rows = outbox.database.read(partial(_unknown, sql, (outbox.book, row)))
    return _prepare(outbox, rows, now_ms)


def next_due_ms(connection: sqlite3.Connection, book: int) -> int | None:
    """When the next unknown row may be looked up, Unix milliseconds UTC, or None."""
    row = connection.execute("SELECT min(search_ms) FROM registrations WHERE book = ? AND state = 'unknown'", (book,)).fetchone()
    return None if row[0] is None else int(row[0])


def stamp(outbox: Outbox, *, at_ms: int, settle_ms: int) -> None:
    """Begin the waiting of all unknown rows now: after a start, or after the clock was set.

    A time by another clock would let two searches count that lie too close together, or keep a row waiting for a day; and
    whether the clock was set while no daemon ran nobody knows.
    """
    outbox.database.write(
        lambda connection: connection.execute(
            "UPDATE registrations SET called_ms = ?, absent_ms = NULL, search_ms = ? WHERE book = ? AND state = 'unknown'",
            (at_ms, at_ms + settle_ms, outbox.book),
        )
    )


def settle(outbox: Outbox, lookup: Lookup, found: Found, searched: Searched) -> dict[int, Finding]:
    """Settle the rows of a search that came about; returns what it came to for each row that was still unknown."""
    return outbox.database.write(partial(_settle, outbox, lookup, found, searched))


def postpone(outbox: Outbox, lookup: Lookup, *, until_ms: int) -> None:
    """Let other groups go first: this search did not come about, and counts for nothing."""
    outbox.database.write(partial(_postpone, rows=lookup.rows, until_ms=until_ms))


def unavailable(outbox: Outbox, lookup: Lookup, *, at_ms: int) -> None:
    """The service does not answer this search: each row becomes a task, and is looked up once an hour from now on."""

    def work(connection: sqlite3.Connection) -> None:
        for row in lookup.rows:
            open_task(connection, TaskKind.UNKNOWN, book=outbox.book, at_ms=at_ms, registration=row.id, holder=row.holder)
        _postpone(connection, lookup.rows, at_ms + HOUR_MS)

    outbox.database.write(work)


def requeue(connection: sqlite3.Connection, outbox: Outbox, row: int, group: bytes, *, at_ms: int) -> bool:
    """Queue an unknown row again, inside the caller's transaction; False when it is not unknown any more."""
    reason = groups.waiting_reason(connection, outbox.book, group)
    cursor = connection.execute(
        "UPDATE registrations SET state = 'queued', reason = ?, absent_ms = NULL, search_ms = NULL"
        " WHERE id = ? AND book = ? AND state = 'unknown'",
        (reason, row, outbox.book),
    )
    if cursor.rowcount == 1:
        close_tasks(connection, registration=row, kinds=frozenset({TaskKind.UNKNOWN}), at_ms=at_ms)
    return cursor.rowcount == 1


def _unknown(sql: str, values: tuple[int, ...], connection: sqlite3.Connection) -> list[_Unknown]:
    return [_Unknown(*row) for row in connection.execute(sql, values)]


def _prepare(outbox: Outbox, rows: list[_Unknown], now_ms: int) -> Lookup | None:
    sought = [each for row in rows if (each := _sought(outbox, row, now_ms))]
    if not sought:
        return None
    first = sought[0].registration
    moments = [each.registration.at_ms for each in sought]
    query = Query(
        from_ms=min(moments) - HOUR_MS, to_ms=max(moments) + HOUR_MS, employer=first.employer, declaration=first.declaration
    )
    # In the order of the taps: of two equal rows the earlier one takes the earlier id.
    return Lookup(group=rows[0].group, query=query, rows=tuple(sorted(sought, key=lambda each: each.id)))


def _sought(outbox: Outbox, row: _Unknown, now_ms: int) -> Sought | None:
    registration, _ = unseal(outbox, row.uid, row.sealed)
    if registration is None:
        # It may have arrived, and nobody can say any more what it was: only a human settles it, and nothing is sent again.
        outbox.database.write(partial(_despair, outbox=outbox, row=row, at_ms=now_ms))
        return None
    try:
        ssins = outbox.database.read(partial(roster.every_insz, vault=outbox.vault, holder=row.holder))
    except SealBroken:
        ssins = frozenset()
    return Sought(
        id=row.id,
        uid=row.uid,
        holder=row.holder,
        registration=registration,
        ssins=ssins | {registration.ssin.digits},
        called_ms=row.called_ms,
        absent_ms=row.absent_ms,
    )


def _despair(connection: sqlite3.Connection, outbox: Outbox, row: _Unknown, at_ms: int) -> None:
    connection.execute("UPDATE registrations SET search_ms = ? WHERE id = ?", (at_ms + HOUR_MS, row.id))
    open_task(connection, TaskKind.UNKNOWN, book=outbox.book, at_ms=at_ms, registration=row.id, holder=row.holder, note="seal")


def _settle(outbox: Outbox, lookup: Lookup, found: Found, searched: Searched, connection: sqlite3.Connection) -> dict[int, Finding]:
    served: defaultdict[_Key, list[ServedRegistration]] = defaultdict(list)
    seconds = {row.registration.second for row in lookup.rows}  # a busy site's window holds many that nobody looks for
    for each in sorted(found.registrations, key=lambda each: each.registration_id):
        if each.second in seconds and not each.cancelled:
            served[(each.ssin, each.direction, each.second, each.employer, each.declaration)].append(each)
    findings: dict[int, Finding] = {}
    for row in lookup.rows:
        candidates = [each for key in row.keys() for each in served.get(key, ())]  # noqa: SIM118  no mapping
        if _take(connection, outbox, row, candidates, searched.ended_ms):
            findings[row.id] = Finding.FOUND
        elif finding := _absent(connection, outbox, lookup.group, row, searched):
            findings[row.id] = finding
    if Finding.FOUND in findings.values():
        group = groups.Group(
            index=lookup.group, employer=lookup.rows[0].registration.employer, declaration=lookup.rows[0].registration.declaration
        )
        groups.count_answers(connection, outbox, group, [None], at_ms=searched.ended_ms)
    return findings


def _take(
    connection: sqlite3.Connection, outbox: Outbox, row: Sought, candidates: Iterable[ServedRegistration], at_ms: int
) -> bool:
    for each in candidates:
        created = Created(registration_id=each.registration_id, validity=each.validity, remarks=each.remarks)
        if settling.accept(connection, outbox, row.id, row.uid, created, at_ms=at_ms, state=State.UNKNOWN):
            settling.close_settled(connection, row.id, at_ms=at_ms)
            settling.verdict_entry(connection, outbox, row.id, {"found": each.registration_id}, at_ms=at_ms)
            return True
    return False


def _absent(connection: sqlite3.Connection, outbox: Outbox, group: bytes, row: Sought, searched: Searched) -> Finding | None:
    since_ms = row.called_ms if row.absent_ms is None else row.absent_ms
    if since_ms is None or searched.started_ms < since_ms + searched.settle_ms:
        if since_ms is not None:
            _postpone(connection, [row], since_ms + searched.settle_ms)
        return Finding.TOO_EARLY
    if row.absent_ms is None:
        cursor = connection.execute(
            "UPDATE registrations SET absent_ms = ?, search_ms = ? WHERE id = ? AND state = 'unknown'",
            (searched.ended_ms, searched.ended_ms + searched.settle_ms, row.id),
        )
        return Finding.ABSENT_ONCE if cursor.rowcount else None
    if not requeue(connection, outbox, row.id, group, at_ms=searched.ended_ms):
        return None
    settling.verdict_entry(connection, outbox, row.id, {"absent": True}, at_ms=searched.ended_ms)
    return Finding.ABSENT


def _postpone(connection: sqlite3.Connection, rows: Iterable[Sought], until_ms: int) -> None:
    connection.executemany(
        "UPDATE registrations SET search_ms = ? WHERE id = ? AND state = 'unknown'", ((until_ms, row.id) for row in rows)
    )
