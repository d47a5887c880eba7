"""What the result codes of PC/SC mean to a badge reader; the one table of them, seen or announced (facts, hardware, 1.5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from hardware.presence import TOO_SOON


class Kind(Enum):
    """What is to be done about a code."""

    DONE = auto()  # nothing: it worked
    WAITED = auto()  # nothing: a wait ended without news
    NO_READER = auto()  # go on: no reader is plugged in
    OUTAGE = auto()  # the connection to pcscd or to the reader is dead: make a new one
    DENIED = auto()  # perhaps this user may not, see Denied
    ABSENT = auto()  # no card is there
    CARD = auto()  # this attempt failed; the next may not


@dataclass(frozen=True, slots=True)
class Code:
    """One result code: its name in pcsclite.h, what to do, and a few words for the worker."""

    name: str
    kind: Kind
    why: str = ""


class Outage(Exception):
    """The PC/SC service or the reader can't be reached; a new context may help.

    Args:
        code: The code's name, or its figure in hex.
    """


class Denied(Exception):
    """The PC/SC service refuses this user, or died with our request unread.

    libpcsclite answers "access denied" also where the connection was reset, which a killed pcscd does to
    whoever was asking it something: once means nothing, only a repetition is a refusal.
    """


#: Debian 13's pcscd asks polkit, which by default allows root and people at the console (facts, hardware, 1.7).
POLKIT_REPAIR: Final = (
    "install the polkit rule /etc/polkit-1/rules.d/50-kiosk-pcsc.rules, which allows this user both "
    "org.debian.pcsc-lite.access_pcsc and org.debian.pcsc-lite.access_card"
)

#: What the worker is told where the service lists its readers, but lets this user near no card.
NOT_ALLOWED: Final = "this box is not allowed to use its reader"

_CODES: Final = {
    0x00000000: Code("SCARD_S_SUCCESS", Kind.DONE),
    0x80100002: Code("SCARD_E_CANCELLED", Kind.WAITED),
    0x8010000A: Code("SCARD_E_TIMEOUT", Kind.WAITED),
    0x8010002E: Code("SCARD_E_NO_READERS_AVAILABLE", Kind.NO_READER),
    0x80100003: Code("SCARD_E_INVALID_HANDLE", Kind.OUTAGE),
    0x80100009: Code("SCARD_E_UNKNOWN_READER", Kind.OUTAGE),
    0x80100013: Code("SCARD_F_COMM_ERROR", Kind.OUTAGE),
    0x80100017: Code("SCARD_E_READER_UNAVAILABLE", Kind.OUTAGE),
    0x8010001D: Code("SCARD_E_NO_SERVICE", Kind.OUTAGE),
    0x8010001E: Code("SCARD_E_SERVICE_STOPPED", Kind.OUTAGE),
    0x8010006A: Code("SCARD_W_SECURITY_VIOLATION", Kind.DENIED, NOT_ALLOWED),
    0x8010000C: Code("SCARD_E_NO_SMARTCARD", Kind.ABSENT),
    0x80100069: Code("SCARD_W_REMOVED_CARD", Kind.ABSENT),
    0x8010000B: Code("SCARD_E_SHARING_VIOLATION", Kind.CARD, "another program is using the reader"),
    0x8010000F: Code("SCARD_E_PROTO_MISMATCH", Kind.CARD, "the card speaks a protocol that the reader does not"),
    0x80100016: Code("SCARD_E_NOT_TRANSACTED", Kind.CARD, TOO_SOON),
    0x8010002F: Code("SCARD_E_COMM_DATA_LOST", Kind.CARD, TOO_SOON),
    0x80100065: Code("SCARD_W_UNSUPPORTED_CARD", Kind.CARD, "the reader does not know this kind of card"),
    0x80100066: Code("SCARD_W_UNRESPONSIVE_CARD", Kind.CARD, "no answer from the card"),
    0x80100067: Code("SCARD_W_UNPOWERED_CARD", Kind.CARD, "no answer from the card"),
    0x80100068: Code("SCARD_W_RESET_CARD", Kind.CARD, "another program is using the reader"),
}


def meaning(result: int) -> Code:
    """Look a result up; it may come as a signed or an unsigned word.

    An unknown code is named by its figure and blamed on the card: harmless there, and where no card is
    involved every failure counts as an outage anyway.
    """
    word = result & 0xFFFFFFFF
    return _CODES.get(word) or Code(f"0x{word:08X}", Kind.CARD, f"the reader reports error 0x{word:08X}")
