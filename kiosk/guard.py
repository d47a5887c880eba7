"""What lies beside a store: the lock that keeps every other process out, and the mark of one that must be looked through."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from kiosk.errors import StoreBusy, StoreDead


def suspect(path: Path, why: str) -> None:
    """Leave a mark beside the store that it must be looked through before it is opened again; as well as the disk lets us.

    Args:
        path: The store.
        why: SQLite's name of the error, or how the damage was found.
    """
    with contextlib.suppress(OSError):
        suspicion(path).write_text(why, encoding="utf-8")


def suspicion(path: Path) -> Path:
    """Where ``suspect`` leaves its mark."""
    return path.with_name(path.name + ".suspect")


def take_guard(path: Path) -> int:
    """Keep every other process out of the store; returns the descriptor that holds the lock.

    Raises:
        StoreBusy: Another process holds it.
        StoreDead: The lock file can't be made.
    """
    lock = path.with_name(path.name + ".lock")
    try:
        guard = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreDead(f"{lock}: {error.strerror}", repair="check the folder's owner and whether the disk is writable") from error
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(guard)
        raise StoreBusy(
            f"{path}: another process holds this store", repair="stop the other `kiosk run`, or use its verbs"
        ) from None
    return guard
