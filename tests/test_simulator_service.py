from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from kiosk.simulator.clients import Clients
from kiosk.simulator.ledger import Ledger, Rule, Validity
from kiosk.simulator.messages import Request, Response
from kiosk.simulator.oauth import Authority
from kiosk.simulator.problems import IssueType
from kiosk.simulator.service import API_PATH, Service, Settings, trace_headers
from tests.people import CANARY_INSZ, DECLARATION, OTHER_EMPLOYER, invented_insz
from tests.strangers import CLIENT, NOW_MS, MovableClock, ec_key, form, item, public_pem, request, search

URL = "https://127.0.0.1:4444/REST/oauth/v5/token"
REGISTER = "/presenceRegistrations/registerInBulk"
SEARCH = "/presenceRegistrations/search"
CANCEL = "/presenceRegistrations/cancelInBulk"


class Room:
    """A service with a logged-in caller, without a socket."""

    def __init__(self) -> None:
        self.clock = MovableClock()
        clients = Clients()
        clients.add(CLIENT, public_pem(ec_key()))
        authority = Authority(clients=clients, clock=self.clock, audience=URL)
        self.ledger = Ledger(clock=self.clock, validity_delay_seconds=60)
        self.settings = Settings(largest_body=100_000)
        self.service = Service(ledger=self.ledger, authority=authority, settings=self.settings)
        fields = urlencode(form(URL, NOW_MS)).encode()
        answer = authority.token(request("POST", "/", fields, content_type="application/x-www-form-urlencoded"))
        self.authorization = f"Bearer {answer.json()['access_token']}"

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Response:
        whole = {"authorization": self.authorization, "content_type": "application/json"} | headers
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.service.answer(request(method, API_PATH + path, content, **whole))

    def issues(self, path: str, body: object) -> list[tuple[str, str, str]]:
        answer = self.call("POST", path, body)
        assert (answer.status, answer.content_type) == (400, "application/problem+json")
        assert answer.json()["type"] == "urn:problem-type:belgif:badRequest"
        return [(issue["in"], issue["name"], issue["type"]) for issue in answer.json()["issues"]]


@pytest.fixture
def room() -> Room:
    return Room()


def test_registering_answers_each_item_and_notes_the_client(room: Room) -> None:
    """Valid items are answered one by one with an id, and the rows know whose they are."""
    answer = room.call("POST", REGISTER, {"items": [item(0), item(1)]})
    assert answer.status == 200
    assert [made["createdPresenceRegistration"]["id"] for made in answer.json()["items"]] == [17611, 17612]
    assert [row.client_id for row in room.ledger.rows()] == [CLIENT, CLIENT]


def test_one_bad_item_refuses_the_whole_call_and_is_named(room: Room) -> None:
    """Structure is judged before anything is registered: nothing is committed, and the issue names the item."""
    items = [item(number) for number in range(4)]
    items[3]["ssin"] = "85073003329"
    items[2]["unheard"] = 1
    assert room.issues(REGISTER, {"items": items}) == [("body", "items[2].unheard", IssueType.UNKNOWN_INPUT.value)]
    del items[2]["unheard"]
    assert room.issues(REGISTER, {"items": items}) == [("body", "items[3].ssin", IssueType.INVALID_STRUCTURE.value)]
    assert room.ledger.rows() == ()


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        (REGISTER, {"items": [item(employer={"enterpriseNumber": "0206731646"})]}, "items[0].employer.enterpriseNumber"),
        (SEARCH, search(ssin="85073003329"), "ssin"),
        (SEARCH, search(employer={"enterpriseNumber": "0206731646"}), "employer.enterpriseNumber"),
    ],
)
def test_check_digits_are_verified_everywhere(room: Room, path: str, body: dict[str, Any], name: str) -> None:
    """A number of the right shape with wrong check digits is an invalid structure."""
    assert room.issues(path, body) == [("body", name, IssueType.INVALID_STRUCTURE.value)]


def test_search_pages_without_gap_or_repeat(room: Room) -> None:
    """All pages together are all rows once; ``total`` counts them on every page; a page behind the last is empty."""
    room.ledger.register([item(number) for number in range(7)])
    seen = []
    for page in (1, 2, 3, 4):
        body = room.call("POST", SEARCH, search(page=page, pageSize=3)).json()
        assert (body["total"], body["page"], body["pageSize"]) == (7, page, 3)
        seen += [found["id"] for found in body["items"]]
    assert seen == list(range(17611, 17618))
    assert room.call("POST", SEARCH, search()).json()["pageSize"] == 50


def test_search_shows_the_item_as_sent_and_more(room: Room) -> None:
    """A registration found is the item sent plus id, validity, remarks and creation date."""
    sent = item(4, registrationDate="2026-11-22T08:01:05.25+01:00")
    room.ledger.register([sent, item(5)])
    narrow = search(ssin=sent["ssin"], employer=sent["employer"], contractualRelationshipReference=DECLARATION.value)
    body = room.call("POST", SEARCH, narrow).json()
    assert body["items"] == [sent | {"id": 17611, "validity": "pending", "remarks": [], "creationDate": "2026-10-26T07:33:20Z"}]


