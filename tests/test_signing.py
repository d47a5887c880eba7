"""kiosk.signing gives the evidence key's word for the chain, and knows a good one from a bad one."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kiosk.database import Database
from kiosk.errors import UsageError
from kiosk.evidence import Entry, record
from kiosk.provisioning import make_client_key, make_evidence_key, make_store_key
from kiosk.signing import (
    Signature,
    Signer,
    covering,
    files_message,
    is_made_by,
    load_signer,
    message,
    sign_head,
    signatures,
    standing,
)
from tests.desks import MORNING_MS
from tests.stores import VAULT, open_store

NOW = datetime(2026, 11, 2, tzinfo=UTC)
SIGNER = Signer(Ed25519PrivateKey.generate())


def note(database: Database) -> None:
    database.write(lambda c: record(c, VAULT, Entry.RETRIED, "registration:17", at_ms=MORNING_MS))


def sign(database: Database, signer: Signer = SIGNER) -> bool:
    return database.write(lambda c: sign_head(c, signer, at_ms=MORNING_MS))


def test_a_key_that_provision_made_signs(tmp_path: Path) -> None:
    """The file of `provision` is read, and a stranger with the documented recipe alone verifies what it signs."""
    make_evidence_key(tmp_path / "evidence.key")
    signer = load_signer(tmp_path / "evidence.key")
    assert signer is not None
    made = signer.sign(entry=3, at_ms=5, digest=bytes(range(32)))
    data = b"ciao-kiosk/evidence-signature/1\n" + (3).to_bytes(8, "big") + (5).to_bytes(8, "big") + bytes(range(32))
    assert message(entry=3, at_ms=5, digest=bytes(range(32))) == data
    Ed25519PublicKey.from_public_bytes(signer.public).verify(made.signature, data)
    assert load_signer(None) is None


@pytest.mark.parametrize("change", [{"entry": 4}, {"hash": bytes(32)}, {"at_ms": 6}, {"key_id": bytes(32)}, {"signature": b"x"}])
def test_a_signature_is_good_for_what_it_says_only(change: dict[str, object]) -> None:
    """Another entry, hash, time or key: the word is not good."""
    made = SIGNER.sign(entry=3, at_ms=5, digest=bytes(range(32)))
    assert made.is_good
    assert not replace(made, **change).is_good  # type: ignore[arg-type]  # the fields of a Signature, by name


def test_the_key_vouches_for_these_files_only() -> None:
    """Another file, content, export or key makes it no word of this key; it is none for an entry either."""
    made = SIGNER.vouch(entry=3, files={"b": "02", "a": "01"})
    good = files_message(entry=3, files={"a": "01", "b": "02"})
    assert good == b"ciao-kiosk/evidence-files/1\n" + (3).to_bytes(8, "big") + b'{"a":"01","b":"02"}'
    assert is_made_by(SIGNER.public, made, good)
    for other in (files_message(entry=4, files={"a": "01", "b": "02"}), files_message(entry=3, files={"a": "01"}), b""):
        assert not is_made_by(SIGNER.public, made, other)
    assert not is_made_by(Signer(Ed25519PrivateKey.generate()).public, made, good)
    assert not is_made_by(b"short", made, good)


def test_a_file_that_is_no_evidence_key_is_told_with_its_repair(tmp_path: Path) -> None:
    """A missing file, nonsense and a client key are refused in a sentence that names key and file."""
    make_client_key(tmp_path / "client.key", tmp_path / "client.pem", company="Test", now=NOW)
    make_store_key(tmp_path / "store.key")
    for name, told in (("missing", "can't be read"), ("store.key", "no unencrypted private key"), ("client.key", "no Ed25519")):
        with pytest.raises(UsageError, match=told) as caught:
            load_signer(tmp_path / name)
        assert str(tmp_path / name) in caught.value.message
        assert "evidence.key_file" in caught.value.message
        assert caught.value.repair is not None


def test_the_chain_is_signed_where_there_is_something_new(tmp_path: Path) -> None:
    """An empty chain is not signed, a head once by each key, and the standing tells what came after."""
    with open_store(tmp_path) as database:
        assert not sign(database)
        note(database)
        assert sign(database)
        assert not sign(database)
        note(database)
        assert database.read(standing).unsigned_entries == 1
        assert database.read(standing).last_signed_ms == MORNING_MS
        assert sign(database, Signer(Ed25519PrivateKey.generate()))
        assert database.read(standing).unsigned_entries == 0
        kept = database.read(signatures)
        assert [each.entry for each in kept] == [1, 2]
        assert database.read(lambda c: covering(c, after=1, until=2)) == kept[1:]
        assert database.read(lambda c: covering(c, after=0, until=1)) == kept[:1]
        assert all(each.is_good for each in kept)
        assert isinstance(kept[0], Signature)


@pytest.mark.parametrize("sql", ["DELETE FROM signatures", "UPDATE signatures SET entry = 2"])
def test_a_signature_stays(tmp_path: Path, sql: str) -> None:
    """No statement takes a signature away or changes it."""
    with open_store(tmp_path) as database:
        note(database)
        sign(database)
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.write(lambda c: c.execute(sql))
        assert len(database.read(signatures)) == 1
