"""The daemon's own process from its first start to its end: badges, taps, and calls that a lying service answers or loses."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import time
from datetime import datetime
from typing import Final

from kiosk.errors import KioskError
from kiosk.settings import Config
from kiosk.simulator.faults import Fault
from kiosk.simulator.messages import Delivery, Manner, Operation, Request
from kiosk.simulator.simulator import Simulator
from tests.box import QUICK_SERVICE, Box
from tests.configs import change
from tests.faults.power_stage import mark
from tests.people import invented_card, invented_line
from tests.sites import APART_SECONDS, GATES, TWO_GATES, until

_PEOPLE: Final = 6
#: One a round; nobody at the box can know whether the call was carried out.
_LIES: Final = (Fault.CUT_AFTER_COMMIT, Fault.BAD_GATEWAY_BEFORE_COMMIT)
_SERVER_ERROR: Final = 500


def daemon(config: Config) -> None:
    """A box is set up, its people come and go twice while the service lies, and it is told to stop."""
    folder = config.path.parent
    for name in ("store.key", "client.key.pem"):
        (folder / name).unlink()  # this box makes its own
    simulator = Simulator(folder / "service")
    _mark_calls(simulator)
    service = f"{QUICK_SERVICE}batch_size = 4\n"
    with simulator, Box(folder, simulator, service=service, rules="minimum_stay_minutes = 0\n", readers=TWO_GATES) as box:
        _work(_in_its_place(box.provision()))
    _mark_times(config)


def _in_its_place(box: Box) -> Box:
    """Its store in the folder that is recorded, so that nothing else lies there."""
    text = change(('path = "kiosk.db"', 'path = "store/kiosk.db"'), text=box.config.read_text(encoding="utf-8"))
    box.config.write_text(f'{text}\n[control]\nsocket = "kiosk.sock"\n', encoding="utf-8")
    return box


def _work(box: Box) -> None:
    box.spawn()
    until(lambda: _answers(box), "the daemon did not start", seconds=60)
    box.enrol([invented_line(person) for person in range(_PEOPLE)])
    for lie in _LIES:
        box.simulator.fault(lie, operation=Operation.REGISTER)
        for direction in ("in", "out"):
            for person in range(_PEOPLE):
                box.tap(invented_card(person), reader=GATES[direction])
        box.settle()
        time.sleep(APART_SECONDS)  # else the same person comes again in the same second
    assert box.stop() == 0, box.log.read_text()


def _answers(box: Box) -> bool:
    try:
        return bool(box.status())
    except KioskError:
        return False


def _mark_calls(simulator: Simulator) -> None:
    """Mark what reaches the service, and before an answer leaves it what the box is about to know."""
    handle = simulator.exchange.handle

    def marked(request: Request) -> Delivery:
        if request.path.endswith("/registerInBulk"):
            items = json.loads(request.body or b"{}")["items"]
            mark(sent=[_key(item["ssin"], item["type"], item["registrationDate"]) for item in items])
        delivery = handle(request)
        known = {_key(row.item["ssin"], row.item["type"], row.item["registrationDate"]): row.id for row in simulator.ledger.rows()}
        mark(accepted=known, **({"back": "an answer"} if _tells(delivery) else {}))
        return delivery

    simulator.exchange.handle = marked  # type: ignore[method-assign]  # the double has no place for a listener


def _tells(delivery: Delivery) -> bool:
    """Whether the box knows afterwards what became of its call."""
    response = delivery.response
    return response is not None and delivery.manner is Manner.WHOLE and response.status < _SERVER_ERROR


def _key(ssin: str, direction: str, date: str) -> str:
    """What the service knows a registration by; see ``power_stage.key_of``."""
    return f"{ssin} {direction} {round(datetime.fromisoformat(date).timestamp())}"


def _mark_times(config: Config) -> None:
    """An acknowledgement does not tell the time of its tap: what it was in the end it must have been from the beginning."""
    copy = config.path.parent / "end.db"
    shutil.copyfile(config.store.path, copy)
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        times = dict(connection.execute("SELECT id, wall_ms FROM registrations").fetchall())
    assert len(times) == len(_LIES) * 2 * _PEOPLE
    mark(times=times, foreseen=True)
