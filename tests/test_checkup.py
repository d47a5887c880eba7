"""kiosk.checkup looks the whole store through after a kill or once a day, and trusts no damaged one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from kiosk import evidence, recovery
from kiosk.checkup import Checkup
from kiosk.database import Database
from kiosk.errors import StoreDead
from kiosk.guard import suspicion
from tests.rot import VAULT, populate
from tests.stores import until
from tests.worlds import START_MS, Time, close_worlds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = populate(tmp_path)
    close_worlds()
    return made


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    with closing(recovery.open_store(path, VAULT, create=False, now_ms=lambda: START_MS)) as database:
        yield database


def looks(database: Database) -> object:
    return database.read(lambda c: evidence.mark(c, "checked_ms"))


def test_it_waits_for_the_first_tap_and_looks_once_a_day(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a kill it looks at the first tap; then not again before a day has passed."""
    caplog.set_level("INFO")
    time, stop = Time(), Event()
    with opened(path) as database:
        assert database.unclean
        checkup = Checkup(database, time)
        thread = Thread(target=checkup.run, args=(stop,))
        thread.start()
        try:
            assert looks(database) is None
            checkup.nudge()
            until(lambda: any(record.getMessage() == "store checked" for record in caplog.records))
            first = looks(database)
            assert first == time.wall_ms
            assert not checkup._is_due()
            time.pass_seconds(86_401)
            assert checkup._is_due()
        finally:
            stop.set()
            checkup.nudge()
            thread.join(10)
        assert not thread.is_alive()


def test_damage_ends_the_trust_and_is_salvaged_at_the_next_start(path: Path) -> None:
    """A store that is found damaged takes no tap any more; the next start salvages it and is sound."""
    with opened(path):
        pass
    connection = sqlite3.connect(path)
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'registrations_holder'").fetchone()[0]
    connection.close()
    with path.open("r+b") as file:
        file.seek(page * 1024 - 3)
        file.write(b"\x7f")
    with opened(path) as database:
        Checkup(database, Time()).look(Event())
        assert isinstance(database.dead, StoreDead)
        with pytest.raises(StoreDead):
            database.write(lambda c: c.execute("DELETE FROM tasks"))
    assert suspicion(path).exists()
    with opened(path) as database:
        assert list(path.parent.glob("*.corrupt.*"))
        Checkup(database, Time()).look(Event())
        assert database.dead is None


def test_a_stop_ends_the_look(path: Path) -> None:
    """The daemon's end does not wait for a copy, and nothing of it is left."""
    stop = Event()
    stop.set()
    with opened(path) as database:
        Checkup(database, Time()).look(stop)
        assert database.dead is None
    assert not list(path.parent.glob("*.check"))


def test_without_room_nothing_is_copied(path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """A disk with little room is not filled by a copy: that is said, and the taps go on. The disk's answer stands in for one."""
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=1, f_frsize=1024))
    with opened(path) as database:
        Checkup(database, Time()).look(Event())
        assert database.dead is None
    assert "store not checked" in caplog.messages
