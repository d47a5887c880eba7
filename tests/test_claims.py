from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kiosk import claims
from kiosk.batches import LOOKED_MS, Batch, Terms
from kiosk.claims import Claims
from kiosk.model import Direction, Draft, Reason, State
from kiosk.records import pack_draft
from kiosk.vault import Field
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, OTHER_EMPLOYER, PLACE, invented_insz
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _terms(world: World, *, size: int = 100, wait_ms: int = 600_000, late_ms: int | None = None, hold: bool = False) -> Terms:
    return Terms(now_ms=world.time.wall_ms, size=size, order_wait_ms=wait_ms, late_after_ms=late_ms, hold_late=hold)


def _ids(batch: Batch | None) -> list[int]:
    return [] if batch is None else [row.id for row in batch.rows]


def _set(world: World, number: int, assignments: str) -> None:
    world.database.write(lambda c: c.execute(f"UPDATE registrations SET {assignments} WHERE id = ?", (number,)))  # noqa: S608


def test_a_batch_is_in_flight_on_disk_before_it_is_returned(world: World) -> None:
    """Marked before it leaves: a crash from now on makes it unknown, never queued."""
    number = world.tap()
    batch = Claims(world.outbox).next(_terms(world))
    assert _ids(batch) == [number]
    assert (world.row(number)["state"], world.row(number)["attempts"]) == ("in_flight", 1)
    assert Claims(world.outbox).next(_terms(world)) is None


def test_a_call_carries_one_employer_and_one_declaration_and_groups_take_turns(world: World) -> None:
    """Three groups, three calls before any group has its second."""
    for person in range(9):
        world.tap(
            person,
            employer=OTHER_EMPLOYER if person % 3 == 1 else EMPLOYER,
            declaration=OTHER_DECLARATION if person % 3 == 2 else DECLARATION,
        )
    chooser = Claims(world.outbox)
    batches = [chooser.next(_terms(world, size=2)) for _ in range(6)]
    groups = [batch.group for batch in batches if batch]
    assert [len(_ids(batch)) for batch in batches] == [2, 2, 2, 1, 1, 1]
    assert len(set(groups[:3])) == 3
    for batch in batches:
        assert batch is not None
        assert len({(row.registration.employer, row.registration.declaration) for row in batch.rows}) == 1


@pytest.mark.parametrize("reason", [Reason.CLOCK, Reason.GROUP])
def test_rows_that_wait_for_clock_or_group_are_not_claimed_and_delay_nobody(world: World, reason: Reason) -> None:
    """Design, section 5: only what may go now is looked at."""
    world.tap(reason=reason)
    later = world.tap(direction=Direction.OUT)
    assert _ids(Claims(world.outbox).next(_terms(world))) == [later]


@pytest.mark.parametrize("state", ["held", "refused", "cancelled", "accepted"])
def test_settled_and_held_rows_delay_nobody(world: World, state: str) -> None:
    """An IN that was refused does not keep its OUT back."""
    first = world.tap()
    _set(world, first, f"state = '{state}'")
    later = world.tap(direction=Direction.OUT)
    assert _ids(Claims(world.outbox).next(_terms(world))) == [later]


def test_a_persons_rows_go_in_order_even_across_groups(world: World) -> None:
    """The OUT for the old declaration goes before the IN for the new one, whichever group's turn it is."""
    out = world.tap(direction=Direction.OUT, declaration=DECLARATION)
    into = world.tap(declaration=OTHER_DECLARATION)
    other = world.tap(1, declaration=OTHER_DECLARATION)
    chooser = Claims(world.outbox)
    first, second, third = (chooser.next(_terms(world)) for _ in range(3))
    assert sorted(_ids(first) + _ids(second)) == [out, other]
    assert third is None
    _set(world, out, "state = 'accepted'")
    assert _ids(chooser.next(_terms(world))) == [into]


def test_an_unknown_row_delays_its_person_for_a_while_and_nobody_else(world: World) -> None:
    """At most ``order_wait_minutes`` from the moment its call ended; before the clock is trusted, until it is."""
    lost = world.tap()
    mine, other = world.tap(direction=Direction.OUT), world.tap(1)
    _set(world, lost, f"state = 'unknown', called_ms = {world.time.wall_ms}")
    chooser = Claims(world.outbox)
    assert _ids(chooser.next(_terms(world))) == [other]
    world.time.pass_seconds(599)
    assert chooser.next(_terms(world)) is None
    world.time.pass_seconds(1)
    assert _ids(chooser.next(_terms(world))) == [mine]
    _set(world, mine, "state = 'queued'")
    _set(world, lost, "called_ms = NULL")
    assert chooser.next(_terms(world)) is None


