"""Cancelling at the service: what a human asked for is sent, and looked at where the answer does not settle it."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import assert_never

from kiosk import cancellations
from kiosk.cancellations import Cancellation, Withdrawn
from kiosk.identifiers import Employer
from kiosk.line import Line, boot_seconds
from kiosk.model import ClockReading
from kiosk.outbox import Outbox
from kiosk.verdicts import (
    Ambiguous,
    CallRefused,
    CancelAnswered,
    CancelItem,
    Cancelled,
    CancelVerdict,
    Consulted,
    Misconfigured,
    NotCancelled,
    NotNow,
    NotSent,
    NotThere,
    SearchFailed,
    SearchUnavailable,
    TooLarge,
)

_log = logging.getLogger(__name__)


class Canceller:
    """Sends cancellations. For the thread of its line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._size = line.settings.batch_size

    def step(self, now: ClockReading) -> bool:
        """Send one call, or look at one row whose call was left without an answer; False when nothing is due."""
        line = self._line
        if boot_seconds(now) < max(line.contact.send_from, line.contact.cancel_from):
            return False
        cancellation = cancellations.due(line.outbox, now.wall_ms, size=self._size)
        if cancellation is None:
            return False
        if cancellation.employer is None:
            for row in cancellation.rows:
                self._conclude(row, "its seal is broken: nobody can say whose it is", now)
        elif cancellation.sent:
            self._look(cancellation.rows[0], cancellation.employer, None)
        else:
            self._send(cancellation, cancellation.employer, now)
        return True

    def wait(self, now: ClockReading) -> float | None:
        """Seconds until the next one is due, or None while none is wanted."""
        line = self._line
        due_ms = line.outbox.database.read(partial(cancellations.next_due_ms, book=line.outbox.book))
        if due_ms is None:
            return None
        contact = max(line.contact.send_from, line.contact.cancel_from)
        return max((due_ms - now.wall_ms) / 1000, contact - boot_seconds(now))

    def _send(self, cancellation: Cancellation, employer: Employer, now: ClockReading) -> None:
        line = self._line
        cancellations.mark_sent(line.outbox, cancellation, again_ms=now.wall_ms + line.settings.settle_ms)
        self._settle(cancellation, employer, line.service().cancel(cancellation.ids, employer=employer))

    def _settle(self, cancellation: Cancellation, employer: Employer, verdict: CancelVerdict) -> None:
        line, now, rows = self._line, self._line.clock(), cancellation.rows
        match verdict:
            case CancelAnswered(items=items) if len(items) == len(rows):
                line.contact.answered(now.wall_ms)
                line.contact.cancelled()
                self._settle_items(employer, list(zip(rows, items, strict=True)), now)
            case CancelAnswered():
                self._doubt(cancellation, "an answer to another number of items", now)
            case Ambiguous(why=why):
                self._doubt(cancellation, why, now)
            case NotSent(why=why, reachable=reachable, retry_after=asked):
                cancellations.put_back(line.outbox, rows, again_ms=now.wall_ms)
                self._failed(rows, why, now, asked, reachable=reachable)
            case NotNow(why=why, retry_after=asked):
                cancellations.put_back(line.outbox, rows, again_ms=now.wall_ms)
                self._failed(rows, why, now, asked)
            case CallRefused() | TooLarge():
                self._settle_refusal(cancellation, employer, verdict, now)
            case Misconfigured(why=why):
                # This operation's path or permission, or a credential: where registrations meet it too, they say so.
                cancellations.hold_up(line.outbox, rows, why, at_ms=now.wall_ms)
            case other:
                assert_never(other)

    def _settle_items(self, employer: Employer, answers: Sequence[tuple[Withdrawn, CancelItem]], now: ClockReading) -> None:
        """Write every success in one transaction; a refusal may mean that it is cancelled already, so the service is looked at."""
        outbox = self._line.outbox
        cancelled = [row for row, item in answers if isinstance(item, Cancelled)]
        outbox.database.write(partial(_all_done, outbox=outbox, rows=cancelled, at_ms=now.wall_ms))
        _log.info("cancelled", extra={"rows": len(cancelled), "refused": len(answers) - len(cancelled)})
        self._look_all([(row, item.reason) for row, item in answers if isinstance(item, NotCancelled)], employer, now)

    def _settle_refusal(
        self, cancellation: Cancellation, employer: Employer, verdict: CallRefused | TooLarge, now: ClockReading
    ) -> None:
        line, rows = self._line, cancellation.rows
        refusal = CallRefused(reason="payloadTooLarge") if isinstance(verdict, TooLarge) else verdict
        named = {index: reason for index, reason in refusal.items if 0 <= index < len(rows)}
        if not named and len(rows) == 1:
            named = {0: refusal.reason}
        if not named:
            self._size = 1  # remembered until the next start: the one that nobody names is found by asking for each alone
        line.contact.refused(refusal.reason)
        cancellations.put_back(line.outbox, [row for index, row in enumerate(rows) if index not in named], again_ms=now.wall_ms)
        self._look_all([(rows[index], reason) for index, reason in named.items()], employer, now)

    def _doubt(self, cancellation: Cancellation, why: str, now: ClockReading) -> None:
        """Nobody knows whether it was carried out: it is looked at after a while."""
        line = self._line
        cancellations.look_later(line.outbox, cancellation.rows, again_ms=now.wall_ms + line.settings.settle_ms)
        self._failed(cancellation.rows, why, now)
        _log.warning("a cancellation is without an answer", extra={"rows": len(cancellation.rows), "why": why})

    def _failed(
        self, rows: Sequence[Withdrawn], why: str, now: ClockReading, asked: float | None = None, *, reachable: bool = True
    ) -> None:
        """Wait before the next call; what goes on like this for a day is told to a human."""
        line = self._line
        line.contact.cancel_failed(boot_seconds(now), why, asked, reachable=reachable)
        line.outbox.database.write(partial(cancellations.tell_old, outbox=line.outbox, rows=rows, at_ms=now.wall_ms))

    def _look_all(self, refused: Sequence[tuple[Withdrawn, str]], employer: Employer, now: ClockReading) -> None:
        """Look at each that was refused; after a look that failed the others wait: meanwhile registrations are sent."""
        for done, (row, reason) in enumerate(refused, 1):
            if not self._look(row, employer, reason):
                later = [row for row, _ in refused[done:]]
                cancellations.look_later(self._line.outbox, later, again_ms=now.wall_ms + self._line.settings.settle_ms)
                return

    def _look(self, row: Withdrawn, employer: Employer, reason: str | None) -> bool:
        """Look at one registration; False where that came to nothing.

        Cancelled, or there no more: done. Still there: refused where the service gave a ``reason``, else sent again, as
        where it can't be looked at: a cancellation that arrives twice harms nobody.
        """
        line, outbox = self._line, self._line.outbox
        verdict = line.service().consult(row.registration_id, employer=employer)
        now = line.clock()
        match verdict:
            case Consulted(registration=shown) if shown.cancelled:
                self._conclude(row, None, now)
            case NotThere():
                self._conclude(row, None, now)
            case Consulted() | SearchUnavailable() if reason is None:
                cancellations.put_back(outbox, [row], again_ms=now.wall_ms)
            case Consulted() | SearchUnavailable():
                self._conclude(row, reason, now)
            case SearchFailed(why=why, retry_after=asked, reachable=reachable):
                self._failed([row], why, now, asked, reachable=reachable)
                cancellations.look_later(outbox, [row], again_ms=now.wall_ms + line.settings.settle_ms)
                return False
            case other:
                assert_never(other)
        return True

    def _conclude(self, row: Withdrawn, refusal: str | None, now: ClockReading) -> None:
        """Cancelled, or with a reason refused for good."""
        outbox = self._line.outbox
        if refusal is None:
            outbox.database.write(partial(cancellations.done, outbox=outbox, row=row, at_ms=now.wall_ms))
        else:
            outbox.database.write(partial(cancellations.refused, outbox=outbox, row=row, why=refusal, at_ms=now.wall_ms))


def _all_done(connection: sqlite3.Connection, outbox: Outbox, rows: Sequence[Withdrawn], at_ms: int) -> None:
    for row in rows:
        cancellations.done(connection, outbox, row, at_ms=at_ms)
