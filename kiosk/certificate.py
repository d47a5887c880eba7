"""The certificate that was uploaded to Chaman: how long it lasts, and whether it belongs to the client key.

It is not presented in TLS; when it ends there, no token is had any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

from kiosk.errors import UsageError

_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is asked of it.

    Attributes:
        begins: Aware, UTC.
        ends: Likewise.
        public_key: Whose key it certifies.
        digest: What it is signed with, for instance ``sha256``; None where that is not known.
        signs: Whether its key usage contains digitalSignature; None where it says nothing of its use.
        companies: The names in its subject, organisation first.
    """

    begins: datetime
    ends: datetime
    public_key: object = field(repr=False)
    digest: str | None = None
    signs: bool | None = None
    companies: tuple[str, ...] = ()

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends; negative once it has ended."""
        return int((self.ends - now).total_seconds() // _DAY_SECONDS)

    def belongs_to(self, key: RSAPrivateKey | EllipticCurvePrivateKey) -> bool:
        """Whether this is the certificate of that client key."""
        return bool(self.public_key == key.public_key())


def read_certificate(path: Path) -> Certificate:
    """Read a PEM certificate.

    Raises:
        UsageError: It can't be read or is no certificate.
    """
    try:
        return parse_certificate(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no PEM certificate of a usable key"
        raise UsageError(
            f"[service] certificate: {path}: {reason}", repair="put the certificate there that was uploaded to Chaman"
        ) from None


def parse_certificate(pem: bytes) -> Certificate:
    """Read a certificate from PEM; raises ``ValueError`` or ``UnsupportedAlgorithm`` where it is none of a usable key."""
    found = x509.load_pem_x509_certificate(pem)
    return Certificate(
        begins=found.not_valid_before_utc,
        ends=found.not_valid_after_utc,
        public_key=found.public_key(),
        digest=_digest(found),
        signs=_signs(found),
        companies=_companies(found),
    )


def _digest(found: x509.Certificate) -> str | None:
    try:
        algorithm = found.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    return None if algorithm is None else algorithm.name


def _signs(found: x509.Certificate) -> bool | None:
    try:
        return found.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound:
        return None


def _companies(found: x509.Certificate) -> tuple[str, ...]:
    kinds = (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
    names = (str(attribute.value).strip() for kind in kinds for attribute in found.subject.get_attributes_for_oid(kind))
    return tuple(dict.fromkeys(name for name in names if name))