def test_answers_satisfy_the_document(room: Room) -> None:
    """What is answered about real rows, refused items and addresses is what the document says."""
    room.ledger.add_rule(Rule(ssin=invented_insz(1).digits, not_created=IssueType.UNKNOWN_SSIN))
    calls = [
        ("RegisterInBulkResponse", room.call("POST", REGISTER, {"items": [item(0), item(1)]})),
        ("PresenceRegistration", room.call("GET", "/presenceRegistrations/17611")),
        ("SearchResponse", room.call("POST", SEARCH, search())),
        ("CancelInBulkResponse", room.call("POST", CANCEL, {"items": [{"id": 17611}, {"id": 1}]})),
        (
            "AddressSearchResponse",
            room.call("POST", "/addresses/search", {"coordinates": {"longitude": 4.367, "latitude": 50.8466}}),
        ),
        ("BadRequestProblem", room.call("POST", REGISTER, {})),
    ]
    for schema, answer in calls:
        assert answer.json()
        assert room.service.document.issues(schema, answer.json()) == []


def test_a_period_that_ends_before_it_begins_is_refused(room: Room) -> None:
    """The issue is an invalid period."""
    body = search(registrationDateFrom="2026-11-23T00:00:01Z", registrationDateTo="2026-11-23T01:00:00+01:00")
    assert room.issues(SEARCH, body) == [("body", "registrationDateTo", IssueType.INVALID_PERIOD.value)]


def test_one_registration_with_its_history(room: Room) -> None:
    """A look at an id shows the history so far; an unknown id is 404 with an issue in the path."""
    room.ledger.register([item()])
    room.clock.forward(60)
    body = room.call("GET", "/presenceRegistrations/17611").json()
    assert body["validity"] == "valid"
    assert [past["validity"] for past in body["validationHistory"]] == ["pending", "valid"]
    missing = room.call("GET", "/presenceRegistrations/5")
    assert (missing.status, missing.json()["type"]) == (404, "urn:problem-type:belgif:resourceNotFound")
    assert missing.json()["issues"][0]["in"] == "path"


def test_cancelling_is_answered_item_by_item(room: Room) -> None:
    """A known registration is cancelled; an unknown, a cancelled one and one of a denied employer are not, each in its place."""
    denied = {"enterpriseNumber": OTHER_EMPLOYER.value}
    room.ledger.register([item(), item(1, employer=denied)])
    room.settings.denied_employers = frozenset({OTHER_EMPLOYER.value})
    body = room.call("POST", CANCEL, {"items": [{"id": 17611}, {"id": 17611}, {"id": 17612}, {"id": 3}]}).json()
    assert [next(iter(answer)) for answer in body["items"]] == [
        "cancelledPresenceRegistration",
        *["notCancelledPresenceRegistration"] * 3,
    ]
    assert body["items"][0] == {"cancelledPresenceRegistration": {"id": 17611}}
    assert body["items"][3]["notCancelledPresenceRegistration"]["issues"][0]["name"] == "items[3].id"
    now_ms = room.ledger.now_ms()
    assert [row.finding(now_ms).validity for row in room.ledger.rows()] == [Validity.CANCELLED, Validity.PENDING]


def test_a_denied_employer_is_a_missing_permission(room: Room) -> None:
    """Registering or searching for an employer without mandate is 403 and commits nothing; the others pass."""
    denied = {"enterpriseNumber": OTHER_EMPLOYER.value}
    room.settings.denied_employers = frozenset({OTHER_EMPLOYER.value})
    for path, body in ((REGISTER, {"items": [item(), item(1, employer=denied)]}), (SEARCH, search(employer=denied))):
        answer = room.call("POST", path, body)
        assert (answer.status, answer.json()["type"]) == (403, "urn:problem-type:belgif:missingPermission")
    assert room.ledger.rows() == ()
    assert room.call("POST", REGISTER, {"items": [item()]}).status == 200
    assert room.call("POST", SEARCH, search()).status == 200


