from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from kiosk.simulator import Fault, Manner, Operation, Order, Simulator
from kiosk.simulator.exchange import TOKEN_PATH
from kiosk.simulator.messages import Delivery, Request
from kiosk.simulator.service import API_PATH
from tests.strangers import CLIENT, MovableClock, ec_key, form, item, public_pem, request, search

REGISTER = f"{API_PATH}/presenceRegistrations/registerInBulk"


class Line:
    """A caller of an exchange, without a socket."""

    def __init__(self, simulator: Simulator, clock: MovableClock) -> None:
        self.simulator, self.clock = simulator, clock
        simulator.add_client(CLIENT, public_pem(ec_key()))
        self.authorization = f"Bearer {self.token().response.json()['access_token']}"  # type: ignore[union-attr]  # answered in full here

    def token(self) -> Delivery:
        fields = urlencode(form(self.simulator.token_url, self.clock())).encode()
        self.simulator.authority.audience = self.simulator.token_url
        return self.simulator.exchange.handle(request("POST", TOKEN_PATH, fields, content_type="application/x-www-form-urlencoded"))

    def call(self, method: str, path: str, body: object) -> Delivery:
        headers = {"authorization": self.authorization, "content_type": "application/json"}
        return self.simulator.exchange.handle(request(method, path, json.dumps(body).encode(), **headers))

    def register(self, *numbers: int) -> Delivery:
        return self.call("POST", REGISTER, {"items": [item(number) for number in numbers or (0,)]})


@pytest.fixture
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    clock = MovableClock()
    return Line(Simulator(tmp_path_factory.getbasetemp(), clock=clock), clock)


EVERY = [
    # fault, rows afterwards, manner, status
    (Fault.CUT_BEFORE_COMMIT, 0, Manner.CUT, None),
    (Fault.CUT_AFTER_COMMIT, 1, Manner.CUT, None),
    (Fault.HANG_BEFORE_COMMIT, 0, Manner.HANG, None),
    (Fault.HANG_AFTER_COMMIT, 1, Manner.HANG, None),
    (Fault.DRIP, 1, Manner.DRIP, 200),
    (Fault.TRUNCATED_BODY, 1, Manner.TRUNCATED, 200),
    (Fault.GARBAGE_BODY, 1, Manner.WHOLE, 200),
    (Fault.SHORT_ANSWER, 1, Manner.WHOLE, 200),
    (Fault.CAPTIVE_PORTAL, 0, Manner.WHOLE, 200),
    (Fault.REDIRECT, 0, Manner.WHOLE, 302),
    (Fault.TOO_MANY_REQUESTS, 0, Manner.WHOLE, 429),
    (Fault.TOO_MANY_FAILED_REQUESTS, 0, Manner.WHOLE, 429),
    (Fault.SERVER_ERROR_BEFORE_COMMIT, 0, Manner.WHOLE, 500),
    (Fault.SERVER_ERROR_AFTER_COMMIT, 1, Manner.WHOLE, 500),
    (Fault.BAD_GATEWAY_BEFORE_COMMIT, 0, Manner.WHOLE, 502),
    (Fault.BAD_GATEWAY_AFTER_COMMIT, 1, Manner.WHOLE, 502),
    (Fault.BARE_UNAVAILABLE_BEFORE_COMMIT, 0, Manner.WHOLE, 503),
    (Fault.BARE_UNAVAILABLE_AFTER_COMMIT, 1, Manner.WHOLE, 503),
    (Fault.UNAVAILABLE, 0, Manner.WHOLE, 503),
    (Fault.BAD_REQUEST, 0, Manner.WHOLE, 400),
    (Fault.PAYLOAD_TOO_LARGE, 0, Manner.WHOLE, 413),
    (Fault.RESOURCE_NOT_FOUND, 0, Manner.WHOLE, 404),
    (Fault.NO_ACCESS_TOKEN, 0, Manner.WHOLE, 401),
    (Fault.INVALID_ACCESS_TOKEN, 0, Manner.WHOLE, 401),
    (Fault.EXPIRED_TOKEN, 0, Manner.WHOLE, 401),
    (Fault.MISSING_PERMISSION, 0, Manner.WHOLE, 403),
    (Fault.MISSING_SCOPE, 0, Manner.WHOLE, 403),
]


def test_the_table_below_is_complete() -> None:
    """Every fault is in the table, but the one that only the token endpoint knows."""
    assert {fault for fault, *_ in EVERY} == set(Fault) - {Fault.INVALID_CLIENT}


