"""Which identity documents count at a reader, pure; every reason is a short sentence without a word of the card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from hardware.cards import Document
from kiosk.identifiers import Insz

#: Kinds that no worker registers with (ID and address file contents 5.0, tag 0F): cards of children under twelve, and those
#: that only install or authorise. A kind that nobody knows yet counts: the list of foreigners' cards grows.
_FOR_CHILDREN: Final = frozenset({6, *range(61, 70)})
_NO_IDENTITY: Final = frozenset({7, 8})

CHECK_DIGITS: Final = "the number on this identity card fails its check; use your badge"
EXPIRED: Final = "this identity card is no longer valid; use your badge, and have the card renewed"
NOT_YET: Final = "this identity card is not valid yet; use your badge"
CHILDREN: Final = "a child's identity card registers nobody; use your badge"
OF_NOBODY: Final = "this card of the state identifies nobody; use your identity card or your badge"
#: An identity card, good in itself, of somebody whom the roster does not know.
UNKNOWN_PERSON: Final = "this person is not on the roster: recorded, and not registered; register by phone"


@dataclass(frozen=True, slots=True)
class Refused:
    """The document registers nobody; ``why`` is a short sentence for log and screen."""

    why: str


def judge(document: Document, day: date | None) -> Insz | Refused:
    """Say whose number a document vouches for, or why it registers nobody.

    Args:
        document: As it was read.
        day: The local day of the tap, or None while no clock can be trusted: then its dates are not judged, for the person
            is the same.
    """
    if document.kind in _NO_IDENTITY:
        return Refused(OF_NOBODY)
    if document.kind in _FOR_CHILDREN:
        return Refused(CHILDREN)
    if day is not None and document.valid_until < day:
        return Refused(EXPIRED)
    if day is not None and document.valid_from is not None and day < document.valid_from:
        return Refused(NOT_YET)
    try:
        return Insz.parse(document.number)
    except ValueError:
        return Refused(CHECK_DIGITS)
