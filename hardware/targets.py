"""What an answer to a reader's call says of the card: identifier and technology, by the NFC Forum's names. Pure.

The bytes are as on air, first byte first (NFC Forum, Digital Protocol); checksums are the reader's business.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from hardware.cards import OTHER_EACH_TIME, PART, Failed, Identified, judged


class Technology(StrEnum):
    """What a reader can call for, with bit rate and letter as nfcpy writes them."""

    A = "106A"
    B = "106B"
    F = "212F"


#: By SEL_RES, the card's last word in anticollision (NXP AN10833, table 6); what it leaves open is told below.
_CHIPS: Final = {
    0x08: "mifare-classic-1k",
    0x09: "mifare-mini",
    0x10: "mifare-plus",
    0x11: "mifare-plus",
    0x18: "mifare-classic-4k",
    0x28: "mifare-classic-1k",
    0x38: "mifare-classic-4k",
    0x88: "mifare-classic-1k",
}
_ISO_DEP: Final = 0x20
#: SENS_RES of an Ultralight or NTAG, and of a DESFire (same note, table 5).
_ULTRALIGHT: Final = bytes.fromhex("4400")
_DESFIRE: Final = bytes.fromhex("4403")

#: SENSB_RES: 50, the PUPI, then seven or eight bytes of application and protocol (Digital Protocol, 5.6.2).
_SENSB_RES: Final = re.compile(rb"\x50(.{4}).{7,8}", re.DOTALL)
#: SENSF_RES: 01, the IDm (NFCID2), the PMm, and two bytes more if they were asked for (Digital Protocol, 6.6.2).
_SENSF_RES: Final = re.compile(rb"\x01(.{8}).{8}(.{2})?", re.DOTALL)
#: An NFCID2 that begins so was made up for a talk between two devices (Digital Protocol, 6.6.2.6).
_PEER: Final = b"\x01\xfe"

_GARBLED: Final = "the card's answer was garbled"


def type_a(sens_res: bytes, sel_res: bytes, nfcid1: bytes) -> Identified | Failed:
    """Judge a Type A card.

    Args:
        sens_res: Its first answer, two bytes.
        sel_res: The answer to its selection, one byte; empty for a Type 1 tag, which has no anticollision.
        nfcid1: Its UID, without cascade tags.
    """
    if not sel_res:
        return Failed(PART)  # four bytes of a Topaz' seven
    return judged(nfcid1, _chip(sens_res, sel_res[0]))


def type_b(sensb_res: bytes) -> Identified | Failed:
    """Judge a Type B card by its PUPI, which some keep for life and others draw afresh each time they are powered."""
    found = _SENSB_RES.fullmatch(sensb_res)
    return Failed(_GARBLED) if found is None else judged(found[1], "iso14443-b")


def type_f(sensf_res: bytes) -> Identified | Failed:
    """Judge a Type F card (FeliCa) by its IDm, which says nothing of who made it."""
    found = _SENSF_RES.fullmatch(sensf_res)
    if found is None:
        return Failed(_GARBLED)
    return Failed(OTHER_EACH_TIME) if found[1].startswith(_PEER) else judged(found[1], "felica-212")


def _chip(sens_res: bytes, sel_res: int) -> str:
    if sel_res in _CHIPS:
        return _CHIPS[sel_res]
    if sel_res & _ISO_DEP:
        return "desfire" if sens_res == _DESFIRE else "iso14443-4"
    return "mifare-ultralight" if (sens_res, sel_res) == (_ULTRALIGHT, 0) else "iso14443-a"
