"""kiosk.reminders makes tasks of what nobody taps for, and sleeps until the next one is due."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from threading import Event, Thread

import pytest

from kiosk.bell import Bell
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


def _escalating(world: World, minutes: float = 60) -> Reminders:
    return Reminders(world.outbox, world.time, ReminderSettings(max_shift_hours=1000, escalate_after_minutes=minutes))


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


def test_what_could_not_be_sent_for_an_hour_is_told_though_nobody_taps(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """To the second, once, in the log too; it is taken back when it was sent, and nothing of it is given up."""
    reminders = _escalating(world)
    _run(world, reminders, _HOUR / 2)
    number = world.tap()
    _run(world, reminders, _HOUR - 1)
    assert world.tasks() == []
    _run(world, reminders, 2)
    assert world.tasks() == [("backlog", number, None)]
    _run(world, reminders, 48 * _HOUR)
    assert (world.states(), world.tasks()) == (["queued"], [("backlog", number, None)])
    assert [record.message for record in caplog.records] == ["what is to be sent waits for long"]
    world.run()
    _run(world, reminders, 61)
    assert (world.states(), world.tasks()) == (["accepted"], [])


def test_a_row_that_is_old_when_it_is_first_seen_gets_a_minute(world: World) -> None:
    """The box was off over night, or somebody released it: it may be sent at once, and nobody need hear of it."""
    number = world.tap(ago_seconds=10 * _HOUR)
    reminders = _escalating(world)
    _run(world, reminders, 59)
    assert world.tasks() == []
    _run(world, reminders, 2)
    assert world.tasks() == [("backlog", number, None)]


def test_a_backlog_that_flows_is_no_news(world: World) -> None:
    """While rows are sent the oldest is another at each look."""
    rows = [world.tap(person, ago_seconds=10 * _HOUR) for person in range(10)]
    reminders = _escalating(world)
    for row in rows:
        _run(world, reminders, 59)
        world.database.write(partial(_accept, row=row))
    assert world.tasks() == []


def test_nobody_is_asked_where_it_is_switched_off(world: World) -> None:
    """0 never asks, and takes back what was asked before it was switched off."""
    world.tap(ago_seconds=10 * _HOUR)
    _run(world, _escalating(world), 61)
    assert len(world.tasks()) == 1
    assert _run(world, _escalating(world, 0), 24 * _HOUR) == 24
    assert world.tasks() == []


def test_it_looks_no_oftener_than_a_backlog_can_grow_old(world: World) -> None:
    """On an empty site once an hour, likewise while rows are young; once a minute only while a backlog lasts."""
    reminders = _escalating(world)
    assert _run(world, reminders, 24 * _HOUR) == 24
    world.tap()
    assert _run(world, reminders, _HOUR - 1) <= 1
    assert _run(world, reminders, _HOUR) in range(59, 62)


def test_something_sent_wakes_it_only_while_somebody_was_asked(world: World) -> None:
    """A busy day must not look at everybody after every call."""
    world.tap(ago_seconds=10 * _HOUR)
    reminders, bell = _escalating(world), Bell()
    reminders._bell = bell
    reminders.step()
    reminders.sent()
    assert not bell.wait(0)
    world.time.pass_seconds(61)
    reminders.step()
    reminders.sent()
    assert bell.wait(0)


def _accept(connection: sqlite3.Connection, row: int) -> None:
    connection.execute("UPDATE registrations SET state = 'accepted' WHERE id = ?", (row,))


def test_the_thread_asks_and_ends_when_it_is_told_to(world: World) -> None:
    """It works by itself, and a stop wakes it from its sleep."""
    world.tap(0, ago_seconds=20 * _HOUR)
    reminders, stop = _reminders(world), Event()
    thread = Thread(target=reminders.run, args=(stop,))
    thread.start()
    until(world.tasks)
    stop.set()
    reminders.nudge()
    thread.join(20)
    assert not thread.is_alive()
