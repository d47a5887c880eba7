"""A throw-away authority and a server certificate below it, so that the double is reached over true TLS.

The authority stays in its directory, so that clients go on trusting the double after a restart; the server's
certificate is made anew at each start. Both satisfy Python 3.13's stricter checks (``VERIFY_X509_STRICT``).
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kiosk.errors import UsageError

_CA_DAYS: Final = 3650
_SERVER_DAYS: Final = 365
#: A client's clock may be slow.
_BACKDATED: Final = timedelta(days=1)
_ALWAYS_NAMED: Final = ("localhost", "127.0.0.1", "::1")
_EVERYWHERE: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to

_Key = ec.EllipticCurvePrivateKey


def prepare(directory: Path, host: str, now: datetime) -> tuple[Path, Path]:
    """Make what is missing in a directory; returns the authority's certificate (for clients) and the server's chain with key.

    Args:
        directory: Made if it does not exist; its keys are readable by the owner only.
        host: The name or address that is bound; certified beside localhost, 127.0.0.1 and ::1.
        now: Aware; the real time, since clients check by their own clocks.

    Raises:
        UsageError: The directory can't be used, or holds something else under these names.
    """
    ca_file, ca_key_file, server_file = directory / "ca.pem", directory / "ca.key.pem", directory / "server.pem"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not ca_file.exists():
            _make_authority(ca_file, ca_key_file, now)
        certificate, key = _read_authority(ca_file, ca_key_file, now)
        _write(server_file, _make_server(host, certificate, key, now), private=True)
    except (OSError, ValueError) as error:
        repair = f"name another directory, or delete {ca_file.name} and {ca_key_file.name} in it"
        raise UsageError(
            f"the simulator's certificates in {directory} can't be used: {type(error).__name__}", repair=repair
        ) from error
    return ca_file, server_file


def _read_authority(ca_file: Path, ca_key_file: Path, now: datetime) -> tuple[x509.Certificate, _Key]:
    certificate = x509.load_pem_x509_certificate(ca_file.read_bytes())
    key = serialization.load_pem_private_key(ca_key_file.read_bytes(), password=None)
    if not isinstance(key, _Key) or certificate.not_valid_after_utc <= now:
        raise UsageError(f"the simulator's authority {ca_file} is foreign or expired", repair=f"delete {ca_file} and {ca_key_file}")
    return certificate, key


def _make_authority(ca_file: Path, ca_key_file: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kiosk simulator, trusted by tests only")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(name, name, key, now, _CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(
        usage, critical=True
    )
    _write(ca_key_file, _private(key), private=True)
    # The certificate comes last: where it exists, the key does too.
    _write(ca_file, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), private=False)


def _make_server(host: str, ca: x509.Certificate, ca_key: _Key, now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Kiosk simulator")])
    names = dict.fromkeys((*_ALWAYS_NAMED, *({host} - _EVERYWHERE)))
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    builder = (
        _builder(name, ca.subject, key, now, _SERVER_DAYS)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(identifier, critical=False)
    )
    return _private(key) + builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _builder(subject: x509.Name, issuer: x509.Name, key: _Key, now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _general_names(names: Iterable[str]) -> list[x509.GeneralName]:
    return [_general_name(name) for name in names]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: _Key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _write(path: Path, content: bytes, *, private: bool) -> None:
    """Write a whole file or none, never readable by others for a moment where it is private."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    temporary.replace(path)
