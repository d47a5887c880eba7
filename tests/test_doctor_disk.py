from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kiosk.check import Grade
from kiosk.doctor.disk import Mount, disk, filesystem, mount_of, read_mounts, room, superblock_options, write

MOUNTINFO = """\
22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
27 1 179:2 / / rw,noatime shared:1 - ext4 /dev/root rw,nobarrier,data=writeback
30 27 0:26 / /tmp rw,nosuid - tmpfs tmpfs rw,size=1k
31 27 8:1 / /var/with\\040space rw - ext4 /dev/sda1 rw
32 27 8:2 / /var/with\\040space ro - ext4 /dev/sda2 ro
not a line
"""
MIB = 1024 * 1024


def mount(kind: str, *options: str) -> Mount:
    return Mount(point=Path("/"), kind=kind, options=frozenset({"rw", *options}), device="8:1")


def test_the_mount_of_a_folder_is_the_deepest_and_the_last() -> None:
    """Names with spaces are read, a mount over another hides it, and a line of another form disturbs nothing."""
    mounts = read_mounts(MOUNTINFO)
    assert len(mounts) == 5
    assert mount_of(Path("/var/lib/kiosk"), mounts) == Mount(
        point=Path("/"),
        kind="ext4",
        options=frozenset({"rw", "noatime", "nobarrier", "data=writeback"}),
        device="179:2",
    )
    found = mount_of(Path("/var/with space"), mounts)
    assert found is not None
    assert (found.device, found.options) == ("8:2", frozenset({"ro"}))
    assert mount_of(Path("/tmpfoo"), mounts) == mount_of(Path("/"), mounts)
    assert mount_of(Path("/x"), []) is None


@pytest.mark.parametrize(
    ("found", "options", "serious", "grade"),
    [
        (mount("ext4"), (), True, Grade.OK),
        (mount("btrfs"), (), True, Grade.OK),
        (mount("tmpfs"), (), True, Grade.WRONG),
        (mount("tmpfs"), (), False, Grade.ADVICE),
        (mount("nfs4"), (), False, Grade.WRONG),
        (mount("ext4", "nobarrier"), (), False, Grade.WRONG),
        (mount("ext4", "barrier=0"), (), False, Grade.WRONG),
        (mount("ext4", "data=writeback"), (), False, Grade.WRONG),
        (mount("ext4"), ("data=writeback",), False, Grade.WRONG),
        (mount("ext4"), ("nobarrier",), False, Grade.WRONG),
        (mount("ext4", "ro"), (), False, Grade.WRONG),
        (mount("overlay"), (), True, Grade.WRONG),
        (mount("overlay"), (), False, Grade.ADVICE),
        (None, (), True, Grade.ADVICE),
    ],
)
def test_a_filesystem_that_loses_what_was_synced_is_red(
    found: Mount | None, options: tuple[str, ...], grade: Grade, *, serious: bool
) -> None:
    """Memory, network, options without order, also those of the superblock, which the list of mounts does not show."""
    finding = filesystem(found, frozenset(options), serious=serious)
    assert finding.grade is grade
    assert (finding.repair is None) == (grade is Grade.OK)


def test_the_superblocks_own_options_are_read(tmp_path: Path) -> None:
    """By the device's name behind its number; another filesystem has none."""
    (tmp_path / "devices" / "mmcblk0p2").mkdir(parents=True)
    (tmp_path / "179:2").symlink_to(tmp_path / "devices" / "mmcblk0p2")
    (tmp_path / "mmcblk0p2").mkdir()
    (tmp_path / "mmcblk0p2" / "options").write_text("rw\nbarrier\ndata=writeback\n", encoding="ascii")
    assert superblock_options("179:2", blocks=tmp_path, ext4=tmp_path) == {"rw", "barrier", "data=writeback"}
    assert superblock_options("8:9", blocks=tmp_path, ext4=tmp_path) == frozenset()


@pytest.mark.parametrize(
    ("free", "grade"),
    [
        (512 * MIB, Grade.OK),
        (512 * MIB - 1, Grade.ADVICE),
        (64 * MIB, Grade.ADVICE),
        (64 * MIB - 1, Grade.WRONG),
    ],
)
def test_little_room_is_told_before_there_is_none(free: int, grade: Grade) -> None:
    """Advice first, red while there is still room for weeks of taps."""
    assert room(free).grade is grade


def test_one_write_is_synced_and_leaves_nothing(tmp_path: Path) -> None:
    """The probe is written beside the store, told with its time, and gone."""
    assert write(tmp_path, time.monotonic).told.startswith("written and synced in ")
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk_is_told(tmp_path: Path) -> None:
    """A tap takes as long as a sync: above a fifth of a second that is advice."""
    assert write(tmp_path, itertools.count(0, 0.2).__next__).grade is Grade.OK
    slow = write(tmp_path, itertools.count(0, 0.3).__next__)
    assert (slow.grade, slow.told) == (Grade.ADVICE, "written and synced in 300.0 ms")


def test_a_folder_that_can_not_be_written_is_red(tmp_path: Path) -> None:
    """With the system's own reason."""
    missing = write(tmp_path / "none", time.monotonic)
    assert (missing.grade, "No such file" in missing.told) == (Grade.WRONG, True)
    (only,) = disk(tmp_path / "none", time.monotonic, serious=True)
    assert (only.grade, only.subject) == (Grade.WRONG, "disk")


def test_without_a_list_of_mounts_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box that hides /proc from its services is no box with a bad disk."""
    true = Path.read_text

    def hidden(path: Path, **how: str) -> str:
        if path.name == "mountinfo":
            raise PermissionError(13, "Permission denied", str(path))
        return true(path, **how)

    monkeypatch.setattr(Path, "read_text", hidden)
    found = {finding.subject: finding.grade for finding in disk(tmp_path, time.monotonic, serious=True)}
    assert found["filesystem"] is Grade.ADVICE


def test_this_machines_disk_is_looked_at(tmp_path: Path) -> None:
    """Room, filesystem and writing, each told."""
    assert [finding.subject for finding in disk(tmp_path, time.monotonic, serious=False)] == ["disk", "filesystem", "writing"]


LOOK = """
import json, sys, time
from pathlib import Path
from kiosk.doctor.disk import disk
print(json.dumps([[each.subject, each.grade.value, each.told] for each in disk(Path(sys.argv[1]), time.monotonic, serious=True)]))
"""


def in_namespace(folder: Path, size: str) -> dict[str, list[str]]:
    """Look at a true tmpfs of this size, mounted where nobody else sees it."""
    script = f'mount -t tmpfs -o size={size} none "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", str(folder), sys.executable, LOOK]
    ran = subprocess.run(command, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    return {subject: rest for subject, *rest in json.loads(ran.stdout)}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_a_store_in_memory_is_red(tmp_path: Path) -> None:
    """A true tmpfs: it syncs without complaint, and all is gone with the power."""
    found = in_namespace(tmp_path, "1g")
    assert found["filesystem"][0] == "wrong"
    assert str(tmp_path) in found["filesystem"][1]
    assert (found["disk"][0], found["writing"][0]) == ("ok", "ok")
    assert in_namespace(tmp_path, "16m")["disk"] == ["wrong", "16 MiB free"]
