"""Calls that came to nothing, and the outages that they show, written into the record: a "we could not" that can be proven.

A call that was answered stands there with each registration's verdict (``settling``); it only ends an outage here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Final, assert_never

from kiosk.evidence import Entry, mark, record, set_mark
from kiosk.outbox import Outbox
from kiosk.verdicts import Ambiguous, Answered, CallRefused, CallVerdict, Misconfigured, NotNow, NotSent, TooLarge

#: Nothing was tried: the service is not to blame (``auth``, ``exchange``, ``services``).
_OURS: Final = ("the clock can't be trusted", "the box is stopping", "token: the box is stopping")
#: Which outage lasts, and the entry at which it began.
_NOW: Final = "outage"
_SINCE: Final = "outage_entry"


class Fault(StrEnum):
    """What fails in an outage."""

    NETWORK = "network"
    TOKEN = "token"  # noqa: S105  a part of the service, no secret
    SERVICE = "service"
    CONFIGURATION = "configuration"


def note(outbox: Outbox, rows: Sequence[int], verdict: CallVerdict, *, at_ms: int) -> None:
    """Write down what a call for these rows came to, where that is not a verdict on each of them.

    Args:
        outbox: The book.
        rows: The registrations of the call.
        verdict: What came of it.
        at_ms: When it ended, Unix milliseconds UTC.
    """
    outcome, why, fault = _judge(verdict)
    whole = isinstance(verdict, Answered) and len(verdict.items) == len(rows)
    if whole and outbox.database.read(partial(mark, name=_NOW)) in (None, ""):
        return

    def work(connection: sqlite3.Connection) -> None:
        if not whole:
            facts = {"rows": list(rows), "outcome": outcome, "why": why}
            record(connection, outbox.vault, Entry.ATTEMPT, f"book:{outbox.book}", at_ms=at_ms, facts=facts)
        if why is None or not why.startswith(_OURS):
            _change(connection, outbox, fault, why, at_ms=at_ms)

    outbox.database.write(work)


def _judge(verdict: CallVerdict) -> tuple[str, str | None, Fault | None]:
    """The class of the outcome, what is said of it, and what is out of order; None: the service is there."""
    match verdict:
        case Answered():
            return "unknown", None, None
        case NotSent(why=why, reachable=reachable):
            fault = Fault.TOKEN if why.startswith("token:") else Fault.SERVICE if reachable else Fault.NETWORK
            return "not_sent", why, fault
        case NotNow(why=why):
            return "not_now", why, Fault.SERVICE
        case Ambiguous(why=why):
            return "unknown", why, Fault.SERVICE
        case CallRefused(reason=reason):
            return "refused", reason, None
        case TooLarge():
            return "too_large", None, None
        case Misconfigured(why=why, employer_only=alone):
            return "configuration", why, None if alone else Fault.CONFIGURATION
        case _:
            assert_never(verdict)


def _change(connection: sqlite3.Connection, outbox: Outbox, fault: Fault | None, why: str | None, *, at_ms: int) -> None:
    """End the outage that lasted and begin another, where the fault is another than before."""
    before = str(mark(connection, _NOW) or "")
    after = "" if fault is None else fault.value
    if before == after:
        return
    append = partial(record, connection, outbox.vault, Entry.OUTAGE, f"book:{outbox.book}", at_ms=at_ms)
    if before:
        append(facts={"fault": before, "state": "ended", "began": mark(connection, _SINCE)})
    if after:
        append(facts={"fault": after, "state": "began", "why": why})
        number = connection.execute("SELECT max(id) FROM evidence").fetchone()[0]
        set_mark(connection, _SINCE, number)
    set_mark(connection, _NOW, after)
