"""The append-only record of what was decided and done: a chain of hashes that shows any entry removed, changed or moved.

Each entry commits to its content by salted hashes, so that a person can be erased (``erase`` lets content and salts go) and the
chain still verifies, and so that an export can show what is not personal, prove it, and leave the rest a bare hash. Triggers
keep SQL from changing an entry in any other way.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kiosk.errors import SealBroken
from kiosk.vault import Field, Vault, new_uid

#: What the hash of every entry begins with: the format, and its version.
FORMAT: Final = b"ciao-kiosk/evidence/1\n"
#: What comes before the first entry.
BEGINNING: Final = bytes(32)
#: The half of a commitment where an entry has no such content.
NOTHING: Final = bytes(32)
_SALT_BYTES: Final = 16
_KEPT: Final = "SELECT id, uid, at_ms, kind, subject, sealed, commitment, hash FROM evidence"

Content = Mapping[str, object]


class Entry(StrEnum):
    """What an entry of the record is about."""

    BOOK_OPENED = "book_opened"
    BADGE_ADDED = "badge_added"
    BADGE_REVOKED = "badge_revoked"
    HOLDER_EDITED = "holder_edited"
    INSZ_REPLACED = "insz_replaced"
    RETRIED = "retried"
    RELEASED = "released"
    CANCELLED = "cancelled"
    CANCEL_REQUESTED = "cancel_requested"
    RESOLVED = "resolved"
    GROUP_PAUSED = "group_paused"
    GROUP_RELEASED = "group_released"
    VERDICT = "verdict"
    TASK_CLOSED = "task_closed"
    PURGED = "purged"
    ERASED = "erased"
    KEY_PREPARED = "key_prepared"
    KEY_SWITCHED = "key_switched"
    KEY_RETIRED = "key_retired"
    SECRETS_SEALED = "secrets_sealed"
    CHAIN_BEGUN = "chain_begun"
    EVIDENCE_KEY = "evidence_key"
    CONFIGURATION = "configuration"
    TAP = "tap"
    ATTEMPT = "attempt"
    OUTAGE = "outage"
    EXPORTED = "exported"
    CLOCK = "clock"
    HEALED = "healed"
    HELD = "held"
    SALVAGED = "salvaged"
    ESCALATED = "escalated"
    LINKED = "linked"
    LINK_CONFIRMED = "link_confirmed"
    FENCE = "fence"
    LENT = "lent"
    LOAN_ENDED = "loan_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What an entry holds: ``facts`` that are not personal and what is; each with the salt of its commitment, hexadecimal."""

    facts: Content | None
    facts_salt: str
    person: Content | None
    person_salt: str

    @property
    def commitment(self) -> bytes:
        """The 64 bytes that the entry of this content must carry."""
        return leaf(bytes.fromhex(self.facts_salt), self.facts) + leaf(bytes.fromhex(self.person_salt), self.person)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An entry that lacks nothing but its place: sealed before the store is locked, since that takes longer than the rest."""

    uid: bytes
    kind: str
    subject: str
    sealed: bytes | None
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it lies on disk; ``commitment`` and ``hash`` are None where it is older than the chain."""

    id: int
    uid: bytes
    at_ms: int
    kind: str
    subject: str
    sealed: bytes | None
    commitment: bytes | None
    hash: bytes | None

    @property
    def name(self) -> str:
        """How a person is told of it: ``entry 17 (verdict of registration 5)``."""
        return f"entry {self.id} ({self.kind.replace('_', ' ')} of {self.subject.replace(':', ' ')})"


def leaf(salt: bytes, content: Content | None) -> bytes:
    """One half of a commitment: SHA-256 of the salt and the content as JSON with sorted keys and no spaces; zeros for none."""
    return NOTHING if content is None else hashlib.sha256(salt + _encoded(content)).digest()


def link(previous: bytes, *, number: int, at_ms: int, kind: str, subject: str, commitment: bytes) -> bytes:
    """The hash of an entry: it covers the one before, so none can be removed, changed or moved without a trace.

    SHA-256 of the format's line, the previous hash, number and time (8 bytes each, big-endian), kind and subject (each after
    its length in 2 bytes), and the commitment.
    """
    digest = hashlib.sha256(FORMAT + previous + number.to_bytes(8, "big") + at_ms.to_bytes(8, "big", signed=True))
    for text in (kind.encode(), subject.encode()):
        digest.update(len(text).to_bytes(2, "big") + text)
    digest.update(commitment)
    return digest.digest()


