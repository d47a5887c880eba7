from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kiosk.simulator.clients import Clients, read_key
from tests.strangers import CLIENT, NOW_MS, ec_key, public_pem, rsa_key

START = datetime.fromtimestamp(NOW_MS / 1000, UTC)
USAGE = {
    "digital_signature": True,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


def certificate(key: Any, *, usage: dict[str, bool] | None = USAGE, digest: Any = None, days: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "invented company")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START - timedelta(days=1))
        .not_valid_after(START + timedelta(days=days))
    )
    if usage is not None:
        builder = builder.add_extension(x509.KeyUsage(**usage), critical=True)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(Encoding.PEM)


def test_rsa_and_ec_keys_know_their_algorithms() -> None:
    """An RSA key signs RS256 to RS512, P-384 only ES384, P-521 only ES512."""
    assert read_key(public_pem(rsa_key())).algorithms == ("RS256", "RS384", "RS512")
    assert read_key(public_pem(ec_key())).algorithms == ("ES384",)
    assert read_key(public_pem(ec.generate_private_key(ec.SECP521R1()))).algorithms == ("ES512",)


def test_a_certificate_is_read_with_its_end() -> None:
    """A certificate that meets the criteria gives its key and its last moment."""
    key = read_key(certificate(ec_key(), digest=hashes.SHA512()))
    assert key.until_ms == NOW_MS + 30 * 86_400_000
    assert key.public_key == ec_key().public_key()


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (public_pem(ec.generate_private_key(ec.SECP256R1())), "P-384 or P-521"),
        (public_pem(rsa.generate_private_key(public_exponent=65537, key_size=2056)), "2048, 3072 or 4096"),
        (ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "RSA"),
        (certificate(ec_key(), usage=None), "digitalSignature"),
        (certificate(ec_key(), usage=USAGE | {"digital_signature": False, "key_agreement": True}), "digitalSignature"),
        (certificate(ec_key(), digest=hashes.SHA3_256()), "SHA-256, SHA-384 or SHA-512"),
        (certificate(ed25519.Ed25519PrivateKey.generate()), "SHA-256, SHA-384 or SHA-512"),
        (certificate(ec.generate_private_key(ec.SECP256R1())), "P-384 or P-521"),
        (b"no pem", r".+"),
        (b"-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n", r".+"),
    ],
)
def test_the_criteria_of_the_channel_are_kept(pem: bytes, why: str) -> None:
    """A key or certificate that the real upload would refuse is refused, saying which criterion."""
    with pytest.raises(ValueError, match=why):
        Clients().add(CLIENT, pem)


def test_a_key_can_replace_another() -> None:
    """A client may have an old and a new key at once, as a rotation needs; removing the client forgets both."""
    clients = Clients()
    clients.add(CLIENT, public_pem(ec_key()).decode())
    clients.add(CLIENT, public_pem(rsa_key()))
    assert len(clients.keys(CLIENT, NOW_MS)) == 2
    clients.remove(CLIENT)
    clients.remove(CLIENT)
    assert not clients.knows(CLIENT)
    assert clients.keys(CLIENT, NOW_MS) == ()


def test_an_expired_certificate_signs_no_more() -> None:
    """From its last moment on a certificate's key is no key of the client, though the client stays known."""
    clients = Clients()
    clients.add(CLIENT, certificate(ec_key(), days=1))
    end_ms = NOW_MS + 86_400_000
    assert len(clients.keys(CLIENT, end_ms - 1)) == 1
    assert clients.keys(CLIENT, end_ms) == ()
    assert clients.knows(CLIENT)
