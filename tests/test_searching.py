from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kiosk.model import Direction, Draft, Registration
from kiosk.verdicts import Ambiguous, CallVerdict, NotNow, NotSent, SearchFailed, SearchUnavailable
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, PLACE, invented_insz
from tests.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _by_phone(world: World, person: int, *, ago_seconds: float) -> None:
    at_ms = world.time.wall_ms - round(ago_seconds * 1000)
    world.service.store(
        Registration(
            ssin=invented_insz(person), direction=Direction.IN, at_ms=at_ms, employer=EMPLOYER, place=PLACE, declaration=DECLARATION
        )
    )


def test_after_an_outage_who_registered_by_phone_meanwhile_is_not_registered_twice(world: World) -> None:
    """The network was away; one of two took his telephone. His row is held for a human, the other goes."""
    world.service.always = lambda _: NotSent(why="no route")
    world.service.search_plan.extend([lambda _: SearchFailed(why="no route", reachable=False)] * 1000)
    doubted, waiting = world.tap(0), world.tap(1)
    world.run(3600)
    _by_phone(world, 0, ago_seconds=3000)
    world.service.always = None
    world.service.search_plan.clear()
    world.run(60)
    assert world.states() == ["held", "accepted"]
    assert world.row(doubted)["reason"] == "channel"
    assert world.tasks() == [("held", doubted, None)]
    assert [row.registration.ssin for row in world.service.rows] == [invented_insz(0), invented_insz(1)]
    assert world.row(waiting)["looked_ms"] is not None


def test_what_is_sent_in_time_costs_no_search(world: World) -> None:
    """Only a late registration is searched for."""
    for person in range(20):
        world.tap(person, ago_seconds=599)
    world.run(30)
    assert world.service.searches == []
    assert set(world.states()) == {"accepted"}


def test_a_backlog_of_a_thousand_costs_a_handful_of_searches(world: World) -> None:
    """Two declarations, a hundred people, one day: a search for each four hundred of a group, ten calls, nothing twice."""
    drafts = []
    for number in range(1000):
        person = number % 100
        draft = Draft(
            ssin=invented_insz(person),
            direction=Direction.IN if number // 100 % 2 == 0 else Direction.OUT,
            at_ms=world.time.wall_ms - 40_000_000 + number * 30_000,
            employer=EMPLOYER,
            place=PLACE,
            declaration=(DECLARATION, OTHER_DECLARATION)[person % 2],
        )
        drafts.append((world.holder(person), draft))
    world.add(drafts)
    world.run(60)
    assert set(world.states()) == {"accepted"}
    assert len(world.service.searches) <= 4
    assert all(query.ssin is None for query in world.service.searches)
    assert max(world.service.keys().values()) == 1


def test_a_search_that_fails_delays_the_late_and_nobody_else(world: World) -> None:
    """It is tried again with the pace of searches, whoever is in time goes at once; when it comes about, they go too."""
    world.service.search_plan.extend([lambda _: SearchFailed(why="timeout")] * 3)
    world.tap(0, ago_seconds=3600)
    world.tap(1)
    world.run(0)
    assert world.states() == ["queued", "accepted"]
    world.run(60)
    assert world.states() == ["accepted", "accepted"]
    assert len(world.service.searches) == 4


def test_one_groups_failing_search_lets_the_other_groups_go_first(world: World) -> None:
    """A credential that does not work keeps its own employer's late rows waiting, not everybody's."""
    world.tap(0, ago_seconds=3600)
    world.tap(1, ago_seconds=3600, declaration=OTHER_DECLARATION)
    find = world.service.find
    first: list[object] = []

    def fail(query: object) -> object:
        first.append(query.declaration)  # type: ignore[attr-defined]
        return SearchFailed(why="401") if query.declaration == first[0] else find(query)  # type: ignore[attr-defined,arg-type]

    world.service.search_plan.extend([fail] * 100)  # type: ignore[list-item]
    world.run(5)
    assert sorted(world.states()) == ["accepted", "queued"]


def test_a_search_that_fails_for_an_hour_keeps_nobody_back_any_longer(world: World) -> None:
    """The registration is owed without delay; a possible double is found by the reconciliation."""
    world.tap(0, ago_seconds=3600)
    world.service.search_plan.extend([lambda _: SearchFailed(why="500")] * 1000)
    world.run(3500)
    assert world.states() == ["queued"]
    world.run(700)
    assert world.states() == ["accepted"]


def test_where_the_service_offers_no_search_late_rows_go_at_once(world: World) -> None:
    """Never twice as far as its search can show, and never blocked by what it does not offer."""
    world.tap(0, ago_seconds=3600)
    _by_phone(world, 0, ago_seconds=3000)
    world.service.search_plan.append(lambda _: SearchUnavailable(why="403"))
    world.run(1)
    assert world.states() == ["accepted"]


def test_a_released_row_is_sent_without_another_search(world: World) -> None:
    """A human has looked; he is not asked the same thing again."""
    number = world.tap(0, ago_seconds=3600)
    _by_phone(world, 0, ago_seconds=3000)
    world.run(1)
    assert world.states() == ["held"]
    world.database.write(lambda c: c.execute("UPDATE registrations SET state = 'queued', reason = NULL, released = 1"))
    world.delivery.nudge()
    searches = len(world.service.searches)
    world.run(1)
    assert (world.row(number)["state"], len(world.service.searches)) == ("accepted", searches)


def test_what_an_earlier_call_brought_there_after_all_is_not_sent_again(world: World) -> None:
    """The answer was lost, the search lagged, the service was away: the search before the late send shows it."""
    world.service.lag_ms = 200_000

    def lose(sent: Sequence[Registration]) -> CallVerdict:
        world.service.carry_out(sent)
        return Ambiguous(why="read timeout")

    world.tap(0)
    world.service.plan.append(lose)
    world.service.always = lambda _: NotNow(why="503")
    world.run(1800)
    world.service.always = None
    world.run(600)
    assert world.states() == ["accepted"]
    assert max(world.service.keys().values()) == 1
    assert world.tasks() == []


def test_a_lost_answer_that_is_found_ends_the_outage(world: World) -> None:
    """The registration is there, so nobody is told that the service is away, and the next tap is not marked as offline."""
    world.service.plan.append(lambda each: (world.service.carry_out(each), Ambiguous(why="cut"))[1])
    number = world.tap()
    world.run(1)
    assert (world.states(), world.delivery.status().offline) == (["unknown"], True)
    world.run(300)
    assert (world.row(number)["state"], world.delivery.status().offline) == ("accepted", False)
