"""What each fault does to an answer: whether the service still does its work, what is sent instead, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from kiosk.simulator.faults import Fault, Order
from kiosk.simulator.messages import JSON, Manner, Response, answer
from kiosk.simulator.problems import (
    Problem,
    bad_request,
    missing_permission,
    missing_scope,
    not_found,
    payload_too_large,
    server_error,
    throttled,
    unauthorized,
)

#: The service does what was asked before the fault strikes.
COMMITTED: Final = frozenset(
    {
        Fault.CUT_AFTER_COMMIT,
        Fault.HANG_AFTER_COMMIT,
        Fault.DRIP,
        Fault.TRUNCATED_BODY,
        Fault.GARBAGE_BODY,
        Fault.SHORT_ANSWER,
        Fault.SERVER_ERROR_AFTER_COMMIT,
        Fault.BAD_GATEWAY_AFTER_COMMIT,
        Fault.BARE_UNAVAILABLE_AFTER_COMMIT,
        Fault.EXPIRED_TOKEN,
    }
)
#: How the answer goes out, where not whole.
MANNERS: Final[Mapping[Fault, Manner]] = {
    Fault.CUT_BEFORE_COMMIT: Manner.CUT,
    Fault.CUT_AFTER_COMMIT: Manner.CUT,
    Fault.HANG_BEFORE_COMMIT: Manner.HANG,
    Fault.HANG_AFTER_COMMIT: Manner.HANG,
    Fault.DRIP: Manner.DRIP,
    Fault.TRUNCATED_BODY: Manner.TRUNCATED,
}
_PORTAL: Final = b"<!doctype html><title>Free Wi-Fi</title><h1>Welcome</h1><p>Accept the terms to go online.</p>"
#: What a gateway's limit may be; the double's own is told by ``Settings``.
_GATEWAY_BYTES: Final = 1024
_GARBAGE: Final = b'{"items":[{"createdPresence\x00\xff\xfe not JSON'


def _server_error(_order: Order, _now_ms: int) -> Response:
    return server_error(HTTPStatus.INTERNAL_SERVER_ERROR, "internalServerError").response()


def _bad_gateway(_order: Order, _now_ms: int) -> Response:
    return server_error(HTTPStatus.BAD_GATEWAY, "badGateway").response()


def _bare_unavailable(_order: Order, _now_ms: int) -> Response:
    return Response(status=503)


def _unavailable(order: Order, _now_ms: int) -> Response:
    return server_error(HTTPStatus.SERVICE_UNAVAILABLE, "serviceUnavailable", order.retry_after).response()


def _said(problem: Problem) -> Callable[[Order, int], Response]:
    return lambda _order, _now_ms: problem.response()


def _throttled(kind: str) -> Callable[[Order, int], Response]:
    return lambda order, now_ms: throttled(kind, now_ms, 1 if order.retry_after is None else order.retry_after).response()


#: What is sent in place of the honest answer.
_INSTEAD: Final[Mapping[Fault, Callable[[Order, int], Response]]] = {
    Fault.CAPTIVE_PORTAL: lambda _order, _now_ms: Response(status=200, content_type="text/html; charset=utf-8", body=_PORTAL),
    Fault.REDIRECT: lambda _order, _now_ms: Response(status=302, headers=(("Location", "https://portal.invalid/login"),)),
    Fault.TOO_MANY_REQUESTS: _throttled("tooManyRequests"),
    Fault.TOO_MANY_FAILED_REQUESTS: _throttled("tooManyFailedRequests"),
    Fault.SERVER_ERROR_BEFORE_COMMIT: _server_error,
    Fault.SERVER_ERROR_AFTER_COMMIT: _server_error,
    Fault.BAD_GATEWAY_BEFORE_COMMIT: _bad_gateway,
    Fault.BAD_GATEWAY_AFTER_COMMIT: _bad_gateway,
    Fault.BARE_UNAVAILABLE_BEFORE_COMMIT: _bare_unavailable,
    Fault.BARE_UNAVAILABLE_AFTER_COMMIT: _bare_unavailable,
    Fault.UNAVAILABLE: _unavailable,
    Fault.GARBAGE_BODY: lambda _order, _now_ms: Response(status=200, content_type=JSON, body=_GARBAGE),
    Fault.BAD_REQUEST: _said(bad_request([])),
    Fault.PAYLOAD_TOO_LARGE: _said(payload_too_large(_GATEWAY_BYTES)),
    Fault.RESOURCE_NOT_FOUND: _said(not_found()),
    Fault.NO_ACCESS_TOKEN: _said(unauthorized("noAccessToken", "No Bearer access token found in Authorization HTTP header")),
    Fault.INVALID_ACCESS_TOKEN: _said(unauthorized("invalidAccessToken", "The Bearer access token is invalid")),
    Fault.MISSING_PERMISSION: _said(missing_permission()),
    Fault.MISSING_SCOPE: _said(missing_scope()),
    Fault.INVALID_CLIENT: lambda _order, _now_ms: answer(400, {"error": "invalid_client"}, ("Cache-Control", "no-store")),
}


def spoilt(order: Order, honest: Response | None, now_ms: int) -> Response:
    """Return what the client gets to see.

    Args:
        order: The fault and its figures.
        honest: The true answer, where the service has done its work.
        now_ms: Unix milliseconds UTC, for ``retryAfter``.
    """
    if order.fault in _INSTEAD:
        return _INSTEAD[order.fault](order, now_ms)
    if honest is None:
        raise ValueError(f"{order.fault.value} spoils an answer, but there is none")
    return _shortened(honest) if order.fault is Fault.SHORT_ANSWER else honest


def _shortened(honest: Response) -> Response:
    """Leave out the last item of a list that was answered."""
    body = honest.json()
    return replace(honest, body=answer(honest.status, body | {"items": body["items"][:-1]}).body) if "items" in body else honest
