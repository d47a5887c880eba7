"""kiosk.database acknowledges what is durable, and nothing else; each piece of work stands for itself."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest

from kiosk.database import Database, Work, _unusable, open_database
from kiosk.errors import Declined, StoreBusy, StoreDamaged, StoreDead, StoreError, StoreFull, UsageError
from tests.stores import OPENING, PATIENCE_SECONDS, VAULT, as_nobody, at_once, child, descriptor, fill, needs_root, open_store

HERE = Path(__file__).parent


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_store(tmp_path) as opened:
        make_notes(opened)
        yield opened


def make_notes(database: Database) -> None:
    """Make a table that no schema change concerns."""
    database.write(lambda c: c.execute("CREATE TABLE notes (text TEXT PRIMARY KEY, body BLOB)"))


def noting(text: str, size: int = 0) -> Work[str]:
    """Make a work that notes a text, with a body of this many bytes."""

    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO notes (text, body) VALUES (?, ?)", (text, os.urandom(size)))
        return f"noted {text}"

    return work


def notes(database: Database) -> set[str]:
    return {row[0] for row in database.read(lambda c: c.execute("SELECT text FROM notes").fetchall())}


def notes_on_disk(path: Path) -> set[str]:
    """Read what another process would find after this one was killed: a copy of the files as they lie."""
    with tempfile.TemporaryDirectory() as copy:
        for name in (path.name, f"{path.name}-wal"):
            if (path.parent / name).exists():
                shutil.copy(path.parent / name, copy)
        connection = sqlite3.connect(Path(copy) / path.name)
        try:
            return {row[0] for row in connection.execute("SELECT text FROM notes")}
        finally:
            connection.close()


def test_a_write_returns_its_value_from_the_disk(database: Database) -> None:
    """What write returned for is found by whoever opens the files next, without this process doing anything more."""
    assert database.write(noting("a")) == "noted a"
    assert notes_on_disk(database.path) == {"a"}


def test_alone_a_write_is_one_transaction(database: Database) -> None:
    """Uncontended, a write costs one BEGIN, its own statement and one COMMIT: no savepoint, no second fsync."""
    said: list[str] = []
    database._connection.set_trace_callback(said.append)
    database.write(lambda c: c.execute("DELETE FROM notes"))
    assert said == ["BEGIN IMMEDIATE", "DELETE FROM notes", "COMMIT"]


def test_a_burst_of_five_waits_for_two_commits(database: Database) -> None:
    """Five writers that wait while one commits share a single COMMIT: six works, two transactions, all durable."""
    said: list[str] = []
    database._connection.set_trace_callback(said.append)
    results = at_once(database, *(noting(text) for text in "abcde"))
    assert said.count("COMMIT") == 2
    assert results == [f"noted {text}" for text in "abcde"]
    assert notes_on_disk(database.path) == set("abcde")


def test_waiting_works_keep_their_order(database: Database) -> None:
    """Taps are decided in the order in which they came."""
    at_once(database, *(noting(text) for text in "edcba"))
    rows = database.read(lambda c: c.execute("SELECT text FROM notes ORDER BY rowid").fetchall())
    assert [row[0] for row in rows] == list("edcba")


def test_one_that_raises_is_undone_alone(database: Database) -> None:
    """A work's own refusal undoes what it did and nothing else, and is raised where it was asked."""

    def declined(connection: sqlite3.Connection) -> None:
        noting("half")(connection)
        raise Declined("not this one")

    said: list[str] = []
    database._connection.set_trace_callback(said.append)
    first, refused, last = at_once(database, noting("a"), declined, noting("b"))
    assert (first, last) == ("noted a", "noted b")
    assert isinstance(refused, Declined)
    assert notes_on_disk(database.path) == {"a", "b"}
    assert said.count("COMMIT") == 2


def test_alone_one_that_raises_leaves_nothing(database: Database) -> None:
    """Without company likewise, and the next write is none the worse."""

    def declined(connection: sqlite3.Connection) -> None:
        noting("half")(connection)
        raise Declined("not this one")

    with pytest.raises(Declined):
        database.write(declined)
    database.write(noting("next"))
    assert notes_on_disk(database.path) == {"next"}


