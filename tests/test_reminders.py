"""kiosk.reminders makes tasks of what nobody taps for, and sleeps until the next one is due."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from kiosk.model import Direction
from kiosk.reminders import Reminders, ReminderSettings
from tests.stores import until
from tests.worlds import World

_HOUR = 3600


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _reminders(world: World) -> Reminders:
    return Reminders(world.outbox, world.time, ReminderSettings(max_shift_hours=14))


def _run(world: World, reminders: Reminders, seconds: float) -> int:
    """Let time pass as the thread would sleep; returns how often it woke."""
    woke, left = 0, seconds
    while (wait := reminders.step()) <= left:
        world.time.pass_seconds(wait)
        left, woke = left - wait, woke + 1
    world.time.pass_seconds(left)
    return woke


def test_a_forgotten_check_out_becomes_a_task_though_nobody_taps(world: World) -> None:
    """Within a second after the longest shift, for each stay at its own time, and once."""
    first = world.tap(0)
    reminders = _reminders(world)
    _run(world, reminders, _HOUR)
    second = world.tap(1)
    _run(world, reminders, 13 * _HOUR - 1)
    assert world.tasks() == []
    _run(world, reminders, 2)
    assert world.tasks() == [("missing_out", first, None)]
    _run(world, reminders, 40 * _HOUR)
    assert world.tasks() == [("missing_out", first, None), ("missing_out", second, None)]


def test_what_fell_due_while_the_box_was_off_is_asked_at_once(world: World) -> None:
    """A restart asks what was missed, and asks nothing twice."""
    number = world.tap(0, ago_seconds=20 * _HOUR)
    for _ in range(2):
        _reminders(world).step()
    assert world.tasks() == [("missing_out", number, None)]


def test_whoever_left_is_not_asked_about(world: World) -> None:
    """An OUT ends the stay."""
    world.tap(0, ago_seconds=20 * _HOUR)
    world.tap(0, Direction.OUT, ago_seconds=12 * _HOUR)
    _run(world, _reminders(world), 40 * _HOUR)
    assert world.tasks() == []


def test_it_sleeps(world: World) -> None:
    """At night on an empty site it looks once an hour, since a clock may be set meanwhile; no oftener for an open stay."""
    assert _run(world, _reminders(world), 24 * _HOUR) == 24
    world.tap(0)
    assert _run(world, _reminders(world), 24 * _HOUR) <= 26


def test_nothing_is_asked_by_a_clock_that_nobody_vouches_for(world: World) -> None:
    """A clock that jumped ahead would make a forgotten check-out of everybody's stay."""
    world.tap(0, ago_seconds=20 * _HOUR)
    world.time.trusted = False
    assert _reminders(world).step() == 10
    assert world.tasks() == []


def test_the_thread_asks_and_ends_when_it_is_told_to(world: World) -> None:
    """It works by itself, and a stop wakes it from its sleep."""
    world.tap(0, ago_seconds=20 * _HOUR)
    reminders, stop = _reminders(world), Event()
    thread = Thread(target=reminders.run, args=(stop,))
    thread.start()
    until(world.tasks)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
