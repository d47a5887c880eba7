"""What the service found and holds comes back: to the worker at his next tap, to the manager by verbs."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from kiosk.model import rfc3339
from kiosk.simulator.ledger import Rule, Validity
from kiosk.simulator.messages import Json
from kiosk.simulator.simulator import Simulator
from tests.box import QUICK_SERVICE, Box
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, DECLARATION, OTHER_EMPLOYER, invented_card, invented_insz, invented_line
from tests.sites import until


def _today() -> str:
    return datetime.now(ZoneInfo("Europe/Brussels")).date().isoformat()


def _stranger(simulator: Simulator, number: int) -> Json:
    """A subcontractor's worker who registers by telephone, under our declaration."""
    return {
        "registrationDate": rfc3339(simulator.ledger.now_ms()),
        "ssin": invented_insz(number).digits,
        "type": "in",
        "employer": {"enterpriseNumber": OTHER_EMPLOYER.value},
        "placeOfWork": {"coordinates": {"longitude": 4.367, "latitude": 50.8466}},
        "contractualRelationshipReference": DECLARATION.value,
    }


def test_what_the_service_remarks_reaches_worker_and_manager(box: Box, simulator: Simulator) -> None:
    """The worker is told once, in his language, at his next tap; the manager has a task with advice in his."""
    box.service = QUICK_SERVICE + "follow_up_seconds = 1\n"
    box.write_config()
    simulator.ledger.add_rule(Rule(ssin=CANARY_INSZ.digits, validity=Validity.INVALID, remarks=("unknownSsin",)))
    box.start()
    box.enrol([CANARY, invented_line(1)])
    (row,) = box.tap(CANARY_CARD)["ids"]
    box.tap(invented_card(1))
    until(lambda: box.status()["tasks"], "the follow-up finds the remark")
    (task,) = box.json("tasks", "--lang", "de")["items"]
    assert (task["kind"], task["registration"], task["note"]) == ("validity", row, "invalid")
    assert task["advice"][0].startswith("Diese INSZ ist nicht bekannt.")
    shown = box.json("outbox", "show", str(row), "--lang", "nl")
    assert (shown["validity"], shown["remarks"]) == ("invalid", ["unknownSsin"])
    assert shown["advice"][0].startswith("Dit INSZ is niet gekend.")
    assert box.tap(invented_card(1))["remarks"] == []
    told = box.verb("tap", CANARY_CARD.identifier.hex())
    assert told.out.splitlines()[1:] == [
        "La sécurité sociale ne connaît pas votre numéro. Adressez-vous à votre responsable.",
        "Votre enregistrement a été déclaré non valable. Adressez-vous à votre responsable.",
    ]
    assert box.tap(CANARY_CARD)["remarks"] == []


def test_what_the_service_holds_is_searched_and_compared_by_verbs(box: Box, simulator: Simulator) -> None:
    """By person, employer and declaration, subcontractors' too, with history; and a duplicate becomes a task."""
    box.start()
    box.enrol([CANARY, invented_line(1)])
    box.tap(CANARY_CARD)
    (row,) = box.tap(invented_card(1))["ids"]
    box.settle()
    simulator.ledger.register([_stranger(simulator, 99)])
    everybody = box.json("registrations", "search")
    assert everybody["left_out"] == 0
    assert [item["registration"] for item in everybody["items"]] == [row - 1, row, None]
    assert [item["holder"] for item in everybody["items"]] == [1, 2, None]
    text = box.verb("registrations", "search", "--declaration", DECLARATION.value).out
    for insz in (CANARY_INSZ, invented_insz(1), invented_insz(99)):
        assert insz.masked in text
        assert insz.digits not in text
    (his,) = box.json("registrations", "search", "--holder", "2", "--from", _today(), "--to", _today())["items"]
    assert his == box.json("registrations", "search", "--insz", "-", stdin=invented_insz(1).digits + "\n")["items"][0]
    assert his["latitude"] == 50.8466
    (theirs,) = box.json("registrations", "search", "--employer", OTHER_EMPLOYER.value)["items"]
    assert theirs["insz"] == invented_insz(99).masked
    shown = box.json("registrations", "show", str(his["id"]))
    assert [past["validity"] for past in shown["history"]] == ["pending", "valid"]
    assert box.verb("registrations", "show", "1").code == 1
    assert box.verb("registrations", "search", "--from", "yesterday").code == 2

    assert "nothing is unexplained" in box.verb("outbox", "reconcile", _today()).out
    again = simulator.ledger.register([dict(simulator.ledger.get(his["id"]).item)])  # type: ignore[union-attr]  # it is there
    compared = box.json("outbox", "reconcile", _today())
    assert (compared["equal"], compared["duplicate"], compared["explained"]) == (2, 1, {"not_in_roster": 1})
    number = again[0]["createdPresenceRegistration"]["id"]
    assert [(item["kind"], item["registration"], item["registration_id"]) for item in compared["items"]] == [
        ("duplicate", row, number)
    ]
    (task,) = box.json("tasks")["items"]
    assert (task["kind"], task["note"]) == ("duplicate", f"registration {number} at the service")

    box.stop()
    alone = box.json("registrations", "search")
    assert len(alone["items"]) == 4
    simulator.stop()
    refused = box.verb("outbox", "reconcile", _today())
    assert refused.code == 1
    assert "could not be asked" in refused.err
    simulator.start()
