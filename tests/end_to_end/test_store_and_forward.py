"""The service is away for hundreds of taps and the box is killed meanwhile: nothing is lost, doubled or out of order."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

from kiosk.errors import KioskError
from kiosk.identifiers import CardId
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import invented_card, invented_line
from tests.sites import APART_SECONDS, GATES, TWO_GATES, assert_each_once, assert_in_order, book

PEOPLE, LAPS = 50, 10


def recorded(box: Box, card: CardId, direction: str, died: list[str]) -> int | None:
    """Tap until it is recorded; the id, or None where a killed daemon had recorded the tap before it could say so."""
    end = time.monotonic() + 30
    while True:
        assert time.monotonic() < end
        try:
            answer = box.tap(card, reader=GATES[direction])
        except KioskError as error:
            died.append(error.message)
            time.sleep(0.02)
            continue
        if answer["signal"] == "already":
            return None
        assert answer["signal"] == direction
        (number,) = answer["ids"]
        return int(number)


def kill_and_start(box: Box, delay: float) -> None:
    time.sleep(delay)
    box.kill()
    box.start()


def test_taps_during_an_outage_arrive_once_and_in_order_however_often_the_box_is_killed(box: Box, simulator: Simulator) -> None:
    """500 taps by 50 people with the service away and three SIGKILLs amid them: 500 registrations, none twice, each in order."""
    box.readers = TWO_GATES
    box.write_config()
    box.start()
    box.enrol([invented_line(number) for number in range(PEOPLE)])
    simulator.stop()
    dice = random.Random(1953)  # noqa: S311  the same moments in every run
    # Among arrivals: whoever taps again because the killed daemon could not answer is told that he is in already.
    kill_before = {lap * PEOPLE + dice.randrange(PEOPLE // 2) for lap in (2, 4, 8)}
    acknowledged: dict[int, tuple[int, str]] = {}
    died: list[str] = []
    silent = 0
    last: dict[tuple[int, str], float] = {}
    kills, killers = ThreadPoolExecutor(1), []
    for lap in range(LAPS):
        direction = "out" if lap % 2 else "in"
        for person in range(PEOPLE):
            time.sleep(max(0.0, last.get((person, direction), 0.0) + APART_SECONDS - time.monotonic()))
            if lap * PEOPLE + person in kill_before:
                # Not between two taps but at any moment of the ones that follow.
                killers.append(kills.submit(kill_and_start, box, dice.random() * 0.02))
            number = recorded(box, invented_card(person), direction, died)
            last[person, direction] = time.monotonic()
            if number is None:
                silent += 1
            else:
                assert number not in acknowledged, "an id that was acknowledged was given again"
                acknowledged[number] = (person, direction)
        for killer in killers:
            killer.result()
    kills.shutdown()
    assert len(acknowledged) + silent == PEOPLE * LAPS
    assert died, "no tap ever met a dead daemon, so the kills proved nothing"
    rows = book(box)
    assert [row["id"] for row in rows if row["id"] in acknowledged] == sorted(acknowledged)
    assert len(rows) == PEOPLE * LAPS
    assert simulator.ledger.rows() == ()

    simulator.start()
    status = box.settle(seconds=60)

    assert status["accepted"] == PEOPLE * LAPS
    rows = book(box)
    assert_each_once(simulator, rows)
    assert_in_order(simulator.ledger.rows())
    for row in rows:
        if row["id"] in acknowledged:
            assert row["direction"] == acknowledged[row["id"]][1]
    assert box.json("evidence", "verify")["items"] == []


def test_a_tap_says_that_it_is_sent_later_once_the_service_is_known_to_be_away(box: Box, simulator: Simulator) -> None:
    """The first tap of an outage can't know; once a call has failed, taps answer offline, and stop doing so afterwards."""
    box.readers = TWO_GATES
    box.write_config()
    box.start()
    box.enrol([invented_line(number) for number in range(4)])
    assert box.tap(invented_card(0), reader="arrivals")["offline"] is False
    box.settle()
    simulator.stop()
    assert box.tap(invented_card(1), reader="arrivals")["offline"] is False
    end = time.monotonic() + 10
    while box.status()["service"]["state"] != "down":
        assert time.monotonic() < end
        time.sleep(0.01)
    told = box.tap(invented_card(2), reader="arrivals")
    assert (told["signal"], told["offline"]) == ("in", True)
    assert box.status()["queued"] == 2
    simulator.start()
    box.settle()
    assert box.tap(invented_card(3), reader="arrivals")["offline"] is False
    box.settle()
    assert_each_once(simulator, book(box))
