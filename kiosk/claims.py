"""Which registrations are sent next, marked in flight before they leave.

A call carries one employer and one declaration (a group). Only one person's own rows wait for each other: his earlier
queued row goes first, his earlier unknown one delays him for a while; held, refused and waiting rows delay nobody
(design, section 5). Groups take turns, so none starves, and a look at the book is cut into short transactions.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from kiosk.batches import Batch, Candidate, Row, Terms
from kiosk.model import Reason
from kiosk.outbox import Outbox, is_paused, park, unseal

#: Rows looked at in one transaction: some 5 ms here, so that no tap waits longer than 20 ms on a slower machine.
_SCAN: Final = 500
#: Rows read beyond two batches: some of them wait for an earlier row of the same person.
_SPARE: Final = 50
HOUR_MS: Final = 3_600_000
#: Below and above every ``split``: a suspect set is the negative id of its first row, so it comes before the others (0).
_FIRST_SPLIT: Final = -(2**63)
_LAST_SPLIT: Final = 2**63 - 1


_HEAD: Final = "SELECT group_index, split, id FROM registrations WHERE book = ? AND state = 'queued' AND reason IS ? AND"
#: Two searches: a comparison of both columns at once would walk through all rows of the group.
_NEXT_SPLIT_SQL: Final = f"{_HEAD} group_index = ? AND split > ? ORDER BY split, id LIMIT 1"
_NEXT_GROUP_SQL: Final = f"{_HEAD} group_index > ? ORDER BY group_index, split, id LIMIT 1"
_OPEN_SQL: Final = "SELECT min(id) FROM registrations WHERE book = ? AND state = ?"
_ROWS_SQL: Final = (
    "SELECT id, holder, uid, at_ms, attempts, called_ms, released, looked_ms, sealed FROM registrations"
    " WHERE book = ? AND state = 'queued' AND reason IS ? AND group_index = ? AND split = ? AND id > ? ORDER BY id LIMIT ?"
)
_BLOCKED_SQL: Final = (
    "SELECT 1 FROM registrations WHERE holder = ? AND id > ? AND id < ? AND book = ?"
    " AND (state IN ('in_flight', 'unknown') OR (state = 'queued' AND (reason IS NULL OR reason = 'channel')))"
    " AND (state <> 'unknown' OR called_ms IS NULL OR called_ms > ?) LIMIT 1"
)
_PAUSED_SQL: Final = (
    "SELECT group_index FROM pauses WHERE book = ? AND paused_ms IS NOT NULL"
    " AND max(paused_ms, ifnull(probed_ms, 0)) + probe_wait_ms <= ?"
)
_NEXT_PROBE_SQL: Final = (
    "SELECT min(max(paused_ms, ifnull(probed_ms, 0)) + probe_wait_ms) FROM pauses p"
    " WHERE book = ? AND paused_ms IS NOT NULL AND EXISTS"
    " (SELECT 1 FROM registrations WHERE book = p.book AND state = 'queued' AND reason = 'group' AND group_index = p.group_index)"
)
#: Each wait is twice the last one up to ten minutes (design, section 4); one that is longer from the start stays as it is.
_PROBED_SQL: Final = (
    "UPDATE pauses SET probed_ms = ?, probe_wait_ms = min(2 * probe_wait_ms, max(probe_wait_ms, 600000))"
    " WHERE book = ? AND group_index = ?"
)
_FIRST_SPLIT_SQL: Final = (
    "SELECT split FROM registrations WHERE book = ? AND state = 'queued' AND reason = 'group' AND group_index = ?"
    " ORDER BY split LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the next look begins: after this row of this group and suspect set."""

    group: bytes = b""
    split: int = _FIRST_SPLIT
    after: int | None = None


@dataclass(frozen=True, slots=True)
class _Look:
    """What one transaction came to: where the next begins, and the rows it marked, of one group and suspect set.

    ``late`` counts the rows that were marked for a search instead.
    """

    place: _Place
    group: bytes = b""
    split: int = 0
    rows: tuple[Candidate, ...] = ()
    late: int = 0
    ended: bool = False


