"""All SQL about holders and their dated profiles, and who a card stands for. Each function runs inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import Final

from kiosk import badges
from kiosk.badges import Badge, Chip, SealedBadge, Taken
from kiosk.errors import SealBroken
from kiosk.identifiers import Insz
from kiosk.model import BadgeLine, Profile
from kiosk.records import card_index, pack_profile, unpack_profile
from kiosk.vault import Field, Index, Vault, new_uid

_FIND: Final = (
    "SELECT b.id, b.holder, b.revoked_ms, b.loan_until_ms, p.id, p.uid, p.sealed FROM badges b"
    " JOIN profiles p ON p.holder = b.holder AND p.current WHERE b.card_index = ?"
)
_FIND_PERSON: Final = (
    "SELECT b.id, p.holder, b.revoked_ms, NULL, p.id, p.uid, p.sealed FROM profiles h"
    " JOIN profiles p ON p.holder = h.holder AND p.current LEFT JOIN badges b ON b.card_index = h.insz_index"
    " WHERE h.insz_index = ? LIMIT 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A card that the roster knows.

    Attributes:
        badge: The badge's id; None: his identity card, which nobody put on the roster as one.
        holder: The holder's id.
        revoked: Whether the badge may not be used any more.
        profile_id: Which dated profile of the holder is current.
        profile: That profile.
        until_ms: When it is his no longer, where it is lent to him, Unix milliseconds UTC.
    """

    badge: int | None
    holder: int
    revoked: bool
    profile_id: int
    profile: Profile
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedProfile:
    """What the roster knew of a holder from ``valid_from_ms`` on; ``profile`` is None where its seal does not open."""

    id: int
    valid_from_ms: int
    current: bool
    profile: Profile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedEntry:
    """One row of the roster as it lies on disk, to be opened outside the store's lock."""

    badge: SealedBadge
    profile: tuple[int, bytes, int, int, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What came of a badge line.

    Attributes:
        badge: The badge's id.
        card_index: Its card's blind index.
        holder: The holder's id.
        profile_id: The holder's current profile afterwards.
        added: Whether the badge is new, or was revoked and may be used again.
        new_badge: Whether the card was unknown.
        new_holder: Whether this INSZ was unknown.
        edited: Whether a known holder got a new dated profile.
    """

    badge: int
    card_index: bytes
    holder: int
    profile_id: int
    added: bool
    new_badge: bool
    new_holder: bool
    edited: bool


def find(connection: sqlite3.Connection, vault: Vault, card_index: bytes) -> Found | None:
    """Look a card up by its blind index, in one select: every tap waits for this.

    Raises:
        SealBroken: The holder's profile does not open.
    """
    return _found(vault, connection.execute(_FIND, (card_index,)).fetchone())


def _found(vault: Vault, row: tuple[int | None, int, int | None, int | None, int, bytes, bytes] | None) -> Found | None:
    if row is None:
        return None
    badge, holder, revoked_ms, until_ms, profile_id, uid, sealed = row
    profile = unpack_profile(vault.open(Field.PROFILE, uid, sealed))
    return Found(
        badge=badge,
        holder=holder,
        revoked=revoked_ms is not None,
        profile_id=profile_id,
        profile=profile,
        until_ms=until_ms,
    )


def find_person(connection: sqlite3.Connection, vault: Vault, insz_index: bytes) -> Found | None:
    """Look the holder of an identity card up by his number, any that he ever had; that he has lost a badge says nothing of him.

    The card itself may be on the roster too, of whoever has no other badge: then it can be revoked like one.

    Raises:
        SealBroken: The holder's profile does not open.
    """
    return _found(vault, connection.execute(_FIND_PERSON, (insz_index,)).fetchone())


def every_insz(connection: sqlite3.Connection, vault: Vault, holder: int) -> frozenset[str]:
    """Return the eleven digits of every INSZ that the holder had; raises ``SealBroken``."""
    rows = connection.execute("SELECT uid, sealed FROM profiles WHERE holder = ?", (holder,))
    return frozenset(unpack_profile(vault.open(Field.PROFILE, uid, sealed)).insz.digits for uid, sealed in rows)


def is_forgotten(connection: sqlite3.Connection, holder: int) -> bool:
    """Whether this person was let go of: only his number is left."""
    return connection.execute("SELECT 1 FROM holders WHERE id = ? AND forgotten_ms IS NOT NULL", (holder,)).fetchone() is not None


def enrol(
    connection: sqlite3.Connection, vault: Vault, line: BadgeLine, *, at_ms: int, chip: Chip | None = None
) -> Enrolled | Taken:
    """Give a card to the holder with this INSZ, who is made if nobody ever had it; fields given again correct his profile.

    An INSZ that was replaced still finds its holder, and does not come back by this. ``chip`` is what a reader says of the card.

    Raises:
        SealBroken: The holder's profile does not open.
    """
    index = card_index(vault, line.card)
    badge = connection.execute("SELECT id, holder, revoked_ms FROM badges WHERE card_index = ?", (index,)).fetchone()
    known = holder_of_insz(connection, vault, line.profile.insz)
    if badge is not None and badge[1] != known:
        return Taken(badge[1])
    if known is None:
        holder, before = _add_holder(connection, at_ms), None
        profile_id = _add_profile(connection, vault, holder, line.profile, at_ms=at_ms)
    else:
        holder, (before, profile) = known, current_profile(connection, vault, known)
        profile_id = change_profile(connection, vault, holder, _corrected(profile, line), at_ms=at_ms)
    badge_id = badges.add(connection, vault, holder, line.card, at_ms=at_ms) if badge is None else badge[0]
    if chip is not None:
        sql = "UPDATE badges SET technology = ?, trust = ? WHERE id = ?"
        connection.execute(sql, (chip.technology, chip.trust.value, badge_id))
    if revoked := badge is not None and badge[2] is not None:
        connection.execute("UPDATE badges SET revoked_ms = NULL WHERE id = ?", (badge_id,))
    return Enrolled(
        badge=badge_id,
        card_index=index,
        holder=holder,
        profile_id=profile_id,
        added=badge is None or revoked,
        new_badge=badge is None,
        new_holder=known is None,
        edited=before not in (None, profile_id),
    )


def change_profile(connection: sqlite3.Connection, vault: Vault, holder: int, profile: Profile, *, at_ms: int) -> int:
    """Make this the holder's profile from ``at_ms`` on, unless it is already; the old one is kept. Returns its id."""
    current, before = current_profile(connection, vault, holder)
    if before == profile:
        return current
    connection.execute("UPDATE profiles SET current = 0 WHERE id = ?", (current,))
    return _add_profile(connection, vault, holder, profile, at_ms=at_ms)


def current_profile(connection: sqlite3.Connection, vault: Vault, holder: int) -> tuple[int, Profile]:
    """Return the id and content of a holder's current profile; raises ``SealBroken``."""
    sql = "SELECT id, uid, sealed FROM profiles WHERE holder = ? AND current"
    profile_id, uid, sealed = connection.execute(sql, (holder,)).fetchone()
    return profile_id, unpack_profile(vault.open(Field.PROFILE, uid, sealed))


def holder_of_insz(connection: sqlite3.Connection, vault: Vault, insz: Insz) -> int | None:
    """Return who has or ever had this INSZ."""
    return _one(
        connection, "SELECT holder FROM profiles WHERE insz_index = ? LIMIT 1", vault.index(Index.INSZ, insz.digits.encode())
    )


def added_ms(connection: sqlite3.Connection, holder: int) -> int | None:
    """Return when a holder was added, Unix milliseconds UTC, or None if there is no such holder."""
    return _one(connection, "SELECT added_ms FROM holders WHERE id = ?", holder)


def profiles_of(connection: sqlite3.Connection, vault: Vault, holder: int) -> list[DatedProfile]:
    """Return everything the roster knew of a holder, oldest first."""
    rows = connection.execute(
        "SELECT id, uid, valid_from_ms, current, sealed FROM profiles WHERE holder = ? ORDER BY id", (holder,)
    )
    return [_open_profile(vault, row) for row in rows]


def page(connection: sqlite3.Connection, *, after: int, limit: int) -> list[SealedEntry]:
    """Return the next badges by id with their holders' current profiles, still sealed."""
    rows = connection.execute(
        "SELECT b.id, b.uid, b.holder, b.added_ms, b.revoked_ms, b.sealed, b.technology, b.trust,"
        " p.id, p.uid, p.valid_from_ms, p.current, p.sealed"
        " FROM badges b JOIN profiles p ON p.holder = b.holder AND p.current WHERE b.id > ? ORDER BY b.id LIMIT ?",
        (after, limit),
    )
    return [SealedEntry(badge=row[:8], profile=row[8:]) for row in rows]


def open_entry(vault: Vault, entry: SealedEntry) -> tuple[Badge, DatedProfile]:
    """Open one row of ``page``; what does not open is None inside, so that one bad row does not hide the others."""
    return badges.opened(vault, entry.badge), _open_profile(vault, entry.profile)


def _corrected(before: Profile, line: BadgeLine) -> Profile:
    """Take over what was given; a field left out says nothing."""
    given = line.profile
    return replace(
        before,
        name=given.name or before.name,
        language=given.language or before.language,
        employer=given.employer or before.employer,
        declaration=given.declaration or before.declaration,
        personnel_number=given.personnel_number or before.personnel_number,
        capacity=given.capacity if line.says_capacity else before.capacity,
        local=given.local if line.says_local else before.local,
    )


def _add_holder(connection: sqlite3.Connection, at_ms: int) -> int:
    return connection.execute("INSERT INTO holders (added_ms) VALUES (?)", (at_ms,)).lastrowid or 0


def _add_profile(connection: sqlite3.Connection, vault: Vault, holder: int, profile: Profile, *, at_ms: int) -> int:
    uid = new_uid()
    index = vault.index(Index.INSZ, profile.insz.digits.encode())
    values = (uid, holder, at_ms, index, vault.seal(Field.PROFILE, uid, pack_profile(profile)))
    sql = "INSERT INTO profiles (uid, holder, current, valid_from_ms, insz_index, sealed) VALUES (?, ?, 1, ?, ?, ?)"
    return connection.execute(sql, values).lastrowid or 0


def _open_profile(vault: Vault, row: tuple[int, bytes, int, int, bytes]) -> DatedProfile:
    try:
        profile = unpack_profile(vault.open(Field.PROFILE, row[1], row[4]))
    except SealBroken:
        profile = None
    return DatedProfile(id=row[0], valid_from_ms=row[2], current=bool(row[3]), profile=profile)


def _one(connection: sqlite3.Connection, sql: str, key: int | bytes) -> int | None:
    row = connection.execute(sql, (key,)).fetchone()
    return None if row is None else row[0]
