"""kiosk.bell wakes the thread that sleeps by it, and remembers a ring that came before."""

from __future__ import annotations

from threading import Thread

from kiosk.bell import Bell


def test_a_ring_before_the_sleep_ends_it_at_once_and_only_once() -> None:
    """What was rung for between a look and a sleep is not slept over, and the sleep after that is a whole one."""
    bell = Bell()
    bell.ring()
    bell.ring()
    assert bell.wait()
    assert not bell.wait(0.01)


def test_a_ring_wakes_the_sleeper() -> None:
    """Whoever sleeps without a term wakes by a ring from another thread."""
    bell, woken = Bell(), []
    sleeper = Thread(target=lambda: woken.append(bell.wait()), daemon=True)
    sleeper.start()
    bell.ring()
    sleeper.join(20)
    assert woken == [True]
