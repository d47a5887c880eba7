from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.identifiers import ForeignVatNumber
from kiosk.model import Address, Coordinates, Direction, Registration
from kiosk.verdicts import Created, NotCreated, Query
from kiosk.wire import decode_answer, decode_page, decode_registration, encode_query, encode_registrations, remarks_of
from tests.people import CANARY_INSZ, DECLARATION, EMPLOYER, PLACE, invented_insz

AT_MS = 1_795_330_865_999
FOREIGN = ForeignVatNumber.parse("FR12345678901")


def registration(number: int = 0, direction: Direction = Direction.IN, **changes: Any) -> Registration:
    values: dict[str, Any] = {"employer": EMPLOYER, "place": PLACE, "declaration": DECLARATION}
    return Registration(ssin=invented_insz(number), direction=direction, at_ms=AT_MS, **(values | changes))


def created(number: int, **more: object) -> dict[str, object]:
    return {"createdPresenceRegistration": {"id": number, "validity": "pending", "remarks": [], **more}}


def body(*items: object) -> bytes:
    return json.dumps({"items": items}).encode()


SERVED: dict[str, Any] = {
    "id": 17611,
    "ssin": invented_insz(0).digits,
    "type": "in",
    "registrationDate": "2026-11-22T08:01:05.5+01:00",
    "employer": {"enterpriseNumber": "0206731645"},
    "contractualRelationshipReference": "1Y1003SQ5VSSZ",
    "placeOfWork": {"coordinates": {"longitude": 1, "latitude": 2}},
    "validity": "valid",
    "remarks": [],
    "creationDate": "2026-11-22T08:01:06Z",
}


def test_the_request_is_exactly_the_contract() -> None:
    """The body of registerInBulk has the contract's fields, whole UTC seconds cut off, and nothing else."""
    assert json.loads(encode_registrations([registration(), registration(1, Direction.OUT, employer=FOREIGN)])) == {
        "items": [
            {
                "registrationDate": "2026-11-22T07:01:05Z",
                "ssin": invented_insz(0).digits,
                "type": "in",
                "employer": {"enterpriseNumber": "0206731645"},
                "placeOfWork": {"coordinates": {"longitude": 4.3670, "latitude": 50.8466}},
                "contractualRelationshipReference": "1Y1003SQ5VSSZ",
            },
            {
                "registrationDate": "2026-11-22T07:01:05Z",
                "ssin": invented_insz(1).digits,
                "type": "out",
                "employer": {"foreignVatNumber": "FR12345678901"},
                "placeOfWork": {"coordinates": {"longitude": 4.3670, "latitude": 50.8466}},
                "contractualRelationshipReference": "1Y1003SQ5VSSZ",
            },
        ]
    }


def test_a_query_says_only_what_is_asked() -> None:
    """A search names its window and page, and person, employer and declaration only when asked for."""
    window = {"registrationDateFrom": "2026-11-22T06:01:05Z", "registrationDateTo": "2026-11-22T08:01:05Z", "pageSize": 100}
    query = Query(from_ms=AT_MS - 3_600_000, to_ms=AT_MS + 3_600_000)
    assert json.loads(encode_query(query, 1, 100)) == window | {"page": 1}
    full = Query(from_ms=query.from_ms, to_ms=query.to_ms, ssin=invented_insz(0).digits, employer=EMPLOYER, declaration=DECLARATION)
    assert json.loads(encode_query(full, 2, 100)) == window | {
        "page": 2,
        "ssin": invented_insz(0).digits,
        "employer": {"enterpriseNumber": "0206731645"},
        "contractualRelationshipReference": "1Y1003SQ5VSSZ",
    }


def test_a_mixed_answer_is_judged_item_by_item() -> None:
    """Created and refused items stand side by side, in request order, whatever else the answer holds."""
    refused = {
        "type": "out",
        "issues": [{"type": "urn:problem-type:cbss:input-validation:replacedSsin", "value": CANARY_INSZ.digits}],
        "problem": {"type": "urn:problem-type:belgif:badRequest", "issues": [{"type": "urn:x:y"}]},
        "remarks": [{"code": "R7"}, "free text"],
    }
    answer = body(
        created(7, extra=1, remarks=["late"]) | {"notCreatedPresenceRegistration": None},
        {"notCreatedPresenceRegistration": refused},
    )
    assert decode_answer(answer, [registration(), registration(1, Direction.OUT)]) == (
        Created(registration_id=7, validity="pending", remarks=("late",)),
        NotCreated(reason="badRequest, cbss:input-validation:replacedSsin, R#, x:y"),
    )


