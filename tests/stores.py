"""A real store in a test's own folder, and the ways in which tests disturb it."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

import pytest

from kiosk.database import Database, Work, open_database
from kiosk.vault import Vault

KEY: Final = bytes(range(32))
VAULT: Final = Vault(KEY)
#: Long enough for a slow machine; nothing waits for it when all is well.
PATIENCE_SECONDS: Final = 20.0
NOBODY: Final = 65534

#: What a script in a process of its own may use.
OPENING: Final = "import os, sys; from pathlib import Path; from tests.stores import *; from kiosk.errors import *\n"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's place, which only root may")


@contextmanager
def open_store(folder: Path, *, key: bytes = KEY, create: bool = True) -> Iterator[Database]:
    """Open ``kiosk.db`` in this folder, and close it again."""
    database = open_database(folder / "kiosk.db", Vault(key), create=create)
    try:
        yield database
    finally:
        database.close()


def until(true: Callable[[], object]) -> None:
    """Wait for something that another thread does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.001)


def at_once(database: Database, *works: Work[object]) -> list[object]:
    """Let all these works wait for the lock together, in this order; gives what each write returned or raised."""
    inside, leave = Event(), Event()
    results: list[object] = [None] * len(works)

    def hold(_: object) -> None:
        inside.set()
        assert leave.wait(PATIENCE_SECONDS)

    def write(place: int, work: Work[object]) -> None:
        try:
            results[place] = database.write(work)
        except BaseException as error:  # noqa: BLE001  what was raised is the result
            results[place] = error

    threads = [Thread(target=database.write, args=(hold,))]
    threads[0].start()
    assert inside.wait(PATIENCE_SECONDS)
    for place, work in enumerate(works):
        threads.append(Thread(target=write, args=(place, work)))
        threads[-1].start()
        until(lambda place=place: len(database._waiting) == place + 1)  # type: ignore[misc]  # a default binds the loop's value
    leave.set()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()
    return results


def descriptor(end: str) -> int:
    """The descriptor by which this process holds the one open file whose path ends so; a whole path is never ambiguous."""
    (found,) = [link for link in Path("/proc/self/fd").iterdir() if link.exists() and str(link.resolve()).endswith(end)]
    return int(found.name)


def fill(ballast: Path, *, but: int = 0) -> None:
    """Write until the file system is full, then give back this many bytes."""
    with ballast.open("wb", buffering=0) as heavy:
        try:
            while heavy.write(bytes(4096)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        heavy.truncate(heavy.tell() - but)


def child(script: str, *arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python process of its own, after ``OPENING``."""
    return subprocess.run(
        [sys.executable, "-c", OPENING + script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | environ,
        cwd=Path(__file__).parent.parent,
    )


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user who owns nothing."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
