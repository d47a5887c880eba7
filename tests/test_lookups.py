from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import lookups
from kiosk.claims import HOUR_MS
from kiosk.lookups import Finding, Searched
from kiosk.model import Direction
from kiosk.verdicts import Found
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION
from tests.worlds import World

_SETTLE_MS = 60_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _lose(world: World, number: int, search_ms: int = 0) -> None:
    """Make a row unknown, as if its call had just ended."""
    sql = "UPDATE registrations SET state = 'unknown', called_ms = ?, search_ms = ? WHERE id = ?"
    world.database.write(lambda c: c.execute(sql, (world.time.wall_ms, search_ms, number)))


def _search(world: World, found: Found, seconds: float = 1) -> dict[int, Finding]:
    """Search for what is due now; the search takes a while."""
    lookup = lookups.due(world.outbox, world.time.wall_ms)
    assert lookup is not None
    started = world.time.wall_ms
    world.time.pass_seconds(seconds)
    searched = Searched(started_ms=started, ended_ms=world.time.wall_ms, settle_ms=_SETTLE_MS)
    return lookups.settle(world.outbox, lookup, found, searched)


def test_one_search_covers_a_group_with_an_hour_on_either_side(world: World) -> None:
    """Employer and declaration of the call; rows of another group, not due, or a day away wait for their own."""
    old = world.tap(0, ago_seconds=14 * 3600)
    first, second = world.tap(1, ago_seconds=600), world.tap(2)
    other, later = world.tap(3, declaration=OTHER_DECLARATION), world.tap(4)
    for number in (first, second, old, other):
        _lose(world, number, number)
    _lose(world, later, world.time.wall_ms + 1)
    world.database.write(lambda c: c.execute("UPDATE registrations SET search_ms = 0 WHERE id = ?", (first,)))
    lookup = lookups.due(world.outbox, world.time.wall_ms)
    assert lookup is not None
    assert [row.id for row in lookup.rows] == [first, second]
    assert (lookup.query.employer, lookup.query.declaration, lookup.query.ssin) == (EMPLOYER, DECLARATION, None)
    assert (lookup.query.from_ms, lookup.query.to_ms) == (world.time.wall_ms - 600_000 - HOUR_MS, world.time.wall_ms + HOUR_MS)


def test_a_search_counts_from_when_it_began_and_the_next_from_when_it_ended(world: World) -> None:
    """The spacing is never shorter than ``settle_seconds``, however long a search takes."""
    number = world.tap()
    _lose(world, number)
    nothing = Found(registrations=())
    assert _search(world, nothing, 100) == {number: Finding.TOO_EARLY}
    assert _search(world, nothing, 100) == {number: Finding.ABSENT_ONCE}
    assert lookups.due(world.outbox, world.time.wall_ms + _SETTLE_MS - 1) is None
    world.time.pass_seconds(60)
    assert _search(world, nothing) == {number: Finding.ABSENT}
    assert world.states() == ["queued"]


@pytest.mark.parametrize("field", ["ssin", "direction", "second", "declaration", "cancelled"])
def test_only_the_very_same_registration_settles_a_row(world: World, field: str) -> None:
    """Person, direction, second, employer and declaration must match, and it must not be cancelled."""
    number = world.tap()
    batch = lookups.due(world.outbox, 0)
    assert batch is None
    _lose(world, number)
    lookup = lookups.one(world.outbox, number, 0)
    assert lookup is not None
    world.service.store(lookup.rows[0].registration)
    row = world.service.rows[0]
    other = {
        "ssin": "x",
        "direction": Direction.OUT,
        "second": row.shown.second + 1,
        "declaration": OTHER_DECLARATION,
        "cancelled": True,
    }
    genuine = row.shown
    row.change(**{field: other[field]})
    assert _search(world, Found(registrations=(row.shown,))) == {number: Finding.TOO_EARLY}
    world.time.pass_seconds(60)
    assert _search(world, Found(registrations=(genuine,))) == {number: Finding.FOUND}
    assert world.row(number)["registration_id"] == genuine.registration_id
    assert [row[0] for row in world.select("SELECT kind FROM evidence")] == ["verdict"]


def test_a_row_that_somebody_settled_meanwhile_is_left_alone(world: World) -> None:
    """A human resolved it while the search was under way."""
    number = world.tap()
    for absent in (False, True):
        _lose(world, number)
        world.time.pass_seconds(60)
        if absent:
            world.database.write(lambda c: c.execute("UPDATE registrations SET absent_ms = 1"))
        lookup = lookups.one(world.outbox, number, 0)
        assert lookup is not None
        world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'cancelled'"))
        now = world.time.wall_ms
        searched = Searched(started_ms=now, ended_ms=now, settle_ms=_SETTLE_MS)
        assert lookups.settle(world.outbox, lookup, Found(registrations=()), searched) == {}
        assert world.states() == ["cancelled"]
        world.database.write(lambda c: c.execute("UPDATE registrations SET absent_ms = NULL"))


def test_stamping_begins_the_wait_of_all_rows(world: World) -> None:
    """After a restart nobody knows when a call ended, nor whether the clock was set meanwhile: no time counts."""
    ahead, bare = world.tap(), world.tap(1)
    _lose(world, ahead, 86_400_000)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'unknown' WHERE id = ?", (bare,)))
    assert world.database.read(lambda c: lookups.next_due_ms(c, 1)) == 86_400_000
    lookups.stamp(world.outbox, at_ms=100, settle_ms=10)
    assert [(world.row(row)["search_ms"], world.row(row)["called_ms"]) for row in (ahead, bare)] == [(110, 100)] * 2
