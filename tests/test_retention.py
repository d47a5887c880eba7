"""kiosk.retention lets go at night of what was kept long enough, and writes nothing where that is nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kiosk import retention
from kiosk.model import ClockReading, Direction, State
from kiosk.purging import DAY_MS, SLICE
from kiosk.retention import Caretaker
from kiosk.retention_settings import Retention
from tests.desks import draft
from tests.shelves import chain, finished, ids
from tests.stores import until
from tests.worlds import World

BRUSSELS = ZoneInfo("Europe/Brussels")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def caretaker(world: World, **terms: Any) -> Caretaker:
    """One whose book is in the record already."""
    chain(world)
    return Caretaker(world.outbox, Retention(**terms), world.time, zone=BRUSSELS)


def test_a_sweep_takes_everything_that_is_due(world: World) -> None:
    """Registrations, taps, tasks, notices, days, other channels and old content, each by its own term, in one night."""
    old_ms = world.time.wall_ms - 200 * DAY_MS
    for days in (100, 100, 1):
        finished(world, days=days)
    world.database.write(
        lambda c: c.execute("INSERT INTO tasks (kind, book, opened_ms, closed_ms) VALUES ('held', 1, 0, ?)", (old_ms,))
    )
    world.database.write(lambda c: c.execute("INSERT INTO reconciliations VALUES (1, '2020-01-01', 0, 0, 0, 0, 0, 0, 0)"))
    work = caretaker(world)
    assert work.is_due()
    assert sum(work.sweep()) == 4
    assert len(ids(world)) == 1
    assert not work.is_due()
    world.time.pass_seconds(86_400)
    assert work.is_due()


def test_a_night_in_which_nothing_is_due_writes_nothing(world: World) -> None:
    """Nobody taps, nothing is old: the card is not written."""
    finished(world, days=1)
    night = caretaker(world)
    changes = world.database.read(lambda c: c.total_changes)
    log = (world.path.parent / "kiosk.db-wal").stat()
    assert sum(night.sweep()) == 0
    assert world.database.read(lambda c: c.total_changes) == changes
    after = (world.path.parent / "kiosk.db-wal").stat()
    assert (after.st_size, after.st_mtime_ns) == (log.st_size, log.st_mtime_ns)


def test_a_clock_that_is_not_to_be_trusted_lets_nothing_go(world: World) -> None:
    """A box that wakes up in 2038 keeps its book."""
    work = Caretaker(world.outbox, Retention(), lambda: replace(world.time(), trusted=False), zone=BRUSSELS)
    assert not work.is_due()


def test_the_night_begins_at_three(world: World) -> None:
    """What was done at four is not done again before three o'clock the next night, local time."""
    work = caretaker(world)
    work._done = work._night(_reading("2026-11-02T03:00:00Z"))
    assert work._night(_reading("2026-11-03T01:59:00Z")) == work._done
    assert work._night(_reading("2026-11-03T02:00:00Z")) > work._done


def _reading(text: str) -> ClockReading:
    wall_ms = round(datetime.fromisoformat(text).timestamp() * 1000)
    return ClockReading(wall_ms=wall_ms, boot_ns=0, boot_id="boot", trusted=True, source="kernel", bound_ms=1)


def test_more_finished_rows_than_may_be_go_down_to_that(world: World) -> None:
    """The cap holds inside the days; rows of the last week stay all the same."""
    with_days = [(20, 1030), (1, 20)]
    for days, count in with_days:
        at_ms = world.time.wall_ms - days * DAY_MS
        world.add([(world.holder(0), draft(at_ms=at_ms + number)) for number in range(count)], state=State.ACCEPTED)
    world.database.write(lambda c: c.execute("UPDATE registrations SET validity = 'valid'"))
    assert sum(caretaker(world, most_finished_rows=1000).sweep()) == 50
    assert (ids(world)[0], len(ids(world))) == (51, 1000)


def test_a_sweep_that_was_cut_off_goes_on_with_what_is_left(world: World) -> None:
    """Each slice stands by itself: after a restart in the middle every row that is due has gone exactly once."""
    at_ms = world.time.wall_ms - 100 * DAY_MS
    world.add([(world.holder(0), draft(at_ms=at_ms + number)) for number in range(3 * SLICE + 1)], state=State.ACCEPTED)
    world.database.write(lambda c: c.execute("UPDATE registrations SET validity = 'valid'"))
    sweep: Iterator[int] = caretaker(world).sweep()
    assert next(sweep) == SLICE
    world.reopen()
    assert sum(caretaker(world).sweep()) == 2 * SLICE
    assert ids(world) == [3 * SLICE + 1]
    assert world.select("SELECT count(*) FROM evidence WHERE kind = 'purged'") == [(3,)]


def test_the_thread_sweeps_and_cuts_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went is in the log no more once the night's work is done, and the thread ends when it is told to."""
    monkeypatch.setattr(retention, "_START_SECONDS", 0.0)
    monkeypatch.setattr(retention, "_PAUSE_SECONDS", 0.0)
    for direction in (Direction.IN, Direction.OUT):
        finished(world, direction=direction)
    stop = Event()
    thread = Thread(target=caretaker(world).run, args=(stop,))
    thread.start()
    until(lambda: (world.path.parent / "kiosk.db-wal").stat().st_size == 0)
    stop.set()
    thread.join()
    assert len(ids(world)) == 1


def test_the_thread_stops_between_two_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop waits for one slice and not for the night's work, which is not called done."""
    finished(world)
    finished(world)
    stop = Event()
    stop.set()
    work = caretaker(world)
    work._sweep(stop)
    assert work.is_due()