def test_addresses_and_health(room: Room) -> None:
    """Coordinates have their addresses; health needs no token and tells UP, DEGRADED or, with 503, DOWN."""
    place = {"coordinates": {"longitude": 4.367, "latitude": 50.8466}}
    assert room.call("POST", "/addresses/search", place).json()["items"][0]["houseNumber"] == "16"
    for health, status in (("UP", 200), ("DEGRADED", 200), ("DOWN", 503)):
        room.settings.health = health
        answer = room.call("GET", "/health", authorization="")
        assert (answer.status, answer.json()) == (status, {"status": health})


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "kind"),
    [
        ("GET", "/nothing", {}, None, 404, "urn:problem-type:belgif:resourceNotFound"),
        ("PUT", REGISTER, {}, None, 405, "about:blank"),
        ("POST", REGISTER, {"authorization": ""}, {"items": [item()]}, 401, "urn:problem-type:belgif:noAccessToken"),
        ("POST", REGISTER, {"authorization": "Bearer x"}, {"items": [item()]}, 401, "urn:problem-type:belgif:invalidAccessToken"),
        ("POST", REGISTER, {"content_type": "text/plain"}, {"items": [item()]}, 415, "about:blank"),
        ("POST", REGISTER, {"content_type": ""}, {"items": [item()]}, 415, "about:blank"),
        ("POST", REGISTER, {"accept": "text/html"}, {"items": [item()]}, 406, "about:blank"),
        ("POST", REGISTER, {"accept": "application/json;q=0, text/html"}, {"items": [item()]}, 406, "about:blank"),
        ("POST", REGISTER, {}, b" " * 100_001, 413, "urn:problem-type:belgif:payloadTooLarge"),
        ("POST", REGISTER, {}, b"{", 400, "urn:problem-type:belgif:badRequest"),
        ("POST", REGISTER, {}, {"items": [item()] * 201}, 400, "urn:problem-type:belgif:badRequest"),
    ],
)
def test_each_refusal_has_its_status_and_commits_nothing(  # noqa: PLR0917 - one row of a table
    room: Room, method: str, path: str, headers: dict[str, str], body: object, status: int, kind: str
) -> None:
    """Path, method, token, media types, size and input are each refused in their own way, always with a problem body."""
    answer = room.call(method, path, body, **headers)
    assert (answer.status, answer.content_type, answer.json()["type"]) == (status, "application/problem+json", kind)
    assert room.ledger.rows() == ()


def test_a_body_that_was_too_large_to_keep_is_413(room: Room) -> None:
    """The limit is told in bytes."""
    headers = {"authorization": room.authorization, "content-type": "application/json"}
    answer = room.service.answer(Request(method="POST", path=API_PATH + REGISTER, headers=headers, body=None))
    assert (answer.status, answer.json()["limit"]) == (413, 100_000)


@pytest.mark.parametrize(
    "accept", ["*/*", "application/*", "application/json", "text/html, application/json;q=0.1", "APPLICATION/JSON", ""]
)
def test_clients_that_take_json_are_served(room: Room, accept: str) -> None:
    """Every way of accepting JSON is good."""
    assert room.call("GET", "/health", accept=accept).status == 200


def test_media_type_parameters_do_not_matter(room: Room) -> None:
    """``application/json; charset=utf-8`` is JSON."""
    assert room.call("POST", REGISTER, {"items": [item()]}, content_type="Application/JSON; charset=utf-8").status == 200


def test_query_parameters_are_refused(room: Room) -> None:
    """Unknown input in the query is a 400, so that nobody puts a person's number into a URL."""
    headers = {"authorization": room.authorization}
    asked = Request(
        method="GET", path=f"{API_PATH}/presenceRegistrations/1", query=(("ssin", CANARY_INSZ.digits),), headers=headers
    )
    answer = room.service.answer(asked)
    assert answer.status == 400
    assert CANARY_INSZ.digits not in answer.body.decode()


def test_other_paths_are_not_ours(room: Room) -> None:
    """Outside the base path nothing is found, and no operation is meant."""
    elsewhere = request("GET", "/health")
    assert room.service.answer(elsewhere).status == 404
    assert room.service.operation(elsewhere) is None
    assert room.service.operation(request("POST", API_PATH + SEARCH)) == "searchPresenceRegistrations"


def test_the_trace_is_answered_and_related() -> None:
    """The service's own trace id is new each time; a usable one of the client comes back as related, a monster does not."""
    ours = dict(trace_headers(request("GET", "/", belgov_trace_id="0f8fad5b-d9cb-469f-a165-70867728950e")))
    assert ours["BelGov-Related-Trace-Id"] == "0f8fad5b-d9cb-469f-a165-70867728950e"
    assert len(ours["BelGov-Trace-Id"]) == 36
    assert ours["BelGov-Trace-Id"] != dict(trace_headers(request("GET", "/")))["BelGov-Trace-Id"]
    for unusable in ("x" * 37, "a\tb", "é", ""):
        assert "BelGov-Related-Trace-Id" not in dict(trace_headers(request("GET", "/", belgov_trace_id=unusable)))


def test_a_bad_number_may_be_echoed_as_the_real_service_does(room: Room) -> None:
    """The issue's value repeats what was sent: clients must redact it; the sentence beside it never does."""
    answer = room.call("POST", REGISTER, {"items": [item(ssin=invented_insz(3).digits[:-1])]})
    (issue,) = answer.json()["issues"]
    assert issue["value"] == invented_insz(3).digits[:-1]
    assert issue["value"] not in issue["detail"]
