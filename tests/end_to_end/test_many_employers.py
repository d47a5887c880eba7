"""Many employers at one gate: each goes under his own name and credential, and whatever is wrong with one stops nobody else."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kiosk.identifiers import DeclarationNumber, Employer, ForeignVatNumber
from kiosk.model import BadgeLine
from kiosk.provisioning import make_client_key
from kiosk.simulator.ledger import Rule
from kiosk.simulator.problems import IssueType
from kiosk.simulator.simulator import Simulator
from tests.box import CLIENT_ID, QUICK_SERVICE, SIMULATED_GATE, Box
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, OTHER_EMPLOYER, invented_line
from tests.sites import APART_SECONDS, assert_each_once, assert_in_order, book, until

OTHER_CLIENT_ID = "self_service_expeditor_654321"
FOREIGN = ForeignVatNumber.parse("NL123456789B01")

TWO_DECLARATIONS = f'{SIMULATED_GATE}\n[[declaration]]\nnumber = "{OTHER_DECLARATION.value}"\n'
#: The reader of the annex names the declaration there.
ANNEX = f'\n[[reader]]\nname = "annex"\ndriver = "simulated"\ndeclaration = "{OTHER_DECLARATION.value}"\n'
OWN_CREDENTIAL = f"""
[[credential]]
enterprise_number = "{OTHER_EMPLOYER.value}"
client_id = "{OTHER_CLIENT_ID}"
private_key = "other.key.pem"
certificate = "other.cert.pem"
"""


def make_other_key(box: Box) -> bytes:
    """Make a key for the other employer in place of what was there; returns its certificate."""
    key, certificate = box.folder / "other.key.pem", box.folder / "other.cert.pem"
    for path in (key, certificate):
        path.unlink(missing_ok=True)
    make_client_key(key, certificate, company="Other", now=datetime.now(UTC))
    return certificate.read_bytes()


@pytest.fixture
def shared(box: Box, simulator: Simulator) -> Box:
    """A box at whose gate the other employer has a credential of his own; faults are probed every second at first."""
    simulator.add_client(OTHER_CLIENT_ID, make_other_key(box))
    box.service = f"{QUICK_SERVICE}probe_seconds = 1\n"
    box.readers = SIMULATED_GATE + OWN_CREDENTIAL
    box.write_config()
    return box


def of(employer: Employer | None, lines: Sequence[BadgeLine]) -> list[BadgeLine]:
    return [replace(line, profile=replace(line.profile, employer=employer)) for line in lines]


def assigned(line: BadgeLine, declaration: DeclarationNumber) -> BadgeLine:
    return replace(line, profile=replace(line.profile, declaration=declaration))


def senders(simulator: Simulator) -> Counter[tuple[str, str]]:
    """How many registrations each client id sent for each employer."""
    return Counter((row.client_id, next(iter(row.item["employer"].values()))) for row in simulator.ledger.rows())


def remove(box: Box, simulator: Simulator, client_id: str) -> Iterator[None]:
    """Take the client out of Chaman, and put it back."""
    name = "client" if client_id == CLIENT_ID else "other"
    simulator.authority.clients.remove(client_id)
    yield
    simulator.add_client(client_id, (box.folder / f"{name}.cert.pem").read_bytes())


def forget_to_upload(box: Box, simulator: Simulator, client_id: str) -> Iterator[None]:
    """Put another key there than the one that Chaman has, then upload its certificate."""
    certificate = make_other_key(box)
    yield
    simulator.add_client(client_id, certificate)


def spoil(box: Box, simulator: Simulator, client_id: str) -> Iterator[None]:
    """Write something over the key file, then restore it from the backup."""
    del simulator, client_id
    key = box.folder / "other.key.pem"
    kept = key.read_bytes()
    key.write_bytes(b"no key")
    yield
    key.write_bytes(kept)


@pytest.mark.parametrize(
    ("fault", "client_id"),
    [(remove, OTHER_CLIENT_ID), (forget_to_upload, OTHER_CLIENT_ID), (spoil, OTHER_CLIENT_ID), (remove, CLIENT_ID)],
    ids=["removed", "not uploaded", "no key", "the box's own removed"],
)
def test_a_credential_that_fails_alone_stops_nobody_else(shared: Box, simulator: Simulator, fault: Any, client_id: str) -> None:
    """Its employer's rows wait, with a task and the fault in status; all others are accepted; repaired, the rest goes by itself."""
    course = fault(shared, simulator, client_id)
    next(course)
    shared.start()
    lines = [invented_line(number) for number in range(20)]
    lines = of(None, lines[:12]) + of(OTHER_EMPLOYER, lines[12:])
    shared.enrol(lines)
    for line in lines:
        shared.tap(line.card)
    theirs, others = (12, 8) if client_id == CLIENT_ID else (8, 12)
    until(lambda: shared.status()["accepted"] == others, "the fault of one holds the others up")
    until(lambda: shared.status()["tasks"] == 1, "nobody is told of the fault")
    status = shared.status()
    assert (status["accepted"], status["queued"], status["refused"], status["held"]) == (others, theirs, 0, 0)
    whose = None if client_id == CLIENT_ID else OTHER_EMPLOYER.value
    faults = {each["employer"]: each["fault"] is not None for each in status["credentials"]}
    assert faults == {None: whose is None, OTHER_EMPLOYER.value: whose is not None}
    good = (OTHER_CLIENT_ID, OTHER_EMPLOYER.value) if whose is None else (CLIENT_ID, EMPLOYER.value)
    assert senders(simulator) == {good: others}

    next(course, None)
    assert shared.settle()["accepted"] == 20
    status = shared.status()
    assert (status["tasks"], [each["fault"] for each in status["credentials"]]) == (0, [None, None])
    assert senders(simulator) == {(CLIENT_ID, EMPLOYER.value): 12, (OTHER_CLIENT_ID, OTHER_EMPLOYER.value): 8}
    assert_each_once(simulator, book(shared))


