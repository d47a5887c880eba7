"""From the moment in which a card is seen to the lamp that is lit: a real pcscd, the real reader, intake, store and lamps."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from threading import Event

import pytest

from hardware.indicator import RecordingIndicator
from hardware.pcsc import PcscReader
from hardware.ports import Card
from hardware.virtual_reader import VirtualReader
from kiosk.lamps import Lamps
from kiosk.model import Environment, Signal
from tests.benchmarks.stage import ZONE, Stage
from tests.benchmarks.table import Figure, Table
from tests.people import invented_card
from tests.sites import until

_TAPS = 15
_MS = 1e6

pytestmark = pytest.mark.benchmark


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_a_card_is_green_at_once(disk: Path, virtual_reader: VirtualReader, table: Table) -> None:
    """Printed as the sum of its parts: reading the card, recording it durably, lighting the lamp."""
    parts: dict[str, list[float]] = {"reading": [], "recording": [], "lighting": [], "whole": []}
    lit = RecordingIndicator()
    stop, reader = Event(), PcscReader("virtual pcd")
    with Stage(disk) as stage:
        lamps = Lamps(lit, Environment.PRODUCTION, stage.clock, zone=ZONE, night=None)
        sightings = reader.sightings(stop)
        for number in range(_TAPS):
            virtual_reader.insert(invented_card(number).identifier)
            card = next(sightings)
            read_ns = _boot_ns()
            assert isinstance(card, Card)
            answer = stage.take(card)
            recorded_ns = _boot_ns()
            assert answer.signal is Signal.IN
            lamps.answer(answer)
            until(lambda recorded_ns=recorded_ns: any(each.boot_ns >= recorded_ns and each.light for each in lit.story), "no light")  # type: ignore[misc]  # a default binds the loop's value
            lit_ns = next(each.boot_ns for each in lit.story if each.boot_ns >= recorded_ns and each.light)
            for part, took in (
                ("reading", read_ns - card.boot_ns),
                ("recording", recorded_ns - read_ns),
                ("lighting", lit_ns - recorded_ns),
                ("whole", lit_ns - card.boot_ns),
            ):
                parts[part].append(took / _MS)
            virtual_reader.remove()
            time.sleep(0.5)  # pcscd looks every 0.4 s whether the card is still there
        stop.set()
        reader.wake()
    lit.close()
    told = " + ".join(f"{part} {median(took):.1f}" for part, took in parts.items() if part != "whole")
    table.judge(Figure(quantity="card seen to green, median", measured=median(parts["whole"]), unit=" ms", goal=15, against=told))
    table.judge(
        Figure(quantity="card seen to green, the slowest", measured=max(parts["whole"]), unit=" ms", goal=50, against=f"of {_TAPS}")
    )
