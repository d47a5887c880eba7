from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.contact import Pace, ServiceState
from kiosk.line import DeliverySettings
from kiosk.model import Direction, Reason, Registration
from kiosk.verdicts import (
    Answered,
    CallRefused,
    CallVerdict,
    Created,
    Misconfigured,
    NotCreated,
    NotNow,
    NotSent,
    SearchFailed,
    TooLarge,
)
from tests.people import DECLARATION, OTHER_DECLARATION, invented_insz
from tests.worlds import Answer, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _say(verdict: CallVerdict) -> Answer:
    return lambda _: verdict


@pytest.mark.parametrize("verdict", [NotSent(why="refused"), NotNow(why="503"), Misconfigured(why="missingScope")])
def test_what_was_not_carried_out_is_sent_again(world: World, verdict: CallVerdict) -> None:
    """Not sent, not now, not allowed: the row is queued, and goes as soon as the service lets it."""
    world.tap()
    world.service.plan.append(_say(verdict))
    world.run()
    assert world.states() == ["queued"]
    assert world.delivery.status().offline
    world.run(60)
    assert world.states() == ["accepted"]
    assert len(world.service.rows) == 1
    assert not world.delivery.status().offline


def test_an_hour_without_network_costs_few_calls_and_a_return_is_noticed_within_half_a_minute(world: World) -> None:
    """Backoff is per service: a hundred rows make no more calls than one, and the first to succeed carries a single row."""
    for person in range(100):
        world.tap(person)
    world.service.always = _say(NotSent(why="no route"))
    world.run(3600)
    assert 100 < len(world.service.calls) < 150
    world.service.always = None
    before = len(world.service.calls)
    world.run(30)
    assert world.states() == ["accepted"] * 100
    assert [len(call) for call in world.service.calls[before:]] == [1, 99]


def test_an_asked_wait_is_kept(world: World) -> None:
    """Retry-After is a floor."""
    world.tap()
    world.service.plan.append(_say(NotNow(why="429", retry_after=100)))
    world.run(100)
    assert len(world.service.calls) == 1
    world.run(13)
    assert len(world.service.calls) == 2


def test_one_bad_row_in_two_hundred_is_isolated_in_few_calls(tmp_path: Path) -> None:
    """A refusal without names: the other 199 are accepted, with at most 16 calls, wherever the bad one stands."""
    for place in (0, 77, 199):
        folder = tmp_path / str(place)
        folder.mkdir()
        world = World(folder, settings=DeliverySettings(batch_size=200, pace=Pace(start_jitter_seconds=0)))
        bad = invented_insz(place)

        def judge(registrations: Sequence[Registration], world: World = world, bad: object = bad) -> CallVerdict:
            if any(each.ssin == bad for each in registrations):
                return CallRefused(reason="badRequest")
            return world.service.carry_out(registrations)

        drafts = [world.tap(person) for person in range(200)]
        world.service.always = judge
        for _ in range(40):
            world.delivery.step()
            sets = [frozenset(each.ssin.digits for each in call) for call in world.service.calls]
            assert len(sets) == len(set(sets)), "a set that was refused was sent again"
        assert world.states().count("accepted") == 199
        assert world.row(drafts[place])["state"] == "refused"
        assert world.row(drafts[place])["reason"] == "badRequest"
        assert len(world.service.calls) <= 11
        assert world.tasks() == [("refused", drafts[place], "badRequest")]


def test_a_restart_does_not_begin_the_halving_again(tmp_path: Path) -> None:
    """The suspect set stands in the book."""
    world = World(tmp_path, settings=DeliverySettings(batch_size=64, pace=Pace(start_jitter_seconds=0)))
    bad = invented_insz(20)

    def judge(registrations: Sequence[Registration]) -> CallVerdict:
        if any(each.ssin == bad for each in registrations):
            return CallRefused(reason="badRequest")
        return world.service.carry_out(registrations)

    world.service.always = judge
    for person in range(64):
        world.tap(person)
    for _ in range(60):
        world.start()
        world.delivery.step()
        world.delivery.step()
    assert world.states().count("accepted") == 63
    assert len(world.service.calls) <= 9


def test_named_items_are_refused_and_the_rest_go_again(world: World) -> None:
    """``issues[].name`` says which; a name that points nowhere is no name."""
    rows = [world.tap(person) for person in range(4)]
    world.service.plan.append(_say(CallRefused(reason="badRequest", items=((1, "unknownSsin"), (3, "tooOld"), (99, "x")))))
    world.run()
    assert world.states() == ["accepted", "refused", "accepted", "refused"]
    assert [world.row(number)["reason"] for number in rows] == [None, "unknownSsin", None, "tooOld"]
    assert len(world.service.calls) == 2


def test_an_item_not_created_is_parked_and_its_out_still_goes(world: World) -> None:
    """IN and OUT are independent registrations."""
    number = world.tap()
    world.service.plan.append(_say(Answered(items=(NotCreated(reason="unknownSsin"),))))
    world.run()
    world.tap(direction=Direction.OUT)
    world.run()
    assert world.states() == ["refused", "accepted"]
    assert world.tasks() == [("refused", number, "unknownSsin")]
    entries = world.select("SELECT kind, subject FROM evidence ORDER BY id")
    assert entries == [("verdict", f"registration:{number}"), ("verdict", f"registration:{number + 1}")]


