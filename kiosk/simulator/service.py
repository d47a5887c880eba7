"""The service itself: a request in, an answer out. Faults and sockets are elsewhere.

The order of the checks is a gateway's: path, method, token, media types, size, then the input, then permission.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from kiosk.identifiers import EnterpriseNumber, Insz
from kiosk.model import Coordinates
from kiosk.simulator.addresses import nearby
from kiosk.simulator.document import Document, Route, check_query, load, parse
from kiosk.simulator.instants import milliseconds
from kiosk.simulator.ledger import Filter, Ledger, employer_of
from kiosk.simulator.messages import JSON, Json, Operation, Request, Response, answer
from kiosk.simulator.oauth import Authority
from kiosk.simulator.problems import (
    Issue,
    IssueType,
    Place,
    Problem,
    Refused,
    bad_request,
    in_old_words,
    missing_permission,
    not_found,
    payload_too_large,
)

API_PATH: Final = "/REST/presenceRegistration/v1"
_PAGE_SIZE: Final = 50
#: Belgif guide, tracing: at most this many characters.
_LONGEST_TRACE: Final = 36


@dataclass(slots=True, kw_only=True)
class Settings:
    """What may change while the service runs.

    Attributes:
        denied_employers: Enterprise or foreign VAT numbers for which the caller holds no mandate.
        health: ``UP``, ``DEGRADED`` or ``DOWN``.
        largest_body: Bytes; a larger body is answered with 413.
        old_problems: Tell issues as Belgif did before, as ``invalidParams``.
    """

    denied_employers: frozenset[str] = field(default_factory=frozenset)
    health: str = "UP"
    largest_body: int = 4 * 1024 * 1024
    old_problems: bool = False


class Service:
    """Answers the requests of the OpenAPI document.

    Args:
        ledger: Where registrations are kept.
        authority: Who recognises tokens.
        settings: What may change while it runs.
    """

    def __init__(self, *, ledger: Ledger, authority: Authority, settings: Settings) -> None:
        self.document = Document(load("openapi.json"))
        self._ledger = ledger
        self._authority = authority
        self.settings = settings
        self._operations: dict[Operation, Callable[[Route, Json, str], Response]] = {
            Operation.REGISTER: self._register,
            Operation.SEARCH: self._search,
            Operation.SHOW: self._show,
            Operation.CANCEL: self._cancel,
            Operation.ADDRESSES: self._addresses,
            Operation.HEALTH: self._health,
        }

    def operation(self, request: Request) -> Operation | None:
        """Return what a request asks for, or None when it leads nowhere."""
        try:
            return self._route(request).operation
        except Refused:
            return None

    def answer(self, request: Request) -> Response:
        """Answer a request, with a problem body where it is refused."""
        try:
            return self._accepted(request)
        except Refused as refused:
            problem = in_old_words(refused.problem) if self.settings.old_problems else refused.problem
            return problem.response()

    def _accepted(self, request: Request) -> Response:
        route = self._route(request)
        client_id = "" if route.open else self._authority.client_of(request)
        check_query(request)
        _check_accept(request)
        body = {} if route.schema is None else self._body(request, route.schema)
        if "employer" in body or route.operation is Operation.REGISTER:
            self._check_permission(body)
        return self._operations[route.operation](route, body, client_id)

    def _route(self, request: Request) -> Route:
        if not request.path.startswith(f"{API_PATH}/"):
            raise Refused(not_found())
        return self.document.route(request.method, request.path.removeprefix(API_PATH))

    def _body(self, request: Request, schema: str) -> Json:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise Refused(Problem(status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail=f"Only {JSON} is read"))
        if request.body is None or len(request.body) > self.settings.largest_body:
            raise Refused(payload_too_large(self.settings.largest_body))
        body = parse(request.body)
        issues = self.document.issues(schema, body)
        if issues or not isinstance(body, dict):
            raise Refused(bad_request(issues))
        if wrong := list(_meaningless(body)):
            raise Refused(bad_request(wrong))
        return body

    def _check_permission(self, body: Json) -> None:
        holders = body.get("items", [body])
        if any(employer_of(holder) in self.settings.denied_employers for holder in holders):
            raise Refused(missing_permission())

    def _register(self, _route: Route, body: Json, client_id: str) -> Response:
        if objections := self._ledger.objections(body["items"]):
            raise Refused(bad_request(objections))
        return answer(200, {"items": self._ledger.register(body["items"], client_id=client_id)})

    def _search(self, _route: Route, body: Json, _client_id: str) -> Response:
        wanted = Filter(
            from_ms=milliseconds(body["registrationDateFrom"]),
            to_ms=milliseconds(body["registrationDateTo"]),
            ssin=body.get("ssin"),
            employer=employer_of(body) if "employer" in body else None,
            declaration=body.get("contractualRelationshipReference"),
        )
        if wanted.from_ms > wanted.to_ms:
            issue = Issue(type=IssueType.INVALID_PERIOD, name="registrationDateTo", detail="the end lies before the beginning")
            raise Refused(bad_request([issue]))
        rows, now_ms = self._ledger.search(wanted), self._ledger.now_ms()
        page, size = int(body.get("page", 1)), int(body.get("pageSize", _PAGE_SIZE))
        shown = [row.as_json(now_ms) for row in rows[(page - 1) * size : page * size]]
        return answer(200, {"items": shown, "total": len(rows), "page": page, "pageSize": size})

    def _show(self, route: Route, _body: Json, _client_id: str) -> Response:
        number = route.parameters["id"]
        row = self._ledger.get(number)
        if row is None:
            detail = "no such registration"
            issue = Issue(type=IssueType.RESOURCE_NOT_FOUND, name="id", detail=detail, place=Place.PATH, value=number)
            raise Refused(not_found(issue))
        return answer(200, row.as_json(self._ledger.now_ms(), history=True))

    def _cancel(self, _route: Route, body: Json, _client_id: str) -> Response:
        return answer(200, {"items": [self._cancel_one(int(item["id"]), index) for index, item in enumerate(body["items"])]})

    def _cancel_one(self, number: int, index: int) -> Json:
        row = self._ledger.get(number)
        kind = IssueType.RESOURCE_NOT_FOUND if row is None else IssueType.REJECTED_INPUT
        if row is not None and employer_of(row.item) not in self.settings.denied_employers and self._ledger.cancel(number):
            return {"cancelledPresenceRegistration": {"id": number}}
        issue = Issue(type=kind, name=f"items[{index}].id", detail="the registration can't be cancelled", value=number)
        return {"notCancelledPresenceRegistration": {"id": number, "issues": [issue.as_json()]}}

    def _addresses(self, _route: Route, body: Json, _client_id: str) -> Response:
        place = body["coordinates"]
        return answer(200, {"items": nearby(Coordinates(place["latitude"], place["longitude"]))})

    def _health(self, _route: Route, _body: Json, _client_id: str) -> Response:
        return answer(503 if self.settings.health == "DOWN" else 200, {"status": self.settings.health})


def trace_headers(request: Request) -> tuple[tuple[str, str], ...]:
    """Return the service's own trace id, and the client's when it sent a usable one (Belgif guide, tracing)."""
    headers = (("BelGov-Trace-Id", str(uuid.uuid4())),)
    theirs = request.headers.get("belgov-trace-id", "")
    usable = 0 < len(theirs) <= _LONGEST_TRACE and theirs.isascii() and theirs.isprintable()
    return (*headers, ("BelGov-Related-Trace-Id", theirs)) if usable else headers


def _check_accept(request: Request) -> None:
    """Refuse a client that does not want JSON (RFC 9110, section 12.5.1)."""
    ranges = [part.strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    for media, _, parameters in (part.partition(";") for part in ranges):
        refused = any(parameter.strip() in ("q=0", "q=0.0", "q=0.00", "q=0.000") for parameter in parameters.split(";"))
        if media.strip() in ("*/*", "application/*", JSON, "") and not refused:
            return
    raise Refused(Problem(status=HTTPStatus.NOT_ACCEPTABLE, detail=f"Only {JSON} is produced"))


def _meaningless(body: Json) -> Iterator[Issue]:
    """Find numbers that have the right shape and wrong check digits."""
    holders = [(f"items[{index}].", item) for index, item in enumerate(body["items"])] if "items" in body else [("", body)]
    for prefix, holder in holders:
        number = holder.get("employer", {}).get("enterpriseNumber")
        yield from _wrong(f"{prefix}ssin", holder.get("ssin"), Insz.parse)
        yield from _wrong(f"{prefix}employer.enterpriseNumber", number, EnterpriseNumber.parse)


def _wrong(name: str, value: str | None, read: Callable[[str], object]) -> Iterator[Issue]:
    try:
        if value is not None:
            read(value)
    except ValueError as error:
        yield Issue(type=IssueType.INVALID_STRUCTURE, name=name, detail=str(error), value=value)
