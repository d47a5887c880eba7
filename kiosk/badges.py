"""All SQL about badges: whose card each is. Each function runs inside the caller's transaction or read."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk.errors import SealBroken
from kiosk.identifiers import CardId
from kiosk.model import Trust
from kiosk.records import card_index, pack_card, unpack_card
from kiosk.vault import Field, Vault, new_uid

#: A badge as it lies on disk: the columns of ``_BADGES``.
SealedBadge = tuple[int, bytes, int, int, int | None, bytes, str | None, str | None]
_BADGES: Final = "SELECT id, uid, holder, added_ms, revoked_ms, sealed, technology, trust FROM badges"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """What a reader said of a card: its technology, and how hard it is to pretend to be it."""

    technology: str
    trust: Trust


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A badge; ``card`` is None where its seal does not open, ``chip`` where no reader saw it enrolled. Times are Unix ms UTC."""

    id: int
    holder: int
    card: CardId | None
    added_ms: int
    revoked_ms: int | None
    chip: Chip | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """The card is the badge of another holder; nothing was changed."""

    holder: int


def give(connection: sqlite3.Connection, vault: Vault, holder: int, card: CardId, *, at_ms: int, chip: Chip) -> int | Taken:
    """Make a card the badge of a known holder, also one of his that was revoked; returns its id."""
    before = by_card(connection, vault, card)
    if before is not None and before.holder != holder:
        return Taken(before.holder)
    badge = add(connection, vault, holder, card, at_ms=at_ms) if before is None else before.id
    sql = "UPDATE badges SET technology = ?, trust = ?, revoked_ms = NULL, loan_until_ms = NULL WHERE id = ?"
    connection.execute(sql, (chip.technology, chip.trust.value, badge))
    return badge


def holder_of(connection: sqlite3.Connection, vault: Vault, card: CardId) -> int | None:
    """Return whose badge this card is or was."""
    row = connection.execute("SELECT holder FROM badges WHERE card_index = ?", (card_index(vault, card),)).fetchone()
    return None if row is None else int(row[0])


def of_holder(connection: sqlite3.Connection, vault: Vault, holder: int) -> list[Badge]:
    """Return a holder's badges, oldest first."""
    return [opened(vault, row) for row in connection.execute(f"{_BADGES} WHERE holder = ? ORDER BY id", (holder,))]


def by_id(connection: sqlite3.Connection, vault: Vault, badge: int) -> Badge | None:
    """Return a badge, or None if there is none with this id."""
    row = connection.execute(f"{_BADGES} WHERE id = ?", (badge,)).fetchone()
    return None if row is None else opened(vault, row)


def by_card(connection: sqlite3.Connection, vault: Vault, card: CardId) -> Badge | None:
    """Return the badge that this card is, or None if the roster does not know it."""
    row = connection.execute(f"{_BADGES} WHERE card_index = ?", (card_index(vault, card),)).fetchone()
    return None if row is None else opened(vault, row)


def revoke(connection: sqlite3.Connection, badge: int, *, at_ms: int) -> None:
    """Take a badge out of use."""
    connection.execute("UPDATE badges SET revoked_ms = ? WHERE id = ?", (at_ms, badge))


def add(connection: sqlite3.Connection, vault: Vault, holder: int, card: CardId, *, at_ms: int) -> int:
    """Make a card that nobody has the badge of a holder; returns its id."""
    uid = new_uid()
    values = (uid, card_index(vault, card), holder, at_ms, vault.seal(Field.BADGE, uid, pack_card(card)))
    sql = "INSERT INTO badges (uid, card_index, holder, added_ms, sealed) VALUES (?, ?, ?, ?, ?)"
    return connection.execute(sql, values).lastrowid or 0


def opened(vault: Vault, row: SealedBadge) -> Badge:
    """Open a badge; what does not open is None inside, so that one bad row does not hide the others."""
    try:
        card = unpack_card(vault.open(Field.BADGE, row[1], row[5]))
    except SealBroken:
        card = None
    chip = None if row[6] is None or row[7] is None else Chip(technology=row[6], trust=Trust(row[7]))
    return Badge(id=row[0], holder=row[2], card=card, added_ms=row[3], revoked_ms=row[4], chip=chip)
