"""Making keys and certificate: the only place where any are made (design, section 4, the store key's life)."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from kiosk.errors import UsageError
from kiosk.vault import KEY_BYTES

#: Every public client of this token server signs with RS256; Chaman takes 2048, 3072 or 4096 bits.
_RSA_BITS: Final = 3072
_CERTIFICATE_DAYS: Final = 730


def make_store_key(path: Path) -> None:
    """Make a store key of 32 random bytes, 0600, durable with its folder before any store exists.

    Raises:
        UsageError: There is one already: another would make its store unreadable for ever.
    """
    _write_secret(path, os.urandom(KEY_BYTES))


def make_client_key(key: Path, certificate: Path, *, company: str, now: datetime) -> None:
    """Make the client key and a self-signed certificate by Chaman's criteria (facts, rsz-service, section 1.2).

    RSA of 3072 bits, SHA-256, key usage digitalSignature, in the company's name, valid for two years.

    Args:
        key: PEM, unencrypted, 0600.
        certificate: PEM, to be uploaded to Chaman.
        company: The company's name.
        now: Aware, UTC.

    Raises:
        UsageError: One of the files exists already.
    """
    private = rsa.generate_private_key(public_exponent=65_537, key_size=_RSA_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, company), x509.NameAttribute(NameOID.COMMON_NAME, company)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNING_ONLY, critical=True)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write_secret(key, pem)
    _write_secret(certificate, made.public_bytes(serialization.Encoding.PEM))


_SIGNING_ONLY: Final = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _write_secret(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UsageError(f"{path}: is there already and is never overwritten", repair="keep it, or name another file") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
