"""Problem bodies as the Belgif REST guide and RFC 9457 want them (facts, rsz-service, section 3).

Where Belgif names no problem type (405, 406, 411, 415) the type is ``about:blank``, as RFC 9457 section 4.2.1 has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

from kiosk.model import moment
from kiosk.simulator.messages import PROBLEM, Json, Response, answer

_BELGIF: Final = "urn:problem-type:belgif:"


class IssueType(StrEnum):
    """What is wrong with one input."""

    SCHEMA_VIOLATION = "urn:problem-type:belgif:input-validation:schemaViolation"
    UNKNOWN_INPUT = "urn:problem-type:belgif:input-validation:unknownInput"
    INVALID_INPUT = "urn:problem-type:belgif:input-validation:invalidInput"
    RESOURCE_NOT_FOUND = "urn:problem-type:belgif:input-validation:referencedResourceNotFound"
    ANY_OF = "urn:problem-type:belgif-ext:input-validation:anyOfExpected"
    EQUAL = "urn:problem-type:belgif-ext:input-validation:equalExpected"
    EXACTLY_ONE_OF = "urn:problem-type:belgif-ext:input-validation:exactlyOneOfExpected"
    INVALID_PERIOD = "urn:problem-type:belgif-ext:input-validation:invalidPeriod"
    INVALID_STRUCTURE = "urn:problem-type:belgif-ext:input-validation:invalidStructure"
    OUT_OF_RANGE = "urn:problem-type:belgif-ext:input-validation:outOfRange"
    REJECTED_INPUT = "urn:problem-type:belgif-ext:input-validation:rejectedInput"
    REQUIRED_INPUT = "urn:problem-type:belgif-ext:input-validation:requiredInput"
    ZERO_OR_ALL_OF = "urn:problem-type:belgif-ext:input-validation:zeroOrAllOfExpected"
    ZERO_OR_EXACTLY_ONE_OF = "urn:problem-type:belgif-ext:input-validation:zeroOrExactlyOneOfExpected"
    REPLACED_SSIN = "urn:problem-type:cbss:input-validation:replacedSsin"
    UNKNOWN_SSIN = "urn:problem-type:cbss:input-validation:unknownSsin"

    @property
    def words(self) -> str:
        """A few words for developers, the same for each issue of this type."""
        return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in self.rsplit(":", 1)[1]).capitalize()


class Place(StrEnum):
    """Where the wrong input stands."""

    BODY = "body"
    QUERY = "query"
    PATH = "path"
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One wrong input.

    Attributes:
        type: What is wrong.
        name: Which input, such as ``items[3].ssin``; empty for the body as a whole.
        detail: A sentence for developers that does not repeat the value.
        place: Where it stands.
        value: The value sent, when it is a scalar. The real service may echo a person's number here, so this one does too.
    """

    type: IssueType
    name: str
    detail: str
    place: Place = Place.BODY
    value: str | float | bool | None = None

    def __repr__(self) -> str:
        return f"Issue({self.type.value}, {self.name})"

    def as_json(self) -> Json:
        """Write it as Belgif's ``InputValidationIssue``."""
        body = {"type": self.type.value, "title": self.type.words, "detail": self.detail, "in": self.place.value, "name": self.name}
        return body if self.value is None else {**body, "value": self.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a request is not answered with success.

    Attributes:
        status: HTTP status, 400 to 599.
        type: Belgif's name of the problem, or None for ``about:blank``.
        detail: A sentence for developers.
        extras: Further members of the body.
        headers: Further headers of the answer.
    """

    status: HTTPStatus
    type: str | None = None
    detail: str | None = None
    extras: Json = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    def response(self) -> Response:
        """Write it as ``application/problem+json``."""
        title = self.type or self.status.phrase
        body: dict[str, Any] = {
            "type": f"{_BELGIF}{self.type}" if self.type else "about:blank",
            "title": title,
            "status": self.status.value,
        }
        if self.detail is not None:
            body["detail"] = self.detail
        return answer(self.status.value, body | self.extras, *self.headers, content_type=PROBLEM)


class Refused(Exception):
    """Raised by the checks of a request."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.type)
        self.problem = problem


def bad_request(issues: Iterable[Issue], detail: str = "The input message is incorrect") -> Problem:
    """400: the client's mistake, told input by input."""
    return Problem(
        status=HTTPStatus.BAD_REQUEST, type="badRequest", detail=detail, extras={"issues": [issue.as_json() for issue in issues]}
    )


def in_old_words(problem: Problem) -> Problem:
    """Tell the issues as Belgif did before: ``invalidParams`` with ``reason`` and a bare ``issueType``."""
    if "issues" not in problem.extras:
        return problem
    params = [
        {name: issue[name] for name in ("in", "name", "value") if name in issue}
        | {"reason": issue["detail"], "issueType": issue["type"].rsplit(":", 1)[1]}
        for issue in problem.extras["issues"]
    ]
    others = {name: value for name, value in problem.extras.items() if name != "issues"}
    return replace(problem, extras=others | {"invalidParams": params})


def unauthorized(kind: str, detail: str) -> Problem:
    """401: ``noAccessToken``, ``invalidAccessToken`` or ``expiredAccessToken``, with RFC 6750's challenge."""
    challenge = "Bearer" if kind == "noAccessToken" else f'Bearer error="invalid_token", error_description="{detail}"'
    return Problem(status=HTTPStatus.UNAUTHORIZED, type=kind, detail=detail, headers=(("WWW-Authenticate", challenge),))


def missing_permission() -> Problem:
    """403: the caller may not act for this employer."""
    return Problem(status=HTTPStatus.FORBIDDEN, type="missingPermission", detail="Not permitted to act for this employer")


def missing_scope() -> Problem:
    """403: the token lacks a scope."""
    return Problem(
        status=HTTPStatus.FORBIDDEN,
        type="missingScope",
        detail="Forbidden to consult the resource",
        extras={"requiredScopes": ["scope:presenceregistration:simulated"]},
    )


def not_found(issue: Issue | None = None) -> Problem:
    """404: no such path, or no such registration."""
    extras = {} if issue is None else {"issues": [issue.as_json()]}
    return Problem(status=HTTPStatus.NOT_FOUND, type="resourceNotFound", detail="No such resource", extras=extras)


def method_not_allowed(allowed: Iterable[str]) -> Problem:
    """405 with ``Allow``."""
    return Problem(status=HTTPStatus.METHOD_NOT_ALLOWED, headers=(("Allow", ", ".join(sorted(allowed))),))


def payload_too_large(limit: int) -> Problem:
    """413; ``limit`` in bytes."""
    return Problem(status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, type="payloadTooLarge", extras={"limit": limit})


def throttled(kind: str, now_ms: int, retry_after: int) -> Problem:
    """429: ``tooManyRequests`` or ``tooManyFailedRequests``; ``retry_after`` in seconds."""
    until = moment(now_ms) + timedelta(seconds=retry_after)
    extras = {"limit": 60, "retryAfter": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "retryAfterSec": retry_after}
    headers = (("Retry-After", str(retry_after)),)
    return Problem(status=HTTPStatus.TOO_MANY_REQUESTS, type=kind, detail="Too many requests", extras=extras, headers=headers)


def server_error(status: HTTPStatus, kind: str, retry_after: int | None = None) -> Problem:
    """500, 502 or 503 with a body; ``retry_after`` in seconds, or None to leave it out."""
    if retry_after is None:
        return Problem(status=status, type=kind, detail="Please try again later")
    extras, headers = {"retryAfterSec": retry_after}, (("Retry-After", str(retry_after)),)
    return Problem(status=status, type=kind, detail="Please try again later", extras=extras, headers=headers)
