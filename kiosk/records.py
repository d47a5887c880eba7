"""How values are written inside a sealed field: compact JSON lists, whose order never changes once shipped."""

from __future__ import annotations

import json

from kiosk.errors import SealBroken
from kiosk.identifiers import EID, CardId, DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber, Insz
from kiosk.model import Address, Capacity, Coordinates, Direction, Draft, Located, Place, Profile
from kiosk.vault import Index, Vault

# Made once: json.dumps with options builds an encoder on every call, and every tap waits for this.
_encode = json.JSONEncoder(separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


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


def card_index(vault: Vault, card: CardId) -> bytes:
    """A card's blind index; that of an identity card is its holder's, so that erasing him finds his card's taps too."""
    if card.kind == EID:
        return vault.index(Index.INSZ, card.identifier)
    return vault.index(Index.CARD, card_bytes(card))


def pack_draft(draft: Draft) -> bytes:
    """Write a draft for sealing; the table of registrations and that of another channel's hold it alike."""
    return _encode(
        (
            draft.ssin.digits,
            draft.direction.value,
            draft.at_ms,
            None if draft.employer is None else employer_text(draft.employer),
            *_place_fields(draft.place),
            None if draft.declaration is None else draft.declaration.value,
        )
    ).encode()


def unpack_draft(packed: bytes) -> Draft:
    """Read what ``pack_draft`` wrote; raises ``SealBroken`` if it is not that."""
    try:
        ssin, direction, at_ms, employer, latitude, longitude, declaration = _decode(packed.decode())
        return Draft(
            ssin=Insz(ssin),
            direction=Direction(direction),
            at_ms=at_ms,
            employer=_employer(employer),
            place=_place(latitude, longitude),
            declaration=None if declaration is None else DeclarationNumber(declaration),
        )
    except (ValueError, KeyError, TypeError):
        raise SealBroken("a sealed registration has an unknown shape") from None


def pack_profile(profile: Profile) -> bytes:
    """Write a profile for sealing."""
    return _encode(
        (
            profile.insz.digits,
            profile.name,
            profile.language,
            None if profile.employer is None else employer_text(profile.employer),
            None if profile.declaration is None else profile.declaration.value,
            profile.personnel_number,
            profile.capacity.value,
            profile.local,
        )
    ).encode()


def unpack_profile(packed: bytes) -> Profile:
    """Read what ``pack_profile`` wrote; raises ``SealBroken`` if it is not that."""
    try:
        # The last two came later: a profile without them is an employee's, whose presences are owed.
        insz, name, language, employer, declaration, personnel_number, *later = _decode(packed.decode())
        capacity, local = later or (Capacity.EMPLOYEE, False)
        return Profile(
            insz=Insz(insz),
            name=name,
            language=language,
            employer=_employer(employer),
            declaration=None if declaration is None else DeclarationNumber(declaration),
            personnel_number=personnel_number,
            capacity=Capacity(capacity),
            local=bool(local),
        )
    except (ValueError, KeyError, TypeError):
        raise SealBroken("a sealed profile has an unknown shape") from None


def pack_remarks(remarks: tuple[str, ...]) -> bytes:
    """Write the service's remarks for sealing: they may name the person."""
    return json.dumps(remarks, separators=(",", ":"), ensure_ascii=False).encode()


def unpack_remarks(packed: bytes) -> tuple[str, ...]:
    """Read what ``pack_remarks`` wrote; raises ``SealBroken`` if it is not that."""
    try:
        remarks = _decode(packed.decode())
    except ValueError:
        remarks = None
    if not isinstance(remarks, list):
        raise SealBroken("sealed remarks have an unknown shape")
    return tuple(str(remark) for remark in remarks)


def pack_card(card: CardId, located: Located | None = None) -> bytes:
    """Write a card for sealing; with where the box was at its tap, where a receiver knew that and no registration keeps it."""
    plain = card.kind.encode() + b":" + card.identifier.hex().encode()
    if located is None:
        return plain
    place = located.place
    return plain + b"@" + _encode((place.latitude, place.longitude, located.error_meters, located.age_ms)).encode()


def unpack_card(packed: bytes) -> CardId:
    """Read what ``pack_card`` wrote; raises ``SealBroken`` if it is not that."""
    try:
        kind, digits = packed.decode().partition("@")[0].split(":")
        return CardId(kind, bytes.fromhex(digits))
    except ValueError:
        raise SealBroken("a sealed card has an unknown shape") from None


def unpack_located(packed: bytes) -> Located | None:
    """Read where the box was of what ``pack_card`` wrote, or None; raises ``SealBroken`` if it is not that."""
    place = packed.partition(b"@")[2]
    if not place:
        return None
    try:
        latitude, longitude, error_meters, age_ms = _decode(place.decode())
        return Located(place=Coordinates(latitude, longitude), error_meters=error_meters, age_ms=age_ms)
    except ValueError:
        raise SealBroken("a sealed place has an unknown shape") from None


def _place_fields(place: Place) -> tuple[object, object]:
    """Latitude and longitude; for an address its five fields as a list, and null."""
    match place:
        case Coordinates():
            return place.latitude, place.longitude
        case Address():
            return (place.post_code, place.municipality, place.street, place.house_number, place.box_number), None


def _place(first: float | list[str], second: float | None) -> Place:
    if isinstance(first, list):
        post_code, municipality, street, house_number, box_number = first
        return Address(
            post_code=post_code, municipality=municipality, street=street, house_number=house_number, box_number=box_number
        )
    if second is None:
        raise ValueError("a latitude without a longitude")
    return Coordinates(first, second)


def _employer(text: str | None) -> Employer | None:
    if text is None:
        return None
    kind, value = text[:2], text[2:]
    if kind == "e:":
        return EnterpriseNumber(value)
    if kind == "v:":
        return ForeignVatNumber(value)
    raise ValueError(kind)
