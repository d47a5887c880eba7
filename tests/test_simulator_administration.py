from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kiosk.simulator import Fault, IssueType, Operation, Request, Response, Simulator, Validity
from tests.people import OTHER_EMPLOYER, invented_insz
from tests.strangers import CLIENT, NOW_MS, MovableClock, ec_key, item, public_pem


@pytest.fixture
def simulator(tmp_path: Path) -> Simulator:
    return Simulator(tmp_path, clock=MovableClock())


def ask(simulator: Simulator, method: str, path: str, body: object = None, peer: str = "127.0.0.1") -> Response:
    content = b"" if body is None else json.dumps(body).encode()
    response = simulator.exchange.handle(Request(method=method, path=f"/_simulator{path}", body=content, peer=peer)).response
    assert response is not None
    return response


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.1.2.3", "::1"])
def test_this_machine_may_administer(simulator: Simulator, peer: str) -> None:
    """Every loopback address may, without a token."""
    assert ask(simulator, "GET", "/registrations", peer=peer).status == 200


@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::1", "fe80::1%eth0"])
def test_nobody_else_may(simulator: Simulator, peer: str) -> None:
    """From any other address administration is forbidden and does nothing."""
    assert ask(simulator, "POST", "/faults", {"fault": "drip"}, peer=peer).status == 403
    assert simulator.faults.pending() == ()


def test_every_row_is_dumped(simulator: Simulator) -> None:
    """The dump is an oracle: every row with item, id, validity, history and whose client it was."""
    simulator.ledger.register([item(), item()], client_id=CLIENT)
    rows = ask(simulator, "GET", "/registrations").json()["items"]
    assert [(row["id"], row["clientId"], row["ssin"]) for row in rows] == [(17611 + i, CLIENT, item()["ssin"]) for i in (0, 1)]
    assert rows[0]["validationHistory"][0]["validity"] == "pending"


def test_faults_are_queued_and_forgotten(simulator: Simulator) -> None:
    """A fault posted meets the next requests that fit; deleting forgets them."""
    body = {"fault": "too_many_requests", "operation": "registerInBulk", "times": 2, "retry_after": 5, "seconds": 1}
    assert ask(simulator, "POST", "/faults", body).status == 200
    (order,) = simulator.faults.pending()
    assert (order.fault, order.operation, order.times) == (Fault.TOO_MANY_REQUESTS, Operation.REGISTER, 2)
    assert (order.retry_after, order.seconds) == (5, 1)
    assert ask(simulator, "DELETE", "/faults").status == 200
    assert simulator.faults.pending() == ()


def test_faults_can_come_by_chance(simulator: Simulator) -> None:
    """With a probability the fault is not queued but rolled for at each request."""
    assert ask(simulator, "POST", "/faults", {"fault": "drip", "probability": 1}).status == 200
    assert simulator.faults.pending() == ()
    assert simulator.faults.take(Operation.SEARCH) is not None


def test_rules_decide_items(simulator: Simulator) -> None:
    """A rule posted refuses or settles the items that fit; deleting forgets it."""
    ssin = invented_insz(0).digits
    assert ask(simulator, "POST", "/rules", {"ssin": ssin, "not_created": IssueType.UNKNOWN_SSIN.value, "times": 1}).status == 200
    assert "notCreatedPresenceRegistration" in simulator.ledger.register([item()])[0]
    assert ask(simulator, "POST", "/rules", {"validity": "invalid", "remarks": ["LATE"]}).status == 200
    simulator.ledger.register([item()])
    finding = simulator.ledger.rows()[0].finding(NOW_MS)
    assert (finding.validity, finding.remarks) == (Validity.INVALID, ("LATE",))
    assert ask(simulator, "DELETE", "/rules").status == 200
    simulator.ledger.register([item()])
    assert simulator.ledger.rows()[1].finding(NOW_MS).validity is Validity.VALID


