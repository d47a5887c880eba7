"""What the service finds later about an accepted registration: its validity and remarks, kept on its row.

A row waits for its check by ``search_ms``: from its acceptance on, then each time as long again as it is old.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk.claims import HOUR_MS
from kiosk.model import TaskKind
from kiosk.outbox import Outbox, unseal
from kiosk.records import pack_remarks
from kiosk.tasks import open_task
from kiosk.vault import Field
from kiosk.verdicts import Found, Query, ServedRegistration

#: How a registration's validity begins at the service; every other value is final (facts, rsz-service, section 2.3).
PENDING: Final = "pending"
_MOST_ROWS: Final = 500
_REACH_MS: Final = 12 * HOUR_MS

_DUE_SQL: Final = (
    "SELECT id, holder, uid, sealed, group_index, at_ms, registration_id, confirmed_ms FROM registrations"
    " WHERE book = ? AND state = 'accepted' AND validity = 'pending' AND search_ms <= ? ORDER BY search_ms LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Unchecked:
    """An accepted row without a final validity; the fields are the columns of ``_DUE_SQL``."""

    id: int
    holder: int
    uid: bytes
    sealed: bytes
    group: bytes
    at_ms: int
    registration_id: int
    confirmed_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Rows of one group that one search can check, and that search."""

    query: Query
    rows: tuple[Unchecked, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How politely the service is asked.

    Attributes:
        first_ms: From the acceptance to the first check.
        longest_ms: Between two checks of a row at most.
        gone_ms: A row that is not found at this age has disappeared.
    """

    first_ms: int = 30_000
    longest_ms: int = HOUR_MS
    gone_ms: int = HOUR_MS


def due(outbox: Outbox, now_ms: int, patience: Patience) -> Check | None:
    """Choose the rows to check next, or None when none is due."""
    values = (outbox.book, now_ms - patience.first_ms, _MOST_ROWS)
    rows = outbox.database.read(lambda connection: [Unchecked(*row) for row in connection.execute(_DUE_SQL, values)])
    if not rows:
        return None
    first = rows[0]
    near = tuple(row for row in rows if row.group == first.group and abs(row.at_ms - first.at_ms) <= _REACH_MS)
    # Without its seal a row still has its service id; its group is then searched unnarrowed.
    registration, _ = unseal(outbox, first.uid, first.sealed)
    query = Query(
        from_ms=min(row.at_ms for row in near) - HOUR_MS,
        to_ms=max(row.at_ms for row in near) + HOUR_MS,
        employer=None if registration is None else registration.employer,
        declaration=None if registration is None else registration.declaration,
    )
    return Check(query=query, rows=near)


def next_due_ms(connection: sqlite3.Connection, book: int, patience: Patience) -> int | None:
    """When the next row may be checked, Unix milliseconds UTC, or None while all are."""
    first = connection.execute(
        "SELECT min(search_ms) FROM registrations WHERE book = ? AND state = 'accepted' AND validity = 'pending'", (book,)
    ).fetchone()[0]
    return None if first is None else int(first) + patience.first_ms


def write(outbox: Outbox, check: Check, found: Found, *, positive: frozenset[str], patience: Patience, at_ms: int) -> None:
    """Keep what a search showed; a negative or vanished registration stays accepted, with a task (design, section 7).

    Args:
        outbox: The book.
        check: What was searched for.
        found: What the service holds.
        positive: The final validities that are good news, lower case.
        patience: When to ask again about those still pending.
        at_ms: The trusted clock, Unix milliseconds UTC.
    """
    served = {each.registration_id: each for each in found.registrations}

    def work(connection: sqlite3.Connection) -> None:
        for row in check.rows:
            shown = served.get(row.registration_id)
            if shown is not None and (shown.cancelled or shown.validity != PENDING):
                _conclude(connection, outbox, row, shown)
                if shown.cancelled or shown.validity.lower() not in positive:
                    _complain(connection, outbox, row, shown.validity, at_ms)
                continue
            if shown is None and at_ms - row.confirmed_ms >= patience.gone_ms:
                _complain(connection, outbox, row, "not found at the service", at_ms)
            _postpone(connection, [row], patience, at_ms)

    outbox.database.write(work)


def postpone(outbox: Outbox, check: Check, patience: Patience, *, at_ms: int) -> None:
    """Ask about these rows later: the search did not come about."""
    outbox.database.write(partial(_postpone, rows=check.rows, patience=patience, at_ms=at_ms))


def _conclude(connection: sqlite3.Connection, outbox: Outbox, row: Unchecked, shown: ServedRegistration) -> None:
    remarks = outbox.vault.seal(Field.REMARKS, row.uid, pack_remarks(shown.remarks)) if shown.remarks else None
    connection.execute(
        "UPDATE registrations SET validity = ?, remarks = ?, search_ms = NULL WHERE id = ? AND state = 'accepted'",
        (shown.validity, remarks, row.id),
    )


def _complain(connection: sqlite3.Connection, outbox: Outbox, row: Unchecked, note: str, at_ms: int) -> None:
    open_task(connection, TaskKind.VALIDITY, book=outbox.book, at_ms=at_ms, registration=row.id, holder=row.holder, note=note)


def _postpone(connection: sqlite3.Connection, rows: Iterable[Unchecked], patience: Patience, at_ms: int) -> None:
    connection.executemany(
        "UPDATE registrations SET search_ms = ? WHERE id = ? AND state = 'accepted'",
        (
            # due() adds first_ms again
            (at_ms + min(patience.longest_ms, max(patience.first_ms, at_ms - row.confirmed_ms)) - patience.first_ms, row.id)
            for row in rows
        ),
    )
