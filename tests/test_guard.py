"""kiosk.guard keeps other processes out of a store, and remembers that one must be looked through."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiosk.errors import StoreBusy, StoreDead
from kiosk.guard import suspect, suspicion, take_guard


def test_one_process_at_a_time(tmp_path: Path) -> None:
    """Who holds the lock keeps everybody else out, until he lets it go."""
    path = tmp_path / "kiosk.db"
    guard = take_guard(path)
    with pytest.raises(StoreBusy):
        take_guard(path)
    os.close(guard)
    os.close(take_guard(path))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """What keeps the lock file from being made is told as a sentence."""
    with pytest.raises(StoreDead, match="No such file"):
        take_guard(tmp_path / "nowhere" / "kiosk.db")


def test_a_suspicion_is_kept_as_well_as_the_disk_lets_us(tmp_path: Path) -> None:
    """The mark says why; where even that can't be written nothing worse comes of it."""
    suspect(tmp_path / "kiosk.db", "SQLITE_IOERR")
    assert suspicion(tmp_path / "kiosk.db").read_text() == "SQLITE_IOERR"
    suspect(tmp_path / "nowhere" / "kiosk.db", "SQLITE_IOERR")
