"""What is held to a radio reader: a badge by its number, or a passport, identity card, bank card or telephone. Pure.

The second kind draw a new number at each touch, or belong to somebody else's system; whoever holds one to the reader is told
what to do instead of hearing of an impossible number. They are known by the applications that they offer, without any key.
"""

from __future__ import annotations

from typing import Final

from hardware.apdu import OK, Exchange, Manner, complete
from hardware.cards import GET_UID, Failed, Reading, by_radio, reading, technology

#: SELECT of the application in passports and in the radio chip of identity cards (ICAO Doc 9303-10, AID A0000002471001). A
#: chip that opens by its printed number only may refuse to select it (69 82, 69 85), and is one all the same.
TRAVEL_DOCUMENT: Final = bytes.fromhex("00A4040C07A0000002471001")
#: SELECT of the directory in which bank cards, and telephones that pay, list their applications (EMV Contactless, book B).
PAYMENT: Final = bytes.fromhex("00A404000E") + b"2PAY.SYS.DDF01" + b"\x00"
_CLOSED: Final = frozenset({b"\x69\x82", b"\x69\x85"})

DOCUMENT: Final = "an identity card or passport can't be read by radio; insert the card into the other reader, or use your badge"
BANK_CARD: Final = "a bank card or telephone is no badge here; use your badge"


def converse(atr: bytes) -> Exchange[Reading]:
    """Ask what lies there for its number; where it is a chip with applications, first for what it is."""
    # A DESFire has its own ATR and is not asked: it has no such names, and its holder waits for each command.
    if by_radio(atr) and technology(atr) == "iso14443-4":
        if _is_there((yield TRAVEL_DOCUMENT)):
            return Failed(DOCUMENT)
        if (yield from complete(PAYMENT)).endswith(OK):
            return Failed(BANK_CARD)
    return reading((yield from complete(GET_UID)), atr)


def _is_there(answer: bytes) -> bool:
    return answer == OK or answer in _CLOSED


#: How a badge reader speaks to what is laid on it.
MANNER: Final = Manner(converse=converse)
