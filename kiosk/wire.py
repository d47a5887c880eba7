"""JSON to and from the service, pure: bytes in, values out, nothing half understood.

What an answer does not say clearly is ``None`` here; the caller then treats the call as unknown and looks it up.
(Design, section 5; facts, rsz-service, section 2.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from kiosk.contract import VALIDITY_CANCELLED, VALIDITY_PENDING, Field
from kiosk.identifiers import DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber
from kiosk.model import Address, Coordinates, Direction, Place, Registration, rfc3339
from kiosk.problems import as_count, as_list, code, issues, load, unix_second
from kiosk.verdicts import Created, ItemVerdict, NotCreated, Query, ServedRegistration

_MAX_TEXT: Final = 500
_MAX_REMARKS: Final = 50
_MOST_LATITUDE: Final = 90
_MOST_LONGITUDE: Final = 180
#: An INSZ anywhere in free text of the service, with or without separators: remarks reach a human's screen.
_INSZ_LIKE: Final = re.compile(r"(?<!\d)\d{2}[ .\-/]?\d{2}[ .\-/]?\d{2}[ .\-/]?\d{3}[ .\-/]?\d{2}(?!\d)")


class _MalformedError(Exception):
    """The answer, or an item of it, is not what the contract says. Never leaves this module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a search.

    Attributes:
        ids: The ids of all its items, in order.
        registrations: The items that could be ours; an item with values that this program never sends is left out.
        total: How many the service holds for the query, or None where it does not say.
        size: Its page size, or None where it does not say.
    """

    ids: tuple[int, ...]
    registrations: tuple[ServedRegistration, ...]
    total: int | None
    size: int | None


def encode_registrations(registrations: Sequence[Registration]) -> bytes:
    """Write the body of registerInBulk: these fields and no other, since Belgif refuses unknown input."""
    return dump({Field.ITEMS: [_item(each) for each in registrations]})


def encode_query(query: Query, page: int, size: int) -> bytes:
    """Write the body of a search for one page of ``size``, counted from 1; times as UTC seconds."""
    body: dict[str, object] = {Field.FROM: rfc3339(query.from_ms), Field.TO: rfc3339(query.to_ms)}
    if query.ssin is not None:
        body[Field.SSIN] = query.ssin
    if query.employer is not None:
        body[Field.EMPLOYER] = _employer(query.employer)
    if query.declaration is not None:
        body[Field.DECLARATION] = query.declaration.value
    return dump(body | {Field.PAGE: page, Field.PAGE_SIZE: size})


def decode_answer(body: bytes, sent: Sequence[Registration]) -> tuple[ItemVerdict, ...] | None:
    """Read the answer of registerInBulk: one verdict for every item sent, in request order, or None.

    That the order is the request's is assumed, so an item that names another person or direction than the one
    sent at its place makes the whole answer worthless.
    """
    try:
        items = _items(load(body))
        if len(items) != len(sent):
            return None
        verdicts = tuple(_verdict(item, registration) for item, registration in zip(items, sent, strict=True))
    except _MalformedError:
        return None
    ids = [verdict.registration_id for verdict in verdicts if isinstance(verdict, Created)]
    return verdicts if len(set(ids)) == len(ids) else None


def decode_registration(value: object) -> ServedRegistration | None:
    """Read one registration as the service shows it; None if it is not understood or can't be one of ours."""
    try:
        return _served(_object(value))
    except _MalformedError:
        return None


def decode_page(body: bytes) -> Page | None:
    """Read one page of a search, or None when any item is not understood: absence must never be concluded from a guess."""
    try:
        value = load(body)
        items = _items(value)
        ids = tuple(_id(_object(item)) for item in items)
        served = tuple(each for item in items if (each := _served(_object(item))) is not None)
    except _MalformedError:
        return None
    about = value if isinstance(value, dict) else {}
    return Page(
        ids=ids,
        registrations=served,
        total=as_count(about.get(Field.TOTAL)),
        size=as_count(about.get(Field.PAGE_SIZE)) or None,
    )


