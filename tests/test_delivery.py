from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from kiosk.contact import ServiceState
from kiosk.errors import Declined, StoreFull
from kiosk.line import DeliverySettings
from kiosk.model import Direction, Registration, TaskKind
from kiosk.tasks import open_tasks
from kiosk.verdicts import (
    Ambiguous,
    Answered,
    CallVerdict,
    Created,
    Health,
    Misconfigured,
    SearchFailed,
    SearchUnavailable,
)
from tests.people import DECLARATION, OTHER_DECLARATION, invented_insz
from tests.stores import until
from tests.worlds import Answer, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _say(verdict: CallVerdict) -> Answer:
    return lambda _: verdict


def _lost_but_stored(world: World) -> Answer:
    def answer(registrations: Sequence[Registration]) -> CallVerdict:
        world.service.carry_out(registrations)
        return Ambiguous(why="read timeout")

    return answer


def test_what_is_due_is_sent_and_its_answer_kept(world: World) -> None:
    """An accepted row has the service's id, when its answer came, and its validity; nothing is called before a row is due."""
    world.run()
    assert world.built == 0
    rows = [world.tap(person) for person in range(3)]
    world.time.pass_seconds(5)
    world.run()
    assert world.states() == ["accepted"] * 3
    assert [world.row(number)["registration_id"] for number in rows] == [17_000, 17_001, 17_002]
    assert world.row(rows[0])["confirmed_ms"] == world.time.wall_ms
    assert world.row(rows[0])["validity"] == "pending"
    assert len(world.service.calls) == 1
    assert world.delivery.status().last_success_ms == world.time.wall_ms
    assert world.tasks() == []


def test_the_first_send_after_a_start_waits_for_the_jitter(tmp_path: Path) -> None:
    """A site that comes back does not do so in one second."""
    world = World(tmp_path, settings=DeliverySettings())
    world.tap()
    world.run()
    assert world.service.calls == []
    world.run(15)
    assert len(world.service.calls) == 1


def test_while_the_clock_is_untrusted_nothing_is_sent(world: World) -> None:
    """No assertion is signed either; once the clock is trusted, what waited goes."""
    world.time.trusted = False
    number = world.tap()
    world.run(5)
    assert (world.service.calls, world.states()) == ([], ["queued"])
    assert "trusted" in world.delivery.search_now(number)
    world.time.trusted = True
    world.run(60)
    assert world.states() == ["accepted"]


def test_while_the_clock_is_untrusted_the_service_is_asked_for_the_time(world: World) -> None:
    """By its health, which needs no token: the date of the answer ends the wait at once, and what waited goes."""

    def health() -> Health:
        world.time.trusted = True
        return Health(status="UP")

    world.time.trusted = False
    world.tap()
    world.service.health_plan.append(health)
    world.run(1)
    assert (world.service.healths, world.states()) == (1, ["accepted"])


def test_the_time_is_asked_for_no_faster_than_anything_else(world: World) -> None:
    """An unreachable service is asked at the pace of a connection that fails, and is shown as down."""
    world.time.trusted = False
    world.tap()
    world.run(3600)
    assert 3600 / 30 <= world.service.healths <= 3600 / 10
    assert world.delivery.status().state is ServiceState.DOWN


def test_a_service_that_does_not_tell_the_time_is_asked_ever_more_seldom(world: World) -> None:
    """An answer without a date is no help, and no reason to press it."""
    world.time.trusted = False
    world.tap()
    world.service.health_plan.extend([lambda: Health(status="UP")] * 1000)
    world.run(3600)
    assert world.service.healths < 60
    assert "does not tell the time" in (world.delivery.status().last_error or "")


def test_with_nothing_to_send_the_time_is_asked_for_once(world: World) -> None:
    """A box in its carton does not go on asking; the start alone does."""
    world.time.trusted = False
    world.run(3600)
    assert world.service.healths == 1


def test_an_answer_that_never_came_is_looked_up_and_found(world: World) -> None:
    """Unknown for ``settle_seconds``, then found: accepted, sent once."""
    number = world.tap()
    world.service.plan.append(_lost_but_stored(world))
    world.run(59)
    assert world.states() == ["unknown"]
    assert world.service.searches == []
    world.run(2)
    assert world.states() == ["accepted"]
    assert world.row(number)["registration_id"] == 17_000
    assert len(world.service.calls) == 1


def test_what_was_never_stored_is_sent_again_after_two_searches(world: World) -> None:
    """Absent counts only after two searches at least ``settle_seconds`` apart, the first that long after the call ended."""
    world.tap()
    called = world.time.wall_ms
    world.service.plan.append(_say(Ambiguous(why="500")))
    world.run(119)
    assert (world.states(), len(world.service.searches)) == (["unknown"], 1)
    world.run(2)
    assert world.states() == ["accepted"]
    assert len(world.service.searches) == 2
    assert world.service.rows[0].created_ms >= called + 120_000


