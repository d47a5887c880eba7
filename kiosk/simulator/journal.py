"""What was asked of the double and what met it: free of personal data, for counting attempts and rates."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from kiosk.simulator.faults import Fault
from kiosk.simulator.messages import Operation

#: A day of a busy test; the oldest lines go first.
_LENGTH: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One exchange.

    Attributes:
        at_ms: When the request had arrived, Unix milliseconds UTC.
        operation: What it asked for, or None when it led nowhere.
        status: What was answered; None when nothing was.
        fault: What met it.
    """

    at_ms: int
    operation: Operation | None
    status: int | None
    fault: Fault | None


class Journal:
    """The last exchanges. A deque's append is atomic, so it needs no lock."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_LENGTH)

    def add(self, entry: Entry) -> None:
        """Write a line."""
        self._entries.append(entry)

    def entries(self) -> tuple[Entry, ...]:
        """Return all lines, oldest first."""
        return tuple(self._entries.copy())
