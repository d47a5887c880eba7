"""hardware.eid_proof takes a state's word for an identity file, and nobody else's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hardware.eid_proof import Roots, UnusableRoot, load_roots
from tests.idcards import Issuer, Key, certify, ec_issuer, identity_file, rsa_issuer

FILE = identity_file()
ISSUERS = pytest.mark.parametrize("issuer", [rsa_issuer(), ec_issuer()], ids=["rsa", "p-384"])


@ISSUERS
def test_a_file_that_the_state_signed_is_proven(issuer: Issuer) -> None:
    """RSA and ECDSA, with the zeros that fill up the files on a card."""
    assert Roots([ec_issuer().root, rsa_issuer().root]).proves(FILE, issuer.sign(FILE), issuer.file)


def test_an_old_card_signed_with_sha_1_is_proven() -> None:
    """Cards of applet 1.7 live for ten years, and the first were signed so."""
    issuer = rsa_issuer()
    assert Roots([issuer.root]).proves(FILE, issuer.sign(FILE, SHA1()), issuer.file)  # noqa: S303  as they were


def test_an_issuer_certified_with_sha_1_is_vouched_for(tmp_path: Path) -> None:
    """So were the certificates that signed them; cryptography makes none like it any more, OpenSSL does."""
    issuer = rsa_issuer()
    (tmp_path / "root.key").write_bytes(pem_key(issuer.root_key))
    (tmp_path / "root.pem").write_bytes(issuer.root_pem)
    (tmp_path / "rrn.key").write_bytes(pem_key(issuer.key))
    openssl(tmp_path, "req -new -key rrn.key -subj /CN=RRN -out rrn.csr")
    openssl(tmp_path, "x509 -req -sha1 -in rrn.csr -CA root.pem -CAkey root.key -set_serial 7 -outform DER -out rrn.der")
    old = (tmp_path / "rrn.der").read_bytes()
    assert Roots([issuer.root]).proves(FILE, issuer.sign(FILE), old)
    assert not Roots([ec_issuer().root]).proves(FILE, issuer.sign(FILE), old)


def pem_key(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


@ISSUERS
def test_any_change_of_the_file_is_found(issuer: Issuer) -> None:
    """One digit of the number, one byte more, one less: no signature fits."""
    roots, signature = Roots([issuer.root]), issuer.sign(FILE)
    for changed in (FILE.replace(b"850730", b"850731"), FILE + b"\x00", FILE[:-1]):
        assert not roots.proves(changed, signature, issuer.file)


@ISSUERS
def test_a_signature_of_somebody_else_proves_nothing(issuer: Issuer) -> None:
    """The other authority is as genuine, and is not pinned: nobody takes its word."""
    (other,) = {rsa_issuer(), ec_issuer()} - {issuer}
    assert not Roots([other.root]).proves(FILE, issuer.sign(FILE), issuer.file)
    assert not Roots([issuer.root]).proves(FILE, other.sign(FILE), issuer.file)


def test_a_certificate_that_names_the_root_and_is_not_signed_by_it_proves_nothing() -> None:
    """A name is written by whoever makes the certificate."""
    issuer, key = ec_issuer(), ec.generate_private_key(ec.SECP384R1())
    forged = certify("RRN", key, issuer=(issuer.root, key))
    forger = Issuer(issuer.root, issuer.root_key, forged, key)
    assert not Roots([issuer.root]).proves(FILE, forger.sign(FILE), forger.file)


def test_a_certificate_that_names_another_issuer_proves_nothing() -> None:
    """A chain follows names as well as signatures."""
    issuer = ec_issuer()
    stranger = certify("Another Root CA", issuer.root_key, authority=True)
    other = certify("RRN", issuer.key, issuer=(stranger, issuer.root_key))
    assert not Roots([issuer.root]).proves(FILE, issuer.sign(FILE), other.public_bytes(Encoding.DER))


def test_an_authority_below_the_root_signs_no_identity() -> None:
    """The authorities that certify citizens are issued by the root too; they vouch for keys, not for files."""
    issuer = ec_issuer()
    citizens = certify("Citizen CA", issuer.key, issuer=(issuer.root, issuer.root_key), authority=True)
    assert not Roots([issuer.root]).proves(FILE, issuer.sign(FILE), citizens.public_bytes(Encoding.DER))
    assert not Roots([issuer.root]).proves(FILE, issuer.sign(FILE), issuer.root.public_bytes(Encoding.DER))


@pytest.mark.parametrize("broken", [b"", b"\x30", b"\x30\x82\x00", bytes(500), b"\x30\x84\xff\xff\xff\xff" + bytes(40)])
def test_rubbish_proves_nothing(broken: bytes) -> None:
    """Neither as a signature nor as a certificate, whatever its length."""
    issuer = ec_issuer()
    roots = Roots([issuer.root])
    assert not roots.proves(FILE, broken, issuer.file)
    assert not roots.proves(FILE, issuer.sign(FILE), broken)


def of_no_version(der: bytes) -> bytes:
    """Make a certificate one of version 10, which there is not."""
    return der.replace(bytes.fromhex("A003020102"), bytes.fromhex("A003020109"), 1)


def twice_extended(der: bytes) -> bytes:
    """Give a certificate the same extension twice: the id of its key becomes another of its limits."""
    return der.replace(bytes.fromhex("0603551D0E"), bytes.fromhex("0603551D13"), 1)


@pytest.mark.parametrize("spoil", [of_no_version, twice_extended])
def test_a_certificate_that_is_odd_within_proves_nothing_and_is_no_root(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    """A card may hold any bytes, and none of them stops the reader; a root's file that is so is refused by name."""
    issuer, path = ec_issuer(), tmp_path / "odd.crt"
    key_id = x509.SubjectKeyIdentifier.from_public_key(issuer.key.public_key())
    plain = certify("RRN", issuer.key, issuer=(issuer.root, issuer.root_key), more=key_id).public_bytes(Encoding.DER)
    odd = spoil(plain)
    assert odd != plain
    assert not Roots([issuer.root]).proves(FILE, issuer.sign(FILE), odd)
    path.write_bytes(odd)
    with pytest.raises(UnusableRoot, match=r"odd\.crt is no certificate;"):
        load_roots([path], [issuer.fingerprint])


