"""kiosk.provision.trial gives out a first badge and registers one presence, with or without a daemon that runs already."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.simulated import SimulatedReader
from kiosk import control
from kiosk.config import load
from kiosk.errors import Declined, KioskError, NoDaemon, UsageError
from kiosk.provision import trial
from kiosk.provision.notebook import Notebook
from kiosk.provision.template import literal
from kiosk.settings import Config
from kiosk.simulator.simulator import Simulator
from tests.admins import Admin, answers, desk_of
from tests.box import CLIENT_ID, Box
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME, OTHER_DECLARATION, invented_card


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(tmp_path / "service") as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, simulator: Simulator) -> Iterator[Box]:
    (tmp_path / "box").mkdir()
    with Box(tmp_path / "box", simulator) as made:
        yield made.provision()


def admin() -> Admin:
    return Admin(Notebook(None, {}), {})


def config_of(box: Box) -> Config:
    return load(box.config, {})


def test_a_card_tells_its_number_at_the_reader() -> None:
    """One that can't be used is told and the next is waited for; nobody has to know a badge's number."""
    reader, told = SimulatedReader(), list[str]()
    reader.tap("uid", b"", unreadable="no answer from the card")
    reader.tap("uid", CANARY_CARD.identifier)
    assert trial.first_card(reader, told.append, seconds=30) == f"uid:{CANARY_CARD.identifier.hex()}"
    assert told == ["  that one can't be used: no answer from the card"]


def test_without_a_card_the_wait_ends() -> None:
    """Then its number is typed."""
    assert trial.first_card(SimulatedReader(), lambda _: None, seconds=0.05) is None


def test_a_daemon_that_runs_already_is_used(box: Box, simulator: Simulator) -> None:
    """Roster and tap go through it; it runs on afterwards."""
    box.start()
    person = admin()
    person.typed, person.secrets = [CANARY_CARD.identifier.hex(), CANARY_NAME], [CANARY_INSZ.digits]
    trial.begin(person, config_of(box), desk_of(config_of(box)), badge=None, proven=True)
    assert person.heard[-1].startswith("accepted by 127.0.0.1: registration")
    assert len(simulator.ledger.rows()) == 1
    assert box.status()["accepted"] == 1
    heard = len(person.heard)
    person.agrees = False
    trial.begin(person, config_of(box), desk_of(config_of(box)), badge=None, proven=True)
    assert len(person.heard) == heard


def test_a_tap_that_records_nothing_is_told(box: Box) -> None:
    """An unknown card, or one that tapped a moment ago, gives no registration: the trial says which, and waits for nothing."""
    box.rules = "debounce_seconds = 60\n"
    box.write_config()
    box.start()
    with pytest.raises(Declined, match="nothing came of it") as told:
        trial.register_once(admin(), config_of(box), invented_card(7).identifier.hex())
    assert told.value.repair == "give it to somebody: `kiosk badge add`"
    box.enrol([CANARY])
    trial.register_once(admin(), config_of(box), CANARY_CARD.identifier.hex())
    with pytest.raises(Declined, match="nothing came of it") as told:
        trial.register_once(admin(), config_of(box), CANARY_CARD.identifier.hex())
    assert "tapped a few minutes ago" in str(told.value.repair)


def test_a_real_reader_is_not_waited_for_for_ever(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no badge is laid on it, the trial ends and says so."""
    monkeypatch.setattr(trial, "_TAP_SECONDS", 0.3)
    box.start()
    with pytest.raises(Declined, match="no tap was recorded"):
        trial.register_once(admin(), config_of(box), None)


def test_a_registration_that_lacks_something_says_how_it_is_put_right(box: Box) -> None:
    """A held one is not tried again by itself: the repair names the verb that tells what it lacks."""
    text = box.config.read_text()
    box.config.write_text(
        text.replace("[[declaration]]", f'[[declaration]]\nnumber = "{OTHER_DECLARATION.value}"\n\n[[declaration]]', 1)
    )
    box.enrol([CANARY])
    box.start()
    with pytest.raises(Declined, match="registration 1 is held: declaration") as told:
        trial.register_once(admin(), config_of(box), CANARY_CARD.identifier.hex())
    assert "kiosk outbox release 1" in str(told.value.repair)


def test_a_registration_that_is_not_accepted_is_told(box: Box, simulator: Simulator) -> None:
    """The trial names the state and the reason; the row stays in the book."""
    simulator.settings.denied_employers = frozenset({"0206731645"})
    box.start()
    box.enrol([CANARY])
    with pytest.raises(Declined, match="registration 1 is"):
        trial.register_once(admin(), config_of(box), CANARY_CARD.identifier.hex())


def test_a_box_that_is_not_known_any_more_does_not_wait(box: Box, simulator: Simulator) -> None:
    """The token server's refusal is told at once: waiting would not end it."""
    simulator.authority.clients.remove(CLIENT_ID)
    box.start()
    box.enrol([CANARY])
    with pytest.raises(Declined, match=r"registration 1 is queued: .*invalid_client"):
        trial.register_once(admin(), config_of(box), CANARY_CARD.identifier.hex())


def test_a_daemon_that_does_not_start_says_why(box: Box) -> None:
    """Its last words stand in the message, not a hint alone."""
    config = config_of(box)
    box.config.write_text(box.config.read_text().replace('driver = "simulated"', 'driver = "simulated"\nspeed = 1'))
    with pytest.raises(KioskError, match="speed: is an unknown key"):
        trial.register_once(admin(), config, None)


def test_no_daemon_outlives_a_provision_that_was_killed(box: Box, simulator: Simulator, tmp_path: Path) -> None:
    """One that nobody knows of would hold the store and the reader."""
    given = answers(simulator) | {"declarations": ["1Y1003SQ5VSSZ"]}
    lines = [f"{key} = {literal(value)}\n" for key, value in given.items() if not isinstance(value, bool)]
    (tmp_path / "answers.toml").write_text("".join([*lines, "first_registration = true\n"]))
    box.config.write_text(box.config.read_text().replace('driver = "simulated"', 'driver = "pcsc"\nmatch = "none of that name"'))
    box.enrol([CANARY])
    command = [sys.executable, "-m", "kiosk", "--config", str(box.config), "provision", "--answers", str(tmp_path / "answers.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as verb:
        assert verb.stdout is not None
        assert any(line.startswith(b"Tap the badge") for line in verb.stdout)
        control.ask(box.folder / "kiosk.sock", "status", {})
        verb.send_signal(signal.SIGKILL)
    end, met = time.monotonic() + 20, set[str]()
    while time.monotonic() < end:
        try:
            control.ask(box.folder / "kiosk.sock", "status", {})
        except NoDaemon:
            break
        except KioskError as stopping:
            met.add(stopping.message.partition(": ")[2])
        time.sleep(0.05)
    else:
        pytest.fail("it runs on")
    assert met <= {"the store is closed, since this daemon stops"}


def test_no_trial_with_the_real_service(box: Box) -> None:
    """A trial there would be a presence that was none."""
    config = config_of(box)
    real = replace(config, service=replace(config.service, api_url="https://services.socialsecurity.be/x"))
    with pytest.raises(UsageError, match="in training only"):
        trial.register_once(admin(), real, None)
