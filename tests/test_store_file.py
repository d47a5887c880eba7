"""kiosk.store_file opens what is ours with every promise kept, and writes nothing into what is not."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from kiosk import schema
from kiosk.errors import StoreDead, UsageError
from kiosk.store_file import error_name
from kiosk.vault import Field
from tests.stores import KEY, VAULT, open_store

OTHER_KEY = bytes(reversed(KEY))


def run_sql(path: Path, *statements: str) -> None:
    """Change a file as another program would."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for statement in statements:
            connection.execute(statement)
    finally:
        connection.close()


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("pragma", "expected"),
    [
        ("page_size", 1024),
        ("locking_mode", "exclusive"),
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("wal_autocheckpoint", 2000),
        ("journal_size_limit", 4_194_304),
        ("foreign_keys", 1),
        ("recursive_triggers", 1),
        ("cell_size_check", 1),
        ("secure_delete", 1),
        ("trusted_schema", 0),
        ("mmap_size", 0),
        ("application_id", 0x6369616F),
        ("user_version", len(schema.STEPS)),
    ],
)
def test_every_promise_is_set(tmp_path: Path, pragma: str, expected: object) -> None:
    """A new store and one that is opened again both have the pragma that durability, speed and recognition rest on."""
    for _ in range(2):
        with open_store(tmp_path) as database:
            assert database.read(lambda c: c.execute(f"PRAGMA {pragma}").fetchone()[0]) == expected


def test_a_new_store_is_marked_on_disk(tmp_path: Path) -> None:
    """The file itself carries page size, WAL, and "ciao" where the file command looks for it."""
    with open_store(tmp_path):
        pass
    header = (tmp_path / "kiosk.db").read_bytes()[:100]
    assert header[:16] == b"SQLite format 3\0"
    assert int.from_bytes(header[16:18], "big") == 1024
    assert header[18:20] == b"\x02\x02"
    assert header[68:72] == b"ciao"


def test_a_pragma_that_does_not_take_is_refused(tmp_path: Path) -> None:
    """A store whose page size is not ours can't keep the measured promises: it is not opened, and the words say which."""
    run_sql(tmp_path / "kiosk.db", "PRAGMA page_size = 4096", f"PRAGMA application_id = {schema.APPLICATION_ID}")
    with pytest.raises(StoreDead, match="page_size is 4096, not 1024"), open_store(tmp_path):
        pass


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_somebody_elses_database_is_left_as_it_is(tmp_path: Path, mode: str) -> None:
    """A mistyped path that names another program's database changes not a byte of it: neither its tables nor its journal mode."""
    path = tmp_path / "kiosk.db"
    run_sql(path, f"PRAGMA journal_mode = {mode}", "CREATE TABLE precious (id INTEGER)", "INSERT INTO precious VALUES (1)")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="not a store of ciao-kiosk") as refused, open_store(tmp_path):
        pass
    assert "[store] path" in str(refused.value)
    assert path.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"kiosk.db", "kiosk.db.lock"}


@pytest.mark.parametrize(
    "statement", [f"PRAGMA application_id = {0x47504B47}", "PRAGMA user_version = 1", "CREATE VIEW here AS SELECT 1"]
)
def test_what_bears_any_strange_mark_is_not_ours(tmp_path: Path, statement: str) -> None:
    """A database with another mark, a version without our mark, or anything in it without our mark is never taken over."""
    run_sql(tmp_path / "kiosk.db", statement)
    with pytest.raises(UsageError, match="not a store of ciao-kiosk"), open_store(tmp_path):
        pass


