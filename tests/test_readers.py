"""kiosk.readers: each driver opens its own device."""

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
from kiosk.readers import open_reader
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
