"""Whether the disk keeps what it says it has: room, the filesystem and its options, and one write that is synced.

A filesystem that loses or reorders synced writes breaks "never lost" without an error (facts, store-and-forward, section 2).
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.check import Finding
from kiosk.doctor.grading import advice, fine, once_real, red

_MIB: Final = 1024 * 1024
#: 100,000 finished registrations take some 100 MB; below this nothing grows for long.
_LITTLE: Final = 512 * _MIB
_TOO_LITTLE: Final = 64 * _MIB
#: A sync this slow keeps a queue of workers waiting; SD cards take 5 to 50 ms.
_SLOW_SECONDS: Final = 0.2
_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
#: No locks or no order that SQLite could rely on.
_FOREIGN: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "vfat", "exfat", "fuseblk", "ntfs3", "fuse.sshfs"})
_UNSAFE: Final = frozenset({"nobarrier", "barrier=0", "data=writeback"})
_MOVE: Final = "put the store on ext4 with its usual options: [store] path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo: where, what kind, with which options; ``device`` is major:minor."""

    point: Path
    kind: str
    options: frozenset[str]
    device: str


def read_mounts(text: str) -> list[Mount]:
    """Read /proc/self/mountinfo (proc(5)); a line of another form is left out."""
    return [mount for line in text.splitlines() if (mount := _mount(line)) is not None]


def _mount(line: str) -> Mount | None:
    before, dash, after = line.partition(" - ")
    fields, rest = before.split(" "), after.split(" ")
    if not dash or len(fields) < 6 or len(rest) < 3:  # noqa: PLR2004  as proc(5) counts them
        return None
    point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
    options = frozenset((*fields[5].split(","), *rest[2].split(",")))
    return Mount(point=Path(point), kind=rest[0], options=options, device=fields[2])


def mount_of(folder: Path, mounts: list[Mount]) -> Mount | None:
    """Find the mount on which an absolute folder lies: the deepest one, and of several at a place the last."""
    above = [mount for mount in mounts if folder == mount.point or mount.point in folder.parents]
    return max(enumerate(above), key=lambda each: (len(each[1].point.parts), each[0]), default=(0, None))[1]


def superblock_options(device: str, *, blocks: Path = Path("/sys/dev/block"), ext4: Path = Path("/proc/fs/ext4")) -> frozenset[str]:
    """Read what an ext4 really does: options that its superblock sets do not show in the list of mounts."""
    try:
        text = (ext4 / (blocks / device).resolve().name / "options").read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    return frozenset(text.split())


def filesystem(mount: Mount | None, options: frozenset[str], *, serious: bool) -> Finding:
    """Judge the filesystem on which the store lies.

    Args:
        mount: The mount, or None where it is not known.
        options: What the superblock adds to its options.
        serious: Whether registrations are real.
    """
    subject = "filesystem"
    if mount is None:
        return advice(subject, "not known: /proc/self/mountinfo can't be read", "run it on the box itself, where /proc is mounted")
    unsafe = sorted(_UNSAFE & (mount.options | options))
    where = f"{mount.kind} at {mount.point}"
    if mount.kind in _IN_MEMORY:
        return once_real(subject, f"{where}: it lies in memory, a power cut takes every tap", _MOVE, serious=serious)
    if mount.kind in _FOREIGN:
        return red(subject, f"{where}: it keeps no promise about what is synced", _MOVE)
    if unsafe:
        repair = "take it away from /etc/fstab, or from the superblock: tune2fs -o ^journal_data_writeback; then mount it again"
        return red(subject, f"{where}, {', '.join(unsafe)}: synced taps can be lost in a power cut", repair)
    if "ro" in mount.options:
        return red(subject, f"{where} is mounted read-only", "look for its errors: dmesg, then fsck; or mount it with rw")
    if mount.kind == "overlay":
        told = f"{where}: what is written stays only where the upper layer lies on a disk"
        return once_real(subject, told, _MOVE, serious=serious)
    return fine(subject, where)


def room(free_bytes: int) -> Finding:
    """Judge what is free for the store's owner."""
    told = f"{free_bytes // _MIB} MiB free"
    repair = "free some: journalctl --vacuum-size=50M, apt clean; or take a larger card"
    if free_bytes < _TOO_LITTLE:
        return red("disk", told, repair)
    return advice("disk", told, repair) if free_bytes < _LITTLE else fine("disk", told)


def write(folder: Path, seconds: Callable[[], float]) -> Finding:
    """Write and sync one small file beside the store, as a tap does, and take it away.

    Args:
        folder: Of the store.
        seconds: A clock that only goes forward.
    """
    subject = "writing"
    before = seconds()
    try:
        # Its name on the disk ends with the last descriptor, also where this process is killed.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return red(subject, f"{folder}: {error.strerror}", "run it as the store's owner or as root; else look at dmesg")
    took = seconds() - before
    told = f"written and synced in {took * 1000:.1f} ms"
    if took > _SLOW_SECONDS:
        return advice(subject, told, "a tap waits that long: take a better card (an industrial SD card, or an SSD)")
    return fine(subject, told)


def disk(folder: Path, seconds: Callable[[], float], *, serious: bool) -> list[Finding]:
    """Look at the disk on which the store lies, or will lie."""
    try:
        resolved = folder.resolve(strict=True)
    except OSError as error:
        return [
            red(
                "disk", f"{folder}: {error.strerror}", "make the folder, owned by the user that runs kiosk, or correct [store] path"
            )
        ]
    free = os.statvfs(resolved)
    try:
        mount = mount_of(resolved, read_mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")))
    except OSError:
        mount = None
    options = superblock_options(mount.device) if mount is not None and mount.kind == "ext4" else frozenset()
    return [room(free.f_bavail * free.f_frsize), filesystem(mount, options, serious=serious), write(resolved, seconds)]
