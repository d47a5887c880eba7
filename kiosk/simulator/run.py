"""What ``kiosk simulator`` does: start the double, say where it is, serve until told to stop."""

from __future__ import annotations

import json
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from kiosk.errors import UsageError
from kiosk.simulator.faults import Fault, Order
from kiosk.simulator.simulator import Behaviour, Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the verb was asked.

    Attributes:
        state_dir: Where the authority and the server's certificate live.
        behaviour: Host, port, delays, token life, seed.
        clients: Client ids, each with the file of its certificate or public key, PEM.
        chances: Faults that come by chance, each with its probability per request, 0 to 1.
        denied_employers: Enterprise or foreign VAT numbers that are answered with 403 missingPermission.
        json: One JSON object on one line instead of a text for people.
    """

    state_dir: Path
    behaviour: Behaviour
    clients: tuple[tuple[str, Path], ...] = ()
    chances: tuple[tuple[Fault, float], ...] = ()
    denied_employers: tuple[str, ...] = ()
    json: bool = False


def run(options: Options, *, out: TextIO = sys.stdout) -> int:
    """Serve until SIGTERM or SIGINT; returns 0. Must run in the main thread.

    Raises:
        UsageError: A port, directory, client file or probability that can't be used.
    """
    simulator = Simulator(options.state_dir, behaviour=options.behaviour)
    for client_id, path in options.clients:
        _add_client(simulator, client_id, path)
    for fault, probability in options.chances:
        _add_chance(simulator, fault, probability)
    simulator.settings.denied_employers = frozenset(options.denied_employers)
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with simulator:
            out.write(_announcement(simulator, as_json=options.json))
            out.flush()
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _add_client(simulator: Simulator, client_id: str, path: Path) -> None:
    try:
        simulator.add_client(client_id, path.read_bytes())
    except OSError as error:
        raise UsageError(f"the client's file {path} can't be read: {error.strerror}", repair="name a PEM file") from error
    except ValueError as error:
        raise UsageError(
            f"the client's file {path} can't be used: {error}", repair="kiosk provision makes a fitting key"
        ) from error


def _add_chance(simulator: Simulator, fault: Fault, probability: float) -> None:
    try:
        simulator.faults.chance(Order(fault=fault), probability)
    except ValueError as error:
        raise UsageError(f"fault {fault.value}: {error}", repair="name a probability such as 0.1") from error


def _announcement(simulator: Simulator, *, as_json: bool) -> str:
    where = {"api_url": simulator.api_url, "token_url": simulator.token_url, "ca_file": str(simulator.ca_file.absolute())}
    if as_json:
        return json.dumps(where) + "\n"
    return "The service double is ready; nothing it accepts is a registration.\n" + "".join(
        f"  {key} = {value}\n" for key, value in where.items()
    )
