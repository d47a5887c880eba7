"""The append-only record of what was decided and done; triggers keep it from being changed.

Entries will be chained and signed; until then they are kept in order, sealed where they carry anything personal.
"""

from __future__ import annotations

import json
import sqlite3
from enum import StrEnum

from kiosk.vault import Field, Vault, new_uid


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
    KEY_PREPARED = "key_prepared"
    KEY_SWITCHED = "key_switched"
    KEY_RETIRED = "key_retired"
    SECRETS_SEALED = "secrets_sealed"


def record(
    connection: sqlite3.Connection,
    vault: Vault,
    entry: Entry,
    subject: str,
    *,
    at_ms: int,
    details: dict[str, object] | None = None,
) -> None:
    """Append one entry inside the caller's transaction.

    Args:
        connection: The store, in a transaction.
        vault: Seals the details.
        entry: What happened.
        subject: What it happened to, never personal: ``registration:17``, ``holder:3``.
        at_ms: When, Unix milliseconds UTC by the system clock.
        details: What else must be known later, personal or not: stored sealed.
    """
    uid = new_uid()
    sealed = None if details is None else vault.seal(Field.EVIDENCE, uid, json.dumps(details, separators=(",", ":")).encode())
    connection.execute(
        "INSERT INTO evidence (uid, at_ms, kind, subject, sealed) VALUES (?, ?, ?, ?, ?)",
        (uid, at_ms, entry.value, subject, sealed),
    )
