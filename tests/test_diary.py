"""kiosk.diary writes into the record what calls came to nothing, and when an outage began and ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import diary
from kiosk.evidence import Entry, opened, window
from kiosk.verdicts import Ambiguous, Answered, CallRefused, CallVerdict, Created, Misconfigured, NotNow, NotSent, TooLarge
from tests.worlds import World

DOWN = NotSent(why="no connection")
UP = Answered(items=(Created(registration_id=1, validity="pending"),))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def facts(world: World, kind: Entry) -> list[dict[str, object]]:
    kept = world.database.read(lambda c: window(c, after=0, size=1000))
    return [dict(opened(world.vault, each.uid, each.sealed or b"").facts or {}) for each in kept if each.kind == kind]


def note(world: World, *verdicts: CallVerdict) -> None:
    for verdict in verdicts:
        diary.note(world.outbox, [17], verdict, at_ms=world.time.wall_ms)


@pytest.mark.parametrize(
    ("verdict", "outcome", "fault"),
    [
        (NotSent(why="no connection"), "not_sent", "network"),
        (NotSent(why="token: no connection"), "not_sent", "token"),
        (NotSent(why="cut", reachable=True), "not_sent", "service"),
        (NotNow(why="503"), "not_now", "service"),
        (Ambiguous(why="timeout"), "unknown", "service"),
        (Answered(items=()), "unknown", None),
        (CallRefused(reason="badRequest"), "refused", None),
        (TooLarge(), "too_large", None),
        (Misconfigured(why="missingScope"), "configuration", "configuration"),
        (Misconfigured(why="missingPermission", employer_only=True), "configuration", None),
        (NotSent(why="the box is stopping"), "not_sent", None),
    ],
)
def test_a_call_that_came_to_nothing_is_written_down(world: World, verdict: CallVerdict, outcome: str, fault: str | None) -> None:
    """With its rows and the class of its outcome; and what is out of order, where that is not the call or the box itself."""
    note(world, verdict)
    (attempt,) = facts(world, Entry.ATTEMPT)
    assert (attempt["rows"], attempt["outcome"]) == ([17], outcome)
    assert [each["fault"] for each in facts(world, Entry.OUTAGE)] == ([] if fault is None else [fault])


def test_an_outage_has_a_beginning_and_an_end(world: World) -> None:
    """Further failures of the same kind are attempts, not outages; an answer ends it, and no answer is written twice."""
    note(world, UP, DOWN, DOWN, UP, UP)
    began, ended = facts(world, Entry.OUTAGE)
    assert (began["state"], began["why"]) == ("began", "no connection")
    assert ended == {"fault": "network", "state": "ended", "began": 2}
    assert len(facts(world, Entry.ATTEMPT)) == 2


def test_another_fault_is_another_outage(world: World) -> None:
    """The network comes back and the service does not answer: the one ends where the other begins, also after a restart."""
    note(world, DOWN)
    world.reopen()
    note(world, NotNow(why="503"))
    assert [(each["fault"], each["state"]) for each in facts(world, Entry.OUTAGE)] == [
        ("network", "began"),
        ("network", "ended"),
        ("service", "began"),
    ]


def test_delivery_writes_its_diary(world: World) -> None:
    """A failed call and the acceptance after it stand in the record, the acceptance with the service's id."""
    world.service.plan.append(lambda _: DOWN)
    number = world.tap()
    world.run(60)
    assert [each["rows"] for each in facts(world, Entry.ATTEMPT)] == [[number]]
    assert [each["state"] for each in facts(world, Entry.OUTAGE)] == ["began", "ended"]
    (verdict,) = facts(world, Entry.VERDICT)
    assert (verdict["state"], verdict["registration_id"]) == ("accepted", world.row(number)["registration_id"])
