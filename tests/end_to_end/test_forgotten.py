"""A forgotten check-out is a human's to settle: the real daemon asks for it by itself, and registers nothing."""

from __future__ import annotations

from kiosk.simulator.simulator import Simulator
from tests.box import QUICK_RULES, Box
from tests.people import CANARY, CANARY_CARD
from tests.sites import until


def test_a_forgotten_check_out_is_asked_for_once_and_never_made_up(box: Box, simulator: Simulator) -> None:
    """Though nobody taps; a restart does not ask again, and neither does the person's next tap."""
    box.rules = QUICK_RULES + "ask_after_hours = 0.0002\nmax_shift_hours = 0.0005\n"
    box.write_config()
    box.start()
    box.enrol([CANARY])
    (row,) = box.tap(CANARY_CARD)["ids"]
    until(lambda: box.status()["tasks"], "the stay is over")
    box.stop()
    box.start()
    assert box.tap(CANARY_CARD)["signal"] == "in"
    asked = [(task["kind"], task["registration"]) for task in box.json("tasks")["items"]]
    assert asked.count(("missing_out", row)) == 1
    box.settle()
    assert [sent.item["type"] for sent in simulator.ledger.rows()] == ["in", "in"]
