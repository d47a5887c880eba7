from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

import pytest

from kiosk import findings
from kiosk.followup import FollowUp
from kiosk.records import unpack_remarks
from kiosk.vault import Field
from kiosk.verdicts import Found, Query, SearchFailed, SearchUnavailable
from tests.people import EMPLOYER, OTHER_DECLARATION, OTHER_EMPLOYER
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _follow(world: World) -> FollowUp:
    return FollowUp(world.outbox, lambda: world.service, world.time, dice=lambda: 0.5)


def _run(world: World, follow: FollowUp, seconds: float) -> None:
    left = seconds
    while (wait := follow.step()) <= left:
        world.time.pass_seconds(wait)
        left -= wait
    world.time.pass_seconds(left)


def test_a_final_validity_and_its_remarks_are_kept_sealed_on_the_row(world: World) -> None:
    """Checked is a mark of its own, after accepted; good news makes no task, a remark does."""
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
    assert world.tasks() == [("remark", number, None)]
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
        ("lost", gone, "not found at the service"),
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
    plan = [str(step[3]) for step in world.select(f"EXPLAIN QUERY PLAN {findings._PENDING_SQL}", 1, 9)]
    assert plan == ["SEARCH registrations USING INDEX registrations_pending (book=?)"]


def test_one_groups_failing_search_makes_no_other_wait(world: World) -> None:
    """Whatever becomes of a search, its rows go to the end of the line: no employer starves behind another's trouble."""
    broken, fine = world.tap(), world.tap(1, employer=OTHER_EMPLOYER)
    world.run()
    world.service.rows[1].change(validity="valid")
    find = world.service.find
    world.service.search_always = lambda query: SearchFailed(why="denied") if query.employer == EMPLOYER else find(query)
    follow = _follow(world)
    _run(world, follow, 60)
    assert world.row(fine)["validity"] == "valid"
    _run(world, follow, 24 * 3600)
    assert world.row(broken)["validity"] == "pending"
    # What is accepted meanwhile for somebody else is not kept waiting by the long waits of the broken one.
    world.tap(2, employer=OTHER_EMPLOYER)
    world.run()
    world.service.rows[2].change(validity="valid")
    _run(world, follow, 60)
    assert world.row(3)["validity"] == "valid"
    assert len(world.service.searches) < 60


def test_a_retry_after_stops_every_search(world: World) -> None:
    """It is the service that asks for time, so no other group is asked for and no nudge cuts it short."""
    world.tap()
    world.tap(1, employer=OTHER_EMPLOYER)
    world.run()
    world.time.pass_seconds(40)
    world.service.search_plan.append(lambda _: SearchFailed(why="429", retry_after=600))
    follow = _follow(world)
    assert follow.step() >= 600
    follow.nudge()
    stop = Event()
    thread = Thread(target=follow.run, args=(stop,), daemon=True)
    world.service.search_plan.append(lambda _: SearchFailed(why="429", retry_after=600))
    thread.start()
    while len(world.service.searches) < 2:
        stop.wait(0.01)
    follow.nudge()
    stop.wait(0.2)
    assert len(world.service.searches) == 2
    stop.set()
    follow.nudge()
    thread.join(10)
    assert not thread.is_alive()


def test_a_busy_day_costs_few_searches(world: World) -> None:
    """1,200 taps in two hours, checked by the service five minutes later: the more a search shows, the more seldom it is made."""
    follow, pages, find = _follow(world), [0], world.service.find

    def counted(query: Query) -> Found:
        found = find(query)
        pages[0] += 1 + len(found.registrations) // 100
        return found

    world.service.search_always = counted
    for number in range(1200):
        world.tap(number % 50, ago_seconds=0)
        world.run()
        late = world.time.wall_ms - 300_000
        for served in world.service.rows[max(0, number - 60) :]:
            if served.created_ms <= late and served.shown.validity == "pending":
                served.change(validity="valid")
        _run(world, follow, 6)
    for served in world.service.rows:
        served.change(validity="valid")
    _run(world, follow, 3600)
    assert world.select("SELECT count(*) FROM registrations WHERE validity = 'valid'") == [(1200,)]
    assert len(world.service.searches) <= 60
    assert pages[0] <= 180
    widths = [query.to_ms - query.from_ms for query in world.service.searches]
    assert max(widths) <= 2 * 3600 * 1000


def test_what_waits_to_be_sent_goes_first(world: World) -> None:
    """The service is not asked while the box has a backlog to send, but nobody's validity waits for it for ever."""
    checked = world.tap()
    world.run()
    world.service.rows[0].change(validity="valid")
    world.tap(1)
    follow = _follow(world)
    _run(world, follow, 300)
    assert world.service.searches == []
    _run(world, follow, 400)
    assert world.row(checked)["validity"] == "valid"


def test_a_remark_that_comes_before_the_validity_is_told_once(world: World) -> None:
    """It is kept while the validity is pending, changed with it, and not told again when only the validity came."""
    number = world.tap()
    world.run()
    follow = _follow(world)
    world.service.rows[0].change(remarks=("first",))
    _run(world, follow, 40)
    assert world.tasks() == [("remark", number, None)]
    assert world.select("SELECT registration, told_ms FROM notices") == [(number, None)]
    world.database.write(lambda c: c.execute("UPDATE notices SET told_ms = 1"))
    world.service.rows[0].change(validity="valid")
    _run(world, follow, 100)
    assert world.row(number)["validity"] == "valid"
    assert world.tasks() == [("remark", number, None)]
    assert world.select("SELECT count(*) FROM notices") == [(1,)]


def test_a_registration_that_comes_back_closes_its_task(world: World) -> None:
    """A service that lost it for a while leaves no work behind."""
    number = world.tap()
    world.run()
    world.service.lag_ms = 100_000_000
    follow = _follow(world)
    _run(world, follow, 3 * 3600)
    assert world.tasks() == [("lost", number, "not found at the service")]
    world.service.lag_ms = 0
    _run(world, follow, 2 * 3600)
    assert world.tasks() == []


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