def test_a_search_that_lags_up_to_twice_the_settling_time_makes_no_duplicate(world: World) -> None:
    """Design, section 5: only a longer lag can."""
    world.service.lag_ms = 119_000
    world.tap()
    world.service.plan.append(_lost_but_stored(world))
    world.run(300)
    assert world.states() == ["accepted"]
    assert len(world.service.rows) == 1


def test_a_search_that_fails_counts_for_nothing_and_keeps_nobody_back(world: World) -> None:
    """It backs off by itself; other people's rows go on."""
    world.tap()
    world.service.plan.append(_say(Ambiguous(why="500")))
    world.service.search_plan.extend([lambda _: SearchFailed(why="timeout")] * 3)
    world.run(70)
    world.tap(1)
    world.run(2)
    assert world.states() == ["unknown", "accepted"]
    world.run(45)
    assert len(world.service.searches) >= 4
    assert world.states()[0] == "unknown"
    world.run(130)
    assert world.states() == ["accepted", "accepted"]


def test_where_search_is_unavailable_the_row_stays_unknown_with_a_task(world: World) -> None:
    """Never resent blindly, asked once an hour, and its person goes on after ``order_wait_minutes``."""
    number = world.tap()
    world.tap(direction=Direction.OUT)
    world.service.plan.append(_say(Ambiguous(why="500")))
    world.settings = replace(world.settings, batch_size=1)
    world.start()
    world.service.search_plan.extend([lambda _: SearchUnavailable(why="403")] * 2)
    world.run(3600 + 50)
    assert world.states() == ["unknown", "accepted"]
    assert len(world.service.searches) == 1
    assert world.tasks() == [("unknown", number, None)]
    assert world.service.rows[0].created_ms >= world.time.wall_ms - 3_100_000
    world.run(3 * 3600)
    assert world.states() == ["accepted", "accepted"]
    assert world.tasks() == []


def test_a_restart_makes_what_was_in_flight_unknown_and_waits_before_it_asks(world: World) -> None:
    """A crash between claim and answer: settled by search, whether the call arrived or not."""

    class Crash(Exception):
        pass

    def crash(registrations: Sequence[Registration]) -> CallVerdict:
        world.service.carry_out(registrations[:1])
        raise Crash

    world.tap()
    world.tap(1)
    world.service.plan.append(crash)
    with pytest.raises(Crash):
        world.run()
    assert world.states() == ["in_flight", "in_flight"]
    world.time.pass_seconds(1000)
    world.reopen()
    world.run(59)
    assert world.states() == ["unknown", "unknown"]
    assert world.service.searches == []
    world.run(130)
    assert world.states() == ["accepted", "accepted"]
    assert len(world.service.rows) == 2


def test_a_clock_that_was_set_begins_the_settling_anew(world: World) -> None:
    """Two searches that lie an hour apart by a clock that jumped are not an hour apart."""
    world.tap()
    world.service.lag_ms = 100_000
    world.service.plan.append(_lost_but_stored(world))
    world.run(10)
    world.time.wall_ms += 3_600_000  # the service's own clock does not step
    world.run(50)
    assert world.service.searches == []
    world.run(300)
    assert len(world.service.rows) == 1