def dump(value: object) -> bytes:
    """Write a request body: compact, ASCII only."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()


def _item(registration: Registration) -> dict[str, object]:
    return {
        Field.REGISTRATION_DATE: rfc3339(registration.at_ms),
        Field.SSIN: registration.ssin.digits,
        Field.TYPE: registration.direction.value,
        Field.EMPLOYER: _employer(registration.employer),
        Field.PLACE_OF_WORK: _place(registration.place),
        Field.DECLARATION: registration.declaration.value,
    }


def _place(place: Place) -> dict[str, object]:
    match place:
        case Coordinates():
            return {Field.COORDINATES: coordinates(place)}
        case Address():
            return {
                Field.ADDRESS: {
                    Field.POST_CODE: place.post_code,
                    Field.MUNICIPALITY: place.municipality,
                    Field.STREET: place.street,
                    Field.HOUSE_NUMBER: place.house_number,
                    **({} if place.box_number is None else {Field.BOX_NUMBER: place.box_number}),
                }
            }


def coordinates(place: Coordinates) -> dict[str, float]:
    """Write coordinates as the service has them."""
    return {Field.LONGITUDE: place.longitude, Field.LATITUDE: place.latitude}


def _employer(employer: Employer) -> dict[str, str]:
    name = Field.ENTERPRISE_NUMBER if isinstance(employer, EnterpriseNumber) else Field.FOREIGN_VAT_NUMBER
    return {name: employer.value}


def items_of(value: object) -> list[object] | None:
    """Return an answer's items; a bare array is tolerated, as a public client of this service does (facts, section 2.3)."""
    items = value.get(Field.ITEMS) if isinstance(value, dict) else value
    return items if isinstance(items, list) else None


def _items(value: object) -> list[object]:
    items = items_of(value)
    if items is None:
        raise _MalformedError
    return items


