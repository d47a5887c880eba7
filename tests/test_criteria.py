"""kiosk.criteria holds a certificate against each of Chaman's criteria and names the one that is missed."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.criteria import judge, unmet
from kiosk.provisioning import KeyKind, generate, make_client_key

#: A while after what these tests make begins to be valid.
NOW = datetime.now(UTC) + timedelta(minutes=10)
USAGE = ("-addext", "keyUsage=critical,digitalSignature")
COMPANY = ("-subj", "/O=Invented NV/CN=Invented NV")


def openssl(folder: Path, *words: str) -> tuple[Path, Path]:
    """Have another program make a key and a certificate; returns their files."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-keyout", str(key), "-out", str(certificate), *words]
    subprocess.run(command, check=True, capture_output=True)
    return key, certificate


@pytest.mark.parametrize(
    ("words", "missed", "told"),
    [
        (("-newkey", "rsa:2048", "-sha256", *USAGE, *COMPANY), [], ""),
        (("-newkey", "rsa:2048", "-sha512", *USAGE, *COMPANY), [], ""),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384", *USAGE, *COMPANY), [], ""),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-sha512", *USAGE, *COMPANY), [], ""),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha256", *USAGE, *COMPANY), ["key"], "EC on P-256"),
        (("-newkey", "rsa:1024", "-sha256", *USAGE, *COMPANY), ["key"], "RSA with 1024 bits"),
        (("-newkey", "ed25519", *USAGE, *COMPANY), ["key", "digest"], "another kind"),
        (("-newkey", "rsa:2048", "-sha1", *USAGE, *COMPANY), ["digest"], "SHA-1"),
        (("-newkey", "rsa:2048", "-sha224", *USAGE, *COMPANY), ["digest"], "SHA-224"),
        (("-newkey", "rsa:2048", "-sha256", *COMPANY), ["key usage"], "does not say"),
        (("-newkey", "rsa:2048", "-sha256", "-addext", "keyUsage=keyEncipherment", *COMPANY), ["key usage"], "no digitalSignature"),
        (("-newkey", "rsa:2048", "-sha256", *USAGE, "-subj", "/O=Another NV"), ["company"], "in the name of Another NV"),
        (("-newkey", "rsa:2048", "-sha256", *USAGE, "-subj", "/C=BE"), ["company"], "nobody's name"),
    ],
)
def test_each_criterion_is_told_by_its_name(tmp_path: Path, words: tuple[str, ...], missed: list[str], told: str) -> None:
    """Certificates that another program made: the good ones pass, and of each bad one the missed criterion is named."""
    _, certificate = openssl(tmp_path, *words)
    found = unmet(judge(read_certificate(certificate), key=None, company="invented nv", now=NOW))
    assert [criterion.name for criterion in found] == missed
    assert told in " ".join(criterion.told for criterion in found)
    assert all(criterion.repair for criterion in found)


def test_a_certificate_out_of_its_time_or_of_another_key_is_told(tmp_path: Path) -> None:
    """Ended, not begun, and not the key's own."""
    key, certificate = openssl(tmp_path, "-newkey", "rsa:2048", "-sha256", "-days", "10", *USAGE, *COMPANY)
    read, mine = read_certificate(certificate), load_private_key(key).private
    assert unmet(judge(read, key=mine, company=None, now=NOW)) == []
    for now, told in ((NOW + timedelta(days=11), "ended on"), (NOW - timedelta(days=1), "begins on")):
        (criterion,) = unmet(judge(read, key=mine, company=None, now=now))
        assert (criterion.name, told in criterion.told) == ("validity", True)
    (criterion,) = unmet(judge(read, key=generate(KeyKind.P_384), company=None, now=NOW))
    assert criterion.name == "pair"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (KeyKind.RSA_3072, ["rsaEncryption", "(3072 bit)"]),
        (KeyKind.RSA_2048, ["rsaEncryption", "(2048 bit)"]),
        (KeyKind.P_384, ["id-ecPublicKey", "NIST CURVE: P-384"]),
        (KeyKind.P_521, ["id-ecPublicKey", "NIST CURVE: P-521"]),
    ],
)
def test_another_program_shows_each_criterion_of_ours(tmp_path: Path, kind: KeyKind, shown: list[str]) -> None:
    """What `openssl x509 -text` says of a certificate made here: kind and size, SHA-256, digitalSignature, the company."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    make_client_key(key, certificate, company="Invented NV", now=NOW, kind=kind)
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", str(certificate)], check=True, capture_output=True, text=True
    ).stdout
    digest = "ecdsa-with-SHA256" if kind.startswith("p-") else "sha256WithRSAEncryption"
    for words in (*shown, digest, "X509v3 Key Usage: critical", "Digital Signature", "Invented NV", "CA:FALSE"):
        assert words in text, words
    assert unmet(judge(read_certificate(certificate), key=load_private_key(key).private, company="Invented NV", now=NOW)) == []
