from __future__ import annotations

from typing import Any

import pytest

from kiosk.contract import PROBLEM_JSON
from kiosk.exchange import Reply
from kiosk.judgement import judge_addresses, judge_cancellation, judge_consultation, judge_health, judge_page, judge_registration
from kiosk.problems import IN_ITS_PLACE
from kiosk.verdicts import (
    Addresses,
    Ambiguous,
    Answered,
    CallRefused,
    CancelAnswered,
    Cancelled,
    Consulted,
    Created,
    Health,
    Misconfigured,
    NotNow,
    NotThere,
    SearchFailed,
    SearchUnavailable,
    TooLarge,
)
from kiosk.wire import Page
from tests.answers import WALL_MS, registrations, said, served, trouble

SHOWN = served(17611)


def cancelled(*ids: int) -> dict[str, Any]:
    return {"items": [{"cancelledPresenceRegistration": {"id": number}} for number in ids]}


def issue(name: str, place: str = "body") -> dict[str, str]:
    return {"type": "urn:problem-type:belgif:input-validation:referencedResourceNotFound", "in": place, "name": name}


GONE = "input-validation:referencedResourceNotFound"
NOT_FOUND = trouble(404, "resourceNotFound", issues=[issue("id", "path")])


@pytest.mark.parametrize("status", [200, 201, 207, 299])
def test_every_success_is_read(status: int) -> None:
    """Any 2xx that answers every item has answered it."""
    item = {"createdPresenceRegistration": {"id": 7, "validity": "pending", "remarks": []}}
    assert judge_registration(said(status, {"items": [item]}), registrations(1), WALL_MS) == Answered(
        items=(Created(registration_id=7, validity="pending"),)
    )


def test_a_problem_counts_only_as_one() -> None:
    """The same body under another media type is a gateway's, and proves nothing; parameters and case of the type are ignored."""
    problem = {"type": "urn:problem-type:belgif:badRequest"}
    for kind in (PROBLEM_JSON, "Application/Problem+JSON; charset=utf-8"):
        assert isinstance(judge_registration(said(400, problem, kind=kind), registrations(), WALL_MS), CallRefused)
    assert isinstance(judge_registration(said(400, problem), registrations(), WALL_MS), Ambiguous)


def test_blame_beyond_the_call_blames_nobody() -> None:
    """An index that was never sent is ignored: the call is then isolated by halves."""
    verdict = judge_registration(trouble(400, "badRequest", issues=[issue("items[2].ssin")]), registrations(), WALL_MS)
    assert verdict == CallRefused(reason="badRequest")


def test_the_answers_own_clock_goes_before_the_boxs() -> None:
    """A Retry-After that is a date is held against the answer's Date, since a box's clock may be wrong."""
    reply = said(429, **{"retry-after": "Sun, 22 Nov 2026 07:00:30 GMT", "date": "Sun, 22 Nov 2026 07:00:00 GMT"})
    assert judge_registration(reply, registrations(), 0) == NotNow(why="429 without a problem body", retry_after=30.0)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (said(200, cancelled(7)), CancelAnswered(items=(Cancelled(),))),
        (said(200, cancelled()), Ambiguous(why="the answer (200) does not settle every item")),
        (said(204), Ambiguous(why="the answer (204) does not settle every item")),
        (trouble(400, "badRequest", issues=[issue("items[0].id")]), None),
        (trouble(403, "missingPermission"), Misconfigured(why="403 missingPermission", employer_only=True)),
        (NOT_FOUND, Misconfigured(why="404 resourceNotFound")),
        (
            trouble(404, "resourceNotFound", issues=[issue("items[0].id")]),
            CallRefused(reason="resourceNotFound", items=((0, GONE),)),
        ),
        (said(413), TooLarge()),
        (trouble(503, "serviceUnavailable", retryAfterSec=9), NotNow(why="503 serviceUnavailable", retry_after=9.0)),
        (said(500), Ambiguous(why="500 without a problem body")),
    ],
)
def test_a_cancellation_is_judged_like_a_registration(reply: Reply, verdict: object) -> None:
    """Only a 2xx that answers every id has cancelled; whatever else came, it is told apart as for a registration."""
    expected = verdict or CallRefused(reason="badRequest", items=((0, GONE),))
    assert judge_cancellation(reply, [7], WALL_MS) == expected


