"""kiosk.desk.presence says who is here, for the evacuation and the site manager."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from kiosk import roster
from kiosk.desk import Desk
from kiosk.desk.presence import CALLS, CANNOT_KNOW, count_here
from kiosk.model import Press, Signal
from kiosk.rules import Limits
from kiosk.taps import ANOTHER_CHANNEL
from tests.desks import MORNING_MS, Clock, open_desk
from tests.gatehouse import ARRIVALS, DEPARTURES, ELSEWHERE, HOUR, MINUTE, SITE, TOGGLE, TWO, Clocks, Gatehouse
from tests.people import CANARY, CANARY_CARD, CANARY_NAME, invented_card, invented_line


@dataclass
class Room:
    """A desk, and the gatehouse of the same store; one set of clocks."""

    desk: Desk
    house: Gatehouse

    def told(self) -> dict[str, Any]:
        """Ask as the control socket would."""
        answer: dict[str, Any] = json.loads(json.dumps(CALLS["present"](self.desk, {})))
        assert answer["cannot_know"] == CANNOT_KNOW
        assert answer["here"] == count_here(self.desk) == [item["standing"] for item in answer["items"]].count("here")
        return answer

    def standings(self) -> list[tuple[int | None, str]]:
        """Holder and standing, in the order of the list."""
        return [(item["holder"], item["standing"]) for item in self.told()["items"]]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    clocks = Clocks()
    with open_desk(tmp_path, Clock()) as opened:
        desk = replace(opened, clock=clocks)
        house = Gatehouse(desk.database, desk.vault, desk.book, replace(SITE, declarations=TWO[:1]), clocks)
        house.enrol(CANARY)
        for number in (1, 2, 3):
            house.enrol(invented_line(number))
        yield Room(desk, house)


def test_an_empty_site(room: Room) -> None:
    """Nobody is here, and the list still says what it can't know."""
    assert room.told() == {"items": [], "here": 0, "cannot_know": CANNOT_KNOW}


def test_a_line_says_who_since_when_and_where(room: Room) -> None:
    """Holder, name, standing, whole seconds UTC and reader: nothing more."""
    room.house.tap(CANARY_CARD, ARRIVALS)
    assert room.told()["items"] == [
        {"holder": 1, "name": CANARY_NAME, "standing": "here", "since": "2026-11-02T07:00:00Z", "reader": "arrivals"}
    ]


def test_inside_on_break_and_left(room: Room) -> None:
    """A break lasts until the next tap; who left is listed for 15 minutes; oldest tap first."""
    for card in (CANARY_CARD, invented_card(1), invented_card(2)):
        room.house.tap(card)
        room.house.clocks.wait(HOUR)
    room.house.tap(CANARY_CARD, TOGGLE, Press.BREAK)
    room.house.clocks.wait(MINUTE)
    room.house.tap(invented_card(1), TOGGLE, Press.OUT)
    assert room.standings() == [(3, "here"), (1, "on_break"), (2, "left")]
    assert room.told()["here"] == 1
    room.house.clocks.wait(15 * MINUTE)
    assert room.standings() == [(3, "here"), (1, "on_break"), (2, "left")]
    room.house.clocks.wait(0.001)
    assert room.standings() == [(3, "here"), (1, "on_break")]
    room.house.tap(CANARY_CARD)
    assert room.standings() == [(3, "here"), (1, "here")]


def test_a_switch_leaves_one_line(room: Room) -> None:
    """Two registrations of one tap are one body, and it is inside."""
    room.house.tap(invented_card(1))
    room.house.clocks.wait(HOUR)
    assert len(room.house.tap(invented_card(1), ELSEWHERE).ids) == 2
    assert room.standings() == [(2, "here")]


def test_unknown_cards_are_listed(room: Room) -> None:
    """Somebody may be inside whom the list can't name; he does not count as here."""
    assert room.house.tap(invented_card(9), DEPARTURES).signal is Signal.UNKNOWN_CARD
    room.house.tap(invented_card(1))
    item = room.told()["items"][0]
    assert (item["holder"], item["name"], item["standing"], item["reader"]) == (None, None, "unknown_card", "departures")
    assert room.told()["here"] == 1


