"""Text files that are whole or not there: written beside, synced, then renamed into place."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, content: str, *, mode: int) -> None:
    """Replace a file by this content with this mode, durably with its folder; the owner of one that is there stays."""
    draft = path.with_name(f".{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), mode)
            if path.exists():
                os.fchown(file.fileno(), path.stat().st_uid, path.stat().st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Remove the drafts of runs that were killed: they may hold secrets, and the name of one may be a key's second name."""
    for draft in folder.glob(".*.draft"):
        draft.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make names that were given or taken in a folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
