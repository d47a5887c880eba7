from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from threading import Event

import pytest

from kiosk import crew, daemon
from kiosk.crew import Crew, Work
from kiosk.delivery import Delivery
from kiosk.errors import StoreBusy, UsageError
from kiosk.followup import FollowUp
from kiosk.provisioning import make_client_key
from kiosk.switchboard import Switchboard
from tests.box import line_fields
from tests.configs import change, write
from tests.daemons import Running, running
from tests.kernel import PI_4, boot_with
from tests.people import OTHER_DECLARATION, invented_card, invented_line
from tests.sites import until
from tests.stores import descriptor
from tests.wedges import Wedge

#: A port that nobody listens on.
NOWHERE = 'token_url = "https://localhost:1/token"'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write(tmp_path, change(("[store]", 'start_jitter_seconds = 0\n\n[clock]\nsource = "assume"\n\n[store]')))


def enrol(run: Running, *numbers: int) -> None:
    run.ask("badge add", lines=[json.dumps(line_fields(invented_line(number))) for number in numbers])


def tap(run: Running, number: int) -> dict[str, object]:
    answer: dict[str, object] = run.ask("tap", card=invented_card(number).identifier.hex())
    return answer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_until_it_is_told_to_stop(config: Path, number: signal.Signals) -> None:
    """A daemon with a good configuration answers, records a tap, and ends with 0 at SIGTERM and at SIGINT, its socket gone."""
    with running(config) as run:
        enrol(run, 0)
        assert tap(run, 0)["signal"] == "in"
        assert run.config.control.socket.exists()
        assert run.stop(number) == 0
        assert not run.config.control.socket.exists()


def test_what_it_writes_is_its_own_alone(config: Path) -> None:
    """Store, lock and socket are readable by nobody else."""
    with running(config) as run:
        enrol(run, 0)
        made = [path for path in config.parent.iterdir() if path.name.startswith("kiosk.") and path.suffix != ".toml"]
        assert {path.name for path in made} >= {"kiosk.db", "kiosk.db-wal", "kiosk.db.lock", "kiosk.sock"}
        assert {path.stat().st_mode & 0o777 for path in made} == {0o600}


