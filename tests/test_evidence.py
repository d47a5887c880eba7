"""kiosk.evidence only grows: a chain of entries, sealed where they carry anything, each kept as it was written or erased."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.database import Database
from kiosk.errors import Declined, SealBroken
from kiosk.evidence import BEGINNING, NOTHING, Content, Entry, erase, leaf, link, opened, record
from kiosk.model import Environment
from kiosk.vault import Field, new_uid
from tests.people import CANARY_INSZ, CANARY_NAME
from tests.stores import VAULT, open_store

AT_MS = 1_793_602_800_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    # On the day it is made, sqlite-utils sets pragmas of its own; what holds must hold on all other days.
    with open_store(tmp_path):
        pass
    with open_store(tmp_path, create=False) as opened_store:
        yield opened_store


def write(database: Database, entry: Entry, subject: str, facts: Content | None = None, person: Content | None = None) -> None:
    database.write(lambda c: record(c, VAULT, entry, subject, at_ms=AT_MS, facts=facts, person=person))


def undone(connection: sqlite3.Connection) -> None:
    """Record a deed that then does not come about."""
    record(connection, VAULT, Entry.CANCELLED, "registration:1", at_ms=AT_MS)
    raise Declined("no")


def rows(database: Database) -> list[tuple[object, ...]]:
    return database.read(lambda c: c.execute("SELECT id, at_ms, kind, subject, uid, sealed FROM evidence ORDER BY id").fetchall())


def chain(database: Database) -> list[tuple[int, int, str, str, bytes, bytes]]:
    sql = "SELECT id, at_ms, kind, subject, commitment, hash FROM evidence ORDER BY id"
    return database.read(lambda c: c.execute(sql).fetchall())


def test_entries_stand_in_the_order_of_what_happened(database: Database) -> None:
    """Each entry says what happened, to what, and when, one after the other, each with a uid of its own."""
    write(database, Entry.BADGE_ADDED, "holder:3")
    write(database, Entry.RETRIED, "registration:17")
    assert [row[:4] for row in rows(database)] == [
        (1, AT_MS, "badge_added", "holder:3"),
        (2, AT_MS, "retried", "registration:17"),
    ]
    assert len({row[4] for row in rows(database)}) == 2


def test_content_is_sealed_for_its_entry(database: Database, tmp_path: Path) -> None:
    """What may be personal is on disk in no readable form, opens with the store key, and only as the content of its own entry."""
    facts = {"environment": Environment.TRAINING, "old": None}
    person = {"insz": CANARY_INSZ.digits, "name": CANARY_NAME}
    write(database, Entry.INSZ_REPLACED, "holder:3", facts, person)
    write(database, Entry.HOLDER_EDITED, "holder:4", {"name": "other"})
    (_, _, _, _, uid, sealed), (*_, other_uid, _) = rows(database)
    assert isinstance(uid, bytes)
    assert isinstance(other_uid, bytes)
    assert isinstance(sealed, bytes)
    content = opened(VAULT, uid, sealed)
    assert (content.facts, content.person) == (facts, person)
    with pytest.raises(SealBroken):
        VAULT.open(Field.EVIDENCE, other_uid, sealed)
    for path in tmp_path.iterdir():
        assert CANARY_INSZ.digits.encode() not in path.read_bytes()
        assert CANARY_NAME.encode() not in path.read_bytes()


def test_sealed_nonsense_is_a_broken_seal() -> None:
    """Content of an unknown shape is told like damage, whatever it is."""
    uid = new_uid()
    for plain in (b"{}", b"[1]", b"no JSON"):
        with pytest.raises(SealBroken):
            opened(VAULT, uid, VAULT.seal(Field.EVIDENCE, uid, plain))


def test_an_entry_without_content_seals_nothing(database: Database) -> None:
    """Where kind and subject say it all, nothing more is kept, and the commitment says so."""
    write(database, Entry.GROUP_PAUSED, "group:1")
    assert rows(database)[0][5] is None
    assert chain(database)[0][4] == NOTHING + NOTHING


def test_each_hash_covers_the_entry_and_the_one_before(database: Database) -> None:
    """A stranger with the documented recipe alone comes to the same hashes."""
    write(database, Entry.BADGE_ADDED, "holder:3", {"b": 1, "a": "\u00e9"})
    write(database, Entry.RETRIED, "registration:17")
    previous = bytes(32)
    for number, at_ms, kind, subject, commitment, found in chain(database):
        data = b"ciao-kiosk/evidence/1\n" + previous + number.to_bytes(8, "big") + at_ms.to_bytes(8, "big")
        data += len(kind).to_bytes(2, "big") + kind.encode() + len(subject).to_bytes(2, "big") + subject.encode() + commitment
        previous = hashlib.sha256(data).digest()
        assert found == previous


def test_a_commitment_is_salted_and_covers_its_half(database: Database) -> None:
    """The halves stand for facts and person; the same content twice is two commitments, so that nobody can guess it by trying."""
    for _ in range(2):
        write(database, Entry.HOLDER_EDITED, "holder:3", {"b": 1, "a": "x"}, {"name": "y"})
    (*_, uid, sealed) = rows(database)[0]
    assert isinstance(uid, bytes)
    assert isinstance(sealed, bytes)
    content = opened(VAULT, uid, sealed)
    first, second = (entry[4] for entry in chain(database))
    assert first != second
    assert first == content.commitment
    salt = bytes.fromhex(content.facts_salt)
    assert first[:32] == leaf(salt, content.facts) == hashlib.sha256(salt + b'{"a":"x","b":1}').digest()


def test_an_erased_entry_keeps_its_place(database: Database) -> None:
    """Content and salts are gone for good; time, kind, subject and hash stand as before."""
    write(database, Entry.HOLDER_EDITED, "holder:3", None, {"name": CANARY_NAME})
    write(database, Entry.RETRIED, "registration:17", {"reason": "x"})
    before = chain(database)
    database.write(lambda c: erase(c, [1]))
    assert chain(database) == before
    assert [row[5] is None for row in rows(database)] == [True, False]
    database.write(lambda c: erase(c, [1, 2]))
    assert [row[5] for row in rows(database)] == [None, None]


def test_entries_from_before_the_chain_stay(database: Database) -> None:
    """An older store's entries have no hash; the chain begins after them, and their numbers are not used again."""
    sql = "INSERT INTO evidence (uid, at_ms, kind, subject) VALUES (x'00', 0, 'verdict', 'registration:1')"
    database.write(lambda c: c.execute(sql))
    write(database, Entry.RETRIED, "registration:17")
    (*_, old), (number, at_ms, kind, subject, commitment, found) = chain(database)
    assert (not old, number) == (True, 2)
    assert found == link(BEGINNING, number=2, at_ms=at_ms, kind=kind, subject=subject, commitment=commitment)


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
        "UPDATE evidence SET sealed = NULL, kind = 'verdict' WHERE id = 2",
        "UPDATE evidence SET sealed = NULL, hash = x'00' WHERE id = 2",
        "UPDATE evidence SET sealed = x'00' WHERE id = 2",
        "INSERT OR REPLACE INTO evidence (id, uid, at_ms, kind, subject) VALUES (1, x'00', 0, 'verdict', 'forged')",
        "REPLACE INTO evidence (id, uid, at_ms, kind, subject) VALUES (2, x'00', 0, 'verdict', 'forged')",
        (
            "INSERT INTO evidence (id, uid, at_ms, kind, subject) VALUES (1, x'00', 0, 'verdict', 'forged')"
            " ON CONFLICT (id) DO UPDATE SET subject = 'forged'"
        ),
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
