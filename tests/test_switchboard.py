from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hardware.buttons import SimulatedButtons
from hardware.indicator import boot_clock
from hardware.ports import PositionLost, Receiver, Sighting
from hardware.simulated import SimulatedReader
from kiosk import tasks
from kiosk.books import Book
from kiosk.calls import DESK_CALLS
from kiosk.contact import ServiceState, ServiceStatus
from kiosk.desk import Desk
from kiosk.device_settings import Button
from kiosk.enrolling import Enrolling
from kiosk.entrance import Answers, Entrance
from kiosk.errors import Declined, StoreDead, StoreFull, UsageError
from kiosk.locator import Locator
from kiosk.model import Answer, Direction, Environment, Press, ReaderDirection, Signal, TaskKind
from kiosk.obligations import Gate
from kiosk.panel import Panel
from kiosk.presses import NOTHING, Presses, Wish
from kiosk.provisioning import make_client_key
from kiosk.room import Room
from kiosk.settings import Declaration
from kiosk.site_settings import Position, PositionSource
from kiosk.switchboard import Switchboard, answer_json, days_left
from tests.box import line_fields
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk
from tests.people import CANARY, CANARY_CARD, DECLARATION, OTHER_DECLARATION, OTHER_EMPLOYER

CARD = CANARY_CARD.identifier.hex()


