"""kiosk.certificate knows how long the uploaded certificate lasts and whether it belongs to the client key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from kiosk.certificate import read_certificate
from kiosk.errors import UsageError

ENDS = datetime(2027, 11, 22, 12, 0, tzinfo=UTC)


@cache
def rsa_key() -> RSAPrivateKey:
    return generate_rsa_key(public_exponent=65537, key_size=2048)


@cache
def ec_key() -> EllipticCurvePrivateKey:
    return generate_ec_key(SECP384R1())


def certificate(key: RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
    """Make a self-signed certificate that ends at ``ENDS``."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's own")])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=ENDS - timedelta(days=365),
        not_valid_after=ENDS,
    )
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "client.cert.pem"


@pytest.mark.parametrize("key", [rsa_key, ec_key])
def test_a_certificate_is_read_with_its_end(path: Path, key: object) -> None:
    """Of either kind of key, its end is an aware UTC time."""
    assert callable(key)
    path.write_bytes(certificate(key()))
    assert read_certificate(path).ends == ENDS


@pytest.mark.parametrize(
    ("before", "days"),
    [
        (timedelta(days=365), 365),
        (timedelta(days=30, seconds=-1), 29),
        (timedelta(days=1), 1),
        (timedelta(hours=23), 0),
        (timedelta(0), 0),
        (timedelta(seconds=-1), -1),
        (timedelta(days=-10), -10),
    ],
)
def test_days_left_are_whole_days(path: Path, before: timedelta, days: int) -> None:
    """Only whole days count, and once it has ended the number is negative at once."""
    path.write_bytes(certificate(ec_key()))
    assert read_certificate(path).days_left(ENDS - before) == days


def test_another_zone_is_the_same_moment(path: Path) -> None:
    """Now may be given in any zone: the moment counts."""
    path.write_bytes(certificate(ec_key()))
    now = (ENDS - timedelta(days=2)).astimezone(datetime.fromisoformat("2026-01-01T00:00:00+05:45").tzinfo)
    assert read_certificate(path).days_left(now) == 2


def test_it_belongs_to_its_own_key_only(path: Path) -> None:
    """A certificate is matched to the key it was made for, never to another of its kind or of the other kind."""
    path.write_bytes(certificate(rsa_key()))
    assert read_certificate(path).belongs_to(rsa_key())
    assert not read_certificate(path).belongs_to(generate_rsa_key(public_exponent=65537, key_size=2048))
    assert not read_certificate(path).belongs_to(ec_key())
    path.write_bytes(certificate(ec_key()))
    assert read_certificate(path).belongs_to(ec_key())
    assert not read_certificate(path).belongs_to(generate_ec_key(SECP384R1()))
    assert not read_certificate(path).belongs_to(rsa_key())


def test_a_missing_file_is_named(path: Path) -> None:
    """What can't be read is a mistake of configuration, told with key, path, reason and repair."""
    with pytest.raises(UsageError, match=r"\[service\] certificate: .*client.cert.pem: No such file") as refused:
        read_certificate(path)
    assert "Chaman" in str(refused.value)
    path.mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        read_certificate(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_refused(path: Path, content: bytes) -> None:
    """A file of another kind is refused as that, without repeating it."""
    path.write_bytes(content)
    with pytest.raises(UsageError, match="it is no PEM certificate") as refused:
        read_certificate(path)
    assert "AAAA" not in str(refused.value)


def test_a_bare_public_key_is_no_certificate(path: Path) -> None:
    """The wrong one of the files that provision made is refused."""
    path.write_bytes(ec_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UsageError, match="no PEM certificate"):
        read_certificate(path)


def test_a_key_of_an_unknown_kind_is_refused(path: Path) -> None:
    """A certificate whose key no library here can use is refused in words, not by a traceback."""
    known, unknown = bytes.fromhex("06052b81040022"), bytes.fromhex("06052b8104007f")
    der = x509.load_pem_x509_certificate(certificate(ec_key())).public_bytes(Encoding.DER)
    assert known in der
    path.write_bytes(pem(der.replace(known, unknown)))
    with pytest.raises(UsageError, match="no PEM certificate of a usable key"):
        read_certificate(path)


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def test_its_key_is_not_printed(path: Path) -> None:
    """A certificate shows its end, and no key in a log."""
    path.write_bytes(certificate(ec_key()))
    assert "public_key" not in repr(read_certificate(path))
