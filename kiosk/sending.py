"""Sending: the next batch goes out, and what the call came to is settled in the book (design, section 5)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Final, assert_never

from kiosk import claims, diary, settling
from kiosk.batches import Batch, Terms
from kiosk.claims import HOUR_MS, Claims
from kiosk.line import Line, boot_seconds
from kiosk.model import ClockReading
from kiosk.verdicts import Ambiguous, Answered, CallRefused, CallVerdict, Created, Misconfigured, NotNow, NotSent, TooLarge

_log = logging.getLogger(__name__)

#: A probe is due, and each of its rows waits for an earlier one of the same person: nobody says when that one is settled.
_BLOCKED_SECONDS: Final = 10.0


class Sender:
    """Sends what is due. For the thread of its line.

    Args:
        line: The way to the service.
        accepted: Called after the service accepted something.
    """

    def __init__(self, line: Line, accepted: Callable[[], None]) -> None:
        self._line = line
        self._accepted = accepted
        self._claims = Claims(line.outbox)
        self._size = line.settings.batch_size

    def step(self, now: ClockReading) -> bool:
        """Send one batch if something may go; False when nothing may."""
        line = self._line
        if boot_seconds(now) < line.contact.send_from:
            return False
        terms = Terms(
            now_ms=now.wall_ms,
            size=1 if line.contact.shrunk else self._size,
            order_wait_ms=round(line.settings.order_wait_minutes * 60_000),
            late_after_ms=round(line.settings.late_after_minutes * 60_000),
            hold_late=line.settings.hold_late,
        )
        batch = self._claims.next(terms) or self._claims.probe(terms)
        if batch is not None:
            verdict = line.service().register([row.registration for row in batch.rows])
            self._settle(batch, verdict)
        return batch is not None or self._claims.marked > 0

    def wait(self, now: ClockReading) -> float | None:
        """Seconds until a paused group may be tried, or None while none waits; asked where a step found nothing to send."""
        line = self._line
        probe_ms = line.outbox.database.read(partial(claims.next_probe_ms, book=line.outbox.book))
        if probe_ms is None:
            return None
        due = (probe_ms - now.wall_ms) / 1000
        return max(due if due > 0 else _BLOCKED_SECONDS, line.contact.send_from - boot_seconds(now))

    def _settle(self, batch: Batch, verdict: CallVerdict) -> None:
        line, now = self._line, self._line.clock()
        at_ms = now.wall_ms
        match verdict:
            case Answered(items=items) if len(items) == len(batch.rows):
                settling.answered(line.outbox, batch, verdict, at_ms=at_ms)
                line.contact.answered(at_ms)
                self._accepted()
                created = sum(isinstance(item, Created) for item in items)
                _log.info("answered", extra={"rows": len(items), "accepted": created, "refused": len(items) - created})
                line.untidy = batch.probe or created < len(items)
            case Answered():
                self._lose(batch, "an answer to another number of items", now)
            case Ambiguous(why=why):
                self._lose(batch, why, now)
            case NotSent(why=why, reachable=reachable, retry_after=asked):
                settling.put_back(line.outbox, batch, sent_ms=None)
                line.contact.failed(boot_seconds(now), why, reachable=reachable, asked=asked)
                line.contact.hold_searches()
            case NotNow(why=why, retry_after=asked):
                settling.put_back(line.outbox, batch, sent_ms=at_ms)
                line.contact.failed(boot_seconds(now), why, asked=asked)
                line.contact.hold_searches()
            case CallRefused() | TooLarge():
                self._settle_refusal(batch, verdict, at_ms)
            case Misconfigured():
                self._settle_fault(batch, verdict, now)
            case other:
                assert_never(other)
        diary.note(line.outbox, [row.id for row in batch.rows], verdict, at_ms=at_ms)

    def _lose(self, batch: Batch, why: str, now: ClockReading) -> None:
        line = self._line
        search_ms = now.wall_ms + line.settings.settle_ms
        settling.lost(line.outbox, batch, at_ms=now.wall_ms, search_ms=search_ms, suspect=line.contact.works)
        line.contact.failed(boot_seconds(now), why)
        _log.warning("unknown", extra={"rows": len(batch.rows), "why": why})

    def _settle_refusal(self, batch: Batch, verdict: CallRefused | TooLarge, at_ms: int) -> None:
        line = self._line
        if isinstance(verdict, TooLarge) and len(batch.rows) > 1:
            self._size = (len(batch.rows) + 1) // 2  # remembered until the next start
            settling.put_back(line.outbox, batch, sent_ms=at_ms)
            line.contact.refused("a call was too large")
            return
        refusal = CallRefused(reason="payloadTooLarge") if isinstance(verdict, TooLarge) else verdict
        settling.call_refused(line.outbox, batch, refusal, at_ms=at_ms)
        line.contact.refused(refusal.reason)
        line.untidy = True

    def _settle_fault(self, batch: Batch, verdict: Misconfigured, now: ClockReading) -> None:
        line = self._line
        if verdict.employer_only:
            probe_ms = round(line.settings.pace.probe_seconds * 1000) if verdict.credential else HOUR_MS
            settling.pause_group(line.outbox, batch, verdict.why, at_ms=now.wall_ms, probe_ms=probe_ms)
            line.contact.refused(verdict.why)
            line.untidy = True
            return
        settling.put_back(line.outbox, batch, sent_ms=None)
        line.contact.misconfigured(boot_seconds(now), verdict.why)
        line.contact.hold_searches()
