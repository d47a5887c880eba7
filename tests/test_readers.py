"""kiosk.readers: each driver opens its own device, and nobody waits for a card longer than he was told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from hardware.contactless import ContactlessReader
from hardware.keyboard import KeyboardReader
from hardware.pcsc import PcscReader
from hardware.ports import ReaderLost
from hardware.simulated import SimulatedReader
from kiosk.config import load
from kiosk.device_settings import Eid
from kiosk.readers import open_reader, within
from kiosk.settings import Driver
from tests.configs import write


def test_each_driver_opens_its_reader(tmp_path: Path) -> None:
    """Each driver that there is is opened."""
    (reader,) = load(write(tmp_path), {}).readers
    assert isinstance(open_reader(reader, Eid()), SimulatedReader)
    assert isinstance(open_reader(replace(reader, driver=Driver.PCSC, match="x"), Eid()), PcscReader)
    assert isinstance(open_reader(replace(reader, driver=Driver.CONTACTLESS, match=None), Eid()), ContactlessReader)
    cards = replace(reader, driver=Driver.EID, match="x")
    assert isinstance(open_reader(cards, Eid()), PcscReader)
    with pytest.raises(ReaderLost, match=r"gone\.crt can't be read"):
        open_reader(cards, Eid(roots=(Path("gone.crt"),)))
    typing = open_reader(replace(reader, driver=Driver.KEYBOARD, match="/dev/input/by-id/x"), Eid())
    assert isinstance(typing, KeyboardReader)
    stop = Event()
    stop.set()
    assert list(typing.sightings(stop)) == [], "it lets go of what it opened"


def test_what_is_laid_on_in_time_is_seen_and_then_it_ends() -> None:
    """Cards come out one by one, and the time that was given ends the wait."""
    reader = SimulatedReader()
    first, second = (reader.tap("uid", bytes([4, 1, 2, number])) for number in (1, 2))
    assert list(within(reader, 0.2)) == [first, second]


def test_whoever_has_seen_enough_waits_no_longer() -> None:
    """The first card alone can be asked for, and nothing of the wait is left behind."""
    reader = SimulatedReader()
    first = reader.tap("uid", bytes([4, 1, 2, 3]))
    seen = within(reader, 3600)
    assert next(seen) is first
    seen.close()