@pytest.mark.parametrize(
    "statements",
    [
        ("PRAGMA page_size = 1024", "PRAGMA journal_mode = wal"),
        ("PRAGMA page_size = 1024", "PRAGMA journal_mode = wal", f"PRAGMA application_id = {schema.APPLICATION_ID}"),
        ("PRAGMA page_size = 1024", f"PRAGMA application_id = {schema.APPLICATION_ID}", "CREATE TABLE _sqlite_migrations (id INT)"),
    ],
    ids=["WAL only", "marked, no table", "marked, only the list of migrations"],
)
def test_a_store_that_a_power_cut_left_half_made_is_finished(tmp_path: Path, statements: tuple[str, ...]) -> None:
    """Whatever point of its making a new store had reached, the next start makes it whole."""
    if "_sqlite_migrations" in statements[-1]:
        # As sqlite-utils makes it: its own table comes before the first step.
        with open_store(tmp_path) as database:
            made = database.read(
                lambda c: c.execute("SELECT sql FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone()[0]
            )
        (tmp_path / "kiosk.db").unlink()
        statements = (*statements[:-1], made)
    run_sql(tmp_path / "kiosk.db", *statements)
    with open_store(tmp_path, create=False) as database:
        assert database.read(lambda c: c.execute("SELECT count(*) FROM meta WHERE name = 'check'").fetchone()) == (1,)
    with open_store(tmp_path, create=False) as database:
        assert database.dead is None


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    """A file that was created and never written (a power cut at the very start) is a new store."""
    (tmp_path / "kiosk.db").touch(0o600)
    with open_store(tmp_path, create=False) as database:
        assert database.read(lambda c: c.execute("PRAGMA user_version").fetchone()) == (len(schema.STEPS),)


def test_a_newer_store_is_left_as_it_is(tmp_path: Path) -> None:
    """A store of a later version is refused with both versions named, and not a byte of it changes."""
    with open_store(tmp_path):
        pass
    path = tmp_path / "kiosk.db"
    run_sql(path, "PRAGMA user_version = 999")
    run_sql(
        path,
        "WITH RECURSIVE step (n) AS (SELECT count(*) + 1 FROM _sqlite_migrations UNION ALL SELECT n + 1 FROM step WHERE n < 999)"
        " INSERT INTO _sqlite_migrations (migration_set, name) SELECT 'ciao-kiosk', 'v' || n FROM step",
    )
    before = path.read_bytes()
    with pytest.raises(UsageError, match=f"schema 999, this program knows {len(schema.STEPS)}") as refused, open_store(tmp_path):
        pass
    assert "install that version" in str(refused.value)
    assert path.read_bytes() == before


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    """With another store key the store is refused as wrong usage, and it opens unharmed with its own."""
    with open_store(tmp_path):
        pass
    with pytest.raises(UsageError, match="another store key") as refused, open_store(tmp_path, key=OTHER_KEY):
        pass
    assert "key_file" in str(refused.value)
    with open_store(tmp_path, create=False) as database:
        assert database.dead is None


@pytest.mark.parametrize("value", [None, b"", VAULT.seal(Field.CHECK, bytes(16), b"something else")])
def test_a_store_without_its_proof_is_refused(tmp_path: Path, value: bytes | None) -> None:
    """A missing, damaged or strange check value proves nothing: the key is not believed."""
    with open_store(tmp_path) as database:
        if value is None:
            database.write(lambda c: c.execute("DELETE FROM meta WHERE name = 'check'"))
        else:
            database.write(lambda c: c.execute("UPDATE meta SET value = ? WHERE name = 'check'", (value,)))
    with pytest.raises(UsageError, match="another store key"), open_store(tmp_path):
        pass


def test_a_copy_is_kept_before_a_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an old store is migrated a whole copy of it stays beside it, for its owner's eyes alone; the new one has the rows."""
    with open_store(tmp_path) as database:
        database.write(lambda c: c.execute("INSERT INTO meta (name, value) VALUES ('kept', 'yes')"))
    old = len(schema.STEPS)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;\n"))
    mask = os.umask(0o022)
    try:
        with open_store(tmp_path, create=False) as database:
            version = database.read(lambda c: c.execute("PRAGMA user_version").fetchone()[0])
            kept = database.read(lambda c: c.execute("SELECT value FROM meta WHERE name = 'kept'").fetchone()[0])
    finally:
        os.umask(mask)
    assert (version, kept) == (old + 1, "yes")
    copy = tmp_path / f"kiosk.db.schema-{old}"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    monkeypatch.undo()
    folder = tmp_path / "back"
    folder.mkdir()
    shutil.copy(copy, folder / "kiosk.db")
    with open_store(folder, create=False) as database:
        assert database.read(lambda c: c.execute("SELECT value FROM meta WHERE name = 'kept'").fetchone()[0]) == "yes"
    assert "later" in tables(tmp_path / "kiosk.db") - tables(copy)


def test_a_wrong_key_migrates_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is proved before a step is taken: a wrong key leaves an old store old."""
    with open_store(tmp_path):
        pass
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;\n"))
    with pytest.raises(UsageError, match="another store key"), open_store(tmp_path, key=OTHER_KEY):
        pass
    assert "later" not in tables(tmp_path / "kiosk.db")


def test_an_error_is_named_without_its_words() -> None:
    """SQLite's name of an error is used, or Python's where SQLite was not asked; never the text, which may quote a value."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as failed:
        connection.execute("SELECT secret_85073003328")
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError) as closed:
        connection.execute("SELECT 1")
    assert (error_name(failed.value), error_name(closed.value)) == ("SQLITE_ERROR", "ProgrammingError")
