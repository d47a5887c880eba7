"""What goes into one call, and what decides who may go now. Values only; ``claims`` reads and marks the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kiosk.model import Registration

#: How long a search for other channels' registrations speaks for a late one: as long as somebody is still "just now" at the gate.
LOOKED_MS: Final = 600_000
#: What one search covers: two of the largest calls.
MOST_MARKED: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What decides who may go now.

    Attributes:
        now_ms: The trusted clock, Unix milliseconds UTC.
        size: Rows in a call at most.
        order_wait_ms: How long an unknown row delays its person's later ones, from the end of its call.
        late_after_ms: Rows older than this are late: other channels are searched before they go. None: never.
        hold_late: Whether those that are late at their first send are held instead.
        most_marked: Late rows that may be marked for a search before others are sent.
    """

    now_ms: int
    size: int
    order_wait_ms: int
    late_after_ms: int | None = None
    hold_late: bool = False
    most_marked: int = MOST_MARKED


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One claimed registration.

    Attributes:
        id: Its number in the book.
        holder: The person.
        uid: What its sealed fields are bound to.
        attempts: Calls including the one that is about to be made.
        registration: What is sent.
    """

    id: int
    holder: int
    uid: bytes
    attempts: int
    registration: Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What goes into one call, in the order of the taps.

    Attributes:
        group: The blind index of employer and declaration.
        split: The suspect set the rows belong to, or 0: a call with all its rows was refused, so it is tried in halves.
        rows: At least one.
        probe: Whether it asks if a paused group may go on.
    """

    group: bytes
    split: int
    rows: tuple[Row, ...]
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that may be sent, still sealed; the fields are the columns that ``claims`` reads."""

    id: int
    holder: int
    uid: bytes
    at_ms: int
    attempts: int
    called_ms: int | None
    released: int
    looked_ms: int | None
    sealed: bytes

    def is_late(self, terms: Terms) -> bool:
        """Whether it is overdue; never after a release: a human has looked (design, section 7)."""
        return terms.late_after_ms is not None and not self.released and terms.now_ms - self.at_ms > terms.late_after_ms

    def needs_search(self, terms: Terms) -> bool:
        """Whether its person may have registered by another channel since anybody looked, or since it was tapped."""
        return self.looked_ms is None or not 0 <= terms.now_ms - self.looked_ms <= LOOKED_MS
