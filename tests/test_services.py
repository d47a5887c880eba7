"""kiosk.services sends each employer's calls under its own credential, and lets one fail alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.contract import Paths, ServiceSettings
from kiosk.identifiers import Employer
from kiosk.model import Address, ClockReading, Direction, Registration
from kiosk.provisioning import make_client_key
from kiosk.services import Services
from kiosk.simulator.simulator import Simulator
from kiosk.verdicts import (
    Addresses,
    Answered,
    CancelAnswered,
    Cancelled,
    Consulted,
    Created,
    Found,
    Health,
    Misconfigured,
    NotCancelled,
    NotSent,
    NotThere,
    Query,
    SearchFailed,
)
from tests.people import DECLARATION, EMPLOYER, OTHER_EMPLOYER, PLACE, invented_insz


def clock() -> ClockReading:
    now = time.time_ns() // 1_000_000
    return ClockReading(wall_ms=now, boot_ns=time.monotonic_ns(), boot_id="boot", trusted=True, source="assume", bound_ms=0)


def registration(employer: Employer, person: int = 0) -> Registration:
    return Registration(
        ssin=invented_insz(person),
        direction=Direction.IN,
        at_ms=clock().wall_ms,
        employer=employer,
        place=PLACE,
        declaration=DECLARATION,
    )


def everything() -> Query:
    return Query(from_ms=clock().wall_ms - 3_600_000, to_ms=clock().wall_ms + 3_600_000)


@dataclass
class Gate:
    """Two employers at one gate, each with its own client id and key, and the double."""

    folder: Path
    simulator: Simulator
    services: Services

    def make(self, name: str) -> None:
        """Make a key and certificate by this name, in place of what was there, and tell the double."""
        key, certificate = self.folder / f"{name}.key.pem", self.folder / f"{name}.cert.pem"
        new_key, new_certificate = self.folder / "new.key.pem", self.folder / "new.cert.pem"
        make_client_key(new_key, new_certificate, company="Test", now=datetime.now(UTC))
        new_key.replace(key)
        new_certificate.replace(certificate)
        self.simulator.add_client(name, certificate.read_bytes())

    def settings(self, name: str) -> ServiceSettings:
        return ServiceSettings(
            api_url=self.simulator.api_url,
            token_url=self.simulator.token_url,
            client_id=name,
            private_key=self.folder / f"{name}.key.pem",
            ca_file=self.simulator.ca_file,
        )

    def senders(self) -> list[str]:
        """Whose credential each registration came under, in order."""
        return [row.client_id for row in self.simulator.ledger.rows()]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with Simulator(tmp_path / "service") as simulator:
        made = Gate(tmp_path, simulator, Services.__new__(Services))
        for name in ("main", "sub"):
            made.make(name)
        made.services = Services(made.settings("main"), {OTHER_EMPLOYER: made.settings("sub")}, clock)
        yield made
        made.services.close()


def test_each_employer_goes_under_his_own_credential(gate: Gate) -> None:
    """The one with a credential of his own is never sent under the other's, and the other way round."""
    for employer in (EMPLOYER, OTHER_EMPLOYER, EMPLOYER):
        assert isinstance(gate.services.register([registration(employer)]), Answered)
    assert gate.senders() == ["main", "sub", "main"]


def test_a_credential_that_is_refused_stops_its_own_employer_only(gate: Gate) -> None:
    """A key that the token server does not know is a fault of that employer; the other's registrations flow."""
    key = gate.folder / "sub.key.pem"
    key.unlink()
    make_client_key(key, gate.folder / "foreign.pem", company="Test", now=datetime.now(UTC))
    fault = gate.services.register([registration(OTHER_EMPLOYER)])
    assert isinstance(fault, Misconfigured)
    assert fault.employer_only
    assert isinstance(gate.services.register([registration(EMPLOYER)]), Answered)
    assert gate.senders() == ["main"]


def test_a_key_that_is_no_key_stops_its_own_employer_only(gate: Gate) -> None:
    """A file that holds no key keeps what waits, in words, and is used as soon as it is repaired."""
    key = gate.folder / "sub.key.pem"
    key.write_bytes(b"no key")
    fault = gate.services.register([registration(OTHER_EMPLOYER)])
    assert isinstance(fault, Misconfigured)
    assert (fault.employer_only, "sub.key.pem" in fault.why) == (True, True)
    assert isinstance(gate.services.search(everything()), SearchFailed)
    assert isinstance(gate.services.register([registration(EMPLOYER)]), Answered)
    gate.make("sub")
    assert isinstance(gate.services.register([registration(OTHER_EMPLOYER)]), Answered)


def test_a_replaced_key_is_used_without_a_restart(gate: Gate) -> None:
    """After a rotation the next call is signed with the new key; one half written over does not end the old one's use."""
    assert isinstance(gate.services.register([registration(EMPLOYER, 1)]), Answered)
    gate.simulator.authority.expire_tokens()
    gate.make("main")
    assert isinstance(gate.services.register([registration(EMPLOYER, 2)]), Answered)
    (gate.folder / "main.key.pem").write_bytes(b"-----BEGIN")
    assert isinstance(gate.services.register([registration(EMPLOYER, 3)]), Answered)
    (gate.folder / "main.key.pem").unlink()
    assert isinstance(gate.services.register([registration(EMPLOYER, 4)]), Answered)


