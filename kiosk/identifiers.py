"""Numbers that the field uses, checked at the border: inside, every ``Insz`` is a true one.

Each ``parse`` raises ``ValueError`` with a sentence that never repeats the number (it may be personal).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from hardware.cards import LENGTHS, UID_LENGTHS, worthless

_INSZ_SEPARATORS: Final = re.compile(r"[ .\-/]")
_DECLARATION: Final = re.compile(r"[A-HJ-NP-Z0-9]{13}")
_FOREIGN_VAT: Final = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,18}")
_KINDS: Final = ", ".join(f"{kind}:<hex>" for kind in LENGTHS)
_WRONG_LENGTH: Final = {
    "uid": "a card's identifier has 4, 7, 8 or 10 bytes",
    "em4100": "the number of a 125 kHz tag has 5 bytes",
    "wiegand": "facility and number together have 3 bytes, or 4 from a reader that passes on 34 bits",
    "code": "a barcode has 4 to 64 characters",
}
#: Months 1-12 (national), +20 (BIS, sex unknown), +40 (BIS, sex known); 0 = unknown (facts, rsz-service, section 6).
_MONTHS: Final = frozenset((*range(13), *range(20, 33), *range(40, 53)))


@dataclass(frozen=True, slots=True)
class Insz:
    """A Belgian identification number of the social security: national or BIS number, eleven digits.

    The century follows from the checksum alone (the same digits are never valid for both), so a box
    whose clock stands in 1970 accepts the same people as any other.
    """

    digits: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read eleven digits, with or without the usual separators; raises ``ValueError``."""
        digits = _INSZ_SEPARATORS.sub("", text.strip())
        if not (len(digits) == 11 and digits.isascii() and digits.isdigit()):
            raise ValueError("an INSZ has eleven digits")
        # The day may exceed the month's length and may be 00: the counter of a date can be exhausted.
        if int(digits[2:4]) not in _MONTHS or int(digits[4:6]) > 31:
            raise ValueError("this INSZ has no possible birth date")
        if not 1 <= int(digits[6:9]) <= 998:
            raise ValueError("this INSZ has no possible serial number")
        check = int(digits[9:])
        if check not in (97 - int(digits[:9]) % 97, 97 - (2_000_000_000 + int(digits[:9])) % 97):
            raise ValueError("the check digits of this INSZ do not fit; is a digit mistyped?")
        return cls(digits)

    @property
    def masked(self) -> str:
        """Stars and the last four digits: enough to tell two people apart, not to look one up."""
        return "*" * 7 + self.digits[-4:]

    def __repr__(self) -> str:
        return f"Insz({self.masked})"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class EnterpriseNumber:
    """A number of the Crossroads Bank for Enterprises: ten digits, first 0 or 1, check = 97 - first eight mod 97."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ten digits (dots, spaces and a leading BE allowed; nine digits get a leading 0); raises ``ValueError``."""
        digits = re.sub(r"[ .\-]", "", text.strip().upper().removeprefix("BE"))
        if len(digits) == 9:
            digits = "0" + digits
        if not (len(digits) == 10 and digits.isascii() and digits.isdigit()):
            raise ValueError("an enterprise number has ten digits")
        if digits[0] not in "01":
            raise ValueError("an enterprise number begins with 0 or 1 (2 to 8 is an establishment unit, not an employer)")
        if int(digits[8:]) != 97 - int(digits[:8]) % 97:
            raise ValueError("the check digits of this enterprise number do not fit; is a digit mistyped?")
        return cls(digits)


@dataclass(frozen=True, slots=True)
class ForeignVatNumber:
    """A foreign employer's VAT number: country letters and the national part (Belgif ``VatNumber``)."""

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a VAT number that is not Belgian; raises ``ValueError``."""
        value = re.sub(r"[ .\-]", "", text.strip().upper())
        if not _FOREIGN_VAT.fullmatch(value):
            raise ValueError("a foreign VAT number is two country letters and at least two characters")
        if value.startswith("BE"):
            raise ValueError("a Belgian employer is named by enterprise_number, not foreign_vat_number")
        return cls(value)


Employer = EnterpriseNumber | ForeignVatNumber


@dataclass(frozen=True, slots=True)
class DeclarationNumber:
    """The 13-character number of a declaration of works; letters I and O do not occur.

    Its check character is not publicly known, so only the shape is checked (facts, rsz-service, section 2.2).
    """

    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read thirteen characters, lower case and spaces tolerated; raises ``ValueError``."""
        value = text.strip().upper().replace(" ", "")
        if not _DECLARATION.fullmatch(value):
            raise ValueError("a declaration number has 13 characters, digits and capitals without I and O")
        return cls(value)


#: The kind of an identity card: it is looked up by its holder's number, and nobody types one.
EID: Final = "eid"


@dataclass(frozen=True, slots=True)
class CardId:
    """What identifies a card: the kind of identifier and its bytes; the technology is no part of it."""

    kind: str
    identifier: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``[kind:]hex``: kind ``uid`` if left out, ``:`` and spaces ignored in the hex; raises ``ValueError``."""
        head, colon, tail = text.partition(":")
        # No kind looks like hexadecimal digits, so a colon among digits is never taken for the end of a kind.
        named = colon and not re.fullmatch(r"[0-9A-Fa-f\s]*", head)
        kind, digits = (head.strip().lower(), tail) if named else ("uid", text)
        if kind not in LENGTHS:
            raise ValueError(f"this kind of card is not known; write one of {_KINDS}, or the hex digits of a uid alone")
        plain = re.sub(r"[\s:]", "", digits)
        if not re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", plain):
            raise ValueError("a card is written in pairs of hexadecimal digits")
        identifier = bytes.fromhex(plain)
        if len(identifier) not in LENGTHS[kind]:
            raise ValueError(_WRONG_LENGTH[kind])
        return cls(kind, identifier)

    @classmethod
    def parse_badge(cls, text: str) -> Self:
        """Read a card that shall be somebody's badge; raises ``ValueError`` also for a number that can be nobody's."""
        card = cls.parse(text)
        why = worthless(card.identifier, kind=card.kind)
        if why is not None:
            raise ValueError(why)
        return card

    @classmethod
    def of_person(cls, insz: Insz) -> Self:
        """The identity card of this person, whichever it is: a renewed one is the same card to us."""
        return cls(EID, insz.digits.encode())

    @property
    def written(self) -> str:
        """The whole of it, for sealed records and for its holder: hexadecimal digits; of an identity card his number."""
        return self.identifier.decode() if self.kind == EID else self.identifier.hex()

    @property
    def masked(self) -> str:
        """Stars and the last four hexadecimal digits, for screens and lists; two where four would be most of it.

        Of an identity card they are those of its holder's number.
        """
        if self.kind == EID:
            return Insz(self.identifier.decode()).masked
        digits = self.identifier.hex().upper()
        shown = 2 if len(self.identifier) < min(UID_LENGTHS) else 4
        return "*" * (len(digits) - shown) + digits[-shown:]

    def __repr__(self) -> str:
        return f"CardId({self.kind}:{self.masked})"

    __str__ = __repr__
