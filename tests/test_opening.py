from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import books
from kiosk.config import load
from kiosk.errors import StoreBusy, StoreDead, UsageError
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Environment, ReaderDirection
from kiosk.opening import borrowed_desk, compact_store, desk_of, open_house
from kiosk.settings import Config
from tests.configs import MINIMAL, change, read, write
from tests.people import DECLARATION, EMPLOYER, PLACE
from tests.stores import NOBODY, as_nobody, needs_root

ASSUMED = change(("[store]", '[clock]\nsource = "assume"\nmax_error_seconds = 5\n\n[store]'))


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return read(tmp_path, ASSUMED)


@pytest.fixture
def foreign() -> Iterator[Path]:
    """A folder that belongs to somebody else, reachable by him; the keys in it stay root's."""
    folder = Path(tempfile.mkdtemp(prefix="kiosk-test-"))
    os.chown(folder, NOBODY, NOBODY)
    yield folder
    shutil.rmtree(folder)


def test_a_missing_store_is_made_only_where_that_was_asked(config: Config) -> None:
    """Reading verbs make no store; writing ones and the daemon do, with a training book of the configured host."""
    with pytest.raises(UsageError, match="no store yet"):
        open_house(config, create=False)
    assert not config.store.path.exists()
    house = open_house(config, create=True)
    assert (house.book.host, house.book.environment) == ("localhost", Environment.TRAINING)
    house.database.close()


def test_the_same_host_has_the_same_book_and_another_a_fresh_one(config: Config, tmp_path: Path) -> None:
    """Rows of one training service are never sent to another: its book is left behind, and the roster stays."""
    house = open_house(config, create=True)
    first = house.book.id
    house.database.close()
    house = open_house(config, create=False)
    assert house.book.id == first
    house.database.close()
    moved = read(tmp_path, ASSUMED.replace("https://localhost:8443", "https://acceptance.invalid"))
    house = open_house(moved, create=False)
    assert (house.book.host, house.book.id > first) == ("acceptance.invalid", True)
    house.database.close()


def test_a_refused_book_lets_the_store_go(config: Config, tmp_path: Path) -> None:
    """Production without the recorded step is refused, and the store is free for the next try."""
    house = open_house(config, create=True)
    house.database.close()
    production = ASSUMED.replace("https://localhost:8443", "https://services.socialsecurity.be").replace("simulated", "pcsc")
    for _ in range(2):
        with pytest.raises(UsageError, match="has not left training"):
            open_house(read(tmp_path, production), create=False)
    open_house(config, create=False).database.close()


def test_another_key_is_refused(config: Config) -> None:
    """A store opens with the key that sealed it, or not at all."""
    open_house(config, create=True).database.close()
    config.store.key_file.write_bytes(secrets.token_bytes(32))
    with pytest.raises(UsageError, match="another store key"):
        open_house(config, create=True)


