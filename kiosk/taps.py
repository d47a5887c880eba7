"""All SQL about taps: what was seen at a reader, where it leaves each holder, and the taps that owe no registration."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from kiosk.identifiers import CardId
from kiosk.model import ClockReading, Direction, Draft, Located, Press, Signal, Trust
from kiosk.records import pack_card, unpack_draft
from kiosk.rules import LastTap, Now
from kiosk.vault import Field, Vault, new_uid

#: A tap whose time is known: by the clock at the tap, or healed.
TIMED: Final = "(clock_trusted = 1 OR healed_ms IS NOT NULL)"
_LAST: Final = (
    f"SELECT direction, at_ms, boot_ns, boot_id, id, uid, sealed, {TIMED} FROM registrations"  # noqa: S608  our own words
    " WHERE holder = ?1 AND book = ?2 AND state <> 'cancelled' AND linked IS NULL ORDER BY id DESC LIMIT 1"
)
_LAST_LOCAL: Final = (
    f"SELECT direction, at_ms, boot_ns, boot_id, id, uid, sealed, {TIMED} FROM taps"  # noqa: S608
    " WHERE holder = ?1 AND book = ?2 AND direction IS NOT NULL ORDER BY id DESC LIMIT 1"
)
_LAST_ELSEWHERE: Final = (
    "SELECT direction, at_ms, 0, '', id, uid, sealed, 1 FROM elsewhere"
    " WHERE holder = ?1 AND +book = ?2 AND gone_ms IS NULL ORDER BY at_ms DESC, id DESC LIMIT 1"
)
#: All three in one statement, each with its ``Source``: every tap waits for it. A book's row comes first, and so wins a tie.
_NEWEST: Final = " UNION ALL ".join(
    f"SELECT {source}, * FROM ({sql})"  # noqa: S608  our own words
    for source, sql in enumerate((_LAST, _LAST_LOCAL, _LAST_ELSEWHERE))
)
#: The plus keeps SQLite from sorting the whole book by way of an index: the newest rows are the last ones. 5,000 of them
#: are two days of a large site: without a trusted clock nothing else ends the look, and no tap may wait longer than 20 ms.
_KNOWN: Final = (
    f"SELECT at_ms, {TIMED}, holder, direction, press, reader FROM registrations"  # noqa: S608
    " WHERE +book = ? AND +state <> 'cancelled' AND +linked IS NULL ORDER BY id DESC LIMIT 5000"
)
_OWING_NOTHING: Final = (
    f"SELECT at_ms, {TIMED}, holder, direction, press, card_index, reader FROM taps WHERE +book = ?"  # noqa: S608
    " ORDER BY id DESC LIMIT 5000"
)
_AT_OTHER_CHANNELS: Final = (
    "SELECT holder, direction, at_ms FROM elsewhere WHERE book = ? AND gone_ms IS NULL AND at_ms >= ?"
    " ORDER BY at_ms DESC LIMIT 5000"
)
_ADD: Final = (
    "INSERT INTO taps (uid, book, signal, at_ms, sealed, holder, direction, card_index, reader, driver, technology, press, wall_ms,"
    " boot_ns, boot_id, clock_trusted, clock_source, clock_bound_ms, trust)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
#: What the presence list says of the reader where there was none.
ANOTHER_CHANNEL: Final = "another channel"


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
        trust: How hard it is to pretend to be the card.
        located: Where a receiver found the box, or None where none did.
    """

    card: CardId
    card_index: bytes
    reader: str
    driver: str
    technology: str
    press: Press | None
    now: Now
    clock: ClockReading
    trust: Trust = Trust.UID
    located: Located | None = None

    def columns(self) -> tuple[str | int | bytes | None, ...]:
        """What every table keeps of a tap: the card's index, reader, driver, technology, press, clocks' readings, trust."""
        clock, now = self.clock, self.now
        return (
            self.card_index,
            self.reader,
            self.driver,
            self.technology,
            None if self.press is None else self.press.value,
            now.at_ms,
            now.boot_ns,
            now.boot_id,
            1 if clock.trusted else 0,
            clock.source,
            clock.bound_ms,
            self.trust.value,
        )


class Source(Enum):
    """Where a holder's newest tap lies: in the book, among the taps that owe nothing, or at another channel."""

    BOOK = 0
    LOCAL = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class Newest:
    """A holder's newest tap that counts.

    Attributes:
        last: What the rules need of it.
        row: Its id in the table of its source.
        uid: That row's uid.
        sealed: That row's content, still sealed.
        trusted: Whether its time may be compared with another clock's.
        source: Where it lies.
    """

    last: LastTap
    row: int
    uid: bytes
    sealed: bytes
    trusted: bool
    source: Source = Source.BOOK

    @property
    def registration(self) -> int | None:
        """Its registration's id in the book, or None where the book has none for it."""
        return self.row if self.source is Source.BOOK else None

    @property
    def presence_ms(self) -> int | None:
        """When the presence was that it stands for, Unix milliseconds UTC; None where its time is not known or nothing is owed."""
        return self.last.at_ms if self.trusted and self.source is not Source.LOCAL else None

    def is_before(self, other: Newest, boot_id: str | None) -> bool:
        """Whether the other is newer: by the boot clock within a boot, else by wall clocks that both could be trusted.

        What this box saw since it was started (``boot_id``) is newer than what it saw before, whatever the clocks say.
        """
        if self.last.boot_id == other.last.boot_id:
            return self.last.boot_ns < other.last.boot_ns
        if boot_id in (self.last.boot_id, other.last.boot_id) and other.source is not Source.ELSEWHERE:
            return other.last.boot_id == boot_id
        return self.trusted and other.trusted and self.last.at_ms < other.last.at_ms


