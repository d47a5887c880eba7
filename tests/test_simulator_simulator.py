from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kiosk.simulator import Behaviour, Fault, IssueType, Operation, Rule, Simulator
from kiosk.simulator.simulator import system_ms
from tests.people import OTHER_EMPLOYER, invented_insz
from tests.strangers import CLIENT, MovableClock, Stranger, ec_key, item, public_pem, search, trust

SEARCH = "/presenceRegistrations/search"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulator")


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(system_ms())


@pytest.fixture
def simulator(directory: Path, clock: MovableClock) -> Iterator[Simulator]:
    with Simulator(directory, behaviour=Behaviour(validity_delay_seconds=60, search_lag_seconds=5), clock=clock) as simulator:
        yield simulator


@pytest.fixture
def stranger(simulator: Simulator, clock: MovableClock) -> Iterator[Stranger]:
    stranger = Stranger(simulator, clock)
    yield stranger.log_in()
    stranger.http.close()


def test_a_day_in_the_life(stranger: Stranger, clock: MovableClock) -> None:
    """Over true TLS: register, search once the lag is over, look at one, see it become valid, cancel it."""
    made = stranger.register(item(0), item(1))
    assert made.status_code == 200
    numbers = [answer["createdPresenceRegistration"]["id"] for answer in made.json()["items"]]
    assert stranger.post(SEARCH, search()).json()["total"] == 0
    clock.forward(5)
    assert [found["id"] for found in stranger.post(SEARCH, search()).json()["items"]] == numbers
    clock.forward(55)
    assert stranger.get(f"/presenceRegistrations/{numbers[0]}").json()["validity"] == "valid"
    cancelled = stranger.post("/presenceRegistrations/cancelInBulk", {"items": [{"id": numbers[0]}]})
    assert cancelled.json() == {"items": [{"cancelledPresenceRegistration": {"id": numbers[0]}}]}
    assert stranger.post(SEARCH, search()).json()["items"][0]["validity"] == "cancelled"


def test_it_is_trusted_by_its_own_authority_only(simulator: Simulator) -> None:
    """A client without the authority refuses the connection; with it, localhost and 127.0.0.1 are right names."""
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(simulator.api_url + "/health")
    for host in ("127.0.0.1", "localhost"):
        url = simulator.api_url.replace("127.0.0.1", host)
        assert httpx.get(url + "/health", verify=trust(simulator)).json() == {"status": "UP"}


def test_tokens_end(stranger: Stranger, clock: MovableClock) -> None:
    """A token lives as long as told; then the service says expired, and a new one works."""
    clock.forward(600)
    refused = stranger.register(item())
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:problem-type:belgif:expiredAccessToken")
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert stranger.log_in().register(item()).status_code == 200


def test_the_same_call_twice_is_two_rows(stranger: Stranger, simulator: Simulator) -> None:
    """The double never de-duplicates: who sends twice has two rows."""
    stranger.register(item())
    stranger.register(item())
    assert len(simulator.ledger.rows()) == 2
    assert simulator.ledger.duplicates() == 1


CUTS = [
    (Fault.CUT_BEFORE_COMMIT, 0, httpx.TransportError),
    (Fault.CUT_AFTER_COMMIT, 1, httpx.TransportError),
    (Fault.HANG_BEFORE_COMMIT, 0, httpx.ReadTimeout),
    (Fault.HANG_AFTER_COMMIT, 1, httpx.ReadTimeout),
    (Fault.TRUNCATED_BODY, 1, httpx.RemoteProtocolError),
]


@pytest.mark.parametrize(("fault", "rows", "error"), CUTS)
def test_a_broken_line_hides_whether_it_was_committed(
    stranger: Stranger, simulator: Simulator, fault: Fault, rows: int, error: type[httpx.HTTPError]
) -> None:
    """The client sees only that the line broke; whether a row exists is what the fault's name says."""
    simulator.fault(fault, operation=Operation.REGISTER)
    with pytest.raises(error):
        stranger.register(item(), timeout=1.0 if error is httpx.ReadTimeout else 20.0)
    assert len(simulator.ledger.rows()) == rows
    assert stranger.register(item(1)).status_code == 200


def test_a_drip_outlives_a_read_timeout(stranger: Stranger, simulator: Simulator) -> None:
    """With a pause shorter than the read timeout the whole body comes, far later than the timeout."""
    simulator.fault(Fault.DRIP, seconds=0.025)
    answer = stranger.register(item(), timeout=2.0)
    assert answer.elapsed.total_seconds() > 2.0
    assert "createdPresenceRegistration" in answer.json()["items"][0]