def test_a_refusal_without_a_reason_is_still_one() -> None:
    """An empty refusal has a name, so that it can be shown."""
    assert decode_answer(body({"notCreatedPresenceRegistration": {}}), [registration()]) == (NotCreated(reason="notCreated"),)


def test_a_bare_array_is_tolerated() -> None:
    """An answer that is the array itself is read like one under ``items``."""
    assert decode_answer(json.dumps([created(7)]).encode(), [registration()]) == (Created(registration_id=7, validity="pending"),)


@pytest.mark.parametrize(
    "items",
    [
        [],
        [created(1)],
        [created(1), created(2), created(3)],
        [created(1), created(1)],
        [created(1), {}],
        [created(1), "x"],
        [created(1), created(2) | {"notCreatedPresenceRegistration": {}}],
        [created(1), {"createdPresenceRegistration": "2"}],
        [created(1), {"notCreatedPresenceRegistration": []}],
        [created(1), created(0)],
        [created(1), created(-2)],
        [created(1), created(2**63)],
        [created(9), {"createdPresenceRegistration": {"id": True}}],
        [created(1), {"createdPresenceRegistration": {"id": "2"}}],
        [created(1), {"createdPresenceRegistration": {"id": 2.0}}],
        [created(1), {"createdPresenceRegistration": {"validity": "pending"}}],
        [created(1, ssin=invented_insz(1).digits), created(2)],
        [created(1), created(2, type="OUT")],
        [created(1), {"notCreatedPresenceRegistration": {"ssin": invented_insz(0).digits}}],
    ],
)
def test_an_answer_that_leaves_an_item_open_is_none(items: list[object]) -> None:
    """Too few, too many, neither, both, no id, twice the same id, another person: then nothing is concluded."""
    assert decode_answer(body(*items), [registration(), registration(1)]) is None


@pytest.mark.parametrize("answer", [b"", b"null", b"<html>", b'{"items":{}}', b"{}", b"\xff", b"[" * 100_000, b"9" * 10_000])
def test_an_answer_that_is_none_of_ours_is_none(answer: bytes) -> None:
    """A portal's page, a cut body, a nest of brackets or a giant number conclude nothing."""
    assert decode_answer(answer, [registration()]) is None
    assert decode_page(answer) is None


def test_remarks_are_fit_to_be_kept() -> None:
    """Remarks come as text or objects; they are kept short and printable, and never with an INSZ."""
    digits = CANARY_INSZ.digits
    dotted = f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}-{digits[6:9]}.{digits[9:]}"
    remarks = [
        f"of {digits}",
        f"of {dotted}",
        "a\ud800\x1b[31m\nb",
        {"code": "LATE"},
        {"type": "urn:x"},
        {"text": digits},
        "y" * 999,
    ]
    (item,) = decode_answer(body(created(1, validity=f"v{digits}", remarks=remarks)), [registration()]) or ()
    assert isinstance(item, Created)
    stars = "*" * 11
    assert item.validity == f"v{stars}"
    assert item.remarks == (
        f"of {stars}",
        f"of {stars}",
        "a  [31m b",
        "LATE",
        "x",
        f'{{"text": "{stars}"}}',
        "y" * 500,
    )


def test_remarks_of_another_shape_do_not_spoil_the_receipt() -> None:
    """An id is the receipt; a missing validity is pending and odd remarks are left out."""
    answer = body({"createdPresenceRegistration": {"id": 5, "remarks": "none"}})
    assert decode_answer(answer, [registration()]) == (Created(registration_id=5, validity="pending"),)


def test_a_remark_that_is_too_deep_is_only_called_so() -> None:
    """A nest that could still be read and can't be written again costs nobody the receipt."""
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert remarks_of({"remarks": [deep, "R1"]}) == ("unreadable", "R1")


