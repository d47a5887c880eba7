"""A card that a program lays on a virtual reader: a client of vpcd, the driver; no part of PC/SC is a mock.

vpcd waits on a TCP port. Each message is a big-endian u16 length and that many bytes: one byte 00 power off, 01 power
on, 02 reset (none answered), 04 "your ATR?"; everything else is a command, answered by the card. Hanging up is lifting
the card (facts, hardware, section 1.3). For tests and the demonstration only: vpcd takes cards from anybody on the
network, so it is never installed on a kiosk in the field.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypedDict, Unpack

#: A MIFARE Classic 1K as contactless readers present it (PC/SC part 3); T=1.
MIFARE_1K: Final = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
#: A contact chip that speaks T=0, shaped like a Belgian eID's.
CONTACT_CHIP: Final = bytes.fromhex("3B9813400AA503010101AD1311")

#: Longer than any card's: the driver can't pass it on, so that pcscd reports a card that is there and does not answer.
_NO_ATR: Final = bytes(40)


class Traits(TypedDict, total=False):
    """How a card differs from a well-behaved MIFARE badge.

    Attributes:
        atr: What it says when powered.
        answer: Sent, as it is, in answer to every command, instead of the identifier.
        program: Answers every command itself: a chip with files.
        strict: Whether it answers 6C xx to any but the exact length.
        delay: Seconds it takes for each answer; lifting it ends the wait.
        mute: Whether it is there and can't be powered up.
    """

    atr: bytes
    answer: bytes
    program: Callable[[bytes], bytes]
    strict: bool
    delay: float
    mute: bool


class VirtualCard:
    """A card lying on a virtual reader, until ``lift``; it stays there when pcscd dies and comes back."""

    def __init__(self, port: int, uid: bytes, **traits: Unpack[Traits]) -> None:
        self.powered = threading.Event()
        self.asked = threading.Event()
        self._port = port
        self._uid = uid
        self._traits = traits
        self._lifted = threading.Event()
        self._socket: socket.socket | None = None
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._lie, name="virtual-card", daemon=True)
        self._thread.start()

    def lift(self) -> None:
        """Take the card away: at once, however busy it is."""
        with self._guard:
            self._lifted.set()
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)

    def _lie(self) -> None:
        while not self._lifted.is_set():
            try:
                # The driver takes one caller at a time: where the line is full, ask again rather than wait a second.
                with socket.create_connection(("127.0.0.1", self._port), timeout=0.1) as link:
                    self._serve(link)
            except OSError:
                self._lifted.wait(0.02)

    def _serve(self, link: socket.socket) -> None:
        link.settimeout(None)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._guard:
            if self._lifted.is_set():
                return
            self._socket = link
        try:
            while (message := _receive(link)) is not None:
                reply = self._answer(message)
                if reply is not None:
                    link.sendall(struct.pack(">H", len(reply)) + reply)
        finally:
            with self._guard:
                self._socket = None

    def _answer(self, message: bytes) -> bytes | None:
        if len(message) > 1:
            self.asked.set()
            lifted = self._lifted.wait(self._traits.get("delay", 0))
            return None if lifted else self._reply(message)
        if message != b"\x04":
            return None
        self.powered.set()
        return _NO_ATR if self._traits.get("mute") else self._traits.get("atr", MIFARE_1K)

    def _reply(self, command: bytes) -> bytes:
        if "program" in self._traits:
            return self._traits["program"](command)
        if "answer" in self._traits:
            return self._traits["answer"]
        if command[:4] != b"\xff\xca\x00\x00":
            return b"\x6d\x00"
        if self._traits.get("strict") and command[4:] != bytes((len(self._uid),)):
            return bytes((0x6C, len(self._uid)))
        return self._uid + b"\x90\x00"


def _receive(link: socket.socket) -> bytes | None:
    """Read one message; None when the reader hung up."""
    head = _exactly(link, 2)
    return None if head is None else _exactly(link, struct.unpack(">H", head)[0])


def _exactly(link: socket.socket, count: int) -> bytes | None:
    parts = b""
    while len(parts) < count:
        # vpcd sends head and body apart; without this, Nagle and the delayed ACK cost 44 ms each time. Not sticky.
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = link.recv(count - len(parts))
        if not part:
            return None
        parts += part
    return parts
