"""Identity cards that no state ever issued: files, signatures, an authority of their own, and a chip that gives them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.people import CANARY_INSZ, CANARY_NAME

EC_ATR = bytes.fromhex("3B7F96000080318065B085040120120FFF829000")
RSA_ATR = bytes.fromhex("3B9813400AA503010101AD1311")
RADIO_ATR = bytes.fromhex("3B8A80010031C173C8400000900090")

IDENTITY, SIGNATURE, ISSUER = "DF014031", "DF014032", "DF00503C"
#: What must never be asked for: address, its signature, photo.
FORBIDDEN = ("DF014033", "DF014034", "DF014035")

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_END = datetime(2040, 1, 1, tzinfo=UTC)


def identity_file(
    number: str = CANARY_INSZ.digits,
    *,
    until: str = "31.12.2035",
    begin: str = "01.01.2020",
    kind: str = "1",
    name: str = CANARY_NAME,
) -> bytes:
    """Write an identity file as the issuer's document lays it out, of an invented person."""
    fields = {
        0x00: b"\x00\x01",
        0x01: b"592012345678",
        0x02: bytes(range(16)),
        0x03: begin.encode(),
        0x04: until.encode(),
        0x05: b"Brussel",
        0x06: number.encode(),
        0x07: name.encode(),
        0x08: b"Canary",
        0x09: b"",
        0x0A: b"Belg",
        0x0B: b"Nergens",
        0x0C: b"30 JUL 1985",
        0x0D: b"M",
        0x0E: b"",
        0x0F: kind.encode(),
        0x10: b"0",
        0x11: bytes(48),
    }
    return b"".join(bytes((tag, len(value))) + value for tag, value in fields.items())


@dataclass(frozen=True)
class Issuer:
    """A root and the certificate that signs identity files, with their keys."""

    root: x509.Certificate
    root_key: Key
    certificate: x509.Certificate
    key: Key

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        return self.root.fingerprint(SHA256()).hex()

    def sign(self, file: bytes, digest: SHA1 | SHA256 | SHA384 | None = None) -> bytes:
        """Sign as the state does: RSA over SHA-256 or SHA-1, or ECDSA over SHA-384, filled up to a fixed length."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(file, padding.PKCS1v15(), digest or SHA256())
        return self.key.sign(file, ec.ECDSA(digest or SHA384())).ljust(112, b"\x00")

    @property
    def file(self) -> bytes:
        """The issuer's certificate as it lies on a card."""
        return self.certificate.public_bytes(Encoding.DER) + bytes(1100)


def certify(
    subject: str,
    key: Key,
    *,
    issuer: tuple[x509.Certificate, Key] | None = None,
    authority: bool = False,
    more: x509.ExtensionType | None = None,
) -> x509.Certificate:
    """Make a certificate, by default one that signs itself; ``more`` is an extension that it has besides."""
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "BE"), x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    by, by_key = (name, key) if issuer is None else (issuer[0].subject, issuer[1])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if more is not None:
        builder = builder.add_extension(more, critical=False)
    return builder.sign(by_key, SHA256())


def _issuer(root_key: Key, key: Key) -> Issuer:
    root = certify("Invented Root CA", root_key, authority=True)
    return Issuer(root, root_key, certify("RRN", key, issuer=(root, root_key)), key)


@cache
def rsa_issuer() -> Issuer:
    """The authority of the older cards; made once, since RSA keys take long."""
    return _issuer(rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048))


@cache
def ec_issuer() -> Issuer:
    """The authority of the newer cards."""
    return _issuer(ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1()))


@dataclass
class EidChip:
    """The contact chip of an identity card: called with a command, it answers; what was selected is written down.

    Attributes:
        files: Content by path without the master file.
        records: Whether it gives out single fields (applet 1.8).
        master_first: Whether paths must begin with the master file; False: must not; None: either.
        strict: Whether it answers 6C xx where more is asked for than there is; else it gives what there is.
        selected: Every path that was asked for.
        told: Every answer's data.
    """

    files: dict[str, bytes]
    records: bool = False
    master_first: bool | None = None
    strict: bool = True
    selected: list[str] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)
    _current: bytes | None = None

    @property
    def is_read(self) -> bool:
        """Whether as much was given out as its identity, signature and issuer hold."""
        wanted = (self.files[IDENTITY], self.files[SIGNATURE], self.files[ISSUER].rstrip(b"\x00"))
        return sum(map(len, self.told)) >= sum(map(len, wanted))

    def __call__(self, command: bytes) -> bytes:
        answer = self._answer(command)
        self.told.append(answer[:-2])
        return answer

    def _answer(self, command: bytes) -> bytes:
        head, tail = command[:4], command[4:]
        if head == b"\x00\xa4\x08\x0c":
            return self._select(tail[1:])
        if head[:2] == b"\x00\xb0":
            return self._read(int.from_bytes(head[2:], "big"), tail[0] or 256)
        if head[:2] == b"\x80\xb2" and self.records:
            return self._record(head[2], head[3], tail[0] or 256)
        return b"\x6d\x00"

    def _select(self, path: bytes) -> bytes:
        has_master = path[:2] == b"\x3f\x00"
        name = (path[2:] if has_master else path).hex().upper()
        self.selected.append(name)
        if name not in self.files or self.master_first not in (None, has_master):
            return b"\x6a\x82"
        self._current = self.files[name]
        return b"\x90\x00"

    def _read(self, offset: int, count: int) -> bytes:
        if self._current is None:
            return b"\x69\x86"
        if offset >= len(self._current):
            return b"\x6b\x00"
        block = self._current[offset : offset + count]
        if self.strict and len(block) < count:
            return bytes((0x6C, len(block)))
        return block + b"\x90\x00"

    def _record(self, first: int, last: int, count: int) -> bytes:
        if self._current is None:
            return b"\x69\x86"
        found, at = b"", 0
        while at < len(self._current):
            size = 2 + self._current[at + 1]
            if first <= self._current[at] <= last:
                found += self._current[at : at + size]
            at += size
        if not found:
            return b"\x6a\x83"
        return found[:count] + b"\x90\x00"


def ec_chip(file: bytes | None = None, **changes: bytes) -> EidChip:
    """A card with applet 1.8 and everything that such a card holds."""
    return _chip(ec_issuer(), file or identity_file(), changes, records=True)


def rsa_chip(file: bytes | None = None, **changes: bytes) -> EidChip:
    """A card with applet 1.7."""
    return _chip(rsa_issuer(), file or identity_file(), changes, records=False)


def _chip(issuer: Issuer, file: bytes, changes: dict[str, bytes], *, records: bool) -> EidChip:
    files = {IDENTITY: file, SIGNATURE: issuer.sign(file), ISSUER: issuer.file}
    files |= {path: b"Kanariestraat 1" + bytes(range(200)) for path in FORBIDDEN}
    return EidChip({**files, **changes}, records=records)