def test_a_served_registration_is_normalised() -> None:
    """Offset, fraction, case and separators are normalised so that it can be compared with what was sent."""
    spelled = SERVED | {"type": "IN", "ssin": f"{SERVED['ssin'][:6]}-{SERVED['ssin'][6:]}", "validity": "Cancelled"}
    page = decode_page(json.dumps({"items": [SERVED, spelled | {"id": 2}], "total": 2, "pageSize": 50}).encode())
    assert page is not None
    assert (page.ids, page.total, page.size) == ((17611, 2), 2, 50)
    for each, cancelled in zip(page.registrations, (False, True), strict=True):
        assert (each.ssin, each.direction, each.second) == (registration().ssin.digits, Direction.IN, registration().second)
        assert (each.employer, each.declaration, each.cancelled) == (EMPLOYER, DECLARATION, cancelled)


ADDRESS = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Wetstraat", "houseNumber": "16", "boxNumber": None}


@pytest.mark.parametrize(
    ("place", "read"),
    [
        ({"coordinates": {"longitude": 4, "latitude": 50.5}}, Coordinates(50.5, 4.0)),
        ({"address": ADDRESS}, Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")),
        ({"coordinates": {"longitude": 4, "latitude": 91}}, None),
        ({"coordinates": {"longitude": 10**400, "latitude": True}}, None),
        ({"coordinates": {"longitude": "4", "latitude": None}}, None),
        ({"address": {"postCode": "1000"}}, None),
        ([], None),
        (None, None),
    ],
)
def test_where_a_registration_was_made_is_read_where_it_is_understood(place: object, read: object) -> None:
    """Nothing is decided by it, so what is not understood spoils nothing."""
    served = decode_registration({**SERVED, "placeOfWork": place})
    assert served is not None
    assert served.place == read


@pytest.mark.parametrize(("date", "created"), [("2026-11-22T08:01:06Z", 1_795_334_466), ("yesterday", None), (7, None)])
def test_when_the_service_stored_a_registration_is_read(date: object, created: int | None) -> None:
    """Unix seconds UTC, or None."""
    served = decode_registration({**SERVED, "creationDate": date})
    assert served is not None
    assert served.created == created


def test_values_that_we_never_send_are_left_out_but_counted() -> None:
    """An employer or declaration with a value that this program can't have sent is skipped, not a failed search."""
    others = [
        SERVED | {"id": 1, "employer": {"enterpriseNumber": "0999999999"}},
        SERVED | {"id": 2, "employer": {"foreignVatNumber": "?"}},
        SERVED | {"id": 3, "contractualRelationshipReference": "OIOI"},
        SERVED | {"id": 4, "employer": {"foreignVatNumber": "FR12345678901"}},
    ]
    page = decode_page(body(*others))
    assert page is not None
    assert page.ids == (1, 2, 3, 4)
    assert [(each.registration_id, each.employer) for each in page.registrations] == [(4, FOREIGN)]
    assert (page.total, page.size) == (None, None)


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"ssin": 85073003328},
        {"ssin": "8507300332"},
        {"type": "presence"},
        {"type": None},
        {"registrationDate": "2026-11-22T07:01:05"},
        {"registrationDate": 5},
        {"employer": None},
        {"employer": {}},
        {"employer": {"enterpriseNumber": 206731645}},
        {"employer": {"enterpriseNumber": "0206731645", "foreignVatNumber": "FR12345678901"}},
        {"contractualRelationshipReference": None},
    ],
)
def test_one_unreadable_item_fails_the_page(change: dict[str, object]) -> None:
    """A field that is missing or of another kind means our idea of the contract is wrong: absence is not concluded."""
    assert decode_page(body(SERVED, SERVED | {"id": 2} | change)) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["items", "createdPresenceRegistration", "notCreatedPresenceRegistration", "id", "remarks", "total"])
            | st.text(max_size=4),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()), st.integers(min_value=1, max_value=3))
def test_any_answer_is_none_or_answers_every_item(answer: bytes, count: int) -> None:
    """Whatever comes back, nothing raises, and a verdict exists only for every item at once, ids distinct."""
    verdicts = decode_answer(answer, [registration(number) for number in range(count)])
    if verdicts is not None:
        assert len(verdicts) == count
        ids = [each.registration_id for each in verdicts if isinstance(each, Created)]
        assert len(set(ids)) == len(ids)
    page = decode_page(answer)
    assert page is None or len(page.registrations) <= len(page.ids)
