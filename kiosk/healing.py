"""Taps made before the clock could be trusted get their true time, or are held where it can't be known (design, promise 4).

The boot clock tells how long before an anchor of the same boot a tap was. What the clock said then is kept for ever
(``wall_ms``), and the interval in which the tap must lie stands beside the healed time. The direction that was shown never
changes: where the true time would have decided otherwise, a human looks first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from kiosk import evidence, rules
from kiosk.anchors import Anchor
from kiosk.errors import SealBroken
from kiosk.evidence import Entry
from kiosk.model import Direction, Draft, Press, ReaderDirection, Reason, State
from kiosk.outbox import Outbox, is_paused, park
from kiosk.records import pack_draft, unpack_draft
from kiosk.rules import DeclarationTerm, LastTap, Limits
from kiosk.taps import TIMED
from kiosk.tasks import date_tasks
from kiosk.vault import Field

#: Rows healed in one transaction: some 10 ms, so that no tap waits longer than 20 ms on a slower machine.
SLICE: Final = 100
_OPEN: Final = "clock_trusted = 0 AND latest_ms IS NULL"
#: Said beside the task: nothing but a healed time lifts this hold.
LOST: Final = "the time of this tap can't be known any more: cancel it; whoever employs the person has it corrected at the NSSO"

_BOOTS_SQL: Final = (
    f"SELECT boot_id FROM registrations WHERE {_OPEN} AND +book = ?1 UNION SELECT boot_id FROM taps WHERE {_OPEN} AND +book = ?1"  # noqa: S608  our own words
)
_TAPS_SQL: Final = (
    f"SELECT id, boot_ns, wall_ms FROM taps WHERE {_OPEN} AND boot_id = ? AND +book = ?"  # noqa: S608  our own words
    f" ORDER BY id LIMIT {SLICE}"
)
_ROWS_SQL: Final = (
    "SELECT id, uid, holder, direction, state, reason, at_ms, sealed, reader, press, wall_ms, boot_ns, boot_id, group_index"  # noqa: S608
    f" FROM registrations WHERE {_OPEN} AND boot_id = ? AND +book = ? ORDER BY id LIMIT {SLICE}"
)
_HEAL_TAP_SQL: Final = "UPDATE taps SET at_ms = ?, healed_ms = ?, earliest_ms = ?, latest_ms = ? WHERE id = ?"
_HEAL_SQL: Final = (
    "UPDATE registrations SET at_ms = ?, sealed = ?, state = ?, reason = ?, healed_ms = ?, earliest_ms = ?, latest_ms = ?"
    " WHERE id = ?"
)
_LOSE_SQL: Final = "UPDATE {} SET earliest_ms = ?, latest_ms = ? WHERE id = ?"
_TIMED_BEFORE_SQL: Final = f"SELECT at_ms FROM registrations WHERE id < ? AND +book = ? AND {TIMED} ORDER BY id DESC LIMIT 1"  # noqa: S608
#: What a holder did before one of his rows: in the book, owing nothing, at another channel; each with its interval.
_BEFORE_SQL: Final = (
    f"SELECT direction, at_ms, boot_ns, boot_id, {TIMED}, earliest_ms, latest_ms FROM registrations WHERE holder = ? AND +book = ?"  # noqa: S608
    " AND id < ? AND state <> 'cancelled' AND linked IS NULL AND NOT (boot_id = ? AND boot_ns = ?) ORDER BY id DESC LIMIT 1"
)
_BEFORE_LOCAL_SQL: Final = (
    f"SELECT direction, at_ms, boot_ns, boot_id, {TIMED}, earliest_ms, latest_ms FROM taps WHERE holder = ?1 AND +book = ?2"  # noqa: S608
    " AND direction IS NOT NULL AND ((boot_id = ?3 AND boot_ns < ?4) OR (boot_id <> ?3 AND at_ms < ?5)) ORDER BY id DESC LIMIT 1"
)
_BEFORE_ELSEWHERE_SQL: Final = (
    "SELECT direction, at_ms, 0, '', 1, NULL, NULL FROM elsewhere WHERE holder = ? AND +book = ? AND at_ms < ? AND gone_ms IS NULL"
    " ORDER BY at_ms DESC LIMIT 1"
)
_TWIN_SQL: Final = "SELECT 1 FROM registrations WHERE holder = ? AND +book = ? AND id <> ? AND boot_id = ? AND boot_ns = ? LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearings:
    """What decided a tap besides its time, by the configuration.

    Attributes:
        zone: The site's: the dates of declarations are local.
        limits: The times that decide a direction.
        readers: The direction of each reader, by its name.
        declarations: The configured declarations.
        max_error_ms: The largest error bound with which a registration is sent.
    """

    zone: ZoneInfo
    limits: Limits
    readers: Mapping[str, ReaderDirection]
    declarations: tuple[DeclarationTerm, ...]
    max_error_ms: int


class _Row(NamedTuple):
    """A registration whose time is not known; the fields are the columns of ``_ROWS_SQL``."""

    id: int
    uid: bytes
    holder: int
    direction: str
    state: str
    reason: str | None
    at_ms: int
    sealed: bytes
    reader: str
    press: str | None
    wall_ms: int
    boot_ns: int
    boot_id: str
    group_index: bytes | None


class _Earlier(NamedTuple):
    """What the holder did before; the fields are the columns of ``_BEFORE_SQL``."""

    direction: str
    at_ms: int
    boot_ns: int
    boot_id: str
    timed: int
    earliest_ms: int | None
    latest_ms: int | None

    @property
    def newest_ms(self) -> int:
        """The latest moment at which it may have been."""
        return self.at_ms if self.timed or self.latest_ms is None else self.latest_ms

    def lasts(self) -> tuple[LastTap, LastTap]:
        """As the rules take it: at both ends of the interval in which it must lie."""
        newest = LastTap(direction=Direction(self.direction), at_ms=self.newest_ms, boot_ns=self.boot_ns, boot_id=self.boot_id)
        return newest, newest if self.timed else replace(newest, at_ms=self.earliest_ms or 0)


def open_boots(connection: sqlite3.Connection, book: int) -> list[str]:
    """The boots with taps of this book whose time is neither known nor lost."""
    return [boot_id for (boot_id,) in connection.execute(_BOOTS_SQL, (book,))]


def heal(connection: sqlite3.Connection, outbox: Outbox, boot_id: str, anchor: Anchor, bearings: Bearings, *, now_ms: int) -> int:
    """Give some taps of this boot their true time, inside the caller's transaction.

    Taps that owe nothing go first: they say where a holder was. A registration within the bound is queued, and held with
    reason ``clock`` where the bound is too wide or the true time would have decided otherwise.

    Args:
        connection: The store, in a transaction.
        outbox: The book with its keys.
        boot_id: The boot.
        anchor: What the true time was at one moment of it.
        bearings: What decided besides the time.
        now_ms: When, Unix milliseconds UTC.

    Returns:
        How many; 0 when all are healed.
    """
    found = connection.execute(_TAPS_SQL, (boot_id, outbox.book)).fetchall()
    for number, boot_ns, wall_ms in found:
        then = anchor.moved(boot_ns)
        connection.execute(_HEAL_TAP_SQL, (then.wall_ms, now_ms, *_interval(then), number))
        facts = {"read_ms": wall_ms, "at_ms": then.wall_ms, "bound_ms": then.bound_ms, "source": then.source}
        evidence.record(connection, outbox.vault, Entry.HEALED, f"tap:{number}", at_ms=now_ms, facts=facts)
    if found:
        return len(found)
    rows = [_Row(*row) for row in connection.execute(_ROWS_SQL, (boot_id, outbox.book))]
    work = _Work(connection, outbox, bearings, now_ms)
    for row in rows:
        work.heal(row, anchor.moved(row.boot_ns))
    return len(rows)


def lose(connection: sqlite3.Connection, outbox: Outbox, boot_id: str, *, latest_ms: int, now_ms: int) -> int:
    """Hold some taps of an earlier boot, whose true time nobody can tell any more, inside the caller's transaction.

    Args:
        connection: The store, in a transaction.
        outbox: The book with its keys.
        boot_id: The boot.
        latest_ms: Before this it ended, Unix milliseconds UTC.
        now_ms: When, likewise.

    Returns:
        How many; 0 when none is left.
    """
    rows = [_Row(*row) for row in connection.execute(_ROWS_SQL, (boot_id, outbox.book))]
    before = connection.execute(_TIMED_BEFORE_SQL, (rows[0].id if rows else 0, outbox.book)).fetchone()
    earliest_ms = None if before is None else before[0]
    for row in rows:
        connection.execute(_LOSE_SQL.format("registrations"), (earliest_ms, latest_ms, row.id))
        if row.state == State.QUEUED:
            park(connection, book=outbox.book, row=row.id, holder=row.holder, reason=Reason.CLOCK, at_ms=now_ms, note=LOST)
        facts = {"read_ms": row.wall_ms, "earliest_ms": earliest_ms, "latest_ms": latest_ms, "reason": Reason.CLOCK.value}
        evidence.record(connection, outbox.vault, Entry.HELD, f"registration:{row.id}", at_ms=now_ms, facts=facts)
    found = connection.execute(_TAPS_SQL, (boot_id, outbox.book)).fetchall()
    connection.executemany(_LOSE_SQL.format("taps"), ((None, latest_ms, number) for number, _, _ in found))
    return len(rows) + len(found)


def _interval(then: Anchor) -> tuple[int, int]:
    return then.wall_ms - then.bound_ms, then.wall_ms + then.bound_ms


@dataclass(frozen=True, slots=True)
class _Work:
    """What healing one registration needs, inside one transaction."""

    connection: sqlite3.Connection
    outbox: Outbox
    bearings: Bearings
    now_ms: int

    def heal(self, row: _Row, then: Anchor) -> None:
        connection, outbox = self.connection, self.outbox
        try:
            draft = replace(unpack_draft(outbox.vault.open(Field.REGISTRATION, row.uid, row.sealed)), at_ms=then.wall_ms)
        except SealBroken:
            draft = None
        sealed = row.sealed if draft is None else outbox.vault.seal(Field.REGISTRATION, row.uid, pack_draft(draft))
        reason, held = row.reason, None
        if row.state == State.QUEUED:
            held = self._held(row, then, draft)
            paused = row.group_index is not None and is_paused(connection, outbox.book, row.group_index)
            reason = Reason.GROUP.value if paused else None
        connection.execute(_HEAL_SQL, (then.wall_ms, sealed, row.state, reason, self.now_ms, *_interval(then), row.id))
        date_tasks(connection, registration=row.id)
        if held is not None:
            park(connection, book=outbox.book, row=row.id, holder=row.holder, reason=held, at_ms=self.now_ms)
        facts = {
            "read_ms": row.wall_ms,
            "at_ms": then.wall_ms,
            "bound_ms": then.bound_ms,
            "source": then.source,
            "held": None if held is None else held.value,
        }
        evidence.record(connection, outbox.vault, Entry.HEALED, f"registration:{row.id}", at_ms=self.now_ms, facts=facts)

    def _held(self, row: _Row, then: Anchor, draft: Draft | None) -> Reason | None:
        """Why a registration whose time is known now is not sent without a human, or None."""
        if then.bound_ms > self.bearings.max_error_ms:
            return Reason.CLOCK
        if draft is None:
            return Reason.SEAL
        earlier = self._before(row, then.wall_ms)
        if earlier is not None and not self._stands(row, then.wall_ms, earlier):
            return Reason.CLOCK
        carried = row.direction == Direction.OUT and earlier is not None and earlier.direction == Direction.IN
        day = datetime.fromtimestamp(then.wall_ms / 1000, self.bearings.zone).date()
        valid = any(term.number == draft.declaration and term.valid_on(day) for term in self.bearings.declarations)
        return None if carried or valid else Reason.DECLARATION

    def _before(self, row: _Row, at_ms: int) -> _Earlier | None:
        """What the holder did last before this, by the true times."""
        read, book = self.connection.execute, self.outbox.book
        found = (
            read(_BEFORE_SQL, (row.holder, book, row.id, row.boot_id, row.boot_ns)).fetchone(),
            read(_BEFORE_LOCAL_SQL, (row.holder, book, row.boot_id, row.boot_ns, at_ms)).fetchone(),
            read(_BEFORE_ELSEWHERE_SQL, (row.holder, book, at_ms)).fetchone(),
        )
        return max((_Earlier(*each) for each in found if each is not None), key=lambda each: each.newest_ms, default=None)

    def _stands(self, row: _Row, at_ms: int, earlier: _Earlier) -> bool:
        """Whether the true time decides as the tap was decided; within a boot the boot clock decided, which was right."""
        if earlier.boot_id == row.boot_id:
            return True
        reader = self.bearings.readers.get(row.reader)
        if reader is None or (earlier.timed and earlier.at_ms > at_ms):
            return False
        values = (row.holder, self.outbox.book, row.id, row.boot_id, row.boot_ns)
        twin = self.connection.execute(_TWIN_SQL, values).fetchone() is not None
        now = rules.Now(at_ms=at_ms, boot_ns=row.boot_ns, boot_id=row.boot_id)
        press = None if row.press is None else Press(row.press)
        return all(
            _is(rules.decide(reader, press, last, now, self.bearings.limits, elsewhere=twin), Direction(row.direction), twin=twin)
            for last in earlier.lasts()
        )


def _is(decision: rules.Decision, direction: Direction, *, twin: bool) -> bool:
    """Whether this is what was recorded: a row of this direction, or one of the two of a switch."""
    return isinstance(decision, rules.Switch) if twin else isinstance(decision, rules.Record) and decision.direction is direction
