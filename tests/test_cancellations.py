from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import cancellations, taps
from kiosk.cancellations import Cancellation, Stage
from kiosk.claims import HOUR_MS
from kiosk.model import Direction, TaskKind
from kiosk.tasks import open_task
from tests.people import EMPLOYER, OTHER_DECLARATION
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _accepted(world: World, *people: int, **fields: object) -> list[int]:
    rows = [world.tap(person, **fields) for person in people]  # type: ignore[arg-type]  # a test names true fields
    world.run()
    return rows


def _ask(world: World, *rows: int) -> None:
    for row in rows:
        world.database.write(
            lambda c, row=row: cancellations.ask(c, world.outbox, row, because="a mistake", at_ms=world.time.wall_ms)  # type: ignore[misc]  # a default binds the loop's value
        )


def _due(world: World, *, size: int = 100, later_ms: int = 0) -> Cancellation | None:
    return cancellations.due(world.outbox, world.time.wall_ms + later_ms, size=size)


def test_only_what_was_asked_for_is_due_and_one_employer_at_a_time(world: World) -> None:
    """By employer and declaration, as it was registered; at most a batch; the service's ids in the order of the rows."""
    first, second, third = _accepted(world, 0, 1, 2)
    (other,) = _accepted(world, 3, declaration=OTHER_DECLARATION)
    assert _due(world) is None
    _ask(world, first, other, third)
    found = _due(world)
    assert found is not None
    assert (found.employer, found.sent, [row.id for row in found.rows]) == (EMPLOYER, False, [first, third])
    assert found.ids == [world.row(first)["registration_id"], world.row(third)["registration_id"]]
    one = _due(world, size=1)
    assert one is not None
    assert [row.id for row in one.rows] == [first]
    assert world.row(second)["cancel_requested"] == 0


@pytest.mark.parametrize("state", ["queued", "in_flight", "unknown", "refused", "held", "cancelled"])
def test_nothing_but_an_accepted_row_of_this_book_is_asked_for(world: World, state: str) -> None:
    """A row in another state, or of another book, is never sent to the service as a cancellation."""
    number, foreign = _accepted(world, 0, 1)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = ? WHERE id = ?", (state, number)))
    world.database.write(lambda c: c.execute("UPDATE registrations SET book = 2 WHERE id = ?", (foreign,)))
    _ask(world, number, foreign)
    assert (world.row(number)["cancel_requested"], world.row(foreign)["cancel_requested"]) == (0, 0)
    world.database.write(lambda c: c.execute("UPDATE registrations SET cancel_requested = 1, cancel_ms = 0"))
    assert _due(world) is None


def test_what_was_sent_without_an_answer_comes_alone_and_not_before_its_time(world: World) -> None:
    """It is looked at first; the mark is on disk before the call, so a crash forgets nothing."""
    first, second = _accepted(world, 0, 1)
    _ask(world, first, second)
    found = _due(world)
    assert found is not None
    cancellations.mark_sent(world.outbox, found, again_ms=world.time.wall_ms + 60_000)
    assert [world.row(number)["cancel_requested"] for number in (first, second)] == [Stage.SENT, Stage.SENT]
    world.reopen()
    assert _due(world, later_ms=59_999) is None
    assert world.database.read(lambda c: cancellations.next_due_ms(c, 1)) == world.time.wall_ms + 60_000
    again = _due(world, later_ms=60_000)
    assert again is not None
    assert (again.sent, [row.id for row in again.rows]) == (True, [first])
    cancellations.put_back(world.outbox, again.rows, again_ms=world.time.wall_ms)
    back = _due(world)
    assert back is not None
    assert (back.sent, [row.id for row in back.rows]) == (False, [first])


def test_what_is_done_leaves_its_person_as_if_it_had_not_been(world: World) -> None:
    """Cancelled is final: the tasks about it are closed, the record says so, and the next tap finds him out."""
    (number,) = _accepted(world, 0)
    _ask(world, number)
    found = _due(world)
    assert found is not None
    row, holder = found.rows[0], world.holder(0)
    for kind in (TaskKind.VALIDITY, TaskKind.REMARK, TaskKind.LOST, TaskKind.LONG_STAY):
        world.database.write(
            lambda c, kind=kind: open_task(c, kind, book=1, at_ms=0, registration=number, holder=holder)  # type: ignore[misc]  # a default binds the loop's value
        )
    newest = world.database.read(lambda c: taps.newest_tap(c, book=1, holder=holder))
    assert newest is not None
    assert newest.last.direction is Direction.IN
    for _ in range(2):
        world.database.write(lambda c: cancellations.done(c, world.outbox, row, at_ms=world.time.wall_ms))
    assert (world.states(), world.row(number)["cancel_requested"], world.tasks()) == (["cancelled"], 0, [])
    assert world.database.read(lambda c: taps.newest_tap(c, book=1, holder=holder)) is None
    assert [entry[0] for entry in world.select("SELECT kind FROM evidence ORDER BY id")] == [
        "verdict",
        "cancel_requested",
        "cancelled",
    ]
    assert _due(world, later_ms=HOUR_MS) is None


def test_what_the_service_refuses_stays_accepted_with_a_task_until_it_is_asked_for_again(world: World) -> None:
    """The reason stands in the task; a new wish closes it."""
    (number,) = _accepted(world, 0)
    _ask(world, number)
    found = _due(world)
    assert found is not None
    world.database.write(lambda c: cancellations.refused(c, world.outbox, found.rows[0], "tooLate", at_ms=world.time.wall_ms))
    assert (world.states(), world.tasks()) == (["accepted"], [("not_cancelled", number, "tooLate")])
    assert _due(world, later_ms=HOUR_MS) is None
    _ask(world, number)
    assert world.tasks() == []
    assert _due(world) is not None


def test_where_the_box_may_not_cancel_for_an_employer_it_tries_once_an_hour_with_a_task(world: World) -> None:
    """The wish is kept."""
    (number,) = _accepted(world, 0)
    _ask(world, number)
    found = _due(world)
    assert found is not None
    cancellations.hold_up(world.outbox, found.rows, "403 missingPermission", at_ms=world.time.wall_ms)
    assert world.tasks() == [("not_cancelled", number, "403 missingPermission")]
    assert _due(world, later_ms=HOUR_MS - 1) is None
    assert _due(world, later_ms=HOUR_MS) is not None


def test_a_clock_that_was_set_back_delays_nothing(world: World) -> None:
    """What another clock said is brought near."""
    (number,) = _accepted(world, 0)
    _ask(world, number)
    later_ms = world.time.wall_ms + 1_000_000
    world.database.write(lambda c: c.execute("UPDATE registrations SET cancel_ms = ?", (later_ms,)))
    cancellations.stamp(world.outbox, at_ms=world.time.wall_ms + 60_000)
    assert world.row(number)["cancel_ms"] == world.time.wall_ms + 60_000


def test_what_is_wanted_is_found_by_an_index(world: World) -> None:
    """A hundred thousand accepted rows are not read for the one that a human regrets."""
    for sql, values in (
        (cancellations._NEXT_SQL, (1, 0)),
        (cancellations._ROWS_SQL, (1, 0, b"", 1, 9)),
        (cancellations._FIRST_SQL, (1,)),
    ):
        plan = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {sql}", *values)]
        assert "registrations_cancelling (book=?" in plan[0]
