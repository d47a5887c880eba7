"""kiosk.backlog tells what waits to be sent, and asks a human about it once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from kiosk import backlog, evidence
from kiosk.backlog import Backlog
from kiosk.model import Reason, State
from kiosk.tasks import close_task
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _look(world: World) -> Backlog | None:
    return world.database.read(partial(backlog.look, book=1))


def _escalate(world: World) -> bool:
    found = _look(world)
    assert found is not None
    return world.database.write(partial(backlog.escalate, outbox=world.outbox, found=found, at_ms=world.time.wall_ms))


def _settle(world: World) -> bool:
    return world.database.write(partial(backlog.settle, book=1, at_ms=world.time.wall_ms))


def test_what_waits_is_what_delivery_still_owes(world: World) -> None:
    """Queued, in flight or unknown, whatever pauses it; not what waits for its time, for a human, or is done."""
    for state in (State.HELD, State.REFUSED, State.CANCELLED, State.ACCEPTED):
        world.tap(state=state)
    world.tap(reason=Reason.CLOCK)
    assert _look(world) is None
    oldest = world.tap(ago_seconds=100, state=State.UNKNOWN)
    world.tap(state=State.IN_FLIGHT)
    world.tap(reason=Reason.GROUP)
    assert _look(world) == Backlog(oldest=oldest, since_ms=world.time.wall_ms - 100_000, rows=3)


def test_it_is_asked_and_recorded_once_while_it_lasts(world: World) -> None:
    """One task, though the oldest row is another meanwhile; it says which row it was and how many waited."""
    first, second = world.tap(ago_seconds=100), world.tap()
    assert (_escalate(world), _escalate(world)) == (True, False)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'accepted' WHERE id = ?", (first,)))
    assert not _escalate(world)
    assert world.tasks() == [("backlog", first, None)]
    (kept,) = world.database.read(partial(evidence.about, subject="book:1"))
    assert (kept.kind, kept.sealed is not None) == ("escalated", True)
    assert kept.sealed is not None
    facts = evidence.opened(world.vault, kept.uid, kept.sealed).facts
    assert facts == {"oldest": first, "since_ms": world.time.wall_ms - 100_000, "rows": 2}
    assert (_settle(world), _settle(world), world.tasks()) == (True, False, [])
    assert _escalate(world)
    assert world.tasks() == [("backlog", second, None)]


def test_what_a_human_has_seen_to_is_not_asked_for_the_same_row(world: World) -> None:
    """He knows that the line is dug up; the next row that grows old is news."""
    first = world.tap()
    _escalate(world)
    world.database.write(lambda c: close_task(c, 1, book=1, at_ms=world.time.wall_ms))
    assert not _escalate(world)
    second = world.tap()
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'accepted' WHERE id = ?", (first,)))
    assert _escalate(world)
    assert world.tasks() == [("backlog", second, None)]