def test_a_rule_can_refuse_the_whole_call(simulator: Simulator) -> None:
    """A rule posted with ``bad_request`` objects to the calls that carry such an item; a word that is no issue is a 400."""
    rule = {"ssin": invented_insz(0).digits, "bad_request": IssueType.OUT_OF_RANGE.value}
    assert ask(simulator, "POST", "/rules", rule).status == 200
    assert [issue.name for issue in simulator.ledger.objections([item(1), item()])] == ["items[1].ssin"]
    assert ask(simulator, "POST", "/rules", {"bad_request": "outOfRange"}).status == 400


def test_clients_are_added(simulator: Simulator) -> None:
    """A client posted with a fitting key is known; one with a key that Chaman would refuse is a 400."""
    assert ask(simulator, "POST", "/clients", {"client_id": CLIENT, "pem": public_pem(ec_key()).decode()}).status == 200
    assert simulator.authority.clients.knows(CLIENT)
    refused = ask(simulator, "POST", "/clients", {"client_id": "other", "pem": "no key"})
    assert (refused.status, refused.json()["issues"][0]["name"]) == (400, "pem")


def test_settings_change_what_is_named_and_nothing_else(simulator: Simulator) -> None:
    """Each setting is changed by its name; what is left out stays."""
    everything = {
        "denied_employers": [OTHER_EMPLOYER.value],
        "health": "DOWN",
        "old_problems": True,
        "validity_delay_seconds": 7,
        "search_lag_seconds": 8,
        "token_seconds": 9,
    }
    assert ask(simulator, "POST", "/settings", everything).status == 200
    assert ask(simulator, "POST", "/settings", {}).status == 200
    assert simulator.settings.denied_employers == {OTHER_EMPLOYER.value}
    assert (simulator.settings.health, simulator.settings.old_problems) == ("DOWN", True)
    assert (simulator.ledger.validity_delay_seconds, simulator.ledger.search_lag_seconds) == (7, 8)
    assert simulator.authority.token_seconds == 9


def test_requests_are_listed_without_persons(simulator: Simulator) -> None:
    """The journal tells operation, status and fault of each request, and not who."""
    simulator.exchange.handle(Request(method="GET", path="/REST/presenceRegistration/v1/health"))
    entries = ask(simulator, "GET", "/requests").json()["items"]
    assert entries == [{"at": "2026-10-26T07:33:20Z", "operation": "getHealth", "status": 200, "fault": None}]


def test_the_document_is_shown(simulator: Simulator) -> None:
    """The service's OpenAPI document can be read, for tools that check a service against it."""
    assert ask(simulator, "GET", "/openapi.json").json()["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "", None, 404),
        ("GET", "/unknown", None, 404),
        ("PUT", "/faults", {}, 405),
        ("POST", "/registrations", {}, 405),
        ("POST", "/faults", None, 400),
        ("POST", "/faults", {}, 400),
        ("POST", "/faults", [], 400),
        ("POST", "/faults", {"fault": "unknown"}, 400),
        ("POST", "/faults", {"fault": "drip", "operation": "unknown"}, 400),
        ("POST", "/faults", {"fault": "invalid_client", "operation": "getHealth"}, 400),
        ("POST", "/faults", {"fault": "drip", "times": 0}, 400),
        ("POST", "/faults", {"fault": "drip", "probability": 2}, 400),
        ("POST", "/faults", {"fault": "drip", "extra": 1}, 400),
        ("POST", "/rules", {"validity": "perhaps"}, 400),
        ("POST", "/rules", {"not_created": "perhaps"}, 400),
        ("POST", "/rules", {"remarks": [1]}, 400),
        ("POST", "/clients", {"client_id": ""}, 400),
        ("POST", "/settings", {"health": "SO SO"}, 400),
        ("POST", "/settings", {"largest_body": 5}, 400),
    ],
)
def test_wrong_orders_are_told(simulator: Simulator, method: str, path: str, body: Any, status: int) -> None:
    """What can't be done is answered with a problem, and changes nothing."""
    response = ask(simulator, method, path, body)
    assert (response.status, response.content_type) == (status, "application/problem+json")
    assert simulator.faults.pending() == ()


def test_administration_has_no_query(simulator: Simulator) -> None:
    """A query parameter is unknown here too."""
    asked = Request(method="GET", path="/_simulator/requests", query=(("limit", "1"),))
    response = simulator.exchange.handle(asked).response
    assert response is not None
    assert response.status == 400
