from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.model import Direction, Reason, State
from kiosk.outbox import group_of, is_paused, recover, tally
from kiosk.records import unpack_draft
from kiosk.vault import Field
from tests.people import CANARY_INSZ, DECLARATION, EMPLOYER, PLACE
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_registration_is_kept_sealed_and_opens_to_what_was_written(world: World) -> None:
    """The row holds the draft under seal: nothing of the person stands in clear in the file."""
    number = world.tap(insz=CANARY_INSZ)
    row = world.row(number)
    uid, sealed = row["uid"], row["sealed"]
    assert isinstance(uid, bytes)
    assert isinstance(sealed, bytes)
    draft = unpack_draft(world.vault.open(Field.REGISTRATION, uid, sealed))
    assert (draft.ssin, draft.direction, draft.employer, draft.declaration, draft.place) == (
        CANARY_INSZ,
        Direction.IN,
        EMPLOYER,
        DECLARATION,
        PLACE,
    )
    world.database.close()
    everything = b"".join(path.read_bytes() for path in world.path.parent.iterdir())
    assert CANARY_INSZ.digits.encode() not in everything


def test_an_incomplete_draft_has_no_group(world: World) -> None:
    """Without an employer or a declaration there is no call that could carry it."""
    number = world.tap()
    row = world.row(number)
    assert isinstance(row["uid"], bytes)
    assert isinstance(row["sealed"], bytes)
    draft = unpack_draft(world.vault.open(Field.REGISTRATION, row["uid"], row["sealed"]))
    assert group_of(world.vault, draft) == row["group_index"]
    assert group_of(world.vault, replace(draft, employer=None)) is None
    assert group_of(world.vault, replace(draft, declaration=None)) is None


def test_a_group_is_paused_only_once_it_was_refused_often_enough(world: World) -> None:
    """Counting refusals is no pause yet."""
    group = world.row(world.tap())["group_index"]
    assert isinstance(group, bytes)
    for paused_ms, expected in ((None, False), (7, True)):
        world.database.write(
            lambda c, at=paused_ms: c.execute("INSERT OR REPLACE INTO pauses VALUES (1, ?, 4, 'x', ?, NULL, 3600000)", (group, at))  # type: ignore[misc]
        )
        assert world.database.read(lambda c: is_paused(c, 1, group)) is expected


def test_the_tally_counts_every_state_and_knows_the_oldest_that_waits(world: World) -> None:
    """Counts by state, zero included; held, accepted and refused rows are not waiting to be sent."""
    assert world.database.read(lambda c: tally(c, 1)).oldest_unsent_ms is None
    world.tap(state=State.HELD, reason=Reason.LATE)
    first = world.time.wall_ms
    world.tap(reason=Reason.CLOCK)
    world.time.pass_seconds(60)
    world.tap(person=1)
    found = world.database.read(lambda c: tally(c, 1))
    assert found.counts == {**dict.fromkeys(State, 0), State.HELD: 1, State.QUEUED: 2}
    assert found.oldest_unsent_ms == first


def test_counting_reads_an_index_and_not_the_rows(world: World) -> None:
    """A status of a million rows must not read them."""
    plan = world.select("EXPLAIN QUERY PLAN SELECT state, count(*), min(id) FROM registrations WHERE book = 1 GROUP BY state")
    assert [str(step[3]) for step in plan] == ["SEARCH registrations USING COVERING INDEX registrations_state (book=?)"]


def test_after_a_restart_whatever_was_in_flight_is_unknown(world: World) -> None:
    """Nobody knows what became of those calls; rows in other states and other books are left alone."""
    flying, waiting = world.tap(), world.tap(person=1)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'in_flight' WHERE id = ?", (flying,)))
    assert world.database.write(lambda c: recover(c, 2)) == 0
    assert world.database.write(lambda c: recover(c, 1)) == 1
    assert world.row(flying)["state"] == "unknown"
    assert world.row(flying)["called_ms"] is None
    assert world.row(waiting)["state"] == "queued"
