"""Whether a key file is fit to be used: there, whole, and readable by nobody else (design, section 6)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path


def file_mistakes(path: Path) -> Iterator[str]:
    """Say why a file that must be there can't be read."""
    try:
        # Not blocking: a named pipe without a writer would hold the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        yield f"{path} can't be read: {os.strerror(error.errno or 0)}; put it there (kiosk provision makes one in an empty folder)"
        return
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            yield f"{path} is no regular file; name a file"
    finally:
        os.close(descriptor)


def secret_mistakes(path: Path, *, credentials: Path | None, size: int | None = None) -> Iterator[str]:
    """Say everything that makes a secret file unfit (design, section 6).

    Args:
        path: The file.
        credentials: ``$CREDENTIALS_DIRECTORY``: systemd sets owner and group there, so only the bits for others count.
        size: Its exact length in bytes, where it has one.
    """
    unreadable = list(file_mistakes(path))
    if unreadable:
        yield from unreadable
        return
    status = path.stat()
    mode = stat.S_IMODE(status.st_mode)
    if credentials is not None and path.resolve().is_relative_to(credentials.resolve()):
        if mode & stat.S_IRWXO:
            yield f"{path} is open to everybody (mode {mode:04o}); take the bits for others away"
    else:
        if mode not in (0o600, 0o400):
            yield f"{path} has mode {mode:04o}, must be 0600 or 0400; run chmod 0600 {path}"
        if status.st_uid not in (os.geteuid(), 0):
            yield f"{path} belongs to another user (uid {status.st_uid}); make it belong to the user that runs kiosk"
    if size is not None and status.st_size != size:
        yield f"{path} has {status.st_size} bytes, must be exactly {size}; restore the true key, or provision a new box"