def test_an_answer_to_another_number_of_items_is_no_answer(world: World) -> None:
    """It makes the whole call unknown."""
    world.tap()
    world.tap(1)
    world.service.plan.append(lambda each: world.service.carry_out(each[:1]))
    world.run()
    assert world.states() == ["unknown", "unknown"]
    world.run(300)
    assert world.states() == ["accepted", "accepted"]
    assert len(world.service.rows) == 2


def test_a_call_that_is_too_large_is_halved_and_the_size_remembered(world: World) -> None:
    """413; a single row that is too large is refused."""

    def judge(registrations: Sequence[Registration]) -> CallVerdict:
        return TooLarge() if len(registrations) > 3 else world.service.carry_out(registrations)

    world.service.always = judge
    for person in range(10):
        world.tap(person)
    world.run()
    assert world.states() == ["accepted"] * 10
    assert [len(call) for call in world.service.calls] == [10, 5, 3, 3, 3, 1]
    world.service.always = _say(TooLarge())
    world.tap(11)
    world.run()
    assert world.states()[-1] == "refused"


def test_five_equal_refusals_pause_their_group_alone(world: World) -> None:
    """Its rows wait with one task; the other group flows; an hourly probe that is accepted lets it go."""

    def judge(registrations: Sequence[Registration]) -> CallVerdict:
        if registrations[0].declaration == DECLARATION:
            return Answered(items=tuple(NotCreated(reason="closed") for _ in registrations))
        return world.service.carry_out(registrations)

    world.settings = replace(world.settings, batch_size=2)
    world.start()
    world.service.always = judge
    for person in range(12):
        world.tap(person)
        world.tap(person + 100, declaration=OTHER_DECLARATION)
    world.run()
    assert world.states()[::2] == ["refused"] * 6 + ["queued"] * 6
    assert world.states()[1::2] == ["accepted"] * 12
    assert {row[0] for row in world.select("SELECT reason FROM registrations WHERE state = 'queued'")} == {"group"}
    assert [task[0] for task in world.tasks()].count("group_paused") == 1
    calls = len(world.service.calls)
    world.start()
    world.run(3500)
    assert len(world.service.calls) == calls
    world.run(200)
    assert len(world.service.calls) == calls + 1
    assert world.states()[::2].count("refused") == 7
    world.service.always = None
    world.run(3700)
    assert world.states()[::2].count("accepted") == 5
    assert "group_paused" not in [task[0] for task in world.tasks()]
    kinds = [row[0] for row in world.select("SELECT kind FROM evidence WHERE kind LIKE 'group%'")]
    assert kinds == ["group_paused", "group_released"]


def test_missing_permission_pauses_that_employer_at_once(world: World) -> None:
    """403 missingPermission: nobody else's rows wait, and the box is not called misconfigured."""
    mine, other = world.tap(), world.tap(1, declaration=OTHER_DECLARATION)
    fault = Misconfigured(why="missingPermission", employer_only=True)
    world.service.always = lambda each: fault if each[0].declaration == DECLARATION else world.service.carry_out(each)
    world.run(3000)
    assert (world.row(mine)["state"], world.row(mine)["reason"]) == ("queued", Reason.GROUP)
    assert world.row(other)["state"] == "accepted"
    assert world.delivery.status().state is ServiceState.UP
    world.run(4 * 3600)
    assert 4 <= len(world.service.calls) <= 7
    assert [task[0] for task in world.tasks()] == ["group_paused"]


def test_late_rows_are_held_when_their_first_send_reaches_the_service_too_late(tmp_path: Path) -> None:
    """A call that never left the box is no first send: what waited for the network is judged when it is back."""
    world = World(tmp_path, settings=DeliverySettings(hold_late=True, pace=Pace(start_jitter_seconds=0)))
    number = world.tap()
    world.service.always = _say(NotSent(why="no route"))
    world.run(590)
    assert world.states() == ["queued"]
    world.run(60)
    assert (world.states(), world.row(number)["reason"]) == (["held"], "late")


def test_a_probe_whose_rows_all_wait_for_earlier_ones_turns_no_wheel(world: World) -> None:
    """His late IN waits for a search that fails with the same credential, his OUT for the IN: the thread sleeps meanwhile."""
    world.service.always = lambda _: Misconfigured(why="invalid_client", employer_only=True, credential=True)
    world.service.search_always = lambda _: SearchFailed(why="invalid_client", credential=True)
    world.tap(0)
    world.run(1800)
    world.tap(0, Direction.OUT)
    world.delivery.nudge()
    world.run(600, steps=200)
    world.service.always = world.service.search_always = None
    world.run(900)
    assert world.states() == ["accepted", "accepted"]


def test_each_answer_and_each_lookup_is_a_line_of_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """What came of a call is told by counts, also an id that another row has, and never by person."""
    caplog.set_level("INFO")
    for person in range(3):
        world.tap(person)
    world.service.plan.append(
        lambda sent: Answered(items=(*(world.service.store(each) for each in sent[:2]), NotCreated(reason="ssinUnknown")))
    )
    world.run()
    world.tap(4)
    world.service.plan.append(lambda _: Answered(items=(Created(registration_id=17_000, validity="pending"),)))
    world.run(300)
    told = [(record.message, record.__dict__.get("accepted"), record.__dict__.get("refused")) for record in caplog.records]
    assert ("answered", 2, 1) in told
    messages = [record.message for record in caplog.records]
    assert "an id that another row has" in messages
    assert "looked up" in messages