class Place:
    """A desk with simulated readers whose threads run, and an intake that answers what the test wants."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.answer: Answer | None = Answer(signal=Signal.IN, ids=(7,), direction=Direction.IN)
        self.taken: list[tuple[str, Sighting]] = []
        self.answers = Answers()
        self.service = ServiceStatus()
        self.presses = Presses()
        self.stop = Event()
        self.entrances: list[Entrance] = []
        self._threads: list[Thread] = []

    def board(self, *names: str, **changes: Any) -> Switchboard:
        for name in names:
            gate = Gate(name=name, driver="simulated", direction=ReaderDirection.TOGGLE)
            entrance = Entrance(gate, SimulatedReader, self._take, self._tell)
            thread = Thread(target=entrance.run, args=(self.stop,))
            thread.start()
            self._threads.append(thread)
            self.entrances.append(entrance)
            while entrance.reader is None:
                pass
        board = Switchboard(
            desk=self.desk,
            book=Book(id=self.desk.book, host="localhost", environment=Environment.TRAINING),
            entrances=self.entrances,
            answers=self.answers,
            service=lambda: self.service,
            light=lambda: False,
            certificates={None: None},
            faults=dict,
            presses=self.presses,
            declarations=[Declaration(number=DECLARATION, name="Offices")],
            panel=None,
            room=Room(self.desk.database, 1024),
            enrolling=Enrolling(),
        )
        return replace(board, **changes)

    def _take(self, sighting: Sighting, gate: Gate) -> Answer:
        self.taken.append((gate.name, sighting))
        return self.answer or Answer(signal=Signal.IN)

    def _tell(self, _gate: Gate, sighting: Sighting, answer: Answer) -> None:
        if self.answer is not None:
            self.answers.tell(sighting, answer)

    def close(self) -> None:
        self.stop.set()
        for entrance, thread in zip(self.entrances, self._threads, strict=True):
            entrance.wake()
            thread.join(10)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with open_desk(tmp_path, Clock()) as desk:
        built = Place(desk)
        yield built
        built.close()


def enrol(place: Place) -> None:
    DESK_CALLS["badge add"](place.desk, {"lines": [json.dumps(line_fields(CANARY))]})


def test_control_may_ask_every_call_of_the_desk_and_some_of_its_own(place: Place) -> None:
    """What a verb does without a daemon it does with one too; status, tap and the card that is waited for need one."""
    calls = place.board("gate").calls()
    assert set(calls) == {*DESK_CALLS, "status", "tap", "badge enrol", "badge enrol-stop", "doctor card"}
    assert calls["badge list"]({}) == {"items": []}
    assert calls["tap"]({"card": CARD})["signal"] == "in"


def test_the_status_has_every_field_that_was_promised(place: Place) -> None:
    """Design, section 6: these names, these types; counts are integers, absent is null."""
    status = place.board("gate").status({})
    assert isinstance(status.pop("version"), str)
    assert status == {
        "environment": "training",
        **dict.fromkeys(("queued", "in_flight", "unknown", "accepted", "refused", "held", "cancelled"), 0),
        "oldest_unsent_seconds": None,
        "waiting_for_clock": 0,
        "present": 0,
        "tasks": 0,
        "tasks_due_soon": 0,
        "tasks_overdue": 0,
        "clock": {
            "trusted": True,
            "source": "kernel",
            "error_bound_seconds": 0.01,
            "disputed": False,
            "system_off_seconds": None,
        },
        "readers": [{"name": "gate", "driver": "simulated", "state": "ready"}],
        "service": {"state": "untried", "host": "localhost", "last_success": None, "last_error": None},
        "certificate": {"days_left": None, "level": None},
        "credentials": [{"employer": None, "days_left": None, "level": None, "fault": None}],
        "declarations": [{"number": DECLARATION.value, "name": "Offices", "days_left": None, "level": None}],
        "buttons": [],
        "store": {"state": "ready", "why": None, "used_percent": 0, "level": "ok", "salvaged": None},
        "evidence": {
            "signed": False,
            "public_key": None,
            "entries": 1,
            "last_signed": None,
            "unsigned_entries": 1,
            "unchained_taps": 0,
        },
        "position": {"source": "site", "state": None, "fix": False, "age_seconds": None, "error_meters": None, "inside": None},
        "indicator": {"state": "absent"},
        "signal": "training",
    }


def test_the_status_counts_and_tells_the_certificate(place: Place, tmp_path: Path) -> None:
    """Who is inside, what waits for a human, and the days that the certificate has left."""
    make_client_key(tmp_path / "key.pem", tmp_path / "cert.pem", company="Invented NV", now=place.desk.clock().at)
    enrol(place)
    add_row(place.desk, 1, draft())
    board = place.board("gate", certificates={None: tmp_path / "cert.pem"})
    status = board.status({})
    assert (status["queued"], status["oldest_unsent_seconds"]) == (1, 0)
    assert (status["present"], status["certificate"]) == (1, {"days_left": 730, "level": "ok"})
    assert days_left(tmp_path / "none.pem", place.desk.clock().at) is None


def test_a_store_that_fails_is_told_with_its_reason(place: Place) -> None:
    """A full store asks for attention and says why."""
    board = place.board("gate", book=Book(id=place.desk.book, host="x", environment=Environment.PRODUCTION))
    assert board.resting() is Signal.READY
    place.desk.database._full = StoreFull("no room to record")
    assert board.status({})["store"] == {
        "state": "failed",
        "why": "no room to record",
        "used_percent": 0,
        "level": "ok",
        "salvaged": None,
    }
    assert board.resting() is Signal.ATTENTION


def test_the_resting_light_asks_for_a_human_where_one_is_needed(place: Place) -> None:
    """Ready only while clock, service, tasks and every reader are well; failed where nothing can be recorded."""
    board = place.board("gate", book=Book(id=place.desk.book, host="x", environment=Environment.PRODUCTION))
    assert board.resting() is Signal.READY
    place.service = ServiceStatus(state=ServiceState.CONFIG_FAULT)
    assert board.resting() is Signal.ATTENTION
    place.service = ServiceStatus(state=ServiceState.DOWN)
    assert board.resting() is Signal.READY
    untrusted = replace(place.desk, clock=lambda: replace(place.desk.clock(), trusted=False))
    assert replace(board, desk=untrusted).resting() is Signal.ATTENTION
    dead = SimpleNamespace(dead=StoreDead("gone"), full=None, read=lambda _work: False)
    assert replace(board, desk=replace(place.desk, database=dead)).resting() is Signal.FAILED  # type: ignore[arg-type]  # a dead store


def test_a_tap_waits_for_its_own_answer(place: Place) -> None:
    """The card is laid on the reader, and what is told is the answer to that very sighting."""
    board = place.board("gate")
    told = board.tap({"card": "uid:04:C0:FF:EE:DE:AD:80"})
    ((name, sighting),) = place.taken
    assert (name, getattr(sighting, "identifier", None)) == ("gate", CANARY_CARD.identifier)
    assert told == {
        "signal": "in",
        "ids": [7],
        "direction": "in",
        "offline": False,
        "clock": "ok",
        "since": None,
        "why": None,
        "remarks": [],
    }


def test_of_several_readers_one_must_be_named(place: Place) -> None:
    """With two, a tap without a name or with a wrong one is refused with the names; with the right one it goes there."""
    board = place.board("gate", "side")
    for params in ({"card": CARD}, {"card": CARD, "reader": "cellar"}, {"card": CARD, "reader": 3}):
        with pytest.raises(UsageError, match="gate, side"):
            board.tap(params)
    board.tap({"card": CARD, "reader": "side"})
    assert [name for name, _ in place.taken] == ["side"]


def test_without_a_simulated_reader_no_tap_can_be_made(place: Place) -> None:
    """On a box with real readers the verb says so."""
    with pytest.raises(UsageError, match="none"):
        place.board().tap({"card": CARD})


@pytest.mark.parametrize(
    ("params", "wish"),
    [
        ({}, NOTHING),
        ({"press": None, "declaration": None}, NOTHING),
        ({"press": "break"}, Wish(press=Press.BREAK)),
        ({"declaration": "1y10 03sq5vssz"}, Wish(declaration=DECLARATION)),
    ],
)
def test_a_tap_may_follow_a_button(place: Place, params: Mapping[str, object], wish: Wish) -> None:
    """What was pressed waits at that reader for this very card, and for no other reader's."""
    board = place.board("gate", "back")
    board.tap({"card": CARD, "reader": "back", **params})
    ((_, sighting),) = place.taken
    assert place.presses.take("gate", sighting.boot_ns) == NOTHING
    assert place.presses.take("back", sighting.boot_ns) == wish


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"press": "in", "declaration": DECLARATION.value}, "one of them"),
        ({"press": "inn"}, "in, out, break"),
        ({"declaration": "12"}, "13 characters"),
        ({"declaration": OTHER_DECLARATION.value}, "no \\[\\[declaration"),
    ],
)
def test_a_button_that_is_none_is_refused(place: Place, params: Mapping[str, object], told: str) -> None:
    """Nothing is laid on the reader then, and nothing waits."""
    board = place.board("gate")
    with pytest.raises(UsageError, match=told):
        board.tap({"card": CARD, **params})
    assert place.taken == []
    assert place.presses.take("gate", boot_clock()) == NOTHING


