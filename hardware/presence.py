"""What lies on one reader, and when that is news: pure, it is told everything and waits for nothing.

A reader's events alone are not enough: a badge exchanged for another within some 50 ms raises none (facts,
hardware, section 1.4), and a badge at the edge of the field comes and goes many times. So the card is read
again and again while it lies there, and this class decides which of all that is a sighting.
"""

from __future__ import annotations

from collections import deque
from typing import Final, assert_never

from hardware.cards import Absent, Document, Failed, Identified, Reading
from hardware.ports import Card, Identity, Sighting, Unreadable

#: How long a card may fail before it is called unreadable: a hand needs this long to hold it still.
PATIENCE_NS: Final = 400_000_000
#: A card that comes back this soon after it was last read has wobbled, not left (peers, complaints 2 and 3).
WOBBLE_NS: Final = 300_000_000
#: Identifiers remembered per insertion: a purse holds a few cards, and the reader answers with any of them.
_REMEMBERED: Final = 16

TOO_SOON: Final = "the card was taken away too soon; hold it still for a second"


class Presence:
    """The memory of one reader, by which each card is seen once per insertion.

    It survives the loss of the connection to the reader: a card that lay there before and lies there after
    is no news, since nobody saw it leave.
    """

    def __init__(self) -> None:
        self.present = False
        self._counter: int | None = None
        self._known: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._last: tuple[bytes, int] | None = None
        self._inserted_ns: int | None = None
        self._refused = False
        self._why = TOO_SOON

    @property
    def awaited(self) -> bool:
        """Whether somebody still waits for a word on the card that was laid down."""
        return self._inserted_ns is not None

    def lost(self) -> None:
        """Note that the reader can't be watched any more; what happens until the next ``status`` is unknown."""
        self.present = False
        self._counter = None

    def status(self, *, present: bool, counter: int, now_ns: int) -> Unreadable | None:
        """Take the reader's word for whether a card is there.

        Args:
            present: Whether it says so.
            counter: Its count of insertions and removals: another figure is another insertion.
            now_ns: Now, boot time in nanoseconds.

        Returns:
            A card that left before it could be read, if there was one.
        """
        moved = self._counter is not None and counter != self._counter
        gone = self._leave() if not present or (moved and self.present) else None
        # What was refused before the connection was lost, and still lies there, is not refused a second time.
        if present and not self.present and self._counter is None and self._refused:
            self._inserted_ns = None
        elif present and (moved or not self.present):
            self._inserted_ns, self._why = now_ns, TOO_SOON
        self.present, self._counter = present, counter
        return gone

    def read(self, outcome: Reading, *, began_ns: int, now_ns: int) -> Sighting | None:
        """Take the outcome of one attempt to read the card.

        Args:
            outcome: What came of it.
            began_ns: When the attempt began, boot time in nanoseconds.
            now_ns: Now, likewise; a card may take seconds to answer.

        Returns:
            The sighting, if it is news.
        """
        match outcome:
            case Identified() | Document():
                return self._seen(outcome, began_ns, now_ns)
            case Failed(why):
                return self._failed(why, now_ns)
            case Absent():
                # No word yet to the worker: the reader's own event follows, and tells whether the card came back.
                self._known.clear()
                return self._failed(self._why, now_ns)
            case _:
                assert_never(outcome)

    def _seen(self, found: Identified | Document, began_ns: int, now_ns: int) -> Card | Identity | None:
        since = began_ns if self._inserted_ns is None else self._inserted_ns
        key = found.identifier if isinstance(found, Identified) else found.number.encode()
        wobbled = self._last is not None and self._last[0] == key and began_ns - self._last[1] < WOBBLE_NS
        known = wobbled or key in self._known
        self._inserted_ns, self._last = None, (key, now_ns)
        if key not in self._known:
            self._known.append(key)
        if known:
            return None
        if isinstance(found, Document):
            return Identity(document=found, boot_ns=since)
        return Card(kind="uid", identifier=found.identifier, technology=found.technology, boot_ns=since)

    def _failed(self, why: str, now_ns: int) -> Unreadable | None:
        # Once a card was seen, or called unreadable, its failures are silent: only the next insertion speaks again.
        if self._inserted_ns is None:
            return None
        self._why = why
        return self._refuse(self._inserted_ns) if now_ns - self._inserted_ns >= PATIENCE_NS else None

    def _leave(self) -> Unreadable | None:
        self._known.clear()
        self._refused = False
        since, self._inserted_ns = self._inserted_ns, None
        # A badge that is lifted off comes and goes at the edge of the field: its green must not be followed by a red.
        if since is None or (self._last is not None and since - self._last[1] < WOBBLE_NS):
            return None
        return Unreadable(why=self._why, boot_ns=since)

    def _refuse(self, since: int) -> Unreadable:
        self._inserted_ns, self._refused = None, True
        return Unreadable(why=self._why, boot_ns=since)
