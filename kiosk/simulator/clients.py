"""The clients that the double knows, with the keys they uploaded: the criteria of the real channel set-up apply.

RSA of 2048, 3072 or 4096 bits, EC on P-384 or P-521; a certificate is signed with SHA-256, 384 or 512 and meant for
digital signatures (facts, rsz-service, section 1.2). A client may have several keys, so that one can replace another.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, SECP521R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_RSA_BITS: Final = frozenset({2048, 3072, 4096})
_RSA_ALGORITHMS: Final = ("RS256", "RS384", "RS512")
_DIGESTS: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)

PublicKey = RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """A key that may sign for a client.

    Attributes:
        public_key: The key itself.
        algorithms: The JWS algorithms it may be used with.
        until_ms: End of its certificate, Unix milliseconds UTC; None for a bare key.
    """

    public_key: PublicKey
    algorithms: tuple[str, ...]
    until_ms: int | None = None


def read_key(pem: bytes) -> ClientKey:
    """Read a certificate or a public key, PEM; raises ``ValueError`` with the criterion that it misses."""
    if b"BEGIN CERTIFICATE" not in pem:
        key = serialization.load_pem_public_key(pem)
        return ClientKey(public_key=_fitting(key), algorithms=_algorithms(_fitting(key)))
    certificate = x509.load_pem_x509_certificate(pem)
    if not isinstance(certificate.signature_hash_algorithm, _DIGESTS):
        raise ValueError("the certificate must be signed with SHA-256, SHA-384 or SHA-512")  # noqa: TRY004 - its content, not its type
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as error:
        raise ValueError("the certificate must say what its key may be used for: digitalSignature") from error
    if not usage.digital_signature:
        raise ValueError("the certificate's key usage must contain digitalSignature")
    key = _fitting(certificate.public_key())
    return ClientKey(public_key=key, algorithms=_algorithms(key), until_ms=int(certificate.not_valid_after_utc.timestamp() * 1000))


def _fitting(key: object) -> PublicKey:
    if isinstance(key, RSAPublicKey) and key.key_size in _RSA_BITS:
        return key
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP384R1 | SECP521R1):
        return key
    raise ValueError("the key must be RSA with 2048, 3072 or 4096 bits, or EC on P-384 or P-521")


def _algorithms(key: PublicKey) -> tuple[str, ...]:
    if isinstance(key, RSAPublicKey):
        return _RSA_ALGORITHMS
    return ("ES384",) if isinstance(key.curve, SECP384R1) else ("ES512",)


class Clients:
    """Client ids and their keys, safe to use from several threads. A client id is opaque."""

    def __init__(self) -> None:
        self._keys: dict[str, tuple[ClientKey, ...]] = {}
        self._lock = threading.Lock()

    def add(self, client_id: str, pem: bytes | str) -> None:
        """Add a key (a certificate or a public key, PEM) to a client, new or known; raises ``ValueError``."""
        key = read_key(pem.encode() if isinstance(pem, str) else pem)
        with self._lock:
            self._keys[client_id] = (*self._keys.get(client_id, ()), key)

    def remove(self, client_id: str) -> None:
        """Forget a client with all its keys; its tokens are invalid from now on."""
        with self._lock:
            self._keys.pop(client_id, None)

    def knows(self, client_id: str) -> bool:
        """Tell whether this client is known."""
        with self._lock:
            return client_id in self._keys

    def keys(self, client_id: str, now_ms: int) -> tuple[ClientKey, ...]:
        """Return the keys that may sign for a client now; those of expired certificates may not."""
        with self._lock:
            return tuple(key for key in self._keys.get(client_id, ()) if key.until_ms is None or now_ms < key.until_ms)
