"""Making keys and certificate: the only place where any are made (design, section 4, the store key's life)."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from kiosk.auth import load_private_key
from kiosk.errors import UsageError
from kiosk.vault import KEY_BYTES

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_KEPT: Final = "is there already and is never overwritten"
_CERTIFICATE_DAYS: Final = 730
#: A clock at the service may be behind ours.
_BACKDATED: Final = timedelta(minutes=5)


class KeyKind(StrEnum):
    """What a client key may be, by Chaman's criteria. Every public client of this token server signs with RSA.

    That it takes EC keys too is read off the criteria and not proven: `kiosk doctor` proves it before it is relied on.
    """

    RSA_3072 = "rsa-3072"
    RSA_2048 = "rsa-2048"
    RSA_4096 = "rsa-4096"
    P_384 = "p-384"
    P_521 = "p-521"


def generate(kind: KeyKind) -> PrivateKey:
    """Make a client key of this kind."""
    match kind:
        case KeyKind.RSA_2048 | KeyKind.RSA_3072 | KeyKind.RSA_4096:
            return rsa.generate_private_key(public_exponent=65_537, key_size=int(kind.removeprefix("rsa-")))
        case KeyKind.P_384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyKind.P_521:
            return ec.generate_private_key(ec.SECP521R1())
        case other:
            assert_never(other)


def make_store_key(path: Path) -> None:
    """Make a store key of 32 random bytes, 0600, durable with its folder before any store exists.

    Raises:
        UsageError: There is one already: another would make its store unreadable for ever.
    """
    _write_secret(path, os.urandom(KEY_BYTES))


def make_evidence_key(path: Path) -> None:
    """Make the Ed25519 key that signs the chain of evidence, PEM, unencrypted, 0600.

    Raises:
        UsageError: There is one already: the chain that it has signed could not be continued.
    """
    _write_secret(path, _private_pem(ed25519.Ed25519PrivateKey.generate()))


def make_client_key(key: Path, certificate: Path, *, company: str, now: datetime, kind: KeyKind = KeyKind.RSA_3072) -> None:
    """Make the client key and a self-signed certificate by Chaman's criteria (facts, rsz-service, section 1.2).

    SHA-256, key usage digitalSignature, in the company's name, valid for two years.

    Args:
        key: PEM, unencrypted, 0600; one that is there already is used, so that a cut between the two files is mended.
        certificate: PEM, to be uploaded to Chaman.
        company: The company's name.
        now: Aware, UTC.
        kind: What key.

    Raises:
        UsageError: The certificate exists already, or the key that is there can't be used.
    """
    if certificate.exists():
        raise UsageError(f"{certificate}: {_KEPT}", repair="keep it, or name another file")
    if not key.exists():
        _write_secret(key, _private_pem(generate(kind)))
    private = load_private_key(key).private
    _write_secret(certificate, certify(private, company=company, now=now))


def certify(private: PrivateKey, *, company: str, now: datetime) -> bytes:
    """Make a self-signed certificate of this key, PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, company), x509.NameAttribute(NameOID.COMMON_NAME, company)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNING_ONLY, critical=True)
        .sign(private, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def adopt_bundle(bundle: bytes, passphrase: bytes | None, *, key: Path, certificate: Path) -> None:
    """Take a bought key and certificate out of a PKCS#12 file, into the two files that the box uses.

    Raises:
        UsageError: The file is none, the passphrase is wrong, something lacks in it, or a file is there already.
    """
    try:
        private, found, _ = pkcs12.load_key_and_certificates(bundle, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError("this is no PKCS#12 file, or its passphrase is another", repair="give the .p12 or .pfx file") from None
    _adopt(private, found, key=key, certificate=certificate)


def adopt_pem(content: bytes, *, key: Path, certificate: Path) -> None:
    """Take a bought key and certificate out of one PEM file, into the two files that the box uses.

    Raises:
        UsageError: One of them lacks in it or is encrypted, or a file is there already.
    """
    try:
        private = serialization.load_pem_private_key(content, None)
        found = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        repair = "put both into one file, the key without a passphrase, or export them together as PKCS#12"
        raise UsageError("this PEM file lacks a key that is not encrypted, or its certificate", repair=repair) from None
    _adopt(private, found, key=key, certificate=certificate)


def _adopt(private: object, found: x509.Certificate | None, *, key: Path, certificate: Path) -> None:
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) or found is None:
        raise UsageError("this file lacks a key (RSA or EC) or its certificate", repair="export both together")
    for path in (key, certificate):
        if path.exists():
            raise UsageError(f"{path}: {_KEPT}", repair="move it away first, if it is no longer used")
    _write_secret(key, _private_pem(private))
    _write_secret(certificate, found.public_bytes(serialization.Encoding.PEM))


def _private_pem(private: PrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


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
    """Write a whole file or none, for its owner alone, durable with its folder; never over another."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A second name, not a renaming: that would replace what is there.
        os.link(draft, path)
    except FileExistsError:
        raise UsageError(f"{path}: {_KEPT}", repair="keep it, or name another file") from None
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
