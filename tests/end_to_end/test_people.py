"""For whom and where: what the roster and the site say of people is what goes over the wire, or that nothing does."""

from __future__ import annotations

import json
import time
from dataclasses import replace

from kiosk.model import BadgeLine
from kiosk.simulator.ledger import Rule
from kiosk.simulator.problems import IssueType
from kiosk.simulator.simulator import Simulator
from tests.box import Box, line_fields
from tests.people import EMPLOYER, OTHER_EMPLOYER, invented_insz, invented_line
from tests.sites import APART_SECONDS, assert_each_once, book

WORKER = invented_line(0)
ADDRESS = {"postCode": "1000", "municipalityName": "Brussel", "streetName": "Wetstraat", "houseNumber": "16", "boxNumber": "b"}
ADDRESSED = """
[site.address]
post_code = "1000"
municipality = "Brussel"
street = "Wetstraat"
house_number = "16"
box_number = "b"
"""


def enrol(box: Box, line: BadgeLine, **more: object) -> None:
    """Give the badge with these further fields."""
    box.json("badge", "add", stdin=json.dumps({**line_fields(line), **more}))


def tap(box: Box, line: BadgeLine = WORKER) -> str:
    """Tap once the debounce is over; the signal."""
    time.sleep(APART_SECONDS)
    signal: str = box.tap(line.card)["signal"]
    return signal


def test_an_address_is_what_the_service_gets(box: Box, simulator: Simulator) -> None:
    """With an address the place of work is that, of which the service's own description approves, and no coordinates go along."""
    box.readers += ADDRESSED
    box.write_config()
    box.start()
    box.enrol([WORKER])
    tap(box)
    box.settle()
    assert [row.item["placeOfWork"] for row in simulator.ledger.rows()] == [{"address": ADDRESS}]
    (told,) = book(box)
    assert told["state"] == "accepted"


def test_nothing_goes_out_for_a_visitor(box: Box, simulator: Simulator) -> None:
    """In and out by a badge that is marked local, while others tap: the service never hears of him, and the list shows him."""
    visitor = invented_line(1)
    box.start()
    box.enrol([WORKER])
    enrol(box, visitor, local=True)
    assert [tap(box, visitor), tap(box)] == ["local", "in"]
    assert box.json("present")["here"] == 2
    enrol(box, visitor, local="no")  # he is hired while inside: his OUT is still a visitor's, his next IN is owed
    assert [tap(box, visitor), tap(box, visitor)] == ["local", "in"]
    box.settle()
    assert [row.item["ssin"] for row in simulator.ledger.rows()] == [line.profile.insz.digits for line in (WORKER, visitor)]


def test_the_principals_number_goes_out_for_the_self_employed(box: Box, simulator: Simulator) -> None:
    """By capacity, and by the one setting that turns it round."""
    own = replace(WORKER, profile=replace(WORKER.profile, employer=OTHER_EMPLOYER))
    box.start()
    enrol(box, own, capacity="self_employed")
    tap(box)
    box.settle()
    box.stop()
    box.service += 'self_employed_employer = "own"\n'
    box.write_config()
    box.start()
    assert [tap(box), tap(box)] == ["out", "in"]
    box.settle()
    sent = [row.item["employer"]["enterpriseNumber"] for row in simulator.ledger.rows()]
    assert sent == [EMPLOYER.value, EMPLOYER.value, OTHER_EMPLOYER.value]


def test_a_number_that_is_replaced_in_the_middle_of_a_stay(box: Box, simulator: Simulator) -> None:
    """An IN under a BIS number that the service then replaces: the OUT is refused, put right by two verbs, and taken; all once."""
    new = invented_insz(7)
    box.start()
    box.enrol([WORKER])
    tap(box)
    box.settle()
    simulator.ledger.add_rule(Rule(ssin=WORKER.profile.insz.digits, not_created=IssueType.REPLACED_SSIN))
    assert tap(box) == "out"
    box.settle()
    came, left = book(box)
    assert (came["state"], left["state"]) == ("accepted", "refused")
    early = box.verb("outbox", "retry", str(left["id"]))
    assert (early.code, "kiosk holder replace-insz 1" in early.err) == (1, True)
    box.json("holder", "replace-insz", "1", stdin=new.digits)
    box.json("outbox", "retry", str(left["id"]))
    assert tap(box) == "in"
    box.settle()
    rows = book(box)
    assert [row["state"] for row in rows] == ["accepted"] * 3
    assert [row.item["ssin"] for row in simulator.ledger.rows()] == [WORKER.profile.insz.digits, new.digits, new.digits]
    assert_each_once(simulator, rows)
