"""Channels combined: what people of the roster registered by telephone is fetched, and corrects where they are.

Somebody who badges in here and checks out by telephone is out at his next tap; somebody who checked in by telephone is in,
and his tap here is the OUT of that stay (``taps.newest_tap``). What was shown at an earlier tap never changes. This thread
reads only; it may die and be started again at any moment. What is kept, and how it is told from our own rows: ``elsewhere``.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event
from typing import Final, Protocol, assert_never
from zoneinfo import ZoneInfo

from kiosk import doubles, elsewhere, journeys
from kiosk.claims import HOUR_MS
from kiosk.doubles import Window
from kiosk.elsewhere import Scope
from kiosk.line import boot_seconds
from kiosk.model import ClockReading, Place
from kiosk.outbox import Outbox
from kiosk.schedule import Dice, backoff
from kiosk.verdicts import Found, Query, SearchFailed, SearchUnavailable, SearchVerdict

_log = logging.getLogger(__name__)

_UNTRUSTED_SECONDS: Final = 10.0
_IDLE_SECONDS: Final = 60.0
_SHORTEST_SECONDS: Final = 1.0
#: The slowest pace, and how often more than the newest hour is asked for: a cancellation there may concern the morning.
_HOUR_SECONDS: Final = 3600.0
#: A stay whose OUT lacks is looked for that far back, while its task is younger than that: a check-out by telephone on
#: Friday evening is found on Monday, and a task that nobody cares for does not cost a month of pages an hour.
_GAP_MS: Final = 96 * HOUR_MS


class Searcher(Protocol):
    """What this room asks of the service."""

    def search(self, query: Query) -> SearchVerdict:
        """Look up what the service holds, all pages."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """This room's own slice of the configuration.

    Attributes:
        every_seconds: Between two searches of a group in which something happens; 0: never.
        max_shift_hours: Whoever came in longer ago is not inside any more.
        zone: The site's time zone: its day begins at local midnight.
        place: Where the box stands.
    """

    every_seconds: float
    max_shift_hours: float
    zone: ZoneInfo
    place: Place


@dataclass(slots=True)
class _Watch:
    """When a group is searched next, seconds of the boot clock, and what was seen of it."""

    due: float
    wait: float
    whole_due: float
    failures: int = 0
    last_ms: int = 0
    searched_ms: int = 0


class Channels:
    """Fetches what other channels registered. ``step`` and ``run`` belong to one thread.

    One search covers an employer's declaration, never a person; it is made while somebody of it is inside or tapped
    today, as often as ``every_seconds`` while something happens and ever more seldom, up to once an hour, while not.

    Args:
        outbox: The book.
        service: Builds or returns the service; called at the first search.
        clock: Reads all clocks.
        settings: See there.
        dice: Chance for the waits, so that the boxes of a site don't ask together.
    """

    def __init__(
        self,
        outbox: Outbox,
        service: Callable[[], Searcher],
        clock: Callable[[], ClockReading],
        settings: ChannelSettings,
        *,
        dice: Dice = random.random,
    ) -> None:
        self._outbox = outbox
        self._service = service
        self._clock = clock
        self._settings = settings
        self._dice = dice
        self._watches: dict[bytes, _Watch] = {}
        self._not_before = 0.0

    def run(self, stop: Event) -> None:
        """Fetch until ``stop`` is set."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Make one search if one is due; returns the seconds after which there may be more to do."""
        now = self._clock()
        boot = boot_seconds(now)
        if not self._settings.every_seconds:
            return _HOUR_SECONDS
        if not now.trusted:
            return _UNTRUSTED_SECONDS
        if boot < self._not_before:
            return self._not_before - boot
        scopes = elsewhere.scopes(self._outbox, shift_ms=self._shift_ms(now), day_ms=self._day_ms(now))
        self._watch(scopes, boot)
        # Nobody tells this thread of a tap.
        idle = max(_SHORTEST_SECONDS, min(_IDLE_SECONDS, self._settings.every_seconds))
        if not scopes:
            return idle
        scope = min(scopes, key=lambda scope: self._watches[scope.group].due)
        watch = self._watches[scope.group]
        if watch.due > boot:
            return min(watch.due - boot, idle)
        self._search(scope, watch, now)
        return _SHORTEST_SECONDS

    def _watch(self, scopes: list[Scope], boot: float) -> None:
        """Begin with groups that are new, soon but not at once; hurry where somebody tapped; let go what is over."""
        every = self._settings.every_seconds
        old, self._watches = self._watches, {}
        for scope in scopes:
            soon = boot + self._dice() * min(every, _IDLE_SECONDS)
            watch = old.get(scope.group) or _Watch(due=soon, wait=every, whole_due=boot)
            if scope.last_ms > watch.last_ms:
                watch.last_ms, watch.wait = scope.last_ms, every
                watch.due = min(watch.due, boot + self._spread(every)) if watch.searched_ms else watch.due
            self._watches[scope.group] = watch

    def _search(self, scope: Scope, watch: _Watch, before: ClockReading) -> None:
        whole = boot_seconds(before) >= watch.whole_due
        query = Query(
            from_ms=self._whole_from_ms(before) if whole else min(watch.searched_ms, before.wall_ms) - HOUR_MS,
            to_ms=before.wall_ms + HOUR_MS,
            employer=scope.employer,
            declaration=scope.declaration,
        )
        verdict = self._service().search(query)
        boot = boot_seconds(self._clock())
        match verdict:
            case Found():
                news = self._keep(scope, query, verdict, before.wall_ms)
                watch.failures, watch.searched_ms = 0, before.wall_ms
                watch.wait = self._settings.every_seconds if news else min(2 * watch.wait, _HOUR_SECONDS)
                watch.due = boot + self._spread(watch.wait)
                watch.whole_due = boot + _HOUR_SECONDS if whole else watch.whole_due
            case SearchFailed(why=why, retry_after=asked):
                wait = backoff(watch.failures, cap_seconds=_HOUR_SECONDS, asked_seconds=asked, dice=self._dice)
                watch.failures += 1
                watch.due = boot + max(wait, min(self._settings.every_seconds, _IDLE_SECONDS))
                self._not_before = boot if asked is None else boot + wait
                _log.info("other channels could not be searched", extra={"why": why})
            case SearchUnavailable(why=why):
                watch.due = boot + _HOUR_SECONDS
                _log.warning("other channels can't be searched", extra={"why": why})
            case other:
                assert_never(other)

    def _keep(self, scope: Scope, query: Query, found: Found, at_ms: int) -> bool:
        shown = elsewhere.others(self._outbox, found)
        window = (query.from_ms, query.to_ms)
        news = elsewhere.keep(self._outbox, self._settings.place, scope.group, window, shown, at_ms=at_ms)
        longest_ms = round(self._settings.max_shift_hours * HOUR_MS)
        asked = doubles.review(self._outbox, Window(from_ms=window[0], to_ms=window[1], longest_ms=longest_ms), at_ms=at_ms)
        if asked:
            _log.info("asked about stays that overlap", extra={"stays": asked})
        impossible = journeys.review(self._outbox, shown, at_ms=at_ms)
        if impossible:
            _log.warning("asked about journeys that nobody makes", extra={"journeys": impossible})
        return news

    def _spread(self, seconds: float) -> float:
        """A quarter more or less."""
        return seconds * (0.75 + self._dice() / 2)

    def _shift_ms(self, now: ClockReading) -> int:
        return now.wall_ms - round(self._settings.max_shift_hours * HOUR_MS)

    def _day_ms(self, now: ClockReading) -> int:
        local = now.at.astimezone(self._settings.zone)
        return round(datetime.combine(local.date(), datetime.min.time(), self._settings.zone).timestamp() * 1000)

    def _whole_from_ms(self, now: ClockReading) -> int:
        """From the beginning of the day, of the longest shift, and of a stay whose OUT lacks."""
        gap_ms = now.wall_ms - _GAP_MS
        unclosed = self._outbox.database.read(partial(elsewhere.unclosed_since_ms, book=self._outbox.book, opened_ms=gap_ms))
        began = [] if unclosed is None else [max(unclosed, gap_ms)]
        return min(self._shift_ms(now), self._day_ms(now), *began)
