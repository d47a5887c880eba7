"""What can't be sent for long asks for a human by itself, and is never given up: the real daemon."""

from __future__ import annotations

from kiosk.simulator.simulator import Simulator
from tests.box import QUICK_RULES, Box
from tests.people import CANARY, CANARY_CARD
from tests.sites import assert_each_once, book, until


def test_a_backlog_that_grows_old_is_told_and_taken_back_once_it_is_sent(box: Box, simulator: Simulator) -> None:
    """Though nobody taps any more; one task, one line of log, and the registration arrives once the service is back."""
    box.rules = QUICK_RULES + "escalate_after_minutes = 0.02\n"
    box.write_config()
    box.start()
    box.enrol([CANARY])
    simulator.stop()
    (row,) = box.tap(CANARY_CARD)["ids"]
    until(lambda: box.status()["tasks"], "nobody is asked")
    assert [(task["kind"], task["registration"], task["until"]) for task in box.json("tasks")["items"]] == [("backlog", row, None)]
    simulator.start()
    until(lambda: not box.status()["tasks"], "it is sent")
    box.settle()
    assert_each_once(simulator, book(box))
    assert box.log.read_text().count("what is to be sent waits for long") == 1
