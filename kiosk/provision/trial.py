"""The first badge and the first registration: a real tap through the real daemon to the training service."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kiosk import control
from kiosk.desk import people
from kiosk.errors import Declined, KioskError, NoDaemon, UsageError
from kiosk.model import Environment, State
from kiosk.opening import borrowed_desk
from kiosk.provision.askers import Asker
from kiosk.provision.questions import FIRST_REGISTRATION
from kiosk.settings import Config, Driver

_START_SECONDS: Final = 30.0
_TAP_SECONDS: Final = 60.0
_SEND_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 0.1
_UNSENT: Final = {State.QUEUED, State.IN_FLIGHT, State.UNKNOWN}


def begin(asker: Asker, config: Config, *, badge: str | None, proven: bool) -> None:
    """Give out a first badge where there is none yet, and register one presence after an explicit yes.

    Args:
        asker: Answers.
        config: Of a box in training.
        badge: One line of ``badge add``, from standard input; None asks a person for it.
        proven: Whether the token server knows the box: else a trial could only fail.
    """
    line: dict[str, str] | str | None = badge
    if line is None and asker.attended and not has_badges(config) and asker.agree("Give out a first badge now?"):
        line = _asked(asker)
    if line:
        enrol(asker, config, line)
    host = config.service.service_host
    question = f"Register one presence with the training service {host} now, as a trial?"
    if not proven or not has_badges(config) or not asker.agree(question, key=FIRST_REGISTRATION):
        return
    card = _card_of(line) or (asker.secret("card (hexadecimal, not shown)") if simulated_reader(config) else "")
    register_once(asker, config, card if simulated_reader(config) else None)


def _asked(asker: Asker) -> dict[str, str]:
    answers = {
        "card": asker.type_in("card (hexadecimal, or let a keyboard reader type it)"),
        "insz": asker.secret("INSZ of its holder (not shown)"),
        "name": asker.type_in("name"),
    }
    return {name: value for name, value in answers.items() if value}


def _card_of(line: dict[str, str] | str | None) -> str:
    if isinstance(line, str):
        try:
            line = json.loads(line)
        except ValueError:
            line = None
    return line.get("card", "") if isinstance(line, dict) else ""


def enrol(asker: Asker, config: Config, line: object) -> None:
    """Give a first badge to its holder; raises what ``badge add`` raises."""
    with borrowed_desk(config, create=True) as desk:
        people.badge_add(desk, {"lines": [line]})
    asker.say("the badge is in the roster")


def has_badges(config: Config) -> bool:
    """Whether somebody is enrolled already."""
    if not config.store.path.exists():
        return False
    with borrowed_desk(config, create=False) as desk:
        return bool(people.badge_list(desk, {})["items"])


def register_once(asker: Asker, config: Config, card: str | None) -> None:
    """Start the daemon, take one tap, and wait until the training service has accepted it.

    Args:
        asker: Is told what happens.
        config: Of a box in training: with the real service a trial would be a presence that was none.
        card: For a simulated reader, ``[kind:]hex``; None waits for a badge at the real one.

    Raises:
        UsageError: The box is not in training.
        KioskError: No tap came, or it was not accepted in time; says how it stands.
    """
    if config.service.environment is Environment.PRODUCTION:
        raise UsageError("the first registration is tried in training only", repair="tap when you really come to work")
    with _daemon(config):
        before = _rows(config)
        if card is None:
            asker.say("Tap the badge at the reader now.")
        else:
            answer = _ask(config, "tap", {"card": card})
            asker.say(f"the reader shows: {answer['signal']}")
        row = _wait_for_tap(config, before)
        asker.say(f"recorded: registration {row['id']} of the book")
        done = _wait_for_service(config, int(row["id"]))
    asker.say(f"accepted by {config.service.service_host}: registration {done['registration_id']}, at {done['confirmed_at']}")


def simulated_reader(config: Config) -> bool:
    """Whether taps come from a simulated reader alone."""
    return all(reader.driver is Driver.SIMULATED for reader in config.readers)


def _wait_for_tap(config: Config, before: Mapping[int, Mapping[str, Any]]) -> Mapping[str, Any]:
    end = time.monotonic() + _TAP_SECONDS
    while time.monotonic() < end:
        new = [row for number, row in _rows(config).items() if number not in before]
        if new:
            return new[-1]
        time.sleep(_LOOK_SECONDS)
    raise Declined("no tap was recorded within a minute", repair="is the badge enrolled (`kiosk badge list`)? `kiosk doctor` looks")


def _wait_for_service(config: Config, number: int) -> Mapping[str, Any]:
    end = time.monotonic() + _SEND_SECONDS
    while (row := _ask(config, "outbox show", {"id": number}))["state"] in _UNSENT and time.monotonic() < end:
        time.sleep(_LOOK_SECONDS)
    if row["state"] != State.ACCEPTED:
        error = _ask(config, "status", {})["service"]["last_error"]
        why = row["reason"] or error or "no answer yet"
        raise Declined(
            f"registration {number} is {row['state']}: {why}",
            repair="it is kept and goes on being tried by `kiosk run`; `kiosk doctor` looks for the cause",
        )
    return row


def _rows(config: Config) -> dict[int, dict[str, Any]]:
    return {row["id"]: row for row in _ask(config, "outbox list", {})["items"]}


def _ask(config: Config, call: str, params: Mapping[str, object]) -> dict[str, Any]:
    return control.ask(config.control.socket, call, params)


@contextlib.contextmanager
def _daemon(config: Config) -> Iterator[None]:
    """The real daemon for as long as the trial takes; one that runs already is used."""
    if _answers(config):
        yield
        return
    command = [sys.executable, "-m", "kiosk", "--config", str(config.path), "run"]
    with subprocess.Popen(command, env=os.environ, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as daemon:
        try:
            end = time.monotonic() + _START_SECONDS
            while not _answers(config):
                if daemon.poll() is not None or time.monotonic() > end:
                    raise KioskError("the daemon did not start", repair=f"see what it says: kiosk --config {config.path} run")
                time.sleep(_LOOK_SECONDS)
            yield
        finally:
            daemon.terminate()
            daemon.communicate(timeout=_START_SECONDS)


def _answers(config: Config) -> bool:
    try:
        control.ask(config.control.socket, "status", {})
    except NoDaemon:
        return False
    return True
