from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.errors import UsageError
from kiosk.provisioning import (
    KeyKind,
    adopt,
    certify,
    generate,
    make_client_key,
    make_evidence_key,
    make_store_key,
    read_bundle,
    read_pem,
)
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
    with pytest.raises(UsageError, match="never overwritten"):
        make_client_key(tmp_path / "other.key.pem", certificate, company="Invented NV", now=NOW)
    assert not (tmp_path / "other.key.pem").exists()


def test_a_cut_between_key_and_certificate_is_mended(tmp_path: Path) -> None:
    """Where only the key was made, the next try certifies that very key."""
    key, certificate = tmp_path / "client.key.pem", tmp_path / "client.cert.pem"
    make_client_key(key, certificate, company="Invented NV", now=NOW, kind=KeyKind.P_384)
    before = key.read_bytes()
    certificate.unlink()
    make_client_key(key, certificate, company="Invented NV", now=NOW, kind=KeyKind.RSA_2048)
    assert key.read_bytes() == before
    assert read_certificate(certificate).belongs_to(load_private_key(key).private)


def test_an_evidence_key_is_ed25519(tmp_path: Path) -> None:
    """It signs, in PEM, for its owner alone, and is never replaced."""
    path = tmp_path / "evidence.key"
    make_evidence_key(path)
    assert isinstance(serialization.load_pem_private_key(path.read_bytes(), None), ed25519.Ed25519PrivateKey)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="never overwritten"):
        make_evidence_key(path)


def test_a_bought_bundle_is_taken_apart(tmp_path: Path) -> None:
    """Key and certificate of a PKCS#12 file that another program wrote; a wrong passphrase or no such file is told."""
    made, paper = tmp_path / "made.key.pem", tmp_path / "made.cert.pem"
    make_client_key(made, paper, company="Invented NV", now=NOW, kind=KeyKind.RSA_2048)
    command = ["openssl", "pkcs12", "-export", "-inkey", str(made), "-in", str(paper), "-passout", "pass:geheim"]
    subprocess.run([*command, "-out", str(tmp_path / "bought.p12")], check=True, capture_output=True)
    bundle = (tmp_path / "bought.p12").read_bytes()
    for broken, passphrase in ((bundle, b"another"), (bundle, None), (b"no bundle", b"geheim")):
        with pytest.raises(UsageError, match="PKCS#12"):
            read_bundle(broken, passphrase)
    bought = read_bundle(bundle, b"geheim")
    assert bought.certificate == paper.read_bytes()
    lonely = pkcs12.serialize_key_and_certificates(b"x", generate(KeyKind.P_384), None, None, serialization.NoEncryption())
    with pytest.raises(UsageError, match="lacks"):
        read_bundle(lonely, None)


def test_a_bought_pem_file_holds_both(tmp_path: Path) -> None:
    """In either order; one that lacks a part or is encrypted is told, and a key of another kind is not for use."""
    key, paper = tmp_path / "made.key.pem", tmp_path / "made.cert.pem"
    make_client_key(key, paper, company="Invented NV", now=NOW, kind=KeyKind.P_384)
    for content in (key.read_bytes() + paper.read_bytes(), paper.read_bytes() + key.read_bytes()):
        bought = read_pem(content)
        assert bought.usable is not None
        assert bought.usable.public_key() == load_private_key(key).private.public_key()
    for part in (key.read_bytes(), paper.read_bytes(), b""):
        with pytest.raises(UsageError, match="lacks"):
            read_pem(part)
    odd = ["openssl", "req", "-x509", "-nodes", "-newkey", "ed25519", "-subj", "/O=X", "-keyout", str(tmp_path / "odd.pem")]
    certificate = subprocess.run(odd, check=True, capture_output=True).stdout
    assert read_pem((tmp_path / "odd.pem").read_bytes() + certificate).usable is None


def test_a_bought_pair_is_adopted_whole(tmp_path: Path) -> None:
    """For its owner alone; a cut between the two files is mended, and what is there of another pair is never overwritten."""
    private = generate(KeyKind.P_384)
    paper = certify(private, company="Invented NV", now=NOW)
    key, certificate = tmp_path / "client.key.pem", tmp_path / "client.cert.pem"
    adopt(private, paper, key_file=key, certificate_file=certificate)
    certificate.unlink()
    adopt(private, paper, key_file=key, certificate_file=certificate)
    assert read_certificate(certificate).belongs_to(load_private_key(key).private)
    assert key.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="never overwritten"):
        adopt(generate(KeyKind.P_384), paper, key_file=key, certificate_file=tmp_path / "other.pem")
    assert not (tmp_path / "other.pem").exists()


def test_a_secret_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut while it is written leaves nothing under its name, and the next try makes it."""

    def cut(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(KeyboardInterrupt):
        make_store_key(tmp_path / "store.key")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    make_store_key(tmp_path / "store.key")
    assert [path.name for path in tmp_path.iterdir()] == ["store.key"]
