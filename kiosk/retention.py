"""The thread that lets go of what was kept long enough, once a day in the quiet hours of the night.

Where nothing is old enough it only reads. It may die and be started again at any moment, since each slice stands by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from threading import Event
from typing import Final
from zoneinfo import ZoneInfo

from kiosk import elsewhere, purging
from kiosk.model import ClockReading
from kiosk.outbox import Outbox
from kiosk.purging import DAY_MS, SLICE, YOUNGEST_MS, Term
from kiosk.retention_settings import Retention

_log = logging.getLogger(__name__)

#: The hour of the site at which nobody taps; a box that was off then does it when it is on again.
_HOUR: Final = 3
#: After a start: readers, delivery and people go first.
_START_SECONDS: Final = 120.0
_IDLE_SECONDS: Final = 900.0
#: Between two slices: whoever taps now has the store for himself.
_PAUSE_SECONDS: Final = 0.1


class Caretaker:
    """Purges by the terms of ``[retention]``. ``run`` and ``sweep`` belong to one thread.

    Args:
        outbox: The store; what is old goes from every book of it.
        terms: How long things are kept.
        clock: Reads all clocks; nothing goes while they are not to be trusted.
        zone: The site's time zone.
    """

    def __init__(self, outbox: Outbox, terms: Retention, clock: Callable[[], ClockReading], *, zone: ZoneInfo) -> None:
        self._outbox = outbox
        self._terms = terms
        self._clock = clock
        self._zone = zone
        self._done: date | None = None

    def run(self, stop: Event) -> None:
        """Sweep once a day until ``stop`` is set."""
        stop.wait(_START_SECONDS)
        while not stop.is_set():
            if self.is_due():
                self._sweep(stop)
            stop.wait(_IDLE_SECONDS)

    def is_due(self) -> bool:
        """Whether the clock is to be trusted and this night's sweep was not made yet."""
        now = self._clock()
        return now.trusted and (self._done is None or self._night(now) > self._done)

    def sweep(self) -> Iterator[int]:
        """Take every step that is due now, yielding after each slice how many rows it took; the caller pauses between them."""
        now, terms = self._clock(), self._terms
        before: Callable[[int], int] = lambda days: now.wall_ms - days * DAY_MS  # noqa: E731  one line, used below only
        for term in (
            purging.registrations(terms.registrations_days),
            purging.unknown_cards(terms.unknown_cards_days),
            purging.local_taps(terms.local_days),
        ):
            yield from self._walk(term, before(term.days), now.wall_ms)
        yield from self._surplus(now.wall_ms)
        write = self._outbox.database.write
        yield from _until_none(partial(write, partial(purging.expire, before_ms=before(terms.closed_tasks_days))))
        yield from _until_none(partial(elsewhere.forget, self._outbox, before_ms=before(terms.elsewhere_days)))
        oldest = (now.at.astimezone(self._zone) - timedelta(days=terms.registrations_days)).date()
        yield write(partial(purging.expire_days, before=oldest.isoformat()))
        yield from self._fade(before(terms.evidence_days), now.wall_ms)
        self._done = self._night(now)

    def _sweep(self, stop: Event) -> None:
        gone = 0
        for rows in self.sweep():
            gone += rows
            if stop.wait(_PAUSE_SECONDS):
                return
        if gone:
            self._outbox.database.checkpoint()
            _log.info("kept long enough", extra={"rows": gone})

    def _walk(self, term: Term, cutoff_ms: int, now_ms: int, *, most: int | None = None) -> Iterator[int]:
        after: int | None = 0
        left = most
        while after is not None and left != 0:
            step = purging.purge(
                self._outbox,
                term,
                after=after,
                cutoff_ms=cutoff_ms,
                now_ms=now_ms,
                most=SLICE if left is None else min(left, SLICE),
            )
            after = step.after
            left = None if left is None else left - step.gone
            yield step.gone

    def _surplus(self, now_ms: int) -> Iterator[int]:
        surplus = self._outbox.database.read(purging.count_finished) - self._terms.most_finished_rows
        if surplus > 0:
            term = purging.surplus(self._terms.registrations_days)
            yield from self._walk(term, now_ms - YOUNGEST_MS, now_ms, most=surplus)

    def _fade(self, cutoff_ms: int, now_ms: int) -> Iterator[int]:
        after: int | None = 0
        while after is not None:
            work = partial(purging.fade, after=after, cutoff_ms=cutoff_ms, now_ms=now_ms)
            step = self._outbox.database.write(work)
            after = step.after
            yield step.gone

    def _night(self, now: ClockReading) -> date:
        """The night that a moment belongs to: it begins at three o'clock, local time."""
        return (now.at.astimezone(self._zone) - timedelta(hours=_HOUR)).date()


def _until_none(slice_: Callable[[], int]) -> Iterator[int]:
    while gone := slice_():
        yield gone
