from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import settling
from kiosk.batches import Batch, Terms
from kiosk.claims import Claims
from kiosk.model import State
from kiosk.verdicts import Answered, CallRefused, Created, NotCreated
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _claim(world: World, size: int = 100) -> Batch:
    batch = Claims(world.outbox).next(Terms(now_ms=world.time.wall_ms, size=size, order_wait_ms=0))
    assert batch is not None
    return batch


def _taps(world: World, count: int) -> list[int]:
    return [world.tap(person) for person in range(count)]


def _splits(world: World) -> list[object]:
    return [row[0] for row in world.select("SELECT split FROM registrations ORDER BY id")]


def test_answers_are_written_item_by_item_in_one_transaction(world: World) -> None:
    """Accepted with id, moment and sealed remarks; refused with its reason; a task each."""
    first, second = _taps(world, 2)
    items = (Created(registration_id=9, validity="pending", remarks=("a remark",)), NotCreated(reason="tooOld"))
    settling.answered(world.outbox, _claim(world), Answered(items=items), at_ms=77)
    assert (world.row(first)["registration_id"], world.row(first)["confirmed_ms"]) == (9, 77)
    assert b"a remark" not in bytes(str(world.row(first)["remarks"]), "utf8")
    assert (world.row(second)["state"], world.row(second)["reason"]) == ("refused", "tooOld")
    assert world.tasks() == [("remark", first, None), ("refused", second, "tooOld")]


def test_an_acceptance_closes_the_tasks_of_earlier_attempts(world: World) -> None:
    """A refusal that a human corrected is done once the service took it."""
    (number,) = _taps(world, 1)
    settling.answered(world.outbox, _claim(world), Answered(items=(NotCreated(reason="x"),)), at_ms=1)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'queued', reason = NULL"))
    settling.answered(world.outbox, _claim(world), Answered(items=(Created(registration_id=9, validity="pending"),)), at_ms=2)
    assert world.row(number)["state"] == "accepted"
    assert world.tasks() == []


def test_a_row_that_changed_meanwhile_is_not_overwritten(world: World) -> None:
    """Only a row in flight takes a call's verdict, only an unknown one a lookup's."""
    (number,) = _taps(world, 1)
    batch = _claim(world)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'cancelled'"))
    created = Created(registration_id=9, validity="pending")
    for state in (State.IN_FLIGHT, State.UNKNOWN):
        assert not world.database.write(
            lambda c, state=state: settling.accept(  # type: ignore[misc]
                c, world.outbox, number, batch.rows[0].uid, created, at_ms=1, state=state
            )
        )
    settling.put_back(world.outbox, batch, sent_ms=1)
    settling.lost(world.outbox, batch, at_ms=1, search_ms=1, suspect=True)
    settling.call_refused(world.outbox, batch, CallRefused(reason="x"), at_ms=1)
    assert world.states() == ["cancelled"]


def test_a_refused_call_makes_a_suspect_set_and_a_refused_half_clears_the_rest(world: World) -> None:
    """The blame moves to the half that was refused; what it cleared goes with everybody else again."""
    rows = _taps(world, 4)
    settling.call_refused(world.outbox, _claim(world), CallRefused(reason="badRequest"), at_ms=1)
    assert _splits(world) == [-rows[0]] * 4
    half = _claim(world)
    assert [row.id for row in half.rows] == rows[:2]
    settling.call_refused(world.outbox, half, CallRefused(reason="badRequest"), at_ms=1)
    assert _splits(world) == [-rows[0], -rows[0], 0, 0]
    assert world.states() == ["queued"] * 4


def test_an_accepted_half_leaves_the_blame_with_the_rest(world: World) -> None:
    """The other half is never sent whole."""
    rows = _taps(world, 4)
    settling.call_refused(world.outbox, _claim(world), CallRefused(reason="badRequest"), at_ms=1)
    items = tuple(Created(registration_id=number, validity="pending") for number in (1, 2))
    settling.answered(world.outbox, _claim(world), Answered(items=items), at_ms=1)
    assert [row.id for row in _claim(world).rows] == rows[2:3]


def test_a_batch_lost_for_the_third_time_while_others_come_through_is_suspected(world: World) -> None:
    """Not after an outage of everybody: shrinking would only multiply the calls."""
    rows = _taps(world, 2)
    for suspect, expected in ((False, 0), (True, -rows[0])):
        world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'queued', attempts = 2"))
        settling.lost(world.outbox, _claim(world), at_ms=1, search_ms=1, suspect=suspect)
        assert _splits(world) == [expected] * 2
