"""What all buttons keep, whatever they are made of; a test class inherits it and gives a bench."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from threading import enumerate as threads
from time import clock_gettime, pthread_getcpuclockid

import pytest

from hardware.indicator import boot_clock
from hardware.ports import Buttons, Pressed
from tests.contracts.waiting import wakes_in

PATIENCE_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonsBench:
    """Buttons named ``in`` and ``out``, and the finger that presses one of them."""

    buttons: Buttons
    press: Callable[[str], object]


@contextmanager
def listening(buttons: Buttons) -> Iterator[SimpleQueue[Pressed]]:
    """Drive the buttons by a thread of their own; gives what they yield."""
    stop, told = Event(), SimpleQueue[Pressed]()

    def listen() -> None:
        for pressed in buttons.presses(stop):
            told.put(pressed)

    thread = Thread(target=listen, name="buttons", daemon=True)
    thread.start()
    try:
        yield told
    finally:
        stop.set()
        buttons.wake()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


class ButtonsContract:
    """Inherit, and give a fixture ``bench``."""

    def test_each_press_comes_once_in_order_with_its_moment(self, bench: ButtonsBench) -> None:
        """Every press is told by name, once, in order, and with the boot clock's time of the press."""
        before = boot_clock()
        with listening(bench.buttons) as told:
            for name in ("in", "out", "in"):
                bench.press(name)
            found = [told.get(timeout=PATIENCE_SECONDS) for _ in range(3)]
            with pytest.raises(Empty):
                told.get(timeout=0.05)
        assert [each.name for each in found] == ["in", "out", "in"]
        moments = [each.boot_ns for each in found]
        # The two clocks of the kernel are read one after the other: some microseconds lie between.
        assert before - 1_000_000 <= moments[0]
        assert moments[-1] <= boot_clock() + 1_000_000

    def test_a_press_before_anybody_listens_is_not_lost(self, bench: ButtonsBench) -> None:
        """What was pressed while the thread was still starting is told."""
        bench.press("out")
        with listening(bench.buttons) as told:
            assert told.get(timeout=PATIENCE_SECONDS).name == "out"

    def test_waiting_is_no_poll_and_ends_at_once(self, bench: ButtonsBench) -> None:
        """While nobody presses the thread sleeps; wake may be called at any time, any number of times."""
        bench.buttons.wake()
        with listening(bench.buttons):
            (thread,) = [each for each in threads() if each.name == "buttons"]
            processor = pthread_getcpuclockid(thread.ident or 0)
            assert wakes_in(0.3, "buttons") == 0
            assert clock_gettime(processor) < 0.1, "it turns round and round"
        bench.buttons.wake()
        bench.buttons.wake()
