"""What every reader keeps, whatever it is made of; a test class inherits it and gives a bench."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread

import pytest

from hardware.ports import Card, Reader, Sighting, Unreadable

#: Long enough for a slow machine; nothing waits for it when all is well.
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderBench:
    """A reader with somebody who lays cards on it.

    Attributes:
        reader: The one under test, with nothing lying on it.
        insert: Lays a card with this identifier on it, long enough to be seen, and takes it away again.
        unplug: Takes the device away until ``plug``; returns when ``attached`` may be expected to turn.
        plug: Puts it back.
    """

    reader: Reader
    insert: Callable[[bytes], None]
    unplug: Callable[[], None]
    plug: Callable[[], None]


@contextmanager
def reading(reader: Reader) -> Iterator[Queue[Sighting]]:
    """Drive the reader by a thread of its own, as the daemon does, and collect what it yields."""
    stop, seen = Event(), Queue[Sighting]()

    def drive() -> None:
        for sighting in reader.sightings(stop):
            seen.put(sighting)

    thread = Thread(target=drive, name="reader under test", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        reader.wake()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive(), "the reader did not return after stop and wake"


def attached_within(reader: Reader, *, state: bool) -> bool:
    """Wait until the reader says it is, or is not, attached."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while reader.attached is not state:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def turned_since(reader: Reader, moment_ns: int) -> bool:
    """Wait until the reader's loop has gone round after this moment of the boot clock."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while reader.turned_ns <= moment_ns:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


class AnyReaderContract:
    """What a reader keeps whatever it reads; inherit, and give a fixture ``bench``."""

    FIRST = bytes.fromhex("04A1B2C3D4E580")
    SECOND = bytes.fromhex("DEADBEEF")

    def names(self, sighting: Sighting) -> bytes:
        """What tells this sighting from another: the bytes that were given to ``insert``."""
        assert isinstance(sighting, Card)
        assert sighting.kind == "uid"
        return sighting.identifier

    def test_each_insertion_is_yielded_once(self, bench: ReaderBench) -> None:
        """A card is one sighting per insertion, in order, also when the same card comes again."""
        with reading(bench.reader) as seen:
            for identifier in (self.FIRST, self.SECOND, self.SECOND):
                bench.insert(identifier)
                assert self.names(seen.get(timeout=PATIENCE_SECONDS)) == identifier
            with pytest.raises(Empty):
                seen.get(timeout=0.3)

    def test_a_sighting_carries_the_moment_of_boot_time(self, bench: ReaderBench) -> None:
        """The moment of a tap is read from the boot clock when the card is seen, not when somebody asks."""
        with reading(bench.reader) as seen:
            before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            bench.insert(self.FIRST)
            sighting = seen.get(timeout=PATIENCE_SECONDS)
            assert before <= sighting.boot_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def test_stop_and_wake_end_it_promptly(self, bench: ReaderBench) -> None:
        """A reader that waits for a card returns as soon as it is told to stop and woken."""
        with reading(bench.reader):
            time.sleep(0.05)
            before = time.monotonic()
        assert time.monotonic() - before < 2

    def test_a_wake_before_the_start_is_not_lost(self, bench: ReaderBench) -> None:
        """Stopped and woken before its thread gets going, it returns at once and without a sighting."""
        stop = Event()
        stop.set()
        bench.reader.wake()
        before = time.monotonic()
        assert list(bench.reader.sightings(stop)) == []
        assert time.monotonic() - before < 2

    def test_a_wake_without_stop_changes_nothing(self, bench: ReaderBench) -> None:
        """Woken for nothing, even several times, it goes on reading."""
        with reading(bench.reader) as seen:
            for _ in range(3):
                bench.reader.wake()
            bench.insert(self.FIRST)
            assert self.names(seen.get(timeout=PATIENCE_SECONDS)) == self.FIRST

    def test_an_unplugged_reader_says_so_and_heals(self, bench: ReaderBench) -> None:
        """``attached`` follows the plug, and after it is put back cards are read again by the same object."""
        with reading(bench.reader) as seen:
            assert attached_within(bench.reader, state=True)
            bench.unplug()
            assert attached_within(bench.reader, state=False)
            bench.plug()
            assert attached_within(bench.reader, state=True)
            bench.insert(self.FIRST)
            assert self.names(seen.get(timeout=PATIENCE_SECONDS)) == self.FIRST

    def test_it_says_when_it_last_went_round(self, bench: ReaderBench) -> None:
        """Whoever watches over it sees the loop turn: nothing before it runs, and after each card a later moment."""
        assert bench.reader.turned_ns == 0
        with reading(bench.reader) as seen:
            assert turned_since(bench.reader, 0)
            before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            bench.insert(self.FIRST)
            seen.get(timeout=PATIENCE_SECONDS)
            assert turned_since(bench.reader, before)


class ReaderContract(AnyReaderContract):
    """What a reader of badges keeps; inherit, and give a fixture ``bench``."""

    @pytest.mark.parametrize("length", [4, 7, 8, 10])
    def test_every_length_of_identifier_that_cards_have_is_read(self, bench: ReaderBench, length: int) -> None:
        """Identifiers of 4, 7, 8 and 10 bytes are cards."""
        with reading(bench.reader) as seen:
            bench.insert(bytes(range(0x11, 0x11 + length)))
            card = seen.get(timeout=PATIENCE_SECONDS)
            assert isinstance(card, Card)
            assert len(card.identifier) == length

    @pytest.mark.parametrize("length", [3, 5, 16])
    def test_a_length_that_no_card_has_is_unreadable(self, bench: ReaderBench, length: int) -> None:
        """An identifier of any other length is told as unreadable, without its bytes."""
        with reading(bench.reader) as seen:
            bench.insert(bytes(range(0x11, 0x11 + length)))
            sighting = seen.get(timeout=PATIENCE_SECONDS)
            assert isinstance(sighting, Unreadable)
            assert bytes(range(0x11, 0x11 + length)).hex() not in repr(sighting).lower()
