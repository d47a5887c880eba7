"""A PN532 on a pseudo terminal: the chip's own frame protocol (NXP UM0701-02), as far as nfcpy's real driver speaks it.

It answers at the speed it was told and no other, is deaf while it sleeps until a long preamble wakes it, and refuses to
call for cards before SAMConfiguration. Nothing that the driver does is replaced: it opens a serial line in ``/dev``.
"""

from __future__ import annotations

import os
import random
import re
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from select import select
from types import TracebackType
from typing import Final, Self

ACK: Final = bytes.fromhex("0000FF00FF00")
NACK: Final = bytes.fromhex("0000FFFF0000")
ERROR: Final = bytes.fromhex("0000FF01FF7F8100")
#: ``SetSerialBaudrate``'s figures, by the terminal's.
SPEEDS: Final = {4: termios.B115200, 5: termios.B230400, 6: termios.B460800, 7: termios.B921600}
#: What wakes the chip over the serial line: so many bytes before a frame that it would otherwise sleep through.
WAKING: Final = 5
VERSION: Final = bytes.fromhex("32010607")
FIFO_DATA: Final = 0x6339
SENS_REQ: Final = 0x26

_numbers = count(os.getpid() * 100)


@dataclass(frozen=True)
class TypeA:
    """A card of Type A, as ``InListPassiveTarget`` tells it."""

    uid: bytes
    sens_res: bytes = b"\x00\x44"
    sel_res: int = 0x00

    def listed(self) -> bytes:
        return self.sens_res + bytes((self.sel_res, len(self.uid))) + self.uid


@dataclass(frozen=True)
class RandomA(TypeA):
    """A phone: another UID each time the field comes on."""

    def listed(self) -> bytes:
        return b"\x00\x04\x20\x04\x08" + random.randbytes(3)  # noqa: S311  a card's dice


@dataclass(frozen=True)
class TypeB:
    """A card of Type B; ``fixed`` tells whether it keeps its PUPI when the field goes off."""

    pupi: bytes
    fixed: bool = True

    def sensb_res(self, drawn: bytes) -> bytes:
        return b"\x50" + (self.pupi if self.fixed else drawn) + bytes.fromhex("00000000001181")


@dataclass(frozen=True)
class TypeF:
    """A FeliCa card."""

    idm: bytes

    def listed(self) -> bytes:
        return b"\x14\x01" + self.idm + bytes(8) + b"\x12\xfc"


Picc = TypeA | TypeB | TypeF