ANSWERS = [
    (Fault.GARBAGE_BODY, 200, "application/json", None),
    (Fault.SHORT_ANSWER, 200, "application/json", None),
    (Fault.CAPTIVE_PORTAL, 200, "text/html; charset=utf-8", None),
    (Fault.REDIRECT, 302, None, None),
    (Fault.TOO_MANY_REQUESTS, 429, "application/problem+json", "tooManyRequests"),
    (Fault.TOO_MANY_FAILED_REQUESTS, 429, "application/problem+json", "tooManyFailedRequests"),
    (Fault.SERVER_ERROR_BEFORE_COMMIT, 500, "application/problem+json", "internalServerError"),
    (Fault.SERVER_ERROR_AFTER_COMMIT, 500, "application/problem+json", "internalServerError"),
    (Fault.BAD_GATEWAY_BEFORE_COMMIT, 502, "application/problem+json", "badGateway"),
    (Fault.BAD_GATEWAY_AFTER_COMMIT, 502, "application/problem+json", "badGateway"),
    (Fault.BARE_UNAVAILABLE_BEFORE_COMMIT, 503, None, None),
    (Fault.BARE_UNAVAILABLE_AFTER_COMMIT, 503, None, None),
    (Fault.UNAVAILABLE, 503, "application/problem+json", "serviceUnavailable"),
    (Fault.BAD_REQUEST, 400, "application/problem+json", "badRequest"),
    (Fault.PAYLOAD_TOO_LARGE, 413, "application/problem+json", "payloadTooLarge"),
    (Fault.RESOURCE_NOT_FOUND, 404, "application/problem+json", "resourceNotFound"),
    (Fault.NO_ACCESS_TOKEN, 401, "application/problem+json", "noAccessToken"),
    (Fault.INVALID_ACCESS_TOKEN, 401, "application/problem+json", "invalidAccessToken"),
    (Fault.EXPIRED_TOKEN, 401, "application/problem+json", "expiredAccessToken"),
    (Fault.MISSING_PERMISSION, 403, "application/problem+json", "missingPermission"),
    (Fault.MISSING_SCOPE, 403, "application/problem+json", "missingScope"),
]


def test_every_fault_is_seen_from_the_client_s_side() -> None:
    """The two tables of this file together hold every fault, but the token endpoint's own and the drip."""
    assert {fault for fault, *_ in CUTS} | {fault for fault, *_ in ANSWERS} == set(Fault) - {Fault.INVALID_CLIENT, Fault.DRIP}


@pytest.mark.parametrize(("fault", "status", "content_type", "kind"), ANSWERS)
def test_a_false_answer_is_what_its_name_says(  # noqa: PLR0917 - one row of a table
    stranger: Stranger, simulator: Simulator, fault: Fault, status: int, content_type: str | None, kind: str | None
) -> None:
    """Each answer arrives with its status, media type and problem."""
    simulator.fault(fault, operation=Operation.REGISTER)
    answer = stranger.register(item())
    assert (answer.status_code, answer.headers.get("content-type")) == (status, content_type)
    if kind is not None:
        assert answer.json()["type"] == f"urn:problem-type:belgif:{kind}"
    assert answer.headers["BelGov-Trace-Id"]


def test_faults_of_the_token_endpoint(stranger: Stranger, simulator: Simulator) -> None:
    """The token request too can be refused, meet a portal, fail or break."""
    simulator.fault(Fault.INVALID_CLIENT)
    refused = stranger.fetch_token()
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_client")
    simulator.fault(Fault.CAPTIVE_PORTAL, operation=Operation.TOKEN)
    assert stranger.fetch_token().headers["content-type"].startswith("text/html")
    simulator.fault(Fault.SERVER_ERROR_BEFORE_COMMIT, operation=Operation.TOKEN)
    assert stranger.fetch_token().status_code == 500
    simulator.fault(Fault.CUT_BEFORE_COMMIT, operation=Operation.TOKEN)
    with pytest.raises(httpx.TransportError):
        stranger.fetch_token()
    assert stranger.fetch_token().status_code == 200


