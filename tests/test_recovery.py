"""kiosk.recovery opens a store after whatever happened to it: kept, salvaged, said, and never replaced in silence."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from kiosk import recovery
from kiosk.database import Database
from kiosk.durable import sync_folder
from kiosk.errors import KioskError, NotOurs, StoreDead, UsageError
from kiosk.guard import suspect, suspicion
from kiosk.model import State, TaskKind
from kiosk.tasks import open_tasks
from kiosk.vault import Vault
from tests.rot import TABLES, VAULT, content, populate
from tests.stores import open_store
from tests.worlds import START_MS, close_worlds

OTHER = Vault(bytes(32))


def opened(path: Path, vault: Vault = VAULT) -> Database:
    return recovery.open_store(path, vault, create=False, now_ms=lambda: START_MS)


def salvaged(database: Database) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        database.read(lambda c: c.execute("SELECT value FROM meta WHERE name = 'salvaged'").fetchone())[0]
    )
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with everything in it, left as by a killed daemon."""
    made = populate(tmp_path)
    close_worlds()
    return made


def strike(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def test_a_healthy_store_is_opened_as_it_is(path: Path) -> None:
    """After a kill nothing is salvaged: SQLite's own recovery is enough."""
    before = content(path)
    opened(path).close()
    assert content(path) == before
    assert not list(path.parent.glob("*.corrupt.*"))


def test_a_sound_store_is_carried_over_whole(path: Path) -> None:
    """A salvage of a store without damage changes no row but those of calls in flight, whose fate nobody knows."""
    before = content(path)
    recovery.rescue(path, VAULT, at_ms=START_MS, found="tried")
    after = content(path)
    for table in set(TABLES) - {"registrations", "evidence", "tasks"}:
        assert after[table] == before[table]
    for number, row in before["registrations"].items():
        expected = list(row)
        expected[5] = "unknown" if row[5] == State.IN_FLIGHT else row[5]
        assert list(after["registrations"][number]) == expected
    assert {number: after["evidence"][number] for number in before["evidence"]} == before["evidence"]


def test_a_first_page_full_of_nothing_costs_no_row(path: Path) -> None:
    """Without its first page, and so without its schema, every row of the store is still found, and said."""
    before = content(path)
    opened(path).close()
    strike(path, 0, bytes(1024))
    with closing(opened(path)) as database:
        said = salvaged(database)
        kinds = {task.kind for task in database.read(lambda c: open_tasks(c, 1))}
    after = content(path)
    assert {table: set(rows) - set(after[table]) for table, rows in before.items()} == {table: set() for table in TABLES}
    assert said["lost"] == 0
    assert TaskKind.SALVAGED in kinds
    assert (path.parent / said["kept_file"]).exists()


def test_what_can_not_be_read_is_counted_by_its_ids(path: Path) -> None:
    """A leaf that is gone costs its rows alone; which they were the index still tells, and no id is given again."""
    opened(path).close()
    connection = sqlite3.connect(path)
    last, newest = connection.execute(
        "SELECT max(pageno), (SELECT max(id) FROM registrations) FROM dbstat WHERE name = 'registrations' AND pagetype = 'leaf'"
    ).fetchone()
    connection.close()
    strike(path, (last - 1) * 1024, b"\xff" * 1024)
    suspect(path, "SQLITE_CORRUPT")
    with closing(opened(path)) as database:
        said = salvaged(database)
        assert database.read(lambda c: c.execute("SELECT max(id) FROM registrations").fetchone())[0] >= newest
        kinds = [task.kind for task in database.read(lambda c: open_tasks(c, 1))]
    assert said["lost"] > 0
    assert kinds.count(TaskKind.SALVAGED) == 1 + said["lost_unsent"]


def test_a_wrong_key_is_no_damage(path: Path) -> None:
    """With a key that opens nothing the store is refused with exit 2 and left as it is, damaged or not."""
    opened(path).close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match="another store key"):
        opened(path, OTHER)
    strike(path, 0, b"\x00")
    with pytest.raises(UsageError, match="another store key"):
        opened(path, OTHER)
    assert path.read_bytes()[1:] == before[1:]


