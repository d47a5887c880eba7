"""kiosk.systemd speaks sd_notify(3) where a manager listens, and is silent and harmless elsewhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.systemd import ServiceManager
from tests.stores import PATIENCE_SECONDS

SAID: list[tuple[Callable[[ServiceManager], None], bytes]] = [
    (ServiceManager.ready, b"READY=1"),
    (ServiceManager.stopping, b"STOPPING=1"),
    (ServiceManager.alive, b"WATCHDOG=1"),
]


@pytest.mark.parametrize("abstract", [False, True])
def test_each_word_is_one_datagram(tmp_path: Path, *, abstract: bool) -> None:
    """Ready, stopping and alive each reach the manager as one datagram of their own, by a path or in the abstract namespace."""
    address = f"@kiosk-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + address[1:] if abstract else address)
        manager.settimeout(PATIENCE_SECONDS)
        service = ServiceManager({"NOTIFY_SOCKET": address})
        for tell, words in SAID:
            tell(service)
            assert manager.recv(100) == words


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}])
def test_without_a_manager_nothing_is_said(environ: dict[str, str]) -> None:
    """Started by hand the daemon opens no socket at all."""
    before = set(Path("/proc/self/fd").iterdir())
    service = ServiceManager(environ)
    for tell, _ in SAID:
        tell(service)
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert service.watchdog_seconds is None


def test_a_manager_that_went_away_ends_nothing(tmp_path: Path) -> None:
    """An address where nobody listens any more (a shell inherited it, the manager restarts) is no reason to stop registering."""
    address = str(tmp_path / "notify")
    service = ServiceManager({"NOTIFY_SOCKET": address})
    service.ready()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
    service.alive()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        Path(address).unlink()
        manager.bind(address)
        manager.settimeout(PATIENCE_SECONDS)
        service.alive()
        assert manager.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid() + 1)}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_as_often_as_asked(environ: dict[str, str], seconds: float | None) -> None:
    """The period comes from the manager when it means this very process; anything else is no watchdog."""
    assert ServiceManager(environ).watchdog_seconds == seconds


def test_a_real_process_tells_a_real_socket(tmp_path: Path) -> None:
    """A process that is given the address by its environment, as a unit is, is heard."""
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(PATIENCE_SECONDS)
        script = "import os; from kiosk.systemd import ServiceManager; ServiceManager(os.environ).ready()"
        subprocess.run([sys.executable, "-c", script], env=os.environ | {"NOTIFY_SOCKET": address}, check=True)
        assert manager.recv(100) == b"READY=1"