def test_a_credential_at_fault_is_probed_as_slowly_as_the_box_itself_and_recovers(world: World) -> None:
    """After 30, 60, 120 s, at last every 10 minutes, one row of its group asks; once it is repaired, all go."""
    rows = [world.tap(number) for number in range(3)]
    other = world.tap(4, declaration=OTHER_DECLARATION)
    fault = Misconfigured(why="invalid_client", employer_only=True, credential=True)
    asked: list[int] = []

    def judge(registrations: Sequence[Registration]) -> CallVerdict:
        if registrations[0].declaration != DECLARATION:
            return world.service.carry_out(registrations)
        asked.append(world.time.wall_ms // 1000)
        return fault

    world.service.always = judge
    world.run(2 * 3600)
    waits = [after - before for before, after in pairwise(asked)]
    assert waits[:6] == [30, 60, 120, 240, 480, 600]
    assert set(waits[5:]) == {600}
    assert [world.row(row)["state"] for row in (*rows, other)] == ["queued"] * 3 + ["accepted"]
    assert [task[0] for task in world.tasks()] == ["group_paused"]
    world.service.always = world.service.carry_out
    world.run(600)
    assert world.states() == ["accepted"] * 4
    assert world.tasks() == []


def test_a_row_that_is_lost_again_and_again_does_not_take_its_batch_along(world: World) -> None:
    """A row that makes the service fail is isolated although no answer ever names it; everybody else is accepted."""
    bad = invented_insz(5)

    def judge(registrations: Sequence[Registration]) -> CallVerdict:
        if any(each.ssin == bad for each in registrations):
            return Ambiguous(why="500")
        return world.service.carry_out(registrations)

    world.service.always = judge
    for person in range(20):
        world.tap(person)
    world.run(8 * 3600, steps=5000)
    assert world.states().count("accepted") == 19
    assert len(world.service.rows) == 19


def test_every_earlier_number_of_the_person_is_known_and_a_cancelled_registration_settles_nothing(world: World) -> None:
    """A BIS number may have been replaced at the service meanwhile."""
    number = world.tap()
    world.profile(0, invented_insz(500), current=False)
    world.service.plan.append(_lost_but_stored(world))
    world.run()
    world.service.rows[0].change(ssin=invented_insz(500).digits)
    world.run(61)
    assert world.row(number)["state"] == "accepted"
    world.tap(1)
    world.service.plan.append(_lost_but_stored(world))
    world.run()
    world.service.rows[1].change(cancelled=True)
    world.run(200)
    assert world.states() == ["accepted", "accepted"]
    assert len(world.service.rows) == 3


def test_two_equal_rows_never_settle_with_one_id(world: World) -> None:
    """Same person, second and direction, one arrived: one is found, the other is sent again."""
    world.tap()
    world.tap()
    world.service.plan.append(lambda each: (world.service.carry_out(each[:1]), Ambiguous(why="cut"))[1])
    world.run(300)
    assert world.states() == ["accepted", "accepted"]
    assert len(world.service.rows) == 2
    assert len(world.select("SELECT DISTINCT registration_id FROM registrations")) == 2


def test_an_id_that_the_service_names_twice_leaves_the_second_row_unknown(world: World) -> None:
    """It is looked up like any other, and then sent."""
    world.tap()
    world.run()
    world.tap(1)
    world.service.plan.append(lambda _: Answered(items=(Created(registration_id=17_000, validity="pending"),)))
    world.run()
    assert world.states() == ["accepted", "unknown"]
    world.run(300)
    assert world.states() == ["accepted", "accepted"]
    assert len(world.service.rows) == 2


def test_a_human_may_search_now_but_it_counts_only_when_the_spacing_is_kept(world: World) -> None:
    """``outbox retry`` on an unknown row answers in words."""
    number = world.tap()
    world.service.plan.append(_say(Ambiguous(why="500")))
    world.run()
    assert "too early" in world.delivery.search_now(number)
    world.service.search_plan.append(lambda _: SearchFailed(why="timeout"))
    assert "did not come about" in world.delivery.search_now(number)
    world.service.search_plan.append(lambda _: SearchUnavailable(why="403"))
    assert "does not answer" in world.delivery.search_now(number)
    world.time.pass_seconds(60)
    assert "once more" in world.delivery.search_now(number)
    assert "too early" in world.delivery.search_now(number)
    world.time.pass_seconds(60)
    assert "queued again" in world.delivery.search_now(number)
    assert "not unknown" in world.delivery.search_now(number)
    world.run(5)
    unknown = world.tap(1)
    world.service.plan.append(_lost_but_stored(world))
    world.run()
    assert "accepted" in world.delivery.search_now(unknown)


def test_a_search_by_hand_after_a_clock_step_counts_for_nothing(world: World) -> None:
    """Two searches a second apart never count as two, whatever the wall clock says between them: nothing is sent twice."""
    world.service.lag_ms = 90_000
    number = world.tap()
    world.service.plan.append(_lost_but_stored(world))
    world.run(61)
    assert world.row(number)["absent_ms"] is not None
    world.time.wall_ms += 3_600_000  # the service's own clock does not step
    assert "queued again" not in world.delivery.search_now(number)
    world.run(300)
    assert world.states() == ["accepted"]
    assert len(world.service.rows) == 1


@pytest.mark.parametrize("after_the_call", [False, True])
def test_a_full_store_delays_and_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch, *, after_the_call: bool) -> None:
    """No room before a call, or for its verdict: the thread goes on, and with room each tap arrives exactly once."""
    full, stop = Event(), Event()
    if not after_the_call:
        full.set()
    write = world.database.write

    def write_or_not(work: Any) -> Any:
        if full.is_set():
            stop.set()
            raise StoreFull("no room")
        return write(work)

    def answer(registrations: Sequence[Registration]) -> CallVerdict:
        if after_the_call:
            full.set()
        return world.service.carry_out(registrations)

    world.service.plan.append(answer)
    world.tap()
    monkeypatch.setattr(world.database, "write", write_or_not)
    world.delivery.nudge()
    world.delivery.run(stop)
    full.clear()
    world.run(300)
    assert world.states() == ["accepted"]
    assert len(world.service.rows) == 1


