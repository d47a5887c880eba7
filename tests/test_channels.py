from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from zoneinfo import ZoneInfo

import pytest

from kiosk import taps
from kiosk.channels import Channels, ChannelSettings
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Direction, Registration, TaskKind
from kiosk.tasks import open_task
from kiosk.verdicts import Found, Query, SearchFailed, SearchUnavailable, SearchVerdict
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, PLACE, invented_insz
from tests.worlds import World

_HOUR_MS = 3_600_000
_EVERY = 300


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    # Noon by the site's clock, so that no test crosses midnight without wanting to.
    made.time.wall_ms = round(datetime(2026, 11, 24, 11, tzinfo=UTC).timestamp() * 1000)
    return made


def _channels(world: World, *, every: float = _EVERY) -> Channels:
    settings = ChannelSettings(every_seconds=every, max_shift_hours=14, zone=ZoneInfo("Europe/Brussels"), place=PLACE)
    return Channels(world.outbox, lambda: world.service, world.time, settings, dice=lambda: 0.5)


def _run(world: World, channels: Channels, seconds: float) -> None:
    left = seconds
    while (wait := channels.step()) <= left:
        world.time.pass_seconds(wait)
        left -= wait
    world.time.pass_seconds(left)


def _by_phone(world: World, person: int, direction: Direction, *, declaration: DeclarationNumber = DECLARATION) -> None:
    world.holder(person)
    world.service.store(
        Registration(
            ssin=invented_insz(person),
            direction=direction,
            at_ms=world.time.wall_ms,
            employer=EMPLOYER,
            place=PLACE,
            declaration=declaration,
        )
    )


def _is_in(world: World, person: int) -> bool:
    holder = world.holder(person)
    found = world.database.read(lambda c: taps.newest_tap(c, book=1, holder=holder))
    return found is not None and found.last.direction is Direction.IN


def test_while_nobody_is_inside_nothing_is_asked(world: World) -> None:
    """Neither on an empty box nor the day after the last tap."""
    channels = _channels(world)
    _run(world, channels, 3600)
    world.tap(0, Direction.OUT, ago_seconds=86_400)
    _run(world, channels, 86_400)
    assert world.service.searches == []


