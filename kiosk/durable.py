"""Files that are whole or not there: written beside, synced, then given their name; and their folder is synced after."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kiosk.errors import KioskError, UsageError

#: What is said of a file that must not be there.
KEPT: Final = "is there already and is never overwritten"


def write_new(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file that must not be there yet; the default mode is for its owner alone.

    Raises:
        UsageError: There is one already.
        KioskError: The disk can't take it; nothing of it is left.
    """
    with writing(path), _draft(path, content, mode) as draft:
        try:
            # A second name, not a renaming: that would replace what is there.
            os.link(draft, path)
        except FileExistsError:
            raise UsageError(f"{path}: {KEPT}", repair="keep it, or name another file") from None


def write_whole(path: Path, content: str, *, mode: int) -> None:
    """Replace a file by this content with this mode; the owner of one that is there stays.

    Raises:
        KioskError: The disk can't take it; what was there before is still there.
    """
    with writing(path), _draft(path, content.encode(), mode) as draft:
        if path.exists():
            os.chown(draft, path.stat().st_uid, path.stat().st_gid)
        draft.replace(path)


def sweep(folder: Path) -> None:
    """Remove the drafts of runs that were killed: they may hold secrets, and the name of one may be a key's second name."""
    with writing(folder):
        for draft in folder.glob(".*.draft"):
            draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make names that were given or taken in a folder outlive a power cut."""
    _sync(folder, os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Make what others wrote into a file, and its size, outlive a power cut."""
    _sync(path, 0)


def _sync(path: Path, kind: int) -> None:
    descriptor = os.open(path, os.O_RDONLY | kind | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a disk says while files are changed into a sentence.

    Raises:
        KioskError: The disk could not do it.
    """
    try:
        yield
    except OSError as error:
        raise KioskError(
            f"{error.filename or path}: {os.strerror(error.errno or 0)}",
            repair="see to room, owner and mount of that folder, then run this again: it goes on where it stopped",
        ) from None


@contextlib.contextmanager
def _draft(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Write the content beside its later name; when it has got that, sync the folder."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)
