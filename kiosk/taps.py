"""All SQL about taps: what was recorded at a reader, and where it leaves each holder."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk.identifiers import CardId
from kiosk.model import ClockReading, Direction, Draft, Press, Signal
from kiosk.records import pack_card, unpack_draft
from kiosk.rules import LastTap, Now
from kiosk.vault import Field, Vault, new_uid

_LAST: Final = (
    "SELECT direction, at_ms, boot_ns, boot_id, id FROM taps WHERE holder = ? AND book = ? AND counts = 1 ORDER BY id DESC LIMIT 1"
)
_INSERT: Final = (
    "INSERT INTO taps (uid, book, holder, card_index, reader, driver, technology, press, direction, signal, counts,"
    " at_ms, wall_ms, boot_ns, boot_id, clock_trusted, clock_source, clock_bound_ms, sealed)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A tap before it is decided: what was seen, where, and when.

    Attributes:
        card: The card.
        card_index: Its blind index.
        reader: The reader's name.
        driver: The reader's driver.
        technology: What the reader said of the chip.
        press: A button pressed before it.
        now: The moment by the clocks that decide.
        clock: How far they could be trusted.
    """

    card: CardId
    card_index: bytes
    reader: str
    driver: str
    technology: str
    press: Press | None
    now: Now
    clock: ClockReading


def last_tap(connection: sqlite3.Connection, *, book: int, holder: int) -> tuple[LastTap, int] | None:
    """The holder's newest tap that counts in this book, and its id; None when there is none: he is out."""
    row = connection.execute(_LAST, (holder, book)).fetchone()
    if row is None:
        return None
    return LastTap(direction=Direction(row[0]), at_ms=row[1], boot_ns=row[2], boot_id=row[3]), row[4]


def stay_of(connection: sqlite3.Connection, vault: Vault, *, tap: int) -> Draft | None:
    """What the IN of an open stay was registered as: the OUT carries its declaration, employer and identity.

    Raises:
        SealBroken: The IN's row is damaged.
    """
    row = connection.execute("SELECT uid, sealed FROM registrations WHERE tap = ? AND direction = 'in'", (tap,)).fetchone()
    return None if row is None else unpack_draft(vault.open(Field.REGISTRATION, row[0], row[1]))


def add_tap(
    connection: sqlite3.Connection,
    vault: Vault,
    tap: Moment,
    *,
    book: int,
    holder: int | None,
    direction: Direction | None,
    signal: Signal,
) -> int:
    """Record a tap inside the caller's transaction and return its id.

    Args:
        connection: The store, in a transaction.
        vault: Its keys.
        tap: What was seen.
        book: The current book.
        holder: Whose badge it is, or None for an unknown card, which is kept sealed.
        direction: What was decided, or None for an unknown card.
        signal: What the worker is shown after the commit.
    """
    uid = new_uid()
    # A badge is kept in the roster already; only a card nobody knows must be kept here, to be linked later.
    sealed = vault.seal(Field.TAP, uid, pack_card(tap.card)) if holder is None else None
    cursor = connection.execute(
        _INSERT,
        (
            uid,
            book,
            holder,
            tap.card_index,
            tap.reader,
            tap.driver,
            tap.technology,
            None if tap.press is None else tap.press.value,
            None if direction is None else direction.value,
            signal.value,
            0 if direction is None else 1,
            tap.now.at_ms,
            tap.now.at_ms,
            tap.now.boot_ns,
            tap.now.boot_id,
            int(tap.clock.trusted),
            tap.clock.source,
            tap.clock.bound_ms,
            sealed,
        ),
    )
    return cursor.lastrowid or 0


def newest_trusted_ms(connection: sqlite3.Connection) -> int | None:
    """The newest time that this store holds and that was trusted, Unix milliseconds UTC: no clock before it is believed."""
    row = connection.execute("SELECT max(at_ms) FROM (SELECT at_ms FROM taps WHERE clock_trusted = 1 ORDER BY id DESC LIMIT 1000)")
    found: int | None = row.fetchone()[0]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """The newest tap that counts of one holder, or of one card nobody knows (then ``holder`` and ``direction`` are None)."""

    holder: int | None
    direction: Direction | None
    press: Press | None
    at_ms: int
    reader: str


def recent(connection: sqlite3.Connection, *, book: int, since_ms: int) -> list[Present]:
    """Each holder's and each unknown card's newest tap since ``since_ms`` (Unix milliseconds UTC), newest first.

    Reads backwards from the newest tap and stops at the first that a trusted clock put before ``since_ms``,
    so it costs as much as the shift was busy, not as the book is long.
    """
    rows = connection.execute(
        "SELECT holder, card_index, direction, press, at_ms, reader, clock_trusted FROM taps"
        " WHERE book = ? AND (counts = 1 OR holder IS NULL) ORDER BY id DESC",
        (book,),
    )
    newest: dict[object, Present] = {}
    for holder, card_index, direction, press, at_ms, reader, trusted in rows:
        if at_ms < since_ms:
            if trusted:
                break
            continue
        newest.setdefault(
            card_index if holder is None else holder,
            Present(
                holder=holder,
                direction=None if direction is None else Direction(direction),
                press=None if press is None else Press(press),
                at_ms=at_ms,
                reader=reader,
            ),
        )
    return list(newest.values())
