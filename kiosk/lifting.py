"""Lifts a system clock that stands before what the store knows, so that TLS can begin and the service can tell the time.

A box without a battery starts where its last shutdown left it, or in 1970: before the begin of the service's certificates no
connection is verified. The newest trusted time of the store is certainly past; it is set, never anything older, and nothing is
trusted for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from kiosk import clockbook, evidence
from kiosk.database import Database
from kiosk.errors import KioskError
from kiosk.evidence import Entry
from kiosk.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """What is to be done: set the clock from one time to a later one, both Unix milliseconds UTC."""

    from_ms: int
    to_ms: int


def set_system_clock(to_ms: int) -> None:
    """Set the system clock, Unix milliseconds UTC.

    Raises:
        KioskError: This user may not.
    """
    try:
        time.clock_settime_ns(time.CLOCK_REALTIME, to_ms * 1_000_000)
    except PermissionError as error:
        raise KioskError(
            "the system clock may not be set by this user", repair="run it as root: ExecStartPre=+kiosk clock lift in the unit"
        ) from error


def due(database: Database, *, wall: Callable[[], int]) -> Lift | None:
    """What the clock lacks to the newest trusted time of the store; None where it stands at that or later, or none is known."""
    newest_ms, now_ms = database.read(clockbook.newest_trusted_ms), wall()
    return None if newest_ms is None or newest_ms <= now_ms else Lift(from_ms=now_ms, to_ms=newest_ms)


def record(database: Database, vault: Vault, lift: Lift) -> None:
    """Write into the record that the clock was lifted."""
    facts = {"lifted_from_ms": lift.from_ms, "lifted_to_ms": lift.to_ms}
    database.write(lambda connection: evidence.record(connection, vault, Entry.CLOCK, "box", at_ms=lift.to_ms, facts=facts))
