"""Sealing and keyed hashes: nothing personal touches the disk in clear.

Field-level AES-256-GCM with a keyed HMAC blind index, keys separated by HKDF from one 32-byte store key
(design, section 4). An unkeyed hash of an INSZ is plaintext: there are only 3.6e7 of them
(facts, store-and-forward, section 3f), so every index here is keyed.
"""

from __future__ import annotations

import hmac
import os
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from kiosk.errors import SealBroken

KEY_BYTES: Final = 32
UID_BYTES: Final = 16
_FORMAT: Final = b"ciao-kiosk/1"
_KEY_ID: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_INDEX_BYTES: Final = 16


class Field(StrEnum):
    """The stable name of a sealed field: part of what is authenticated, and never the SQL name."""

    CHECK = "check"
    BADGE = "badge"
    PROFILE = "profile"
    TAP = "tap"
    REGISTRATION = "registration"
    REMARKS = "remarks"
    EVIDENCE = "evidence"


class Index(StrEnum):
    """What a blind index is of; each has its own key."""

    CARD = "card"
    INSZ = "insz"
    GROUP = "group"


class Vault:
    """Seals, opens and indexes with the keys of one store. Safe to use from several threads."""

    def __init__(self, store_key: bytes) -> None:
        if len(store_key) != KEY_BYTES:
            raise ValueError("a store key has 32 bytes")
        self._cipher = AESGCM(_derive(store_key, b"seal"))
        self._index_keys = {index: _derive(store_key, b"index/" + index.value.encode()) for index in Index}

    def seal(self, field: Field, uid: bytes, plain: bytes) -> bytes:
        """Encrypt one field of the row with this 16-byte ``uid``; the result opens for that field and row only."""
        nonce = os.urandom(_NONCE_BYTES)
        return _KEY_ID + nonce + self._cipher.encrypt(nonce, plain, _context(field, uid))

    def open(self, field: Field, uid: bytes, sealed: bytes) -> bytes:
        """Decrypt a field.

        Raises:
            SealBroken: It is damaged, was moved from another row or field, or belongs to another store key.
        """
        if len(sealed) < 1 + _NONCE_BYTES + _TAG_BYTES or sealed[:1] != _KEY_ID:
            raise SealBroken(f"a sealed {field.value} is damaged")
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, body, _context(field, uid))
        except InvalidTag:
            raise SealBroken(f"a sealed {field.value} does not open with this store key") from None

    def index(self, index: Index, plain: bytes) -> bytes:
        """The keyed hash under which a value is looked up: 16 bytes, the same for the same value in this store."""
        return hmac.digest(self._index_keys[index], plain, "sha256")[:_INDEX_BYTES]


def new_uid() -> bytes:
    """A random row uid, chosen before the row exists."""
    return os.urandom(UID_BYTES)


def _context(field: Field, uid: bytes) -> bytes:
    return b"|".join((_FORMAT, field.value.encode(), uid, _KEY_ID))


def _derive(store_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_FORMAT + b"/" + purpose).derive(store_key)
