from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import precautions
from kiosk.batches import Terms
from kiosk.claims import HOUR_MS, Claims
from kiosk.model import Direction, Registration
from kiosk.precautions import Precaution
from kiosk.rules import SAME_PRESENCE_MS
from kiosk.verdicts import Found
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, PLACE, invented_insz
from tests.worlds import World

_LATE_MS = 600_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _mark(world: World) -> None:
    """Let the claims mark what is late."""
    terms = Terms(now_ms=world.time.wall_ms, size=100, order_wait_ms=0, late_after_ms=_LATE_MS)
    assert Claims(world.outbox).next(terms) is None


def _due(world: World, after: bytes = b"") -> Precaution:
    found = precautions.due(world.outbox, after=after)
    assert found is not None
    return found


def _by_phone(world: World, person: int, direction: Direction, *, ago_seconds: float) -> int:
    """A registration that the person made by another channel; returns its place in the ledger."""
    world.holder(person)
    world.service.store(
        Registration(
            ssin=invented_insz(person),
            direction=direction,
            at_ms=world.time.wall_ms - round(ago_seconds * 1000),
            employer=EMPLOYER,
            place=PLACE,
            declaration=DECLARATION,
        )
    )
    return len(world.service.rows) - 1


def _settle(world: World) -> int:
    precaution = _due(world)
    assert precaution.query is not None
    found = world.service.find(precaution.query)
    return precautions.settle(world.outbox, precaution, found, at_ms=world.time.wall_ms)


def test_one_search_covers_a_group_within_half_a_day(world: World) -> None:
    """From half an hour before the first to half an hour after the last; another group has its own turn."""
    old = world.tap(0, ago_seconds=20 * 3600)
    first, last = world.tap(1, ago_seconds=7200), world.tap(2, ago_seconds=1000)
    other = world.tap(3, declaration=OTHER_DECLARATION, ago_seconds=1000)
    _mark(world)
    seen = {}
    group = b""
    for _ in range(2):
        found = _due(world, group)
        group = found.group
        assert found.query is not None
        seen[found.query.declaration] = found
    assert [row.id for row in seen[OTHER_DECLARATION].rows] == [other]
    assert [row.id for row in seen[DECLARATION].rows] == [old]
    precautions.settle(world.outbox, seen[DECLARATION], None, at_ms=world.time.wall_ms)
    precautions.settle(world.outbox, seen[OTHER_DECLARATION], None, at_ms=world.time.wall_ms)
    found, now = _due(world), world.time.wall_ms
    assert [row.id for row in found.rows] == [first, last]
    assert found.query is not None
    assert (found.query.from_ms, found.query.to_ms) == (now - 7_200_000 - SAME_PRESENCE_MS, now - 1_000_000 + SAME_PRESENCE_MS)
    assert (found.query.employer, found.query.ssin) == (EMPLOYER, None)


