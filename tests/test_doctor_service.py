from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from kiosk.check import Finding, Grade
from kiosk.config import load
from kiosk.contract import Paths
from kiosk.doctor.service import credentials, drift, employers, health
from kiosk.exchange import Exchange
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.services import Services
from kiosk.settings import Config, Credential
from kiosk.simulator.faults import Fault
from kiosk.simulator.messages import Operation
from kiosk.simulator.simulator import Simulator
from kiosk.site_settings import SiteAddress
from kiosk.timekeeper import Timekeeper
from tests.box import CLIENT_ID, Box
from tests.people import EMPLOYER, OTHER_EMPLOYER

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def wall() -> datetime:
    return datetime.now(UTC)


@dataclass
class Office:
    """A provisioned box without a daemon, and the service double."""

    folder: Path
    simulator: Simulator
    config: Config

    def health(self) -> list[Finding]:
        settings = self.config.service.settings
        exchange = Exchange(ca_file=settings.ca_file, timeout_seconds=5)
        try:
            return list(health(settings, exchange, wall))
        finally:
            exchange.close()

    def credentials(self) -> dict[str, Finding]:
        clock = Timekeeper(source="assume", max_error_seconds=60).read
        services = Services(self.config.service.settings, self.config.own_settings, clock)
        try:
            return {finding.subject: finding for finding in credentials(self.config, services)}
        finally:
            services.close()

    def change(self, **service: object) -> None:
        self.config = replace(self.config, service=replace(self.config.service, **service))  # type: ignore[arg-type]  # true fields

    def red(self) -> list[str]:
        return [subject for subject, finding in self.credentials().items() if finding.grade is Grade.WRONG]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One box's keys, since making them takes a second."""
    folder = tmp_path_factory.mktemp("keys")
    Box(folder, Simulator(folder / "service")).provision()
    return folder


@pytest.fixture
def office(tmp_path: Path, keys: Path) -> Iterator[Office]:
    folder = tmp_path / "box"
    folder.mkdir()
    for name in ("store.key", "client.key.pem", "client.cert.pem"):
        shutil.copy(keys / name, folder / name)
    with Simulator(tmp_path / "service") as simulator:
        box = Box(folder, simulator)
        simulator.add_client(CLIENT_ID, (folder / "client.cert.pem").read_bytes())
        box.write_config()
        yield Office(folder, simulator, load(box.config, {}))


def test_each_operation_is_tried_that_leaves_nothing_behind(office: Office) -> None:
    """Token with its algorithm, consult, addresses, a search for each employer; nothing is registered or cancelled."""
    found = office.credentials()
    assert {subject: finding.told for subject, finding in found.items()} == {
        "token": "the token server gave one for an assertion signed with RS256",
        "consult": "answers",
        "addresses": "the site's coordinates are at Wetstraat 16, 1000 Brussel",
        f"permission for {EMPLOYER.value}": "search answers",
        "register": "not tried: it would register",
        "cancel": "not tried: it would cancel",
    }
    assert {finding.grade for finding in found.values()} == {Grade.OK}
    asked = {entry.operation for entry in office.simulator.journal.entries()}
    assert not asked & {Operation.REGISTER, Operation.CANCEL}
    assert office.simulator.ledger.rows() == ()


def test_the_algorithm_that_was_proven_is_told(office: Office) -> None:
    """A key on P-384 signs with ES384: doctor is what proves it with this token server, and says what else to try."""
    key, certificate = office.folder / "ec.key.pem", office.folder / "ec.cert.pem"
    make_client_key(key, certificate, company="Test", now=wall(), kind=KeyKind.P_384)
    office.simulator.add_client("ec", certificate.read_bytes())
    office.change(private_key=key, client_id="ec")
    assert "ES384" in office.credentials()["token"].told
    office.simulator.fault(Fault.INVALID_CLIENT, operation=Operation.TOKEN)
    refused = office.credentials()["token"]
    assert (refused.grade, "rsa-3072" in (refused.repair or "")) == (Grade.WRONG, True)


def test_without_a_token_nothing_more_is_tried(office: Office) -> None:
    """One red line with what to look at, not five."""
    office.simulator.fault(Fault.INVALID_CLIENT, operation=Operation.TOKEN)
    assert list(office.credentials()) == ["token", "register", "cancel"]


def test_a_token_server_out_of_reach_points_at_the_network(office: Office) -> None:
    """Key and client id are not suspected then."""
    office.simulator.stop()
    found = office.credentials()["token"]
    assert (found.grade, "name and TLS" in (found.repair or "")) == (Grade.WRONG, True)


def test_a_key_that_is_none_is_red(office: Office) -> None:
    """With the file and the repair that kiosk check names."""
    office.config.service.private_key.write_text("no key", encoding="ascii")
    assert office.red() == ["token"]


def test_a_missing_permission_is_told_by_employer(office: Office) -> None:
    """Only the employer without it is red, with the way to it in Chaman."""
    declaration = replace(office.config.declarations[0], enterprise_number=OTHER_EMPLOYER)
    office.config = replace(office.config, declarations=(declaration,))
    assert employers(office.config) == [EMPLOYER, OTHER_EMPLOYER]
    office.simulator.settings.denied_employers = frozenset({OTHER_EMPLOYER.value})
    assert office.red() == [f"permission for {OTHER_EMPLOYER.value}"]
    assert "Chaman" in (office.credentials()[f"permission for {OTHER_EMPLOYER.value}"].repair or "")