def test_the_service_is_asked_for_at_each_call(world: World) -> None:
    """A service that could not be built, for want of a key, is built when the key is there."""
    world.tap()
    world.service.plan.append(_say(Misconfigured(why="no key")))
    world.run()
    before = world.built
    world.run(60)
    assert world.states() == ["accepted"]
    assert world.built > before


def test_a_verb_does_not_wait_for_ever_behind_a_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that a call is under way."""
    monkeypatch.setattr("kiosk.delivery._BUSY_SECONDS", 0.01)
    number = world.tap()
    said = []

    def ask(registrations: Sequence[Registration]) -> CallVerdict:
        with pytest.raises(Declined) as caught:
            world.delivery.search_now(number)
        said.append(caught.value.message)
        return world.service.carry_out(registrations)

    world.service.plan.append(ask)
    world.run()
    assert said == ["a call is under way"]


def test_a_row_whose_seal_broke_while_it_was_unknown_stays_so_with_a_task(world: World) -> None:
    """It can't be looked up and must not be sent again; a human must see it. A damaged profile only narrows what is sought."""
    number, other = world.tap(), world.tap(1)
    world.service.plan.append(_lost_but_stored(world))
    world.run()
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = x'00' WHERE id = ?", (number,)))
    world.database.write(lambda c: c.execute("UPDATE profiles SET sealed = x'00'"))
    world.run(61)
    assert world.row(number)["state"] == "unknown"
    kinds = [(task.kind, task.registration) for task in world.database.read(lambda c: open_tasks(c, 1))]
    assert kinds == [(TaskKind.UNKNOWN, number)]
    assert world.row(other)["state"] == "accepted"


def test_the_thread_sleeps_until_it_is_nudged_and_ends_when_it_is_told(world: World) -> None:
    """No polling: a nudge finds the new row at once, and ``stop`` with a nudge ends the thread."""
    done, stop = Event(), Event()

    def answer(registrations: Sequence[Registration]) -> CallVerdict:
        done.set()
        return world.service.carry_out(registrations)

    world.service.always = answer
    thread = Thread(target=world.delivery.run, args=(stop,), daemon=True)
    thread.start()
    world.tap()
    world.delivery.nudge()
    assert done.wait(10)
    stop.set()
    world.delivery.nudge()
    thread.join(10)
    assert not thread.is_alive()
    assert world.states() == ["accepted"]


def test_rows_of_another_book_are_never_sent_searched_or_counted(world: World) -> None:
    """A store belongs to one service at a time; leaving training starts a fresh book."""
    world.tap()
    world.database.write(lambda c: c.execute("UPDATE registrations SET book = 2"))
    world.run(1000)
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'unknown', search_ms = 0, called_ms = 0"))
    world.run(1000)
    assert (world.service.calls, world.service.searches) == ([], [])


def test_a_backlog_drains_whatever_group_or_person_it_is_of(world: World) -> None:
    """A month offline: everything arrives once, in the order of the taps for each person."""
    for round_ in range(6):
        for person in range(30):
            world.tap(
                person, Direction.IN if round_ % 2 == 0 else Direction.OUT, declaration=(DECLARATION, OTHER_DECLARATION)[person % 2]
            )
        world.time.pass_seconds(3600)
    world.run()
    assert set(world.states()) == {"accepted"}
    assert max(world.service.keys().values()) == 1
    for person in range(30):
        times = [row.registration.at_ms for row in world.service.rows if row.registration.ssin == invented_insz(person)]
        assert times == sorted(times)


def test_a_piece_of_work_that_never_ends_is_told_apart_from_waiting(world: World) -> None:
    """A call that holds the thread for a quarter of an hour hangs; waiting for work never does, however long."""
    world.tap(0)
    world.time.pass_seconds(60)
    held, free, stop = Event(), Event(), Event()

    def hang(registrations: Sequence[Registration]) -> CallVerdict:
        held.set()
        free.wait(20)
        return world.service.carry_out(registrations)

    world.service.plan.append(hang)
    thread = Thread(target=world.delivery.run, args=(stop,))
    thread.start()
    assert held.wait(20)
    told = [world.delivery.hangs]
    world.time.pass_seconds(901)
    told.append(world.delivery.hangs)
    free.set()
    until(lambda: not world.delivery.hangs)
    world.time.pass_seconds(86_400)
    # The day may have passed in the middle of its next piece of work, which ends by itself; then it waits.
    until(lambda: not world.delivery.hangs)
    assert told == [False, True]
    stop.set()
    world.delivery.nudge()
    thread.join(20)