def test_credentials_and_buttons_are_told_and_ask_for_attention(place: Place) -> None:
    """Whose credential can't be used, and that the buttons are dead; at a real site the light asks for somebody."""
    panel = Panel([Button(name="leave", line=5, press=Press.OUT)], lambda: SimulatedButtons({"leave"}), place.presses)
    book = Book(id=place.desk.book, host="localhost", environment=Environment.PRODUCTION)
    well = place.board("gate", book=book)
    assert well.resting() is Signal.READY
    board = replace(
        well, certificates={None: None, OTHER_EMPLOYER: None}, faults=lambda: {OTHER_EMPLOYER: "invalid_client"}, panel=panel
    )
    status = board.status({})
    assert status["credentials"] == [
        {"employer": None, "days_left": None, "level": None, "fault": None},
        {"employer": OTHER_EMPLOYER.value, "days_left": None, "level": None, "fault": "invalid_client"},
    ]
    assert status["buttons"] == [{"name": "leave", "state": "dead"}]
    assert status["signal"] == "attention"
    assert replace(well, panel=panel).resting() is Signal.ATTENTION
    assert replace(well, faults=board.faults).resting() is Signal.ATTENTION


def test_a_receiver_that_can_not_be_asked_is_told_and_asks_for_attention(place: Place) -> None:
    """Like every device that is configured and not there; taps go on by the site's coordinates."""

    def refuse() -> Receiver:
        raise PositionLost("gpsd does not answer")

    locator = Locator(Position(source=PositionSource.GPSD), (), refuse, lambda _: None)
    book = Book(id=place.desk.book, host="localhost", environment=Environment.PRODUCTION)
    board = place.board("gate", book=book)
    assert board.resting() is Signal.READY
    troubled = replace(board, locator=locator)
    assert (troubled.resting(), troubled.status({})["position"]) == (
        Signal.ATTENTION,
        {"source": "gpsd", "state": "dead", "fix": False, "age_seconds": None, "error_meters": None, "inside": None},
    )


@pytest.mark.parametrize(("left", "level", "light"), [(31, "soon", Signal.READY), (30, "urgent", Signal.ATTENTION)])
def test_a_certificate_that_ends_asks_for_attention_a_month_before(
    place: Place, tmp_path: Path, left: int, level: str, light: Signal
) -> None:
    """Any credential's certificate, so that a new one can be uploaded in time; a tap is taken all the same."""
    made = place.desk.clock().at - timedelta(days=730 - left)
    make_client_key(tmp_path / "key.pem", tmp_path / "cert.pem", company="Invented NV", now=made)
    book = Book(id=place.desk.book, host="localhost", environment=Environment.PRODUCTION)
    board = place.board("gate", book=book, certificates={None: None, OTHER_EMPLOYER: tmp_path / "cert.pem"})
    assert board.resting() is light
    assert board.status({})["credentials"][1] | {"employer": None} == {  # type: ignore[index]  # JSON
        "employer": None,
        "days_left": left,
        "level": level,
        "fault": None,
    }
    assert board.tap({"card": CARD})["signal"] == "in"