def record(
    connection: sqlite3.Connection,
    vault: Vault,
    entry: Entry,
    subject: str,
    *,
    at_ms: int,
    facts: Content | None = None,
    person: Content | None = None,
    after: int = 0,
) -> None:
    """Append one entry inside the caller's transaction.

    Args:
        connection: The store, in a transaction.
        vault: Seals the content.
        entry: What happened.
        subject: What it happened to, never personal: ``registration:17``, ``holder:3``.
        at_ms: When, Unix milliseconds UTC by the system clock.
        facts: What else must be known later and is not personal: times, states, reasons, numbers of rows.
        person: What is: who, which card, what was to be sent, what a human wrote.
        after: The number of the last entry that was ever made, where the store has lost it.
    """
    append(connection, (prepare(vault, entry, subject, facts=facts, person=person),), at_ms=at_ms, after=after)


def prepare(vault: Vault, entry: Entry, subject: str, *, facts: Content | None = None, person: Content | None = None) -> Prepared:
    """Seal an entry and commit to it, for ``append``; the arguments are those of ``record``."""
    uid = new_uid()
    content = Opened(facts=facts, facts_salt=_salt(facts), person=person, person_salt=_salt(person))
    sealed = None if facts is None and person is None else vault.seal(Field.EVIDENCE, uid, _packed(content))
    return Prepared(uid=uid, kind=entry.value, subject=subject, sealed=sealed, commitment=content.commitment)


def append(connection: sqlite3.Connection, entries: Iterable[Prepared], *, at_ms: int, after: int = 0) -> None:
    """Give these entries the next places in the chain, inside the caller's transaction; times and ``after`` as for ``record``."""
    number, previous = head(connection)
    number = max(number, after)
    for entry in entries:
        number += 1
        previous = link(previous, number=number, at_ms=at_ms, kind=entry.kind, subject=entry.subject, commitment=entry.commitment)
        connection.execute(
            "INSERT INTO evidence (id, uid, at_ms, kind, subject, sealed, commitment, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (number, entry.uid, at_ms, entry.kind, entry.subject, entry.sealed, entry.commitment, previous),
        )


def head(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """The number of the newest entry and its hash; 0 where there is none, ``BEGINNING`` where the chain has none yet."""
    last = connection.execute("SELECT id, hash FROM evidence ORDER BY id DESC LIMIT 1").fetchone() or (0, None)
    return last[0], last[1] or BEGINNING


def window(connection: sqlite3.Connection, *, after: int, until: int | None = None, size: int) -> list[Kept]:
    """The next entries after this number, in their order, up to and including ``until``."""
    rows = connection.execute(f"{_KEPT} WHERE id > ? AND id <= ifnull(?, id) ORDER BY id LIMIT ?", (after, until, size))
    return [Kept(*row) for row in rows]


def about(connection: sqlite3.Connection, subject: str, *, after: int = 0, until: int | None = None, size: int = -1) -> list[Kept]:
    """What the record says of one subject, in its order."""
    sql = f"{_KEPT} WHERE subject = ? AND id > ? AND id <= ifnull(?, id) ORDER BY id LIMIT ?"
    return [Kept(*row) for row in connection.execute(sql, (subject, after, until, size))]


def mark(connection: sqlite3.Connection, name: str) -> str | int | None:
    """What was last noted under this name by ``set_mark``: how far something of the record has come."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def set_mark(connection: sqlite3.Connection, name: str, value: str | int) -> None:
    """Note a value under this name, inside the caller's transaction."""
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = ?2", (name, value))


def opened(vault: Vault, uid: bytes, sealed: bytes) -> Opened:
    """Open what an entry holds; raises ``SealBroken`` where it is damaged or of another store."""
    try:
        facts_salt, facts, person_salt, person = json.loads(vault.open(Field.EVIDENCE, uid, sealed))
    except ValueError:
        raise SealBroken("a sealed evidence has an unknown shape") from None
    return Opened(facts=facts, facts_salt=facts_salt, person=person, person_salt=person_salt)


def erase(connection: sqlite3.Connection, entries: Iterable[int]) -> None:
    """Let the content of these entries go with its salts, inside the caller's transaction; their place in the chain stays."""
    connection.executemany(
        "UPDATE evidence SET sealed = NULL WHERE id = ? AND sealed IS NOT NULL", ((number,) for number in entries)
    )


def _salt(content: Content | None) -> str:
    return "" if content is None else os.urandom(_SALT_BYTES).hex()


def _encoded(content: Content) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _packed(content: Opened) -> bytes:
    return json.dumps(
        (content.facts_salt, content.facts, content.person_salt, content.person), separators=(",", ":"), ensure_ascii=False
    ).encode()
