"""What the service finds later about an accepted registration: its validity and remarks, kept on its row.

A row waits for its check by ``search_ms``: from its acceptance on, then each time as long again as it is old.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk import notices
from kiosk.advice import is_good
from kiosk.claims import HOUR_MS
from kiosk.contract import VALIDITY_PENDING
from kiosk.model import TaskKind
from kiosk.outbox import Outbox, unseal
from kiosk.records import pack_remarks
from kiosk.schedule import Dice
from kiosk.tasks import close_tasks, open_task
from kiosk.vault import Field
from kiosk.verdicts import Found, Query, ServedRegistration

#: Rows looked at for one search: some 3 ms under the store's lock.
_MOST_ROWS: Final = 500
#: Rows changed in one transaction, so that no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 25
#: Rows that are due are looked up together within this reach; others, which would only come along, within the nearer one:
#: at a busy gate a search should show an hour of everybody's registrations, not a day.
_REACH_MS: Final = 12 * HOUR_MS
_COMPANY_MS: Final = HOUR_MS
#: Rows are known again by the service's id; the window only has to hold their second.
_MARGIN_MS: Final = 60_000
#: So many rows still pending make a group rest as long again: the slower the service checks, the more seldom it is asked.
_CHEAP: Final = 10
_DAY_MS: Final = 24 * HOUR_MS

_KEPT_SQL: Final = "SELECT uid, validity, remarks FROM registrations WHERE id = ? AND book = ? AND state = 'accepted'"
_PENDING_SQL: Final = (
    "SELECT id, uid, sealed, group_index, at_ms, registration_id, confirmed_ms, search_ms FROM registrations"
    " WHERE book = ? AND state = 'accepted' AND validity = 'pending' ORDER BY search_ms LIMIT ?"
)


@dataclass(frozen=True, slots=True)
class Unchecked:
    """An accepted row without a final validity; the fields are the columns of ``_PENDING_SQL``."""

    id: int
    uid: bytes
    sealed: bytes
    group: bytes
    at_ms: int
    registration_id: int
    confirmed_ms: int
    search_ms: int


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
        longest_ms: Between two checks of a row at most on its first day; later a twenty-fourth of its age.
        gone_ms: A row that is not found at this age has disappeared.
    """

    first_ms: int = 30_000
    longest_ms: int = HOUR_MS
    gone_ms: int = HOUR_MS

    def wait_ms(self, age_ms: int) -> int:
        """How long a row of this age waits for its next check: as long again as it is old, between the limits."""
        return max(self.first_ms, min(age_ms, max(self.longest_ms, age_ms * self.longest_ms // _DAY_MS)))

    def rest_ms(self, pending: int) -> int:
        """How long a group rests after a search that left so many of its rows pending."""
        return min(self.longest_ms, self.first_ms * max(1, pending // _CHEAP))


def due(outbox: Outbox, now_ms: int, patience: Patience) -> Check | None:
    """Choose the rows to check next, or None when none is due: those of the group that has waited longest.

    Rows near the first that are not due yet come along, since the same search shows them.
    """
    values = (outbox.book, _MOST_ROWS)
    rows = outbox.database.read(lambda connection: [Unchecked(*row) for row in connection.execute(_PENDING_SQL, values)])
    due_ms = now_ms - patience.first_ms
    if not rows or rows[0].search_ms > due_ms:
        return None
    first = rows[0]
    near = tuple(
        row
        for row in rows
        if row.group == first.group and abs(row.at_ms - first.at_ms) <= (_REACH_MS if row.search_ms <= due_ms else _COMPANY_MS)
    )
    # Without its seal a row still has its service id; its group is then searched unnarrowed.
    registration, _ = unseal(outbox, first.uid, first.sealed)
    query = Query(
        from_ms=min(row.at_ms for row in near) - _MARGIN_MS,
        to_ms=max(row.at_ms for row in near) + _MARGIN_MS,
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


def has_backlog(connection: sqlite3.Connection, book: int) -> bool:
    """Whether rows wait to be sent: these go first."""
    sql = "SELECT 1 FROM registrations WHERE book = ? AND state = 'queued' AND reason IS NULL LIMIT 1"
    return connection.execute(sql, (book,)).fetchone() is not None


def write(outbox: Outbox, check: Check, found: Found, patience: Patience, *, at_ms: int, dice: Dice) -> int:
    """Keep what a search showed; a negative or vanished registration stays accepted, with a task (design, section 7).

    Args:
        outbox: The book.
        check: What was searched for.
        found: What the service holds.
        patience: When to ask again about those still pending.
        at_ms: The trusted clock, Unix milliseconds UTC.
        dice: Chance for the waits.

    Returns:
        How many of the rows are final now.
    """
    served = {each.registration_id: each for each in found.registrations}

    def work(rows: Sequence[Unchecked], connection: sqlite3.Connection) -> None:
        for row in rows:
            shown = served.get(row.registration_id)
            if shown is not None:
                keep(connection, outbox, row.id, shown, at_ms=at_ms)
            elif at_ms - row.confirmed_ms >= patience.gone_ms:
                lose(connection, outbox, row.id, at_ms=at_ms)
            if shown is None or not is_final(shown):
                _postpone(connection, row, _next_ms(row, patience, at_ms, dice), patience)

    _in_slices(outbox, check.rows, work)
    return sum(1 for row in check.rows if (shown := served.get(row.registration_id)) is not None and is_final(shown))


def postpone(outbox: Outbox, check: Check, patience: Patience, *, at_ms: int, dice: Dice, least_seconds: float = 0) -> None:
    """Ask about these rows later and let other groups go first: the search did not come about."""
    least_ms = at_ms + round(least_seconds * 1000)

    def work(rows: Sequence[Unchecked], connection: sqlite3.Connection) -> None:
        for row in rows:
            _postpone(connection, row, max(least_ms, _next_ms(row, patience, at_ms, dice)), patience)

    _in_slices(outbox, check.rows, work)


def hold_back(outbox: Outbox, check: Check, patience: Patience, *, until_ms: int) -> None:
    """Keep these rows until their group may be asked for again: they are looked up together then, and others go first."""

    def work(rows: Sequence[Unchecked], connection: sqlite3.Connection) -> None:
        for row in rows:
            _postpone(connection, row, until_ms, patience)

    _in_slices(outbox, check.rows, work)


def is_final(shown: ServedRegistration) -> bool:
    """Whether the service has made up its mind: every validity but the first is final (facts, rsz-service, section 2.3)."""
    return shown.cancelled or shown.validity != VALIDITY_PENDING


def keep(connection: sqlite3.Connection, outbox: Outbox, row: int, shown: ServedRegistration, *, at_ms: int) -> bool:
    """Keep what the service shows of an accepted row and tell whom it concerns, inside the caller's transaction.

    What was told before is not told again; a task about what is no longer so is closed.

    Returns:
        Whether anything was new.
    """
    close_tasks(connection, registration=row, kinds=frozenset({TaskKind.LOST}), at_ms=at_ms)
    found = connection.execute(_KEPT_SQL, (row, outbox.book)).fetchone()
    if found is None:
        return False  # cancelled while the service was asked
    uid, validity, sealed = found
    remarks = notices.remarks_of(outbox.vault, uid, sealed)
    if (validity, remarks) == (shown.validity, shown.remarks):
        return False
    packed = outbox.vault.seal(Field.REMARKS, uid, pack_remarks(shown.remarks)) if shown.remarks else None
    connection.execute(
        "UPDATE registrations SET validity = ?, remarks = ?, search_ms = iif(?, NULL, ifnull(search_ms, ?)) WHERE id = ?",
        (shown.validity, packed, is_final(shown), at_ms, row),
    )
    if remarks != shown.remarks or not is_good(shown.validity):
        close_tasks(connection, registration=row, kinds=frozenset({TaskKind.VALIDITY, TaskKind.REMARK}), at_ms=at_ms)
        notices.spread(connection, outbox, row, validity=shown.validity, remarks=shown.remarks, at_ms=at_ms)
    return True


def lose(connection: sqlite3.Connection, outbox: Outbox, row: int, *, at_ms: int) -> None:
    """Make a task of an accepted registration that the service does not show any more, inside the caller's transaction."""
    holder = connection.execute("SELECT holder FROM registrations WHERE id = ?", (row,)).fetchone()[0]
    note = "not found at the service"
    open_task(connection, TaskKind.LOST, book=outbox.book, at_ms=at_ms, registration=row, holder=holder, note=note)


def _in_slices(outbox: Outbox, rows: Sequence[Unchecked], work: Callable[[Sequence[Unchecked], sqlite3.Connection], None]) -> None:
    for start in range(0, len(rows), _SLICE):
        outbox.database.write(partial(work, rows[start : start + _SLICE]))


def _postpone(connection: sqlite3.Connection, row: Unchecked, until_ms: int, patience: Patience) -> None:
    # due() adds first_ms again
    connection.execute(
        "UPDATE registrations SET search_ms = ? WHERE id = ? AND state = 'accepted'", (until_ms - patience.first_ms, row.id)
    )


def _next_ms(row: Unchecked, patience: Patience, at_ms: int, dice: Dice) -> int:
    """When to ask again: by its age, and up to an eighth later, so that boxes that came back together don't stay in step."""
    return at_ms + round(patience.wait_ms(at_ms - row.confirmed_ms) * (1 + dice() / 8))
