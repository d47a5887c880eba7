"""Every invented person, employer, declaration and card that tests use; all numbers have valid checksums.

Nobody here exists. The INSZ are fabricated from birth dates and counters; canary values are searched for in
everything the program writes, and must be found nowhere in clear.
"""

from __future__ import annotations

from datetime import date

from hardware.cards import Document
from kiosk.identifiers import CardId, DeclarationNumber, EnterpriseNumber, Insz
from kiosk.model import BadgeLine, Coordinates, Profile


def invented_insz(number: int) -> Insz:
    """Make the ``number``-th invented INSZ, 0 to 299,999: distinct, valid checksums, born 1950 to 1999."""
    year, rest = 50 + number % 50, number // 50
    month, rest = 1 + rest % 12, rest // 12
    serial = 1 + rest % 998
    first = f"{year:02d}{month:02d}17{serial:03d}"
    return Insz.parse(f"{first}{97 - int(first) % 97:02d}")


def invented_card(number: int) -> CardId:
    """Make the ``number``-th invented 7-byte card."""
    return CardId("uid", bytes((0x04, *number.to_bytes(5, "big"), 0x80)))


def invented_line(number: int) -> BadgeLine:
    """Make the ``number``-th invented holder with his card."""
    return BadgeLine(card=invented_card(number), profile=Profile(insz=invented_insz(number), name=f"Person {number}"))


def invented_document(insz: Insz, *, proven: bool = True) -> Document:
    """Make the identity card of an invented person, valid until 2035."""
    return Document(
        number=insz.digits,
        valid_from=date(2020, 1, 1),
        valid_until=date(2035, 12, 31),
        kind=1,
        proven=proven,
        technology="beid-1.8",
    )


CANARY_INSZ = Insz.parse("85073003328")
CANARY_CARD = CardId.parse("04:C0:FF:EE:DE:AD:80")
CANARY_NAME = "Zéphyrine Kanarievogel"
CANARY = BadgeLine(card=CANARY_CARD, profile=Profile(insz=CANARY_INSZ, name=CANARY_NAME, language="fr"))

EMPLOYER = EnterpriseNumber.parse("0206731645")
OTHER_EMPLOYER = EnterpriseNumber.parse("0403019261")
DECLARATION = DeclarationNumber.parse("1Y1003SQ5VSSZ")
OTHER_DECLARATION = DeclarationNumber.parse("1Y102M7NZF7PZ")
PLACE = Coordinates(50.8466, 4.3670)