def test_a_path_that_leads_nowhere_is_everybodys_fault(gate: Gate) -> None:
    """What is wrong with the way to the service pauses no single employer, and blames no credential."""
    nowhere = Paths(register="/moved")
    settings = {name: replace(gate.settings(name), paths=nowhere) for name in ("main", "sub")}
    lost = Services(settings["main"], {OTHER_EMPLOYER: settings["sub"]}, clock)
    fault = lost.register([registration(OTHER_EMPLOYER)])
    lost.close()
    assert isinstance(fault, Misconfigured)
    assert (fault.employer_only, fault.credential, lost.faults) == (False, False, {})


def test_the_fault_of_a_credential_is_told_until_a_call_goes_through(gate: Gate) -> None:
    """Status names whose credential it is; a repaired one is as good as any."""
    gate.simulator.authority.clients.remove("main")
    assert isinstance(gate.services.register([registration(EMPLOYER)]), Misconfigured)
    assert isinstance(gate.services.register([registration(OTHER_EMPLOYER)]), Answered)
    assert list(gate.services.faults) == [None]
    assert "invalid_client" in gate.services.faults[None]
    gate.simulator.add_client("main", (gate.folder / "main.cert.pem").read_bytes())
    assert isinstance(gate.services.register([registration(EMPLOYER)]), Answered)
    assert gate.services.faults == {}


def test_a_question_shows_the_fault_of_a_credential_too(gate: Gate) -> None:
    """Where rows must be looked up before they are sent, nothing else would tell; health, asked without a token, proves nothing."""
    gate.simulator.authority.clients.remove("sub")
    query = replace(everything(), employer=OTHER_EMPLOYER)
    assert isinstance(gate.services.search(query), SearchFailed)
    assert list(gate.services.faults) == [OTHER_EMPLOYER]
    assert isinstance(gate.services.search(replace(query, employer=EMPLOYER)), Found)
    assert list(gate.services.faults) == [OTHER_EMPLOYER]
    gate.simulator.add_client("sub", (gate.folder / "sub.cert.pem").read_bytes())
    assert isinstance(gate.services.search(query), Found)
    assert gate.services.faults == {}
    gate.simulator.authority.clients.remove("main")
    assert isinstance(gate.services.addresses(PLACE), SearchFailed)
    assert isinstance(gate.services.health(), Health)
    assert list(gate.services.faults) == [None]


def test_with_one_credential_a_fault_is_the_boxs(gate: Gate) -> None:
    """Where there is only one, a fault of it is everybody's."""
    alone = Services(gate.settings("nobody"), {}, clock)
    fault = alone.register([registration(EMPLOYER)])
    assert isinstance(fault, Misconfigured)
    assert not fault.employer_only
    alone.close()


def test_a_search_without_an_employer_asks_every_credential(gate: Gate) -> None:
    """What several credentials show is one answer, each registration once."""
    for employer in (EMPLOYER, OTHER_EMPLOYER):
        gate.services.register([registration(employer)])
    found = gate.services.search(everything())
    assert isinstance(found, Found)
    assert {each.employer for each in found.registrations} == {EMPLOYER, OTHER_EMPLOYER}
    assert len(found.registrations) == 2
    assert sum(entry.operation == "searchPresenceRegistrations" for entry in gate.simulator.journal.entries()) == 2


def test_the_smaller_calls_reach_the_service(gate: Gate) -> None:
    """Consult, cancel, addresses, health and token are answered by the double as the contract says."""
    answered = gate.services.register([registration(OTHER_EMPLOYER)])
    assert isinstance(answered, Answered)
    (created,) = answered.items
    assert isinstance(created, Created)
    number = created.registration_id
    shown = gate.services.consult(number, employer=OTHER_EMPLOYER)
    assert isinstance(shown, Consulted)
    assert (shown.registration.registration_id, [past.validity for past in shown.history][:1]) == (number, ["pending"])
    assert gate.services.consult(number + 1, employer=None) == NotThere()
    cancelled = gate.services.cancel([number, number + 1], employer=OTHER_EMPLOYER)
    assert isinstance(cancelled, CancelAnswered)
    assert cancelled.items[0] == Cancelled()
    assert isinstance(cancelled.items[1], NotCancelled)
    found = gate.services.addresses(PLACE)
    assert isinstance(found, Addresses)
    assert found.items[0] == Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    gate.simulator.settings.health = "DOWN"
    assert gate.services.health() == Health(status="DOWN")
    assert gate.services.token(OTHER_EMPLOYER) is None


def test_once_stopped_nothing_is_sent(gate: Gate) -> None:
    """After abort every call comes to nothing, also for an employer who was never called for."""
    gate.services.abort()
    assert isinstance(gate.services.register([registration(OTHER_EMPLOYER)]), NotSent)
    assert isinstance(gate.services.health(), SearchFailed)
    assert isinstance(gate.services.token(), NotSent)
    assert gate.senders() == []
