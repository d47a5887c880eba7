"""The line to the service, as delivery's parts share it: the book, the calls, the clocks, and how patiently it is used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kiosk.contact import Contact, Pace
from kiosk.identifiers import Employer
from kiosk.model import ClockReading, Registration
from kiosk.outbox import Outbox
from kiosk.verdicts import CallVerdict, CancelVerdict, ConsultVerdict, HealthVerdict, Query, SearchVerdict


class Service(Protocol):
    """What delivery asks of the service; a call's failures are values, never raised.

    This is the port for every channel: another one (the older SOAP Checkinatwork, see ``kiosk.regimes``) would answer each
    batch with the same verdicts, and be chosen where the daemon builds its parts; nothing in front of the port would change.
    """

    def health(self) -> HealthVerdict:
        """Ask how the service is, without a token: its answer tells the time as well."""
        ...

    def register(self, registrations: Sequence[Registration]) -> CallVerdict:
        """Send registrations of one employer and one declaration."""
        ...

    def search(self, query: Query) -> SearchVerdict:
        """Look up what the service holds, all pages."""
        ...

    def consult(self, registration_id: int, *, employer: Employer | None) -> ConsultVerdict:
        """Look at one registration."""
        ...

    def cancel(self, ids: Sequence[int], *, employer: Employer) -> CancelVerdict:
        """Cancel registrations of one employer by the service's ids."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverySettings:
    """Delivery's own slice of ``[service]`` and ``[rules]``.

    Attributes:
        batch_size: Rows in a call, at most 200.
        settle_seconds: Between the end of an unknown call and a search that counts, and between two such searches.
        order_wait_minutes: How long an unknown row delays its person's later ones.
        late_after_minutes: Rows older than this are late: before they are sent other channels are searched.
        hold_late: Whether those that are late at their first send are held instead (``late_policy = "hold"``).
        pace: The caps of the waits.
    """

    batch_size: int = 100
    settle_seconds: float = 60
    order_wait_minutes: float = 10
    late_after_minutes: float = 10
    hold_late: bool = False
    pace: Pace = field(default_factory=Pace)

    @property
    def settle_ms(self) -> int:
        """``settle_seconds`` in milliseconds."""
        return round(self.settle_seconds * 1000)


@dataclass(slots=True, kw_only=True)
class Line:
    """What every call needs; for the one thread that makes them.

    Attributes:
        outbox: The book.
        service: Builds or returns the service; asked at each call, so that a key that was repaired is used.
        clock: Reads all clocks.
        settings: See there.
        contact: How the service answered lately, and when it may be asked again.
        untidy: Whether rows must be marked anew as the pauses of their groups demand.
    """

    outbox: Outbox
    service: Callable[[], Service]
    clock: Callable[[], ClockReading]
    settings: DeliverySettings
    contact: Contact
    untidy: bool = True


def boot_seconds(reading: ClockReading) -> float:
    """The boot clock in seconds: what ``Contact`` counts in."""
    return reading.boot_ns / 1_000_000_000
