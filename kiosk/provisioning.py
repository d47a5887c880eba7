"""Making keys and certificate: the only place where any are made (design, section 4, the store key's life)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
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
from kiosk.durable import KEPT, write_new
from kiosk.errors import UsageError
from kiosk.vault import KEY_BYTES

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

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
    write_new(path, os.urandom(KEY_BYTES))


def make_evidence_key(path: Path) -> None:
    """Make the Ed25519 key that signs the chain of evidence, PEM, unencrypted, 0600.

    Raises:
        UsageError: There is one already: the chain that it has signed could not be continued.
    """
    write_new(path, _private_pem(ed25519.Ed25519PrivateKey.generate()))


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
        raise UsageError(f"{certificate}: {KEPT}", repair="keep it, or name another file")
    if not key.exists():
        write_new(key, _private_pem(generate(kind)))
    private = load_private_key(key).private
    write_new(certificate, certify(private, company=company, now=now))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """A key and its certificate that somebody else made, as read from his file; nothing is written yet.

    Attributes:
        key: The private key, of whatever kind.
        certificate: PEM.
    """

    key: object = field(repr=False)
    certificate: bytes

    @property
    def usable(self) -> PrivateKey | None:
        """The key, or None where it is of a kind that Chaman does not take."""
        return self.key if isinstance(self.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) else None


def read_bundle(content: bytes, passphrase: bytes | None) -> Bought:
    """Read a key and its certificate out of a PKCS#12 file.

    Raises:
        UsageError: The file is none, the passphrase is wrong, or something lacks in it.
    """
    try:
        private, found, _ = pkcs12.load_key_and_certificates(content, passphrase)
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError("this is no PKCS#12 file, or its passphrase is another", repair="give the .p12 or .pfx file") from None
    if private is None or found is None:
        raise UsageError("this PKCS#12 file lacks a key or its certificate", repair="export both together")
    return Bought(key=private, certificate=found.public_bytes(serialization.Encoding.PEM))


def read_pem(content: bytes) -> Bought:
    """Read a key and its certificate out of one PEM file.

    Raises:
        UsageError: One of them lacks in it or is encrypted.
    """
    try:
        private = serialization.load_pem_private_key(content, None)
        found = x509.load_pem_x509_certificate(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        repair = "put both into one file, the key without a passphrase, or export them together as PKCS#12"
        raise UsageError("this PEM file lacks a key that is not encrypted, or its certificate", repair=repair) from None
    return Bought(key=private, certificate=found.public_bytes(serialization.Encoding.PEM))


def adopt(private: PrivateKey, certificate: bytes, *, key_file: Path, certificate_file: Path) -> None:
    """Write a bought pair into the two files that the box uses; the key first, so that a cut leaves no certificate alone.

    Raises:
        UsageError: There is another key already, or a certificate.
    """
    content = _private_pem(private)
    if not (key_file.exists() and key_file.read_bytes() == content):
        write_new(key_file, content)
    write_new(certificate_file, certificate)


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