def test_a_row_in_flight_delays_its_person(world: World) -> None:
    """Two calls at once never carry one person."""
    world.tap()
    chooser = Claims(world.outbox)
    assert chooser.next(_terms(world)) is not None
    world.tap(direction=Direction.OUT)
    assert chooser.next(_terms(world)) is None


def test_blocked_heads_starve_nobody(world: World) -> None:
    """Behind 1,300 rows that wait for one unknown, the next person is served, and no transaction looks at them all."""
    lost = world.tap()
    _set(world, lost, f"state = 'unknown', called_ms = {world.time.wall_ms}")
    draft = Draft(
        ssin=invented_insz(0),
        direction=Direction.IN,
        at_ms=world.time.wall_ms,
        employer=EMPLOYER,
        place=PLACE,
        declaration=DECLARATION,
    )
    world.add([(world.holder(0), draft)] * 1300)
    other = world.tap(1)
    assert _ids(Claims(world.outbox).next(_terms(world))) == [other]


def test_a_broken_seal_parks_its_row_and_the_rest_flow(world: World) -> None:
    """One bad row never stops the others: it is held with reason ``seal`` and a task."""
    bad, good = world.tap(), world.tap(1)
    _set(world, bad, "sealed = x'00'")
    assert _ids(Claims(world.outbox).next(_terms(world))) == [good]
    assert (world.row(bad)["state"], world.row(bad)["reason"]) == ("held", "seal")
    assert world.tasks() == [("held", bad, None)]


def test_a_batch_of_broken_seals_alone_does_not_end_the_search(world: World) -> None:
    """The next rows are found in the same look."""
    bad = world.tap()
    _set(world, bad, "sealed = x'00'")
    good = world.tap(1)
    assert _ids(Claims(world.outbox).next(_terms(world, size=1))) == [good]


def test_a_late_row_is_held_at_its_first_send_only(world: World) -> None:
    """``late_policy = "hold"``: not after something of it was sent, and not after a release."""
    late, sent, released = (world.tap(person, ago_seconds=700) for person in range(3))
    fresh = world.tap(3, ago_seconds=500)
    _set(world, sent, f"called_ms = 1, looked_ms = {world.time.wall_ms}")
    _set(world, released, "released = 1")
    assert _ids(Claims(world.outbox).next(_terms(world, late_ms=600_000, hold=True))) == [sent, released, fresh]
    assert (world.row(late)["state"], world.row(late)["reason"]) == ("held", "late")
    assert world.tasks() == [("held", late, None)]


def test_a_late_row_waits_until_other_channels_were_searched_for_it_lately(world: World) -> None:
    """Whether something of it was sent before or not; a look counts for ten minutes, and a clock that was set back ends it."""
    never, old, ahead, looked, released = (world.tap(person, ago_seconds=700) for person in range(5))
    fresh = world.tap(5, ago_seconds=500)
    now = world.time.wall_ms
    _set(world, never, "called_ms = 1")
    _set(world, old, f"looked_ms = {now - LOOKED_MS - 1}")
    _set(world, ahead, f"looked_ms = {now + 1}")
    _set(world, looked, f"looked_ms = {now - LOOKED_MS}")
    _set(world, released, "released = 1")
    assert _ids(Claims(world.outbox).next(_terms(world, late_ms=600_000))) == [looked, released, fresh]
    assert [world.row(each)["reason"] for each in (never, old, ahead)] == ["channel"] * 3
    assert world.tasks() == []


def test_late_rows_are_marked_as_many_as_one_search_covers(world: World) -> None:
    """A long backlog is searched for and sent piece by piece, from the beginning of its group each time."""
    rows = [world.tap(person, ago_seconds=700) for person in range(5)]
    claims, terms = Claims(world.outbox), replace(_terms(world, late_ms=600_000), most_marked=2)
    assert claims.next(terms) is None
    assert (claims.marked, [world.row(row)["reason"] for row in rows]) == (2, ["channel", "channel", None, None, None])
    for row in rows[:2]:
        _set(world, row, f"reason = NULL, looked_ms = {world.time.wall_ms}")
    assert _ids(claims.next(terms)) == rows[:2]
    assert [world.row(row)["reason"] for row in rows[2:]] == ["channel", "channel", None]


