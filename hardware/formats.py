"""How readers and other systems write a card's number, read into one normal form: kind and bytes, first byte first. Pure.

A keyboard-wedge reader types a number in whatever way its maker set; a list from another system has the way of that
system. Both are read here, so that one badge is one badge wherever it was seen.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, Literal, assert_never

from hardware.cards import UID_LENGTHS, Failed, Identified, judged


class Format(StrEnum):
    """A way to write a card's number. None is guessed: most texts fit two of them and then name two different cards."""

    #: The bytes of a UID as the card gives them, in hexadecimal digits: ``04A1B2C3D4E580``.
    HEX = "hex"
    #: The same bytes, last first: ``80E5D4C3B2A104``.
    REVERSED = "reversed"
    #: A UID as one decimal number, first byte most significant (``10D`` for 4 bytes).
    DECIMAL = "decimal"
    #: A UID as one decimal number, last byte most significant.
    DECIMAL_REVERSED = "decimal-reversed"
    #: The whole number of a 125 kHz tag: ten hexadecimal digits, or thirteen decimal ones.
    EM4100 = "em4100"
    #: The last four bytes of a 125 kHz tag as a decimal number of ten digits, as most fobs have it printed.
    EM4100_DECIMAL = "8h10d"
    #: Facility and number: ``188,24910`` or ``18824910`` for 26 bits (``3D.5D``), ``00188,24910`` for 34.
    WIEGAND = "wiegand"
    #: The characters of a barcode, the ConstruBadge's among them: what they mean is the issuer's, they only tell badges apart.
    BARCODE = "barcode"


#: What is said of the chip: a keyboard tells nothing of it, so only what the way of writing gives away.
_TECHNOLOGY: Final = {
    Format.EM4100: "125-khz",
    Format.EM4100_DECIMAL: "125-khz",
    Format.WIEGAND: "125-khz",
    Format.BARCODE: "barcode",
}
_UNKNOWN: Final = "typed"
#: What people and systems put between the bytes, and before them.
_BETWEEN: Final = re.compile(r"[\s:.\-]")
_HEX: Final = re.compile(r"(?:0[xX])?((?:[0-9A-Fa-f]{2})+)", re.ASCII)
#: A UID of 10 bytes has up to 25 decimal digits; one of fewer than seven is not a number as any reader pads it.
_DECIMAL: Final = re.compile(r"[0-9]{7,25}")
_TAG: Final = re.compile(r"[0-9A-Fa-f]{10}|[0-9]{13}")
_TEN_DIGITS: Final = re.compile(r"[0-9]{10}")
_PAIR: Final = re.compile(r"([0-9]{1,3})[\s,.;:/\-]([0-9]{1,5})|([0-9]{3})([0-9]{5})")
_LONG_PAIR: Final = re.compile(r"([0-9]{5})[\s,.;:/\-]([0-9]{5})")
#: Printable ASCII without blanks at the ends.
_CODE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
#: Digits of a whole 125 kHz number in hexadecimal; thirteen in decimal.
_HEX_TAG: Final = 10
_BYTE: Final = 0x100
#: Bytes of 34 bits without their two of parity.
_WHOLE_WIEGAND: Final = 4
_TWO_BYTES: Final = 0x10000

NO_FIT: Final = "what was typed is no number as this reader is set up for; look at format in its [[reader]]"


def read(text: str, form: Format) -> Identified | Failed:
    """Read a number that was written in this way.

    Args:
        text: As it was typed or stands in a list; blanks around it don't count.
        form: How it is written.

    Returns:
        The card, judged like that of any reader, or why it is none; the words hold nothing of the text.
    """
    number = _number(text.strip(), form)
    return Failed(NO_FIT) if number is None else judged(number[1], _TECHNOLOGY.get(form, _UNKNOWN), number[0])


