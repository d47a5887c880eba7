"""What Chaman asks of a certificate, criterion by criterion, each with what was found and what repairs it; pure.

The same for one that was made here and for one that was bought (facts, rsz-service, section 1.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from kiosk.certificate import Certificate

#: How a criterion that is not met is told in a list of them.
MISSES: Final = "MISSES"
RSA_BITS: Final = (2048, 3072, 4096)
CURVES: Final = {"secp384r1": "P-384", "secp521r1": "P-521"}
DIGESTS: Final = ("sha256", "sha384", "sha512")
_ANOTHER: Final = "have another made: `kiosk provision rotate` does it on a box that is set up, `kiosk provision` before"
_OTHER_NAMES: Final = {"secp256r1": "P-256"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One criterion.

    Attributes:
        name: Which: ``key``, ``digest``, ``key usage``, ``company``, ``validity`` or ``pair``.
        met: Whether it is met.
        told: What was found, in words.
        repair: What to do where it is not met.
    """

    name: str
    met: bool
    told: str
    repair: str


def judge(
    certificate: Certificate, *, key: RSAPrivateKey | EllipticCurvePrivateKey | None, company: str | None, now: datetime
) -> tuple[Criterion, ...]:
    """Hold a certificate against every criterion.

    Args:
        certificate: As read.
        key: The client key that it should belong to, or None where it is not at hand.
        company: The company in whose name it must be, or None where that is not known: then any name will do.
        now: Aware, UTC.
    """
    found = [_key(certificate), _digest(certificate), _usage(certificate), _company(certificate, company)]
    found.append(_validity(certificate, now))
    if key is not None:
        mine = certificate.belongs_to(key)
        told = "it belongs to the client key" if mine else "it does not belong to the client key"
        repair = "name the pair that was made together: the service takes only a token signed by the uploaded certificate's key"
        found.append(Criterion(name="pair", met=mine, told=told, repair=repair))
    return tuple(found)


def unmet(criteria: Iterable[Criterion]) -> list[Criterion]:
    """Those that are not met."""
    return [criterion for criterion in criteria if not criterion.met]


def _key(certificate: Certificate) -> Criterion:
    match certificate.public_key:
        case RSAPublicKey(key_size=size):
            met, told = size in RSA_BITS, f"the key is RSA with {size} bits"
        case EllipticCurvePublicKey(curve=curve):
            met = curve.name in CURVES
            told = f"the key is EC on {CURVES.get(curve.name) or _OTHER_NAMES.get(curve.name, curve.name)}"
        case other:
            met, told = False, f"the key is of another kind ({type(other).__name__})"
    repair = f"Chaman takes RSA with 2048, 3072 or 4096 bits and EC on P-384 or P-521; {_ANOTHER}"
    return Criterion(name="key", met=met, told=told, repair=repair)


def _digest(certificate: Certificate) -> Criterion:
    told = f"it is signed with {(certificate.digest or 'no digest that is known').upper().replace('SHA', 'SHA-')}"
    repair = f"Chaman takes SHA-256, SHA-384 and SHA-512; {_ANOTHER}"
    return Criterion(name="digest", met=certificate.digest in DIGESTS, told=told, repair=repair)


def _usage(certificate: Certificate) -> Criterion:
    if certificate.signs is None:
        told = "it does not say what its key may be used for"
    else:
        told = f"its key usage contains {'' if certificate.signs else 'no '}digitalSignature"
    repair = f"the key usage must contain digitalSignature; {_ANOTHER}"
    return Criterion(name="key usage", met=certificate.signs is True, told=told, repair=repair)


def _company(certificate: Certificate, company: str | None) -> Criterion:
    names = ", ".join(certificate.companies)
    wanted = company is None or company.casefold() in {name.casefold() for name in certificate.companies}
    told = f"it is in the name of {names}" if names else "it is in nobody's name"
    repair = f"it must be in the name of {company or 'the company'}; {_ANOTHER}"
    return Criterion(name="company", met=bool(names) and wanted, told=told, repair=repair)


def _validity(certificate: Certificate, now: datetime) -> Criterion:
    begins, ends = (f"{moment:%Y-%m-%d}" for moment in (certificate.begins, certificate.ends))
    if now < certificate.begins:
        told, repair = f"it begins on {begins} only", "is the clock of this box right? else wait, or have another made"
    elif now >= certificate.ends:
        told, repair = f"it ended on {ends}", "make a new one and upload it in Chaman: `kiosk provision rotate`"
    else:
        told, repair = f"it is valid from {begins} to {ends}", ""
    return Criterion(name="validity", met=certificate.begins <= now < certificate.ends, told=told, repair=repair)
