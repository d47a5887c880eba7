"""Faults by name: each is what a network or a service does to a good client sooner or later.

A fault is scripted for the next requests of an operation, or comes by chance from dice given by the caller. This
module only says which fault meets which request; what it does to the answer is told in ``failures``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from kiosk.simulator.messages import Operation


class Fault(StrEnum):
    """What goes wrong. *Commit* is the moment when the service has done what was asked."""

    CUT_BEFORE_COMMIT = "cut_before_commit"
    CUT_AFTER_COMMIT = "cut_after_commit"
    HANG_BEFORE_COMMIT = "hang_before_commit"
    HANG_AFTER_COMMIT = "hang_after_commit"
    DRIP = "drip"
    TRUNCATED_BODY = "truncated_body"
    GARBAGE_BODY = "garbage_body"
    SHORT_ANSWER = "short_answer"
    CAPTIVE_PORTAL = "captive_portal"
    REDIRECT = "redirect"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_FAILED_REQUESTS = "too_many_failed_requests"
    SERVER_ERROR_BEFORE_COMMIT = "server_error_before_commit"
    SERVER_ERROR_AFTER_COMMIT = "server_error_after_commit"
    BAD_GATEWAY_BEFORE_COMMIT = "bad_gateway_before_commit"
    BAD_GATEWAY_AFTER_COMMIT = "bad_gateway_after_commit"
    BARE_UNAVAILABLE_BEFORE_COMMIT = "bare_unavailable_before_commit"
    BARE_UNAVAILABLE_AFTER_COMMIT = "bare_unavailable_after_commit"
    UNAVAILABLE = "unavailable"
    BAD_REQUEST = "bad_request"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    RESOURCE_NOT_FOUND = "resource_not_found"
    NO_ACCESS_TOKEN = "no_access_token"  # noqa: S105 - a name, no secret
    INVALID_ACCESS_TOKEN = "invalid_access_token"  # noqa: S105 - a name, no secret
    EXPIRED_TOKEN = "expired_token"  # noqa: S105 - a name, no secret
    MISSING_PERMISSION = "missing_permission"
    MISSING_SCOPE = "missing_scope"
    INVALID_CLIENT = "invalid_client"

    def meets(self, operation: Operation) -> bool:
        """Tell whether this fault can happen to an operation."""
        if self is Fault.INVALID_CLIENT:
            return operation is Operation.TOKEN
        if self in _OF_THE_API:
            return operation not in (Operation.TOKEN, Operation.HEALTH)
        return self is not Fault.SHORT_ANSWER or operation in (Operation.REGISTER, Operation.CANCEL)


#: What only an operation behind a token answers.
_OF_THE_API: Final = frozenset(
    {
        Fault.BAD_REQUEST,
        Fault.PAYLOAD_TOO_LARGE,
        Fault.RESOURCE_NOT_FOUND,
        Fault.NO_ACCESS_TOKEN,
        Fault.INVALID_ACCESS_TOKEN,
        Fault.EXPIRED_TOKEN,
        Fault.MISSING_PERMISSION,
        Fault.MISSING_SCOPE,
    }
)
#: Longer than any client waits; a hang also ends when the client or the double goes.
_HANG_SECONDS: Final = 3600.0
_DRIP_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A fault for the next requests that fit.

    Attributes:
        fault: What goes wrong.
        operation: To which operation; None for any that the fault can meet.
        times: How many requests it meets, at least 1.
        retry_after: Seconds, for 429 and 503 with a body; None leaves ``Retry-After`` out (429 then says 1).
        seconds: How long a hang lasts, or the pause after each dripped byte; None for the usual one.
    """

    fault: Fault
    operation: Operation | None = None
    times: int = 1
    retry_after: int | None = None
    seconds: float | None = None

    @property
    def pause(self) -> float:
        """Seconds of silence: a hang's length, or the pause after each byte of a drip."""
        if self.seconds is not None:
            return self.seconds
        return _DRIP_SECONDS if self.fault is Fault.DRIP else _HANG_SECONDS

    def fits(self, operation: Operation) -> bool:
        """Tell whether it meets a request of this operation."""
        return self.operation in (None, operation) and self.fault.meets(operation)


class Faults:
    """Which fault meets which request, safe to use from several threads.

    Args:
        dice: Returns a number from 0 up to 1; seeded by the caller, so that a run can be repeated.
    """

    def __init__(self, dice: Callable[[], float]) -> None:
        self._dice = dice
        self._queue: list[Order] = []
        self._chances: list[tuple[Order, float]] = []
        self._lock = threading.Lock()

    def script(self, order: Order) -> None:
        """Queue a fault behind those already queued; raises ``ValueError`` where it can never happen."""
        _check(order)
        with self._lock:
            self._queue.append(order)

    def chance(self, order: Order, probability: float) -> None:
        """Let a fault come by chance, 0 to 1 per request that fits, until cleared; ``times`` counts for nothing."""
        _check(order)
        if not 0 <= probability <= 1:
            raise ValueError("a probability lies between 0 and 1")
        with self._lock:
            self._chances.append((order, probability))

    def clear(self) -> None:
        """Forget all faults, queued and by chance."""
        with self._lock:
            self._queue.clear()
            self._chances.clear()

    def pending(self) -> tuple[Order, ...]:
        """Return what is still queued, next first."""
        with self._lock:
            return tuple(self._queue)

    def take(self, operation: Operation) -> Order | None:
        """Return the fault that meets this request, or None; a queued one goes before chance."""
        with self._lock:
            for index, order in enumerate(self._queue):
                if order.fits(operation):
                    self._queue[index : index + 1] = [replace(order, times=order.times - 1)] if order.times > 1 else []
                    return order
            fitting = (order for order, probability in self._chances if order.fits(operation) and self._dice() < probability)
            return next(fitting, None)


def _check(order: Order) -> None:
    if order.times < 1:
        raise ValueError("a fault meets at least one request")
    if order.operation is not None and not order.fault.meets(order.operation):
        raise ValueError(f"{order.fault.value} can't happen to {order.operation.value}")
