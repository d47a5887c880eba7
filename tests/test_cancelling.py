from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from kiosk import cancellations
from kiosk.model import Direction
from kiosk.tasks import close_task
from kiosk.verdicts import (
    Ambiguous,
    CallRefused,
    CancelAnswered,
    Cancelled,
    CancelVerdict,
    Misconfigured,
    NotCancelled,
    NotNow,
    NotSent,
    SearchFailed,
    SearchUnavailable,
    TooLarge,
)
from tests.people import EMPLOYER, OTHER_DECLARATION
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _wanted(world: World, people: int = 1) -> list[int]:
    """So many accepted rows that a human wants cancelled."""
    rows = [world.tap(person) for person in range(people)]
    world.run()
    for row in rows:
        _ask(world, row)
    return rows


def _ask(world: World, row: int) -> None:
    world.database.write(lambda c: cancellations.ask(c, world.outbox, row, because="mistake", at_ms=world.time.wall_ms))
    world.delivery.nudge()


def _say(verdict: CancelVerdict) -> Callable[[Sequence[int]], CancelVerdict]:
    return lambda _: verdict


def test_what_a_human_regrets_is_cancelled_in_one_call(world: World) -> None:
    """Rows of one employer go together; each is cancelled here once the service says so."""
    rows = _wanted(world, 3)
    other = world.tap(3, declaration=OTHER_DECLARATION)
    world.run()
    _ask(world, other)
    world.run()
    assert world.states() == ["cancelled"] * 4
    assert [(len(ids), employer) for ids, employer in world.service.cancels] == [(3, EMPLOYER), (1, EMPLOYER)]
    assert all(row.shown.cancelled for row in world.service.rows)
    assert world.tasks() == []
    assert {world.row(row)["cancel_requested"] for row in rows} == {0}
    assert world.service.looks == []


@pytest.mark.parametrize("verdict", [NotSent(why="no route"), NotNow(why="503", retry_after=20)])
def test_a_cancellation_that_was_not_carried_out_is_sent_again(world: World, verdict: CancelVerdict) -> None:
    """The wish is kept, with a pace of its own: taps are shown as sent as long as registrations are."""
    (row,) = _wanted(world)
    world.service.cancel_plan.append(_say(verdict))
    world.run()
    assert isinstance(verdict, NotSent | NotNow)
    assert (world.states(), world.row(row)["cancel_requested"]) == (["accepted"], 1)
    assert (world.delivery.status().offline, world.delivery.status().last_error) == (False, verdict.why)
    world.run(60)
    assert world.states() == ["cancelled"]
    assert (len(world.service.cancels), world.service.looks) == (2, [])


@pytest.mark.parametrize(
    "verdict", [Misconfigured(why="404 resourceNotFound"), Ambiguous(why="500"), NotNow(why="503"), NotSent(why="no route")]
)
def test_an_operation_that_never_works_keeps_no_registration_back(world: World, verdict: CancelVerdict) -> None:
    """Only registering is known of the service: where cancelling leads nowhere, the next tap goes at once all the same."""
    _wanted(world)
    world.service.cancel_plan.extend([_say(verdict)] * 10_000)
    world.run(7200, steps=10_000)
    world.tap(1)
    world.run(1)
    assert world.states() == ["accepted", "accepted"]
    assert len(world.service.cancels) < 7200 / 10
    assert not world.delivery.status().offline


def test_a_wish_that_the_box_may_not_carry_out_is_a_task_and_tried_again(world: World) -> None:
    """Somebody grants the permission meanwhile: within the hour it is cancelled, and the task is done."""
    (row,) = _wanted(world)
    world.service.cancel_plan.append(_say(Misconfigured(why="403 missingScope")))
    world.run(60)
    assert world.tasks() == [("not_cancelled", row, "403 missingScope")]
    world.run(3600)
    assert (world.states(), world.tasks()) == (["cancelled"], [])


