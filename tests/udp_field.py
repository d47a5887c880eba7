"""A field that nfcpy's UDP driver calls into: cards of any length, laid down and lifted at will.

The driver writes bit rate, technology and bytes as text, one datagram a frame, and ``RFOFF`` where a field ends. An
empty field says that at once here, as a card does that leaves; nfcpy's own card side (``listen``) stays silent instead,
and each call then waits a second.
"""

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

from tests.pn532 import Picc, TypeA, TypeF

OFF = b"RFOFF"
#: How the calls to cards of Type A, B and F begin.
CALLS = (b"\x26", b"\x05", b"\x06")


class UdpField:
    """The place where a card may lie, on loopback; as a context manager it is there.

    Attributes:
        card: What lies there, or None.
        silent: Whether nothing is answered at all.
        lifted: When a test last took a card away, by the monotonic clock.
        calls: How often a card of each technology was called for.
    """

    def __init__(self) -> None:
        self.card: Picc | None = None
        self.silent = False
        self.lifted = 0.0
        self.calls: dict[str, int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.path = f"udp:127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._live, name="field")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
            door.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _live(self) -> None:
        while datagram := self._socket.recvfrom(1024):
            data, caller = datagram
            if not data:
                return
            if data == OFF:
                continue
            technology, _, digits = data.partition(b" ")
            request = bytes.fromhex(digits.decode())
            if request[:1] in CALLS:
                self.calls[technology.decode()] = self.calls.get(technology.decode(), 0) + 1
            if not self.silent:
                self._socket.sendto(self._answered(technology, request), caller)

    def _answered(self, technology: bytes, request: bytes) -> bytes:
        card = self.card
        answer = None
        if isinstance(card, TypeA) and technology == b"106A":
            answer = _anticollision(card, request)
        elif isinstance(card, TypeF) and technology == b"212F":
            answer = b"\x14\x01" + card.idm + bytes(8) + b"\x12\xfc"
        return OFF if answer is None else technology + b" " + answer.hex().encode()


def _anticollision(card: TypeA, request: bytes) -> bytes | None:
    """Answer a call, or one of the two questions of each cascade level (ISO 14443-3)."""
    if request == b"\x26":
        return card.sens_res[::-1]
    levels, rest = [], card.uid
    while len(rest) > 4:
        levels.append(b"\x88" + rest[:3])
        rest = rest[3:]
    levels.append(rest)
    level = (request[0] - 0x93) // 2
    if not 0 <= level < len(levels):
        return None
    if request[1:2] == b"\x20":
        part = levels[level]
        check = part[0] ^ part[1] ^ part[2] ^ part[3] if len(part) == 4 else None
        return part if check is None else part + bytes((check,))
    return bytes((card.sel_res | (0x04 if level < len(levels) - 1 else 0),))