def test_who_is_inside_twice_at_once_becomes_a_task(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Here, and by telephone for other works: asked about within minutes, and taken back when that one is cancelled."""
    caplog.set_level("INFO")
    number = world.tap(0)
    world.tap(1, declaration=OTHER_DECLARATION)
    world.run(10)
    channels = _channels(world)
    world.time.pass_seconds(1800)
    _by_phone(world, 0, Direction.IN, declaration=OTHER_DECLARATION)
    _run(world, channels, 900)
    assert [task[:2] for task in world.tasks()] == [("overlap", number)]
    assert [record.message for record in caplog.records].count("asked about stays that overlap") == 1
    world.service.rows[-1].change(cancelled=True)
    _run(world, channels, 3600)
    assert world.tasks() == []


def test_the_other_channel_corrects_who_is_inside(world: World) -> None:
    """One comes in here and leaves by phone, the other comes by phone: within minutes both are where they are."""
    channels = _channels(world)
    world.tap(0)
    world.run(1)
    _by_phone(world, 1, Direction.IN)
    _run(world, channels, 60)
    assert (_is_in(world, 0), _is_in(world, 1)) == (True, True)
    world.time.pass_seconds(1800)
    _by_phone(world, 0, Direction.OUT)
    _run(world, channels, 1300)
    assert (_is_in(world, 0), _is_in(world, 1)) == (False, True)


def test_one_search_covers_an_employers_declaration_and_no_person_is_named(world: World) -> None:
    """A hundred people inside cost what one costs; two declarations cost two."""
    for person in range(100):
        world.tap(person, declaration=(DECLARATION, OTHER_DECLARATION)[person % 2])
    _run(world, _channels(world), 200)
    assert sorted(query.declaration.value for query in world.service.searches if query.declaration) == sorted(
        (DECLARATION.value, OTHER_DECLARATION.value)
    )
    assert {(query.employer, query.ssin) for query in world.service.searches} == {(EMPLOYER, None)}


def test_the_pace_falls_while_nothing_happens_and_rises_with_a_tap(world: World) -> None:
    """From every five minutes to once an hour: a quiet day costs a dozen searches."""
    channels = _channels(world)
    world.tap(0)
    _run(world, channels, 9 * 3600)
    quiet = len(world.service.searches)
    assert 9 <= quiet <= 14
    world.tap(1)
    _run(world, channels, _EVERY + 1)
    assert len(world.service.searches) == quiet + 1


def test_after_midnight_only_who_is_inside_is_asked_for(world: World) -> None:
    """Everybody has gone: the night is silent until somebody taps; a night shift is not alone."""
    channels = _channels(world)
    world.tap(0, Direction.OUT)
    _run(world, channels, 12 * 3600)
    asked = len(world.service.searches)
    assert asked > 5
    _run(world, channels, 12 * 3600)
    assert len(world.service.searches) <= asked + 1
    world.tap(0)
    _run(world, channels, 13 * 3600)
    assert len(world.service.searches) > asked + 10


def test_the_first_look_covers_the_shift_and_the_day_and_later_ones_the_last_hour(world: World) -> None:
    """Once an hour everything is asked for again: what was cancelled there may be of the morning."""
    channels = _channels(world)
    world.tap(0)
    _run(world, channels, 1000)
    now = world.service.searches[0].to_ms - _HOUR_MS
    assert world.service.searches[0].from_ms == now - 14 * _HOUR_MS
    assert all(query.to_ms - query.from_ms < 3 * _HOUR_MS for query in world.service.searches[1:])
    _run(world, channels, 3600)
    assert [query.to_ms - query.from_ms for query in world.service.searches].count(15 * _HOUR_MS) == 2


def test_a_missing_out_is_looked_for_where_its_stay_began(world: World) -> None:
    """Who checked out by phone on Friday evening is not asked for it on Monday."""
    came = world.time.wall_ms - 65 * _HOUR_MS
    number = world.tap(0, ago_seconds=65 * 3600)
    world.tap(0)
    holder = world.holder(0)
    world.database.write(
        lambda c: open_task(c, TaskKind.MISSING_OUT, book=1, at_ms=world.time.wall_ms, registration=number, holder=holder)
    )
    world.time.wall_ms -= 60 * _HOUR_MS
    _by_phone(world, 0, Direction.OUT)
    world.time.wall_ms += 60 * _HOUR_MS
    _run(world, _channels(world), 60)
    assert world.service.searches[0].from_ms == came
    assert world.tasks() == []
    assert _is_in(world, 0)


def test_a_search_that_fails_backs_off_and_keeps_no_other_group_back(world: World) -> None:
    """What is known stays known, and the other employer's people are fetched meanwhile."""
    world.tap(0)
    world.tap(1, declaration=OTHER_DECLARATION)
    find = world.service.find

    def fail(query: Query) -> SearchVerdict:
        return SearchFailed(why="401") if query.declaration == DECLARATION else find(query)

    world.service.search_plan.extend([fail] * 100)
    _run(world, _channels(world), 3600)
    failed = [query for query in world.service.searches if query.declaration == DECLARATION]
    assert 3 <= len(failed) <= 20
    assert len(world.service.searches) >= len(failed) + 3


def test_retry_after_is_kept_for_all(world: World) -> None:
    """Who is told to wait does not ask for another declaration instead."""
    world.tap(0)
    world.tap(1, declaration=OTHER_DECLARATION)
    world.service.search_plan.append(lambda _: SearchFailed(why="429", retry_after=600))
    channels = _channels(world)
    _run(world, channels, 610)
    assert len(world.service.searches) == 1
    _run(world, channels, 200)
    assert len(world.service.searches) >= 3


def test_where_the_service_offers_no_search_it_is_asked_once_an_hour(world: World) -> None:
    """The box then decides by its own taps."""
    world.tap(0)
    world.service.search_plan.extend([lambda _: SearchUnavailable(why="403")] * 100)
    _run(world, _channels(world), 3 * 3600)
    assert len(world.service.searches) == 3


def test_it_can_be_switched_off_and_waits_for_a_trusted_clock(world: World) -> None:
    """0 is never; without a clock no assertion is signed."""
    world.tap(0)
    _run(world, _channels(world, every=0), 86_400)
    world.time.trusted = False
    assert _channels(world).step() == 10
    assert world.service.searches == []


def test_a_search_that_shows_nothing_new_writes_nothing(world: World) -> None:
    """No periodic writes while nobody taps: the card lives longer."""
    world.tap(0)
    _by_phone(world, 1, Direction.IN)
    channels = _channels(world)
    _run(world, channels, 60)
    changes = world.database.read(lambda c: c.total_changes)
    _run(world, channels, 7200)
    assert len(world.service.searches) > 3
    assert world.database.read(lambda c: c.total_changes) == changes


def test_the_thread_ends_when_it_is_told(world: World) -> None:
    """``stop`` ends it at once."""
    stop, asked = Event(), Event()
    channels = _channels(world)
    world.tap(0)
    channels.step()
    world.time.pass_seconds(100)

    def find(_: Query) -> SearchVerdict:
        asked.set()
        return Found(registrations=())

    world.service.search_plan.append(find)
    thread = Thread(target=channels.run, args=(stop,), daemon=True)
    thread.start()
    assert asked.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
