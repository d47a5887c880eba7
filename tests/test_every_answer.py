"""Whatever the service answers, known or unknown: nothing raises, and nothing is concluded from what is not clear.

The answers are invented by the thousand, so the network is left out (``Told`` stands in its place) and nothing else: client,
delivery, follow-up and store are the real ones.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk import cancellations
from kiosk import client as client_room
from kiosk.client import Client
from kiosk.contract import ServiceSettings
from kiosk.exchange import Outcome, Reply
from kiosk.followup import FollowUp
from kiosk.judgement import judge_addresses, judge_cancellation, judge_consultation, judge_health, judge_page, judge_registration
from kiosk.line import Service
from kiosk.model import ClockReading, State
from kiosk.problems import decode_problem
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.services import Services
from kiosk.verdicts import (
    Addresses,
    Ambiguous,
    Answered,
    CallRefused,
    CancelAnswered,
    Consulted,
    Created,
    Found,
    Health,
    Misconfigured,
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
from tests.odd_answers import JSON, NO_JSON, outcomes, replies, spoilt
from tests.people import DECLARATION, EMPLOYER, invented_insz
from tests.strangers import CLIENT, true_now
from tests.tls_server import TOKEN_ANSWER
from tests.worlds import World

CREATED = {
    "items": [{"createdPresenceRegistration": {"id": 17610 + number, "validity": "pending", "remarks": []}} for number in (1, 2)]
}
REFUSED = {"items": [CREATED["items"][0], {"notCreatedPresenceRegistration": {"issues": [{"type": "urn:problem-type:cbss:x"}]}}]}
CANCELLED = {
    "items": [{"cancelledPresenceRegistration": {"id": 17611}}, {"notCancelledPresenceRegistration": {"id": 17612, "issues": []}}]
}
PAGE = {"items": [served(17611), served(17612, type="out")], "total": 2, "page": 1, "pageSize": 100}
SHOWN = served(17611, validationHistory=[{"validity": "valid", "remarks": ["R1"], "validationDate": "2026-11-22T07:02:00Z"}])
STREET = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Wetstraat", "houseNumber": "16", "boxNumber": None}
ADDRESSES = {"items": [STREET, STREET]}
HEALTH = {"status": "UP"}
LARGEST = 2**63 - 1


def _clock() -> ClockReading:
    return ClockReading(wall_ms=WALL_MS, boot_ns=0, boot_id="boot", trusted=True, source="assume", bound_ms=0)


def _load(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def succeeded(reply: Reply) -> bool:
    return 200 <= reply.status <= 299


# The judgement alone


@given(replies(CREATED) | replies(REFUSED))
@settings(max_examples=500)
def test_items_are_answered_only_when_each_one_is(reply: Reply) -> None:
    """A registration is accepted only by a 2xx that gives each item a verdict, and each accepted one an id of its own."""
    verdict = judge_registration(reply, registrations(), WALL_MS)
    assert isinstance(verdict, Answered | NotNow | Ambiguous | CallRefused | TooLarge | Misconfigured)
    if isinstance(verdict, Answered):
        assert succeeded(reply)
        assert len(verdict.items) == 2
        ids = [item.registration_id for item in verdict.items if isinstance(item, Created)]
        assert all(type(number) is int and 0 < number <= LARGEST for number in ids)
        assert len(set(ids)) == len(ids)
    if isinstance(verdict, CallRefused):
        assert decode_problem(reply.body) is not None
        assert all(index in {0, 1} for index, _ in verdict.items)


@given(replies(PAGE))
@settings(max_examples=500)
def test_a_page_is_a_page_only_when_all_of_it_is_read(reply: Reply) -> None:
    """Absence can be concluded from a 2xx only in which each item has an id and was understood."""
    page = judge_page(reply, WALL_MS)
    assert isinstance(page, Page | SearchFailed | SearchUnavailable)
    if isinstance(page, Page):
        value = json.loads(reply.body)
        items = value["items"] if isinstance(value, dict) else value
        assert succeeded(reply)
        assert [item["id"] for item in items] == list(page.ids)
        assert all(0 < number <= LARGEST for number in page.ids)


@given(replies(SHOWN))
@settings(max_examples=300)
def test_one_registration_is_itself_or_gone_or_not_known(reply: Reply) -> None:
    """A look finds the id that was asked for or nothing, and only a 404 with a Belgif problem says that it is gone."""
    verdict = judge_consultation(reply, 17611, WALL_MS)
    assert isinstance(verdict, Consulted | NotThere | SearchFailed | SearchUnavailable)
    assert not isinstance(verdict, Consulted) or (succeeded(reply) and verdict.registration.registration_id == 17611)
    assert not isinstance(verdict, NotThere) or (reply.status == 404 and decode_problem(reply.body) is not None)


@given(replies(CANCELLED))
@settings(max_examples=300)
def test_a_cancellation_is_done_only_when_each_id_is_answered(reply: Reply) -> None:
    """As for registrations."""
    verdict = judge_cancellation(reply, [17611, 17612], WALL_MS)
    assert isinstance(verdict, CancelAnswered | NotNow | Ambiguous | CallRefused | TooLarge | Misconfigured)
    assert not isinstance(verdict, CancelAnswered) or (succeeded(reply) and len(verdict.items) == 2)


@given(replies(ADDRESSES), replies(HEALTH))
@settings(max_examples=300)
def test_addresses_and_health_are_read_or_not_known(place: Reply, health: Reply) -> None:
    """No address comes only from an empty list; health is one word, whatever else is said."""
    addresses = judge_addresses(place, WALL_MS)
    assert isinstance(addresses, Addresses | SearchFailed | SearchUnavailable)
    if isinstance(addresses, Addresses) and not addresses.items:
        value = json.loads(place.body)
        assert (value["items"] if isinstance(value, dict) else value) == []
    verdict = judge_health(health, WALL_MS)
    assert isinstance(verdict, Health | SearchFailed | SearchUnavailable)
    assert not isinstance(verdict, Health) or (verdict.status and (succeeded(health) or health.status == 503))


# The client, and everything behind it


class Told:
    """An exchange that answers as it is told: by what the end of a path asks for, in order, the last one for ever."""

    def __init__(self, **answers: Sequence[Outcome]) -> None:
        self._answers = {name: list(told) for name, told in answers.items()}
        self.asked: list[str] = []

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Outcome:
        return self._next(url.rsplit("/", 1)[1])

    def get(self, url: str, *, headers: Mapping[str, str]) -> Outcome:
        return self._next("consult")

    def abort(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing was opened."""

    def _next(self, name: str) -> Outcome:
        self.asked.append(name)
        told = self._answers.get(name, [NotSent(why="no connection")])
        return told.pop(0) if len(told) > 1 else told[0]


