"""JSON of the four smaller calls, pure: look at one registration, cancel, addresses of a place, health (design, section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kiosk.contract import Field
from kiosk.model import Address, Coordinates
from kiosk.problems import as_list, load, unix_second
from kiosk.verdicts import CancelItem, Cancelled, Consulted, NotCancelled, PastFinding
from kiosk.wire import address_of, clean, coordinates, decode_registration, dump, items_of, reason_of, remarks_of, validity_of

_MOST_FINDINGS: Final = 50


def encode_cancellation(ids: Sequence[int]) -> bytes:
    """Write the body of cancelInBulk."""
    return dump({Field.ITEMS: [{Field.ID: number} for number in ids]})


def decode_cancellation(body: bytes, ids: Sequence[int]) -> tuple[CancelItem, ...] | None:
    """Read the answer of cancelInBulk: one verdict for every id sent, in request order, or None.

    That the order is the request's is assumed, so an item that names another id makes the whole answer worthless.
    """
    answered = items_of(load(body))
    if answered is None or len(answered) != len(ids):
        return None
    verdicts = tuple(_cancelled(_fields(item), number) for item, number in zip(answered, ids, strict=True))
    complete = tuple(verdict for verdict in verdicts if verdict is not None)
    return complete if len(complete) == len(ids) else None


def decode_consultation(body: bytes, registration_id: int) -> Consulted | None:
    """Read one registration with its history, or None where it is not understood, can't be one of ours or is another one."""
    value = load(body)
    registration = decode_registration(value)
    if registration is None or registration.registration_id != registration_id:
        return None
    past = [each for each in as_list(_fields(value).get(Field.HISTORY)) if isinstance(each, dict)]
    return Consulted(registration=registration, history=tuple(_past(fields) for fields in past[:_MOST_FINDINGS]))


def encode_place(place: Coordinates) -> bytes:
    """Write the body of the search for addresses."""
    return dump({Field.COORDINATES: coordinates(place)})


def decode_addresses(body: bytes) -> tuple[Address, ...] | None:
    """Read the addresses of a place; one that lacks a part is left out.

    None where there is no list at all, or no part of it is understood: that a place has no address is never guessed.
    """
    items = items_of(load(body))
    if items is None:
        return None
    found = tuple(address for item in items if (address := address_of(_fields(item))) is not None)
    return None if items and not found else found


def decode_health(body: bytes) -> str | None:
    """Read the status of the health operation, upper case, or None where there is none."""
    status = _fields(load(body)).get(Field.STATUS)
    return clean(status).upper() if isinstance(status, str) and status.strip() else None


def _fields(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _cancelled(item: Mapping[str, object], number: int) -> CancelItem | None:
    done, refused = item.get(Field.CANCELLED), item.get(Field.NOT_CANCELLED)
    told = done if refused is None else refused
    if (done is None) == (refused is None) or not isinstance(told, dict) or told.get(Field.ID) not in (None, number):
        return None
    return Cancelled() if refused is None else NotCancelled(reason=reason_of(told) or "notCancelled")


def _past(fields: Mapping[str, object]) -> PastFinding:
    at = fields.get(Field.VALIDATION_DATE)
    return PastFinding(
        validity=validity_of(fields), remarks=remarks_of(fields), second=unix_second(at) if isinstance(at, str) else None
    )
