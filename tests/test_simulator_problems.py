from __future__ import annotations

from http import HTTPStatus

import pytest

from kiosk.simulator.problems import (
    Issue,
    IssueType,
    Place,
    Problem,
    bad_request,
    in_old_words,
    method_not_allowed,
    missing_permission,
    missing_scope,
    not_found,
    payload_too_large,
    server_error,
    throttled,
    unauthorized,
)
from tests.people import CANARY_INSZ

EVERY = [
    bad_request([Issue(type=IssueType.UNKNOWN_INPUT, name="items[3].x", detail="unknown")]),
    unauthorized("noAccessToken", "none"),
    missing_permission(),
    missing_scope(),
    not_found(),
    not_found(Issue(type=IssueType.RESOURCE_NOT_FOUND, name="id", detail="none", place=Place.PATH)),
    method_not_allowed(["POST"]),
    payload_too_large(1000),
    throttled("tooManyRequests", 0, 5),
    server_error(HTTPStatus.BAD_GATEWAY, "badGateway"),
    server_error(HTTPStatus.SERVICE_UNAVAILABLE, "serviceUnavailable", 7),
    Problem(status=HTTPStatus.NOT_ACCEPTABLE),
]


@pytest.mark.parametrize("problem", EVERY, ids=lambda problem: problem.type)
def test_every_problem_has_the_members_of_rfc_9457(problem: Problem) -> None:
    """Each body has a type URN (or about:blank), a title and the status that is answered."""
    response = problem.response()
    body = response.json()
    assert response.content_type == "application/problem+json"
    assert body["status"] == response.status == problem.status
    assert body["type"] == (f"urn:problem-type:belgif:{problem.type}" if problem.type else "about:blank")
    assert body["title"]


def test_an_issue_says_what_and_where() -> None:
    """An issue carries type, title, detail, place, name and, for a scalar, the value; its representation does not."""
    issue = Issue(type=IssueType.INVALID_STRUCTURE, name="items[3].ssin", detail="wrong", value=CANARY_INSZ.digits)
    assert issue.as_json() == {
        "type": "urn:problem-type:belgif-ext:input-validation:invalidStructure",
        "title": "Invalid structure",
        "detail": "wrong",
        "in": "body",
        "name": "items[3].ssin",
        "value": CANARY_INSZ.digits,
    }
    assert CANARY_INSZ.digits not in repr(issue)


def test_issues_can_be_told_in_old_words() -> None:
    """Before, Belgif called issues ``invalidParams``, their type a bare ``issueType`` and their detail a ``reason``."""
    issue = Issue(type=IssueType.INVALID_STRUCTURE, name="items[3].ssin", detail="wrong")
    old = in_old_words(bad_request([issue])).response().json()
    assert old["invalidParams"] == [{"in": "body", "name": "items[3].ssin", "reason": "wrong", "issueType": "invalidStructure"}]
    assert (old["type"], "issues" in old) == ("urn:problem-type:belgif:badRequest", False)
    assert in_old_words(missing_scope()) == missing_scope()


def test_throttling_says_until_when_in_three_ways() -> None:
    """429 carries Retry-After, retryAfterSec and retryAfter, all telling the same moment."""
    response = throttled("tooManyFailedRequests", 1_795_330_865_000, 30).response()
    assert response.header("retry-after") == "30"
    assert response.json()["retryAfterSec"] == 30
    assert response.json()["retryAfter"] == "2026-11-22T07:01:35Z"


def test_the_challenge_tells_none_from_bad() -> None:
    """A missing token gets a bare Bearer challenge, a bad one an error (RFC 6750, section 3.1)."""
    assert unauthorized("noAccessToken", "x").response().header("WWW-Authenticate") == "Bearer"
    assert 'error="invalid_token"' in str(unauthorized("expiredAccessToken", "x").response().header("WWW-Authenticate"))


def test_no_header_is_none() -> None:
    """A header that is not there is None."""
    assert missing_scope().response().header("Retry-After") is None
    assert repr(missing_scope().response()) == "Response(403)"