TOKEN = Reply(status=200, headers={}, body=json.dumps(TOKEN_ANSWER).encode())


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ServiceSettings:
    folder = tmp_path_factory.mktemp("key")
    make_client_key(folder / "client.key.pem", folder / "client.cert.pem", company="Test", now=true_now(), kind=KeyKind.P_384)
    return ServiceSettings(
        api_url="https://box.test/api",
        token_url="https://box.test/token",
        client_id=CLIENT,
        private_key=folder / "client.key.pem",
    )


@contextmanager
def told(exchange: Told) -> Iterator[None]:
    """Let every client that is built now ask ``exchange`` instead of the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client_room, "Exchange", lambda **_: exchange)
        yield


class OddWorld(World):
    """A world whose service answers as ``Told`` says."""

    def __init__(self, folder: Path, settings: ServiceSettings) -> None:
        super().__init__(folder)
        self.services = Services(settings, {}, self.time)
        self.followup = FollowUp(self.outbox, self._build, self.time, dice=lambda: 0.5)

    def _build(self) -> Service:
        return self.services

    def regret(self, row: int) -> None:
        """Ask that an accepted row be cancelled, as a human does; nothing where it is not accepted."""
        self.database.write(lambda c: cancellations.ask(c, self.outbox, row, because="test", at_ms=self.time.wall_ms))
        self.delivery.nudge()

    def live(self, steps: int) -> None:
        """Let delivery and follow-up do this many steps, with the waits that they ask for."""
        for _ in range(steps):
            wait = min(self.delivery.step(), self.followup.step())
            self.time.pass_seconds(min(wait, 600))


@contextmanager
def odd_world(settings: ServiceSettings, exchange: Told) -> Iterator[OddWorld]:
    with tempfile.TemporaryDirectory() as folder, told(exchange):
        world = OddWorld(Path(folder), settings)
        try:
            yield world
        finally:
            world.database.close()


DENIED = {"error": "invalid_client", "error_description": "no key of this client"}


def denials() -> st.SearchStrategy[Reply]:
    """What a token server says that gives no token: mostly RFC 6749, section 5.2."""
    bodies = spoilt(DENIED).map(lambda value: json.dumps(value).encode())
    return st.builds(Reply, status=st.sampled_from([400, 401]), headers=st.just({}), body=bodies)


@given(st.lists(outcomes(TOKEN_ANSWER) | denials(), min_size=1, max_size=3), st.lists(outcomes(CREATED), min_size=1, max_size=3))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_token_is_one_or_nothing_was_sent(service: ServiceSettings, tokens: list[Outcome], answers: list[Outcome]) -> None:
    """Whatever the token server answers, the client has a token, or says that nothing was sent, and why; nothing raises."""
    exchange = Told(token=tokens, registerInBulk=answers)
    with told(exchange):
        client = Client(service, _clock)
    outcome = client.token()
    assert outcome is None or isinstance(outcome, NotSent | Misconfigured)
    verdict = client.register(registrations())
    assert isinstance(verdict, Answered | NotSent | NotNow | Ambiguous | CallRefused | TooLarge | Misconfigured)
    if isinstance(verdict, NotSent | Misconfigured) and "registerInBulk" not in exchange.asked:
        assert outcome is not None or exchange.asked.count("token") == 2
    assert exchange.asked.count("registerInBulk") <= 2


@given(st.lists(outcomes(PAGE), min_size=1, max_size=4))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_search_finds_everything_or_has_failed(service: ServiceSettings, answers: list[Outcome]) -> None:
    """All pages were read, or nothing is concluded; no service keeps the client asking for ever."""
    exchange = Told(token=[TOKEN], search=answers)
    with told(exchange):
        client = Client(service, _clock)
    verdict = client.search(Query(from_ms=WALL_MS, to_ms=WALL_MS, employer=EMPLOYER, declaration=DECLARATION))
    assert isinstance(verdict, Found | SearchFailed | SearchUnavailable)
    assert exchange.asked.count("search") <= 2 * (len(answers) + 1)


SENT = {
    "items": [
        {"createdPresenceRegistration": {"id": 501, "validity": "pending", "remarks": []}},
        {"notCreatedPresenceRegistration": {"issues": [{"type": "urn:problem-type:cbss:input-validation:replacedSsin"}]}},
        {"createdPresenceRegistration": {"id": 502, "validity": "pending", "remarks": []}},
    ]
}


def held(number: int, person: int, **changes: object) -> dict[str, Any]:
    at = "2026-11-06T21:20:00Z"
    return served(number, ssin=invented_insz(person).digits, registrationDate=at, **changes)


HELD = {"items": [held(501, 0), held(502, 1, validity="invalid", remarks=["R1"]), held(503, 2)], "total": 3}
GONE = {"items": [{"cancelledPresenceRegistration": {"id": 501}}]}


def mentioned(answers: Sequence[Outcome], number: object) -> bool:
    return any(isinstance(each, Reply) and str(number).encode() in each.body for each in answers)


@given(
    sent=st.lists(outcomes(SENT), min_size=1, max_size=4),
    found=st.lists(outcomes(HELD), min_size=1, max_size=4),
    gone=st.lists(outcomes(GONE), min_size=1, max_size=2),
    looked=st.lists(outcomes(held(501, 0)), min_size=1, max_size=2),
    tokens=st.lists(outcomes(TOKEN_ANSWER), max_size=2),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_delivery_lives_through_every_answer(
    service: ServiceSettings,
    *,
    sent: list[Outcome],
    found: list[Outcome],
    gone: list[Outcome],
    looked: list[Outcome],
    tokens: list[Outcome],
) -> None:
    """Nothing raises, no row is lost or left in flight, and a row is accepted only with an id that the service named, its own."""
    exchange = Told(token=[*tokens, TOKEN], registerInBulk=sent, search=found, cancelInBulk=gone, consult=looked)
    with odd_world(service, exchange) as world:
        rows = [world.tap(person) for person in range(3)]
        world.live(25)
        for row in rows:
            world.regret(row)
        world.live(15)
        book = [world.row(row) for row in rows]
    assert {str(entry["state"]) for entry in book} <= set(State) - {State.IN_FLIGHT}
    assert all(entry["registration_id"] is not None for entry in book if entry["state"] == "accepted")
    ids = [entry["registration_id"] for entry in book if entry["registration_id"] is not None]
    assert len(set(ids)) == len(ids)
    assert all(mentioned([*sent, *found], number) for number in ids)


def no_page(value: object) -> bool:
    """Whether a JSON value can't be a page of anything."""
    return not isinstance(value.get("items") if isinstance(value, dict) else value, list)


