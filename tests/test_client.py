from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import jwt.algorithms
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from kiosk import auth
from kiosk.client import Client
from kiosk.contract import Paths, ServiceSettings
from kiosk.delivery import Delivery
from kiosk.errors import UsageError
from kiosk.exchange import Reply
from kiosk.judgement import judge_page, judge_registration
from kiosk.line import Service
from kiosk.model import Address, ClockReading
from kiosk.problems import IN_ITS_PLACE
from kiosk.verdicts import (
    Addresses,
    Ambiguous,
    Answered,
    CallRefused,
    CallVerdict,
    CancelAnswered,
    Cancelled,
    Consulted,
    Created,
    Found,
    Health,
    Misconfigured,
    NotCancelled,
    NotNow,
    NotSent,
    NotThere,
    Query,
    SearchFailed,
    SearchUnavailable,
    TooLarge,
)
from kiosk.wire import Page
from tests.answers import WALL_MS, registrations, served
from tests.people import CANARY_INSZ, PLACE
from tests.tls_server import (
    REGISTER_PATH,
    SEARCH_PATH,
    TOKEN_ANSWER,
    TOKEN_PATH,
    Authority,
    Behaviour,
    Line,
    Request,
    ScriptedServer,
    cut,
    hang,
    problem,
    reply,
)
from tests.worlds import World


def clock() -> ClockReading:
    return ClockReading(wall_ms=WALL_MS, boot_ns=time.monotonic_ns(), boot_id="boot", trusted=True, source="assume", bound_ms=0)