def test_the_log_tells_each_tap_without_the_person(config: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One JSON object a line: ready, the tap with its signal and ids, who told it to stop, stopped."""
    with running(config) as run:
        enrol(run, 0)
        tap(run, 0)
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    told = {event["event"]: event for event in events}
    assert told["ready"]["environment"] == "training"
    assert (told["tap"]["reader"], told["tap"]["signal"], told["tap"]["ids"]) == ("gate", "in", [1])
    assert (told["told to stop"]["signal"], told["told to stop"]["sender"]) == ("SIGTERM", os.getpid())
    assert (told["stopped"]["failed"], told["stopped"]["hung"]) == (False, [])


def test_a_key_that_can_not_sign_keeps_everything_and_is_shown(config: Path) -> None:
    """The client key is looked at when the first row is due: a fault of configuration, not an end; the taps are kept."""
    with running(config) as run:
        enrol(run, 0)
        tap(run, 0)
        until(lambda: run.ask("status")["service"]["state"] == "config_fault", "the fault is not shown")
        status = run.ask("status")
        assert status["queued"] == 1
        assert "client.key.pem" in status["service"]["last_error"]


def test_a_key_that_can_sign_is_used_and_let_go_at_the_end(config: Path) -> None:
    """With a true key the service is called: one that can't be reached is down, everything is kept, and the end is in time."""
    key = config.parent / "client.key.pem"
    key.unlink()
    make_client_key(key, config.parent / "client.cert.pem", company="Invented NV", now=datetime.now(UTC))
    nowhere = config.read_text().replace("https://localhost:8443/api", "https://localhost:1/api")
    config.write_text(nowhere.replace('client_id = "box-1"', 'client_id = "box-1"\n' + NOWHERE))
    with running(config) as run:
        enrol(run, 0)
        tap(run, 0)
        until(lambda: run.ask("status")["service"]["state"] == "down", "the call was not tried")
        until(lambda: run.ask("status")["queued"] == 1, "what could not be sent is not queued again")
        assert tap(run, 0)["signal"] == "already"
        assert run.stop() == 0


def test_a_dead_delivery_ends_the_process_with_1(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without delivery nothing would ever be sent: the process ends so that it is started afresh."""
    fail = Event()

    def broken(_self: Delivery, _stop: Event) -> None:
        fail.wait(20)
        raise RuntimeError

    monkeypatch.setattr(Delivery, "run", broken)
    with running(config) as run:
        fail.set()
        assert run.wait() == 1


def test_a_dead_follow_up_is_started_again(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after the registration may fail again and again, and taps go on."""
    starts = 0

    def broken(_self: FollowUp, _stop: Event) -> None:
        nonlocal starts
        starts += 1
        raise RuntimeError

    monkeypatch.setattr(FollowUp, "run", broken)
    monkeypatch.setattr(crew, "_AGAIN_SECONDS", 0.01)
    with running(config) as run:
        enrol(run, 0)
        until(lambda: starts >= 3, "it is not started again")
        assert tap(run, 0)["signal"] == "in"
        assert run.stop() == 0


@pytest.fixture
def only_taps(config: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A daemon in which nobody but a tap writes or looks at the store: no other part is the first to meet a broken disk."""
    start = Crew.start

    def without_others(self: Crew, *, essential: Mapping[str, Work], restarted: Mapping[str, Work]) -> None:
        assert restarted
        start(self, essential=essential, restarted={})

    monkeypatch.setattr(Crew, "start", without_others)
    monkeypatch.setattr(daemon, "_LOOK_SECONDS", 3600.0)
    return write(config.parent, config.read_text(encoding="utf-8").replace("jitter_seconds = 0", "jitter_seconds = 31_000_000"))


def test_a_dead_store_is_red_and_ends_the_process_with_1(only_taps: Path) -> None:
    """After an I/O error the tap's signal is failed, nothing is acknowledged, and the process ends."""
    with running(only_taps) as run:
        enrol(run, 0, 1)
        assert tap(run, 0)["signal"] == "in"
        broken, log = os.open(os.devnull, os.O_RDONLY), descriptor(str(only_taps.parent / "kiosk.db-wal"))
        os.dup2(broken, log)
        os.close(broken)
        answer = tap(run, 1)
        assert (answer["signal"], answer["ids"]) == ("failed", [])
        assert "can't be trusted" in str(answer["why"])
        assert run.wait() == 1
    with running(only_taps) as again:
        assert [row["id"] for row in again.ask("outbox list")["items"]] == [1]


def test_a_second_daemon_is_refused(config: Path) -> None:
    """Another process, or another daemon, on the same store is told so; the first keeps its socket."""
    with running(config) as run:
        with pytest.raises(StoreBusy):
            daemon.run(run.config, {})
        assert run.ask("status")["queued"] == 0


def test_a_socket_that_can_not_be_made_is_told_and_frees_the_store(tmp_path: Path) -> None:
    """A folder that is not there for the control socket is a mistake of configuration; the store is let go."""
    path = write(tmp_path, change(("[store]", '[control]\nsocket = "gone/kiosk.sock"\n\n[store]')))
    for _ in range(2):
        with running(path) as run:
            assert isinstance(run.error, UsageError)
            assert "socket" in run.error.message


def test_the_light_is_looked_after_while_nobody_taps(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resting light is asked for again and again, and a wake-up without a failure ends nothing."""
    monkeypatch.setattr(daemon, "_LOOK_SECONDS", 0.02)
    looks = 0
    resting = Switchboard.resting

    def counted(board: Switchboard) -> object:
        nonlocal looks
        looks += 1
        return resting(board)

    monkeypatch.setattr(Switchboard, "resting", counted)
    with running(config) as run:
        before = looks
        os.kill(os.getpid(), signal.SIGUSR1)
        until(lambda: looks > before + 3, "the light is left alone")
        assert run.stop() == 0


def test_a_thread_that_hangs_is_named_and_holds_nobody_up(
    config: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A follow-up that does not look at stop costs its share of three seconds, and the log says who it was."""
    leave = Event()
    monkeypatch.setattr(FollowUp, "run", lambda _self, _stop: leave.wait(20))
    monkeypatch.setattr(crew, "_JOIN_SECONDS", 0.2)
    with running(config) as run:
        began = time.monotonic()
        assert run.stop() == 0
        assert time.monotonic() - began < 2
    leave.set()
    (stopped,) = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"stopped"' in line]
    assert stopped["hung"] == ["followup"]


BUTTONS = f"""
[indicator]
chip = "/dev/gpiochip0"

[[button]]
name = "leave"
line = 5
press = "out"

[[declaration]]
number = "{OTHER_DECLARATION.value}"

[[button]]
name = "annex"
line = 6
declaration = "{OTHER_DECLARATION.value}"
"""


@pytest.fixture
def with_buttons(config: Path) -> Path:
    config.write_text(f"{config.read_text()}{BUTTONS}".replace("[store]", "[rules]\ndebounce_seconds = 1\n\n[store]", 1))
    return config


def test_a_press_on_a_line_decides_the_tap_that_follows(
    with_buttons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the kernel's edge to the registration: a declaration for who comes, a direction for who leaves."""
    (tmp_path / "devices").mkdir()
    kernel = boot_with(PI_4, tmp_path / "devices", monkeypatch)
    noted = SimpleQueue[logging.LogRecord]()
    monkeypatch.setattr(logging.getLogger("kiosk.panel"), "handlers", [QueueHandler(noted)])
    with running(with_buttons) as run:
        enrol(run, 0)
        ready = [{"name": name, "state": "ready"} for name in ("leave", "annex")]
        until(lambda: run.ask("status")["buttons"] == ready, "the buttons are not opened")
        (request,) = kernel.requests
        request.pull(6)
        assert noted.get(timeout=20).__dict__["button"] == "annex"
        assert tap(run, 0)["signal"] == "in"
        assert run.ask("outbox show", id=1)["declaration"] == OTHER_DECLARATION.value
        time.sleep(1.05)
        request.pull(5)
        assert noted.get(timeout=20).__dict__["button"] == "leave"
        assert tap(run, 0)["signal"] == "out"
    assert request.released


def test_a_scanned_declaration_decides_the_tap_that_follows(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a barcode reader, with the code that hangs beside it; the tap at the badge reader is then for that one."""
    wedge, heard = Wedge(), SimpleQueue[logging.LogRecord]()
    monkeypatch.setattr("hardware.keyboard.grab", wedge.open)
    scanner = '[[reader]]\nname = "scanner"\ndriver = "keyboard"\nmatch = "/dev/input/by-id/x"\nformat = "barcode"\n'
    second = f'[[declaration]]\nnumber = "{OTHER_DECLARATION.value}"\n'
    config.write_text(config.read_text().replace("[service]", f"{second}\n[service]", 1) + scanner)
    handler = QueueHandler(heard)
    logging.getLogger("kiosk.codes").addHandler(handler)
    try:
        with running(config) as run:
            enrol(run, 0)
            wedge.type(f"https//www.example.org/{OTHER_DECLARATION.value}\n")
            assert heard.get(timeout=20).getMessage() == "declaration scanned"
            told = run.ask("tap", card=invented_card(0).identifier.hex(), reader="gate")
            (row,) = told["ids"]
            assert (told["signal"], run.ask("outbox show", id=row)["declaration"]) == ("in", OTHER_DECLARATION.value)
    finally:
        logging.getLogger("kiosk.codes").removeHandler(handler)
        wedge.close()


def test_a_badge_that_is_typed_is_a_tap_and_its_reader_may_be_pulled_out(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte-reversed by the reader, it is the badge of the roster; pulled out it is absent, back in it reads on, the other works."""
    wedge = Wedge()
    monkeypatch.setattr("hardware.keyboard.grab", wedge.open)
    typing = '[[reader]]\nname = "side"\ndriver = "keyboard"\nmatch = "/dev/input/by-id/x"\nformat = "reversed"\n'
    config.write_text(config.read_text() + typing)

    def state(run: Running) -> object:
        return next(reader["state"] for reader in run.ask("status")["readers"] if reader["name"] == "side")

    with running(config) as run:
        enrol(run, 0)
        enrol(run, 1)
        until(lambda: state(run) == "ready", "the reader is not open")
        wedge.insert(invented_card(0).identifier[::-1])
        until(lambda: len(run.ask("outbox list")["items"]) == 1, "the badge is no tap")
        assert run.ask("outbox list")["items"][0]["direction"] == "in"
        wedge.unplug()
        until(lambda: state(run) == "absent", "the pulled plug is not shown")
        assert run.ask("tap", card=invented_card(1).identifier.hex(), reader="gate")["signal"] == "in"
        wedge.plug()
        until(lambda: state(run) == "ready", "the reader is not back")
        wedge.insert(bytes.fromhex("08A1B2C3")[::-1])
        wedge.insert(invented_card(2).identifier[::-1])
        until(lambda: len(run.ask("badge unknown")["items"]) == 1, "the unknown card is not kept")
        assert len(run.ask("outbox list")["items"]) == 2, "a phone is no tap"
    wedge.close()


def test_buttons_that_can_not_be_opened_keep_nobody_from_tapping(with_buttons: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The box starts, takes taps, and says in status and log what is missing."""
    with running(with_buttons) as run:
        enrol(run, 0)
        assert tap(run, 0)["signal"] == "held", "two declarations, and no button to say which"
        status = run.ask("status")
        assert status["buttons"] == [{"name": name, "state": "dead"} for name in ("leave", "annex")]
    dead = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"buttons dead"' in line]
    assert ["[[button]]" in event["why"] for event in dead] == [True]


def test_a_delivery_that_hangs_ends_the_process_with_1(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a new process frees it, also where no service manager watches."""
    monkeypatch.setattr(Delivery, "hangs", property(lambda _self: True))
    with running(config) as run:
        assert run.wait() == 1