def test_a_wish_that_fails_for_a_day_is_a_task_and_tried_on(world: World) -> None:
    """Whatever fails and however often: one task, which is not asked again once seen to, and closes when it is done."""
    (row,) = _wanted(world)
    tries: list[CancelVerdict] = [NotSent(why="refused", reachable=False), NotNow(why="503"), Ambiguous(why="read timeout")]
    world.service.cancel_plan.extend(_say(verdict) for verdict in tries * 10_000)
    world.service.look_plan.extend([SearchFailed(why="timeout")] * 10)
    world.run(23 * 3600, steps=50_000)
    assert world.tasks() == []
    world.run(2 * 3600, steps=50_000)
    assert world.tasks() == [("not_cancelled", row, "not done within a day; it is tried on")]
    world.database.write(lambda c: close_task(c, 1, book=1, at_ms=world.time.wall_ms))
    world.run(3600, steps=50_000)
    assert world.tasks() == []
    world.service.cancel_plan.clear()
    world.run(3600)
    assert world.states() == ["cancelled"]


def test_a_look_that_fails_lets_the_others_wait(world: World) -> None:
    """Two hundred looks that each end in a timeout would keep everybody's registrations back for an hour."""
    _wanted(world, 20)
    world.service.cancel_plan.append(_say(CancelAnswered(items=(NotCancelled(reason="tooLate"),) * 20)))
    world.service.look_plan.append(SearchFailed(why="timeout"))
    world.delivery.step()
    world.run()
    assert len(world.service.looks) == 1
    world.run(600)
    assert set(world.states()) == {"cancelled"}


@pytest.mark.parametrize("carried_out", [True, False])
def test_an_answer_that_never_came_is_looked_up_before_anything_is_sent_again(world: World, *, carried_out: bool) -> None:
    """Cancelled there: done, sent once. Not: sent again."""
    _wanted(world)

    def lose(ids: Sequence[int]) -> CancelVerdict:
        if carried_out:
            world.service.carry_out_cancel(ids)
        return Ambiguous(why="read timeout")

    world.service.cancel_plan.append(lose)
    world.run(59)
    assert (world.states(), world.service.looks) == (["accepted"], [])
    world.run(10)
    assert world.states() == ["cancelled"]
    assert (len(world.service.looks), len(world.service.cancels)) == (1, 1 if carried_out else 2)
    assert world.tasks() == []


def test_an_answer_to_another_number_of_rows_is_no_answer(world: World) -> None:
    """It is looked at like one that never came."""
    _wanted(world, 2)
    world.service.cancel_plan.append(_say(CancelAnswered(items=(Cancelled(),))))
    world.run(130)
    assert world.states() == ["cancelled", "cancelled"]
    assert len(world.service.looks) == 2


def test_what_was_cancelled_there_already_is_done(world: World) -> None:
    """Somebody was quicker on the service's own site, or a call before this one arrived after all."""
    _wanted(world)
    world.service.rows[0].change(cancelled=True, validity="cancelled")
    world.run()
    assert (world.states(), world.tasks()) == (["cancelled"], [])
    assert len(world.service.looks) == 1


def test_what_the_service_no_longer_holds_is_done(world: World) -> None:
    """Nothing is left there that could be cancelled."""
    _wanted(world)
    world.service.rows.clear()
    world.run()
    assert (world.states(), world.tasks()) == (["cancelled"], [])


def test_a_cancellation_that_the_service_refuses_becomes_a_task_and_is_not_repeated(world: World) -> None:
    """The registration counts there: it stays accepted, with the reason, and its person stays in."""
    rows = _wanted(world, 2)

    def refuse(ids: Sequence[int]) -> CancelVerdict:
        world.service.carry_out_cancel(ids[1:])
        return CancelAnswered(items=(NotCancelled(reason="tooLate"), Cancelled()))

    world.service.cancel_plan.append(refuse)
    world.run(7200)
    assert world.states() == ["accepted", "cancelled"]
    assert world.tasks() == [("not_cancelled", rows[0], "tooLate")]
    assert len(world.service.cancels) == 1


def test_a_refused_cancellation_that_cannot_be_looked_at_is_believed(world: World) -> None:
    """Where the service does not show single registrations its refusal stands; a look that failed is made again."""
    rows = _wanted(world)
    refusal = _say(CancelAnswered(items=(NotCancelled(reason="tooLate"),)))
    world.service.cancel_plan.extend([refusal, refusal])
    world.service.look_plan.append(SearchFailed(why="timeout"))
    world.run(1)
    assert (world.states(), world.tasks()) == (["accepted"], [])
    world.service.look_plan.append(SearchUnavailable(why="403"))
    world.run(30)
    world.service.look_plan.append(SearchUnavailable(why="403"))
    world.run(60)
    assert (world.states(), world.tasks()) == (["accepted"], [("not_cancelled", rows[0], "tooLate")])