def test_a_damaged_proof_of_the_key_is_no_wrong_key(path: Path) -> None:
    """Where other rows open, the key is right: the proof is made again."""
    opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE meta SET value = zeroblob(60) WHERE name = 'check'")
    connection.commit()
    connection.close()
    with closing(opened(path)) as database:
        assert "proof of its key" in salvaged(database)["found"]
    opened(path).close()


@pytest.mark.parametrize("text", ["name;insz\n" * 200, "x" * 4096])
def test_a_foreign_file_is_left_alone(tmp_path: Path, text: str) -> None:
    """A file that holds nothing of ours is refused, and nothing is made beside it."""
    path = tmp_path / "kiosk.db"
    path.write_text(text)
    with pytest.raises(NotOurs):
        opened(path)
    assert path.read_text() == text
    assert {each.name for each in tmp_path.iterdir()} <= {"kiosk.db", "kiosk.db.lock"}


def test_nothing_readable_starts_empty_and_says_so(path: Path) -> None:
    """A file full of zeros, as some power cuts leave it, is kept, and the box works."""
    opened(path).close()
    path.write_bytes(bytes(path.stat().st_size))
    with closing(opened(path)) as database:
        assert salvaged(database)["rows"] == 0


def test_suspicion_alone_is_looked_into(path: Path) -> None:
    """After an I/O error the store is looked through at the next start; where nothing is found nothing is salvaged."""
    opened(path).close()
    suspect(path, "SQLITE_IOERR_FSYNC")
    opened(path).close()
    assert not suspicion(path).exists()
    assert not list(path.parent.glob("*.corrupt.*"))


def test_a_swap_that_was_cut_is_gone_on_with(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a power cut meets the swap, the next start ends it: the salvaged store in place, the damaged one kept."""
    for cut in range(5):
        _rescue_cut_at(path, cut, monkeypatch)
        with closing(opened(path)) as database:
            assert database.read(lambda c: c.execute("SELECT count(*) FROM registrations").fetchone())[0] > 0
        assert not list(path.parent.glob("*.salvaged.*"))
        assert not list(path.parent.glob("*.salvaging*"))


def _rescue_cut_at(path: Path, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(Exception):
        """The power is gone."""

    left = [cut]

    def counted(folder: Path) -> None:
        if not left[0]:
            raise Cut
        left[0] -= 1
        sync_folder(folder)

    with monkeypatch.context() as patched:
        patched.setattr(recovery, "sync_folder", counted)
        with suppress(Cut):
            recovery.rescue(path, VAULT, at_ms=START_MS, found="tried")


def test_damage_that_the_look_finds_ends_the_trust(path: Path) -> None:
    """An index that does not tell what the rows tell is found on a copy, and the next start salvages."""
    opened(path).close()
    connection = sqlite3.connect(path)
    page = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'registrations_holder'").fetchone()[0]
    connection.close()
    strike(path, page * 1024 - 3, b"\x7f")
    with closing(opened(path)) as database:
        pauses: list[int] = []
        assert recovery.check_copy(database, pause=lambda: pauses.append(1)) is not None
        assert pauses
    assert not (path.parent / "kiosk.db.check").exists()
    with closing(opened(path)) as database:
        assert salvaged(database)["found"].startswith("check")


def test_a_sound_store_passes_the_look(path: Path) -> None:
    """Nothing is found where nothing is."""
    with closing(opened(path)) as database:
        assert recovery.check_copy(database, pause=lambda: None) is None
    assert not suspicion(path).exists()


def test_a_store_whose_disk_is_gone_is_told(tmp_path: Path) -> None:
    """What keeps the salvage from working is told as a sentence."""
    with open_store(tmp_path):
        pass
    with pytest.raises(KioskError):
        recovery.rescue(tmp_path / "nowhere" / "kiosk.db", VAULT, at_ms=0, found="tried")
    path = tmp_path / "kiosk.db"
    (tmp_path / "kiosk.db.salvaging").mkdir()
    with pytest.raises(StoreDead):
        recovery.rescue(path, VAULT, at_ms=0, found="tried")