def test_no_clock_before_the_newest_stored_tap_is_believed(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trusted tap in the store is the floor of the clock, less the error that is tolerated."""
    house = open_house(config, create=True)
    assert house.timekeeper.read().trusted
    newest = house.timekeeper.read().wall_ms + 60_000
    house.database.close()
    monkeypatch.setattr("kiosk.clockbook.newest_trusted_ms", lambda _connection: newest)
    house = open_house(config, create=False)
    assert not house.timekeeper.read().trusted
    house.database.close()
    monkeypatch.setattr("kiosk.clockbook.newest_trusted_ms", lambda _connection: newest - 57_000)
    house = open_house(config, create=False)
    assert house.timekeeper.read().trusted
    house.database.close()


def test_the_desk_gets_its_slice_of_the_configuration(tmp_path: Path) -> None:
    """Place, time zone, declarations, employer, limits and the readers' own declarations arrive; there is no delivery."""
    with_own = MINIMAL + f'declaration = "{DECLARATION.value}"\n[[reader]]\nname = "side"\ndriver = "simulated"\ndirection = "in"\n'
    config = read(tmp_path, with_own)
    house = open_house(config, create=True)
    desk = desk_of(config, house)
    house.database.close()
    assert (desk.place, desk.time_zone, desk.employer, desk.book) == (PLACE, "Europe/Brussels", EMPLOYER, house.book.id)
    assert [term.number for term in desk.declarations] == [DECLARATION]
    assert desk.reader_declarations == {"gate": DeclarationNumber.parse(DECLARATION.value)}
    assert desk.limits == config.rules.limits
    assert desk.delivery is None
    assert config.readers[1].direction is ReaderDirection.IN


def test_a_borrowed_desk_is_given_back(config: Config) -> None:
    """While a verb works on the store nobody else may open it; afterwards, also after an error, everybody may."""
    with borrowed_desk(config, create=True) as desk:
        assert desk.database.read(books.newest) is not None
        with pytest.raises(StoreBusy), borrowed_desk(config, create=True):
            pass
    with pytest.raises(LookupError), borrowed_desk(config, create=False):
        raise LookupError
    with borrowed_desk(config, create=False):
        pass


def test_what_a_verb_makes_is_closed_to_others_whatever_the_umask(config: Config) -> None:
    """The store of an admin with a loose umask is 0600 all the same, and his umask is put back."""
    before = os.umask(0)
    try:
        with borrowed_desk(config, create=True):
            pass
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in config.store.path.parent.glob("kiosk.db*")} == {0o600}


@needs_root
def test_root_leaves_nothing_behind_that_the_owner_can_not_open(foreign: Path) -> None:
    """A verb run by root makes and touches the store as its folder's owner, with a key that may be root's alone."""
    config = read(foreign, ASSUMED)
    assert config.store.key_file.stat().st_uid == 0
    with borrowed_desk(config, create=True):
        assert os.geteuid() == NOBODY
    assert (os.geteuid(), os.getegid()) == (0, 0)
    made = list(foreign.glob("kiosk.db*"))
    assert made
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(NOBODY, NOBODY)}
    with borrowed_desk(config, create=False):
        pass
    for path in (config.store.key_file, config.service.private_key):
        os.chown(path, NOBODY, NOBODY)
    with as_nobody(), borrowed_desk(load(foreign / "kiosk.toml", {}), create=False) as desk:
        assert desk.database.dead is None


def test_a_store_without_a_folder_is_told(tmp_path: Path) -> None:
    """Neither verb nor daemon ends in a traceback where the folder is missing: they say which one."""
    path = write(tmp_path, change(('path = "kiosk.db"', 'path = "gone/kiosk.db"')))
    config = load(path, {})
    with pytest.raises(UsageError, match="no store yet"), borrowed_desk(config, create=False):
        pass
    with pytest.raises(StoreDead, match="gone"), borrowed_desk(config, create=True):
        pass


def test_a_verb_has_one_way_to_the_service_however_often_it_asks(config: Config) -> None:
    """One key read and one token for a day's comparison, not one for each of its searches."""
    with borrowed_desk(config, create=True) as desk:
        assert desk.service is not None
        assert desk.service() is desk.service()


def test_nothing_that_an_earlier_version_deleted_is_left_in_a_compacted_store(config: Config) -> None:
    """Free pages go, in file and log, rows and settings stay; a daemon keeps the store for itself."""
    deleted = secrets.token_bytes(100)
    house = open_house(config, create=True)
    with pytest.raises(StoreBusy):
        compact_store(config)

    def as_before(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("INSERT INTO meta (name, value) VALUES ('old', ?)", (deleted,))
        connection.execute("DELETE FROM meta WHERE name = 'old'")

    house.database.read(as_before)
    house.database.checkpoint()
    house.database.close()
    assert deleted[20:60] in config.store.path.read_bytes()
    compact_store(config)
    assert not any(deleted[20:60] in path.read_bytes() for path in config.store.path.parent.iterdir())
    house = open_house(config, create=False)
    assert house.book.host == "localhost"
    house.database.close()


def test_there_must_be_a_store_to_compact(config: Config) -> None:
    """None is made for it."""
    with pytest.raises(UsageError, match="no store yet"):
        compact_store(config)
    assert not config.store.path.exists()
