from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.simulator.document import Document, check_query, load, named, parse
from kiosk.simulator.messages import Operation, Request
from kiosk.simulator.problems import IssueType, Refused
from tests.strangers import item, search

DOCUMENT = Document(load("openapi.json"))
REGISTER, SEARCH, CANCEL = "RegisterInBulkRequest", "SearchRequest", "CancelInBulkRequest"
ADDRESS = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Wetstraat", "houseNumber": "16", "boxNumber": None}
LONG = "1" * 10_000


def found(schema: str, body: object) -> list[tuple[str, IssueType]]:
    return [(issue.name, issue.type) for issue in DOCUMENT.issues(schema, body)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"type": "out"},
        {"employer": {"foreignVatNumber": "FR12345678901"}},
        {"placeOfWork": {"address": ADDRESS}},
        {"placeOfWork": {"address": {name: value for name, value in ADDRESS.items() if value}}},
        {"registrationDate": "2026-11-22T07:01:05.123+01:00"},
    ],
)
def test_a_good_item_has_no_issue(changes: dict[str, Any]) -> None:
    """Every variant of the contract passes."""
    assert found(REGISTER, {"items": [item(), item(1, **changes)]}) == []


BAD = [
    ({"extra": 1}, "items[1].extra", IssueType.UNKNOWN_INPUT),
    ({"ssin": None}, "items[1].ssin", IssueType.SCHEMA_VIOLATION),
    ({"ssin": "8507300332"}, "items[1].ssin", IssueType.SCHEMA_VIOLATION),
    ({"ssin": "85073003328\n"}, "items[1].ssin", IssueType.SCHEMA_VIOLATION),
    ({"ssin": "85.07.30-033.28"}, "items[1].ssin", IssueType.SCHEMA_VIOLATION),
    ({"ssin": 85073003328}, "items[1].ssin", IssueType.SCHEMA_VIOLATION),
    ({"type": "IN"}, "items[1].type", IssueType.SCHEMA_VIOLATION),
    ({"registrationDate": "2026-11-22T07:01:05"}, "items[1].registrationDate", IssueType.SCHEMA_VIOLATION),
    ({"registrationDate": 1}, "items[1].registrationDate", IssueType.SCHEMA_VIOLATION),
    ({"employer": {}}, "items[1].employer", IssueType.EXACTLY_ONE_OF),
    ({"employer": {"enterpriseNumber": "0206731645", "foreignVatNumber": "FR123"}}, "items[1].employer", IssueType.EXACTLY_ONE_OF),
    ({"employer": {"enterpriseNumber": "2206731645"}}, "items[1].employer.enterpriseNumber", IssueType.SCHEMA_VIOLATION),
    ({"placeOfWork": {}}, "items[1].placeOfWork", IssueType.EXACTLY_ONE_OF),
    (
        {"placeOfWork": {"coordinates": {"longitude": 181, "latitude": 0}}},
        "items[1].placeOfWork.coordinates.longitude",
        IssueType.SCHEMA_VIOLATION,
    ),
    (
        {"placeOfWork": {"coordinates": {"longitude": 4, "latitude": 50, "altitude": 3}}},
        "items[1].placeOfWork.coordinates.altitude",
        IssueType.UNKNOWN_INPUT,
    ),
    (
        {"contractualRelationshipReference": "1Y1003SQ5VSSO"},
        "items[1].contractualRelationshipReference",
        IssueType.SCHEMA_VIOLATION,
    ),
]


@pytest.mark.parametrize(("changes", "name", "kind"), BAD)
def test_every_wrong_input_is_named(changes: dict[str, Any], name: str, kind: IssueType) -> None:
    """One wrong input gives one issue, with its place and kind."""
    assert found(REGISTER, {"items": [item(), item(1, **changes)]}) == [(name, kind)]


def test_several_mistakes_are_told_together_and_once() -> None:
    """Two missing members are two issues, not four."""
    assert sorted(found(SEARCH, {})) == [
        ("registrationDateFrom", IssueType.SCHEMA_VIOLATION),
        ("registrationDateTo", IssueType.SCHEMA_VIOLATION),
    ]


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        (REGISTER, {"items": []}),
        (REGISTER, {"items": [item()] * 201}),
        (REGISTER, [item()]),
        (REGISTER, None),
        (SEARCH, search(page=0)),
        (SEARCH, search(pageSize=501)),
        (SEARCH, search(page=True)),
        (CANCEL, {"items": [{"id": "1"}]}),
        (CANCEL, {"items": [{"id": 0}]}),
        (CANCEL, {"items": [{"id": 1, "reason": "x"}]}),
        ("AddressSearchRequest", {}),
    ],
)
def test_limits_and_kinds_are_kept(schema: str, body: object) -> None:
    """Lists have 1 to 200 items, pages 1 to 500, ids are positive integers, a body is an object."""
    assert found(schema, body)


