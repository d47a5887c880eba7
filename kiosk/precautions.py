"""Before a late registration is sent its person's other channels are searched: he may have taken his telephone meanwhile.

``claims`` marks what is late (queued, reason ``channel``); one search covers many rows of a group. A registration of the
same person and direction within half an hour holds the row for a human; otherwise it goes, for ten minutes. Where the search
shows the row itself, an earlier call has brought it there after all: it is accepted, and not sent again. What was linked is held
by a tap at this box too: whoever laid his card on twice in the morning came once (design, section 7).
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Final

from kiosk import elsewhere, settling
from kiosk.batches import MOST_MARKED
from kiosk.claims import HOUR_MS
from kiosk.groups import waiting_reason
from kiosk.model import Direction, Reason, State
from kiosk.outbox import Outbox, park, unseal
from kiosk.rules import SAME_PRESENCE_MS, is_same_presence
from kiosk.verdicts import Created, Found, Query, ServedRegistration

#: How far apart the rows of one search may be: so no window is longer than a day and an hour.
_REACH_MS: Final = 12 * HOUR_MS
#: Rows settled in one transaction, so that no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 100

#: Why a row waits for such a search: it is late, or its card was linked afterwards; those wait until the search answers.
_REASONS: Final = (Reason.CHANNEL, Reason.LINK)
_WAITING: Final = "FROM registrations WHERE book = ? AND state = 'queued' AND reason = ?"
_GROUP_SQL: Final = f"SELECT group_index {_WAITING} AND group_index > ? ORDER BY group_index LIMIT 1"
_ROWS_SQL: Final = f"SELECT id, holder, direction, at_ms, uid, sealed {_WAITING} AND group_index = ? LIMIT ?"
#: What the service has of this box, or may have, or shall have, of the same person and direction nearby.
_OWN_SQL: Final = (
    "SELECT 1 FROM registrations WHERE holder = ? AND id <> ? AND +book = ? AND direction = ?"
    " AND +state IN ('queued', 'in_flight', 'unknown', 'accepted') AND at_ms BETWEEN ? AND ? LIMIT 1"
)

#: Who, in or out, in which second; a precaution is about one employer and declaration.
_Key = tuple[int, Direction, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A late row that waits to be looked for; the fields are the columns of ``_ROWS_SQL``."""

    id: int
    holder: int
    direction: str
    at_ms: int
    uid: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Precaution:
    """Rows of one group that one search covers, and that search; without one none can be made.

    Attributes:
        reason: Why they wait: ``channel`` where they are late, ``link`` where they are for the past tap of a linked card.
        group: Their employer and declaration.
        query: The search, or None.
        rows: They.
    """

    reason: Reason
    group: bytes
    query: Query | None
    rows: tuple[Waiting, ...]


def due(outbox: Outbox, *, after: bytes) -> Precaution | None:
    """Choose the late rows to search for next, those of a group beyond this one first; None when none waits."""
    found = outbox.database.read(partial(_next, book=outbox.book, after=after))
    if found is None:
        return None
    reason, group, rows = found
    near = tuple(row for row in rows if abs(row.at_ms - rows[0].at_ms) <= _REACH_MS)
    opened = (unseal(outbox, row.uid, row.sealed)[0] for row in near)
    registration = next((each for each in opened if each is not None), None)
    if registration is None:
        return Precaution(reason=reason, group=group, query=None, rows=near)
    query = Query(
        from_ms=min(row.at_ms for row in near) - SAME_PRESENCE_MS,
        to_ms=max(row.at_ms for row in near) + SAME_PRESENCE_MS,
        employer=registration.employer,
        declaration=registration.declaration,
    )
    return Precaution(reason=reason, group=group, query=query, rows=near)


def waiting(connection: sqlite3.Connection, book: int) -> bool:
    """Whether any row waits for such a search."""
    return any(connection.execute(f"SELECT 1 {_WAITING} LIMIT 1", (book, why)).fetchone() is not None for why in _REASONS)


