"""Opens the device behind each configured reader; its library is loaded only on a box that has such a reader."""

from __future__ import annotations

from collections.abc import Callable, Generator
from threading import Event, Timer

from hardware.ports import Reader, Sighting
from hardware.simulated import SimulatedReader
from kiosk.device_settings import Eid
from kiosk.settings import Driver
from kiosk.settings import Reader as ReaderSettings


def open_reader(reader: ReaderSettings, cards: Eid, claim: Callable[[str, int], bool] = lambda _text, _boot_ns: False) -> Reader:
    """Open a reader as it is configured.

    Args:
        reader: Its table.
        cards: What an identity card must prove.
        claim: Takes what a barcode reader reads that is no badge's; see ``hardware.keyboard``.

    Raises:
        ReaderLost: The device can't be used now.
    """
    match reader.driver:
        case Driver.PCSC:
            from hardware.pcsc import PcscReader  # noqa: PLC0415  only a box with such a reader needs its library

            return PcscReader(reader.match)
        case Driver.CONTACTLESS:
            from hardware.contactless import ContactlessReader  # noqa: PLC0415  likewise

            return ContactlessReader(reader.match)
        case Driver.EID:
            from hardware import eid  # noqa: PLC0415  likewise
            from hardware.pcsc import PcscReader  # noqa: PLC0415  likewise

            return PcscReader(reader.match, manner=eid.manner(eid.proof_by(cards.roots, cards.fingerprints)))
        case Driver.SIMULATED:
            return SimulatedReader()
        case Driver.KEYBOARD:
            from hardware.keyboard import KeyboardReader  # noqa: PLC0415  likewise: most boxes have none

            return KeyboardReader(reader.match or "", reader.format, claim=claim)  # without a path the configuration was refused


def within(reader: Reader, seconds: float) -> Generator[Sighting]:
    """Yield what a reader sees during so many seconds.

    Raises:
        ReaderLost: It can't be used; says the repair.
    """
    stop = Event()

    def end() -> None:
        stop.set()
        reader.wake()

    patience = Timer(seconds, end)
    patience.start()
    try:
        yield from reader.sightings(stop)
    finally:
        patience.cancel()
