"""Follow-up: what the service finds about accepted registrations, asked for politely and kept on their rows.

Validity checks run at the service after it accepted (facts, rsz-service, section 2.3). This thread sends nothing; it may
die and be started again at any moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Final, Protocol, assert_never

from kiosk import findings
from kiosk.bell import Bell
from kiosk.findings import Check, Patience
from kiosk.line import boot_seconds
from kiosk.model import ClockReading
from kiosk.outbox import Outbox
from kiosk.schedule import Dice, backoff
from kiosk.verdicts import Found, Query, SearchFailed, SearchUnavailable, SearchVerdict

#: One look at an index: nobody needs to tell this thread what was accepted.
_IDLE_SECONDS: Final = 60.0
_UNTRUSTED_SECONDS: Final = 10.0
_SHORTEST_SECONDS: Final = 1.0
_CAP_SECONDS: Final = 3600.0
#: What waits to be sent goes first, but keeps nobody's validity waiting longer than this.
_YIELD_SECONDS: Final = 10.0
_LONGEST_YIELD_MS: Final = 600_000


class Searcher(Protocol):
    """What follow-up asks of the service."""

    def search(self, query: Query) -> SearchVerdict:
        """Look up what the service holds, all pages."""
        ...


class FollowUp:
    """Checks what was accepted. ``step`` and ``run`` belong to one thread, ``nudge`` to any.

    Args:
        outbox: The book.
        service: Builds or returns the service; called at the first row that is due.
        clock: Reads all clocks.
        patience: How politely the service is asked.
        dice: Chance for the waits.
    """

    def __init__(
        self,
        outbox: Outbox,
        service: Callable[[], Searcher],
        clock: Callable[[], ClockReading],
        *,
        patience: Patience | None = None,
        dice: Dice = random.random,
    ) -> None:
        self._outbox = outbox
        self._service = service
        self._clock = clock
        self._patience = patience or Patience()
        self._dice = dice
        #: How often each group's search failed in a row: one employer's trouble makes nobody else wait.
        self._failures: dict[bytes, int] = {}
        #: Until when a group is left in peace, seconds of the boot clock.
        self._rests: dict[bytes, float] = {}
        self._told_to_wait = False
        self._bell = Bell()

    def nudge(self) -> None:
        """Something was accepted, or ``stop`` was set."""
        self._bell.ring()

    def run(self, stop: Event) -> None:
        """Follow up until ``stop`` is set and ``nudge`` was called."""
        while not stop.is_set():
            wait = self.step()
            if self._told_to_wait:
                stop.wait(wait)
            else:
                self._bell.wait(wait)

    def step(self) -> float:
        """Make one search if one is due; returns the seconds after which there may be more to do."""
        now = self._clock()
        if not now.trusted:
            return _UNTRUSTED_SECONDS
        check = findings.due(self._outbox, now.wall_ms, self._patience)
        if check is None:
            return self._wait(now.wall_ms)
        if self._yields(check, now.wall_ms):
            return _YIELD_SECONDS
        group = check.rows[0].group
        rest = self._rests.get(group, 0.0) - boot_seconds(now)
        if rest > 0:
            findings.hold_back(self._outbox, check, self._patience, until_ms=now.wall_ms + round(rest * 1000))
            return _SHORTEST_SECONDS
        return self._ask(check)

    def _ask(self, check: Check) -> float:
        verdict = self._service().search(check.query)
        after = self._clock()
        at_ms, group = after.wall_ms, check.rows[0].group
        self._told_to_wait = False
        match verdict:
            case Found():
                self._failures.pop(group, None)
                final = findings.write(self._outbox, check, verdict, self._patience, at_ms=at_ms, dice=self._dice)
                rest_ms = self._patience.rest_ms(len(check.rows) - final)
                self._rests[group] = boot_seconds(after) + rest_ms / 1000
            case SearchFailed(retry_after=asked):
                return self._failed(check, asked, at_ms)
            case SearchUnavailable():
                findings.postpone(self._outbox, check, self._patience, at_ms=at_ms, dice=self._dice)
            case other:
                assert_never(other)
        return _SHORTEST_SECONDS

    def _failed(self, check: Check, asked: float | None, at_ms: int) -> float:
        group = check.rows[0].group
        failures = self._failures.get(group, 0)
        wait = max(backoff(failures, cap_seconds=_CAP_SECONDS, asked_seconds=asked, dice=self._dice), _SHORTEST_SECONDS)
        self._failures[group] = failures + 1
        findings.postpone(self._outbox, check, self._patience, at_ms=at_ms, dice=self._dice, least_seconds=wait)
        # Retry-After speaks for the whole service; any other failure may be one employer's own.
        self._told_to_wait = asked is not None
        return wait if asked is not None else _SHORTEST_SECONDS

    def _yields(self, check: Check, now_ms: int) -> bool:
        """Whether the search is better made later: the service has enough to do with what this box sends."""
        overdue_ms = now_ms - check.rows[0].search_ms - self._patience.first_ms
        return overdue_ms < _LONGEST_YIELD_MS and self._outbox.database.read(partial(findings.has_backlog, book=self._outbox.book))

    def _wait(self, now_ms: int) -> float:
        due_ms = self._outbox.database.read(partial(findings.next_due_ms, book=self._outbox.book, patience=self._patience))
        if due_ms is None:
            return _IDLE_SECONDS
        return min(max((due_ms - now_ms) / 1000, _SHORTEST_SECONDS), _IDLE_SECONDS)
