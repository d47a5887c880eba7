from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Unpack

import pytest

from hardware.virtual_card import CONTACT_CHIP, MIFARE_1K, Traits, VirtualCard

UID = bytes.fromhex("04A1B2C3")
ATR, ON, RESET, OFF = b"\x04", b"\x01", b"\x02", b"\x00"
GET_UID = bytes.fromhex("FFCA000000")


class Driver:
    """The reader's side of the line, as vpcd speaks it: head and body sent apart."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        link.settimeout(5)

    def tell(self, message: bytes) -> None:
        self.link.sendall(struct.pack(">H", len(message)))
        self.link.sendall(message)

    def ask(self, message: bytes) -> bytes:
        self.tell(message)
        length = struct.unpack(">H", self.link.recv(2, socket.MSG_WAITALL))[0]
        return self.link.recv(length, socket.MSG_WAITALL) if length else b""

    def hung_up(self) -> bool:
        with suppress(ConnectionResetError):
            return self.link.recv(1) == b""
        return True


@contextmanager
def laid(**traits: Unpack[Traits]) -> Iterator[tuple[VirtualCard, Driver, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        card = VirtualCard(server.getsockname()[1], UID, **traits)
        link, _address = server.accept()
        with link:
            yield card, Driver(link), server
            card.lift()


@pytest.mark.parametrize(
    ("traits", "atr"), [(Traits(), MIFARE_1K), (Traits(atr=CONTACT_CHIP), CONTACT_CHIP), (Traits(mute=True), bytes(40))]
)
def test_a_powered_card_gives_its_atr(traits: Traits, atr: bytes) -> None:
    """Power and reset are taken without a word; the ATR is its own, or too long to pass for one where it is mute."""
    with laid(**traits) as (card, driver, _server):
        driver.tell(ON)
        driver.tell(RESET)
        assert not card.powered.is_set()
        assert driver.ask(ATR) == atr
        assert card.powered.is_set()
        assert not card.asked.is_set()
        driver.tell(OFF)


@pytest.mark.parametrize(
    ("traits", "command", "answer"),
    [
        (Traits(), "FFCA000000", "04A1B2C39000"),
        (Traits(), "FFCA0000", "04A1B2C39000"),
        (Traits(), "00A4040000", "6D00"),
        (Traits(strict=True), "FFCA000000", "6C04"),
        (Traits(strict=True), "FFCA000004", "04A1B2C39000"),
        (Traits(answer=b"\x6a\x81"), "FFCA000000", "6A81"),
        (Traits(answer=b""), "FFCA000000", ""),
        (Traits(delay=0.01), "FFCA000000", "04A1B2C39000"),
    ],
)
def test_each_command_is_answered_by_its_traits(traits: Traits, command: str, answer: str) -> None:
    """A card answers with its identifier, with what it was told to say, or with what a real one says to the unknown."""
    with laid(**traits) as (card, driver, _server):
        assert driver.ask(bytes.fromhex(command)).hex().upper() == answer
        assert card.asked.is_set()


def test_a_lifted_card_says_nothing_more() -> None:
    """Lifting ends a slow answer at once, and the answer never comes."""
    with laid(delay=60) as (card, driver, _server):
        driver.tell(GET_UID)
        assert card.asked.wait(5)
        card.lift()
        assert driver.hung_up()
        card.lift()


def test_a_card_stays_when_the_reader_hangs_up() -> None:
    """It calls again until it is lifted, as a card lies there through a restart of pcscd."""
    with laid() as (card, driver, server):
        driver.link.close()
        link, _address = server.accept()
        with link:
            assert Driver(link).ask(GET_UID) == UID + b"\x90\x00"
            card.lift()
            assert Driver(link).hung_up()


def test_a_card_that_no_reader_takes_can_be_lifted() -> None:
    """Where nobody listens it keeps trying, and lifting it ends that."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        card = VirtualCard(nobody.getsockname()[1], UID)
        assert not card.powered.wait(0.1)
        card.lift()
    assert not card._thread.is_alive()
