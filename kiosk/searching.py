"""Delivery's searches: what is unknown is looked up, and before a late registration is sent other channels are searched."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Final, assert_never

from kiosk import lookups, precautions
from kiosk.line import Line, boot_seconds
from kiosk.lookups import Lookup, Searched
from kiosk.model import ClockReading, Reason
from kiosk.precautions import Precaution
from kiosk.verdicts import Found, SearchFailed, SearchUnavailable

_log = logging.getLogger(__name__)

#: While rows are unknown: an earlier one delays its person's later rows only for a while, and that while ends unseen.
_UNKNOWN_SECONDS: Final = 60.0
#: How long a search that fails may keep late registrations back: they are owed, and the law asks for them without delay.
_PATIENCE_SECONDS: Final = 3600.0


class Searcher:
    """Makes delivery's searches. For the thread of its line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        # By group: since when its search has failed, seconds of the boot clock.
        self._failing: dict[bytes, float] = {}
        self._failed = b""

    def settle_unknown(self, now: ClockReading) -> bool:
        """Look unknown rows up if any are due; False when none is."""
        if boot_seconds(now) < self._line.contact.search_from:
            return False
        lookup = lookups.due(self._line.outbox, now.wall_ms)
        if lookup is not None:
            self.look_up(lookup)
        return lookup is not None

    def take_precautions(self, now: ClockReading) -> bool:
        """Search other channels for late rows if any wait for it; False when none does."""
        if boot_seconds(now) < self._line.contact.search_from:
            return False
        precaution = precautions.due(self._line.outbox, after=self._failed)
        if precaution is not None:
            self._take(precaution)
        return precaution is not None

    def wait(self, now: ClockReading) -> list[float]:
        """Seconds after which there may be something to search for; empty while nothing waits for a search."""
        line, book = self._line, self._line.outbox.book
        until_search = line.contact.search_from - boot_seconds(now)
        search_ms = line.outbox.database.read(partial(lookups.next_due_ms, book=book))
        unknown = [] if search_ms is None else [_UNKNOWN_SECONDS, max((search_ms - now.wall_ms) / 1000, until_search)]
        return [*unknown, until_search] if line.outbox.database.read(partial(precautions.waiting, book=book)) else unknown

    def look_up(self, lookup: Lookup) -> Mapping[int, str]:
        """Search for unknown rows, settle what it shows, and return what it came to for each row, in words."""
        line = self._line
        started_ms = line.clock().wall_ms
        verdict = line.service().search(lookup.query)
        now = line.clock()
        match verdict:
            case Found():
                line.contact.searched()
                line.untidy = True
                searched = Searched(started_ms=started_ms, ended_ms=now.wall_ms, settle_ms=line.settings.settle_ms)
                came = lookups.settle(line.outbox, lookup, verdict, searched)
                found = sum(word is lookups.Finding.FOUND for word in came.values())
                if found:
                    line.contact.arrived(now.wall_ms)
                _log.info("looked up", extra={"rows": len(came), "found": found})
                return came
            case SearchFailed(why=why, retry_after=asked, reachable=reachable):
                line.contact.search_failed(boot_seconds(now), why, asked, reachable=reachable)
                lookups.postpone(line.outbox, lookup, until_ms=now.wall_ms)
                return dict.fromkeys((row.id for row in lookup.rows), f"the search did not come about: {why}")
            case SearchUnavailable(why=why):
                line.contact.searched()
                lookups.unavailable(line.outbox, lookup, at_ms=now.wall_ms)
                return dict.fromkeys((row.id for row in lookup.rows), f"the service does not answer this search: {why}")
            case other:
                assert_never(other)

    def _take(self, precaution: Precaution) -> None:
        """Search for other channels' registrations; a search that is refused, or fails for an hour, keeps nobody waiting.

        What was linked waits for its answer, however long, since nobody saw its worker's light turn green.
        """
        line, group = self._line, precaution.group
        if precaution.query is None:  # its seals are broken: sending them parks them
            precautions.settle(line.outbox, precaution, None, at_ms=line.clock().wall_ms)
            return
        verdict = line.service().search(precaution.query)
        now = line.clock()
        match verdict:
            case Found():
                line.contact.searched()
                self._failing.pop(group, None)
                held = precautions.settle(line.outbox, precaution, verdict, at_ms=now.wall_ms)
                _log.info("searched other channels", extra={"rows": len(precaution.rows), "held": held})
            case SearchFailed(why=why, retry_after=asked, reachable=reachable):
                line.contact.search_failed(boot_seconds(now), why, asked, reachable=reachable)
                self._failed = group  # another group goes next
                since = self._failing.setdefault(group, boot_seconds(now))
                if precaution.reason is not Reason.LINK and boot_seconds(now) - since > _PATIENCE_SECONDS:
                    precautions.settle(line.outbox, precaution, None, at_ms=now.wall_ms)
            case SearchUnavailable(why=why):
                line.contact.searched()
                precautions.settle(line.outbox, precaution, None, at_ms=now.wall_ms)
                _log.warning("other channels can't be searched", extra={"rows": len(precaution.rows), "why": why})
            case other:
                assert_never(other)
