"""The disk fails under the running daemon: red and said, never green; what was green before is all there afterwards."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kiosk.errors import NoDaemon
from kiosk.simulator.simulator import Simulator
from tests.box import Box, Ran
from tests.people import invented_card, invented_line
from tests.sites import assert_each_once, book, until
from tests.stores import fill

SHIM = Path(__file__).parent.parent / "faults" / "fsync_fails.c"
PEOPLE = 8
#: The folder that the store lies in, beside the other files of the box, so that it may fail alone.
ELSEWHERE = '\n[control]\nsocket = "kiosk.sock"\n'


def move_store(box: Box) -> Path:
    """Let the store lie in a folder of its own; returns the folder."""
    disk = box.folder / "disk"
    disk.mkdir()
    text = box.config.read_text(encoding="utf-8")
    box.config.write_text(text.replace('path = "kiosk.db"', 'path = "disk/kiosk.db"') + ELSEWHERE, encoding="utf-8")
    return disk


@contextmanager
def mounted(folder: Path, *arguments: str) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system that fails")
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs root that may mount: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def tapped(box: Box, person: int) -> Ran:
    return box.verb("tap", invented_card(person).identifier.hex())


def await_quiet(box: Box) -> None:
    """Wait until nothing but a tap will write, so that a tap is the first to meet the broken disk."""
    until(lambda: box.status()["evidence"]["unchained_taps"] == 0, "the taps are not taken into the record")
    # Where there is no room for a copy it is not, and says so.
    looked = re.compile("store (not )?checked")
    until(lambda: looked.search(box.log.read_text(encoding="utf-8")) is not None, "the store is not looked through")


def assert_failed(ran: Ran) -> None:
    assert (ran.code, ran.out.split(" ")[0]) == (1, "failed"), ran
    assert "registration" not in ran.out


def test_a_full_disk_is_red_until_there_is_room_again(box: Box, simulator: Simulator) -> None:
    """No room: the signal is failed and exit 1, nothing is recorded, the daemon lives; with room the same worker taps green."""
    disk = move_store(box)
    with mounted(disk, "-t", "tmpfs", "-o", "size=1m", "tmpfs"), box:
        box.start()
        box.enrol([invented_line(number) for number in range(PEOPLE)])
        assert tapped(box, 0).code == 0
        box.settle()
        fill(disk / "ballast")
        # What the log may still hold is used up first: then every tap is refused.
        until(lambda: box.tap(invented_card(1))["signal"] == "failed", "the disk does not fill up")
        assert_failed(tapped(box, 2))
        assert "no room" in box.tap(invented_card(2))["why"]
        store = box.status()["store"]
        assert store["state"] == "failed"
        assert "no room" in store["why"]
        assert box.daemon is not None
        assert box.daemon.poll() is None
        (disk / "ballast").unlink()
        recorded = tapped(box, 2)
        assert (recorded.code, recorded.out.split(" ")[0]) == (0, "in"), recorded
        assert (box.status()["store"]["state"], box.status()["store"]["why"]) == ("ready", None)
        box.settle()
        assert box.stop() == 0
        box.start()
        assert [row["state"] for row in book(box)] == ["accepted"] * len(simulator.ledger.rows())
        assert_each_once(simulator, book(box))
        box.stop()


def sending(box: Box, *, now: bool) -> None:
    """Keep delivery from writing, so that the tap is the first to meet the broken disk; or let it send."""
    words = ("start_jitter_seconds = 0", "start_jitter_seconds = 31_000_000")
    text = box.config.read_text(encoding="utf-8")
    box.config.write_text(text.replace(words[now], words[not now]), encoding="utf-8")


@pytest.fixture(scope="session")
def failing_fsync(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library that stands before libc and lets fsync fail on demand."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc: fsync is made to fail by a small C library")
    library = tmp_path_factory.mktemp("shim") / "fsync_fails.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, SHIM], check=True)
    return library


def test_a_failed_fsync_is_red_and_ends_the_process(box: Box, simulator: Simulator, failing_fsync: Path) -> None:
    """After an fsync that failed nothing is green any more: the daemon exits 1, and a fresh one knows all acknowledged taps."""
    mark = box.folder / "fails"
    box.environ = {"LD_PRELOAD": str(failing_fsync), "FSYNC_FAILS_WHILE": str(mark)}
    sending(box, now=False)
    box.start()
    box.enrol([invented_line(number) for number in range(PEOPLE)])
    green = [box.tap(invented_card(number))["ids"][0] for number in range(3)]
    await_quiet(box)
    mark.touch()
    assert_failed(tapped(box, 3))
    daemon = box.daemon
    assert daemon is not None
    assert daemon.wait(10) == 1
    assert '"failed": true' in box.log.read_text()
    with pytest.raises(NoDaemon):
        box.status()
    mark.unlink()
    sending(box, now=True)
    box.start()
    box.settle()
    rows = book(box)
    assert set(green) <= {row["id"] for row in rows}
    assert_each_once(simulator, rows)
    ran = tapped(box, 4)
    assert (ran.code, ran.out.split(" ")[0]) == (0, "in")


def has_ext4() -> bool:
    return (
        shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None and Path("/dev/loop-control").exists()
    )


def test_a_disk_that_turns_read_only_is_red_and_ends_the_process(box: Box, simulator: Simulator) -> None:
    """As an SD card does it: ext4 meets an error and turns read-only; the tap is red, the daemon exits 1, nothing green is lost."""
    if not has_ext4():
        pytest.skip("needs root, mkfs.ext4 and a loop device")
    disk = move_store(box)
    image = box.folder / "card.img"
    with image.open("wb") as file:
        file.truncate(16 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"})
    with mounted(disk, "-o", "loop,errors=remount-ro", str(image)), box:
        sending(box, now=False)
        box.start()
        box.enrol([invented_line(number) for number in range(PEOPLE)])
        green = [box.tap(invented_card(number))["ids"][0] for number in range(3)]
        await_quiet(box)
        device = Path(subprocess.check_output(["findmnt", "-no", "SOURCE", str(disk)], text=True).strip())
        Path(f"/sys/fs/ext4/{device.name}/trigger_fs_error").write_text("1", encoding="ascii")
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            (disk / "probe").touch()
        assert_failed(tapped(box, 3))
        daemon = box.daemon
        assert daemon is not None
        assert daemon.wait(10) == 1
        refused = box.verb("run")
        assert (refused.code, refused.out) == (1, "")
        assert "repair:" in refused.err
        box.daemon = None
        subprocess.run(["umount", str(disk)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(disk)], check=True)
        sending(box, now=True)
        box.start()
        box.settle()
        rows = book(box)
        assert set(green) <= {row["id"] for row in rows}
        assert_each_once(simulator, rows)
        box.stop()
