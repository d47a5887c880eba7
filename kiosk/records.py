"""How values are written inside a sealed field: compact JSON, short keys that never change once shipped."""

from __future__ import annotations

import json

from kiosk.errors import SealBroken
from kiosk.identifiers import CardId, DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber, Insz
from kiosk.model import Coordinates, Direction, Draft, Profile


def employer_text(employer: Employer) -> str:
    """``e:`` and an enterprise number, or ``v:`` and a foreign VAT number."""
    match employer:
        case EnterpriseNumber(value=value):
            return f"e:{value}"
        case ForeignVatNumber(value=value):
            return f"v:{value}"


def group_bytes(employer: Employer, declaration: DeclarationNumber) -> bytes:
    """What a call has in common, one employer and one declaration: the input of the group's blind index."""
    return f"{employer_text(employer)}|{declaration.value}".encode()


def card_bytes(card: CardId) -> bytes:
    """The input of a card's blind index: kind and identifier, so 4, 7 and 10 bytes never meet; no technology."""
    return card.kind.encode() + b"|" + card.identifier


def pack_draft(draft: Draft) -> bytes:
    """Write a draft for sealing."""
    return json.dumps(
        {
            "s": draft.ssin.digits,
            "d": draft.direction.value,
            "t": draft.at_ms,
            "e": None if draft.employer is None else employer_text(draft.employer),
            "la": draft.place.latitude,
            "lo": draft.place.longitude,
            "n": None if draft.declaration is None else draft.declaration.value,
        },
        separators=(",", ":"),
    ).encode()


def unpack_draft(packed: bytes) -> Draft:
    """Read what ``pack_draft`` wrote; raises ``SealBroken`` if it is not that."""
    try:
        fields = json.loads(packed)
        return Draft(
            ssin=Insz(fields["s"]),
            direction=Direction(fields["d"]),
            at_ms=fields["t"],
            employer=_employer(fields["e"]),
            place=Coordinates(fields["la"], fields["lo"]),
            declaration=None if fields["n"] is None else DeclarationNumber(fields["n"]),
        )
    except (ValueError, KeyError, TypeError):
        raise SealBroken("a sealed registration has an unknown shape") from None


def pack_profile(profile: Profile) -> bytes:
    """Write a profile for sealing."""
    return json.dumps(
        {
            "s": profile.insz.digits,
            "n": profile.name,
            "l": profile.language,
            "e": None if profile.employer is None else employer_text(profile.employer),
            "d": None if profile.declaration is None else profile.declaration.value,
            "p": profile.personnel_number,
        },
        separators=(",", ":"),
    ).encode()


def unpack_profile(packed: bytes) -> Profile:
    """Read what ``pack_profile`` wrote; raises ``SealBroken`` if it is not that."""
    try:
        fields = json.loads(packed)
        return Profile(
            insz=Insz(fields["s"]),
            name=fields["n"],
            language=fields["l"],
            employer=_employer(fields["e"]),
            declaration=None if fields["d"] is None else DeclarationNumber(fields["d"]),
            personnel_number=fields["p"],
        )
    except (ValueError, KeyError, TypeError):
        raise SealBroken("a sealed profile has an unknown shape") from None


def pack_remarks(remarks: tuple[str, ...]) -> bytes:
    """Write the service's remarks for sealing: they may name the person."""
    return json.dumps(remarks, separators=(",", ":"), ensure_ascii=False).encode()


def unpack_remarks(packed: bytes) -> tuple[str, ...]:
    """Read what ``pack_remarks`` wrote; raises ``SealBroken`` if it is not that."""
    try:
        return tuple(str(remark) for remark in json.loads(packed))
    except (ValueError, TypeError):
        raise SealBroken("sealed remarks have an unknown shape") from None


def pack_card(card: CardId) -> bytes:
    """Write a card for sealing."""
    return card.kind.encode() + b":" + card.identifier.hex().encode()


def unpack_card(packed: bytes) -> CardId:
    """Read what ``pack_card`` wrote; raises ``SealBroken`` if it is not that."""
    kind, colon, digits = packed.partition(b":")
    if not colon:
        raise SealBroken("a sealed card has an unknown shape")
    return CardId(kind.decode(), bytes.fromhex(digits.decode()))


def _employer(text: str | None) -> Employer | None:
    if text is None:
        return None
    kind, value = text[:2], text[2:]
    if kind == "e:":
        return EnterpriseNumber(value)
    if kind == "v:":
        return ForeignVatNumber(value)
    raise ValueError(kind)
