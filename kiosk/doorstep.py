"""What is asked of a card before it is a tap: whether an admin waits for it, whether it is lent, which button was pressed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hardware.ports import Card, Identity, Sighting, Unreadable
from kiosk.enrolling import Enrolling
from kiosk.intake import Intake
from kiosk.lending import Lending
from kiosk.model import Answer
from kiosk.obligations import Gate
from kiosk.presses import NOTHING, Presses


@dataclass(frozen=True, slots=True)
class Doorstep:
    """Stands between all readers and the intake. Safe from every reader's thread.

    Attributes:
        enrolling: Where an admin waits for a card.
        lending: Where a card is lent to whoever showed his identity card.
        presses: Where a press waits for its tap.
        intake: Where it is a tap.
    """

    enrolling: Enrolling
    lending: Lending
    presses: Presses
    intake: Intake

    def take(self, sighting: Sighting, gate: Gate) -> Answer:
        """Take what a reader saw; returns after the commit what to show."""
        enrolled = self.enrolling.take(sighting, gate.name)
        if enrolled is not None:
            return enrolled
        lent = self.lending.take(sighting, gate.name) if isinstance(sighting, Card) else None
        if lent is not None:
            return lent
        # What could not be read is laid on again: the press waits for that.
        wish = NOTHING if isinstance(sighting, Unreadable) else self.presses.take(gate.name, sighting.boot_ns)
        asked = gate if wish.declaration is None else replace(gate, declaration=wish.declaration)
        answer = self.intake.take(sighting, asked, wish.press)
        if isinstance(sighting, Identity):
            self.lending.note(sighting, gate.name, answer)
        return answer