def test_a_hostile_body_is_not_answered_with_a_book() -> None:
    """However many mistakes there are, at most a hundred are told."""
    assert len(DOCUMENT.issues(REGISTER, {"items": [{}] * 100_000})) <= 100


@pytest.mark.parametrize(
    ("method", "path", "operation", "is_open"),
    [
        ("POST", "/presenceRegistrations/registerInBulk", Operation.REGISTER, False),
        ("POST", "/presenceRegistrations/search", Operation.SEARCH, False),
        ("POST", "/presenceRegistrations/cancelInBulk", Operation.CANCEL, False),
        ("GET", "/presenceRegistrations/17611", Operation.SHOW, False),
        ("POST", "/addresses/search", Operation.ADDRESSES, False),
        ("GET", "/health", Operation.HEALTH, True),
    ],
)
def test_every_operation_has_its_path(method: str, path: str, operation: Operation, is_open: bool) -> None:  # noqa: FBT001
    """The paths of the contract lead to their operations; only health needs no token."""
    route = DOCUMENT.route(method, path)
    assert (route.operation, route.open) == (operation, is_open)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/presenceRegistrations", 404),
        ("GET", "/presenceRegistrations/1/2", 404),
        ("GET", "/presenceRegistrations/search", 405),
        ("GET", "/presenceRegistrations/cancelInBulk", 405),
        ("get", "/health", 405),
        ("GET", "/presenceRegistrations/x", 400),
        ("GET", "/presenceRegistrations/0", 400),
        ("GET", "/presenceRegistrations/-1", 400),
        ("GET", "/presenceRegistrations/99999999999999999999", 400),
        ("GET", f"/presenceRegistrations/{LONG}", 400),
        ("GET", "/presenceRegistrations/٢", 400),
    ],
)
def test_what_leads_nowhere_is_refused(method: str, path: str, status: int) -> None:
    """Unknown paths are 404, wrong methods 405, ids that are none 400."""
    with pytest.raises(Refused) as refused:
        DOCUMENT.route(method, path)
    assert refused.value.problem.status == status


def test_405_names_the_methods_that_work() -> None:
    """``Allow`` lists them."""
    with pytest.raises(Refused) as refused:
        DOCUMENT.route("DELETE", "/addresses/search")
    assert refused.value.problem.headers == (("Allow", "POST"),)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1e999}', b"[" * 100_000, b"1" * 5000],
    ids=lambda body: repr(body[:20]),
)
def test_json_is_read_strictly(body: bytes) -> None:
    """What is no JSON, or means two things, is a 400."""
    with pytest.raises(Refused) as refused:
        parse(body)
    assert refused.value.problem.status == 400


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_body_is_judged(body: object) -> None:
    """No JSON value makes the validation itself fail, and none but a true request passes."""
    assert found(REGISTER, parse(json.dumps(body).encode()))


def test_query_parameters_are_unknown_input() -> None:
    """No operation has query parameters, so each is refused by name; none is fine."""
    check_query(Request(method="GET", path="/health"))
    with pytest.raises(Refused) as refused:
        check_query(Request(method="GET", path="/health", query=(("ssin", "x"),)))
    (issue,) = refused.value.problem.extras["issues"]
    assert (issue["in"], issue["name"], issue["type"]) == ("query", "ssin", IssueType.UNKNOWN_INPUT.value)


def test_paths_are_written_as_belgif_does() -> None:
    """Indices in brackets, members behind dots."""
    assert named(["items", 3, "employer", "enterpriseNumber"]) == "items[3].employer.enterpriseNumber"
    assert named([]) == ""


def test_the_document_itself_is_sound() -> None:
    """Every reference of the document leads somewhere, every operation is known, its answers documented."""
    text = json.dumps(DOCUMENT.content)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/')[1:]}:
        target: Any = DOCUMENT.content
        for step in reference.split("/"):
            target = target[step]
    operations = [operation for path in DOCUMENT.content["paths"].values() for operation in path.values()]
    assert {operation["operationId"] for operation in operations} == {*Operation} - {Operation.TOKEN}
    assert all({"200", "400", "405", "429", "500", "503"} <= set(operation["responses"]) for operation in operations)
