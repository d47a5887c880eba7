"""The real daemon is killed at random moments under load, while the service cuts, hangs and lies: nothing lost, nothing twice."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Final

import pytest

from kiosk.errors import KioskError
from kiosk.simulator.faults import Fault, Order
from kiosk.simulator.ledger import Row
from kiosk.simulator.messages import Operation
from kiosk.simulator.simulator import Behaviour, Simulator
from tests.box import Box
from tests.people import invented_card, invented_insz, invented_line
from tests.sites import APART_SECONDS, assert_each_once, book, calls, until

_SEED: Final = 20261125
_HANDS, _PEOPLE_A_HAND = 3, 8
_READERS: Final = "".join(
    f'[[reader]]\nname = "{way}{number}"\ndriver = "simulated"\ndirection = "{way}"\n' for way in ("in", "out") for number in (0, 1)
)
_HASTY: Final = (
    "settle_seconds = 1\nbackoff_cap_seconds = 0\nconnect_cap_seconds = 0\nstart_jitter_seconds = 0\ntimeout_seconds = 0.5\n"
    "order_wait_minutes = 600\n"
)
#: After most of these nobody at the box can know what was done; the rest ask it to come back later.
_LIES: Final = (
    Fault.CUT_BEFORE_COMMIT,
    Fault.CUT_AFTER_COMMIT,
    Fault.HANG_BEFORE_COMMIT,
    Fault.HANG_AFTER_COMMIT,
    Fault.DRIP,
    Fault.TRUNCATED_BODY,
    Fault.GARBAGE_BODY,
    Fault.SHORT_ANSWER,
    Fault.CAPTIVE_PORTAL,
    Fault.SERVER_ERROR_AFTER_COMMIT,
    Fault.BAD_GATEWAY_BEFORE_COMMIT,
    Fault.BAD_GATEWAY_AFTER_COMMIT,
    Fault.BARE_UNAVAILABLE_AFTER_COMMIT,
    Fault.TOO_MANY_REQUESTS,
)
_OF_REGISTER, _OF_SEARCH = 0.04, 0.02


@dataclass(frozen=True)
class Acknowledged:
    """A tap that the box answered with green, and between which Unix seconds UTC it was made."""

    id: int
    person: int
    direction: str
    after: int
    before: int


@dataclass
class Hand:
    """A thread that lets its people come and go in turn, whatever becomes of the daemon."""

    box: Box
    people: Sequence[int]
    dice: random.Random
    acknowledged: list[Acknowledged] = field(default_factory=list)
    unanswered: int = 0
    strange: list[object] = field(default_factory=list)

    def run(self, stop: Event) -> None:
        last: dict[tuple[int, str], float] = {}
        lap = 0
        while not stop.is_set():
            direction = "out" if lap % 2 else "in"
            for person in self.people:
                # To the service, two taps of one person in one direction differ by their second only.
                stop.wait(max(0.03, last.get((person, direction), 0.0) + APART_SECONDS - time.monotonic()))
                self._tap(person, direction)
                last[person, direction] = time.monotonic()
            lap += 1

    def _tap(self, person: int, direction: str) -> None:
        after = int(time.time())
        try:
            answer = self.box.tap(invented_card(person), reader=f"{direction}{self.dice.randrange(2)}")
        except KioskError:
            self.unanswered += 1
            return
        before = int(time.time())
        if answer["signal"] == direction:
            (number,) = answer["ids"]
            self.acknowledged.append(Acknowledged(number, person, direction, after, before))
        # What a killed daemon recorded and could not say: whoever comes in again is told that he is in.
        elif answer["signal"] != "already":
            self.strange.append(answer)


@contextmanager
def tapping(hands: Sequence[Hand]) -> Iterator[None]:
    """All hands at work."""
    stop = Event()
    threads = [Thread(target=hand.run, args=(stop,)) for hand in hands]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def answers(box: Box) -> bool:
    """Whether a daemon answers."""
    try:
        box.status()
    except KioskError:
        return False
    return True


def live_and_die(box: Box, dice: random.Random) -> str:
    """One life of the daemon, ended by SIGKILL while it starts, works or stops; returns which."""
    daemon = box.spawn()
    moment = dice.choices(("starting", "working", "stopping"), (2, 6, 2))[0]
    if moment == "starting":
        time.sleep(dice.uniform(0, 1))
    else:
        until(lambda: answers(box), "the daemon does not come back after a kill", seconds=30)
        time.sleep(dice.uniform(0, 1.5))
    if moment == "stopping":
        daemon.terminate()
        time.sleep(dice.uniform(0, 0.2))
    box.kill()
    return moment


def lie(simulator: Simulator) -> None:
    """Let every fault come by chance."""
    for fault in _LIES:
        simulator.faults.chance(Order(fault=fault, operation=Operation.REGISTER, seconds=1, retry_after=1), _OF_REGISTER)
        if fault.meets(Operation.SEARCH):
            simulator.faults.chance(Order(fault=fault, operation=Operation.SEARCH, seconds=1, retry_after=1), _OF_SEARCH)
    simulator.faults.chance(Order(fault=Fault.CUT_BEFORE_COMMIT, operation=Operation.TOKEN), _OF_REGISTER)


def lost(acknowledged: Sequence[Acknowledged], held: dict[int, Row], of_box: dict[int, int]) -> list[int]:
    """The ids of acknowledged taps that the service does not hold with their person, direction and true second."""

    def there(tap: Acknowledged) -> bool:
        row = held.get(of_box.get(tap.id, -1))
        if row is None:
            return False
        second = int(datetime.fromisoformat(row.item["registrationDate"]).timestamp())
        same = (row.item["ssin"], row.item["type"]) == (invented_insz(tap.person).digits, tap.direction)
        return same and tap.after <= second <= tap.before

    return [tap.id for tap in acknowledged if not there(tap)]


def disorder(rows: Sequence[Row]) -> int:
    """How many registrations of a person reached the service after a later one of his."""
    times: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        times[row.item["ssin"]].append(row.at_ms)
    return sum(after < before for own in times.values() for before, after in pairwise(own))


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kills", [50, pytest.param(1_000, marks=pytest.mark.long)])
def test_no_kill_loses_or_doubles_a_tap(tmp_path: Path, kills: int) -> None:
    """However often it is killed, each acknowledged tap is at the service once, with its person, direction and true second."""
    began = time.monotonic()
    dice = random.Random(_SEED)  # noqa: S311  the same moments in every run
    folder = tmp_path / "box"
    folder.mkdir()
    with (
        Simulator(tmp_path / "service", behaviour=Behaviour(seed=_SEED)) as simulator,
        Box(folder, simulator, service=_HASTY, readers=_READERS) as box,
    ):
        box.provision()
        everybody = range(_HANDS * _PEOPLE_A_HAND)
        box.enrol([invented_line(number) for number in everybody])
        lie(simulator)
        hands = [Hand(box, everybody[number::_HANDS], random.Random(number)) for number in range(_HANDS)]  # noqa: S311  as above
        with tapping(hands):
            moments = [live_and_die(box, dice) for _ in range(kills)]
        simulator.faults.clear()
        box.start()
        # Killed a thousand times it hardly ever sends: what was tapped meanwhile goes now.
        box.settle(seconds=max(120, kills))
        rows, held = book(box), simulator.ledger.rows()
        acknowledged = [tap for hand in hands for tap in hand.acknowledged]
        of_box = {row["id"]: row["registration_id"] for row in rows}
        gone = lost(acknowledged, {row.id: row for row in held}, of_box)
        met = sum(entry.fault is not None for entry in simulator.journal.entries())
        print(  # noqa: T201  the figures of this run
            f"seed {_SEED}: {kills} kills ({', '.join(f'{moments.count(each)} {each}' for each in sorted(set(moments)))}),"
            f" {len(acknowledged)} taps acknowledged, {sum(hand.unanswered for hand in hands)} unanswered, {len(held)} registered,"
            f" {met} faults, {calls(simulator, Operation.SEARCH)} searches:"
            f" {len(gone)} lost, {simulator.ledger.duplicates()} twice,"
            f" {disorder(held)} out of order, {time.monotonic() - began:.0f} s"
        )
        assert [hand.strange for hand in hands] == [[]] * _HANDS
        assert len({tap.id for tap in acknowledged}) == len(acknowledged), "an id that was acknowledged was given again"
        assert acknowledged
        assert gone == []
        assert_each_once(simulator, rows)
        assert disorder(held) == 0