def _object(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _MalformedError
    return value


def _verdict(value: object, sent: Registration) -> ItemVerdict:
    item = _object(value)
    # A null stands for a field left out: some servers write every field.
    created, refused = item.get(Field.CREATED), item.get(Field.NOT_CREATED)
    if (created is None) == (refused is None):
        raise _MalformedError
    if created is None:
        _same(_object(refused), sent)
        return NotCreated(reason=reason_of(_object(refused)) or "notCreated")
    fields = _object(created)
    _same(fields, sent)
    return Created(registration_id=_id(fields), validity=validity_of(fields), remarks=remarks_of(fields))


def _same(echo: Mapping[str, object], sent: Registration) -> None:
    ssin, kind = echo.get(Field.SSIN), echo.get(Field.TYPE)
    if isinstance(ssin, str) and re.fullmatch(r"[0-9]{11}", ssin) and ssin != sent.ssin.digits:
        raise _MalformedError
    if isinstance(kind, str) and kind.lower() in set(Direction) - {sent.direction}:
        raise _MalformedError


def reason_of(refused: Mapping[str, object]) -> str:
    """Collect the types and codes of a refusal, possibly none; its shape is unknown, so every usual place is looked at."""
    places = (refused, refused.get(Field.PROBLEM), *issues(refused), *as_list(refused.get(Field.REMARKS)))
    inner = issues(nested) if isinstance(nested := refused.get(Field.PROBLEM), dict) else ()
    names = dict.fromkeys(name for place in (*places, *inner) if isinstance(place, dict) and (name := code(place)))
    return ", ".join(names)[:_MAX_TEXT]


def _id(fields: Mapping[str, object]) -> int:
    value = as_count(fields.get(Field.ID))
    if not value:
        raise _MalformedError
    return value


def clean(text: str) -> str:
    """Make free text fit to be stored and shown: printable, short, without an INSZ."""
    printable = "".join(each if each.isprintable() else " " for each in text[: 2 * _MAX_TEXT])
    return _INSZ_LIKE.sub("*" * 11, printable)[:_MAX_TEXT]


def validity_of(fields: Mapping[str, object]) -> str:
    """Read a validity, an open set; what is none counts as pending."""
    value = fields.get(Field.VALIDITY)
    if not isinstance(value, str) or value.lower() == VALIDITY_PENDING:
        return VALIDITY_PENDING
    return clean(value)


def remarks_of(fields: Mapping[str, object]) -> tuple[str, ...]:
    """Read the remarks, made fit to be stored and shown."""
    return tuple(_remark(remark) for remark in as_list(fields.get(Field.REMARKS))[:_MAX_REMARKS])


def _remark(remark: object) -> str:
    if isinstance(remark, dict) and isinstance(remark.get(Field.CODE), str):
        # A code keeps its digits: whoever looks it up needs them, and a person's number is masked all the same.
        remark = remark[Field.CODE]
    if isinstance(remark, str):
        return clean(remark)
    name = code(remark) if isinstance(remark, dict) else None
    if name is not None:
        return name
    try:
        return clean(json.dumps(remark, ensure_ascii=False))
    # What was just shallow enough to be read may be too deep to be written.
    except RecursionError:
        return "unreadable"


def _served(fields: Mapping[str, object]) -> ServedRegistration | None:
    """Read one registration; None if its employer or declaration holds a value that this program can't have sent.

    A field that is missing or of another kind is malformed, not skipped: then it is our idea of the contract that is
    wrong, and ours might be among the unreadable.
    """
    ssin, kind, date = (fields.get(name) for name in (Field.SSIN, Field.TYPE, Field.REGISTRATION_DATE))
    if not (isinstance(ssin, str) and isinstance(kind, str) and isinstance(date, str)):
        raise _MalformedError
    digits, second = re.sub(r"[ .\-/]", "", ssin), unix_second(date)
    if not re.fullmatch(r"[0-9]{11}", digits) or second is None or kind.lower() not in set(Direction):
        raise _MalformedError
    employer, declaration = _served_employer(fields.get(Field.EMPLOYER)), _served_declaration(fields.get(Field.DECLARATION))
    if employer is None or declaration is None:
        return None
    validity = validity_of(fields)
    return ServedRegistration(
        registration_id=_id(fields),
        ssin=digits,
        direction=Direction(kind.lower()),
        second=second,
        employer=employer,
        declaration=declaration,
        validity=validity,
        remarks=remarks_of(fields),
        cancelled=validity.lower() in VALIDITY_CANCELLED,
        created=unix_second(created) if isinstance(created := fields.get(Field.CREATION_DATE), str) else None,
        place=_served_place(fields.get(Field.PLACE_OF_WORK)),
    )


def _served_place(value: object) -> Place | None:
    """Read where it was made; what is not understood is left out: nothing is decided by it."""
    place = value if isinstance(value, dict) else {}
    at, address = place.get(Field.COORDINATES), place.get(Field.ADDRESS)
    if isinstance(at, dict):
        latitude, longitude = at.get(Field.LATITUDE), at.get(Field.LONGITUDE)
        # A number too long for a float, and what is none, lie in no range.
        if _is_within(latitude, _MOST_LATITUDE) and _is_within(longitude, _MOST_LONGITUDE):
            return Coordinates(float(latitude), float(longitude))
    return address_of(address) if isinstance(address, dict) else None


def _is_within(value: object, most: int) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and -most <= value <= most


def address_of(fields: Mapping[str, object]) -> Address | None:
    """Read an address, made fit to be shown; None where it lacks a part."""
    names = (Field.POST_CODE, Field.MUNICIPALITY, Field.STREET, Field.HOUSE_NUMBER, Field.BOX_NUMBER)
    parts = [clean(value).strip() if isinstance(value := fields.get(name), str) else "" for name in names]
    if not all(parts[:4]):
        return None
    post_code, municipality, street, house_number, box = parts
    return Address(post_code=post_code, municipality=municipality, street=street, house_number=house_number, box_number=box or None)


def _served_employer(value: object) -> Employer | None:
    fields = _object(value)
    belgian, foreign = fields.get(Field.ENTERPRISE_NUMBER), fields.get(Field.FOREIGN_VAT_NUMBER)
    try:
        if isinstance(belgian, str) and foreign is None:
            return EnterpriseNumber.parse(belgian)
        if isinstance(foreign, str) and belgian is None:
            return ForeignVatNumber.parse(foreign)
    except ValueError:
        return None
    raise _MalformedError


def _served_declaration(value: object) -> DeclarationNumber | None:
    if not isinstance(value, str):
        raise _MalformedError
    try:
        return DeclarationNumber.parse(value)
    except ValueError:
        return None
