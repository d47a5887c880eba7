"""How the service has answered lately, and when it may be asked again. Time and chance are arguments.

One pace for the whole service, never one for each row (design, section 4); searches and cancellations have their own, so
that one of them that fails does not keep anybody's registration back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kiosk.schedule import Dice, backoff, probe_wait, reconnect_wait

#: After so many failures in a row one row alone asks whether the service is back.
_FAILURES_THAT_SHRINK: Final = 3


class ServiceState(StrEnum):
    """What the last contact came to."""

    UNTRIED = "untried"
    UP = "up"
    DOWN = "down"
    CONFIG_FAULT = "config_fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStatus:
    """How it stands with the service.

    Attributes:
        state: What the last contact came to.
        last_success_ms: When the service last answered items, Unix milliseconds UTC, or None.
        last_error: What went wrong last, in words without personal data; None while all is well.
    """

    state: ServiceState = ServiceState.UNTRIED
    last_success_ms: int | None = None
    last_error: str | None = None

    @property
    def offline(self) -> bool:
        """Whether the last contact failed: a tap is recorded and sent later."""
        return self.state in (ServiceState.DOWN, ServiceState.CONFIG_FAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The caps of the waits, seconds; see ``[service]`` in the configuration."""

    backoff_cap_seconds: float = 300
    connect_cap_seconds: float = 30
    start_jitter_seconds: float = 30
    probe_seconds: float = 30


class Contact:
    """Counts failures and says when the next call may be made. Moments are seconds of the boot clock."""

    def __init__(self, pace: Pace, dice: Dice, now: float) -> None:
        self.status = ServiceStatus()
        self.send_from = self.search_from = now + dice() * pace.start_jitter_seconds
        self._pace = pace
        self._dice = dice
        self._failures = 0
        self._faults = 0
        self.cancel_from = self.send_from
        self._reached = False
        self._search_failures = 0
        self._cancel_failures = 0

    @property
    def works(self) -> bool:
        """Whether the last call was answered."""
        return self._failures == 0 and self._faults == 0

    @property
    def shrunk(self) -> bool:
        """Whether the next call should carry one row alone."""
        return self._failures >= _FAILURES_THAT_SHRINK

    def answered(self, at_ms: int) -> None:
        """Every item was answered, at this Unix millisecond."""
        self._reached = True
        self._failures = self._faults = 0
        self.status = ServiceStatus(state=ServiceState.UP, last_success_ms=at_ms)

    def arrived(self, at_ms: int) -> None:
        """A call whose answer was lost has arrived after all: the service is there. The pace stays what the failures made it."""
        if self._faults == 0:
            self.status = ServiceStatus(state=ServiceState.UP, last_success_ms=at_ms)

    def refused(self, why: str) -> None:
        """The service is there, and refused the call for what it carried."""
        self._reached = True
        self._failures = self._faults = 0
        self._say(ServiceState.UP, why)

    def failed(self, now: float, why: str, *, reachable: bool = True, asked: float | None = None) -> None:
        """The call did not come about, or nobody knows what became of it; ``asked`` is the service's Retry-After."""
        self.send_from = now + self._wait(self._failures, reachable=reachable, asked=asked)
        self._failures += 1
        self._say(ServiceState.DOWN, why)

    def misconfigured(self, now: float, why: str) -> None:
        """The box is not set up or not allowed to call."""
        self.send_from = now + probe_wait(self._faults, probe_seconds=self._pace.probe_seconds)
        self._faults += 1
        self._say(ServiceState.CONFIG_FAULT, why)

    def hold_searches(self) -> None:
        """Search no sooner than the next call: the service does not answer at all."""
        self.search_from = max(self.search_from, self.send_from)

    def searched(self) -> None:
        """A search came about."""
        self._reached = True
        self._search_failures = 0

    def search_failed(self, now: float, why: str, asked: float | None, *, reachable: bool = True) -> None:
        """A search did not come about; calls go on."""
        self.search_from = now + self._wait(self._search_failures, reachable=reachable, asked=asked)
        self._search_failures += 1
        self._say(self.status.state, why)

    def cancelled(self) -> None:
        """A cancellation, or the look at what became of one, was answered."""
        self._cancel_failures = 0

    def cancel_failed(self, now: float, why: str, asked: float | None, *, reachable: bool = True) -> None:
        """A cancellation did not come about, or nobody knows what became of it; calls go on."""
        self.cancel_from = now + self._wait(self._cancel_failures, reachable=reachable, asked=asked)
        self._cancel_failures += 1
        self._say(self.status.state, why)

    def _wait(self, failures: int, *, reachable: bool, asked: float | None) -> float:
        pace = self._pace
        self._reached = self._reached or reachable
        if reachable or asked is not None:
            cap = pace.backoff_cap_seconds if reachable else pace.connect_cap_seconds
            return backoff(failures, cap_seconds=cap, asked_seconds=asked, dice=self._dice)
        wait = reconnect_wait(failures, cap_seconds=pace.connect_cap_seconds, dice=self._dice)
        # A router starts more slowly than the boxes behind it: until the first contact the jitter of the start is kept.
        return wait if self._reached else max(wait, min(pace.start_jitter_seconds, pace.connect_cap_seconds))

    def _say(self, state: ServiceState, why: str) -> None:
        self.status = ServiceStatus(state=state, last_success_ms=self.status.last_success_ms, last_error=why)
