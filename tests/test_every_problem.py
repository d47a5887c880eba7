"""Every problem type of the service (facts, rsz-service, section 3), from the wire to the light.

The real double answers over TLS, the real client reads it, the real delivery settles it in a real store; then the row, the
tasks, how the service stands, and what the box shows at rest in production. Only time is invented, for both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import pytest

from hardware.indicator import RecordingIndicator
from hardware.simulated import SimulatedReader
from kiosk.books import Book
from kiosk.contact import Pace, ServiceState
from kiosk.contract import Problem, ServiceSettings
from kiosk.desk import Desk
from kiosk.enrolling import Enrolling
from kiosk.entrance import Answers, Entrance
from kiosk.line import DeliverySettings, Service
from kiosk.model import Answer, Environment, ReaderDirection, Signal
from kiosk.obligations import Gate
from kiosk.patterns import pattern_for
from kiosk.presses import Presses
from kiosk.provisioning import make_client_key
from kiosk.room import Room
from kiosk.services import Services
from kiosk.simulator import Fault, Operation, Rule, Simulator
from kiosk.simulator.problems import IssueType
from kiosk.switchboard import Switchboard
from tests.people import EMPLOYER, PLACE, invented_insz
from tests.stores import until
from tests.strangers import CLIENT, true_now
from tests.worlds import World

UP, DOWN, FAULT = ServiceState.UP, ServiceState.DOWN, ServiceState.CONFIG_FAULT
READY, ATTENTION = Signal.READY, Signal.ATTENTION
GREEN, AMBER = frozenset({"green"}), frozenset({"green", "red"})
#: Far more often than any client asks.
ALWAYS = 1000


class WiredWorld(World):
    """A world whose service is the double, reached by the real client."""

    def __init__(self, folder: Path, simulator: Simulator, settings: ServiceSettings) -> None:
        super().__init__(folder, settings=DeliverySettings(pace=Pace(start_jitter_seconds=0)))
        self.simulator = simulator
        self.services = Services(settings, {}, self.time)
        self.delivery = self.start()

    def _build(self) -> Service:
        self.built += 1
        return self.services

    def resting(self) -> Signal:
        """Ask the running daemon's own switchboard, in production and with a reader that is ready, what is shown at rest."""
        door = Entrance(
            Gate(name="gate", driver="simulated", direction=ReaderDirection.TOGGLE),
            SimulatedReader,
            lambda _sighting, _gate: Answer(signal=Signal.IN),
            lambda _gate, _sighting, _answer: None,
        )
        desk = Desk(
            database=self.database,
            vault=self.vault,
            book=1,
            clock=self.time,
            place=PLACE,
            time_zone="Europe/Brussels",
            declarations=(),
            employer=EMPLOYER,
        )
        board = Switchboard(
            desk=desk,
            book=Book(id=1, host="box.test", environment=Environment.PRODUCTION),
            entrances=[door],
            answers=Answers(),
            service=self.delivery.status,
            light=lambda: True,
            certificates={None: None},
            faults=lambda: self.services.faults,
            presses=Presses(),
            declarations=(),
            panel=None,
            room=Room(self.database, 1024),
            enrolling=Enrolling(),
        )
        stop = Event()
        thread = Thread(target=door.run, args=(stop,))
        thread.start()
        try:
            until(lambda: door.reader is not None)
            return board.resting()
        finally:
            stop.set()
            door.wake()
            thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys and certificates of both sides, made once."""
    folder = tmp_path_factory.mktemp("keys")
    make_client_key(folder / "client.key.pem", folder / "client.cert.pem", company="Test", now=true_now())
    return folder


@pytest.fixture
def world(tmp_path: Path, folder: Path) -> Iterator[WiredWorld]:
    built: list[WiredWorld] = []
    with Simulator(folder / "double", clock=lambda: built[0].time.wall_ms) as simulator:
        settings = ServiceSettings(
            api_url=simulator.api_url,
            token_url=simulator.token_url,
            client_id=CLIENT,
            private_key=folder / "client.key.pem",
            ca_file=simulator.ca_file,
        )
        world = WiredWorld(tmp_path, simulator, settings)
        built.append(world)
        simulator.add_client(CLIENT, (folder / "client.cert.pem").read_bytes())
        yield world
        world.services.close()


Trouble = Callable[[Simulator], None]


def fault(name: Fault, *, times: int = 1, operation: Operation = Operation.REGISTER) -> Trouble:
    return lambda simulator: simulator.fault(name, operation=operation, times=times)


def refuse(*, bad_request: IssueType | None = None, not_created: IssueType | None = None) -> Trouble:
    """Refuse the first person, as a whole call or as an item."""
    rule = Rule(ssin=invented_insz(0).digits, bad_request=bad_request, not_created=not_created)
    return lambda simulator: simulator.ledger.add_rule(rule)


def in_old_words(trouble: Trouble) -> Trouble:
    def make(simulator: Simulator) -> None:
        simulator.settings.old_problems = True
        trouble(simulator)

    return make


@dataclass(frozen=True)
class Case:
    """What is answered, and what becomes of two people's taps by the design's table of outcomes.

    Attributes:
        trouble: What the double does.
        rows: State and reason of both rows once delivery would wait.
        tasks: The kinds of the open tasks.
        service: How the service stands.
        signal: What is shown at rest.
        error: What status says went wrong, beginning so; None while all is well.
        later: Both rows' states after ten more minutes, when whatever was scripted is over; None: as they were.
    """

    trouble: Trouble
    rows: tuple[tuple[str, str | None], ...]
    tasks: tuple[str, ...]
    service: ServiceState
    signal: Signal
    error: str | None
    later: tuple[str, str] | None = None


ACCEPTED = ("accepted", None)
QUEUED = ("queued", None)
UNKNOWN = ("unknown", None)
SENT = ("accepted", "accepted")


def named(kind: IssueType) -> Case:
    """One person is refused by name, in a call of two: he alone is parked, and the other one goes."""
    reason = kind.removeprefix("urn:problem-type:").removeprefix("belgif:")
    return Case(refuse(bad_request=kind), (("refused", reason), ACCEPTED), ("refused",), UP, ATTENTION, None)


def not_created(kind: IssueType) -> Case:
    """The call is taken and one item of it is not."""
    reason = kind.removeprefix("urn:problem-type:").removeprefix("belgif:")
    return Case(refuse(not_created=kind), (("refused", reason), ACCEPTED), ("refused",), UP, ATTENTION, None)


def waits(trouble: Fault, error: str) -> Case:
    """Nothing was carried out: both rows wait, and go when the service lets them."""
    return Case(fault(trouble), (QUEUED, QUEUED), (), DOWN, READY, error, later=SENT)


def lost(trouble: Fault, error: str) -> Case:
    """Nobody knows whether it was carried out: both rows are looked up before anything is sent again."""
    return Case(fault(trouble), (UNKNOWN, UNKNOWN), (), DOWN, READY, error, later=SENT)


def forbidden(trouble: Fault, error: str, *, times: int = 1) -> Case:
    """The box is not set up or not allowed: the queue is kept, the light asks for somebody, and it is probed slowly."""
    return Case(fault(trouble, times=times), (QUEUED, QUEUED), (), FAULT, ATTENTION, error, later=SENT)


def renewed(trouble: Fault) -> Case:
    """A new token is fetched and the call sent once more: nobody notices."""
    return Case(fault(trouble), (ACCEPTED, ACCEPTED), (), UP, READY, None)


PAUSED = ("queued", "group")
TOO_LARGE = ("refused", "payloadTooLarge")
CASES = {
    **{f"badRequest naming {kind.rsplit(':', 1)[1]}": named(kind) for kind in IssueType},
    **{f"notCreated for {kind.rsplit(':', 1)[1]}": not_created(kind) for kind in IssueType},
    "badRequest in old words": Case(
        in_old_words(refuse(bad_request=IssueType.INVALID_STRUCTURE)),
        (("refused", "invalidStructure"), ACCEPTED),
        ("refused",),
        UP,
        ATTENTION,
        None,
    ),
    "badRequest that names nobody, once": Case(fault(Fault.BAD_REQUEST), (ACCEPTED, ACCEPTED), (), UP, READY, None),
    "badRequest that names nobody, always": Case(
        fault(Fault.BAD_REQUEST, times=ALWAYS),
        (("refused", "badRequest"), ("refused", "badRequest")),
        ("refused", "refused"),
        UP,
        ATTENTION,
        "badRequest",
    ),
    "noAccessToken": renewed(Fault.NO_ACCESS_TOKEN),
    "invalidAccessToken": renewed(Fault.INVALID_ACCESS_TOKEN),
    "expiredAccessToken": renewed(Fault.EXPIRED_TOKEN),
    "noAccessToken again": forbidden(Fault.NO_ACCESS_TOKEN, "401 noAccessToken", times=2),
    "invalidAccessToken again": forbidden(Fault.INVALID_ACCESS_TOKEN, "401 invalidAccessToken", times=2),
    "expiredAccessToken again": forbidden(Fault.EXPIRED_TOKEN, "401 expiredAccessToken", times=2),
    "missingScope": forbidden(Fault.MISSING_SCOPE, "403 missingScope"),
    "missingPermission": Case(
        fault(Fault.MISSING_PERMISSION, times=ALWAYS),
        (PAUSED, PAUSED),
        ("group_paused",),
        UP,
        ATTENTION,
        "403 missingPermission",
    ),
    "resourceNotFound": forbidden(Fault.RESOURCE_NOT_FOUND, "404 resourceNotFound"),
    "payloadTooLarge for two": Case(fault(Fault.PAYLOAD_TOO_LARGE), (ACCEPTED, ACCEPTED), (), UP, READY, None),
    "payloadTooLarge for one": Case(
        fault(Fault.PAYLOAD_TOO_LARGE, times=ALWAYS),
        (TOO_LARGE, TOO_LARGE),
        ("refused", "refused"),
        UP,
        ATTENTION,
        "payloadTooLarge",
    ),
    "tooManyRequests": waits(Fault.TOO_MANY_REQUESTS, "429 tooManyRequests"),
    "tooManyFailedRequests": waits(Fault.TOO_MANY_FAILED_REQUESTS, "429 tooManyFailedRequests"),
    "internalServerError before": lost(Fault.SERVER_ERROR_BEFORE_COMMIT, "500 internalServerError"),
    "internalServerError after": lost(Fault.SERVER_ERROR_AFTER_COMMIT, "500 internalServerError"),
    "badGateway before": lost(Fault.BAD_GATEWAY_BEFORE_COMMIT, "502 badGateway"),
    "badGateway after": lost(Fault.BAD_GATEWAY_AFTER_COMMIT, "502 badGateway"),
    "serviceUnavailable": waits(Fault.UNAVAILABLE, "503 serviceUnavailable"),
    "503 without a problem before": lost(Fault.BARE_UNAVAILABLE_BEFORE_COMMIT, "503 without a problem body"),
    "503 without a problem after": lost(Fault.BARE_UNAVAILABLE_AFTER_COMMIT, "503 without a problem body"),
    "invalid_client": Case(
        fault(Fault.INVALID_CLIENT, operation=Operation.TOKEN),
        (QUEUED, QUEUED),
        (),
        FAULT,
        ATTENTION,
        "the token server refuses this box",
        later=SENT,
    ),
}


def test_the_table_above_is_complete() -> None:
    """Every problem type that the contract knows is in the table."""
    assert {problem.rsplit(":", 1)[1] for problem in Problem} <= {name.split(" ")[0] for name in CASES}


def rows(world: WiredWorld) -> tuple[tuple[object, ...], ...]:
    return tuple(world.select("SELECT state, reason FROM registrations ORDER BY id"))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_problem_reaches_row_task_status_and_light(world: WiredWorld, case: Case) -> None:
    """What the service answers decides what becomes of the rows, who is called, and what the box shows: as designed, once each."""
    for person in range(2):
        world.tap(person)
    case.trouble(world.simulator)
    world.run()
    assert rows(world) == case.rows
    assert tuple(kind for kind, *_ in world.tasks()) == case.tasks
    status = world.delivery.status()
    assert status.state is case.service
    assert (status.last_error or "").startswith(case.error or "")
    assert (status.last_error is None) == (case.error is None)
    assert world.resting() is case.signal
    world.run(600)
    assert tuple(world.states()) == (case.later or tuple(state for state, _ in case.rows))
    assert world.simulator.ledger.duplicates() == 0
    assert len(world.simulator.ledger.rows()) == world.states().count("accepted")


@pytest.mark.parametrize(
    ("trouble", "tasks", "signal"),
    [
        (Fault.BAD_REQUEST, ("unknown",), ATTENTION),
        (Fault.MISSING_SCOPE, ("unknown",), ATTENTION),
        (Fault.MISSING_PERMISSION, ("unknown",), ATTENTION),
        (Fault.RESOURCE_NOT_FOUND, ("unknown",), ATTENTION),
        # No task, since no row is to be settled by hand: the credential's fault is what the light tells.
        (Fault.NO_ACCESS_TOKEN, (), ATTENTION),
        (Fault.INVALID_ACCESS_TOKEN, (), ATTENTION),
        (Fault.EXPIRED_TOKEN, (), ATTENTION),
        (Fault.PAYLOAD_TOO_LARGE, (), READY),
        (Fault.TOO_MANY_REQUESTS, (), READY),
        (Fault.TOO_MANY_FAILED_REQUESTS, (), READY),
        (Fault.SERVER_ERROR_BEFORE_COMMIT, (), READY),
        (Fault.BAD_GATEWAY_BEFORE_COMMIT, (), READY),
        (Fault.UNAVAILABLE, (), READY),
        (Fault.BARE_UNAVAILABLE_BEFORE_COMMIT, (), READY),
    ],
)
def test_a_search_that_meets_a_problem_settles_nothing(
    world: WiredWorld, trouble: Fault, tasks: tuple[str, ...], signal: Signal
) -> None:
    """An unknown row stays unknown, is never sent blindly and blocks nobody; only 400, 403 and 404 ask a human to settle it."""
    world.tap(0)
    world.simulator.fault(Fault.SERVER_ERROR_AFTER_COMMIT, operation=Operation.REGISTER)
    world.simulator.fault(trouble, operation=Operation.SEARCH, times=ALWAYS)
    world.run(900)
    assert world.states() == ["unknown"]
    assert tuple(kind for kind, *_ in world.tasks()) == tasks
    assert world.resting() is signal
    world.tap(1)
    world.run(300)
    assert world.states() == ["unknown", "accepted"]
    assert len(world.simulator.ledger.rows()) == 2
    world.simulator.faults.clear()
    world.run(4000)
    assert world.states() == ["accepted", "accepted"]
    assert (world.simulator.ledger.duplicates(), world.tasks(), world.resting()) == (0, [], READY)


@pytest.mark.parametrize(("signal", "lamps"), [(READY, GREEN), (ATTENTION, AMBER)])
def test_the_light_shows_what_rests(signal: Signal, lamps: frozenset[str]) -> None:
    """In production all is well in green, and what needs somebody in amber, by another rhythm too."""
    indicator = RecordingIndicator()
    indicator.rest(pattern_for(signal, environment=Environment.PRODUCTION))
    until(lambda: any(shown.light for shown in indicator.story))
    assert {shown.light for shown in indicator.story if shown.light} == {lamps}
    indicator.close()
