"""The answer is lost on its way back: the box looks the registration up before it does anything else with it."""

from __future__ import annotations

import random
import time

import pytest

from kiosk.identifiers import CardId
from kiosk.simulator.faults import Fault, Order
from kiosk.simulator.messages import Operation
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import invented_card, invented_line
from tests.sites import TWO_GATES, Tapper, assert_each_once, assert_in_order, book, calls, until

#: After each of these nobody at the box can know whether the service did what was asked.
AMBIGUOUS = (
    Fault.CUT_BEFORE_COMMIT,
    Fault.CUT_AFTER_COMMIT,
    Fault.HANG_BEFORE_COMMIT,
    Fault.HANG_AFTER_COMMIT,
    Fault.DRIP,
    Fault.TRUNCATED_BODY,
    Fault.GARBAGE_BODY,
    Fault.SHORT_ANSWER,
    Fault.CAPTIVE_PORTAL,
    Fault.REDIRECT,
    Fault.SERVER_ERROR_BEFORE_COMMIT,
    Fault.SERVER_ERROR_AFTER_COMMIT,
    Fault.BAD_GATEWAY_BEFORE_COMMIT,
    Fault.BAD_GATEWAY_AFTER_COMMIT,
    Fault.BARE_UNAVAILABLE_BEFORE_COMMIT,
    Fault.BARE_UNAVAILABLE_AFTER_COMMIT,
)
#: No pause after a failure, so that three hundred of them fit into a test.
HASTY = "settle_seconds = 1\nbackoff_cap_seconds = 0\nconnect_cap_seconds = 0\nstart_jitter_seconds = 0\ntimeout_seconds = 0.3\n"
FAULTS, PEOPLE = 300, 150


@pytest.mark.parametrize("lag_seconds", [0.0, 0.7])
def test_an_answer_lost_after_the_commit_is_found_by_search(box: Box, simulator: Simulator, lag_seconds: float) -> None:
    """What the service stored is found, also where its search lags behind, and never sent a second time."""
    simulator.ledger.search_lag_seconds = lag_seconds
    box.start()
    box.enrol([invented_line(0)])
    simulator.fault(Fault.CUT_AFTER_COMMIT, operation=Operation.REGISTER)
    (number,) = box.tap(invented_card(0))["ids"]
    status = box.settle()
    assert (status["accepted"], status["unknown"]) == (1, 0)
    (row,) = simulator.ledger.rows()
    shown = box.json("outbox", "show", str(number))
    assert (shown["state"], shown["registration_id"]) == ("accepted", row.id)
    assert calls(simulator) == 1
    assert calls(simulator, Operation.SEARCH) >= 1
    assert_each_once(simulator, book(box))


def test_a_call_that_never_arrived_is_sent_again_only_after_two_searches(box: Box, simulator: Simulator) -> None:
    """Cut before the commit looks the same from here: the service is asked twice before the registration is sent anew."""
    box.start()
    box.enrol([invented_line(0)])
    simulator.fault(Fault.CUT_BEFORE_COMMIT, operation=Operation.REGISTER)
    box.tap(invented_card(0))
    box.settle()
    asked = [entry.operation for entry in simulator.journal.entries() if entry.operation is not Operation.TOKEN]
    assert asked == [Operation.REGISTER, Operation.SEARCH, Operation.SEARCH, Operation.REGISTER]
    assert_each_once(simulator, book(box))


def test_three_hundred_ambiguous_faults_lose_and_double_nothing(box: Box, simulator: Simulator) -> None:
    """Faults of every ambiguous kind, in a seeded order and with taps going on: each tap is at the service exactly once."""
    box.readers, box.service = TWO_GATES, HASTY
    box.write_config()
    dice = random.Random(300)  # noqa: S311  the same faults in every run
    kinds = [AMBIGUOUS[number % len(AMBIGUOUS)] for number in range(FAULTS)]
    dice.shuffle(kinds)
    simulator.ledger.search_lag_seconds = 0.5
    box.start()
    cards: list[CardId] = [invented_card(number) for number in range(PEOPLE)]
    box.enrol([invented_line(number) for number in range(PEOPLE)])
    for kind in kinds:
        simulator.faults.script(Order(fault=kind, operation=Operation.REGISTER))
    began = time.monotonic()
    tapper = Tapper(box, cards)
    with tapper.tapping(pause=0.02):
        while simulator.faults.pending():
            assert time.monotonic() - began < 90, f"{len(simulator.faults.pending())} faults left, {box.status()}"
            time.sleep(0.05)
    status = box.settle(seconds=60)
    rows = book(box)
    taps = sum(len(answer["ids"]) for answer in tapper.answers)
    held = len(simulator.ledger.rows())
    met = sum(entry.fault is not None for entry in simulator.journal.entries())
    print(  # noqa: T201  the figures of this run
        f"{met} ambiguous faults, {taps} taps, {calls(simulator)} calls, {calls(simulator, Operation.SEARCH)} searches:"
        f" {taps - status['accepted']} lost, {held - taps} doubled, {time.monotonic() - began:.0f} s"
    )
    assert met == FAULTS
    assert (status["accepted"], held) == (taps, taps)
    assert_each_once(simulator, rows)
    assert_in_order(simulator.ledger.rows())


def test_a_box_killed_in_the_middle_of_a_call_looks_it_up_first(box: Box, simulator: Simulator) -> None:
    """What was in flight at a SIGKILL is unknown at the next start: found by search, never sent blindly again."""
    box.start()
    box.enrol([invented_line(0)])
    simulator.fault(Fault.HANG_AFTER_COMMIT, operation=Operation.REGISTER)
    box.tap(invented_card(0))
    until(simulator.ledger.rows, "the call did not arrive")
    assert box.status()["in_flight"] == 1
    box.kill()
    box.start()
    assert box.settle()["accepted"] == 1
    assert calls(simulator) == 1
    assert_each_once(simulator, book(box))
