"""A GPS receiver without metal: NMEA sentences on a pty, and a real gpsd that reads them."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import socket
import subprocess
import time
import tty
from datetime import UTC, datetime
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

from kiosk.model import Coordinates
from tests.people import PLACE
from tests.stores import PATIENCE_SECONDS

#: Debian keeps it where only root's PATH looks.
_GPSD: Final = shutil.which("gpsd") or "/usr/sbin/gpsd"
#: Five times a second, as good receivers can: a test need not wait for whole seconds.
_EVERY_SECONDS: Final = 0.2
#: What gpsd makes of an HDOP of 1, metres.
_METERS_A_DOP: Final = 19


class Sky:
    """What a receiver sees; as a context manager it ends its gpsd and unplugs itself.

    Attributes:
        place: Where the receiver is.
        seen: Whether satellites are in view.
        silent: Whether the receiver says nothing at all.
        ahead_seconds: How far its clock is ahead of the true time.
        error_meters: What gpsd shall say of the error.
    """

    def __init__(self) -> None:
        self.place = PLACE
        self.seen = True
        self.silent = False
        self.ahead_seconds = 0.0
        self.error_meters = 19.0
        self.port = _free_port()
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._device = os.ttyname(self._slave)
        self._gpsd: subprocess.Popen[bytes] | None = None
        self._started = False
        self._stop = Event()
        self._unplugged = Event()
        self._thread = Thread(target=self._feed, name="sky")

    def __enter__(self) -> Self:
        self._thread.start()
        self.start_gpsd()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.kill_gpsd()
        self._stop.set()
        self._thread.join()
        if not self._unplugged.is_set():
            os.close(self._master)
            os.close(self._slave)

    def start_gpsd(self) -> None:
        """Start gpsd on this receiver, read-only as on a box, and wait until it answers."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self._gpsd is None:
            command = [_GPSD, "-N", "-n", "-b", "-S", str(self.port), self._device]
            gpsd = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while gpsd.poll() is None:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                    self._gpsd, self._started = gpsd, True
                    return
                time.sleep(0.01)
            assert time.monotonic() < end, "gpsd does not start"
            if not self._started:  # somebody else took the port; nobody knows it yet
                self.port = _free_port()

    def kill_gpsd(self) -> None:
        """End gpsd by SIGKILL."""
        gpsd, self._gpsd = self._gpsd, None
        if gpsd is not None:
            gpsd.kill()
            gpsd.wait()

    def unplug(self) -> None:
        """Pull the receiver's plug."""
        self._unplugged.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _feed(self) -> None:
        while not (self._stop.is_set() or self._unplugged.is_set()):
            if not self.silent:
                # Nobody reads while gpsd is dead, and the line is soon full.
                with contextlib.suppress(BlockingIOError):
                    os.write(self._master, self._burst())
            self._stop.wait(_EVERY_SECONDS)

    def _burst(self) -> bytes:
        now = datetime.fromtimestamp(time.time() + self.ahead_seconds, UTC)
        at, day = f"{now:%H%M%S}.{now.microsecond // 10_000:02d}", f"{now:%d%m%y}"
        if not self.seen:
            return _sentences(f"GPGGA,{at},,,,,0,00,,,M,,M,,", "GPGSA,A,1" + "," * 15, f"GPRMC,{at},V,,,,,,,{day},,,N")
        where, dop = _nmea(self.place), self.error_meters / _METERS_A_DOP
        return _sentences(
            f"GPGGA,{at},{where},1,08,{dop:.2f},30.0,M,47.0,M,,",
            f"GPGSA,A,3,01,02,03,04,05,06,07,08,,,,,{dop + 1:.2f},{dop:.2f},1.0",
            f"GPRMC,{at},A,{where},0.0,0.0,{day},,,A",
        )


def _sentences(*bodies: str) -> bytes:
    lines = []
    for body in bodies:
        check = 0
        for byte in body.encode():
            check ^= byte
        lines.append(f"${body}*{check:02X}\r\n")
    return "".join(lines).encode()


def _nmea(place: Coordinates) -> str:
    """Degrees and minutes, as the sentences have them."""

    def angle(degrees: float, digits: int) -> str:
        whole, part = divmod(abs(degrees), 1)
        return f"{int(whole):0{digits}d}{part * 60:09.6f}"

    north, east = "N" if place.latitude >= 0 else "S", "E" if place.longitude >= 0 else "W"
    return f"{angle(place.latitude, 2)},{north},{angle(place.longitude, 3)},{east}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
