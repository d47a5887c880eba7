"""What the bytes of a card say: its technology from the ATR, its identifier from the reader's answer, and its worth. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

#: Get Data, UID, "as long as it is" (PC/SC part 3, 3.2.2.1.3): answered by the reader itself, not by the card.
GET_UID: Final = bytes.fromhex("FFCA000000")

#: Single, double and triple size UIDs of ISO 14443-3, and the 8 bytes of ISO 15693 and FeliCa's IDm.
UID_LENGTHS: Final = frozenset({4, 7, 8, 10})
#: The kinds of identifiers there are, with the bytes that each may have; the first byte is the first in the card's own order.
#: ``em4100`` is the whole number of a 125 kHz tag; ``wiegand`` what is left of one where a reader passes on 26 bits (facility
#: and number) or 34; ``code`` the characters of a barcode, in ASCII and capitals.
LENGTHS: Final[Mapping[str, frozenset[int]]] = {
    "uid": UID_LENGTHS,
    "em4100": frozenset({5}),
    "wiegand": frozenset({3, 4}),
    "code": frozenset(range(4, 65)),
}
#: ISO 14443-3 forbids 88 as first byte of a 4-byte UID: it marks the first part of a longer one.
_PART: Final = re.compile(rb"\x88.{3}", re.DOTALL)
_BLANK: Final = re.compile(rb"\x00+|\xFF+")
#: ISO 14443-3: a 4-byte UID that begins with 08 is drawn afresh at each touch (phones, passports, bank cards, DESFire EV2).
_RANDOM: Final = re.compile(rb"\x08.{3}", re.DOTALL)
#: A DESFire EV1 with random identifiers begins them with 80 (facts, hardware, section 6); so does many a MIFARE Classic,
#: whose number is fixed, and which the reader tells by its technology.
_RANDOM_EV1: Final = re.compile(rb"\x80.{3}", re.DOTALL)
_FIXED: Final = "mifare-"
#: What cheap chips and copiers are sold with, in either order of bytes: counted from 0 or 1, or typed by somebody in a hurry.
_FROM_THE_BOX: Final = frozenset(
    number[::step]
    for step in (1, -1)
    for number in (
        *(bytes(range(first, first + length)) for length in (*UID_LENGTHS, 5) for first in (0, 1)),
        *(bytes.fromhex(digits) for digits in ("12345678", "11223344", "AABBCCDD", "11223344556677", "1122334455667788")),
    )
)
_OK: Final = b"\x90\x00"

PART: Final = "the reader gave only a part of the card's number"
OTHER_EACH_TIME: Final = "this card shows another number each time: a phone, passport or bank card; use your badge"

#: An ATR made up by a contactless reader: T0 with historical bytes only, TD1 = 80, TD2 = 01 (PC/SC part 3, 3.1.3.2.3).
_BY_RADIO: Final = re.compile(rb"\x3B[\x80-\x8F]\x80\x01", re.DOTALL)
#: Its historical bytes for a storage card: category 80, tag 4F, length 0C, the RID of PC/SC, then SS and NN NN.
_STORAGE: Final = re.compile(rb"\x3B.\x80\x01\x80\x4F\x0C\xA0\x00\x00\x03\x06(.)(..)", re.DOTALL)
_DESFIRE: Final = bytes.fromhex("3B8180018080")

#: NN NN of PC/SC part 3's supplement; from F011 on as ACS readers write them.
_NAMES: Final = {
    0x0001: "mifare-classic-1k",
    0x0002: "mifare-classic-4k",
    0x0003: "mifare-ultralight",
    0x0026: "mifare-mini",
    0x003A: "mifare-ultralight-c",
    0x003B: "felica-212",
    0xF011: "felica-212",
    0xF012: "felica-424",
}
#: SS, the standard, where NN NN names no card that we know.
_STANDARDS: Final = {
    **dict.fromkeys((0x01, 0x02, 0x03, 0x04), "iso14443-a"),
    **dict.fromkeys((0x05, 0x06, 0x07), "iso14443-b"),
    **dict.fromkeys((0x09, 0x0A, 0x0B, 0x0C), "iso15693"),
    0x11: "felica",
}


@dataclass(frozen=True, slots=True)
class Identified:
    """The card at the reader gave a usable identifier, of a kind and length in ``LENGTHS``."""

    identifier: bytes
    technology: str
    kind: str = "uid"

    def __repr__(self) -> str:
        return f"Identified({len(self.identifier)} bytes, {self.technology})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """An identity document at the reader was read: of all that it holds only what a registration needs.

    Attributes:
        number: The national number as the document gives it, eleven digits; whether they fit is not looked at here.
        valid_from: Its first day, or None where it says none.
        valid_until: Its last day.
        kind: The document's type as the issuer numbers them: 1 is a Belgian's identity card.
        proven: Whether the issuer's signature was checked up to a root that the admin installed.
        technology: The chip's application, for the record.
    """

    number: str
    valid_from: date | None
    valid_until: date
    kind: int
    proven: bool
    technology: str

    def __repr__(self) -> str:
        return f"Document({self.technology}, proven={self.proven})"


@dataclass(frozen=True, slots=True)
class Failed:
    """Something is at the reader and gave no usable identifier; ``why`` in a few words, without any card datum."""

    why: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The reader says that nothing is there any more: a removal that was really observed."""