def written(kind: str, identifier: bytes) -> dict[Format, str]:
    """Write a card's number in every way in which another system may have it, for somebody who compares lists.

    Args:
        kind: One of ``hardware.cards.LENGTHS``; any other is written in no way.
        identifier: Its bytes, first byte first.
    """
    match kind:
        case "uid":
            return {
                Format.HEX: identifier.hex().upper(),
                Format.REVERSED: identifier[::-1].hex().upper(),
                Format.DECIMAL: _decimal(identifier, "big"),
                Format.DECIMAL_REVERSED: _decimal(identifier, "little"),
            }
        case "em4100":
            short = identifier[1:]
            return {Format.EM4100: identifier.hex().upper(), Format.EM4100_DECIMAL: _decimal(short, "big"), **_facility(short[1:])}
        case "wiegand":
            whole = {Format.EM4100_DECIMAL: _decimal(identifier, "big")} if len(identifier) == _WHOLE_WIEGAND else {}
            return {**whole, **_facility(identifier)}
        case "code":
            return {Format.BARCODE: identifier.decode("ascii", "replace")}
        case _:
            return {}


def _facility(identifier: bytes) -> dict[Format, str]:
    """Facility and number as fobs have them printed: three digits and five, five and five where there are four bytes."""
    facility, number = int.from_bytes(identifier[:-2]), int.from_bytes(identifier[-2:])
    return {Format.WIEGAND: f"{facility:05d},{number:05d}" if len(identifier) == _WHOLE_WIEGAND else f"{facility:03d},{number:05d}"}


def _number(text: str, form: Format) -> tuple[str, bytes] | None:
    """The kind and the bytes that this text stands for, or None where it is not written in this way."""
    match form:
        case Format.HEX:
            return _hex(text, 1)
        case Format.REVERSED:
            return _hex(text, -1)
        case Format.DECIMAL:
            return _uid(text, 1)
        case Format.DECIMAL_REVERSED:
            return _uid(text, -1)
        case Format.EM4100:
            return _tag(text)
        case Format.EM4100_DECIMAL:
            return _short("wiegand", int(text), 4) if _TEN_DIGITS.fullmatch(text) else None
        case Format.WIEGAND:
            return _pair(text)
        case Format.BARCODE:
            return ("code", text.upper().encode()) if _CODE.fullmatch(text) else None
        case _:
            assert_never(form)


def _hex(text: str, step: int) -> tuple[str, bytes] | None:
    digits = _HEX.fullmatch(_BETWEEN.sub("", text))
    return None if digits is None else ("uid", bytes.fromhex(digits[1])[::step])


def _uid(text: str, step: int) -> tuple[str, bytes] | None:
    """Give a decimal number the fewest bytes that a UID can have: shorter ones are written with the same digits."""
    if not _DECIMAL.fullmatch(text):
        return None
    value = int(text)
    length = next((length for length in sorted(UID_LENGTHS) if value < _BYTE**length), None)
    return None if length is None else ("uid", value.to_bytes(length)[::step])


def _tag(text: str) -> tuple[str, bytes] | None:
    plain = _BETWEEN.sub("", text)
    if not _TAG.fullmatch(plain):
        return None
    return ("em4100", bytes.fromhex(plain)) if len(plain) == _HEX_TAG else _short("em4100", int(plain), 5)


def _pair(text: str) -> tuple[str, bytes] | None:
    long = _LONG_PAIR.fullmatch(text)
    found = long or _PAIR.fullmatch(text)
    if found is None:
        return None
    facility, number = (int(group) for group in found.groups() if group is not None)
    if number >= _TWO_BYTES or facility >= (_TWO_BYTES if long else _BYTE):
        return None
    return "wiegand", facility.to_bytes(2 if long else 1) + number.to_bytes(2)


def _short(kind: str, value: int, length: int) -> tuple[str, bytes] | None:
    return (kind, value.to_bytes(length)) if value < _BYTE**length else None


def _decimal(identifier: bytes, order: Literal["big", "little"]) -> str:
    """Padded to what its length can need: ten digits for 4 bytes, as readers print it."""
    return str(int.from_bytes(identifier, order)).zfill(len(str(_BYTE ** len(identifier) - 1)))
