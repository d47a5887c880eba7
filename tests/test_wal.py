"""kiosk.wal tells a log that a power cut ended from one that has rotted before its end."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.wal import PAGE, Wal, read_wal
from tests.rot import Whole, populate
from tests.worlds import close_worlds

FRAME = PAGE + 24


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, Whole]:
    path = populate(tmp_path)
    close_worlds()
    return path.with_name("kiosk.db-wal"), Whole.read(path)


def changed(data: bytes, at: int, *, by: int = 1) -> bytes:
    return data[:at] + bytes((data[at] ^ by,)) + data[at + 1 :]


def test_a_log_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """A missing, an empty and a cut log are all empty."""
    log = tmp_path / "kiosk.db-wal"
    assert read_wal(log) == Wal()
    log.write_bytes(b"")
    assert read_wal(log) == Wal()
    log.write_bytes(bytes(40))
    assert read_wal(log) == Wal()


def test_a_sound_log_is_read_to_its_last_commit(whole: tuple[Path, Whole]) -> None:
    """What SQLite left after a kill is no damage."""
    log, before = whole
    found = read_wal(log)
    assert found.frames
    assert not found.damaged
    assert found.count is not None
    assert max(found.frames.values()) == before.live


@pytest.mark.parametrize("place", [0, 5, 9, 17, 21, 24, 700, 1047])
def test_a_byte_that_rots_before_the_end_is_noticed_and_costs_a_page(whole: tuple[Path, Whole], place: int) -> None:
    """Wherever in a frame the byte lies, everything behind it still counts, and at most that page is in doubt."""
    log, before = whole
    sound = read_wal(log)
    log.write_bytes(changed(before.log, 32 + FRAME + place))
    found = read_wal(log)
    assert found.damaged
    assert found.count == sound.count
    assert {page for page in sound.frames if found.frames.get(page) != sound.frames[page]} <= set(found.suspects)
    assert len(found.suspects) <= 1


@pytest.mark.parametrize("place", [0, 5, 9, 13, 17, 25, 31])
def test_a_header_that_rots_is_noticed(whole: tuple[Path, Whole], place: int) -> None:
    """SQLite takes a log with a bad header for empty; its frames still prove each other."""
    log, before = whole
    sound = read_wal(log)
    log.write_bytes(changed(before.log, place))
    found = read_wal(log)
    assert found.damaged
    assert found.frames == sound.frames


def test_a_torn_last_transaction_is_a_power_cut(whole: tuple[Path, Whole]) -> None:
    """What was never synced is dropped as SQLite drops it, without an alarm."""
    log, before = whole
    log.write_bytes(changed(before.log, before.last_transaction().start + 100))
    found = read_wal(log)
    assert not found.damaged
    assert max(found.frames.values()) < before.last_transaction().start


def test_a_frame_of_no_page_leaves_a_doubt(whole: tuple[Path, Whole]) -> None:
    """Where more than a byte of a frame is gone, nobody knows of which page it was."""
    log, before = whole
    start = 32 + FRAME
    log.write_bytes(
        before.log[:start] + b"\xff" * 8 + before.log[start + 8 : start + 24] + bytes(PAGE) + before.log[start + FRAME :]
    )
    found = read_wal(log)
    assert found.damaged
    assert found.doubt


def scribbled(path: Path, *sizes: int) -> bytes:
    """Write rows of these sizes, each in its own transaction, and return the log as a killed process leaves it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in (f"page_size = {PAGE}", "locking_mode = exclusive", "journal_mode = wal", "synchronous = full"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text)")
        for size in sizes:
            connection.execute("INSERT INTO notes VALUES (randomblob(?))", (size,))
        shutil.copy(path, path.with_name("killed.db"))
        return path.with_name(f"{path.name}-wal").read_bytes()


def lacking(log: bytes, frame: int) -> bytes:
    """The log without one frame, which never reached the disk."""
    start = 32 + frame * FRAME
    return log[:start] + bytes(FRAME) + log[start + FRAME :]


def test_what_an_earlier_cut_left_behind_is_no_damage(tmp_path: Path) -> None:
    """Behind a torn transaction lie the remains of one that an earlier cut had torn: both are dropped, without an alarm."""
    first = scribbled(tmp_path / "first.db", 10, 20 * PAGE)
    synced = (len(scribbled(tmp_path / "short.db", 10)) - 32) // FRAME
    again = tmp_path / "again.db"
    shutil.copy(tmp_path / "killed.db", again)
    again.with_name("again.db-wal").write_bytes(lacking(first, synced))
    second = scribbled(again, 5 * PAGE)
    assert len(second) == len(first), "the second life wrote nothing over the remains of the first"
    log = tmp_path / "kiosk.db-wal"
    log.write_bytes(lacking(second, synced + 1))
    found = read_wal(log)
    assert not found.damaged
    assert max(found.frames.values()) < 32 + synced * FRAME
    log.write_bytes(changed(second, 32 + (synced - 1) * FRAME + 700))
    found = read_wal(log)
    assert found.damaged, "a byte rotted before a transaction that was begun after its sync"
    assert max(found.frames.values()) < 32 + (synced + 8) * FRAME, "remains that no commit holds together count for nothing"