def test_one_credential_that_fails_leaves_the_others_tried(office: Office) -> None:
    """Each employer's own key is proven; where one is refused only its own employer goes untried."""
    own = Credential(enterprise_number=OTHER_EMPLOYER, client_id="unknown", private_key=office.config.service.private_key)
    office.config = replace(office.config, credentials=(own,))
    found = office.credentials()
    assert office.red() == [f"token of {OTHER_EMPLOYER.value}"]
    assert f"permission for {EMPLOYER.value}" in found
    assert f"permission for {OTHER_EMPLOYER.value}" not in found


@pytest.mark.parametrize(
    ("operation", "subject"),
    [
        (Operation.SHOW, "consult"),
        (Operation.ADDRESSES, "addresses"),
        (Operation.SEARCH, f"permission for {EMPLOYER.value}"),
    ],
)
@pytest.mark.parametrize(
    ("fault", "repair"),
    [
        (Fault.MISSING_SCOPE, "Chaman"),
        (Fault.BAD_GATEWAY_BEFORE_COMMIT, "try again later"),
        (Fault.GARBAGE_BODY, "try again later"),
    ],
)
def test_an_operation_that_fails_is_red_alone(
    office: Office, operation: Operation, subject: str, fault: Fault, repair: str
) -> None:
    """With what the service said and what to do; the others are tried all the same."""
    office.simulator.fault(fault, operation=operation)
    found = office.credentials()
    assert [each for each, finding in found.items() if finding.grade is Grade.WRONG] == [subject]
    assert repair in (found[subject].repair or "")


def test_a_path_that_moved_points_at_the_contract(office: Office) -> None:
    """A 404 on the call itself: the path is configured, never patched."""
    office.change(paths=Paths(search="/elsewhere"))
    found = office.credentials()[f"permission for {EMPLOYER.value}"]
    assert (found.grade, "[service.paths]" in (found.repair or "")) == (Grade.WRONG, True)


def test_an_address_elsewhere_is_wondered_at(office: Office) -> None:
    """The service's addresses at the coordinates confirm the configured one, or not."""
    address = SiteAddress(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    office.config = replace(office.config, site=replace(office.config.site, address=address))
    assert office.credentials()["addresses"].grade is Grade.OK
    office.config = replace(office.config, site=replace(office.config.site, address=replace(address, post_code="9000")))
    assert office.credentials()["addresses"].grade is Grade.ADVICE


def test_no_address_at_the_coordinates_is_advice(office: Office) -> None:
    """Nothing is known in the middle of the sea."""
    office.config = replace(office.config, site=replace(office.config.site, latitude=52.5, longitude=3.0))
    found = office.credentials()["addresses"]
    assert (found.grade, "knows none" in found.told) == (Grade.ADVICE, True)


def test_health_and_clock_need_no_token(office: Office) -> None:
    """The service says how it is, and by the way what time it has."""
    assert [(each.subject, each.told) for each in office.health()] == [
        ("health", "the service says UP"),
        ("clock against the service", "they agree"),
    ]


def test_a_service_that_is_ill_or_silent_is_told(office: Office) -> None:
    """DOWN is advice, since everything is kept; so is an answer that is none; no connection is red."""
    office.simulator.settings.health = "DOWN"
    assert office.health()[0].grade is Grade.ADVICE
    office.simulator.fault(Fault.GARBAGE_BODY, operation=Operation.HEALTH)
    assert office.health()[0].grade is Grade.ADVICE
    office.simulator.stop()
    assert [each.grade for each in office.health()] == [Grade.WRONG]


@pytest.mark.parametrize(
    ("ours", "grade", "told"),
    [
        (0, Grade.OK, "they agree"),
        (3, Grade.OK, "they agree"),
        (-2, Grade.OK, "they agree"),
        (5, Grade.ADVICE, "this box is 4 s ahead"),
        (-5, Grade.ADVICE, "this box is 5 s behind"),
        (3600, Grade.WRONG, "this box is 3599 s ahead"),
        (-3600, Grade.WRONG, "this box is 3600 s behind"),
    ],
)
def test_a_clock_that_differs_from_the_services_is_told(ours: int, grade: Grade, told: str) -> None:
    """Some seconds are advice; more than an assertion tolerates is red, ahead or behind."""
    now = NOW + timedelta(seconds=ours)
    found = drift({"date": format_datetime(NOW, usegmt=True)}, before=now, after=now)
    assert (found.grade, found.told) == (grade, told)


def test_a_slow_answer_is_no_drift() -> None:
    """The header was written some time between question and answer."""
    date = {"date": format_datetime(NOW, usegmt=True)}
    assert drift(date, before=NOW - timedelta(seconds=9), after=NOW + timedelta(seconds=9)).grade is Grade.OK


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
def test_a_service_without_a_time_is_let_be(headers: dict[str, str]) -> None:
    """No verdict without a header that can be read."""
    assert drift(headers, before=NOW, after=NOW).grade is Grade.OK
