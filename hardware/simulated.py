"""A reader without metal, for training, demonstrations and tests; it obeys the rules that metal imposes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from threading import Condition, Event
from typing import Final

from hardware.cards import Identified, judged
from hardware.indicator import boot_clock
from hardware.ports import Card, ReaderLost, Sighting, Unreadable

#: A lost wake would be a bug; this bounds what it costs, without being a poll.
_LONGEST_WAIT_SECONDS: Final = 30.0


class SimulatedReader:
    """Yields the cards that ``tap`` lays on it, one sighting per tap, in order.

    Args:
        clock: Gives CLOCK_BOOTTIME in nanoseconds.
    """

    def __init__(self, *, clock: Callable[[], int] = boot_clock) -> None:
        self._clock = clock
        self._news = Condition()
        self._laid: deque[Sighting] = deque()
        self._woken = False
        self._attached = True
        self._turned_ns = 0

    @property
    def attached(self) -> bool:
        """Whether the reader is plugged in."""
        return self._attached

    @property
    def turned_ns(self) -> int:
        """When the loop last went round, boot time in nanoseconds; 0 before it runs."""
        return self._turned_ns

    def tap(self, kind: str, identifier: bytes, *, technology: str = "simulated", unreadable: str | None = None) -> Sighting:
        """Lay a card on the reader and return the very object that ``sightings`` will yield for it.

        Args:
            kind: The kind of identifier, one of ``hardware.cards.LENGTHS``.
            identifier: Its bytes; whatever a PC/SC reader would not accept comes out as ``Unreadable``, as there.
            technology: What the reader shall say of the chip.
            unreadable: Why the card shall give no identifier at all, or None.

        Raises:
            ReaderLost: The reader is unplugged.
        """
        with self._news:
            if not self._attached:
                raise ReaderLost("the simulated reader is unplugged")
            sighting = self._judged(kind, identifier, technology, unreadable)
            self._laid.append(sighting)
            self._news.notify_all()
        return sighting

    def _judged(self, kind: str, identifier: bytes, technology: str, unreadable: str | None) -> Sighting:
        """Judge the identifier by the rules that every reader applies."""
        now = self._clock()
        if unreadable is not None:
            return Unreadable(why=unreadable, boot_ns=now)
        read = judged(identifier, technology, kind)
        if isinstance(read, Identified):
            return Card(kind=kind, identifier=read.identifier, technology=technology, boot_ns=now)
        return Unreadable(why=read.why, boot_ns=now)

    def detach(self) -> None:
        """Pull the plug: ``attached`` is False and a tap raises until ``attach``; what was laid on before is still yielded."""
        with self._news:
            self._attached = False

    def attach(self) -> None:
        """Put the plug back."""
        with self._news:
            self._attached = True

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        """Yield each tap once; return soon after ``stop`` is set and ``wake`` was called."""
        while not stop.is_set():
            self._turned_ns = self._clock()
            with self._news:
                self._news.wait_for(lambda: self._laid or self._woken, _LONGEST_WAIT_SECONDS)
                self._woken = False
                sighting = self._laid.popleft() if self._laid and not stop.is_set() else None
            if sighting is not None:
                yield sighting

    def wake(self) -> None:
        """Make a blocked ``sightings`` look at ``stop`` at once; safe from any thread, any number of times."""
        with self._news:
            self._woken = True
            self._news.notify_all()