def test_a_token_server_out_of_reach_is_nobodys_fault(shared: Box, simulator: Simulator) -> None:
    """Then the service is down for all: nobody's rows are paused, and all go when it is back."""
    shared.start()
    lines = of(None, [invented_line(0)]) + of(OTHER_EMPLOYER, [invented_line(1)])
    shared.enrol(lines)
    simulator.stop()
    for line in lines:
        assert shared.tap(line.card)["signal"] == "in"
    until(lambda: shared.status()["service"]["state"] == "down", "an outage is taken for something else")
    status = shared.status()
    assert (status["queued"], status["tasks"], [each["fault"] for each in status["credentials"]]) == (2, 0, [None, None])
    simulator.start()
    assert shared.settle()["accepted"] == 2


def test_holder_reader_and_button_choose_for_whom_and_for_which_declaration(box: Box, simulator: Simulator) -> None:
    """Own people, a subcontractor's and a foreign agency's at one gate: each goes for his employer and the declaration chosen."""
    box.readers = TWO_DECLARATIONS + ANNEX
    box.write_config()
    box.start()
    own, sub, agency, annex, pressing, lost = (invented_line(number) for number in range(6))
    (sub,), (agency,) = of(OTHER_EMPLOYER, [sub]), of(FOREIGN, [agency])
    own, sub, agency = assigned(own, DECLARATION), assigned(sub, OTHER_DECLARATION), assigned(agency, DECLARATION)
    box.enrol([own, sub, agency, annex, pressing, lost])
    for line in (own, sub, agency):
        assert box.tap(line.card)["signal"] == "in"
    assert box.tap(annex.card, reader="annex")["signal"] == "in"
    assert box.tap(pressing.card, declaration=OTHER_DECLARATION.value)["signal"] == "in"
    assert box.tap(lost.card)["signal"] == "held", "two declarations, and nothing says which"
    assert box.settle()["accepted"] == 5
    held = {row.item["ssin"]: row.item for row in simulator.ledger.rows()}
    assert [
        (held[line.profile.insz.digits]["employer"], held[line.profile.insz.digits]["contractualRelationshipReference"])
        for line in (own, sub, agency, annex, pressing)
    ] == [
        ({"enterpriseNumber": EMPLOYER.value}, DECLARATION.value),
        ({"enterpriseNumber": OTHER_EMPLOYER.value}, OTHER_DECLARATION.value),
        ({"foreignVatNumber": FOREIGN.value}, DECLARATION.value),
        ({"enterpriseNumber": EMPLOYER.value}, OTHER_DECLARATION.value),
        ({"enterpriseNumber": EMPLOYER.value}, OTHER_DECLARATION.value),
    ]


