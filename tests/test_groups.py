from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import groups
from kiosk.groups import Group, count_answers, group_named, pause, resume, tidy, waiting_reason
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def group(world: World) -> Group:
    return group_named(world.outbox, EMPLOYER, DECLARATION)


def _answers(world: World, group: Group, *refusals: str | None) -> bool:
    """Count answers, and tell whether the group is paused now."""
    world.database.write(lambda c: count_answers(c, world.outbox, group, refusals, at_ms=7))
    return world.database.read(lambda c: waiting_reason(c, 1, group.index)) == "group"


def test_the_fifth_equal_refusal_in_a_row_pauses_also_across_calls_and_restarts(world: World, group: Group) -> None:
    """The count stands in the store; one task and one entry of the record."""
    assert not _answers(world, group, "closed", "closed")
    world.reopen()
    assert not _answers(world, group, "closed", "closed")
    assert _answers(world, group, "closed")
    assert _answers(world, group, "closed")
    assert world.tasks() == [("group_paused", None, f"{EMPLOYER.value} {DECLARATION.value}")]
    assert world.select("SELECT count(*) FROM evidence") == [(1,)]


@pytest.mark.parametrize(
    "answers",
    [
        ("a", "a", "a", "a", "b", "a", "a", "a", "a"),
        ("a", "a", "a", "a", None, "a", "a", "a", "a"),
        ("a", "a", "a", "a", "a", None),
        (None,),
    ],
)
def test_another_reason_or_an_acceptance_begins_the_count_anew(world: World, group: Group, answers: tuple[str | None, ...]) -> None:
    """Only equal refusals in a row say that it is not the person."""
    assert not _answers(world, group, *answers)


def test_an_acceptance_resumes_a_paused_group_and_closes_its_task(world: World, group: Group) -> None:
    """The probe came through."""
    world.database.write(lambda c: pause(c, world.outbox, group, "closed", at_ms=7))
    world.database.write(lambda c: pause(c, world.outbox, group, "closed", at_ms=8))
    assert len(world.tasks()) == 1
    assert not _answers(world, group, None)
    assert world.tasks() == []


def test_a_human_resumes_a_group_once(world: World, group: Group) -> None:
    """``release group`` says whether there was anything to release."""
    world.database.write(lambda c: pause(c, world.outbox, group, "closed", at_ms=7))
    assert world.database.write(lambda c: resume(c, world.outbox, group, at_ms=8))
    assert not world.database.write(lambda c: resume(c, world.outbox, group, at_ms=9))


def test_rows_are_marked_and_unmarked_in_slices_and_other_groups_left_alone(
    world: World, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No tap waits for a hundred thousand of them."""
    monkeypatch.setattr(groups, "_SLICE", 2)
    for person in range(5):
        world.tap(person)
    other = world.tap(6, declaration=OTHER_DECLARATION)
    world.database.write(lambda c: pause(c, world.outbox, group, "closed", at_ms=7))
    marked = "SELECT count(*) FROM registrations WHERE reason = 'group'"
    steps = []
    while tidy(world.outbox):
        steps.append(world.select(marked)[0][0])
    assert steps == [2, 4, 5]
    assert world.row(other)["reason"] is None
    world.database.write(lambda c: resume(c, world.outbox, group, at_ms=8))
    while tidy(world.outbox):
        steps.append(world.select(marked)[0][0])
    assert steps == [2, 4, 5, 3, 1, 0]