class Claims:
    """Chooses batches; remembers in memory only whose turn it is. For one thread at a time.

    Attributes:
        marked: How many late rows were marked for a search when the next batch was looked for last.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._place = _Place()
        self.marked = 0

    def next(self, terms: Terms) -> Batch | None:
        """Mark the next batch as in flight, durably, and return it; None when nothing may be sent now."""
        self.marked = 0
        for _ in range(2):  # from whose turn it is to the end, then once round from the beginning
            ended = False
            while not ended:
                some = replace(terms, most_marked=terms.most_marked - self.marked)
                look = self._outbox.database.write(partial(_look, self._outbox.book, some, self._place))
                self._place, ended = look.place, look.ended
                self.marked += look.late
                if batch := self._open(look, terms):
                    return batch
                if self.marked == terms.most_marked:
                    # They are searched for and sent before the rest of their group is looked at.
                    self._place = _Place(look.group)
                    return None
            self._place = _Place()
        return None

    def probe(self, terms: Terms) -> Batch | None:
        """Mark one row of a paused group as in flight, for each group when its wait has passed; None when no probe is due."""
        look = self._outbox.database.write(partial(_probe, self._outbox.book, terms))
        batch = self._open(look, terms)
        return None if batch is None else replace(batch, probe=True)

    def _open(self, look: _Look, terms: Terms) -> Batch | None:
        """Open the seals, outside of the lock; what does not open is parked and the rest flows."""
        rows: list[Row] = []
        broken: list[tuple[Candidate, Reason]] = []
        for each in look.rows:
            registration, reason = unseal(self._outbox, each.uid, each.sealed)
            if registration is None:
                broken.append((each, reason))
            else:
                row = Row(
                    id=each.id,
                    holder=each.holder,
                    uid=each.uid,
                    attempts=each.attempts + 1,
                    registration=registration,
                )
                rows.append(row)
        if broken:
            self._outbox.database.write(partial(_park_all, self._outbox.book, broken, terms.now_ms))
        return Batch(group=look.group, split=look.split, rows=tuple(rows)) if rows else None


def next_probe_ms(connection: sqlite3.Connection, book: int) -> int | None:
    """When a row of a paused group may be tried, Unix milliseconds UTC; None while none waits."""
    due = connection.execute(_NEXT_PROBE_SQL, (book,)).fetchone()[0]
    return None if due is None else int(due)


def _park_all(book: int, broken: list[tuple[Candidate, Reason]], at_ms: int, connection: sqlite3.Connection) -> None:
    for each, reason in broken:
        park(connection, book=book, row=each.id, holder=each.holder, reason=reason, at_ms=at_ms)


def _look(book: int, terms: Terms, place: _Place, connection: sqlite3.Connection) -> _Look:
    if place.after is None:
        head = _head(connection, book, place.group, place.split)
        if head is None:
            return _Look(_Place(), ended=True)
        group, split, _ = head
    else:
        group, split = place.group, place.split
    if is_paused(connection, book, group):
        return _Look(_Place(group, _LAST_SPLIT))
    limit = _SCAN if split else min(_SCAN, 2 * terms.size + _SPARE)
    found = _candidates(connection, (book, None, group, split, place.after or 0, limit))
    # All of a suspect set together were refused: only its first half is tried, or its only row (design, section 5).
    most = terms.size if split == 0 else min(terms.size, (len(found) + 1) // 2)
    chosen, last, late = _choose(connection, book, terms, found, most)
    _mark(connection, chosen)
    if chosen and split:
        # The same group again, suspects first: the rows that a halving clears then go in one call.
        return _Look(_Place(group, _FIRST_SPLIT), group, split, chosen, late)
    more = len(chosen) < most and len(found) == limit
    return _Look(_Place(group, split, last if more else None), group, split, chosen, late)


def _probe(book: int, terms: Terms, connection: sqlite3.Connection) -> _Look:
    for (group,) in connection.execute(_PAUSED_SQL, (book, terms.now_ms)).fetchall():
        split = connection.execute(_FIRST_SPLIT_SQL, (book, group)).fetchone()
        if split is None:
            continue
        found = _candidates(connection, (book, Reason.GROUP.value, group, split[0], 0, _SCAN))
        chosen, _, _ = _choose(connection, book, terms, found, 1)
        if chosen:
            connection.execute(_PROBED_SQL, (terms.now_ms, book, group))
            _mark(connection, chosen)
            return _Look(_Place(), group, split[0], chosen)
    return _Look(_Place())


def _candidates(connection: sqlite3.Connection, values: tuple[object, ...]) -> list[Candidate]:
    return [Candidate(*row) for row in connection.execute(_ROWS_SQL, values)]


def _head(
    connection: sqlite3.Connection, book: int, group: bytes, split: int, *, reason: str | None = None
) -> tuple[bytes, int, int] | None:
    """The first row of the next suspect set, or of the next group."""
    return (  # type: ignore[no-any-return]  # a row of sqlite3
        connection.execute(_NEXT_SPLIT_SQL, (book, reason, group, split)).fetchone()
        or connection.execute(_NEXT_GROUP_SQL, (book, reason, group)).fetchone()
    )


def _oldest_open(connection: sqlite3.Connection, book: int) -> int:
    """No row before this one delays anybody: so a person's long history is never read."""
    ids = [connection.execute(_OPEN_SQL, (book, state)).fetchone()[0] for state in ("in_flight", "unknown")]
    for reason in (None, Reason.CHANNEL.value):
        group, split = b"", _FIRST_SPLIT
        while head := _head(connection, book, group, split, reason=reason):
            group, split, first = head
            ids.append(first)
    return min((each for each in ids if each is not None), default=_LAST_SPLIT)


def _choose(
    connection: sqlite3.Connection, book: int, terms: Terms, found: list[Candidate], most: int
) -> tuple[tuple[Candidate, ...], int, int]:
    """Take the rows whose person has nothing earlier open, at most so many; late ones are marked for a search.

    Returns:
        The rows, the last one looked at, and how many were marked.
    """
    chosen: list[Candidate] = []
    cleared: dict[int, int] = {}  # a person's rows up to this one are in the batch or delay nobody
    waiting: set[int] = set()
    last = late = 0
    before = _oldest_open(connection, book) - 1
    for each in found:
        if len(chosen) == most or late == terms.most_marked:
            break
        last = each.id
        if each.is_late(terms):
            # Judged once, before anything of it left the box.
            if terms.hold_late and each.called_ms is None:
                park(connection, book=book, row=each.id, holder=each.holder, reason=Reason.LATE, at_ms=terms.now_ms)
                continue
            if each.needs_search(terms):
                connection.execute("UPDATE registrations SET reason = 'channel' WHERE id = ?", (each.id,))
                waiting.add(each.holder)
                late += 1
                continue
        if each.holder in waiting:
            continue
        values = (each.holder, cleared.get(each.holder, before), each.id, book, terms.now_ms - terms.order_wait_ms)
        if connection.execute(_BLOCKED_SQL, values).fetchone():
            waiting.add(each.holder)
            continue
        cleared[each.holder] = each.id
        chosen.append(each)
    return tuple(chosen), last, late


def _mark(connection: sqlite3.Connection, chosen: tuple[Candidate, ...]) -> None:
    connection.executemany(
        "UPDATE registrations SET state = 'in_flight', reason = NULL, attempts = attempts + 1 WHERE id = ?",
        ((each.id,) for each in chosen),
    )