@pytest.fixture
def annexed(box: Box) -> Box:
    """A running box with two declarations, where a reader or a button names the other one, and one worker inside."""
    box.readers = TWO_DECLARATIONS + ANNEX
    box.write_config()
    box.start()
    box.enrol([invented_line(0)])
    assert box.tap(invented_line(0).card, declaration=DECLARATION.value)["ids"] == [1]
    box.settle()
    time.sleep(APART_SECONDS)
    return box


@pytest.mark.parametrize("how", [{"reader": "annex"}, {"declaration": OTHER_DECLARATION.value}], ids=["reader", "button"])
def test_a_switch_is_one_tap_and_two_registrations(annexed: Box, simulator: Simulator, how: dict[str, str]) -> None:
    """OUT of the old declaration and IN of the new, the same second, both ids; the service gets the OUT first."""
    answer = annexed.tap(invented_line(0).card, **how)
    assert (answer["signal"], answer["ids"]) == ("in", [2, 3])
    assert annexed.settle()["accepted"] == 3
    rows = simulator.ledger.rows()
    assert [(row.item["type"], row.item["contractualRelationshipReference"]) for row in rows] == [
        ("in", DECLARATION.value),
        ("out", DECLARATION.value),
        ("in", OTHER_DECLARATION.value),
    ]
    assert rows[1].item["registrationDate"] == rows[2].item["registrationDate"]
    assert_in_order(rows)
    assert_each_once(simulator, book(annexed))

    time.sleep(APART_SECONDS)
    assert annexed.tap(invented_line(0).card, press="out")["signal"] == "out"
    annexed.settle()
    assert simulator.ledger.rows()[-1].item["contractualRelationshipReference"] == OTHER_DECLARATION.value


@pytest.mark.parametrize(
    ("refused", "left"), [(DECLARATION, ("refused", "accepted")), (OTHER_DECLARATION, ("accepted", "refused"))]
)
def test_of_a_switch_one_refused_does_not_stop_the_other(
    annexed: Box, simulator: Simulator, refused: DeclarationNumber, left: tuple[str, str]
) -> None:
    """Whichever half the service does not take, the other half is accepted, and one task tells."""
    simulator.ledger.add_rule(Rule(declaration=refused.value, not_created=IssueType.REPLACED_SSIN))
    assert annexed.tap(invented_line(0).card, reader="annex")["ids"] == [2, 3]
    status = annexed.settle()
    assert tuple(row["state"] for row in book(annexed)[1:]) == left
    assert (status["accepted"], status["refused"], status["tasks"]) == (2, 1, 1)


def test_buttons_decide_at_a_toggle_reader(box: Box) -> None:
    """A break, a second IN and an OUT by a button; the list of those present knows the break."""
    box.start()
    box.enrol([invented_line(0)])
    told = []
    for press in ("in", "in", "break", "in", "out"):
        time.sleep(APART_SECONDS)
        told.append(box.tap(invented_line(0).card, press=press)["signal"])
        if press == "break":
            assert [item["standing"] for item in box.json("present")["items"]] == ["on_break"]
    assert told == ["in", "already", "out", "in", "out"]
    assert box.settle()["accepted"] == 4