@pytest.mark.parametrize(("fault", "rows", "manner", "status"), EVERY)
def test_each_fault_strikes_once_before_or_after_the_commit(
    line: Line, fault: Fault, rows: int, manner: Manner, status: int | None
) -> None:
    """A fault leaves exactly the rows that its name says, is written in the journal, and the next request is served."""
    line.simulator.fault(fault, operation=Operation.REGISTER)
    delivery = line.register()
    assert delivery.manner is manner
    assert (None if delivery.response is None else delivery.response.status) == status
    assert len(line.simulator.ledger.rows()) == rows
    last = line.simulator.journal.entries()[-1]
    assert (last.operation, last.status, last.fault) == (Operation.REGISTER, status, fault)
    if fault is Fault.EXPIRED_TOKEN:
        line = Line(line.simulator, line.clock)
    again = line.register(1)
    assert again.response is not None
    assert again.response.status == 200
    assert len(line.simulator.ledger.rows()) == rows + 1


@pytest.mark.parametrize(
    "fault", [Fault.CUT_AFTER_COMMIT, Fault.SERVER_ERROR_BEFORE_COMMIT, Fault.CAPTIVE_PORTAL, Fault.INVALID_CLIENT]
)
def test_the_token_endpoint_has_faults_too(line: Line, fault: Fault) -> None:
    """The token request can be cut, fail, meet a portal or be refused; afterwards it works."""
    line.simulator.fault(fault, operation=Operation.TOKEN)
    response = line.token().response
    assert response is None or b"access_token" not in response.body
    response = line.token().response
    assert response is not None
    assert response.status == 200


def test_an_expired_token_stays_expired(line: Line) -> None:
    """The fault ends the token for good: only a new one helps."""
    line.simulator.fault(Fault.EXPIRED_TOKEN)
    for _ in range(2):
        response = line.register().response
        assert response is not None
        assert response.json()["type"] == "urn:problem-type:belgif:expiredAccessToken"
    assert line.simulator.ledger.rows() == ()


def test_search_and_cancel_meet_faults_of_their_own(line: Line) -> None:
    """A fault for the search leaves registering alone; an answer to a cancellation may be short."""
    line.simulator.fault(Fault.UNAVAILABLE, operation=Operation.SEARCH)
    line.simulator.fault(Fault.SHORT_ANSWER, operation=Operation.CANCEL)
    line.register(0, 1)
    response = line.call("POST", f"{API_PATH}/presenceRegistrations/search", search()).response
    assert response is not None
    assert response.status == 503
    response = line.call(
        "POST", f"{API_PATH}/presenceRegistrations/cancelInBulk", {"items": [{"id": 17611}, {"id": 17612}]}
    ).response
    assert response is not None
    assert len(response.json()["items"]) == 1


def test_ten_thousand_faults_need_no_socket(line: Line) -> None:
    """By chance, many thousand faults strike in seconds, and each 200 in full stands for exactly its row."""
    for fault in (Fault.CUT_BEFORE_COMMIT, Fault.CUT_AFTER_COMMIT, Fault.BARE_UNAVAILABLE_AFTER_COMMIT):
        line.simulator.faults.chance(Order(fault=fault, operation=Operation.REGISTER), 0.3)
    answered = sum(line.register(number).response is not None for number in range(3000))
    faults = [entry.fault for entry in line.simulator.journal.entries() if entry.operation is Operation.REGISTER]
    assert 1500 < sum(fault is not None for fault in faults) < 2400
    assert answered == faults.count(None) + faults.count(Fault.BARE_UNAVAILABLE_AFTER_COMMIT)
    assert len(line.simulator.ledger.rows()) == 3000 - faults.count(Fault.CUT_BEFORE_COMMIT)


def test_what_leads_nowhere_meets_no_fault(line: Line) -> None:
    """A wrong path does not use up a fault; it is answered and written down without an operation."""
    line.simulator.fault(Fault.DRIP)
    delivery = line.call("GET", f"{API_PATH}/nothing", None)
    assert delivery.response is not None
    assert delivery.response.status == 404
    assert line.simulator.journal.entries()[-1].operation is None
    assert len(line.simulator.faults.pending()) == 1


def test_the_token_endpoint_takes_posts_only(line: Line) -> None:
    """Any other method is 405 with Allow."""
    delivery = line.simulator.exchange.handle(Request(method="GET", path=TOKEN_PATH))
    assert delivery.response is not None
    assert (delivery.response.status, delivery.response.header("Allow")) == (405, "POST")


def test_every_answer_has_a_trace(line: Line) -> None:
    """Also an answer spoilt by a fault carries the service's trace id; administration does not."""
    line.simulator.fault(Fault.BAD_GATEWAY_BEFORE_COMMIT)
    for _ in range(2):
        response = line.register().response
        assert response is not None
        assert response.header("BelGov-Trace-Id")
    admin = line.simulator.exchange.handle(Request(method="GET", path="/_simulator/requests"))
    assert admin.response is not None
    assert admin.response.header("BelGov-Trace-Id") is None
