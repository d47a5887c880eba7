"""How another system wrote the numbers of a list of cards, as far as the list itself and the cards that are known tell. Pure.

A list that is byte-reversed reads well and names cards that nobody has. So it is looked at before anything is enrolled:
by what the numbers of real chips look like, and by the cards that this box has seen. What is found is a doubt and an option
for the admin, never a correction.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from hardware.cards import LENGTHS, Failed, Identified
from hardware.formats import NO_FIT, Format, read
from kiosk.identifiers import CardId

#: What stands before a number in some lists: a word of the field, a hash, the sentinel of a magnetic stripe.
_PREFIX: Final = re.compile(r"(?:(?:uid|csn|id|card|badge|tag|no|nr)\b[\s:.#=]*|[#;])", re.IGNORECASE)
_KIND: Final = re.compile(rf"\s*(?:{'|'.join(kind for kind in LENGTHS if kind != 'uid')})\s*:", re.IGNORECASE)
_SIX_DIGITS: Final = re.compile(r"[0-9A-Fa-f]{6}")
#: ISO 14443-3 and ISO 7816-6/AM1: first byte of a 7-byte UID is its maker; 04 is NXP, which makes nearly all of them.
_NXP: Final = 0x04
_SEVEN: Final = 7
#: Of all numbers: from so many on one way of writing explains a list, up to so many it does not.
_MOST: Final = 0.8
_FEW: Final = 0.2
_LEAST: Final = 2
_SEVERAL: Final = 3

_WORDS: Final = {
    Format.HEX: "hexadecimal, with something before or between the bytes",
    Format.REVERSED: "byte-reversed",
    Format.DECIMAL: "decimal",
    Format.DECIMAL_REVERSED: "decimal and byte-reversed",
    Format.EM4100: "in the way of whole 125 kHz tags",
    Format.EM4100_DECIMAL: "decimal, as 125 kHz tags have it printed (8H10D)",
    Format.WIEGAND: "as facility and number (26-bit Wiegand)",
    Format.BARCODE: "as barcodes",
}
#: A barcode may be any text: by its look it explains nothing.
_BY_LOOK: Final[tuple[Format, ...]] = tuple(form for form in Format if form is not Format.BARCODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """That a list is probably not written as ``[kind:]hex``.

    Attributes:
        doubt: What was found, in a sentence with figures and without any number of a card.
        form: How it is written instead; None where nothing tells, or where no way of reading makes these numbers whole.
    """

    doubt: str
    form: Format | None


def transcribed(text: str, form: Format) -> CardId:
    """Read a card's number from a list that is written in this way; raises ``ValueError``."""
    found = read(_PREFIX.sub("", text.strip(), count=1) if form is not Format.BARCODE else text, form)
    match found:
        case Identified(kind=kind, identifier=identifier):
            return CardId(kind, identifier)
        case Failed(why=why):
            raise ValueError("this is no number that is written in that way" if why == NO_FIT else why)


def recognise(texts: Sequence[str], known: Collection[CardId]) -> Recognised | None:
    """Say what speaks against reading these numbers as they stand, or None where nothing does.

    Args:
        texts: The numbers as the list has them; those of another kind than ``uid`` are left out of account.
        known: The cards that this box knows: badges, and cards that were laid on it without being known.
    """
    texts = [text for text in texts if text.strip() and not _KIND.match(text)]
    if not texts:
        return None
    plain = _plain(texts)
    others = {form: cards for form in _BY_LOOK if (cards := _read(texts, form)) and cards != plain}
    return (
        _by_cards(len(texts), plain, others, frozenset(known))
        or _by_parts(texts, plain, frozenset(known))
        or _by_maker(len(texts), plain, others)
        or _by_look(texts, plain, others)
    )


def _by_cards(
    total: int, plain: Sequence[CardId], others: dict[Format, list[CardId]], known: frozenset[CardId]
) -> Recognised | None:
    """Cards that were seen here tell more than any look: no number of four bytes is met by chance."""
    counts = {form: sum(card in known for card in cards) for form, cards in others.items()}
    best = max(counts, key=lambda form: counts[form], default=None)
    as_given = sum(card in known for card in plain)
    if best is None or counts[best] <= as_given:
        return None
    figures = f"{counts[best]} of {total} numbers are cards that this box has seen when they are read so, {as_given} as they stand"
    return Recognised(doubt=f"this list is written {_WORDS[best]}: {figures}", form=best)