def test_a_call_refused_as_a_whole_is_repeated_row_by_row(world: World) -> None:
    """The one that makes it fail is found, the others are cancelled; a row that is named is not asked for again."""
    rows = _wanted(world, 3)
    world.service.cancel_plan.extend([_say(TooLarge()), _say(CallRefused(reason="badRequest"))])
    world.run(1)
    assert world.states() == ["accepted", "cancelled", "cancelled"]
    assert world.tasks() == [("not_cancelled", rows[0], "badRequest")]
    assert [len(ids) for ids, _ in world.service.cancels] == [3, 1, 1, 1]


def test_a_row_that_the_refusal_names_is_parked_and_the_others_go_again(world: World) -> None:
    """As with registrations."""
    rows = _wanted(world, 3)
    world.service.cancel_plan.append(_say(CallRefused(reason="badRequest", items=((1, "rejectedInput"),))))
    world.run(1)
    assert world.states() == ["cancelled", "accepted", "cancelled"]
    assert world.tasks() == [("not_cancelled", rows[1], "rejectedInput")]
    assert [len(ids) for ids, _ in world.service.cancels] == [3, 2]


def test_an_employer_for_whom_the_box_may_not_cancel_keeps_nobody_waiting(world: World) -> None:
    """One task, another try in an hour; registrations go on at once, his own too."""
    (row,) = _wanted(world)
    world.service.cancel_plan.append(_say(Misconfigured(why="403 missingPermission", employer_only=True)))
    world.tap(1)
    world.run(1)
    assert world.states() == ["accepted", "accepted"]
    assert world.tasks() == [("not_cancelled", row, "403 missingPermission")]
    world.run(3590)
    assert len(world.service.cancels) == 1
    world.run(20)
    assert (world.states()[0], world.tasks()) == ("cancelled", [])


def test_a_crash_in_the_middle_of_the_call_sends_nothing_twice_unseen(world: World) -> None:
    """Killed before or after the service did it: the next start looks first, and then finishes."""

    class Killed(BaseException):
        """The process ends here."""

    for carried_out in (True, False):
        (row,) = _wanted(world)

        def die(ids: Sequence[int], *, carried_out: bool = carried_out) -> CancelVerdict:
            if carried_out:
                world.service.carry_out_cancel(ids)
            raise Killed

        world.service.cancel_plan.append(die)
        with pytest.raises(Killed):
            world.run()
        world.reopen()
        sent = len(world.service.cancels)
        world.run(59)
        assert world.row(row)["state"] == "accepted"
        world.run(5)
        assert world.row(row)["state"] == "cancelled"
        assert len(world.service.cancels) - sent == (0 if carried_out else 1)
        world.time.pass_seconds(60)


def test_a_row_whose_seal_broke_is_told_to_a_human(world: World) -> None:
    """Nobody can say in whose name the service would be asked."""
    (row,) = _wanted(world)
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = x'00'"))
    world.run(1)
    assert world.tasks() == [("not_cancelled", row, "its seal is broken: nobody can say whose it is")]
    assert world.service.cancels == []


def test_a_tap_cancels_nothing(world: World) -> None:
    """Whatever a worker does, only a human's wish in the book makes the service cancel."""
    world.tap()
    world.run(10)
    world.tap(direction=Direction.OUT)
    world.run(10)
    world.tap()
    world.run(7200)
    assert world.service.cancels == []


def test_a_wish_waits_for_no_clock(world: World) -> None:
    """A human asks while the clock stands in the future and nobody vouches for it: it goes as soon as anything may."""
    row = world.tap()
    world.run()
    future_ms = world.time.wall_ms + 10**12
    world.database.write(lambda c: cancellations.ask(c, world.outbox, row, because="mistake", at_ms=future_ms))
    world.delivery.nudge()
    world.run(5)
    assert world.states() == ["cancelled"]