Reading = Identified | Document | Failed | Absent


def by_radio(atr: bytes) -> bool:
    """Tell whether a contactless reader made this ATR up for a card, rather than a contact chip having sent it."""
    return _BY_RADIO.match(atr) is not None


def technology(atr: bytes) -> str:
    """Name the chip by its ATR, as far as the reader tells; for the record only.

    Args:
        atr: As the reader gave it, possibly empty or cut short.

    Returns:
        For instance ``mifare-classic-1k``, ``desfire``, ``iso14443-4``, ``contact-chip``, or ``unknown``.
    """
    if not atr:
        return "unknown"
    if not by_radio(atr):
        return "contact-chip"
    if atr == _DESFIRE:
        return "desfire"
    storage = _STORAGE.match(atr)
    if storage is None:
        return "iso14443-4"
    standard, name = (int.from_bytes(part, "big") for part in storage.groups())
    return _NAMES.get(name) or _STANDARDS.get(standard, "unknown")


def reading(answer: bytes, atr: bytes) -> Identified | Failed:
    """Judge the answer to ``GET_UID``.

    Args:
        answer: The whole response, with its two status bytes.
        atr: The card's ATR, which tells a contact chip from a badge.
    """
    identifier, status = answer[:-2], answer[-2:]
    if len(status) < len(_OK):
        return Failed("the card's answer was cut short")
    if status != _OK:
        return Failed(_refusal(atr))
    return judged(identifier, technology(atr))


def judged(identifier: bytes, chip: str, kind: str = "uid") -> Identified | Failed:
    """Judge an identifier that a reader gave, whatever way it came.

    Args:
        identifier: Its bytes, first byte first.
        chip: The technology as far as the reader tells it, as ``technology`` names it.
        kind: One of ``LENGTHS``; any other has no possible length.
    """
    if len(identifier) not in LENGTHS.get(kind, ()):
        return Failed("the card's number has an impossible length")
    why = worthless(identifier, chip, kind)
    return Identified(identifier, chip, kind) if why is None else Failed(why)


def worthless(identifier: bytes, chip: str = "unknown", kind: str = "uid") -> str | None:
    """Say why this can be nobody's badge, in plain words without any of its bytes; None where nothing speaks against it.

    Args:
        identifier: Its bytes, first byte first.
        chip: The technology as ``technology`` names it; what is only typed has none.
        kind: One of ``LENGTHS``.
    """
    if _BLANK.fullmatch(identifier):
        return "the card's number is blank"
    if identifier in _FROM_THE_BOX:
        return "many cards have this number, as they were sold or copied; use another badge"
    if kind != "uid":
        return None
    if _PART.fullmatch(identifier):
        return PART
    if _RANDOM.fullmatch(identifier) or (_RANDOM_EV1.fullmatch(identifier) and not chip.startswith(_FIXED)):
        return OTHER_EACH_TIME
    return None


def _refusal(atr: bytes) -> str:
    # A Belgian eID refuses FF CA: the status word says nothing, the ATR tells why (facts, hardware, section 1.6).
    if atr and not by_radio(atr):
        return "this reader reads badges by radio, and this card answers only through its contact chip"
    return "the card did not give its number"