def test_a_key_of_an_unknown_kind_proves_nothing() -> None:
    """The state signs with RSA and with ECDSA."""
    issuer, key = ec_issuer(), ed25519.Ed25519PrivateKey.generate()
    odd = certify("RRN", key, issuer=(issuer.root, issuer.root_key))  # type: ignore[arg-type]  # that is the point
    assert not Roots([issuer.root]).proves(FILE, key.sign(FILE), odd.public_bytes(Encoding.DER))


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_roots_are_read_by_file_and_fingerprint(tmp_path: Path, encoding: Encoding) -> None:
    """The state publishes them in both encodings."""
    issuer, path = ec_issuer(), tmp_path / "root.crt"
    path.write_bytes(issuer.root.public_bytes(encoding))
    roots = load_roots([path], ["ab" * 32, issuer.fingerprint])
    assert roots.proves(FILE, issuer.sign(FILE), issuer.file)


def test_a_root_with_another_fingerprint_is_refused_and_shown(tmp_path: Path) -> None:
    """The admin sees what the file is, and is told with what to compare it."""
    path = tmp_path / "root.crt"
    path.write_bytes(ec_issuer().root_pem)
    with pytest.raises(UnusableRoot, match=rf"root\.crt has the SHA-256 fingerprint {ec_issuer().fingerprint}.*compare"):
        load_roots([path], [rsa_issuer().fingerprint])


def test_what_is_no_root_is_refused_by_name(tmp_path: Path) -> None:
    """A missing file, one that holds no certificate, and a certificate that may certify nobody."""
    rubbish, leaf = tmp_path / "rubbish.pem", tmp_path / "leaf.pem"
    rubbish.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", encoding="utf-8")
    leaf.write_bytes(ec_issuer().certificate.public_bytes(Encoding.PEM))
    for path, why in (
        (tmp_path / "none.pem", "can't be read"),
        (rubbish, "is no certificate;"),
        (leaf, "no certificate authority"),
    ):
        with pytest.raises(UnusableRoot, match=rf"{path.name} .*{why}|{path.name} {why}"):
            load_roots([path], [ec_issuer().certificate.fingerprint(SHA256()).hex()])
