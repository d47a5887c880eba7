"""Whether the Belgian state signed an identity file: the signature on the card, and its way up to a root that an admin pinned.

No root is shipped: the admin installs the files of the Belgium Root CAs and writes down their fingerprints, compared with
what the state publishes. What the card carries as root is never looked at.

What this proves is that these data were once signed for some card. A copy of everything that a card gives out without PIN
proves as well; only a question to the chip's own key tells the two apart, and a card allows 5,000 of them in its life.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384, HashAlgorithm

from hardware.ports import ReaderLost

#: The older cards are signed with SHA-1 and later with SHA-256 (content 4.01); both are tried, for the signature itself
#: says which it is. SHA-1 stands here for what was signed years ago: nobody can make a second file to an old signature.
_RSA_HASHES: Final[tuple[HashAlgorithm, ...]] = (SHA256(), SHA1())  # noqa: S303  see above
#: What a certificate that is none ends in: its oddities are errors of no common kind (an unknown version, an extension that
#: comes twice), and a card may hold any bytes.
_NO_CERTIFICATE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_DER_SEQUENCE: Final = 0x30
_DER_HEAD: Final = 2
_DER_LENGTH: Final = 4


class UnusableRoot(ReaderLost):
    """A file is no certificate of a root; the sentence says which one and why."""


class Roots:
    """The certificates that end every chain.

    Args:
        certificates: At least one.
    """

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self._certificates = tuple(certificates)

    def proves(self, file: bytes, signature: bytes, issuer: bytes) -> bool:
        """Say whether the signature is the issuer's over exactly this file, and a root vouches for the issuer.

        Args:
            file: The identity file as it lies on the card.
            signature: The file with its signature, perhaps filled up with zeros.
            issuer: The file with the issuer's certificate (RRN), DER, perhaps filled up with zeros.
        """
        try:
            certificate = x509.load_der_x509_certificate(_der(issuer))
            return self._vouches_for(certificate) and _fits(certificate, signature, file)
        except _NO_CERTIFICATE:
            return False

    def _vouches_for(self, certificate: x509.Certificate) -> bool:
        # Its dates are not asked for: what was signed while it was valid stays signed, and the document has dates of its own.
        return not _is_authority(certificate) and any(_issued(root, certificate) for root in self._certificates)


def load_roots(paths: Iterable[Path], fingerprints: Iterable[str]) -> Roots:
    """Read the roots, each in PEM or DER.

    Args:
        paths: The files.
        fingerprints: The SHA-256 of each certificate, 64 hexadecimal digits in lower case.

    Raises:
        UnusableRoot: One of them can't be used; the first that is found.
    """
    pinned = frozenset(fingerprints)
    return Roots([_root(path, pinned) for path in paths])


def _root(path: Path, pinned: frozenset[str]) -> x509.Certificate:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnusableRoot(f"{path} can't be read: {error.strerror}") from error
    try:
        if b"-----BEGIN" in content:
            certificate = x509.load_pem_x509_certificate(content)
        else:
            certificate = x509.load_der_x509_certificate(content)
        authority = _is_authority(certificate)
    except _NO_CERTIFICATE:
        raise UnusableRoot(f"{path} is no certificate; install the Belgium Root CA as the state publishes it") from None
    if not authority:
        raise UnusableRoot(f"{path} is no certificate authority's; install the Belgium Root CA itself")
    found = certificate.fingerprint(SHA256()).hex()
    if found not in pinned:
        raise UnusableRoot(
            f"{path} has the SHA-256 fingerprint {found}, which [eid] fingerprints does not name; compare it with the one that "
            "the state publishes, and only if they are equal add it"
        )
    return certificate


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _issued(root: x509.Certificate, certificate: x509.Certificate) -> bool:
    # Not cryptography's own verify_directly_issued_by: it declines SHA-1, with which the older issuers were certified.
    digest = certificate.signature_hash_algorithm
    if digest is None or certificate.issuer != root.subject:
        return False
    return _verifies(root.public_key(), certificate.signature, certificate.tbs_certificate_bytes, digest)


def _fits(certificate: x509.Certificate, signature: bytes, file: bytes) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        exact = signature[: (key.key_size + 7) // 8]
        return any(_verifies(key, exact, file, digest) for digest in _RSA_HASHES)
    return _verifies(key, _der(signature), file, SHA384())


def _verifies(key: PublicKeyTypes, signature: bytes, signed: bytes, digest: HashAlgorithm) -> bool:
    try:
        match key:
            case rsa.RSAPublicKey():
                key.verify(signature, signed, padding.PKCS1v15(), digest)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, signed, ec.ECDSA(digest))
            case _:
                return False
    except InvalidSignature:
        return False
    return True


def _der(file: bytes) -> bytes:
    """Cut off the zeros that fill up a file behind a DER structure; raises ``ValueError`` where it holds none."""
    if len(file) < _DER_LENGTH or file[0] != _DER_SEQUENCE:
        raise ValueError("no DER structure")
    more = file[1] & 0x7F if file[1] & 0x80 else 0
    count = int.from_bytes(file[_DER_HEAD : _DER_HEAD + more], "big") if more else file[1]
    return file[: _DER_HEAD + more + count]
