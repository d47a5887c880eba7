"""Readers that type: HID keyboard-wedge RFID and barcode readers, by the kernel's input events; no library is needed.

The device is grabbed, or its digits would land on the console's login. It is opened by a path that stays, below
``/dev/input/by-id`` or ``by-path``, so that whichever device is plugged in first changes nothing. Metal was not tried:
no such reader and no ``uinput`` was at hand when this was written; beyond the two ioctls everything is tested on pipes.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import select
import struct
from collections.abc import Callable, Iterator
from threading import Event, Lock
from typing import Final

from hardware.cards import Failed, Identified
from hardware.formats import Format, read
from hardware.indicator import boot_clock
from hardware.keystrokes import AZERTY, Line, Typist
from hardware.ports import Card, ReaderLost, Sighting, Unreadable

_log: Final = logging.getLogger("hardware.keyboard")

#: _IOW('E', 0x90, int) and _IOW('E', 0xa0, int) of linux/input.h.
_EVIOCGRAB: Final = 0x40044590
_EVIOCSCLOCKID: Final = 0x400445A0
_CLOCK_BOOTTIME: Final = struct.pack("@i", 7)
_GONE: Final = frozenset({errno.ENODEV, errno.ENXIO, errno.ENOENT})
#: Between two looks whether it was plugged in again.
_RETRY_SECONDS: Final = 1.0
#: A lost wake would be a bug; this bounds what it costs, and lets the loop be seen turning.
_LONGEST_WAIT_SECONDS: Final = 30.0
_CHUNK: Final = 4096

_FORBIDDEN: Final = (
    "{}: this user may not read it; repair: usermod -aG input USER, and start the service again (hardware/README.md has a"
    " rule that is narrower)"
)
_TAKEN: Final = "{}: another program holds it (EVIOCGRAB: {}); repair: stop that program: two can't read one keyboard"
_NO_DEVICE: Final = "{}: is no input device ({}); repair: correct match in its [[reader]], `ls -l /dev/input/by-id` lists them"


class KeyboardReader:
    """One reader that types; a source of cards (``hardware.ports.Reader``).

    Args:
        path: Its device, for instance ``/dev/input/by-id/usb-..._event-kbd``.
        form: How it writes a card's number.
        opener: Opens and grabs the device; raises ``OSError`` where it is not there, ``ReaderLost`` where it can't be used.
        boot_ns: CLOCK_BOOTTIME in nanoseconds.
        claim: Takes a barcode's text, and when it was begun; whether it was no badge's but something else that is done with.
    """

    def __init__(
        self,
        path: str,
        form: Format = Format.HEX,
        *,
        opener: Callable[[str], int] | None = None,
        boot_ns: Callable[[], int] = boot_clock,
        claim: Callable[[str, int], bool] = lambda _text, _boot_ns: False,
    ) -> None:
        self._path = path
        self._form = form
        self._opener = opener or grab
        self._boot_ns = boot_ns
        self._claim = claim
        self._typist = Typist()
        self._device: int | None = None
        self._guard = Lock()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC)
        self._open = True
        self._turned_ns = 0
        self._told = ""

    @property
    def attached(self) -> bool:
        """Whether the device is plugged in and ours, as far as was seen last."""
        return self._device is not None

    @property
    def turned_ns(self) -> int:
        """When the loop last went round, boot time in nanoseconds; 0 before it runs. At least every half minute."""
        return self._turned_ns

    def wake(self) -> None:
        """Make a blocked ``sightings`` look at ``stop`` at once; safe from any thread, any number of times."""
        with self._guard:
            if self._open:
                os.eventfd_write(self._bell, 1)

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        """Yield each number that is typed; a pulled plug is waited out.

        Raises:
            ReaderLost: The device is there and can't be used: no right to read it, or another program has it.
        """
        try:
            while not stop.is_set():
                self._turned_ns = self._boot_ns()
                device = self._plugged_in()
                if device is None:
                    self._wait(_RETRY_SECONDS)
                    continue
                for line in self._lines(device):
                    if not (self._form is Format.BARCODE and line.why is None and self._claim(line.text, line.began_ns)):
                        yield self._judged(line)
        finally:
            self._unplugged()
            self._close()

    def _plugged_in(self) -> int | None:
        if self._device is not None:
            return self._device
        try:
            self._device = self._opener(self._path)
        except OSError as error:
            if error.errno not in _GONE:
                raise ReaderLost(_NO_DEVICE.format(self._path, error.strerror)) from error
            self._tell(logging.WARNING, f"{self._path}: is not plugged in")
        else:
            self._tell(logging.INFO, f"ready: {self._path}")
        return self._device

    def _close(self) -> None:
        with self._guard:
            if self._open:
                os.close(self._bell)
            self._open = False

    def _unplugged(self) -> None:
        device, self._device = self._device, None
        self._typist.forget()
        if device is not None:
            os.close(device)

    def _lines(self, device: int) -> Iterator[Line]:
        """Wait once, for a key, a bell or the pause that ends a number."""
        due = self._typist.due_ns
        pause = _LONGEST_WAIT_SECONDS if due is None else max(0.0, (due - self._boot_ns()) / 1e9)
        if self._wait(pause, device):
            data = _typed(device)
            if data is None:
                self._unplugged()
            else:
                yield from self._typist.feed(data, self._boot_ns())
        line = self._typist.idle(self._boot_ns())
        if line is not None:
            yield line

    def _wait(self, seconds: float, device: int | None = None) -> bool:
        """Wait for the bell, or for the device to have news; tells whether it has."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        if device is not None:
            poll.register(device, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(seconds * 1000)}
        if self._bell in ready:
            os.eventfd_read(self._bell)
        return device in ready

    def _judged(self, line: Line) -> Sighting:
        if line.why is not None:
            return Unreadable(why=line.why, boot_ns=line.began_ns)
        text = line.text if self._form is Format.BARCODE else line.text.translate(AZERTY)
        match read(text, self._form):
            case Identified(identifier=identifier, technology=technology, kind=kind):
                return Card(kind=kind, identifier=identifier, technology=technology, boot_ns=line.began_ns)
            case Failed(why=why):
                return Unreadable(why=why, boot_ns=line.began_ns)

    def _tell(self, level: int, text: str) -> None:
        if text != self._told:
            self._told = text
            _log.log(level, text)


def _typed(device: int) -> bytes | None:
    """What can be read at this moment, or None when the device is gone: a pulled plug is ENODEV, a closed pipe the end."""
    try:
        return os.read(device, _CHUNK) or None
    except BlockingIOError:
        return b""
    except OSError:
        return None


def grab(path: str) -> int:
    """Open an input device for nobody else; returns the descriptor.

    Raises:
        OSError: It is not there.
        ReaderLost: It is there and can't be used; says why and the repair.
    """
    try:
        device = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as error:
        raise ReaderLost(_FORBIDDEN.format(path)) from error
    try:
        fcntl.ioctl(device, _EVIOCGRAB, 1)
    except OSError as error:
        os.close(device)
        if error.errno in _GONE:
            raise
        words = _NO_DEVICE if error.errno in {errno.ENOTTY, errno.EINVAL} else _TAKEN
        raise ReaderLost(words.format(path, error.strerror)) from error
    try:
        # Stamps by the boot clock: a number that waited in the kernel's buffer keeps the moment at which it was typed.
        fcntl.ioctl(device, _EVIOCSCLOCKID, _CLOCK_BOOTTIME)
    except OSError:
        _log.debug("the kernel stamps keys by another clock; the moment at which they are read counts")
    return device