class Pn532:
    """The chip with whatever lies on its antenna; as a context manager it is plugged in.

    Attributes:
        card: What lies there, or None.
        silent: Whether it answers nothing at all.
        unheard: How many frames came meanwhile.
        lifted: When a test last took a card away, by the monotonic clock.
        late: Seconds by which it answers late, by command; each entry counts once.
        lifted_after: The card is taken away after so many calls that found it; None leaves it there.
        garbled: Answers that are sent instead of the right ones, one each.
        calls: How often it called for cards of each kind, by ``InListPassiveTarget``'s figure.
    """

    def __init__(self) -> None:
        self.name = f"ttyAMA{next(_numbers)}"
        self.path = f"tty:{self.name.removeprefix('tty')}:pn532"
        self.card: Picc | None = None
        self.silent = False
        self.unheard = 0
        self.lifted = 0.0
        self.late: list[float] = []
        self.garbled: list[bytes] = []
        self.lifted_after: int | None = None
        self.calls: dict[int, int] = {}
        self.power_up()

    def power_up(self) -> None:
        """Start as after a power cut."""
        self.asleep = True
        self.configured = False
        self.speed = 4
        self._next_speed: int | None = None
        self._called_in_vain = False
        self._drawn = random.randbytes(4)  # noqa: S311  a card's dice

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.unplug()

    def plug(self) -> None:
        """Appear as a serial line."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self._end, self._ended = os.pipe()
        Path("/dev", self.name).symlink_to(os.ttyname(self._slave))
        self._thread = threading.Thread(target=self._live, name="pn532")
        self._thread.start()

    def unplug(self) -> None:
        """Vanish: whoever has the line open gets an error, and it is gone from /dev."""
        Path("/dev", self.name).unlink()
        os.close(self._ended)
        self._thread.join()
        for each in (self._master, self._slave, self._end):
            os.close(each)
        self.power_up()

    def _live(self) -> None:
        # A chip answers at once, however busy the machine of the tests: the driver waits 100 ms and no longer.
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -19)
        received = bytearray()
        while True:
            ready, _, _ = select([self._master, self._end], [], [])
            if self._end in ready:
                return
            received += os.read(self._master, 4096)
            if not self._hears():
                received.clear()  # noise, at another speed
            for frame, woken in _frames(received):
                self._obey(frame, woken=woken)

    def _hears(self) -> bool:
        """Whether what comes in was sent at the chip's own speed.

        A terminal tells the speed that it has now, not the one at which a byte was written, and the ACK that seals a change
        of speed is thrown away when the driver opens its line anew, where a real one has sent it long since.
        """
        speed = termios.tcgetattr(self._slave)[4]
        if self._next_speed is not None and speed == SPEEDS[self._next_speed]:
            self.speed, self._next_speed = self._next_speed, None
        return bool(speed == SPEEDS[self.speed])

    def _obey(self, frame: bytes, *, woken: bool) -> None:
        if self.silent:
            self.unheard += 1
            return
        if frame == ACK:
            return
        if self.asleep and not woken:
            return
        self.asleep = False
        if frame == NACK:
            return
        if self.late:
            time.sleep(self.late.pop(0))
            if select([self._master], [], [], 0)[0]:
                return  # whoever asked has given up and asked something else, which ends this command
        self._send(ACK)
        if self.garbled:
            self._send(self.garbled.pop(0))
            return
        code, data = frame[1], frame[2:]
        command = _COMMANDS.get(code)
        answer = None if command is None else command(self, data)
        self._send(ERROR if answer is None else _framed(bytes((0xD5, code + 1)) + answer))
        if code == 0x16:
            self.asleep = True
            self.configured = False

    def _send(self, data: bytes) -> None:
        with suppress(OSError):
            os.write(self._master, data)

    def _diagnose(self, data: bytes) -> bytes:
        return data

    def _version(self, _data: bytes) -> bytes:
        return VERSION

    def _read_register(self, data: bytes) -> bytes:
        addresses = [int.from_bytes(data[index : index + 2], "big") for index in range(0, len(data), 2)]
        return bytes(SENS_REQ if each == FIFO_DATA and self._called_in_vain else 0 for each in addresses)

    def _write_register(self, _data: bytes) -> bytes:
        return b""

    def _set_speed(self, data: bytes) -> bytes | None:
        if data[0] not in SPEEDS:
            return None
        self._next_speed = data[0]
        return b""

    def _set_parameters(self, _data: bytes) -> bytes:
        return b""

    def _configure_sam(self, _data: bytes) -> bytes:
        self.configured = True
        return b""

    def _power_down(self, _data: bytes) -> bytes:
        return b"\x00"

    def _configure_rf(self, data: bytes) -> bytes:
        if data[0] == 0x01 and not data[1] & 1:
            self._drawn = random.randbytes(4)  # noqa: S311  the field is off: what lies there starts anew
        return b""

    def _list_targets(self, data: bytes) -> bytes | None:
        if not self.configured:
            return None
        kind = data[1]
        self.calls[kind] = self.calls.get(kind, 0) + 1
        card = self.card
        self._called_in_vain = kind == 0 and not isinstance(card, TypeA)
        if isinstance(card, TypeA) and kind == 0:
            return b"\x01\x01" + card.listed()
        if isinstance(card, TypeF) and kind == 1:
            return b"\x01\x01" + card.listed()
        if isinstance(card, TypeB) and kind == 3:
            return b"\x01\x01" + card.sensb_res(self._drawn) + b"\x01\x00"
        return b"\x00"

    def _communicate(self, data: bytes) -> bytes:
        # What nfcpy puts a Type B card back to its beginning with: DESELECT, then WUPB, the last of its call.
        if isinstance(self.card, TypeB) and data[0] == 0x05:
            answer = b"\x00" + self.card.sensb_res(self._drawn)
            if self.lifted_after is not None:
                self.lifted_after -= 1
                self.card = self.card if self.lifted_after else None
            return answer
        return b"\x00" + data if isinstance(self.card, TypeB) else b"\x01"  # 01: the target has not answered


_COMMANDS: Final[dict[int, Callable[[Pn532, bytes], bytes | None]]] = {
    0x00: Pn532._diagnose,
    0x02: Pn532._version,
    0x06: Pn532._read_register,
    0x08: Pn532._write_register,
    0x10: Pn532._set_speed,
    0x12: Pn532._set_parameters,
    0x14: Pn532._configure_sam,
    0x16: Pn532._power_down,
    0x32: Pn532._configure_rf,
    0x42: Pn532._communicate,
    0x4A: Pn532._list_targets,
}

_START: Final = re.compile(rb"(\x00*)\x00\xff", re.DOTALL)


def _frames(received: bytearray) -> Iterator[tuple[bytes, bool]]:
    """Take every whole frame out of what came in: its payload, or the whole ACK or NACK; and whether it can wake the chip."""
    while found := _START.search(received):
        woken = len(found[1]) >= WAKING
        body = bytes(received[found.end() :])
        if body[:3] in (b"\x00\xff\x00", b"\xff\x00\x00"):
            del received[: found.end() + 3]
            yield (ACK if body[0] == 0 else NACK), woken
            continue
        extended = body[:2] == b"\xff\xff"
        head = 5 if extended else 2
        if len(body) < head:
            return
        length = int.from_bytes(body[2:4], "big") if extended else body[0]
        if len(body) < head + length + 2:
            return
        assert sum(body[2 if extended else 0 : head]) & 0xFF == 0, "the driver's length checksum is wrong"
        assert sum(body[head : head + length + 1]) & 0xFF == 0, "the driver's checksum is wrong"
        del received[: found.end() + head + length + 2]
        yield body[head : head + length], woken


def _framed(payload: bytes) -> bytes:
    size = len(payload)
    head = (
        bytes((size, -size & 0xFF))
        if size < 256
        else b"\xff\xff" + size.to_bytes(2, "big") + bytes((-sum(divmod(size, 256)) & 0xFF,))
    )
    return b"\x00\x00\xff" + head + payload + bytes((-sum(payload) & 0xFF, 0))
