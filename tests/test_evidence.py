"""kiosk.evidence only grows: entries in order, sealed where they are personal, kept as they were written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.database import Database
from kiosk.errors import Declined, SealBroken
from kiosk.evidence import Entry, record
from kiosk.model import Environment
from kiosk.vault import Field
from tests.people import CANARY_INSZ, CANARY_NAME
from tests.stores import VAULT, open_store

AT_MS = 1_793_602_800_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    # On the day it is made, sqlite-utils sets pragmas of its own; what holds must hold on all other days.
    with open_store(tmp_path):
        pass
    with open_store(tmp_path, create=False) as opened:
        yield opened


def write(database: Database, entry: Entry, subject: str, details: dict[str, object] | None = None) -> None:
    database.write(lambda c: record(c, VAULT, entry, subject, at_ms=AT_MS, details=details))


def undone(connection: sqlite3.Connection) -> None:
    """Record a deed that then does not come about."""
    record(connection, VAULT, Entry.CANCELLED, "registration:1", at_ms=AT_MS)
    raise Declined("no")


def rows(database: Database) -> list[tuple[object, ...]]:
    return database.read(lambda c: c.execute("SELECT id, at_ms, kind, subject, uid, sealed FROM evidence ORDER BY id").fetchall())


def test_entries_stand_in_the_order_of_what_happened(database: Database) -> None:
    """Each entry says what happened, to what, and when, one after the other, each with a uid of its own."""
    write(database, Entry.BADGE_ADDED, "holder:3")
    write(database, Entry.RETRIED, "registration:17")
    assert [row[:4] for row in rows(database)] == [
        (1, AT_MS, "badge_added", "holder:3"),
        (2, AT_MS, "retried", "registration:17"),
    ]
    assert len({row[4] for row in rows(database)}) == 2


def test_details_are_sealed_for_their_entry(database: Database, tmp_path: Path) -> None:
    """What may be personal is on disk in no readable form, opens with the store key, and only as the details of its own entry."""
    details: dict[str, object] = {"insz": CANARY_INSZ.digits, "name": CANARY_NAME, "environment": Environment.TRAINING, "old": None}
    write(database, Entry.INSZ_REPLACED, "holder:3", details)
    write(database, Entry.HOLDER_EDITED, "holder:4", {"name": "other"})
    (_, _, _, _, uid, sealed), (*_, other_uid, _) = rows(database)
    assert isinstance(uid, bytes)
    assert isinstance(other_uid, bytes)
    assert isinstance(sealed, bytes)
    assert json.loads(VAULT.open(Field.EVIDENCE, uid, sealed)) == details
    with pytest.raises(SealBroken):
        VAULT.open(Field.EVIDENCE, other_uid, sealed)
    for path in tmp_path.iterdir():
        assert CANARY_INSZ.digits.encode() not in path.read_bytes()
        assert CANARY_NAME.encode() not in path.read_bytes()


def test_an_entry_without_details_seals_nothing(database: Database) -> None:
    """Where kind and subject say it all, nothing more is kept."""
    write(database, Entry.GROUP_PAUSED, "group:1")
    assert rows(database)[0][5] is None


def test_an_entry_is_written_with_what_it_tells_or_not_at_all(database: Database) -> None:
    """The record stands in the same transaction as the deed: what was undone was never recorded."""
    with pytest.raises(Declined):
        database.write(undone)
    assert rows(database) == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM evidence",
        "DELETE FROM evidence WHERE id = 1",
        "UPDATE evidence SET kind = 'verdict'",
        "UPDATE evidence SET sealed = NULL WHERE id = 2",
        "INSERT OR REPLACE INTO evidence (id, uid, at_ms, kind, subject) VALUES (1, x'00', 0, 'verdict', 'forged')",
        "REPLACE INTO evidence (id, uid, at_ms, kind, subject) VALUES (2, x'00', 0, 'verdict', 'forged')",
        "INSERT INTO evidence VALUES (1, x'00', 0, 'verdict', 'forged', NULL) ON CONFLICT (id) DO UPDATE SET subject = 'forged'",
    ],
)
def test_no_statement_changes_what_was_recorded(database: Database, sql: str) -> None:
    """Neither deleting, nor changing, nor replacing an entry is let through, and all stand as before."""
    write(database, Entry.BADGE_ADDED, "holder:3")
    write(database, Entry.RETRIED, "registration:17")
    before = rows(database)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.write(lambda c: c.execute(sql))
    assert rows(database) == before


def test_a_number_is_never_given_twice(database: Database) -> None:
    """Numbers only rise, so that a gap shows."""
    write(database, Entry.BADGE_ADDED, "holder:3")
    with pytest.raises(Declined):
        database.write(undone)
    write(database, Entry.RETRIED, "registration:17")
    assert [row[0] for row in rows(database)] == [1, 2]