@pytest.mark.parametrize(
    ("left", "level", "light"), [(8, "urgent", Signal.READY), (7, "last", Signal.ATTENTION), (-1, "ended", Signal.ATTENTION)]
)
def test_a_declaration_that_ends_asks_for_attention_a_week_before(place: Place, left: int, level: str, light: Signal) -> None:
    """One of several is enough, and one that has ended is not forgotten; days are counted as people at the site live them."""
    today = place.desk.clock().at.astimezone(ZoneInfo(place.desk.time_zone)).date()
    declarations = [
        Declaration(number=DECLARATION),
        Declaration(number=OTHER_DECLARATION, valid_until=today + timedelta(days=left)),
    ]
    book = Book(id=place.desk.book, host="localhost", environment=Environment.PRODUCTION)
    board = place.board("gate", book=book, declarations=declarations)
    assert board.resting() is light
    second = board.status({})["declarations"][1]  # type: ignore[index]  # JSON
    assert (second["days_left"], second["level"]) == (left, level)


@pytest.mark.parametrize("params", [{}, {"card": ""}, {"card": "zz"}, {"card": 5}, {"card": "uid:0102"}])
def test_a_card_that_is_none_is_refused(place: Place, params: Mapping[str, object]) -> None:
    """The mistake is told without repeating what was given."""
    with pytest.raises(UsageError, match="CARD"):
        place.board("gate").tap(params)
    assert place.taken == []


def test_a_reader_that_is_just_opening_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tap right after the daemon's first sign of life is made; one at a reader that stays dead is refused."""
    board = place.board("gate")
    entrance = place.entrances[0]
    tended = entrance._reader
    reader, tended._device = tended._device, None
    tended._opened.clear()

    def open_it() -> None:
        tended._device = reader
        tended._opened.set()

    later = Thread(target=open_it)
    later.start()
    assert board.tap({"card": CARD})["signal"] == "in"
    later.join()
    tended._device = None
    tended._opened.clear()
    monkeypatch.setattr("kiosk.switchboard._OPEN_SECONDS", 0.01)
    with pytest.raises(Declined, match="not open"):
        board.tap({"card": CARD})
    tended._device = reader


def test_an_unplugged_reader_and_one_that_hangs_are_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither leaves the verb waiting for ever."""
    board = place.board("gate")
    reader = place.entrances[0].reader
    assert isinstance(reader, SimulatedReader)
    reader.detach()
    assert board.status({})["readers"] == [{"name": "gate", "driver": "simulated", "state": "absent"}]
    with pytest.raises(Declined, match="unplugged"):
        board.tap({"card": CARD})
    reader.attach()
    place.answer = None
    monkeypatch.setattr("kiosk.switchboard._TAP_SECONDS", 0.05)
    with pytest.raises(Declined, match="no answer"):
        board.tap({"card": CARD})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            Answer(signal=Signal.HELD, ids=(1, 2), direction=Direction.OUT, offline=True, clock="waiting"),
            ("held", "out", True, None),
        ),
        (Answer(signal=Signal.FAILED, why="no room"), ("failed", None, False, "no room")),
        (Answer(signal=Signal.UNREADABLE, why="too soon"), ("unreadable", None, False, "too soon")),
        (Answer(signal=Signal.REVOKED, why="kept inside"), ("revoked", None, False, None)),
        (Answer(signal=Signal.ALREADY, direction=Direction.IN, since_ms=0, name="Nobody"), ("already", "in", False, None)),
    ],
)
def test_an_answer_is_told_without_the_person(answer: Answer, told: Sequence[object]) -> None:
    """Signal, direction, offline and, for what failed, why; since when for a repeat; never a name."""
    written = answer_json(answer)
    assert (written["signal"], written["direction"], written["offline"], written["why"]) == tuple(told)
    assert written["ids"] == list(answer.ids)
    assert written["since"] == ("1970-01-01T00:00:00Z" if answer.since_ms == 0 else None)
    assert "Nobody" not in json.dumps(written)


def test_the_status_counts_what_must_be_settled_in_time(place: Place) -> None:
    """By the site's days; a clock that nobody vouches for tells none of them."""
    row = add_row(place.desk, 1, draft())
    place.desk.database.write(
        lambda c: tasks.open_task(c, TaskKind.MISSING_OUT, book=place.desk.book, at_ms=1, registration=row, holder=1)
    )

    def counted(days: int, *, trusted: bool = True) -> tuple[object, object]:
        late = Clock(MORNING_MS + days * 24 * 3_600_000)
        status = place.board("gate", desk=replace(place.desk, clock=lambda: replace(late(), trusted=trusted))).status({})
        return status["tasks_due_soon"], status["tasks_overdue"]

    assert [counted(days) for days in (22, 23, 30, 31)] == [(0, 0), (1, 0), (1, 0), (0, 1)]
    assert counted(31, trusted=False) == (0, 0)
