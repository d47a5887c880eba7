"""All SQL about cards that nobody knew: the taps that were kept, and the registration owed for one once it is linked to a person.

A linked registration is for a past tap: it never says where its holder is now. It stays held until he confirmed in person
that the card was his, and then waits for a search of the service (``precautions``) before it is sent (design, section 7).
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from kiosk.amendments import SealedRow
from kiosk.errors import SealBroken
from kiosk.identifiers import CardId
from kiosk.model import Draft, Located, Reason, TaskKind
from kiosk.outbox import Outbox, group_of, origin
from kiosk.records import pack_draft, unpack_card, unpack_located
from kiosk.taps import TIMED
from kiosk.tasks import close_tasks, open_task
from kiosk.vault import Field, Vault, new_uid

_KEPT: Final = (
    f"SELECT id, uid, sealed, card_index, at_ms, {TIMED}, reader, technology, trust FROM taps"  # noqa: S608  our own words
    " WHERE holder IS NULL AND +book = ?"
)
_UNKNOWN: Final = (
    f"{_KEPT} AND NOT EXISTS (SELECT 1 FROM badges b WHERE b.card_index = taps.card_index)"  # noqa: S608  our own words
    " AND NOT EXISTS (SELECT 1 FROM registrations r WHERE r.linked = taps.id)"
    " ORDER BY id DESC LIMIT ?"
)
#: What a tap brings with it into the book.
_OF_TAP: Final = (
    "at_ms, signal, card_index, reader, driver, technology, press, wall_ms, boot_ns, boot_id, clock_trusted, clock_source,"
    " clock_bound_ms, trust, healed_ms, earliest_ms, latest_ms"
)
_LINK: Final = (
    "INSERT INTO registrations (uid, book, holder, direction, state, reason, group_index, sealed, linked, link_until_ms,"  # noqa: S608
    f" place_source, place_error_m, place_age_ms, {_OF_TAP})"
    f" SELECT ?, book, ?, ?, 'held', 'link', ?, ?, id, ?, ?, ?, ?, {_OF_TAP} FROM taps WHERE id = ?"
)
_WAITING: Final = (
    "SELECT id, holder, card_index, link_until_ms FROM registrations"
    " WHERE linked IS NOT NULL AND +book = ? AND state = 'held' AND reason = 'link' AND link_confirmed_ms IS NULL ORDER BY id"
)
#: He laid that card on again, or his identity card, after it was linked; either is his own act at this box.
_CAME: Final = (
    f"SELECT 1 FROM registrations WHERE holder = ? AND id > ? AND linked IS NULL AND (card_index = ? OR trust = 'eid')"  # noqa: S608
    f" AND {TIMED} AND at_ms <= ? LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTap:
    """A tap of a card that nobody knew.

    Attributes:
        id: Of the tap.
        card: The card, or None where its seal does not open.
        card_index: Its blind index.
        at_ms: When, Unix milliseconds UTC.
        timed: Whether that time is known: by the clock at the tap, or healed.
        reader: Where.
        technology: What the reader said of the chip.
        trust: How hard it is to pretend to be the card.
        located: Where a receiver found the box, or None where none did.
    """

    id: int
    card: CardId | None
    card_index: bytes
    at_ms: int
    timed: bool
    reader: str
    technology: str
    trust: str
    located: Located | None = None


def kept_tap(connection: sqlite3.Connection, vault: Vault, number: int, *, book: int) -> KeptTap | None:
    """Return one kept tap, also of a card that the roster knows by now, or None where there is none with this id."""
    row = connection.execute(f"{_KEPT} AND id = ?", (book, number)).fetchone()
    return None if row is None else _opened(vault, row)


def unknown_taps(connection: sqlite3.Connection, vault: Vault, *, book: int, limit: int) -> list[KeptTap]:
    """Return the newest kept taps of cards that the roster does not know, oldest first."""
    return [_opened(vault, row) for row in connection.execute(_UNKNOWN, (book, limit))][::-1]


def is_linked(connection: sqlite3.Connection, tap: int) -> bool:
    """Whether a registration was owed for this tap already."""
    return connection.execute("SELECT 1 FROM registrations WHERE linked = ?", (tap,)).fetchone() is not None


def add(
    connection: sqlite3.Connection,
    outbox: Outbox,
    tap: KeptTap,
    *,
    holder: int,
    draft: Draft,
    until_ms: int,
) -> int:
    """Write down what is owed for a past tap, held until its person confirms it, inside the caller's transaction.

    Args:
        connection: The store, in a transaction.
        outbox: The book.
        tap: The past tap.
        holder: The person.
        draft: What is owed as far as known; ``fill`` completes it.
        until_ms: Until when he may confirm it, Unix milliseconds UTC.

    Returns:
        The registration's id in the book.
    """
    uid = new_uid()
    sealed = outbox.vault.seal(Field.REGISTRATION, uid, pack_draft(draft))
    group = group_of(outbox.vault, draft)
    values = (uid, holder, draft.direction.value, group, sealed, until_ms, *origin(tap.located, draft), tap.id)
    return int(connection.execute(_LINK, values).lastrowid or 0)


def fill(connection: sqlite3.Connection, outbox: Outbox, row: SealedRow, draft: Draft, *, at_ms: int) -> None:
    """Complete what was added, inside the same transaction, and ask for its person."""
    sealed = outbox.vault.seal(Field.REGISTRATION, row.uid, pack_draft(draft))
    values = (sealed, group_of(outbox.vault, draft), row.id)
    connection.execute("UPDATE registrations SET sealed = ?, group_index = ? WHERE id = ?", values)
    open_task(connection, TaskKind.HELD, book=outbox.book, at_ms=at_ms, registration=row.id, holder=row.holder)


def is_waiting(connection: sqlite3.Connection, book: int) -> bool:
    """Whether any linked registration waits for its person."""
    return connection.execute(f"{_WAITING} LIMIT 1", (book,)).fetchone() is not None


def confirm(connection: sqlite3.Connection, book: int, *, at_ms: int) -> tuple[int, ...]:
    """Let go what its person has confirmed since, inside the caller's transaction: it waits for the search now.

    Returns:
        The registrations' ids.
    """
    confirmed = tuple(
        row
        for row, holder, card_index, until_ms in connection.execute(_WAITING, (book,)).fetchall()
        if connection.execute(_CAME, (holder, row, card_index, until_ms)).fetchone() is not None
    )
    for row in confirmed:
        connection.execute(
            "UPDATE registrations SET state = 'queued', reason = ?, link_confirmed_ms = ? WHERE id = ?",
            (Reason.LINK.value, at_ms, row),
        )
        close_tasks(connection, registration=row, kinds=frozenset({TaskKind.HELD}), at_ms=at_ms)
    return confirmed


def _opened(vault: Vault, row: tuple[Any, ...]) -> KeptTap:
    number, uid, sealed, card_index, at_ms, timed, reader, technology, trust = row
    card, located = _unsealed(vault, uid, sealed)
    return KeptTap(
        id=number,
        card=card,
        card_index=card_index,
        at_ms=at_ms,
        timed=bool(timed),
        reader=reader,
        technology=technology,
        trust=trust,
        located=located,
    )


def _unsealed(vault: Vault, uid: bytes, sealed: bytes) -> tuple[CardId | None, Located | None]:
    try:
        plain = vault.open(Field.TAP, uid, sealed)
        return unpack_card(plain), unpack_located(plain)
    except SealBroken:
        return None, None
