"""A keyboard-wedge reader without metal: the kernel's input events on a pipe, and the finger that lays cards on it."""

from __future__ import annotations

import errno
import os
import time
from threading import Lock

from hardware.keystrokes import DOWN, EV_KEY, EV_SYN, EVENT, KEYS, SYN_REPORT

ENTER = 28
CODES = {character: code for code, character in reversed(KEYS.items())} | {"\n": ENTER, "\t": 15}


def stamp(at_ns: int) -> tuple[int, int]:
    """Seconds and microseconds of a moment, never before it."""
    micros = -(-at_ns // 1000)
    return micros // 1_000_000, micros % 1_000_000


def key(code: int, at_ns: int = 0) -> bytes:
    """One key pressed and let go, each with its report, as the kernel gives it."""
    moment = stamp(at_ns)
    events = ((EV_KEY, code, DOWN), (EV_SYN, SYN_REPORT, 0), (EV_KEY, code, 0), (EV_SYN, SYN_REPORT, 0))
    return b"".join(EVENT.pack(*moment, *event) for event in events)


def typed(text: str, at_ns: int = 0) -> bytes:
    """The events of a US keyboard that types this at one moment of the boot clock; a line break is Enter."""
    return b"".join(key(CODES[character], at_ns) for character in text.upper())


class Wedge:
    """The device: an ``opener`` for ``KeyboardReader``, and what happens to it."""

    def __init__(self) -> None:
        #: The driver opens it at any moment, also while the plug is being pulled.
        self._guard = Lock()
        self._ends: tuple[int, int] | None = os.pipe()
        self.opened = 0

    def open(self, path: str) -> int:
        """Open it as the driver does; raises ``OSError`` while it is unplugged."""
        with self._guard:
            if self._ends is None:
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
            self.opened += 1
            return os.dup(self._ends[0])

    def send(self, data: bytes) -> None:
        """Let the kernel give these bytes."""
        assert self._ends is not None
        os.write(self._ends[1], data)

    def type(self, text: str) -> None:
        """Type this now."""
        self.send(typed(text, time.clock_gettime_ns(time.CLOCK_BOOTTIME)))

    def insert(self, identifier: bytes) -> None:
        """Lay a card on it: its number in hexadecimal, and Enter."""
        self.type(identifier.hex() + "\n")

    def unplug(self) -> None:
        """Pull the plug: whoever reads it finds the end."""
        with self._guard:
            ends, self._ends = self._ends, None
        for end in ends or ():
            os.close(end)

    def plug(self) -> None:
        """Put it back, as another device with the same path."""
        self._ends = os.pipe()

    def close(self) -> None:
        """Let go of what is left of it."""
        self.unplug()
