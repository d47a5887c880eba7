"""What the service manager is told: ready, stopping, alive. Silent where no manager listens (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class ServiceManager:
    """The manager behind ``$NOTIFY_SOCKET``, if any."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = _watchdog_seconds(environ)

    @property
    def watchdog_seconds(self) -> float | None:
        """How often ``alive`` must be said at least, seconds; None when no watchdog runs."""
        return self._watchdog

    def ready(self) -> None:
        """The store is open and the control socket answers."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def _tell(self, words: str) -> None:
        if not self._address:
            return
        # A manager that went away, or an address inherited from another life, must not end the daemon.
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as manager:
            manager.connect(self._address)
            manager.sendall(words.encode())


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    microseconds = environ.get("WATCHDOG_USEC", "")
    owner = environ.get("WATCHDOG_PID", str(os.getpid()))
    ours = microseconds.isdigit() and int(microseconds) > 0 and owner == str(os.getpid())
    return int(microseconds) / 1_000_000 if ours else None
