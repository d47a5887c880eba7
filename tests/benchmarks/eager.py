"""A service that answers at once from memory: what is left is what the box itself does."""

from __future__ import annotations

from collections.abc import Sequence

from kiosk.identifiers import Employer
from kiosk.model import Registration
from kiosk.verdicts import (
    Answered,
    CallVerdict,
    CancelAnswered,
    CancelVerdict,
    ConsultVerdict,
    Created,
    Found,
    Health,
    HealthVerdict,
    NotThere,
    Query,
    SearchVerdict,
)


class Eager:
    """Accepts everything at once."""

    def __init__(self) -> None:
        self.accepted = 0

    def health(self) -> HealthVerdict:
        return Health(status="UP")

    def register(self, registrations: Sequence[Registration]) -> CallVerdict:
        first = self.accepted
        self.accepted += len(registrations)
        return Answered(items=tuple(Created(registration_id=number, validity="valid") for number in range(first, self.accepted)))

    def search(self, query: Query) -> SearchVerdict:
        return Found(registrations=())

    def consult(self, registration_id: int, *, employer: Employer | None) -> ConsultVerdict:
        return NotThere()

    def cancel(self, ids: Sequence[int], *, employer: Employer) -> CancelVerdict:
        return CancelAnswered(items=())