UNCLEAR = st.one_of(
    st.builds(Reply, status=st.integers(200, 299), headers=st.just({}), body=NO_JSON.filter(lambda body: no_page(_load(body)))),
    st.builds(
        Reply, status=st.integers(200, 299), headers=st.just({}), body=JSON.filter(no_page).map(lambda v: json.dumps(v).encode())
    ),
    st.builds(
        Reply, status=st.integers(300, 699), headers=st.just({}), body=st.just(json.dumps({"items": [], "total": 0}).encode())
    ),
    st.builds(Reply, status=st.just(200), headers=st.just({}), body=st.just(json.dumps({"items": [{"id": 1}]}).encode())),
    st.builds(Reply, status=st.just(200), headers=st.just({}), body=st.just(json.dumps({"items": [], "total": 9}).encode())),
)


@given(st.lists(UNCLEAR, min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_nothing_unclear_is_absence(service: ServiceSettings, answers: list[Reply]) -> None:
    """A row of which nobody knows whether it arrived is never sent again on the word of a search that is not understood."""
    exchange = Told(token=[TOKEN], registerInBulk=[Ambiguous(why="no answer in time")], search=answers)
    with odd_world(service, exchange) as world:
        world.tap()
        world.live(40)
        assert world.states() == ["unknown"]
    assert exchange.asked.count("registerInBulk") == 1
    assert exchange.asked.count("search") > 1