def test_everything_can_be_scripted_from_outside(stranger: Stranger) -> None:
    """Over the administration's paths: a client, a fault, a rule, a denied employer, and what came of it."""
    assert stranger.admin("POST", "clients", {"client_id": "other", "pem": public_pem(ec_key()).decode()}).status_code == 200
    assert (
        stranger.admin("POST", "faults", {"fault": "unavailable", "operation": "registerInBulk", "retry_after": 3}).status_code
        == 200
    )
    assert stranger.register(item()).headers["Retry-After"] == "3"
    stranger.admin("POST", "rules", {"ssin": invented_insz(1).digits, "not_created": IssueType.UNKNOWN_SSIN.value})
    stranger.admin("POST", "settings", {"denied_employers": [OTHER_EMPLOYER.value]})
    mixed = stranger.register(item(0), item(1)).json()["items"]
    assert [next(iter(answer)) for answer in mixed] == ["createdPresenceRegistration", "notCreatedPresenceRegistration"]
    assert stranger.register(item(employer={"enterpriseNumber": OTHER_EMPLOYER.value})).status_code == 403
    assert [row["ssin"] for row in stranger.admin("GET", "registrations").json()["items"]] == [invented_insz(0).digits]
    assert [entry["status"] for entry in stranger.admin("GET", "requests").json()["items"]] == [200, 503, 200, 403]


def test_size_and_number_limits(stranger: Stranger, simulator: Simulator) -> None:
    """200 items are fine, 201 are not; a body of exactly 4 MiB is read, one byte more is 413 with the limit."""
    assert len(stranger.register(*(item(number) for number in range(200))).json()["items"]) == 200
    assert stranger.register(*(item(number) for number in range(201))).status_code == 400
    url, limit = simulator.api_url + SEARCH, 4 * 1024 * 1024
    headers = stranger.headers | {"Content-Type": "application/json"}
    assert stranger.http.post(url, content=b" " * limit, headers=headers).status_code == 400
    large = stranger.http.post(url, content=b" " * (limit + 1), headers=headers)
    assert (large.status_code, large.json()["limit"]) == (413, limit)


def test_many_clients_register_at_once(stranger: Stranger, simulator: Simulator) -> None:
    """Eight clients at once, each over its own connection, lose nothing and share no id."""

    def work(first: int) -> None:
        with httpx.Client(verify=trust(simulator), headers=stranger.headers) as client:
            for number in range(first, first + 10):
                answer = client.post(simulator.api_url + "/presenceRegistrations/registerInBulk", json={"items": [item(number)]})
                statuses.append(answer.status_code)

    statuses: list[int] = []
    threads = [threading.Thread(target=work, args=(100 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 80
    assert len({row.id for row in simulator.ledger.rows()}) == 80
    assert simulator.ledger.duplicates() == 0


def test_a_stop_and_a_start_keep_everything(stranger: Stranger, simulator: Simulator) -> None:
    """Like a service that was away: same port, same authority, same rows, the old token still good."""
    stranger.register(item())
    url, authority = simulator.api_url, simulator.ca_file.read_bytes()
    simulator.stop()
    with pytest.raises(httpx.TransportError):
        stranger.register(item(1))
    simulator.start()
    assert (simulator.api_url, simulator.ca_file.read_bytes()) == (url, authority)
    assert stranger.register(item(1)).status_code == 200
    assert len(simulator.ledger.rows()) == 2


def test_stopping_twice_is_stopping_once(tmp_path: Path) -> None:
    """A stop without a start, or a second one, does nothing."""
    simulator = Simulator(tmp_path)
    simulator.stop()
    with simulator:
        simulator.stop()
    assert not simulator.api_url.endswith(":0/REST/presenceRegistration/v1")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "https://127.0.0.1:8443"),
        ("", "https://127.0.0.1:8443"),
        ("::", "https://[::1]:8443"),
        ("::1", "https://[::1]:8443"),
        ("rsz.example", "https://rsz.example:8443"),
    ],
)
def test_urls_can_be_called(tmp_path: Path, host: str, url: str) -> None:
    """An address that binds everything is no address to call; IPv6 goes in brackets."""
    simulator = Simulator(tmp_path, behaviour=Behaviour(host=host, port=8443))
    assert simulator.root_url == url
    assert simulator.token_url == url + "/REST/oauth/v5/token"


def test_a_client_s_key_is_judged(tmp_path: Path) -> None:
    """A key that the channel would refuse is refused here."""
    with pytest.raises(ValueError, match=r".+"):
        Simulator(tmp_path).add_client(CLIENT, "no key")


def test_rules_and_dice_need_no_socket(tmp_path: Path) -> None:
    """Ledger and rules work on a double that was never started."""
    simulator = Simulator(tmp_path)
    simulator.ledger.add_rule(Rule(not_created=IssueType.REJECTED_INPUT))
    assert "notCreatedPresenceRegistration" in simulator.ledger.register([item()])[0]