CREATED: dict[str, Any] = {
    "items": [{"createdPresenceRegistration": {"id": number, "validity": "pending", "remarks": []}} for number in (1, 2)]
}
ANSWERED = Answered(items=(Created(registration_id=1, validity="pending"), Created(registration_id=2, validity="pending")))
CONSULT_PATH = "/api/presenceRegistrations/17611"
CANCEL_PATH = "/api/presenceRegistrations/cancelInBulk"
ADDRESSES_PATH = "/api/addresses/search"
HEALTH_PATH = "/api/health"
QUERY = Query(from_ms=WALL_MS - 3_600_000, to_ms=WALL_MS + 3_600_000, ssin=CANARY_INSZ.digits)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Path:
    return authority.leaf("good")


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "client.key.pem"
    key = ec.generate_private_key(ec.SECP384R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


Serve = Callable[..., tuple[ScriptedServer, Client]]


@pytest.fixture
def serve(authority: Authority, leaf: Path, key_file: Path) -> Iterator[Serve]:
    opened: list[tuple[ScriptedServer, Client]] = []

    def start(
        *behaviours: Behaviour,
        token: Sequence[Behaviour] = (),
        search: Sequence[Behaviour] = (),
        timeout: float = 5,
        paths: Paths | None = None,
        page_size: int = 100,
    ) -> tuple[ScriptedServer, Client]:
        paths_served = (REGISTER_PATH, SEARCH_PATH, CONSULT_PATH, CANCEL_PATH, ADDRESSES_PATH, HEALTH_PATH, "/api/other")
        routes = dict.fromkeys(paths_served, behaviours) | ({TOKEN_PATH: token} if token else {})
        routes |= {SEARCH_PATH: search} if search else {}
        server = ScriptedServer(leaf, routes)
        settings = ServiceSettings(
            api_url=server.url + "/api",
            token_url=server.url + TOKEN_PATH,
            client_id="expeditor_1",
            private_key=key_file,
            ca_file=authority.ca_file,
            timeout_seconds=timeout,
            page_size=page_size,
            paths=paths or Paths(),
        )
        opened.append((server, Client(settings, clock)))
        return opened[-1]

    yield start
    for server, client in opened:
        client.close()
        server.__exit__(None, None, None)


def test_a_registration_is_answered_item_by_item(serve: Serve) -> None:
    """The call carries token, trace and the contract's body, and every item gets its verdict."""
    server, client = serve(reply(200, CREATED))
    assert client.register(registrations()) == ANSWERED
    (request,) = server.seen(REGISTER_PATH)
    assert request.headers["authorization"] == "Bearer invented-token-0123456789"
    assert request.headers["content-type"] == "application/json"
    assert UUID(request.headers["belgov-trace-id"]).version == 4
    assert [item["ssin"] for item in json.loads(request.body)["items"]] == [each.ssin.digits for each in registrations()]


def test_a_configured_path_is_used(serve: Serve) -> None:
    """A path that turns out otherwise is configured, not patched."""
    server, client = serve(reply(200, CREATED), paths=Paths(register="/other"))
    assert client.register(registrations()) == ANSWERED
    assert server.seen("/api/other")


def test_a_token_serves_many_calls(serve: Serve) -> None:
    """One token is fetched for several calls, and each call has its own trace."""
    server, client = serve(reply(200, CREATED, keep=True))
    for _ in range(3):
        client.register(registrations())
    assert len(server.seen(TOKEN_PATH)) == 1
    assert len({request.headers["belgov-trace-id"] for request in server.seen(REGISTER_PATH)}) == 3


def test_a_401_is_tried_once_more_with_a_new_token(serve: Serve) -> None:
    """A 401 says that nothing was carried out: the token is dropped, a new one fetched, the call sent once more."""
    tokens = [reply(200, TOKEN_ANSWER), reply(200, TOKEN_ANSWER | {"access_token": "second"})]
    server, client = serve(problem(401, "expiredAccessToken"), reply(200, CREATED), token=tokens)
    assert client.register(registrations()) == ANSWERED
    assert [request.headers["authorization"] for request in server.seen(REGISTER_PATH)] == [
        "Bearer invented-token-0123456789",
        "Bearer second",
    ]


def test_a_second_401_is_a_configuration_fault(serve: Serve) -> None:
    """A 401 with a fresh token is not tried a third time."""
    server, client = serve(reply(401))
    assert isinstance(client.register(registrations()), Misconfigured)
    assert len(server.seen(REGISTER_PATH)) == 2
    assert isinstance(client.search(QUERY), SearchFailed)


def test_no_new_token_after_a_401_is_not_sent(serve: Serve) -> None:
    """When the token server fails after a 401, nothing was carried out."""
    server, client = serve(problem(401, "expiredAccessToken"), token=[reply(200, TOKEN_ANSWER), reply(500)])
    assert isinstance(client.register(registrations()), NotSent)
    assert len(server.seen(REGISTER_PATH)) == 1


def test_the_second_try_may_be_ambiguous(serve: Serve) -> None:
    """A call cut after the renewed token is unknown, like any other."""
    _, client = serve(problem(401, "expiredAccessToken"), cut)
    assert isinstance(client.register(registrations()), Ambiguous)


PERSONAL: dict[str, Any] = {"detail": CANARY_INSZ.digits, "title": CANARY_INSZ.digits}
ISSUE = {"type": "urn:problem-type:belgif:input-validation:invalidInput", "value": CANARY_INSZ.digits, "detail": CANARY_INSZ.digits}
INVALID = "input-validation:invalidInput"


@pytest.mark.parametrize(
    ("behaviour", "verdict"),
    [
        (problem(403, "missingScope"), Misconfigured(why="403 missingScope", credential=True)),
        (problem(403, "missingPermission"), Misconfigured(why="403 missingPermission", employer_only=True)),
        (reply(403), Misconfigured(why="403 without a problem body")),
        (reply(404), Misconfigured(why="404 without a problem body")),
        (problem(404, "resourceNotFound"), Misconfigured(why="404 resourceNotFound")),
        (
            problem(404, "resourceNotFound", issues=[ISSUE | {"name": "items[1].contractualRelationshipReference"}]),
            CallRefused(reason="resourceNotFound", items=((1, INVALID),)),
        ),
        (problem(404, "resourceNotFound", issues=[ISSUE | {"name": "items[9].ssin"}]), Misconfigured(why="404 resourceNotFound")),
        (reply(407), Misconfigured(why="407 without a problem body")),
        (reply(413), TooLarge()),
        (problem(413, "payloadTooLarge", limit=5), TooLarge()),
        (reply(429), NotNow(why="429 without a problem body")),
        (reply(429, headers={"Retry-After": "9"}), NotNow(why="429 without a problem body", retry_after=9.0)),
        (problem(429, "tooManyFailedRequests", retryAfterSec=8), NotNow(why="429 tooManyFailedRequests", retry_after=8.0)),
        (problem(503, "serviceUnavailable", headers={"Retry-After": "7"}), NotNow(why="503 serviceUnavailable", retry_after=7.0)),
        (reply(503, headers={"Retry-After": "7"}), Ambiguous(why="503 without a problem body")),
        (problem(500, "internalServerError"), Ambiguous(why="500 internalServerError")),
        (problem(502, "badGateway"), Ambiguous(why="502 badGateway")),
        (reply(504), Ambiguous(why="504 without a problem body")),
        (problem(408, "requestTimeout"), Ambiguous(why="408 requestTimeout")),
        (reply(400), Ambiguous(why="400 without a problem body")),
        (reply(422, {"type": "urn:problem-type:belgif:badRequest"}), Ambiguous(why="422 without a problem body")),
        (reply(400, {"type": "about:blank"}, kind="application/problem+json"), Ambiguous(why="400 without a problem body")),
        (reply(302, headers={"Location": "https://portal.example"}), Ambiguous(why=f"302: {IN_ITS_PLACE}")),
        (reply(600), Ambiguous(why="600 without a problem body")),
        (reply(200, b"<html>log in</html>", kind="text/html; charset=utf-8"), Ambiguous(why=f"200: {IN_ITS_PLACE}")),
        (reply(511, b"<html>log in</html>", kind="text/html"), Ambiguous(why=f"511: {IN_ITS_PLACE}")),
        (reply(200, {"items": CREATED["items"][:1]}), Ambiguous(why="the answer (200) does not settle every item")),
        (reply(204), Ambiguous(why="the answer (204) does not settle every item")),
        (problem(400, "badRequest", **PERSONAL), CallRefused(reason="badRequest")),
        (problem(409, "conflict", issues=[]), CallRefused(reason="conflict")),
        (
            problem(400, "badRequest", issues=[ISSUE | {"name": "items[1].ssin"}, ISSUE | {"name": "items[1].type"}]),
            CallRefused(reason="badRequest", items=((1, INVALID),)),
        ),
        (
            problem(
                400,
                "badRequest",
                issues=[
                    ISSUE | {"name": "items[1].ssin"},
                    ISSUE | {"name": "items[2].ssin"},
                    ISSUE | {"name": "body"},
                    {"type": "urn:problem-type:belgif:other", "name": "items[1]"},
                    {"name": "items[0].ssin"},
                ],
            ),
            CallRefused(reason="badRequest", items=((0, "badRequest"), (1, f"{INVALID}, other"))),
        ),
        (problem(400, "badRequest", issues=[ISSUE | {"name": "employer"}]), CallRefused(reason="badRequest")),
        (cut, Ambiguous(why="the answer is not HTTP, or ends too early")),
    ],
)
def test_every_answer_has_its_outcome(serve: Serve, behaviour: Behaviour, verdict: CallVerdict) -> None:
    """Each line of the contract's outcome table, over a real connection; no prose and no value comes along."""
    server, client = serve(behaviour)
    outcome = client.register(registrations())
    assert outcome == verdict
    assert CANARY_INSZ.digits not in repr(outcome)
    assert len(server.seen(REGISTER_PATH)) == 1


@pytest.mark.parametrize(
    "portal",
    [
        reply(302, headers={"Location": "https://portal.example"}),
        reply(200, b"<html>log in</html>", kind="text/html"),
        reply(511, b"<html>log in</html>", kind="text/html"),
    ],
)
@pytest.mark.parametrize("place", ["token server", "service"])
def test_a_portal_is_told_in_plain_words_and_never_taken_for_the_service(
    serve: Serve, tmp_path: Path, portal: Behaviour, place: str
) -> None:
    """The status says that something answers in its place and what to do; nothing is accepted, and all is sent once it is gone."""
    world = World(tmp_path)
    world.time.wall_ms = WALL_MS
    usual = reply(200, {"items": [CREATED["items"][0]]})
    if place == "token server":
        server, client = serve(usual, token=(portal, reply(200, TOKEN_ANSWER)))
    else:
        found = reply(200, {"items": [], "total": 0, "page": 1, "pageSize": 100})
        server, client = serve(portal, usual, search=(found,))
    service = cast("Service", client)  # its calls and searches are those of one credential
    delivery = world.delivery = Delivery(world.outbox, lambda: service, world.time, world.settings, dice=lambda: 0.5)
    number = world.tap()
    world.run()
    assert IN_ITS_PLACE in (delivery.status().last_error or "")
    assert world.row(number)["registration_id"] is None
    world.run(3600)
    assert (world.states(), delivery.status().last_error) == (["accepted"], None)
    assert len(server.seen(REGISTER_PATH)) == (1 if place == "token server" else 2)


KNOWN_STATUS = {401, 403, 404, 407, 413, 429}


@pytest.mark.parametrize("status", range(100, 700))
def test_every_status_has_an_outcome(status: int) -> None:
    """Without a problem body only the listed statuses are more than unknown; a 2xx without items is unknown too."""
    verdict = judge_registration(Reply(status=status, headers={}, body=b""), registrations(), WALL_MS)
    assert isinstance(verdict, Ambiguous) == (status not in KNOWN_STATUS)


@given(
    st.integers(100, 699),
    st.binary() | st.sampled_from([json.dumps(CREATED).encode()]),
    st.sampled_from(["", "application/problem+json"]),
)
def test_any_answer_is_judged(status: int, body: bytes, kind: str) -> None:
    """Whatever comes, nothing raises, and items count as answered only when a 2xx answers each of them."""
    answer = Reply(status=status, headers={"content-type": kind}, body=body)
    verdict = judge_registration(answer, registrations(), WALL_MS)
    assert not isinstance(verdict, Answered) or (200 <= status <= 299 and len(verdict.items) == 2)
    assert isinstance(judge_page(answer, WALL_MS), Page | SearchFailed | SearchUnavailable)


def test_a_call_without_token_is_not_sent(serve: Serve) -> None:
    """While there is no token, nothing goes to the service."""
    server, client = serve(reply(200, CREATED), token=[reply(400, {"error": "invalid_client"})])
    assert isinstance(client.register(registrations()), Misconfigured)
    assert not server.seen(REGISTER_PATH)


def test_abort_ends_a_hanging_registration(serve: Serve) -> None:
    """On SIGTERM a registration under way is unknown within a second."""
    server, client = serve(hang, timeout=60)
    verdicts: list[CallVerdict] = []
    thread = threading.Thread(target=lambda: verdicts.append(client.register(registrations())))
    thread.start()
    while not server.seen(REGISTER_PATH):
        time.sleep(0.01)
    begun = time.monotonic()
    client.abort()
    thread.join(5)
    assert time.monotonic() - begun < 1
    assert isinstance(verdicts[0], Ambiguous)
    assert isinstance(client.register(registrations()), NotSent)


def test_no_key_is_loaded_after_the_start(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client key is parsed once: fetching token after token parses none, which would take a Pi seconds each."""
    _, client = serve(problem(401, "expiredAccessToken"))
    loads: list[object] = []
    for room in (auth, jwt.algorithms):
        monkeypatch.setattr(room, "load_pem_private_key", lambda *given, **_: loads.append(given))
    for _ in range(3):
        client.register(registrations())
    assert loads == []


def test_a_bad_key_is_told_at_once(tmp_path: Path) -> None:
    """A client that can't sign is not made."""
    settings = ServiceSettings(api_url="https://host", token_url="https://host/t", client_id="x", private_key=tmp_path / "none")
    with pytest.raises(UsageError, match="private_key"):
        Client(settings, clock)


def test_nothing_personal_or_secret_is_logged(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    """At its most talkative the log holds both traces and no INSZ, token or assertion, whatever the service echoes."""
    caplog.set_level(logging.DEBUG)
    echo = reply(200, CREATED | {"echo": CANARY_INSZ.digits}, headers={"BelGov-Trace-Id": "theirs-1\t<x>"})
    server, client = serve(problem(400, "badRequest", issues=[ISSUE]), echo, cut)
    for _ in range(3):
        client.register(registrations())
    assert "theirs-1x" in caplog.text
    assert server.seen(REGISTER_PATH)[0].headers["belgov-trace-id"] in caplog.text
    for secret in (CANARY_INSZ.digits, "invented-token", "client_assertion", "Bearer"):
        assert secret not in caplog.text


# Search


def pages(rows: int, size: int, *, total: bool = True, told: bool = True, drop: int | None = None, deaf: bool = False) -> Behaviour:
    """Serve ``rows`` registrations in pages of ``size``; ``deaf`` ignores the page asked for."""

    def behave(line: Line, request: Request) -> bool | None:
        asked = 1 if deaf else json.loads(request.body)["page"]
        numbers = range(1, rows + 1)[(asked - 1) * size : asked * size]
        body: dict[str, Any] = {"items": [served(number) for number in numbers if number != drop]}
        body |= {"total": rows} if total else {}
        body |= {"pageSize": size} if told else {}
        return reply(200, body, keep=True)(line, request)

    return behave


@pytest.mark.parametrize(
    ("behaviour", "count", "calls"),
    [
        (pages(0, 100), 0, 1),
        (pages(3, 100), 3, 1),
        (pages(7, 3), 7, 3),
        (pages(6, 3), 6, 2),
        (pages(6, 3, total=False), 6, 3),
        (pages(7, 3, total=False), 7, 3),
        (pages(7, 3, total=False, told=False), 7, 4),
        (pages(2, 100, total=False, told=False, deaf=True), 2, 2),
        (pages(0, 100, total=False, told=False), 0, 1),
    ],
)
def test_a_search_reads_all_pages(serve: Serve, behaviour: Behaviour, count: int, calls: int) -> None:
    """All pages are read, by total, by a short page, or until nothing new comes."""
    server, client = serve(behaviour)
    outcome = client.search(QUERY)
    assert isinstance(outcome, Found)
    assert [each.registration_id for each in outcome.registrations] == list(range(1, count + 1))
    assert len(server.seen(SEARCH_PATH)) == calls


def test_pages_are_as_long_as_configured(serve: Serve) -> None:
    """The page size of the configuration is what is asked for, and what a short page is measured by."""
    server, client = serve(pages(7, 3, total=False, told=False), page_size=3)
    assert isinstance(client.search(QUERY), Found)
    assert [json.loads(each.body)["pageSize"] for each in server.seen(SEARCH_PATH)] == [3] * 4
    _, client = serve(pages(3, 3, total=False, told=False, deaf=True), page_size=3)
    assert client.search(QUERY) == SearchFailed(why="the pages of the search do not add up")


@pytest.mark.parametrize(
    "behaviour",
    [
        pages(7, 3, deaf=True),
        pages(7, 3, drop=4),
        pages(100, 100, total=False, deaf=True),
        pages(300, 100, total=False, told=False, deaf=True),
    ],
    ids=["page ignored", "a row lost between pages", "full pages for ever", "full pages without a word"],
)
def test_pages_that_do_not_add_up_fail(serve: Serve, behaviour: Behaviour) -> None:
    """When some rows may have been missed, absence is not concluded, and no page is asked for in vain."""
    server, client = serve(behaviour)
    assert client.search(QUERY) == SearchFailed(why="the pages of the search do not add up")
    assert len(server.seen(SEARCH_PATH)) <= 4


def test_a_search_without_end_is_cut_off(serve: Serve) -> None:
    """A service that always has another page is asked 200 times and no more."""
    numbers = itertools.count(1)

    def endless(line: Line, request: Request) -> bool | None:
        return reply(200, {"items": [served(next(numbers))], "total": 10**6}, keep=True)(line, request)

    server, client = serve(endless)
    assert client.search(QUERY) == SearchFailed(why="the search has too many pages")
    assert len(server.seen(SEARCH_PATH)) == 200


@pytest.mark.parametrize(
    ("behaviour", "kind", "seconds"),
    [
        (problem(400, "badRequest"), SearchUnavailable, None),
        (reply(403), SearchUnavailable, None),
        (reply(404), SearchUnavailable, None),
        (problem(429, "tooManyRequests", retryAfterSec=8), SearchFailed, 8.0),
        (reply(503, headers={"Retry-After": "7"}), SearchFailed, 7.0),
        (reply(500), SearchFailed, None),
        (reply(302), SearchFailed, None),
        (reply(200, b"<html>"), SearchFailed, None),
        (reply(200, {"items": [served(1, type="?")]}), SearchFailed, None),
        (cut, SearchFailed, None),
    ],
)
def test_a_search_that_fails_says_how(
    serve: Serve, behaviour: Behaviour, kind: type[SearchFailed | SearchUnavailable], seconds: float | None
) -> None:
    """400, 403 and 404 mean that only a human can settle it; anything else counts for nothing and is tried later."""
    _, client = serve(behaviour)
    outcome = client.search(QUERY)
    assert type(outcome) is kind
    assert getattr(outcome, "retry_after", None) == seconds


def test_a_search_without_token_fails(serve: Serve) -> None:
    """A token server that asks to wait passes its floor on to the search."""
    _, client = serve(pages(1, 1), token=[reply(503, headers={"Retry-After": "5"})])
    outcome = client.search(QUERY)
    assert isinstance(outcome, SearchFailed)
    assert outcome.retry_after == 5.0


# The smaller calls

MISSING = {"type": "urn:problem-type:belgif:input-validation:referencedResourceNotFound", "in": "path", "name": "id"}


def test_one_registration_is_looked_at(serve: Serve) -> None:
    """The look is a GET with token and trace, by the id in the path; what comes back is that registration with its history."""
    server, client = serve(reply(200, served(17611) | {"validationHistory": [{"validity": "pending"}]}))
    found = client.consult(17611)
    assert isinstance(found, Consulted)
    assert (found.registration.registration_id, len(found.history)) == (17611, 1)
    (request,) = server.seen(CONSULT_PATH)
    assert request.headers["authorization"] == "Bearer invented-token-0123456789"
    assert UUID(request.headers["belgov-trace-id"]).version == 4
    assert (request.body, "content-type" in request.headers) == (b"", False)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (problem(404, "resourceNotFound", issues=[MISSING]), NotThere),
        (problem(404, "resourceNotFound"), SearchUnavailable),
        (reply(404), SearchUnavailable),
        (reply(200, served(17612)), SearchFailed),
        (reply(401), SearchFailed),
        (reply(500), SearchFailed),
        (cut, SearchFailed),
    ],
)
def test_a_registration_is_gone_only_when_the_service_says_so(serve: Serve, behaviour: Behaviour, kind: type) -> None:
    """A path that leads nowhere, another registration, a cut or an outage never says that the service does not hold it."""
    _, client = serve(behaviour)
    assert type(client.consult(17611)) is kind


def test_a_cancellation_is_answered_item_by_item(serve: Serve) -> None:
    """One call cancels several; each has its own outcome."""
    answers = [
        {"cancelledPresenceRegistration": {"id": 1}},
        {"notCancelledPresenceRegistration": {"id": 2, "issues": [MISSING]}},
    ]
    server, client = serve(reply(200, {"items": answers}))
    assert client.cancel([1, 2]) == CancelAnswered(
        items=(Cancelled(), NotCancelled(reason="input-validation:referencedResourceNotFound"))
    )
    (request,) = server.seen(CANCEL_PATH)
    assert json.loads(request.body) == {"items": [{"id": 1}, {"id": 2}]}


@pytest.mark.parametrize(
    ("behaviour", "verdict"),
    [
        (cut, Ambiguous(why="the answer is not HTTP, or ends too early")),
        (reply(200, {"items": []}), Ambiguous(why="the answer (200) does not settle every item")),
        (reply(503), Ambiguous(why="503 without a problem body")),
        (problem(503, "serviceUnavailable"), NotNow(why="503 serviceUnavailable")),
        (problem(403, "missingPermission"), Misconfigured(why="403 missingPermission", employer_only=True)),
        (reply(401), Misconfigured(why="401 without a problem body")),
        (problem(400, "badRequest"), CallRefused(reason="badRequest")),
    ],
)
def test_a_cancellation_that_fails_says_how(serve: Serve, behaviour: Behaviour, verdict: object) -> None:
    """Whether it may have been carried out is told apart as for a registration."""
    _, client = serve(behaviour)
    assert client.cancel([17611]) == verdict


def test_a_401_is_tried_once_more_for_every_call(serve: Serve) -> None:
    """The smaller calls renew their token like the others."""
    server, client = serve(problem(401, "expiredAccessToken"), reply(200, served(17611)))
    assert isinstance(client.consult(17611), Consulted)
    assert len(server.seen(TOKEN_PATH)) == 2


def test_addresses_of_a_place_are_asked_for(serve: Serve) -> None:
    """The coordinates go out, the addresses come back."""
    street = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Wetstraat", "houseNumber": "16", "boxNumber": None}
    server, client = serve(reply(200, {"items": [street]}))
    wanted = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    assert client.addresses(PLACE) == Addresses(items=(wanted,))
    (request,) = server.seen(ADDRESSES_PATH)
    assert json.loads(request.body) == {"coordinates": {"longitude": PLACE.longitude, "latitude": PLACE.latitude}}


def test_a_search_that_reached_nobody_says_so(serve: Serve) -> None:
    """No connection at all is told from a service that fails: it is tried again sooner."""
    _, client = serve(reply(200, {"items": []}))
    client.abort()
    away = client.search(QUERY)
    assert isinstance(away, SearchFailed)
    assert not away.reachable
    _, failing = serve(reply(500))
    down = failing.search(QUERY)
    assert isinstance(down, SearchFailed)
    assert down.reachable


def test_health_needs_no_token(serve: Serve) -> None:
    """Health is asked without a token, so that a fault of the token server is told from one of the service."""
    server, client = serve(reply(503, {"status": "DOWN"}), token=[reply(500)])
    assert client.health() == Health(status="DOWN")
    assert not server.seen(TOKEN_PATH)
    (request,) = server.seen(HEALTH_PATH)
    assert "authorization" not in request.headers


def test_a_token_proves_itself_alone(serve: Serve) -> None:
    """Key, client id and token server are proven without a call to the service; what refuses them is told."""
    server, client = serve(reply(200, CREATED))
    assert client.token() is None
    assert [request.path for request in server.requests] == [TOKEN_PATH]
    _, refused = serve(reply(200, CREATED), token=[reply(400, {"error": "invalid_client"})])
    assert isinstance(refused.token(), Misconfigured)
    _, away = serve(reply(200, CREATED), token=[reply(503)])
    assert isinstance(away.token(), NotSent)
