"""A card on a reader behind a real pcscd becomes one registration at the service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardware.virtual_reader import READER_NAME, VirtualReader
from kiosk.model import BadgeLine, rfc3339
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import DECLARATION, EMPLOYER, PLACE, invented_card, invented_line
from tests.sites import assert_each_once, assert_in_order, book, until

PCSC_GATE = f'[[reader]]\nname = "gate"\ndriver = "pcsc"\nmatch = "{READER_NAME}"\n'
WORKER = replace(invented_line(1), profile=replace(invented_line(1).profile, employer=EMPLOYER, declaration=DECLARATION))
UID = WORKER.card.identifier


@pytest.fixture
def gate(tmp_path: Path, simulator: Simulator, virtual_reader: VirtualReader) -> Iterator[Box]:
    """A running box whose only reader is the virtual one, with one worker on its roster."""
    folder = tmp_path / "box"
    folder.mkdir()
    with Box(folder, simulator, readers=PCSC_GATE, environ=virtual_reader.env) as box:
        box.provision().start().enrol([WORKER])
        until(lambda: reader_state(box) == "ready", "the reader is not ready")
        yield box


def reader_state(box: Box) -> Any:
    (reader,) = box.status()["readers"]
    assert (reader["name"], reader["driver"]) == ("gate", "pcsc")
    return reader["state"]


def count(box: Box) -> int:
    status = box.status()
    return int(status["queued"] + status["in_flight"] + status["unknown"] + status["accepted"])


def lie_still(box: Box, virtual_reader: VirtualReader, simulator: Simulator, seconds: float) -> None:
    virtual_reader.insert(UID)
    until(lambda: count(box) == 1, "the card was not seen")
    time.sleep(seconds)
    virtual_reader.remove()
    time.sleep(1)
    box.settle()
    assert count(box) == len(simulator.ledger.rows()) == 1
    assert box.log.read_text().count('"event": "tap"') == 1


def test_a_card_gives_one_accepted_registration_and_later_the_way_out(
    gate: Box, simulator: Simulator, virtual_reader: VirtualReader
) -> None:
    """Whoever taps is registered: this person, in, at that second, at this place, for his employer and declaration; later out."""
    before = time.time()
    virtual_reader.tap(UID)
    until(lambda: count(gate) == 1, "the card was not seen")
    after = time.time()
    gate.settle()
    (row,) = simulator.ledger.rows()
    assert row.item["ssin"] == WORKER.profile.insz.digits
    assert row.item["type"] == "in"
    assert row.item["registrationDate"] in {rfc3339(second * 1000) for second in range(int(before), int(after) + 1)}
    assert row.item["registrationDate"] == book(gate)[0]["tapped_at"]
    assert row.item["placeOfWork"] == {"coordinates": {"longitude": PLACE.longitude, "latitude": PLACE.latitude}}
    assert row.item["employer"] == {"enterpriseNumber": EMPLOYER.value}
    assert row.item["contractualRelationshipReference"] == DECLARATION.value
    assert simulator.ledger.duplicates() == 0

    time.sleep(1.1)
    virtual_reader.tap(UID)
    until(lambda: count(gate) == 2, "the second tap was not seen")
    gate.settle()
    assert [row.item["type"] for row in simulator.ledger.rows()] == ["in", "out"]
    assert_each_once(simulator, book(gate))


def test_a_card_that_is_left_lying_registers_once(gate: Box, simulator: Simulator, virtual_reader: VirtualReader) -> None:
    """A badge that stays on the reader beyond debounce and minimum stay is one tap."""
    lie_still(gate, virtual_reader, simulator, 4)


@pytest.mark.long
def test_a_card_that_is_left_lying_for_long_registers_once(gate: Box, simulator: Simulator, virtual_reader: VirtualReader) -> None:
    """Nor do thirty seconds make two of one."""
    lie_still(gate, virtual_reader, simulator, 30)


def test_no_tap_is_lost_when_pcscd_dies_between_taps(gate: Box, simulator: Simulator, virtual_reader: VirtualReader) -> None:
    """Whenever pcscd is killed and comes back, the reader is absent, then ready by itself, and the next tap counts."""
    for turn in range(1, 5):
        virtual_reader.kill_pcscd()
        until(lambda: reader_state(gate) == "absent", "the loss was not noticed")
        virtual_reader.start_pcscd()
        until(lambda: reader_state(gate) == "ready", "the reader did not come back")
        virtual_reader.tap(UID)
        until(lambda turn=turn: count(gate) == turn, f"tap {turn} was lost")  # type: ignore[misc]  # a default binds the loop's value
    gate.settle()
    assert [row.item["type"] for row in simulator.ledger.rows()] == ["in", "out", "in", "out"]
    assert_each_once(simulator, book(gate))
    assert_in_order(simulator.ledger.rows())
    assert gate.daemon is not None
    assert gate.daemon.poll() is None


@pytest.mark.parametrize(("taps", "every"), [(9, 3), pytest.param(200, 10, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_a_pcscd_that_is_killed_again_and_again_loses_no_tap(
    gate: Box, simulator: Simulator, virtual_reader: VirtualReader, taps: int, every: int
) -> None:
    """Killed in the middle of the queue, and brought back as systemd does: each tap that was seen is registered once, in order."""
    back: list[float] = []
    gate.enrol([invented_line(person) for person in range(10, 15)])
    for number in range(1, taps + 1):
        # By turns, so that nobody's tap is a repeat of his own.
        virtual_reader.tap(invented_card(10 + number % 5).identifier)
        until(lambda number=number: count(gate) == number, f"tap {number} was lost")  # type: ignore[misc]  # a default binds the loop's value
        if number % every == 0:
            virtual_reader.kill_pcscd()
            until(lambda: reader_state(gate) == "absent", "the loss was not noticed")
            virtual_reader.start_pcscd()
            began = time.monotonic()
            until(lambda: reader_state(gate) == "ready", "the reader did not come back")
            back.append(time.monotonic() - began)
    gate.settle()
    assert_each_once(simulator, book(gate))
    assert_in_order(simulator.ledger.rows())
    assert len(simulator.ledger.rows()) == taps
    print(f"\n{taps} taps, {len(back)} kills of pcscd: 0 lost, 0 twice; reader back within {max(back):.2f} s")  # noqa: T201


def test_a_card_nobody_knows_is_kept_and_not_sent(gate: Box, simulator: Simulator, virtual_reader: VirtualReader) -> None:
    """An unknown card opens a task for a human and registers nobody."""
    stranger: BadgeLine = invented_line(2)
    assert stranger.card == invented_card(2)
    virtual_reader.tap(stranger.card.identifier)
    until(lambda: gate.status()["tasks"] == 1, "the card was not seen")
    assert count(gate) == len(simulator.ledger.rows()) == 0
    assert '"signal": "unknown_card"' in gate.log.read_text()
