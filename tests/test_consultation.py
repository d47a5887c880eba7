from __future__ import annotations

import json
from typing import Any

import pytest

from kiosk.consultation import (
    decode_addresses,
    decode_cancellation,
    decode_consultation,
    decode_health,
    encode_cancellation,
    encode_place,
)
from kiosk.model import Address, Direction
from kiosk.verdicts import Cancelled, NotCancelled, PastFinding
from tests.answers import served
from tests.people import CANARY_INSZ, PLACE

REJECTED = "urn:problem-type:belgif-ext:input-validation:rejectedInput"
STREET = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Wetstraat", "houseNumber": "16"}
SHOWN = served(17611, validity="invalid", remarks=["R12"])


def done(**fields: object) -> dict[str, object]:
    return {"cancelledPresenceRegistration": fields}


def not_done(**fields: object) -> dict[str, object]:
    return {"notCancelledPresenceRegistration": fields}


def body(*items: object) -> bytes:
    return json.dumps({"items": list(items)}).encode()


def test_a_cancellation_is_exactly_the_contract() -> None:
    """The ids are sent in order, one object each, and nothing else."""
    assert json.loads(encode_cancellation([17611, 17612])) == {"items": [{"id": 17611}, {"id": 17612}]}


def test_a_mixed_cancellation_is_judged_item_by_item() -> None:
    """One cancelled, one refused for a reason that holds types only, one refused without a word."""
    answer = body(
        done(id=1),
        not_done(id=2, issues=[{"type": REJECTED, "value": CANARY_INSZ.digits, "detail": CANARY_INSZ.digits}]),
        not_done(),
    )
    assert decode_cancellation(answer, [1, 2, 3]) == (
        Cancelled(),
        NotCancelled(reason="belgif-ext:input-validation:rejectedInput"),
        NotCancelled(reason="notCancelled"),
    )


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps([done(id=5)]).encode(),
        body(done(id=5) | {"notCancelledPresenceRegistration": None}),
        body(done(id=None)),
        body(done()),
        body(done(id=5, validity="cancelled", unheard_of={"of": [1]})),
    ],
    ids=["a bare array", "a null beside it", "a null id", "no id", "unknown fields"],
)
def test_a_cancellation_is_understood_in_every_usual_shape(answer: bytes) -> None:
    """A bare array, nulls for fields left out and fields that nobody knows don't hide that the item was cancelled."""
    assert decode_cancellation(answer, [5]) == (Cancelled(),)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b"null",
        b"{}",
        b'{"items": {}}',
        body(),
        body(done(id=5), done(id=6)),
        body(done(id=6)),
        body(done(id="5")),
        body({}),
        body(None),
        body(done(id=5) | not_done(id=5)),
        body({"cancelledPresenceRegistration": None, "notCancelledPresenceRegistration": None}),
        body({"cancelledPresenceRegistration": True}),
        body({"cancelledPresenceRegistration": [5]}),
    ],
)
def test_an_unclear_cancellation_settles_nothing(answer: bytes) -> None:
    """Another number of items, another id, both outcomes or neither: the whole answer is worth nothing."""
    assert decode_cancellation(answer, [5]) is None


def test_a_registration_is_read_with_its_history() -> None:
    """Findings come in the service's order; what they lack is pending, without remark or moment."""
    history = [{"validity": "pending", "remarks": [], "validationDate": "2026-11-22T07:01:06.5Z"}, {"validity": "invalid"}, {}]
    consulted = decode_consultation(json.dumps(SHOWN | {"validationHistory": history}).encode(), 17611)
    assert consulted is not None
    assert consulted.registration.registration_id == 17611
    assert consulted.registration.direction is Direction.IN
    assert (consulted.registration.validity, consulted.registration.remarks) == ("invalid", ("R12",))
    assert consulted.history == (
        PastFinding(validity="pending", second=1_795_330_866),
        PastFinding(validity="invalid"),
        PastFinding(validity="pending"),
    )


@pytest.mark.parametrize("history", [None, {}, "none", [None, 7, "pending", [[]]]])
def test_a_finding_is_never_made_of_what_is_none(history: object) -> None:
    """A history that is no list, or holds things that are no findings, adds none."""
    consulted = decode_consultation(json.dumps(SHOWN | {"validationHistory": history}).encode(), 17611)
    assert consulted is not None
    assert consulted.history == ()


def test_a_history_is_cut_off() -> None:
    """No history grows beyond fifty findings."""
    consulted = decode_consultation(json.dumps(SHOWN | {"validationHistory": [{"validity": "valid"}] * 1000}).encode(), 17611)
    assert consulted is not None
    assert len(consulted.history) == 50


@pytest.mark.parametrize("change", [{"id": 17612}, {"id": None}, {"type": "?"}, {"ssin": 7}, {"registrationDate": "yesterday"}])
def test_another_registration_is_not_the_one_asked_for(change: dict[str, object]) -> None:
    """An answer about another id, or one that lacks a part, says nothing of the registration that was asked for."""
    assert decode_consultation(json.dumps(SHOWN | change).encode(), 17611) is None


def test_a_place_is_exactly_the_contract() -> None:
    """Coordinates go out as the service has them, longitude first."""
    assert json.loads(encode_place(PLACE)) == {"coordinates": {"longitude": 4.3670, "latitude": 50.8466}}


@pytest.mark.parametrize("wrap", [lambda items: {"items": items}, lambda items: items], ids=["items", "a bare array"])
def test_addresses_are_read(wrap: Any) -> None:
    """Complete addresses are read in order, an empty box is none, and one that lacks a part is left out."""
    items = [
        STREET | {"boxNumber": "3"},
        STREET | {"boxNumber": " "},
        STREET | {"streetName": None},
        STREET | {"houseNumber": 16},
        7,
    ]
    plain = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    boxed = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16", box_number="3")
    assert decode_addresses(json.dumps(wrap(items)).encode()) == (boxed, plain)


def test_no_address_is_an_answer() -> None:
    """An empty list says that the place has no address."""
    assert decode_addresses(body()) == ()


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"items": null}', body(7, None), body({"address": STREET})])
def test_addresses_that_nobody_understands_are_not_none_at_all(answer: bytes) -> None:
    """That a place has no address is never concluded from a shape that is not understood."""
    assert decode_addresses(answer) is None


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b'{"status": "UP"}', "UP"),
        (b'{"status": "degraded", "details": {}}', "DEGRADED"),
        (b'{"status": "DOWN"}', "DOWN"),
        (b'{"status": "OUT_OF_SERVICE"}', "OUT_OF_SERVICE"),
        (b'{"status": 503}', None),
        (b'{"status": " "}', None),
        (b'["UP"]', None),
        (b"UP", None),
        (b"", None),
    ],
)
def test_health_is_one_word(answer: bytes, status: str | None) -> None:
    """The status is read whatever its case; a word of another kind, or none, is no health."""
    assert decode_health(answer) == status