def test_a_stay_over_the_longest_shift_is_left_out(room: Room) -> None:
    """A forgotten OUT does not send the fire brigade in; the limit is the configured one."""
    room.house.tap(invented_card(1))
    room.house.tap(invented_card(9))
    room.house.clocks.wait(14 * HOUR)
    assert set(room.standings()) == {(None, "unknown_card"), (2, "here")}
    room.house.clocks.wait(1)
    assert room.standings() == []
    room.desk = replace(room.desk, limits=Limits(max_shift_hours=24))
    assert (2, "here") in room.standings()


def test_a_damaged_profile_is_a_line_without_name(room: Room) -> None:
    """Whoever can't be named is still inside, and hides nobody."""
    room.house.tap(invented_card(1))
    room.house.tap(invented_card(2))
    room.house.run("UPDATE profiles SET sealed = zeroblob(60) WHERE holder = 2")
    names = {item["holder"]: item["name"] for item in room.told()["items"]}
    assert names == {2: None, 3: "Person 2"}


def test_a_nameless_holder_is_null(room: Room) -> None:
    """Absent is null, never an empty string."""
    line = invented_line(4)
    room.house.enrol(replace(line, profile=replace(line.profile, name="")))
    room.house.tap(line.card)
    assert [item["name"] for item in room.told()["items"]] == [None]


def test_the_name_is_todays(room: Room) -> None:
    """A corrected name shows at once."""
    room.house.tap(invented_card(1))
    profile = room.desk.database.read(lambda c: roster.current_profile(c, room.desk.vault, 2)[1])
    room.house.correct(2, replace(profile, name="Corrected"))
    assert [item["name"] for item in room.told()["items"]] == ["Corrected"]


def test_who_came_in_while_the_clock_stood_in_1970_is_here(room: Room) -> None:
    """The list for an evacuation forgets nobody because of a clock."""
    room.house.tap(invented_card(1))
    room.house.clocks.reboot("second boot", wall_ms=5000)
    room.house.clocks.trusted = False
    room.house.tap(invented_card(2))
    room.house.clocks.wall_ms, room.house.clocks.trusted = MORNING_MS + HOUR * 1000, True
    assert set(room.standings()) == {(2, "here"), (3, "here")}


def test_visitors_and_other_channels_are_on_the_list(room: Room) -> None:
    """Who owes nothing is inside like everybody; what somebody did by phone counts where it came later than his tap here."""
    house = room.house
    house.correct(2, replace(invented_line(1).profile, local=True))
    house.tap(invented_card(1))
    house.tap(invented_card(2))
    house.clocks.wait(HOUR)
    for holder, direction, number in ((3, "out", 900), (4, "in", 901)):
        house.run(
            "INSERT INTO elsewhere (uid, book, holder, direction, at_ms, registration_id, seen_ms, sealed, group_index)"
            " VALUES (x'00', ?, ?, ?, ?, ?, 0, x'00', x'00')",
            house.book,
            holder,
            direction,
            house.clocks.wall_ms,
            number,
        )
    told = {item["holder"]: (item["standing"], item["reader"]) for item in room.told()["items"]}
    assert told == {2: ("here", "gate"), 3: ("left", ANOTHER_CHANNEL), 4: ("here", ANOTHER_CHANNEL)}
    house.clocks.wait(HOUR)
    house.tap(invented_card(3), DEPARTURES)
    assert {item["holder"]: item["reader"] for item in room.told()["items"]}[4] == "departures"


def test_a_tap_of_a_clock_in_1970_is_not_moved_by_another_channel(room: Room) -> None:
    """Which of the two came first is not known, so the tap stays on the list."""
    house = room.house
    now = house.clocks.wall_ms
    house.clocks.trusted, house.clocks.wall_ms = False, 0
    house.tap(invented_card(1))
    house.clocks.trusted, house.clocks.wall_ms = True, now
    house.run(
        "INSERT INTO elsewhere (uid, book, holder, direction, at_ms, registration_id, seen_ms, sealed, group_index)"
        " VALUES (x'00', ?, 2, 'out', ?, 900, 0, x'00', x'00')",
        house.book,
        now,
    )
    assert room.standings() == [(2, "here")]
