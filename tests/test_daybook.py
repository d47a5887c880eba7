from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import daybook
from kiosk.comparison import Comparison, Finding, Kind, Ours, Why
from kiosk.days import Done
from kiosk.model import Direction, State
from kiosk.vault import Field
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION
from tests.worlds import START_MS, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_rows_of_a_window_are_read_in_short_looks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """By ids, a few at a time, so that no tap waits for it; another book's rows never."""
    monkeypatch.setattr(daybook, "_WINDOW", 2)
    rows = [world.tap(ago_seconds=ago) for ago in (50, 40, 30, 20, 10)]
    world.database.write(lambda c: c.execute("UPDATE registrations SET book = 2 WHERE id = ?", (rows[2],)))
    found = daybook.rows_between(world.outbox, START_MS - 40_000, START_MS - 10_000)
    assert [row.id for row in found] == [rows[1], rows[3]]
    plan = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {daybook._DAY_SQL}", 0, 9, 1, 0, 9)]
    assert plan == ["SEARCH registrations USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]


def test_one_row_of_each_group_says_what_to_search_for(world: World) -> None:
    """A row that lacks its declaration, or whose seal broke, names none."""
    first, second = world.tap(), world.tap(1, declaration=OTHER_DECLARATION)
    rows = daybook.rows_between(world.outbox, 0, 2**60)
    assert set(daybook.terms_of(world.outbox, rows).values()) == {(EMPLOYER, DECLARATION), (EMPLOYER, OTHER_DECLARATION)}
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = x'00' WHERE id = ?", (second,)))
    assert set(daybook.terms_of(world.outbox, rows).values()) == {(EMPLOYER, DECLARATION)}
    assert daybook.term_of(world.outbox, first) == (EMPLOYER, DECLARATION)
    assert daybook.term_of(world.outbox, 99) is None


def test_remarks_are_opened_for_what_the_service_accepted_only(world: World) -> None:
    """A cancelled row keeps there why a human cancelled it."""
    number = world.tap()
    world.run()
    uid = world.row(number)["uid"]
    assert isinstance(uid, bytes)
    sealed = world.vault.seal(Field.REMARKS, uid, b'["late"]')
    world.database.write(lambda c: c.execute("UPDATE registrations SET remarks = ?", (sealed,)))
    for state, remarks in ((State.ACCEPTED, ("late",)), (State.CANCELLED, ())):
        world.database.write(lambda c, state=state: c.execute("UPDATE registrations SET state = ?", (state.value,)))  # type: ignore[misc]
        (row,) = daybook.rows_between(world.outbox, 0, 2**60)
        assert daybook.ours(world.outbox, row, START_MS).remarks == remarks


def test_a_day_is_worth_another_comparison_while_anything_may_still_change() -> None:
    """What waits, is held or refused may be sent yet; what differs may be put right; another channel's never changes."""
    row = Ours(row=1, holder=1, direction=Direction.IN, second=1, group=None, state=State.ACCEPTED)
    explained = {Why.WAITING: 1, Why.HELD: 2, Why.REFUSED: 3, Why.OTHER_CHANNEL: 10, Why.CANCELLED: 20, Why.NOT_IN_ROSTER: 30}
    findings = tuple(Finding(kind=kind, ours=row, theirs=None) for kind in Kind)
    assert daybook.unsettled(Comparison(equal=5, findings=findings, explained=explained, stale=())) == 6 + 3


def test_what_a_day_came_to_is_noted_by_its_date(world: World) -> None:
    """The newest comparison of a day is the one that counts."""
    nothing = Comparison(equal=0, findings=(), explained={Why.WAITING: 1}, stale=())
    daybook.record(world.outbox, "2026-11-05", nothing, at_ms=1)
    daybook.record(world.outbox, "2026-11-05", nothing, at_ms=2)
    assert world.database.read(lambda c: daybook.days_done(c, 1)) == {"2026-11-05": Done(at_ms=2, unsettled=1)}
    assert world.database.read(lambda c: daybook.days_done(c, 2)) == {}
