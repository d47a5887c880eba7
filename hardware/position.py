"""Where the box is, from a GPS receiver by way of gpsd: its JSON over a bare socket, so that no library is needed."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator
from threading import Event, Lock
from typing import Final

from hardware.indicator import boot_clock
from hardware.ports import Fix, PositionLost
from hardware.tpv import Tracker, read_report, split

_WATCH: Final = b'?WATCH={"enable":true,"json":true};\n'
_CONNECT_SECONDS: Final = 5.0
#: A receiver that was pulled out, and a gpsd on a machine that has gone, are silent alike: only asking anew tells them apart.
_SILENCE_SECONDS: Final = 60.0
_CHUNK: Final = 65_536


class GpsdReceiver:
    """A receiver behind gpsd (``hardware.ports.Receiver``); its socket is closed when ``fixes`` ends.

    Args:
        host: Where gpsd listens.
        port: Likewise.
        clock: Gives CLOCK_BOOTTIME in nanoseconds.
        silence_seconds: After so long without a word the connection is made anew.

    Raises:
        PositionLost: Nobody answers there.
    """

    def __init__(
        self, host: str, port: int, *, clock: Callable[[], int] = boot_clock, silence_seconds: float = _SILENCE_SECONDS
    ) -> None:
        self._name = f"gpsd at {host}:{port}"
        self._clock = clock
        self._silence_ms = round(silence_seconds * 1000)
        try:
            self._socket = socket.create_connection((host, port), timeout=_CONNECT_SECONDS)
            try:
                self._socket.sendall(_WATCH)
            except OSError:
                self._socket.close()
                raise
        except OSError as error:
            repair = "start it (systemctl start gpsd.socket), or correct [position]"
            raise PositionLost(f"{self._name} does not answer: {error.strerror or error}; {repair}") from error
        self._guard = Lock()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC)
        self._open = True

    def fixes(self, stop: Event) -> Iterator[Fix]:
        """Yield each fix that counts; return soon after ``stop`` is set and ``wake`` was called.

        Raises:
            PositionLost: gpsd hung up, or was silent for too long.
        """
        tracker = Tracker()
        try:
            for line in self._lines(stop):
                report = read_report(line)
                fix = None if report is None else tracker.count(report, self._clock())
                if fix is not None:
                    yield fix
        except OSError as error:
            raise PositionLost(f"{self._name}: {error.strerror or error}") from error
        finally:
            self.close()

    def _lines(self, stop: Event) -> Iterator[bytes]:
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(self._bell, select.POLLIN)
        pending = b""
        while not stop.is_set():
            heard = {fd for fd, _ in poll.poll(self._silence_ms)}
            if not heard:
                raise PositionLost(f"{self._name} is silent: is the receiver plugged in? `gpsmon` shows what it sends")
            if self._bell in heard:
                os.eventfd_read(self._bell)
            if self._socket.fileno() not in heard:
                continue
            came = self._socket.recv(_CHUNK)
            if not came:
                raise PositionLost(f"{self._name} hung up")
            lines, pending = split(pending, came)
            yield from lines

    def wake(self) -> None:
        """Make a blocked ``fixes`` look at ``stop`` at once; safe from any thread, any number of times."""
        with self._guard:
            if self._open:
                os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Hang up; may be called twice, but not while somebody listens."""
        with self._guard:
            if self._open:
                os.close(self._bell)
            self._open = False
        with contextlib.suppress(OSError):
            self._socket.close()