def test_a_violated_constraint_is_its_own_trouble(database: Database) -> None:
    """A row that breaks a constraint is raised to its writer as what it is; the others are recorded."""
    database.write(noting("taken"))
    first, refused, last = at_once(database, noting("a"), noting("taken"), noting("b"))
    assert (first, last) == ("noted a", "noted b")
    assert isinstance(refused, sqlite3.IntegrityError)
    assert notes_on_disk(database.path) == {"taken", "a", "b"}


def test_what_sqlite_itself_undoes_takes_nobody_along(database: Database) -> None:
    """When SQLite undoes the whole transaction under one work, the others are recorded all the same."""
    database.write(noting("taken"))

    def undoing(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR ROLLBACK INTO notes (text) VALUES ('taken')")

    first, refused, last = at_once(database, noting("a"), undoing, noting("b"))
    assert (first, last) == ("noted a", "noted b")
    assert isinstance(refused, sqlite3.IntegrityError)
    assert notes_on_disk(database.path) == {"taken", "a", "b"}


def test_a_work_that_hides_such_an_undoing_is_not_acknowledged(database: Database) -> None:
    """A work that swallows SQLite's error after its transaction is gone is told that it failed, and the others are recorded."""
    database.write(noting("taken"))

    def hiding(connection: sqlite3.Connection) -> str:
        try:
            connection.execute("INSERT OR ROLLBACK INTO notes (text) VALUES ('taken')")
        except sqlite3.IntegrityError:
            return "all is well"
        raise AssertionError

    first, refused, last = at_once(database, noting("a"), hiding, noting("b"))
    assert (first, last) == ("noted a", "noted b")
    assert isinstance(refused, StoreError)
    assert database.dead is None
    assert notes_on_disk(database.path) == {"taken", "a", "b"}


def test_one_that_wants_to_end_the_process_does_not_take_the_others_acknowledgement(database: Database) -> None:
    """A work that raises SystemExit among others never lets one of them believe it was recorded when it was not."""

    def leaving(connection: sqlite3.Connection) -> None:
        noting("half")(connection)
        raise SystemExit(3)

    results = at_once(database, noting("a"), leaving, noting("b"))
    assert (results[0], results[2]) == ("noted a", "noted b")
    assert isinstance(results[1], SystemExit)
    assert notes_on_disk(database.path) == {"a", "b"}


def test_a_broken_statement_in_a_burst_is_told_by_its_code_alone(database: Database) -> None:
    """Among others, too, SQLite's own words (which may quote a value) never leave the store, and the others are recorded."""
    results = at_once(database, noting("a"), lambda c: c.execute("SELECT secret_85073003328"), noting("b"))
    assert (results[0], results[2]) == ("noted a", "noted b")
    assert isinstance(results[1], StoreError)
    assert str(results[1]) == f"{database.path}: SQLITE_ERROR"
    assert notes_on_disk(database.path) == {"a", "b"}


def test_what_counts_is_the_run_that_was_committed(database: Database) -> None:
    """A work that is run again after SQLite undid its first run is judged by the second."""
    database.write(noting("taken"))
    runs: list[int] = []

    def declined_at_first(connection: sqlite3.Connection) -> str:
        runs.append(1)
        if len(runs) == 1:
            raise Declined("not yet")
        return noting("a")(connection)

    first, _ = at_once(database, declined_at_first, noting("taken"))
    assert first == "noted a"
    assert notes_on_disk(database.path) == {"taken", "a"}


def test_thirty_threads_at_once_lose_nothing(database: Database) -> None:
    """Thirty threads that write and read as fast as they can: every acknowledged note is there, every refused one is not."""
    start = Barrier(30)
    trouble: list[BaseException] = []

    def hammer(number: int) -> None:
        try:
            start.wait(PATIENCE_SECONDS)
            for turn in range(10):
                text = f"{number}/{turn}"
                database.write(noting(text))
                assert text in notes(database)
                with pytest.raises(sqlite3.IntegrityError):
                    database.write(noting(text))
        except BaseException as error:  # noqa: BLE001  raised below, in the test's own thread
            trouble.append(error)

    threads = [Thread(target=hammer, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert trouble == []
    assert notes_on_disk(database.path) == {f"{number}/{turn}" for number in range(30) for turn in range(10)}


def test_an_acknowledged_write_survives_sigkill(tmp_path: Path) -> None:
    """A process killed the moment after write returned has lost nothing of it."""
    script = (
        "with open_store(Path(sys.argv[1])) as database:\n"
        "    database.write(lambda c: c.execute('CREATE TABLE notes AS SELECT 0 AS text WHERE 0'))\n"
        "    database.write(lambda c: c.execute('INSERT INTO notes VALUES (?)', ('kept',)))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    assert child(script, tmp_path).returncode == -signal.SIGKILL
    with open_store(tmp_path, create=False) as database:
        assert notes(database) == {"kept"}


def test_full_is_said_and_passes(database: Database) -> None:
    """At the page cap a write is refused as full with nothing recorded; with room again the next one is recorded."""
    pages = database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    database.read(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}"))
    with pytest.raises(StoreFull) as refused:
        database.write(noting("big", 50_000))
    assert "free space" in str(refused.value)
    assert database.dead is None
    assert notes(database) == set()
    database.read(lambda c: c.execute("PRAGMA max_page_count = 1000000"))
    assert database.write(noting("big", 50_000)) == "noted big"
    assert notes_on_disk(database.path) == {"big"}


def test_when_full_the_small_ones_of_a_burst_still_fit(database: Database) -> None:
    """One work that does not fit is refused alone: the taps beside it are recorded."""
    pages = database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    database.read(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}"))
    first, refused, last = at_once(database, noting("a"), noting("big", 50_000), noting("b"))
    assert (first, last) == ("noted a", "noted b")
    assert isinstance(refused, StoreFull)
    assert notes_on_disk(database.path) == {"a", "b"}


def test_full_is_remembered_until_a_change_found_room(database: Database) -> None:
    """A full store says so until a row was written again: neither a read nor an empty transaction takes it for mended."""
    pages = database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    database.read(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}"))
    seen = [database.full]
    with pytest.raises(StoreFull) as refused:
        database.write(noting("big", 50_000))
    seen.append(database.full)
    notes(database)
    seen.append(database.full)
    database.write(lambda c: c.execute("SELECT 1").fetchone())
    seen.append(database.full)
    database.write(noting("small"))
    seen.append(database.full)
    assert seen == [None, refused.value, refused.value, refused.value, None]


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Mount a file system of one megabyte."""
    folder = Path(tempfile.mkdtemp())
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


def test_a_truly_full_disk_is_said_and_passes(small_disk: Path) -> None:
    """On a full file system a tap is refused as full, what was acknowledged stays, and with room again the same process goes on."""
    with open_store(small_disk) as database:
        make_notes(database)
        ballast = small_disk / "ballast"
        fill(ballast)
        acknowledged = set[str]()

        def tap_on() -> None:
            for number in range(1000):
                database.write(noting(str(number), 2000))
                acknowledged.add(str(number))

        with pytest.raises(StoreFull):
            tap_on()
        assert database.dead is None
        assert notes(database) == acknowledged
        ballast.unlink()
        assert database.write(noting("after")) == "noted after"
        assert notes_on_disk(database.path) == acknowledged | {"after"}


def test_a_new_store_on_a_full_disk_is_refused_as_full(small_disk: Path) -> None:
    """The first start on a full disk says that the disk is full, and the same path serves once there is room."""
    ballast = small_disk / "ballast"
    fill(ballast, but=4 * 4096)
    with pytest.raises(StoreFull, match="no room"):
        open_database(small_disk / "kiosk.db", VAULT, create=True)
    ballast.unlink()
    with open_store(small_disk) as database:
        assert database.read(lambda c: c.execute("SELECT count(*) FROM meta").fetchone()) == (1,)


def break_wal(database: Database) -> None:
    """Let every later write to the log fail, as on a card that died: its descriptor becomes one that can't be written."""
    broken = os.open("/dev/null", os.O_RDONLY)
    os.dup2(broken, descriptor(f"{database.path}-wal"), inheritable=False)
    os.close(broken)


def test_after_an_io_error_nothing_is_ever_acknowledged_again(database: Database) -> None:
    """An I/O error ends the store for this process: this call and all later ones raise, with the repair; older rows are safe."""
    database.write(noting("before"))
    break_wal(database)
    with pytest.raises(StoreDead) as died:
        database.write(noting("lost"))
    assert "SQLITE_IOERR" in died.value.message
    assert "restarts" in str(died.value)
    assert database.dead is died.value
    for _ in range(2):
        with pytest.raises(StoreDead):
            database.write(noting("later"))
        with pytest.raises(StoreDead):
            notes(database)
    assert notes_on_disk(database.path) == {"before"}
    database.close()
    with open_store(database.path.parent, create=False) as again:
        assert notes(again) == {"before"}


def test_an_io_error_fails_everyone_who_waits(database: Database) -> None:
    """When the one COMMIT of a burst fails, none of the burst is acknowledged and none is tried again."""
    database.write(noting("before"))
    said: list[str] = []

    def breaking(connection: sqlite3.Connection) -> str:
        break_wal(database)
        database._connection.set_trace_callback(said.append)
        return noting("a")(connection)

    results = at_once(database, breaking, *(noting(text) for text in "bcd"))
    assert [type(result) for result in results] == [StoreDead] * 4
    assert said.count("COMMIT") == 1
    assert notes_on_disk(database.path) == {"before"}


@pytest.fixture(scope="module")
def failing_fsync(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library that lets fsync fail."""
    library = tmp_path_factory.mktemp("faults") / "fsync_fails.so"
    if shutil.which("gcc") is None:
        pytest.skip("there is no C compiler to build the failing fsync with")
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wall", "-Werror", "-o", library, HERE / "faults/fsync_fails.c"], check=True)
    return library


def test_a_failed_fsync_is_never_just_tried_again(tmp_path: Path, failing_fsync: Path) -> None:
    """After one failed fsync nothing is acknowledged by that process, though it would succeed again; the next one goes on."""
    script = (
        "mark = Path(sys.argv[2])\n"
        "def note(text):\n"
        "    try:\n"
        "        database.write(lambda c: c.execute('INSERT INTO notes VALUES (?)', (text,)))\n"
        "        return text\n"
        "    except StoreError as error:\n"
        "        return type(error).__name__\n"
        "with open_store(Path(sys.argv[1])) as database:\n"
        "    database.write(lambda c: c.execute('CREATE TABLE notes (text TEXT)'))\n"
        "    said = [note('before')]\n"
        "    mark.touch()\n"
        "    said.append(note('failed'))\n"
        "    mark.unlink()\n"
        "    said.append(note('later'))\n"
        "    print(*said, database.dead.message.rpartition('SQLITE_')[1:][1].split(':')[0], flush=True)\n"
        "    os._exit(0)\n"
    )
    mark = tmp_path / "fsync-fails"
    done = child(script, tmp_path, mark, LD_PRELOAD=str(failing_fsync), FSYNC_FAILS_WHILE=str(mark))
    assert done.stdout.split() == ["before", "StoreDead", "StoreDead", "IOERR_FSYNC"], done.stderr
    with open_store(tmp_path, create=False) as database:
        assert "before" in notes(database)
        assert "later" not in notes(database)


def test_a_log_whose_end_may_not_last_is_said(tmp_path: Path, failing_fsync: Path) -> None:
    """What was deleted is called gone only once the cut log is synced; else that process records nothing any more."""
    script = (
        "mark = Path(sys.argv[2])\n"
        "with open_store(Path(sys.argv[1])) as database:\n"
        "    database.checkpoint()\n"
        "    mark.touch()\n"
        "    try:\n"
        "        database.checkpoint()\n"
        "    except StoreDead as error:\n"
        "        mark.unlink()\n"
        "        print(error.message.rpartition(': ')[2], database.dead is error, flush=True)\n"
        "        os._exit(0)\n"
    )
    mark = tmp_path / "fsync-fails"
    done = child(script, tmp_path, mark, LD_PRELOAD=str(failing_fsync), FSYNC_FAILS_WHILE=str(mark))
    assert done.stdout.strip() == "its log could not be synced True", done.stderr
    assert (tmp_path / "kiosk.db.suspect").exists()


def test_a_second_opener_is_refused(database: Database) -> None:
    """The same store can't be opened twice in one process, and the words say what to do."""
    with pytest.raises(StoreBusy) as refused:
        open_database(database.path, VAULT, create=True)
    assert "another process holds this store" in str(refused.value)
    assert "kiosk run" in str(refused.value)
    database.write(noting("still mine"))


def test_another_process_is_refused_until_this_one_closes(tmp_path: Path) -> None:
    """One process at a time: a second one gets StoreBusy, and the store itself once the first has let go."""
    script = (
        "try:\n"
        "    with open_store(Path(sys.argv[1]), create=False):\n"
        "        print('opened')\n"
        "except KioskError as error:\n"
        "    print(type(error).__name__)\n"
    )
    with open_store(tmp_path):
        assert child(script, tmp_path).stdout.strip() == "StoreBusy"
    assert child(script, tmp_path).stdout.strip() == "opened"


def test_a_strangers_transaction_is_waited_for_and_then_named(tmp_path: Path) -> None:
    """A sqlite3 shell that holds the file keeps the store from opening, and is told apart from damage."""
    with open_store(tmp_path):
        pass
    stranger = sqlite3.connect(tmp_path / "kiosk.db", isolation_level=None)
    try:
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="another program"):
            open_database(tmp_path / "kiosk.db", VAULT, create=False)
    finally:
        stranger.close()
    with open_store(tmp_path, create=False) as database:
        assert database.dead is None


def test_a_missing_store_is_made_only_when_asked(tmp_path: Path) -> None:
    """Without leave to make one, a missing store is wrong usage, and nothing is left on the disk."""
    with pytest.raises(UsageError, match="there is no store yet") as refused:
        open_database(tmp_path / "kiosk.db", VAULT, create=False)
    assert "kiosk badge add" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A path in a folder that does not exist is refused with that path and the reason, and no folder is made."""
    with pytest.raises(StoreDead, match=r"nowhere/kiosk.db.lock: No such file or directory"):
        open_database(tmp_path / "nowhere" / "kiosk.db", VAULT, create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    """A path that is a folder is refused with the reason, and the lock is let go."""
    (tmp_path / "kiosk.db").mkdir()
    with pytest.raises(StoreDead, match="Is a directory"):
        open_database(tmp_path / "kiosk.db", VAULT, create=True)
    (tmp_path / "kiosk.db").rmdir()
    with open_store(tmp_path) as database:
        assert database.dead is None


@needs_root
@pytest.mark.parametrize(("mode", "create"), [(0o755, True), (0o700, True), (0o700, False)])
def test_a_folder_that_is_not_ours_is_named(mode: int, *, create: bool) -> None:
    """A user who may not write (or not even look) there gets the path and the reason, never a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(mode)
        with as_nobody(), pytest.raises(StoreDead, match=f"{folder}.*Permission denied"):
            open_database(Path(folder) / "kiosk.db", VAULT, create=create)


@needs_root
def test_a_store_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """A store of another user in a folder that is ours is refused with its path and the reason."""
    with tempfile.TemporaryDirectory() as folder:
        with open_store(Path(folder)):
            pass
        os.chown(folder, 65534, 65534)
        os.chown(Path(folder) / "kiosk.db.lock", 65534, 65534)
        with as_nobody(), pytest.raises(StoreDead, match=r"kiosk.db: Permission denied"):
            open_database(Path(folder) / "kiosk.db", VAULT, create=False)


def test_nobody_else_may_read_what_is_written(tmp_path: Path) -> None:
    """Under the usual umask the store, its log and its lock are readable by their owner alone."""
    mask = os.umask(0o022)
    try:
        with open_store(tmp_path) as database:
            make_notes(database)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(mask)
    assert modes == {"kiosk.db": 0o600, "kiosk.db-wal": 0o600, "kiosk.db.lock": 0o600}


def test_no_descriptor_is_handed_to_children(database: Database) -> None:
    """A child process never inherits the store or its lock: killed daemons leave no holder behind."""
    for suffix in ("", "-wal", ".lock"):
        assert not os.get_inheritable(descriptor(f"{database.path}{suffix}"))


def test_close_may_come_twice_and_ends_it(database: Database) -> None:
    """After close nothing is acknowledged any more, and a second close is harmless."""
    database.write(noting("a"))
    database.close()
    database.close()
    with pytest.raises(StoreError):
        database.write(noting("b"))
    with pytest.raises(StoreError):
        notes(database)
    with open_store(database.path.parent, create=False) as again:
        assert notes(again) == {"a"}


def test_a_read_tells_the_kind_of_its_failure_only(database: Database) -> None:
    """SQLite's own words may quote a value, so a failed read carries its path and SQLite's code alone; the store lives on."""
    with pytest.raises(StoreError) as failed:
        database.read(lambda c: c.execute("SELECT secret_85073003328 FROM notes"))
    assert str(failed.value) == f"{database.path}: SQLITE_ERROR"
    assert database.dead is None
    assert notes(database) == set()


def test_a_reads_own_exception_is_its_own(database: Database) -> None:
    """What a read raises by itself reaches its caller unchanged, and the lock is free again."""
    with pytest.raises(Declined, match="no such row"):
        database.read(lambda _: (_ for _ in ()).throw(Declined("no such row")))
    assert notes(database) == set()


def test_damage_found_by_a_read_ends_the_store(tmp_path: Path) -> None:
    """A page that is damaged is noticed when it is read, and this process trusts nothing of the store any more."""
    with open_store(tmp_path) as database:
        make_notes(database)
        database.write(noting("a", 5000))
        root = database.read(lambda c: c.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'notes'").fetchone())[0]
    with (tmp_path / "kiosk.db").open("r+b") as file:
        file.seek((root - 1) * 1024)
        file.write(b"\xff" * 1024)
    with open_store(tmp_path, create=False) as database:
        with pytest.raises(StoreDead, match="SQLITE_CORRUPT"):
            database.read(lambda c: c.execute("SELECT body FROM notes").fetchall())
        with pytest.raises(StoreDead):
            database.write(noting("b"))


def test_a_dead_store_is_logged_once_without_values(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The death of a store is one line in the log, by SQLite's code."""
    break_wal(database)
    for _ in range(3):
        with pytest.raises(StoreDead):
            database.write(noting("lost"))
    assert [record.getMessage() for record in caplog.records] == ["store dead"]


def test_a_text_file_is_left_alone(tmp_path: Path) -> None:
    """A file that is no database at all is refused as not ours, and not a byte of it changes."""
    path = tmp_path / "kiosk.db"
    path.write_text("name;insz\n" * 200)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="not a store of ciao-kiosk"):
        open_database(path, VAULT, create=True)
    assert path.read_bytes() == before


def test_a_damaged_first_page_is_damage(tmp_path: Path) -> None:
    """A store whose schema page is damaged is refused as damaged, with the advice to keep it."""
    with open_store(tmp_path):
        pass
    path = tmp_path / "kiosk.db"
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 900)
    with pytest.raises(StoreDead, match="keep the file"):
        open_database(path, VAULT, create=False)


def test_two_python_processes_are_told_apart(tmp_path: Path) -> None:
    """The lock dies with its process: a killed daemon never blocks the next."""
    script = "database = open_database(Path(sys.argv[1]), VAULT, create=True)\nprint('open', flush=True)\nsys.stdin.read()\n"
    path = tmp_path / "kiosk.db"
    with subprocess.Popen(
        [sys.executable, "-c", OPENING + script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE.parent, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy):
            open_database(path, VAULT, create=False)
        holder.kill()
    with open_store(tmp_path, create=False) as database:
        assert database.dead is None


def test_a_call_that_meets_the_end_is_told_so(tmp_path: Path) -> None:
    """A verb that asks while the daemon lets its store go hears of the stop, not of SQLite."""
    with open_store(tmp_path) as database:
        database.close()
        for ask in (database.read, database.write):
            with pytest.raises(StoreError, match="this daemon stops"):
                ask(lambda connection: connection.execute("SELECT 1"))


def test_a_page_that_the_disk_does_not_give_back_is_damage() -> None:
    """A sector that can't be read any more is salvaged around, and not tried for ever; SQLite's word for it is made up."""
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    assert isinstance(_unusable(Path("kiosk.db"), error), StoreDamaged)
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    assert not isinstance(_unusable(Path("kiosk.db"), error), StoreDamaged)
