"""What a button asked for, until the tap that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Final

from kiosk.identifiers import DeclarationNumber
from kiosk.model import Press

#: A press counts for the tap that follows within this time (design, section 7).
COUNTS_FOR_SECONDS: Final = 10
_COUNTS_FOR_NS: Final = COUNTS_FOR_SECONDS * 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a button stands for: a direction or a declaration; neither where nothing was pressed."""

    press: Press | None = None
    declaration: DeclarationNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A wish that waits for its tap.

    Attributes:
        wish: What was asked for.
        reader: The name of the only reader it is for, or None for whichever comes next.
        boot_ns: When the button was pressed, CLOCK_BOOTTIME in nanoseconds.
    """

    wish: Wish
    reader: str | None
    boot_ns: int

    def counts(self, reader: str, boot_ns: int) -> bool:
        """Whether it is for a tap that this reader saw then: one after it, not one before that is only now recorded."""
        return self.reader in (None, reader) and 0 <= boot_ns - self.boot_ns <= _COUNTS_FOR_NS


NOTHING: Final = Wish()


class Presses:
    """The newest press of each reader's buttons and of everybody's, consumed by one tap. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pending: dict[str | None, Pending] = {}

    def note(self, pending: Pending) -> None:
        """Let a press wait for its tap; it takes the place of an earlier one of the same reader's buttons."""
        with self._lock:
            self._pending[pending.reader] = pending

    def take(self, reader: str, boot_ns: int) -> Wish:
        """Consume what was pressed for a tap at this reader, seen at ``boot_ns``: the newest counts; ``NOTHING`` without any."""
        with self._lock:
            fitting = [each for key in (None, reader) if (each := self._pending.get(key)) and each.counts(reader, boot_ns)]
            for each in fitting:
                del self._pending[each.reader]
            return max(fitting, key=lambda each: each.boot_ns).wish if fitting else NOTHING