def test_one_registration_is_there_or_not_or_nobody_knows() -> None:
    """Only a resourceNotFound that blames the input says that the service does not hold it; a path that leads nowhere does not."""
    assert isinstance(judge_consultation(said(200, SHOWN), 17611, WALL_MS), Consulted)
    assert judge_consultation(NOT_FOUND, 17611, WALL_MS) == NotThere()
    for unclear in (
        said(404),
        said(404, b"<html>not found</html>", kind="text/html"),
        trouble(404, "resourceNotFound"),
        trouble(404, "resourceNotFound", issues=[]),
        trouble(404, "somethingElse", issues=[issue("id")]),
        said(404, {"type": "urn:problem-type:belgif:resourceNotFound", "issues": [issue("id")]}),
    ):
        assert isinstance(judge_consultation(unclear, 17611, WALL_MS), SearchUnavailable), unclear.body
    for failed in (said(200, SHOWN), said(200, {}), said(204), said(302), said(410), trouble(500, "internalServerError")):
        assert isinstance(judge_consultation(failed, 1, WALL_MS), SearchFailed), failed.status


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (said(200, {"status": "UP"}), Health(status="UP")),
        (said(200, {"status": "degraded"}), Health(status="DEGRADED")),
        (said(503, {"status": "DOWN"}), Health(status="DOWN")),
        (said(503, {"status": "up"}), SearchFailed(why="503 without a problem body")),
        (said(503, {"status": 503}), SearchFailed(why="503 without a problem body")),
        (trouble(503, "serviceUnavailable", retryAfterSec=5), SearchFailed(why="503 serviceUnavailable", retry_after=5.0)),
        (said(500, {"status": "UP"}), SearchFailed(why="500 without a problem body")),
        (said(401, {"status": "UP"}), SearchFailed(why="401 without a problem body")),
        (trouble(401, "noAccessToken"), SearchFailed(why="401 noAccessToken", credential=True)),
        (trouble(404, "resourceNotFound"), SearchUnavailable(why="404 resourceNotFound")),
        (said(200, b"<html>log in</html>", kind="text/html"), SearchFailed(why=f"200: {IN_ITS_PLACE}")),
        (said(302), SearchFailed(why=f"302: {IN_ITS_PLACE}")),
    ],
)
def test_health_is_what_the_service_says_of_itself(reply: Reply, verdict: object) -> None:
    """A 200 and a 503 carry the status; a portal, a gateway or a path that leads nowhere is no health."""
    assert judge_health(reply, WALL_MS) == verdict


@pytest.mark.parametrize("status", range(100, 700))
def test_no_status_alone_answers_a_question(status: int) -> None:
    """Without a body that is understood no status finds, misses or denies anything; 400, 403 and 404 need a human."""
    questions: dict[str, Any] = {
        "page": judge_page(said(status), WALL_MS),
        "consultation": judge_consultation(said(status), 1, WALL_MS),
        "addresses": judge_addresses(said(status), WALL_MS),
        "health": judge_health(said(status), WALL_MS),
    }
    for name, verdict in questions.items():
        assert type(verdict) is (SearchUnavailable if status in {400, 403, 404} else SearchFailed), name


def test_an_empty_page_and_no_addresses_are_answers() -> None:
    """Nothing found is told from nothing understood."""
    assert judge_page(said(200, {"items": [], "total": 0}), WALL_MS) == Page(ids=(), registrations=(), total=0, size=None)
    assert judge_addresses(said(200, {"items": []}), WALL_MS) == Addresses(items=())
    for unclear in (said(200), said(200, {}), said(200, {"items": 0}), said(200, {"items": [{}]})):
        assert isinstance(judge_page(unclear, WALL_MS), SearchFailed)
        assert isinstance(judge_addresses(unclear, WALL_MS), SearchFailed)