def test_a_row_that_waits_for_a_search_delays_its_own_person_and_nobody_else(world: World) -> None:
    """An earlier registration goes first, so the later one waits for the same search."""
    late = world.tap(ago_seconds=700)
    world.tap(direction=Direction.OUT)
    other = world.tap(1)
    claims = Claims(world.outbox)
    assert _ids(claims.next(_terms(world, late_ms=600_000))) == [other]
    assert claims.next(_terms(world, late_ms=600_000)) is None
    assert world.row(late)["reason"] == "channel"


def test_a_suspect_set_is_tried_by_its_first_half_and_never_whole(world: World) -> None:
    """Its rows were refused together; the last one left is tried alone."""
    rows = [world.tap(person) for person in range(5)]
    for number in rows:
        _set(world, number, f"split = {-rows[0]}")
    chooser = Claims(world.outbox)
    tried = []
    while batch := chooser.next(_terms(world)):
        assert batch.split == -rows[0]
        tried.append(_ids(batch))
    assert tried == [rows[:3], rows[3:4], rows[4:]]


def _pause(world: World, number: int, paused_ms: int) -> None:
    group = world.row(number)["group_index"]
    world.database.write(lambda c: c.execute("INSERT INTO pauses VALUES (1, ?, 5, 'x', ?, NULL, 3600000)", (group, paused_ms)))


def test_a_paused_group_is_probed_by_one_row_an_hour(world: World) -> None:
    """Its rows are not claimed, whether they are marked yet or not; one an hour asks."""
    first = world.tap()
    _pause(world, first, world.time.wall_ms)
    marked = world.tap(1)
    chooser = Claims(world.outbox)
    assert world.database.read(lambda c: claims.next_probe_ms(c, 1)) == world.time.wall_ms + claims.HOUR_MS
    assert chooser.next(_terms(world)) is None
    assert chooser.probe(_terms(world)) is None
    world.time.pass_seconds(3600)
    batch = chooser.probe(_terms(world))
    assert batch is not None
    assert batch.probe
    assert _ids(batch) == [marked]
    assert chooser.probe(_terms(world)) is None


def test_a_paused_group_without_a_row_that_may_go_is_not_probed(world: World) -> None:
    """Nothing to ask with: no row at all, or only one whose person has an earlier one in flight."""
    first = world.tap(declaration=OTHER_DECLARATION)
    _set(world, first, "state = 'in_flight'")
    second = world.tap(direction=Direction.OUT)
    _pause(world, second, 0)
    _pause(world, first, 0)
    _set(world, second, "reason = 'group'")
    assert Claims(world.outbox).probe(_terms(world)) is None
    _set(world, second, "state = 'held'")
    assert world.database.read(lambda c: claims.next_probe_ms(c, 1)) is None


def test_a_draft_that_lacks_something_is_parked_for_what_it_lacks(world: World) -> None:
    """A queued row without an employer can't be sent; it is held, not guessed."""
    number = world.tap()
    uid = world.row(number)["uid"]
    assert isinstance(uid, bytes)
    draft = Draft(ssin=invented_insz(0), direction=Direction.IN, at_ms=0, employer=None, place=PLACE, declaration=DECLARATION)
    sealed = world.vault.seal(Field.REGISTRATION, uid, pack_draft(draft))
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = ? WHERE id = ?", (sealed, number)))
    assert Claims(world.outbox).next(_terms(world)) is None
    assert (world.row(number)["state"], world.row(number)["reason"]) == (State.HELD, Reason.EMPLOYER)


@pytest.mark.parametrize(
    ("sql", "values", "plan"),
    [
        (claims._NEXT_SPLIT_SQL, (1, None, b"", -1), "state (book=? AND state=? AND reason=? AND group_index=? AND split>?)"),
        (claims._NEXT_GROUP_SQL, (1, None, b""), "state (book=? AND state=? AND reason=? AND group_index>?)"),
        (
            claims._ROWS_SQL,
            (1, None, b"", 0, 0, 9),
            "registrations_state (book=? AND state=? AND reason=? AND group_index=? AND split=? AND",
        ),
        (claims._BLOCKED_SQL, (1, 0, 9, 1, 0), "USING INDEX registrations_holder (holder=? AND rowid>? AND rowid<?)"),
        (claims._FIRST_SPLIT_SQL, (1, b""), "registrations_state (book=? AND state=? AND reason=? AND group_index=?)"),
    ],
)
def test_choosing_searches_an_index_and_sorts_nothing(world: World, sql: str, values: tuple[object, ...], plan: str) -> None:
    """With a million rows the next batch costs what it costs with a thousand."""
    steps = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {sql}", *values)]
    assert len(steps) == 1
    assert plan in steps[0]
