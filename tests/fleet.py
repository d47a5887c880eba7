"""Five hundred kiosks that come back after an outage.

The waits are the true ones (``kiosk.contact``, ``kiosk.schedule``), time is invented, chance is seeded. A kiosk here is what
delivery does with a contact: call when it may, fail or go on with the next batch at once. Other threads' searches (validity,
channels) are slower and spread by themselves.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from kiosk.contact import Contact, Pace

KIOSKS, BATCHES = 500, 3
CALL_SECONDS, BIN_SECONDS, SPREAD_SECONDS = 0.5, 10, 30
HOUR = 3600.0


@dataclass
class Overloaded:
    """A service that takes so many calls a second, and answers 503 to the rest."""

    a_second: int
    retry_after: float | None
    taken: dict[int, int] = field(default_factory=dict)

    def takes(self, now: float) -> bool:
        second = int(now)
        self.taken[second] = self.taken.get(second, 0) + 1
        return self.taken[second] <= self.a_second


@dataclass
class Fleet:
    """All kiosks of one run.

    Attributes:
        seed: Of the chance of all of them.
        back: When the network is back, seconds after the moment in which all of them start, or lose it.
        booted: Whether they start then; else they were well connected until then, and each has something to send.
        failing_seconds: How long a try takes to fail while the network is away.
        service: What answers, or None for one that takes all.
    """

    seed: int
    back: float = 0.0
    booted: bool = True
    failing_seconds: float = 0.0
    service: Overloaded | None = None
    calls: list[float] = field(default_factory=list)
    refused: int = 0

    def run(self) -> Fleet:
        """Let every kiosk send all it has; ``calls`` are then the seconds after the return at which the service was called."""
        dice = random.Random(self.seed).random  # noqa: S311  the same fleet in every run
        contacts = [self._kiosk(dice) for _ in range(KIOSKS)]
        left = [BATCHES] * KIOSKS
        due = [(contact.send_from, number) for number, contact in enumerate(contacts)]
        heapq.heapify(due)
        while due:
            now, number = heapq.heappop(due)
            if self._call(contacts[number], now):
                left[number] -= 1
                again = now + CALL_SECONDS
            else:
                again = contacts[number].send_from
            if left[number]:
                heapq.heappush(due, (again, number))
        return self

    def _kiosk(self, dice: Callable[[], float]) -> Contact:
        if self.booted:
            return Contact(Pace(), dice, 0.0)
        contact = Contact(Pace(), dice, -HOUR)
        contact.answered(0)
        contact.send_from = 0.0
        return contact

    def _call(self, contact: Contact, now: float) -> bool:
        if now < self.back:
            contact.failed(now + self.failing_seconds, "no route", reachable=False)
            return False
        self.calls.append(now - self.back)
        if self.service is not None and not self.service.takes(now):
            self.refused += 1
            contact.failed(now, "503", asked=self.service.retry_after)
            return False
        contact.answered(round(now * 1000))
        return True

    @property
    def bins(self) -> list[int]:
        """Calls in each ten seconds after the return."""
        counts = [0] * (int(max(self.calls) // BIN_SECONDS) + 1)
        for each in self.calls:
            counts[int(each // BIN_SECONDS)] += 1
        return counts

    def peak_to_mean(self) -> float:
        """The fullest bin against the mean of the time in which all shall be back; what comes after it counts into the mean."""
        return max(self.bins) / (len(self.calls) / ((SPREAD_SECONDS + self.failing_seconds) / BIN_SECONDS))
