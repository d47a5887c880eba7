"""Badge here, telephone there: the box learns over true TLS what was registered elsewhere, and never registers it twice."""

from __future__ import annotations

import time
from typing import Any

from kiosk.model import rfc3339
from kiosk.simulator.faults import Fault
from kiosk.simulator.messages import Operation
from kiosk.simulator.simulator import Simulator
from tests.box import QUICK_RULES, QUICK_SERVICE, Box
from tests.people import DECLARATION, EMPLOYER, PLACE, invented_card, invented_insz, invented_line
from tests.sites import book, calls, until

#: The other channels are asked every second.
WATCHFUL = QUICK_SERVICE + "channels_seconds = 1\n"


def _by_phone(simulator: Simulator, person: int, way: str, *, ago_seconds: float = 0) -> None:
    """Let a person register with the QR code of the declaration."""
    at_ms = simulator.ledger.now_ms() - round(ago_seconds * 1000)
    item = {
        "registrationDate": rfc3339(at_ms),
        "ssin": invented_insz(person).digits,
        "type": way,
        "employer": {"enterpriseNumber": EMPLOYER.value},
        "placeOfWork": {"coordinates": {"longitude": PLACE.longitude, "latitude": PLACE.latitude}},
        "contractualRelationshipReference": DECLARATION.value,
    }
    simulator.ledger.register([item])


def _standing(box: Box, holder: int) -> tuple[str, str] | None:
    items: list[Any] = box.json("present")["items"]
    return next(((item["standing"], item["reader"]) for item in items if item["holder"] == holder), None)


def test_a_check_out_by_phone_makes_the_next_tap_a_new_arrival(box: Box, simulator: Simulator) -> None:
    """In here, out by phone, in here again: three registrations, each true, and the one who came by phone leaves here."""
    box.service = WATCHFUL
    box.write_config()
    box.start()
    box.enrol([invented_line(0), invented_line(1)])
    assert box.tap(invented_card(0))["direction"] == "in"
    box.settle()
    time.sleep(1.1)  # the service keeps whole seconds
    _by_phone(simulator, 0, "out")
    _by_phone(simulator, 1, "in")
    until(lambda: _standing(box, 2) == ("here", "another channel"), "the one who came by phone is not on the list")
    time.sleep(1.1)  # the debounce
    assert box.tap(invented_card(0))["direction"] == "in"
    assert box.tap(invented_card(1))["direction"] == "out"
    box.settle()
    assert simulator.ledger.duplicates() == 0
    assert len(book(box)) == 3
    assert len(simulator.ledger.rows()) == 5


def test_who_took_his_telephone_during_the_outage_is_not_registered_twice(box: Box, simulator: Simulator) -> None:
    """Tapped offline, then registered by phone all the same: the box finds that before it sends, and asks a human."""
    box.rules = QUICK_RULES + "late_after_minutes = 0.02\n"
    box.write_config()
    box.start()
    box.enrol([invented_line(0), invented_line(1)])
    simulator.stop()
    doubted = box.tap(invented_card(0))["ids"][0]
    waiting = box.tap(invented_card(1))["ids"][0]
    time.sleep(1.3)
    _by_phone(simulator, 0, "in")
    simulator.start()
    status = box.settle()
    assert (status["held"], status["accepted"]) == (1, 1)
    rows = {row["id"]: row for row in book(box)}
    assert (rows[doubted]["state"], rows[doubted]["reason"]) == ("held", "channel")
    assert rows[waiting]["state"] == "accepted"
    assert [task["kind"] for task in box.json("tasks")["items"]] == ["held"]
    assert len(simulator.ledger.rows()) == 2
    assert box.verb("outbox", "release", str(doubted)).code == 0
    box.settle()
    assert len(simulator.ledger.rows()) == 3
    assert calls(simulator, Operation.SEARCH) >= 1


def _regret(box: Box) -> int:
    """A registration that was accepted and that a human wants cancelled."""
    number: int = box.tap(invented_card(0))["ids"][0]
    box.settle()
    ran = box.verb("outbox", "cancel", str(number), "--reason", "wrong badge")
    assert ran.code == 0, ran
    return number


def _state(box: Box, number: int) -> tuple[str, bool]:
    row = box.json("outbox", "show", str(number))
    return row["state"], row["cancel_requested"]


def _validities(simulator: Simulator) -> set[str]:
    now_ms = simulator.ledger.now_ms()
    return {row.finding(now_ms).validity.value for row in simulator.ledger.rows()}


def test_what_the_service_accepted_is_cancelled_there(box: Box, simulator: Simulator) -> None:
    """After the service agreed the row is cancelled, and its person is out: his next tap is an IN."""
    box.start()
    box.enrol([invented_line(0)])
    number = _regret(box)
    until(lambda: _state(box, number) == ("cancelled", False), "not cancelled")
    assert _validities(simulator) == {"cancelled"}
    assert box.tap(invented_card(0))["direction"] == "in"
    assert box.json("tasks")["items"] == []


def test_every_fault_of_a_cancellation_ends_in_one_cancelled_registration(box: Box, simulator: Simulator) -> None:
    """Cut, lost, garbled, refused for now, or another token wanted: it comes to its end by itself, and nothing else is touched."""
    box.start()
    box.enrol([invented_line(0)])
    for fault in (
        Fault.CUT_BEFORE_COMMIT,
        Fault.CUT_AFTER_COMMIT,
        Fault.TRUNCATED_BODY,
        Fault.SHORT_ANSWER,
        Fault.SERVER_ERROR_AFTER_COMMIT,
        Fault.UNAVAILABLE,
        Fault.EXPIRED_TOKEN,
    ):
        simulator.fault(fault, operation=Operation.CANCEL)
        number = _regret(box)
        until(lambda number=number: _state(box, number) == ("cancelled", False), fault.value)  # type: ignore[misc]  # binds the loop's value
    assert box.json("tasks")["items"] == []
    assert _validities(simulator) == {"cancelled"}


def test_a_refused_cancellation_stays_accepted_with_a_task(box: Box, simulator: Simulator) -> None:
    """The service denies it for this employer: a human is told."""
    box.start()
    box.enrol([invented_line(0)])
    number = box.tap(invented_card(0))["ids"][0]
    box.settle()
    simulator.settings.denied_employers = frozenset({EMPLOYER.value})
    assert box.verb("outbox", "cancel", str(number), "--reason", "wrong badge").code == 0
    until(lambda: [task["kind"] for task in box.json("tasks")["items"]] == ["not_cancelled"], "no task")
    assert _state(box, number) == ("accepted", False)


def test_a_kill_in_the_middle_of_a_cancellation_is_looked_up_at_the_next_start(box: Box, simulator: Simulator) -> None:
    """Killed after the service did it and before the answer: the next start finds it done, and cancels nothing twice."""
    box.start()
    box.enrol([invented_line(0)])
    simulator.fault(Fault.HANG_AFTER_COMMIT, operation=Operation.CANCEL)
    number = _regret(box)
    until(lambda: calls(simulator, Operation.CANCEL) == 1, "not sent")
    until(lambda: _validities(simulator) == {"cancelled"}, "not carried out")
    box.kill()
    box.start()
    assert _state(box, number)[0] in ("accepted", "cancelled")
    until(lambda: _state(box, number) == ("cancelled", False), "not finished after the restart")
    assert calls(simulator, Operation.CANCEL) == 1
    assert calls(simulator, Operation.SHOW) >= 1
