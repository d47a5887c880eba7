"""Calls on the store's own files fail, stall or do half under the real daemon: red or green, and never a lie."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import invented_card, invented_line
from tests.sites import assert_each_once, book

SHIM = Path(__file__).parent / "io_faults.c"
PEOPLE = 8
STALL_SECONDS = 2
WATCHDOG_SECONDS = 30


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library that stands before libc."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc: calls are made to fail by a small C library")
    library = tmp_path_factory.mktemp("shim") / "io_faults.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, SHIM], check=True)
    return library


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """Run a service of its own for the test."""
    with Simulator(tmp_path / "service") as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, simulator: Simulator, library: Path) -> Iterator[Box]:
    """Provide a box whose store can be made to fail, with a few people."""
    folder = tmp_path / "box"
    folder.mkdir()
    environ = {"LD_PRELOAD": str(library), "IO_FAULT": str(tmp_path / "fault")}
    with Box(folder, simulator, environ=environ) as provisioned:
        provisioned.provision()
        provisioned.enrol([invented_line(number) for number in range(PEOPLE)])
        yield provisioned


def fault(box: Box, word: str) -> None:
    """Let calls meet this fault from now on; an empty word heals."""
    Path(box.environ["IO_FAULT"]).write_text(word, encoding="ascii")


def assert_all_there(box: Box, simulator: Simulator, green: list[int]) -> None:
    """Every green tap is in the book and, once, at the service."""
    box.settle()
    rows = book(box)
    assert set(green) <= {row["id"] for row in rows}
    assert [row["state"] for row in rows] == ["accepted"] * len(simulator.ledger.rows())
    assert_each_once(simulator, rows)


def test_no_room_is_red_and_the_daemon_goes_on(box: Box, simulator: Simulator) -> None:
    """ENOSPC: the tap is failed and not recorded, the process lives, and with room again the same worker taps green."""
    box.start()
    green = box.tap(invented_card(0))["ids"]
    box.settle()
    fault(box, "write_enospc")
    refused = box.tap(invented_card(1))
    assert (refused["signal"], refused["ids"]) == ("failed", [])
    fault(box, "")
    assert len(book(box)) == 1
    green += box.tap(invented_card(1))["ids"]
    assert len(green) == 2
    assert_all_there(box, simulator, green)


@pytest.mark.parametrize("word", ["write_erofs", "write_eio"])
def test_a_write_that_fails_is_red_and_ends_the_process(box: Box, simulator: Simulator, word: str) -> None:
    """The tap is failed, the daemon exits 1, and a fresh one has what was green, has not what was red, and goes on."""
    box.start()
    green = [box.tap(invented_card(number))["ids"][0] for number in range(2)]
    box.settle()
    fault(box, word)
    refused = box.tap(invented_card(2))
    assert (refused["signal"], refused["ids"]) == ("failed", [])
    assert box.daemon is not None
    assert box.daemon.wait(10) == 1
    fault(box, "")
    box.start()
    assert len(book(box)) == len(green)
    green += box.tap(invented_card(2))["ids"]
    assert len(green) == 3
    assert_all_there(box, simulator, green)


def test_a_store_that_cannot_be_read_is_said_and_left_as_it_is(box: Box, simulator: Simulator) -> None:
    """EIO on read: the daemon does not start, exits 1 with a repair, and has everything once the disk reads again."""
    box.start()
    green = box.tap(invented_card(0))["ids"]
    box.settle()
    box.kill()
    fault(box, "read_eio")
    refused = box.verb("run")
    assert (refused.code, refused.out) == (1, "")
    assert "repair:" in refused.err
    assert "Traceback" not in refused.err
    fault(box, "")
    box.start()
    assert_all_there(box, simulator, green)


def test_a_write_that_does_half_is_finished(box: Box, simulator: Simulator) -> None:
    """Short writes: the rest is written after them, every tap is green, and a killed daemon's successor has them all."""
    box.start()
    fault(box, "write_short")
    green = [box.tap(invented_card(number))["ids"][0] for number in range(PEOPLE)]
    box.kill()
    fault(box, "")
    box.start()
    assert_all_there(box, simulator, green)


def feedings(manager: socket.socket, stop: Event, moments: list[float]) -> None:
    """Note when the watchdog was fed."""
    while not stop.is_set():
        try:
            if b"WATCHDOG=1" in manager.recv(4096):
                moments.append(time.monotonic())
        except TimeoutError:
            continue


def test_a_disk_that_stalls_delays_the_green_and_nothing_else(box: Box, simulator: Simulator, tmp_path: Path) -> None:
    """Each sync takes two seconds: no green before its sync, the watchdog is fed in time, nothing is lost or sent twice."""
    stop, moments = Event(), list[float]()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(0.2)
        box.environ = {
            **box.environ,
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": str(WATCHDOG_SECONDS * 1_000_000),
        }
        listener = Thread(target=feedings, args=(manager, stop, moments))
        listener.start()
        try:
            box.start()
            fault(box, "fsync_stall")
            green = []
            for number in range(3):
                began = time.monotonic()
                answer = box.tap(invented_card(number))
                assert answer["signal"] == "in"
                assert time.monotonic() - began >= STALL_SECONDS
                green += answer["ids"]
            fault(box, "")
            assert_all_there(box, simulator, green)
            assert box.stop() == 0
        finally:
            stop.set()
            listener.join()
    longest = max(after - before for before, after in pairwise(moments))
    print(f"syncs of {STALL_SECONDS} s: the watchdog of {WATCHDOG_SECONDS} s was fed every {longest:.1f} s at the rarest")  # noqa: T201
    assert longest < WATCHDOG_SECONDS