def settle(outbox: Outbox, precaution: Precaution, found: Found | None, *, at_ms: int) -> int:
    """Hold the rows that another channel shows, accept those that are there already, and let the others go.

    Args:
        outbox: The book.
        precaution: What was searched for.
        found: What the service holds; None where it can't be asked: then what is late goes, and what was linked is for a human.
        at_ms: The trusted clock, Unix milliseconds UTC.

    Returns:
        How many rows were held.
    """
    shown: defaultdict[int, list[tuple[Direction, int]]] = defaultdict(list)
    for each in () if found is None else elsewhere.others(outbox, found):
        if not each.served.cancelled:
            shown[each.holder].append((each.served.direction, each.at_ms))
    there = {} if found is None else _there(outbox, precaution, found)
    held = 0
    # Each of those that were linked may cost its person's whole history, a thousand rows a year.
    size = 1 if precaution.reason is Reason.LINK else _SLICE
    for start in range(0, len(precaution.rows), size):
        some = precaution.rows[start : start + size]
        stopped = {row.id: Reason.CHANNEL for row in some if _is_shown(row, shown.get(row.holder, ()))}
        if found is None and precaution.reason is Reason.LINK:
            stopped = dict.fromkeys((row.id for row in some), Reason.LINK)
        outbox.database.write(partial(_accept, outbox=outbox, some=some, there=there, at_ms=at_ms))
        held += outbox.database.write(
            partial(_settle, outbox=outbox, some=replace(precaution, rows=some), stopped=stopped, at_ms=at_ms)
        )
    return held


def _next(connection: sqlite3.Connection, book: int, after: bytes) -> tuple[Reason, bytes, list[Waiting]] | None:
    for why, first in product(_REASONS, (after, b"")):
        row = connection.execute(_GROUP_SQL, (book, why, first)).fetchone()
        if row is not None:
            return why, row[0], [Waiting(*each) for each in connection.execute(_ROWS_SQL, (book, why, row[0], MOST_MARKED))]
    return None


def _is_shown(row: Waiting, shown: Sequence[tuple[Direction, int]]) -> bool:
    return any(is_same_presence(Direction(row.direction), row.at_ms, *each) for each in shown)


def _there(outbox: Outbox, precaution: Precaution, found: Found) -> dict[_Key, list[ServedRegistration]]:
    """What the service holds of these very rows: its answer was lost, and its search lagged behind when it was asked."""
    seconds = {row.at_ms // 1000 for row in precaution.rows}
    shown = [each for each in found.registrations if each.second in seconds and not each.cancelled]
    holders = elsewhere.holders_of(outbox, {each.ssin for each in shown})
    there: defaultdict[_Key, list[ServedRegistration]] = defaultdict(list)
    for each in shown:
        holder = holders.get(each.ssin)
        if holder is not None and elsewhere.served_group(outbox, each) == precaution.group:
            there[holder, each.direction, each.second].append(each)
    return there


def _accept(
    connection: sqlite3.Connection,
    outbox: Outbox,
    some: Sequence[Waiting],
    there: Mapping[_Key, Sequence[ServedRegistration]],
    at_ms: int,
) -> None:
    for row in some:
        for each in there.get((row.holder, Direction(row.direction), row.at_ms // 1000), ()):
            created = Created(registration_id=each.registration_id, validity=each.validity, remarks=each.remarks)
            # Not where the id settles another row.
            if settling.accept(connection, outbox, row.id, row.uid, created, at_ms=at_ms, state=State.QUEUED):
                settling.close_settled(connection, row.id, at_ms=at_ms)
                settling.verdict_entry(connection, outbox, row.id, {"found": each.registration_id}, at_ms=at_ms)
                break


def _settle(connection: sqlite3.Connection, outbox: Outbox, some: Precaution, stopped: Mapping[int, Reason], at_ms: int) -> int:
    reason = waiting_reason(connection, outbox.book, some.group)
    held = 0
    for row in some.rows:
        why = stopped.get(row.id)
        if why is None and some.reason is Reason.LINK and _is_ours(connection, outbox.book, row):
            why = Reason.LINK
        # Somebody may have cancelled it meanwhile.
        cursor = connection.execute(
            "UPDATE registrations SET looked_ms = ?, reason = ? WHERE id = ? AND state = 'queued' AND reason = ?",
            (at_ms, reason, row.id, some.reason),
        )
        if cursor.rowcount and why is not None:
            park(connection, book=outbox.book, row=row.id, holder=row.holder, reason=why, at_ms=at_ms)
            held += 1
    return held


def _is_ours(connection: sqlite3.Connection, book: int, row: Waiting) -> bool:
    """Whether the book has the same presence by another tap of its person."""
    near = (row.at_ms - SAME_PRESENCE_MS, row.at_ms + SAME_PRESENCE_MS)
    return connection.execute(_OWN_SQL, (row.holder, row.id, book, row.direction, *near)).fetchone() is not None
