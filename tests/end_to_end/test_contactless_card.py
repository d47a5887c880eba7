"""A card that nfcpy's own drivers read becomes one registration at the service, and the reader may come and go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import DECLARATION, EMPLOYER, invented_line
from tests.pn532 import Pn532, TypeA
from tests.sites import assert_each_once, book, until
from tests.udp_field import UdpField

GATE = '[[reader]]\nname = "gate"\ndriver = "contactless"\nmatch = "{}"\n'
WORKER = replace(invented_line(1), profile=replace(invented_line(1).profile, employer=EMPLOYER, declaration=DECLARATION))
BADGE = TypeA(WORKER.card.identifier)
PHONE = TypeA(bytes.fromhex("08A1B2C3"), sel_res=0x20)


@pytest.fixture
def chip() -> Iterator[Pn532]:
    if os.geteuid() != 0:
        pytest.skip("needs root to put a serial line into /dev")
    with Pn532() as plugged:
        yield plugged


def box_at(folder: Path, simulator: Simulator, path: str) -> Box:
    folder.mkdir()
    return Box(folder, simulator, readers=GATE.format(path)).provision()


def gate_state(box: Box) -> Any:
    (reader,) = box.status()["readers"]
    assert (reader["name"], reader["driver"]) == ("gate", "contactless")
    return reader["state"]


def count(box: Box) -> int:
    status = box.status()
    return int(status["queued"] + status["in_flight"] + status["unknown"] + status["accepted"])


def line_of_reader(box: Box) -> str:
    (line,) = [each for each in box.verb("check").out.splitlines() if "reader gate:" in each]
    return line


def test_a_badge_at_a_pn532_is_registered_through_all_that_befalls_the_chip(
    tmp_path: Path, simulator: Simulator, chip: Pn532
) -> None:
    """In by the first tap; the plug is pulled, and the box says so and goes on; the daemon is killed; out by the next tap."""
    with box_at(tmp_path / "box", simulator, chip.path) as box:
        assert line_of_reader(box).endswith(f"PN532v1.6 at /dev/{chip.name}, toggle")
        box.start().enrol([WORKER])
        until(lambda: gate_state(box) == "ready", "the reader is not ready")
        assert line_of_reader(box).endswith(f"{chip.path}, toggle; the running daemon has it")
        chip.card = BADGE
        until(lambda: count(box) == 1, "the card was not seen")
        chip.unplug()
        until(lambda: gate_state(box) == "absent", "the loss was not noticed")
        chip.card = None
        chip.plug()
        until(lambda: gate_state(box) == "ready", "the reader did not come back")
        box.kill()
        assert chip.speed == 7, "the daemon said goodbye, though it was killed"
        box.start()
        until(lambda: gate_state(box) == "ready", "the chip was not brought back")
        chip.card = BADGE
        until(lambda: count(box) == 2, "the second tap was not seen")
        box.settle()
        assert [row.item["type"] for row in simulator.ledger.rows()] == ["in", "out"]
        assert_each_once(simulator, book(box))
        assert box.stop() == 0
        assert WORKER.card.identifier.hex().upper() not in box.log.read_text().upper()


def test_over_udp_a_badge_is_registered_and_a_phone_is_not(tmp_path: Path, simulator: Simulator) -> None:
    """In training cards may come over the network; a number that changes each time is answered, and neither kept nor sent."""
    with UdpField() as field, box_at(tmp_path / "box", simulator, field.path) as box:
        box.start().enrol([WORKER])
        until(lambda: gate_state(box) == "ready", "the reader is not ready")
        field.card = PHONE
        until(lambda: '"signal": "unreadable"' in box.log.read_text(), "the phone was not answered")
        assert "another number each time" in box.log.read_text()
        assert count(box) == box.status()["tasks"] == 0
        field.card = BADGE
        until(lambda: count(box) == 1, "the card was not seen")
        box.settle()
        assert [row.item["ssin"] for row in simulator.ledger.rows()] == [WORKER.profile.insz.digits]
