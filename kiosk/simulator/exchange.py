"""One exchange from request to delivery: the token endpoint, the service or the administration, and the fault that meets it.

No sockets here: a test can drive ten thousand faults through ``Exchange.handle`` and look at the deliveries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from kiosk.simulator.administration import ADMIN_PATH, Administration
from kiosk.simulator.failures import COMMITTED, MANNERS, spoilt
from kiosk.simulator.faults import Fault, Faults, Order
from kiosk.simulator.journal import Entry, Journal
from kiosk.simulator.messages import Delivery, Manner, Operation, Request, Response
from kiosk.simulator.oauth import Authority
from kiosk.simulator.problems import method_not_allowed
from kiosk.simulator.service import Service, trace_headers

TOKEN_PATH: Final = "/REST/oauth/v5/token"  # noqa: S105 - a path, no secret


class Exchange:
    """Answers every request that comes to the port.

    Args:
        authority: The token endpoint.
        service: The presence registration service.
        administration: What scripts them.
        faults: What goes wrong.
        journal: Where each exchange is noted, but not administration.
        clock: Returns Unix milliseconds UTC.
    """

    def __init__(
        self,
        *,
        authority: Authority,
        service: Service,
        administration: Administration,
        faults: Faults,
        journal: Journal,
        clock: Callable[[], int],
    ) -> None:
        self._authority = authority
        self._service = service
        self._administration = administration
        self._faults = faults
        self._journal = journal
        self._clock = clock

    def handle(self, request: Request) -> Delivery:
        """Do what a request asks, as far as the fault that meets it lets it come, and say how the answer goes out."""
        if request.path == ADMIN_PATH or request.path.startswith(f"{ADMIN_PATH}/"):
            return Delivery(response=self._administration.answer(request))
        at_ms, operation = self._clock(), self._operation(request)
        order = None if operation is None else self._faults.take(operation)
        delivery = Delivery(response=self._answer(request)) if order is None else self._faulty(request, order)
        response = delivery.response
        status, fault = None if response is None else response.status, None if order is None else order.fault
        self._journal.add(Entry(at_ms=at_ms, operation=operation, status=status, fault=fault))
        if response is None:
            return delivery
        return replace(delivery, response=replace(response, headers=(*response.headers, *trace_headers(request))))

    def _operation(self, request: Request) -> Operation | None:
        if request.path == TOKEN_PATH:
            return Operation.TOKEN
        return self._service.operation(request)

    def _answer(self, request: Request) -> Response:
        if request.path == TOKEN_PATH:
            return self._authority.token(request) if request.method == "POST" else method_not_allowed(["POST"]).response()
        return self._service.answer(request)

    def _faulty(self, request: Request, order: Order) -> Delivery:
        if order.fault is Fault.EXPIRED_TOKEN:
            # A real expiry: a client that sends the same token again is refused again.
            self._authority.expire_tokens()
        honest = self._answer(request) if order.fault in COMMITTED else None
        manner = MANNERS.get(order.fault, Manner.WHOLE)
        silent = manner in (Manner.CUT, Manner.HANG)
        return Delivery(response=None if silent else spoilt(order, honest, self._clock()), manner=manner, seconds=order.pause)