def _by_parts(texts: Sequence[str], plain: Sequence[CardId], known: frozenset[CardId]) -> Recognised | None:
    """Numbers that are only a part of a card's can be made whole by no option."""
    if sum(bool(_SIX_DIGITS.fullmatch(text.strip())) for text in texts) >= _MOST * len(texts):
        return Recognised(doubt=f"these numbers have 3 bytes of each card's (26-bit Wiegand): {_NO_WAY}", form=None)
    ends = {part for card in known if len(card.identifier) >= _SEVEN for part in _parts(card.identifier)}
    cut = sum(card.identifier in ends for card in plain)
    if cut < max(1, _FEW * len(texts)):
        return None
    return Recognised(doubt=f"{cut} of {len(texts)} numbers are a part of longer ones that this box has seen: {_NO_WAY}", form=None)


_NO_WAY: Final = "two cards may have the same; nothing can complete them; lay the cards on a reader instead (`kiosk badge enrol`)"


def _parts(identifier: bytes) -> tuple[bytes, ...]:
    ends = (identifier[:4], identifier[-4:])
    return (*ends, *(end[::-1] for end in ends))


def _by_maker(total: int, plain: Sequence[CardId], others: dict[Format, list[CardId]]) -> Recognised | None:
    """Seven bytes begin with their maker's number, nearly always 04; in another order something else stands there."""
    as_given = _makers(plain)
    for form, cards in others.items():
        so = _makers(cards)
        if so >= max(_LEAST, _MOST * total) and as_given <= _FEW * total:
            figures = f"{so} of {total} numbers begin with 04 (NXP) when they are read so, {as_given} as they stand"
            return Recognised(doubt=f"this list is {_WORDS[form]}: {figures}", form=form)
    return None


def _by_look(texts: Sequence[str], plain: Sequence[CardId], others: dict[Format, list[CardId]]) -> Recognised | None:
    """Numbers that can't be read as they stand, and can in another way; where two ways fit, nobody chooses for the admin."""
    digits = _digits_alone(texts, plain)
    fitting = {form: len(cards) for form, cards in others.items() if len(cards) >= _MOST * len(texts)}
    if not fitting or not (digits or len(plain) < _MOST * len(texts)):
        return None
    found = (
        f"all {len(texts)} numbers have decimal digits alone, and most hexadecimal ones have letters; "
        if digits
        else f"{len(texts) - len(plain)} of {len(texts)} numbers are not written as a card's bytes in hexadecimal; "
    )
    # Whatever can be read as bytes can be read from behind: without a sign of that, the usual order.
    likely = [form for form in fitting if form not in {Format.REVERSED, Format.DECIMAL_REVERSED}]
    if len(likely) == 1 and likely[0] is not Format.DECIMAL and not digits:
        return Recognised(doubt=f"{found}{fitting[likely[0]]} can be read {_WORDS[likely[0]]}", form=likely[0])
    which = ", and nothing tells which" if len(fitting) > 1 else ""
    return Recognised(doubt=f"{found}they can be read as {', '.join(fitting)}{which}: {_ASK_A_CARD}", form=None)


def _digits_alone(texts: Sequence[str], plain: Sequence[CardId]) -> bool:
    """Whether no letter occurs where hexadecimal digits should: of 8 digits all are decimal in one number of forty-three."""
    return len(texts) >= _SEVERAL and all(text.strip().isdecimal() for text in texts) and _makers(plain) < _MOST * len(texts)


_ASK_A_CARD: Final = (
    "lay one of these cards on a reader, `kiosk doctor card --reveal` prints its number in each way; then say which with --written"
)


def _plain(texts: Sequence[str]) -> list[CardId]:
    return [card for card in map(_as_given, texts) if card is not None]


def _as_given(text: str) -> CardId | None:
    try:
        return CardId.parse(text)
    except ValueError:
        return None


def _read(texts: Sequence[str], form: Format) -> list[CardId]:
    cards = []
    for text in texts:
        try:
            cards.append(transcribed(text, form))
        except ValueError:
            continue
    return cards


def _makers(cards: Sequence[CardId]) -> int:
    return sum(len(card.identifier) == _SEVEN and card.identifier[0] == _NXP for card in cards)