def newest_tap(connection: sqlite3.Connection, *, book: int, holder: int, boot_id: str | None = None) -> Newest | None:
    """The holder's newest tap that counts in this book; None when there is none: he is out.

    What he did at another channel counts where that is known to be later than his newest tap here. ``boot_id`` is the boot
    that runs now, where that is known.
    """
    newest: Newest | None = None
    for source, *row in connection.execute(_NEWEST, (holder, book)).fetchall():
        last = LastTap(direction=Direction(row[0]), at_ms=row[1], boot_ns=row[2], boot_id=row[3])
        found = Newest(last, row[4], row[5], row[6], bool(row[7]), Source(source))
        if newest is None or newest.is_before(found, boot_id):
            newest = found
    return newest


def stay_of(vault: Vault, newest: Newest | None) -> Draft | None:
    """What the IN of an open stay was registered as (its OUT carries that), or None when the holder is not inside.

    Raises:
        SealBroken: The IN's row is damaged.
    """
    if newest is None or newest.last.direction is not Direction.IN or newest.source is Source.LOCAL:
        return None
    return unpack_draft(vault.open(Field.REGISTRATION, newest.uid, newest.sealed))


def add_tap(
    connection: sqlite3.Connection,
    vault: Vault,
    tap: Moment,
    *,
    book: int,
    signal: Signal,
    holder: int | None = None,
    direction: Direction | None = None,
) -> None:
    """Record a tap that owes no registration, inside the caller's transaction; its card is kept sealed, to be linked later.

    With ``holder`` and ``direction`` it moves a known holder for whom nothing is owed.
    """
    uid = new_uid()
    sealed = vault.seal(Field.TAP, uid, pack_card(tap.card, tap.located))
    moved = None if direction is None else direction.value
    connection.execute(_ADD, (uid, book, signal.value, tap.now.at_ms, sealed, holder, moved, *tap.columns()))


@dataclass(frozen=True, slots=True)
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
    so it costs as much as the shift was busy, not as the book is long. Taps after that one whose clock was not
    to be trusted count as well, whatever it said: somebody who came in while it stood in 1970 is inside.
    """
    newest: dict[object, Present] = {}

    def note(key: object, seen: Present) -> None:
        # A tap before the window is one whose clock was wrong: nobody knows what came after it.
        if key not in newest or since_ms <= newest[key].at_ms < seen.at_ms:
            newest[key] = seen

    for holder, direction, press, at_ms, reader in _since(connection, _KNOWN, book, since_ms):
        seen = Present(holder, Direction(direction), None if press is None else Press(press), at_ms, reader)
        newest.setdefault(holder, seen)
    local: set[int] = set()
    for holder, direction, press, card_index, at_ms, reader in _since(connection, _OWING_NOTHING, book, since_ms):
        if holder is None or direction is None:
            newest.setdefault(card_index, Present(None, None, None, at_ms, reader))
        elif holder not in local:
            local.add(holder)
            note(holder, Present(holder, Direction(direction), None if press is None else Press(press), at_ms, reader))
    for holder, direction, at_ms in connection.execute(_AT_OTHER_CHANNELS, (book, since_ms)):
        note(holder, Present(holder, Direction(direction), None, at_ms, ANOTHER_CHANNEL))
    _drop_linked(connection, newest)
    return sorted(newest.values(), key=lambda seen: seen.at_ms, reverse=True)


def _drop_linked(connection: sqlite3.Connection, newest: dict[object, Present]) -> None:
    """Leave out an unknown card that was linked to somebody since, once he has tapped himself."""
    for key, seen in list(newest.items()):
        if seen.holder is None:
            owner = connection.execute("SELECT holder FROM badges WHERE card_index = ?", (key,)).fetchone()
            since = None if owner is None else newest.get(owner[0])
            if since is not None and since.at_ms >= seen.at_ms:
                del newest[key]


def _since(connection: sqlite3.Connection, sql: str, book: int, since_ms: int) -> Iterator[tuple[Any, ...]]:
    """Rows backwards from the newest, until one that a trusted clock put before ``since_ms``."""
    for at_ms, trusted, *fields in connection.execute(sql, (book,)):
        if trusted and at_ms < since_ms:
            return
        yield (*fields[:-1], at_ms, fields[-1])
