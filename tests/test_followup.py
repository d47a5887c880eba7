from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from kiosk import findings
from kiosk.followup import FollowUp
from kiosk.records import unpack_remarks
from kiosk.vault import Field
from kiosk.verdicts import SearchFailed, SearchUnavailable
from tests.people import OTHER_DECLARATION
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _follow(world: World) -> FollowUp:
    return FollowUp(world.outbox, lambda: world.service, world.time, positive=frozenset({"valid"}), dice=lambda: 0.5)


def _run(world: World, follow: FollowUp, seconds: float) -> None:
    left = seconds
    while (wait := follow.step()) <= left:
        world.time.pass_seconds(wait)
        left -= wait
    world.time.pass_seconds(left)


def test_a_final_validity_and_its_remarks_are_kept_sealed_on_the_row(world: World) -> None:
    """Checked is a mark of its own, after accepted; good news makes no task."""
    number = world.tap()
    world.run()
    follow = _follow(world)
    _run(world, follow, 29)
    assert world.service.searches == []
    world.service.rows[0].change(validity="valid", remarks=("late by a minute",))
    _run(world, follow, 2)
    row = world.row(number)
    assert (row["state"], row["validity"]) == ("accepted", "valid")
    assert isinstance(row["uid"], bytes)
    assert isinstance(row["remarks"], bytes)
    assert unpack_remarks(world.vault.open(Field.REMARKS, row["uid"], row["remarks"])) == ("late by a minute",)
    assert world.tasks() == []
    _run(world, follow, 7200)
    assert len(world.service.searches) == 1


def test_what_stays_pending_is_asked_for_ever_more_seldom(world: World) -> None:
    """30 s, then as long again as it is old, at most once an hour."""
    world.tap()
    world.run()
    _run(world, _follow(world), 24 * 3600)
    assert 25 <= len(world.service.searches) <= 34


@pytest.mark.parametrize("validity", ["invalid", "something new"])
def test_a_validity_that_is_no_good_news_becomes_a_task(world: World, validity: str) -> None:
    """The row stays accepted: what it is for the service is written on it, what to do is a human's."""
    number = world.tap()
    world.run()
    world.service.rows[0].change(validity=validity)
    _run(world, _follow(world), 40)
    assert world.row(number)["state"] == "accepted"
    assert world.tasks() == [("validity", number, validity)]


def test_a_registration_that_vanished_or_was_cancelled_elsewhere_becomes_a_task(world: World) -> None:
    """Not found an hour after it was accepted: a human must know; a lagging search is not that."""
    gone, cancelled = world.tap(), world.tap(1)
    world.run()
    world.service.rows[1].change(cancelled=True, validity="cancelled")
    world.service.lag_ms = 100_000_000
    follow = _follow(world)
    _run(world, follow, 3000)
    assert world.tasks() == []
    world.service.lag_ms = 0
    world.service.rows[0].change(declaration=OTHER_DECLARATION)
    _run(world, follow, 7200)
    assert sorted(world.tasks(), key=str) == [
        ("validity", gone, "not found at the service"),
        ("validity", cancelled, "cancelled"),
    ]


def test_a_search_that_fails_is_tried_again_later_and_loses_nothing(world: World) -> None:
    """Failures back off; where search is not offered the rows wait their turn."""
    number = world.tap()
    world.run()
    world.service.rows[0].change(validity="valid")
    world.service.search_plan.extend(
        [lambda _: SearchFailed(why="timeout", retry_after=100), lambda _: SearchUnavailable(why="404")]
    )
    follow = _follow(world)
    _run(world, follow, 100)
    assert len(world.service.searches) == 1
    _run(world, follow, 60)
    assert len(world.service.searches) == 2
    _run(world, follow, 600)
    assert world.row(number)["validity"] == "valid"


def test_a_row_whose_seal_broke_is_still_checked_by_its_service_id(world: World) -> None:
    """Its group can't be named any more, so the search is not narrowed."""
    number = world.tap()
    world.run()
    world.service.rows[0].change(validity="valid")
    world.database.write(lambda c: c.execute("UPDATE registrations SET sealed = x'00'"))
    _run(world, _follow(world), 40)
    assert world.service.searches[0].employer is None
    assert world.row(number)["validity"] == "valid"


def test_nothing_is_asked_while_the_clock_is_untrusted(world: World) -> None:
    """No assertion is signed."""
    world.tap()
    world.run()
    world.time.pass_seconds(100)
    world.time.trusted = False
    assert _follow(world).step() == 10
    assert world.service.searches == []


def test_what_waits_for_its_check_is_found_by_an_index(world: World) -> None:
    """A hundred thousand checked rows are not read."""
    plan = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {findings._DUE_SQL}", 1, 0, 9)]
    assert plan == ["SEARCH registrations USING INDEX registrations_pending (book=? AND search_ms<?)"]


def test_the_thread_ends_when_it_is_told(world: World) -> None:
    """``stop`` and a nudge end it at once."""
    world.tap()
    world.run()
    world.time.pass_seconds(40)
    world.service.rows[0].change(validity="valid")
    stop, follow = Event(), _follow(world)
    thread = Thread(target=follow.run, args=(stop,), daemon=True)
    thread.start()
    while world.row(1)["validity"] != "valid":
        stop.wait(0.01)
    stop.set()
    follow.nudge()
    thread.join(10)
    assert not thread.is_alive()
