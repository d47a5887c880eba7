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

from kiosk.errors import UsageError

_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is asked of it: when it ends (aware, UTC), and whose key it certifies."""

    ends: datetime
    public_key: object = field(repr=False)

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
        found = x509.load_pem_x509_certificate(path.read_bytes())
        public_key = found.public_key()
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no PEM certificate of a usable key"
        raise UsageError(
            f"[service] certificate: {path}: {reason}", repair="put the certificate there that was uploaded to Chaman"
        ) from None
    return Certificate(ends=found.not_valid_after_utc, public_key=public_key)
