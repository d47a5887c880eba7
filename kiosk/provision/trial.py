"""The first badge and the first registration: a real tap through the real daemon to the training service."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, assert_never

from hardware.ports import Card, Identity, Reader, ReaderLost, Unreadable
from kiosk import control
from kiosk.badge_fields import parse_insz
from kiosk.contact import ServiceState
from kiosk.errors import Declined, KioskError, NoDaemon, UsageError
from kiosk.identifiers import CardId
from kiosk.model import Environment, Reason, Signal, State
from kiosk.provision import questions
from kiosk.provision.askers import Asker
from kiosk.provision.questions import FIRST_REGISTRATION
from kiosk.readers import open_reader, within
from kiosk.settings import Config, Driver

_START_SECONDS: Final = 30.0
_TAP_SECONDS: Final = 60.0
_SEND_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 0.1
#: So long a person looks for the badge.
_LAY_SECONDS: Final = 60.0
_LAST_LINES: Final = 5
_UNSENT: Final = {State.QUEUED, State.IN_FLIGHT, State.UNKNOWN}

_LOOK: Final = "is the badge enrolled (`kiosk badge list`)? `kiosk doctor` looks"
_WITHOUT: Final = {
    Signal.ALREADY: "this badge tapped a few minutes ago: `kiosk outbox list` shows what became of that, or try again later",
    Signal.UNKNOWN_CARD: "give it to somebody: `kiosk badge add`",
    Signal.LOCAL: "nothing is owed for its holder (`local`): try another badge",
}

#: Has a desk call done by the running daemon, or on the store itself where none runs.
Ask = Callable[[str, Mapping[str, object]], Mapping[str, Any]]


def begin(asker: Asker, config: Config, ask: Ask, *, badge: str | None, proven: bool) -> None:
    """Give out a first badge where there is none yet, and register one presence after an explicit yes.

    Args:
        asker: Answers.
        config: Of a box in training.
        ask: The desk, with or without a daemon.
        badge: One line of ``badge add``, from standard input; None asks a person for it.
        proven: Whether the token server knows the box: else a trial could only fail.
    """
    line: dict[str, str] | str | None = badge
    if line is None and asker.attended and not _has_badges(config, ask) and asker.agree("Give out a first badge now?"):
        line = _asked(asker, config)
    if line:
        ask("badge add", {"lines": [line]})
        asker.say("the badge is in the roster")
    host = config.service.service_host
    question = f"Register one presence with the training service {host} now, as a trial?"
    if not proven or not _has_badges(config, ask) or not asker.agree(question, key=FIRST_REGISTRATION):
        return
    simulated = simulated_reader(config)
    card = _card_of(line) or (
        asker.secret("Which badge taps, its card (hexadecimal, not shown)", CardId.parse) if simulated else ""
    )
    register_once(asker, config, card if simulated else None)


def _asked(asker: Asker, config: Config) -> dict[str, str]:
    answers = {
        "card": _laid(asker, config) or asker.type_in("card (hexadecimal, or let a keyboard reader type it)", CardId.parse_badge),
        "insz": asker.secret("INSZ of its holder (not shown)", parse_insz),
        "name": asker.type_in("name"),
    }
    if len(config.declarations) > 1:
        known = [declaration.number.value for declaration in config.declarations]
        answers["declaration"] = asker.type_in(f"for which declaration ({', '.join(known)})", questions.one_of(known))
    return {name: value for name, value in answers.items() if value}


def _laid(asker: Asker, config: Config) -> str | None:
    """Let a real reader tell the badge's number, which nobody can read off it; not while the daemon has the reader."""
    real = [reader for reader in config.readers if reader.driver not in {Driver.SIMULATED, Driver.EID}]
    if not real or _answers(config):
        return None
    asker.say(f"Lay the badge on the reader now (or wait {_LAY_SECONDS:.0f} seconds to type its number).")
    try:
        return first_card(open_reader(real[0], config.eid), asker.say, seconds=_LAY_SECONDS)
    except ReaderLost as lost:
        asker.say(f"No badge could be read: {lost}")
        return None


def first_card(reader: Reader, tell: Callable[[str], None], *, seconds: float) -> str | None:
    """Wait for a card on a reader; its number as ``badge add`` takes it, or None if none that can be used came in time.

    Raises:
        ReaderLost: The reader can't be used at all.
    """
    for sighting in within(reader, seconds):
        match sighting:
            case Card():
                return f"{sighting.kind}:{sighting.identifier.hex()}"
            case Identity():
                tell("  that is an identity card; lay a badge on the reader")
            case Unreadable(why=why):
                tell(f"  that one can't be used: {why}")
            case other:
                assert_never(other)
    return None


def _card_of(line: dict[str, str] | str | None) -> str:
    if isinstance(line, str):
        try:
            line = json.loads(line)
        except ValueError:
            line = None
    return line.get("card", "") if isinstance(line, dict) else ""


def _has_badges(config: Config, ask: Ask) -> bool:
    return config.store.path.exists() and bool(ask("badge list", {})["items"])


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
            if _rows(config).keys() == before.keys():
                raise Declined("nothing came of it that is to be sent", repair=_WITHOUT.get(answer["signal"], _LOOK))
        row = _wait_for_tap(config, before)
        asker.say(f"recorded: registration {row['id']} of the book; sending it may take a minute")
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
    raise Declined("no tap was recorded within a minute", repair=_LOOK)


def _wait_for_service(config: Config, number: int) -> Mapping[str, Any]:
    end = time.monotonic() + _SEND_SECONDS
    while (row := _ask(config, "outbox show", {"id": number}))["state"] in _UNSENT and time.monotonic() < end:
        service = _ask(config, "status", {})["service"]
        # Neither ends by waiting: somebody must be allowed, or something put right.
        if row["reason"] == Reason.GROUP or service["state"] == ServiceState.CONFIG_FAULT:
            break
        time.sleep(_LOOK_SECONDS)
    if row["state"] != State.ACCEPTED:
        error = _ask(config, "status", {})["service"]["last_error"]
        why = ": ".join(filter(None, (row["reason"], error))) or "no answer yet"
        held = f"`kiosk outbox release {number}` says what it lacks, and sends it once that is put right"
        tried = "it is kept and goes on being tried by `kiosk run`; `kiosk doctor` looks for the cause"
        raise Declined(f"registration {number} is {row['state']}: {why}", repair=held if row["state"] == State.HELD else tried)
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
    # The kernel ends it when this process is gone, however that ended: a daemon that nobody knows of would hold the store.
    command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "kiosk", "--config", str(config.path), "run"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, env=os.environ, stdin=subprocess.DEVNULL, stderr=log) as daemon,
    ):
        try:
            end = time.monotonic() + _START_SECONDS
            while not _answers(config):
                if daemon.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    said = log.read().decode(errors="replace").strip().splitlines()[-_LAST_LINES:]
                    raise KioskError("\n".join(("the daemon did not start", *said)), repair=f"kiosk --config {config.path} check")
                time.sleep(_LOOK_SECONDS)
            yield
        finally:
            daemon.terminate()
            daemon.wait(_START_SECONDS)


def _answers(config: Config) -> bool:
    try:
        control.ask(config.control.socket, "status", {})
    except NoDaemon:
        return False
    return True
