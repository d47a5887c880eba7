"""The double's own paths, for tests and demonstrations: no part of the service, no token, this machine only.

| path below ``/_simulator`` | does |
|---|---|
| ``GET registrations`` | every row, with whose client it was |
| ``GET requests`` | the journal: what was asked, what met it |
| ``POST faults``, ``DELETE faults`` | queue a fault or let it come by chance; forget all |
| ``POST rules``, ``DELETE rules`` | what the service decides about items; forget all |
| ``POST clients`` | a client id and its certificate or public key |
| ``POST settings`` | denied employers, health, delays, token life, issues in old words |
| ``GET openapi.json`` | the service's document |
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from kiosk.model import rfc3339
from kiosk.simulator.document import Document, check_query, load, parse
from kiosk.simulator.faults import Fault, Faults, Order
from kiosk.simulator.journal import Journal
from kiosk.simulator.ledger import Ledger, Rule, Validity
from kiosk.simulator.messages import Json, Operation, Request, Response, answer
from kiosk.simulator.oauth import Authority
from kiosk.simulator.problems import Issue, IssueType, Problem, Refused, bad_request, method_not_allowed, not_found
from kiosk.simulator.service import Service

ADMIN_PATH: Final = "/_simulator"


class Administration:
    """Scripts the double over HTTP.

    Args:
        ledger: Whose rows are shown and whose rules are set.
        authority: Whose clients are added.
        service: Whose settings are changed and whose document is shown.
        faults: What is scripted.
        journal: What is shown.
    """

    def __init__(self, *, ledger: Ledger, authority: Authority, service: Service, faults: Faults, journal: Journal) -> None:
        self._document = Document(load("admin.json"))
        self._ledger = ledger
        self._authority = authority
        self._service = service
        self._faults = faults
        self._journal = journal
        self._actions: dict[str, dict[str, Callable[[Request], Json]]] = {
            "registrations": {"GET": self._registrations},
            "requests": {"GET": self._requests},
            "faults": {"POST": self._add_fault, "DELETE": self._clear_faults},
            "rules": {"POST": self._add_rule, "DELETE": self._clear_rules},
            "clients": {"POST": self._add_client},
            "settings": {"POST": self._change_settings},
            "openapi.json": {"GET": lambda _request: self._service.document.content},
        }

    def answer(self, request: Request) -> Response:
        """Do what is asked, or answer with a problem body."""
        try:
            return answer(200, self._action(request)(request))
        except Refused as refused:
            return refused.problem.response()

    def _action(self, request: Request) -> Callable[[Request], Json]:
        if not ipaddress.ip_address(request.peer.partition("%")[0]).is_loopback:
            raise Refused(Problem(status=HTTPStatus.FORBIDDEN, detail="The simulator is administered from its own machine only"))
        methods = self._actions.get(request.path.removeprefix(ADMIN_PATH).strip("/"))
        if methods is None:
            raise Refused(not_found())
        if request.method not in methods:
            raise Refused(method_not_allowed(methods))
        check_query(request)
        return methods[request.method]

    def _body(self, request: Request, schema: str) -> Json:
        body = parse(request.body or b"")
        issues = self._document.issues(schema, body)
        if issues or not isinstance(body, dict):
            raise Refused(bad_request(issues))
        return body

    def _registrations(self, _request: Request) -> Json:
        now_ms = self._ledger.now_ms()
        return {"items": [row.as_json(now_ms, history=True) | {"clientId": row.client_id} for row in self._ledger.rows()]}

    def _requests(self, _request: Request) -> Json:
        return {
            "items": [
                {"at": rfc3339(entry.at_ms), "operation": entry.operation, "status": entry.status, "fault": entry.fault}
                for entry in self._journal.entries()
            ]
        }

    def _add_fault(self, request: Request) -> Json:
        body = self._body(request, "FaultOrder")
        probability = body.pop("probability", None)
        try:
            operation = body.pop("operation", None)
            body["operation"] = None if operation is None else Operation(operation)
            order = Order(**body | {"fault": Fault(body["fault"])})
            if probability is None:
                self._faults.script(order)
            else:
                self._faults.chance(order, probability)
        except ValueError as error:
            raise Refused(bad_request([Issue(type=IssueType.INVALID_INPUT, name="fault", detail=str(error))])) from error
        return {}

    def _clear_faults(self, _request: Request) -> Json:
        self._faults.clear()
        return {}

    def _add_rule(self, request: Request) -> Json:
        body = self._body(request, "NewRule")
        try:
            body |= {name: IssueType(body[name]) for name in ("not_created", "bad_request") if name in body}
            body["validity"] = Validity(body.get("validity", Validity.VALID))
        except ValueError as error:
            # The message of an enumeration names the word that is wrong, which is no personal datum.
            raise Refused(bad_request([Issue(type=IssueType.INVALID_INPUT, name="validity", detail=str(error))])) from error
        self._ledger.add_rule(Rule(**body | {"remarks": tuple(body.get("remarks", ()))}))
        return {}

    def _clear_rules(self, _request: Request) -> Json:
        self._ledger.clear_rules()
        return {}

    def _add_client(self, request: Request) -> Json:
        body = self._body(request, "NewClient")
        try:
            self._authority.clients.add(body["client_id"], body["pem"])
        except ValueError as error:
            raise Refused(bad_request([Issue(type=IssueType.INVALID_INPUT, name="pem", detail=str(error))])) from error
        return {}

    def _change_settings(self, request: Request) -> Json:
        body = self._body(request, "Settings")
        settings = self._service.settings
        settings.denied_employers = frozenset(body.get("denied_employers", settings.denied_employers))
        settings.health = body.get("health", settings.health)
        settings.old_problems = body.get("old_problems", settings.old_problems)
        self._ledger.validity_delay_seconds = body.get("validity_delay_seconds", self._ledger.validity_delay_seconds)
        self._ledger.search_lag_seconds = body.get("search_lag_seconds", self._ledger.search_lag_seconds)
        self._authority.token_seconds = body.get("token_seconds", self._authority.token_seconds)
        return {}
