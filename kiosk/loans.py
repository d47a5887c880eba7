"""All SQL about loan badges: cards that belong to nobody, and are somebody's until his OUT, or for a shift at most."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk import badges, evidence
from kiosk.badges import Chip, Taken
from kiosk.errors import SealBroken
from kiosk.evidence import Entry
from kiosk.identifiers import CardId
from kiosk.model import Direction
from kiosk.records import card_index, pack_card, unpack_card
from kiosk.taps import newest_tap
from kiosk.vault import Field, Vault, new_uid

_LENT: Final = "SELECT id, holder, added_ms, loan_until_ms FROM badges WHERE loan_until_ms IS NOT NULL AND revoked_ms IS NULL"
_CARDS: Final = (
    "SELECT l.id, l.uid, l.sealed, l.added_ms, b.holder, b.loan_until_ms, b.revoked_ms IS NOT NULL"
    " FROM loan_cards l LEFT JOIN badges b ON b.card_index = l.card_index ORDER BY l.id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanCard:
    """A card to lend; ``card`` is None where its seal does not open. Times are Unix milliseconds UTC, None while it is in."""

    id: int
    card: CardId | None
    added_ms: int
    holder: int | None
    until_ms: int | None
    lost: bool


def add_card(connection: sqlite3.Connection, vault: Vault, card: CardId, *, at_ms: int) -> int | Taken:
    """Make a card one to lend, inside the caller's transaction; returns its id, also where it was one before."""
    index = card_index(vault, card)
    owner = connection.execute("SELECT holder FROM badges WHERE card_index = ? AND loan_until_ms IS NULL", (index,)).fetchone()
    if owner is not None:
        return Taken(owner[0])
    known = connection.execute("SELECT id FROM loan_cards WHERE card_index = ?", (index,)).fetchone()
    if known is not None:
        return int(known[0])
    uid = new_uid()
    values = (uid, index, at_ms, vault.seal(Field.BADGE, uid, pack_card(card)))
    row = connection.execute("INSERT INTO loan_cards (uid, card_index, added_ms, sealed) VALUES (?, ?, ?, ?)", values).lastrowid
    evidence.record(connection, vault, Entry.BADGE_ADDED, f"loan:{row}", at_ms=at_ms, facts={"loan": True})
    return int(row or 0)


def is_loan_card(connection: sqlite3.Connection, index: bytes) -> bool:
    """Whether the card with this blind index is one to lend."""
    return connection.execute("SELECT 1 FROM loan_cards WHERE card_index = ?", (index,)).fetchone() is not None


def lend(
    connection: sqlite3.Connection, vault: Vault, holder: int, card: CardId, *, until_ms: int, at_ms: int, chip: Chip
) -> int | Taken:
    """Make a card somebody's badge for a while, inside the caller's transaction.

    Args:
        connection: The store, in a transaction.
        vault: Its keys.
        holder: Who gets it.
        card: One to lend, or any that is nobody's.
        until_ms: When it ends at the latest, Unix milliseconds UTC.
        at_ms: Now, likewise.
        chip: What the reader said of it.

    Returns:
        The badge's id; or who has it, also where it was revoked as lost, or is his own for good.
    """
    sql = "SELECT holder, revoked_ms, loan_until_ms FROM badges WHERE card_index = ?"
    before = connection.execute(sql, (card_index(vault, card),)).fetchone()
    if before is not None and (before[0] != holder or before[1] is not None or before[2] is None):
        return Taken(before[0])
    badge = badges.give(connection, vault, holder, card, at_ms=at_ms, chip=chip)
    if isinstance(badge, int):
        connection.execute("UPDATE badges SET loan_until_ms = ?, added_ms = ? WHERE id = ?", (until_ms, at_ms, badge))
        # The badge's own row is gone when the loan has ended: then only this says whose it was, and goes with him.
        facts, person = {"until_ms": until_ms}, {"holder": holder}
        evidence.record(connection, vault, Entry.LENT, f"badge:{badge}", at_ms=at_ms, facts=facts, person=person)
    return badge


def end_due(connection: sqlite3.Connection, vault: Vault, *, book: int, at_ms: int, timed: bool) -> tuple[int, ...]:
    """Take back what is due: its holder has tapped OUT since, or its time is up. Inside the caller's transaction.

    Args:
        connection: The store, in a transaction.
        vault: Its keys.
        book: The current book.
        at_ms: Now, Unix milliseconds UTC.
        timed: Whether that may be believed; by a clock that is wrong nobody's time is up.

    Returns:
        The ids of the badges that are nobody's again.
    """
    ended = tuple(
        badge
        for badge, holder, since_ms, until_ms in connection.execute(_LENT).fetchall()
        if (timed and until_ms <= at_ms) or _has_left(connection, book, holder, since_ms)
    )
    for badge in ended:
        connection.execute("DELETE FROM badges WHERE id = ?", (badge,))
        evidence.record(connection, vault, Entry.LOAN_ENDED, f"badge:{badge}", at_ms=at_ms)
    return ended


def next_end_ms(connection: sqlite3.Connection) -> int | None:
    """When the next loan ends at the latest, Unix milliseconds UTC; None while nothing is lent."""
    found = connection.execute(f"SELECT min(loan_until_ms) FROM ({_LENT})").fetchone()  # noqa: S608  our own words
    return None if found[0] is None else int(found[0])


def cards(connection: sqlite3.Connection, vault: Vault) -> list[LoanCard]:
    """Every card to lend, with whose badge it is now."""
    return [
        LoanCard(
            id=number,
            card=_opened(vault, uid, sealed),
            added_ms=added_ms,
            holder=holder,
            until_ms=until_ms,
            lost=bool(lost),
        )
        for number, uid, sealed, added_ms, holder, until_ms, lost in connection.execute(_CARDS).fetchall()
    ]


def _has_left(connection: sqlite3.Connection, book: int, holder: int, since_ms: int) -> bool:
    newest = newest_tap(connection, book=book, holder=holder)
    return newest is not None and newest.last.direction is Direction.OUT and newest.last.at_ms >= since_ms


def _opened(vault: Vault, uid: bytes, sealed: bytes) -> CardId | None:
    try:
        return unpack_card(vault.open(Field.BADGE, uid, sealed))
    except SealBroken:
        return None
