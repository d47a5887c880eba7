from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import notices
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _spread(world: World, row: int, validity: str = "invalid", remarks: tuple[str, ...] = ()) -> None:
    world.database.write(lambda c: notices.spread(c, world.outbox, row, validity=validity, remarks=remarks, at_ms=7))


def _take(world: World, person: int = 0, language: str | None = "en") -> tuple[str, ...]:
    holder = world.holder(person)
    return world.database.write(lambda c: notices.take(c, world.vault, book=1, holder=holder, language=language, at_ms=9))


def _accepted(world: World, person: int = 0, validity: str = "invalid") -> int:
    row = world.tap(person)
    world.run()
    world.database.write(lambda c: c.execute("UPDATE registrations SET validity = ? WHERE id = ?", (validity, row)))
    return row


def test_a_worker_is_told_once_in_his_language(world: World) -> None:
    """And nobody else: the next tap is his own."""
    _spread(world, _accepted(world))
    assert _take(world, 1) == ()
    assert _take(world, language="nl-BE") == ("Uw registratie werd ongeldig verklaard. Spreek uw verantwoordelijke aan.",)
    assert _take(world, language="nl") == ()
    assert world.select("SELECT told_ms FROM notices") == [(9,)]


def test_good_news_concerns_nobody(world: World) -> None:
    """Neither task nor notice."""
    row = _accepted(world, validity="valid")
    _spread(world, row, "valid")
    _spread(world, row, "pending")
    assert world.tasks() == []
    assert _take(world) == ()


def test_the_same_finding_is_one_task_and_one_notice(world: World) -> None:
    """However often it is found before he comes."""
    row = _accepted(world)
    _spread(world, row)
    _spread(world, row)
    assert world.tasks() == [("validity", row, "invalid")]
    assert len(world.select("SELECT id FROM notices")) == 1


def test_a_remark_never_lies_in_the_note_of_a_task(world: World) -> None:
    """Free text of the service may name the person; a note is not sealed."""
    row = _accepted(world, validity="valid")
    _spread(world, row, "valid", ("about Somebody",))
    assert world.tasks() == [("remark", row, None)]


def test_many_findings_of_one_kind_are_one_sentence(world: World) -> None:
    """A week of registrations with the same trouble is not read out a dozen times, and none of them is told again."""
    for _ in range(12):
        world.time.pass_seconds(1)
        _spread(world, _accepted(world))
    assert len(_take(world)) == 1
    assert _take(world) == ()


@pytest.mark.parametrize("change", ["state = 'cancelled'", "cancel_requested = 1"])
def test_nothing_is_said_of_what_was_cancelled_meanwhile(world: World, change: str) -> None:
    """It is settled: the worker would ask for nothing."""
    row = _accepted(world)
    _spread(world, row)
    world.database.write(lambda c: c.execute(f"UPDATE registrations SET {change}"))  # noqa: S608  two constants
    assert _take(world) == ()
    assert world.select("SELECT count(*) FROM notices WHERE told_ms IS NULL") == [(0,)]


def test_who_cancels_himself_hears_nothing_of_it(world: World) -> None:
    """A cancellation that was asked for at this box is no news."""
    row = _accepted(world, validity="cancelled")
    world.database.write(lambda c: c.execute("UPDATE registrations SET cancel_requested = 1"))
    _spread(world, row, "cancelled")
    assert world.tasks() == []


def test_remarks_whose_seal_broke_are_left_out(world: World) -> None:
    """The tap goes on: what is left of the finding is told."""
    row = _accepted(world)
    world.database.write(lambda c: c.execute("UPDATE registrations SET remarks = x'00'"))
    _spread(world, row)
    assert len(_take(world)) == 1


def test_a_tap_looks_at_open_notices_only(world: World) -> None:
    """By a partial index that is empty nearly always, so that a tap costs no more on a store full of old ones."""
    plan = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {notices._OPEN_SQL}", 1, 9)]
    assert plan == ["SEARCH notices USING INDEX notices_open (holder=?)"]


def test_what_is_too_much_for_one_tap_is_told_at_the_next(world: World) -> None:
    """Three sentences are read in passing; the others are not lost."""
    for number in range(7):
        world.time.pass_seconds(1)
        _spread(world, _accepted(world, validity=f"doubtful {number}"), f"doubtful {number}")
    told = [_take(world) for _ in range(4)]
    assert [len(sentences) for sentences in told] == [3, 3, 1, 0]
    assert len({sentence for sentences in told for sentence in sentences}) == 7
