from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.errors import UsageError
from kiosk.provisioning import make_client_key, make_store_key
from kiosk.simulator.clients import Clients

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_a_store_key_is_32_random_bytes_for_its_owner_alone(tmp_path: Path) -> None:
    """Two keys differ, and whatever the umask nobody else may read them."""
    before = os.umask(0)
    try:
        for name in ("one", "two"):
            make_store_key(tmp_path / name)
    finally:
        os.umask(before)
    one, two = ((tmp_path / name).read_bytes() for name in ("one", "two"))
    assert len(one) == len(two) == 32
    assert one != two
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("one", "two")} == {0o600}


def test_no_key_is_ever_overwritten(tmp_path: Path) -> None:
    """Another key would make its store unreadable for ever; the first stays as it is."""
    path = tmp_path / "store.key"
    make_store_key(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="never overwritten") as refused:
        make_store_key(path)
    assert refused.value.repair
    assert path.read_bytes() == before


def test_keys_are_durable_before_anything_is_sealed_with_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and folder are both synced: a store must not outlive its key in a power cut."""
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().is_dir()))
    make_store_key(tmp_path / "store.key")
    assert synced == [False, True]


def test_the_client_key_and_its_certificate_meet_the_services_criteria(tmp_path: Path) -> None:
    """RSA of 3072 bits, SHA-256, digitalSignature, in the company's name, for two years, and the key is the certificate's."""
    key, certificate = tmp_path / "client.key.pem", tmp_path / "client.cert.pem"
    make_client_key(key, certificate, company="Invented NV", now=NOW)
    assert {path.stat().st_mode & 0o777 for path in (key, certificate)} == {0o600}
    loaded = load_private_key(key)
    assert loaded.algorithm == "RS256"
    made = x509.load_pem_x509_certificate(certificate.read_bytes())
    public = made.public_key()
    assert isinstance(public, RSAPublicKey)
    assert public.key_size == 3072
    assert isinstance(made.signature_hash_algorithm, hashes.SHA256)
    assert made.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert made.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Invented NV"
    assert made.not_valid_before_utc <= NOW
    assert made.not_valid_after_utc == NOW + timedelta(days=730)
    assert read_certificate(certificate).belongs_to(loaded.private)
    Clients().add("self_service_expeditor_123456", certificate.read_bytes())
    with pytest.raises(UsageError):
        make_client_key(key, tmp_path / "other.pem", company="Invented NV", now=NOW)
    assert not (tmp_path / "other.pem").exists()
