"""The evidence key: its word for the chain of evidence up to an entry, and whether such a word is good (Ed25519, RFC 8032)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kiosk.errors import UsageError
from kiosk.evidence import BEGINNING, head

#: What every signed message begins with: the format, and its version.
FORMAT: Final = b"ciao-kiosk/evidence-signature/1\n"
#: Likewise where it is the files of an export that are signed.
FILES_FORMAT: Final = b"ciao-kiosk/evidence-files/1\n"


@dataclass(frozen=True, slots=True)
class Signature:
    """The key's word that the chain up to ``entry`` comes to ``hash``; the fields are the columns of ``signatures``.

    ``key_id`` is the public key itself, 32 bytes; ``at_ms`` is when, Unix milliseconds UTC by the system clock.
    """

    entry: int
    hash: bytes
    at_ms: int
    key_id: bytes
    signature: bytes

    @property
    def is_good(self) -> bool:
        """Whether the key that it names made it."""
        return is_made_by(self.key_id, self.signature, message(entry=self.entry, at_ms=self.at_ms, digest=self.hash))


class Signer:
    """Signs with one evidence key."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    def sign(self, *, entry: int, at_ms: int, digest: bytes) -> Signature:
        """Give the key's word for the chain up to this entry."""
        made = self._key.sign(message(entry=entry, at_ms=at_ms, digest=digest))
        return Signature(entry, digest, at_ms, self.public, made)

    def vouch(self, *, entry: int, files: Mapping[str, str]) -> bytes:
        """Give the key's word that these are the files of an export (``files_message``)."""
        return self._key.sign(files_message(entry=entry, files=files))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far the chain is signed.

    Attributes:
        entries: The number of the newest entry.
        last_signed_ms: When the newest signature was made, Unix milliseconds UTC, or None.
        unsigned_entries: How many entries came after it.
    """

    entries: int
    last_signed_ms: int | None
    unsigned_entries: int


def message(*, entry: int, at_ms: int, digest: bytes) -> bytes:
    """What is signed: the format's line, the entry's number and the time (8 bytes each, big-endian), the entry's hash."""
    return FORMAT + entry.to_bytes(8, "big") + at_ms.to_bytes(8, "big", signed=True) + digest


def files_message(*, entry: int, files: Mapping[str, str]) -> bytes:
    """What is signed of an export: the format's line, its entry's number, the SHA-256 of each file by its name, as sorted JSON."""
    return FILES_FORMAT + entry.to_bytes(8, "big") + json.dumps(dict(files), sort_keys=True, separators=(",", ":")).encode()


def is_made_by(key_id: bytes, signature: bytes, signed: bytes) -> bool:
    """Whether the key with this public half made the signature."""
    try:
        Ed25519PublicKey.from_public_bytes(key_id).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_signer(path: Path | None) -> Signer | None:
    """Read the evidence key; None where none is configured.

    Raises:
        UsageError: There is no such file, or it holds no unencrypted Ed25519 key.
    """
    if path is None:
        return None
    repair = f"put the box's own key back at {path} (kiosk provision makes one in an empty folder), or leave [evidence] out"
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UsageError(f"evidence.key_file {path} can't be read: {error.strerror}", repair=repair) from None
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise UsageError(f"evidence.key_file {path} holds no unencrypted private key in PEM form", repair=repair) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"evidence.key_file {path} is no Ed25519 key", repair=repair)
    return Signer(key)


def sign_head(connection: sqlite3.Connection, signer: Signer, *, at_ms: int) -> bool:
    """Sign the chain as it stands, inside the caller's transaction; False where this key has signed all of it."""
    entry, digest = head(connection)
    newest = connection.execute("SELECT entry, key_id FROM signatures ORDER BY id DESC LIMIT 1").fetchone()
    if digest == BEGINNING or newest == (entry, signer.public):
        return False
    made = signer.sign(entry=entry, at_ms=at_ms, digest=digest)
    connection.execute(
        "INSERT INTO signatures (entry, hash, at_ms, key_id, signature) VALUES (?, ?, ?, ?, ?)",
        (made.entry, made.hash, made.at_ms, made.key_id, made.signature),
    )
    return True


def signatures(connection: sqlite3.Connection) -> list[Signature]:
    """Every signature, in the order in which they were made."""
    rows = connection.execute("SELECT entry, hash, at_ms, key_id, signature FROM signatures ORDER BY id")
    return [Signature(*row) for row in rows]


def covering(connection: sqlite3.Connection, *, after: int, until: int) -> list[Signature]:
    """The signatures of entries after this number, up to and including ``until``."""
    sql = "SELECT entry, hash, at_ms, key_id, signature FROM signatures WHERE entry > ? AND entry <= ? ORDER BY id"
    return [Signature(*row) for row in connection.execute(sql, (after, until))]


def standing(connection: sqlite3.Connection) -> Standing:
    """How far the chain is signed."""
    entries, _ = head(connection)
    newest = connection.execute("SELECT entry, at_ms FROM signatures ORDER BY id DESC LIMIT 1").fetchone()
    signed, at_ms = newest or (0, None)
    return Standing(entries=entries, last_signed_ms=at_ms, unsigned_entries=max(0, entries - signed))
