"""hardware.simulated keeps the readers' contract and hands back the very sighting it will yield."""

from __future__ import annotations

from threading import Event

import pytest

from hardware import cards
from hardware.ports import Card, ReaderLost, Unreadable
from hardware.simulated import SimulatedReader
from tests.contracts.reader import PATIENCE_SECONDS, ReaderBench, ReaderContract, reading
from tests.contracts.waiting import wakes_in

UID = bytes.fromhex("04A1B2C3D4E580")


class TestSimulatedReaderKeepsTheContract(ReaderContract):
    @pytest.fixture
    def bench(self) -> ReaderBench:
        reader = SimulatedReader()

        def insert(identifier: bytes) -> None:
            reader.tap("uid", identifier)

        return ReaderBench(reader=reader, insert=insert, unplug=reader.detach, plug=reader.attach)


def test_tap_returns_the_object_that_will_be_yielded() -> None:
    """An answer finds its tap by identity, so tap and sightings hand over one and the same object."""
    reader = SimulatedReader(clock=lambda: 42)
    with reading(reader) as seen:
        card = reader.tap("uid", UID, technology="desfire")
        odd = reader.tap("uid", UID[:3])
        assert seen.get(timeout=PATIENCE_SECONDS) is card
        assert seen.get(timeout=PATIENCE_SECONDS) is odd
    assert isinstance(card, Card)
    assert (card.kind, card.identifier, card.technology, card.boot_ns) == ("uid", UID, "desfire", 42)
    assert isinstance(odd, Unreadable)


def test_technology_is_simulated_unless_told_otherwise() -> None:
    """A simulated tap can be told from a real one in the record."""
    card = SimulatedReader().tap("uid", UID)
    assert isinstance(card, Card)
    assert card.technology == "simulated"


def test_a_card_can_be_made_unreadable() -> None:
    """A card that gives no answer can be played, with its reason and without its identifier."""
    sighting = SimulatedReader(clock=lambda: 7).tap("uid", UID, unreadable="no answer from the card")
    assert isinstance(sighting, Unreadable)
    assert (sighting.why, sighting.boot_ns) == ("no answer from the card", 7)
    assert UID.hex() not in repr(sighting).lower()


@pytest.mark.parametrize(
    "identifier", ["", "04A1B2", "88A1B2C3", "00000000", "FFFFFFFFFFFFFF", "08A1B2C3", "80A1B2C3", "01020304", "04A1B2C3D4E58011"]
)
def test_identifiers_are_judged_as_by_the_real_reader(identifier: str) -> None:
    """Whatever a PC/SC reader would not take for a badge's number is unreadable here for the same reason."""
    raw = bytes.fromhex(identifier)
    sighting = SimulatedReader().tap("uid", raw)
    real = cards.reading(raw + b"\x90\x00", atr=b"")
    if isinstance(real, cards.Identified):
        assert isinstance(sighting, Card)
        assert sighting.identifier == raw
    else:
        assert isinstance(sighting, Unreadable)
        assert sighting.why == real.why


def test_an_unplugged_reader_takes_no_card() -> None:
    """A tap on an unplugged reader is refused, and nothing of it turns up when the plug is put back."""
    reader = SimulatedReader()
    reader.detach()
    with pytest.raises(ReaderLost, match="unplugged"):
        reader.tap("uid", UID)
    reader.attach()
    with reading(reader) as seen:
        later = reader.tap("uid", UID)
        assert seen.get(timeout=PATIENCE_SECONDS) is later
    assert seen.empty()


def test_a_card_laid_on_before_the_plug_was_pulled_is_still_read() -> None:
    """What the reader had seen already is not lost with the cable."""
    reader = SimulatedReader()
    card = reader.tap("uid", UID)
    reader.detach()
    with reading(reader) as seen:
        assert seen.get(timeout=PATIENCE_SECONDS) is card


def test_nothing_is_yielded_after_stop() -> None:
    """Once told to stop it begins no new card."""
    reader, stop = SimulatedReader(), Event()
    first = reader.tap("uid", UID)
    reader.tap("uid", UID)
    sightings = reader.sightings(stop)
    assert next(sightings) is first
    stop.set()
    assert list(sightings) == []


def test_waiting_costs_nothing() -> None:
    """A reader that waits sleeps: it does not wake up again and again to look."""
    with reading(SimulatedReader()):
        assert wakes_in(0.3, "reader under test") <= 2