@pytest.mark.parametrize(
    ("direction", "apart_seconds", "cancelled", "held"),
    [
        (Direction.IN, 1, False, True),
        (Direction.IN, SAME_PRESENCE_MS // 1000 - 1, False, True),
        (Direction.IN, 2 - SAME_PRESENCE_MS // 1000, False, True),
        (Direction.IN, SAME_PRESENCE_MS // 1000 + 1, False, False),
        (Direction.OUT, 1, False, False),
        (Direction.IN, 1, True, False),
    ],
)
def test_a_registration_of_the_same_person_and_direction_nearby_holds_the_row(
    world: World, direction: Direction, apart_seconds: int, *, cancelled: bool, held: bool
) -> None:
    """Held with reason ``channel`` and a task, never sent besides; anything else lets it go."""
    number = world.tap(ago_seconds=7200)
    place = _by_phone(world, 0, direction, ago_seconds=7200 + apart_seconds)
    world.service.rows[place].change(cancelled=cancelled)
    _mark(world)
    assert _settle(world) == int(held)
    row = world.row(number)
    assert (row["state"], row["reason"]) == (("held", "channel") if held else ("queued", None))
    assert world.tasks() == ([("held", number, None)] if held else [])
    assert precautions.due(world.outbox, after=b"") is None


def test_a_number_that_was_replaced_is_still_the_person(world: World) -> None:
    """Somebody who registered by phone under his former BIS number is the same holder."""
    number = world.tap(ago_seconds=7200)
    _by_phone(world, 7, Direction.IN, ago_seconds=7200 + 60)
    world.database.write(lambda c: c.execute("DELETE FROM profiles WHERE holder = ?", (world.holder(7),)))
    world.profile(0, invented_insz(7), current=False)
    _mark(world)
    assert _settle(world) == 1
    assert world.row(number)["reason"] == "channel"


@pytest.mark.parametrize("state", ["accepted", "unknown", "in_flight", "queued", "refused", "held"])
def test_a_row_of_our_own_is_never_another_channel(world: World, state: str) -> None:
    """Neither this very row, which has arrived after all, nor another one of the book, in whatever state it is."""
    late = world.tap(ago_seconds=7200)
    earlier = world.tap(ago_seconds=7300)
    for ago in (7200, 7300):
        _by_phone(world, 0, Direction.IN, ago_seconds=ago)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = ? WHERE id = ?", (state, earlier)))
    world.database.write(lambda c: c.execute("UPDATE registrations SET reason = 'channel' WHERE id = ?", (late,)))
    assert _settle(world) == 0
    assert (world.row(late)["state"], world.row(late)["registration_id"]) == ("accepted", 17_000)


@pytest.mark.parametrize("shown", ["cancelled", "another second", "another declaration", "another row's"])
def test_what_is_not_this_very_row_does_not_settle_it(world: World, shown: str) -> None:
    """One service id settles one row, a cancelled one none; a neighbour is no proof that this one arrived."""
    number = world.tap(ago_seconds=7200)
    place = _by_phone(world, 0, Direction.OUT, ago_seconds=7200)
    served = world.service.rows[place]
    served.change(direction=Direction.IN)
    match shown:
        case "cancelled":
            served.change(cancelled=True, validity="cancelled")
        case "another second":
            served.change(second=served.shown.second + 3600)
        case "another declaration":
            served.change(declaration=OTHER_DECLARATION)
        case _:
            other = world.tap(5, ago_seconds=7200)
            world.database.write(
                lambda c: c.execute("UPDATE registrations SET state = 'accepted', registration_id = 17000 WHERE id = ?", (other,))
            )
    _mark(world)
    precaution = _due(world)
    precautions.settle(world.outbox, precaution, Found(registrations=(served.shown,)), at_ms=world.time.wall_ms)
    assert (world.row(number)["state"] == "accepted", world.row(number)["registration_id"]) == (False, None)


def test_a_row_that_somebody_cancelled_meanwhile_is_left_alone(world: World) -> None:
    """Its search was under way."""
    number = world.tap(ago_seconds=7200)
    _by_phone(world, 0, Direction.IN, ago_seconds=7200 + 60)
    _mark(world)
    precaution = _due(world)
    assert precaution.query is not None
    found = world.service.find(precaution.query)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'cancelled' WHERE id = ?", (number,)))
    assert precautions.settle(world.outbox, precaution, found, at_ms=world.time.wall_ms) == 0
    assert (world.states(), world.tasks()) == (["cancelled"], [])


def test_a_group_that_was_paused_meanwhile_goes_on_waiting(world: World) -> None:
    """The end of the search is not the end of the pause."""
    number = world.tap(ago_seconds=7200)
    _mark(world)
    precaution = _due(world)
    world.database.write(lambda c: c.execute("INSERT INTO pauses VALUES (1, ?, 5, 'x', 1, NULL, 3600000)", (precaution.group,)))
    precautions.settle(world.outbox, precaution, None, at_ms=world.time.wall_ms)
    assert world.row(number)["reason"] == "group"


def test_rows_whose_seals_are_broken_are_let_through_to_be_parked(world: World) -> None:
    """Nobody can say whom to search for; the claims park them and say why."""
    number = world.tap(ago_seconds=7200)
    _mark(world)
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = x'00'"))
    assert _due(world).query is None
    world.run(1)
    assert (world.states(), world.row(number)["reason"]) == (["held"], "seal")
    assert world.service.searches == []


def test_what_waits_is_found_by_an_index(world: World) -> None:
    """A long book costs no more than a short one."""
    for sql, values in ((precautions._GROUP_SQL, (1, "link", b"")), (precautions._ROWS_SQL, (1, "link", b"", 9))):
        plan = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {sql}", *values)]
        assert len(plan) == 1
        assert "registrations_state (book=? AND state=? AND reason=? AND group_index" in plan[0]
    assert HOUR_MS > SAME_PRESENCE_MS
