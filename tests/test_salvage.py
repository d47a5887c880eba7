"""kiosk.salvage carries over what a damaged store still holds, gives no number twice, and says what is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from kiosk import evidence
from kiosk.aftermath import Salvaged, told
from kiosk.errors import NotOurs, StoreDead, UsageError
from kiosk.salvage import salvage
from kiosk.vault import Vault
from tests.rot import VAULT, content, populate
from tests.worlds import START_MS, close_worlds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with everything in it, closed properly."""
    made = populate(tmp_path)
    close_worlds()
    sqlite3.connect(made).close()
    return made


def run(path: Path, vault: Vault = VAULT) -> Salvaged:
    return salvage(path, path.with_name("new.db"), vault, at_ms=START_MS, kept_as="kept", found="tried")


def pages_of(path: Path, name: str) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [page for (page,) in connection.execute("SELECT pageno FROM dbstat WHERE name = ? ORDER BY path", (name,))]


def wipe(path: Path, pages: Iterable[int]) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 1024)
            file.write(bytes(1024))


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


def test_a_book_that_is_lost_is_found_in_the_record(path: Path) -> None:
    """Whose service a store serves decides whether it starts at all: the record knows it as well."""
    with closing(sqlite3.connect(path)) as connection, connection:
        evidence.record(
            connection,
            VAULT,
            evidence.Entry.BOOK_OPENED,
            "book:1",
            at_ms=7,
            facts={"host": "box.test", "environment": "training"},
        )
    before = content(path)["books"]
    wipe(path, pages_of(path, "books"))
    run(path)
    assert content(path.with_name("new.db"))["books"] == {1: (*before[1][:3], 7)}


def test_holders_that_are_lost_are_made_from_their_badges(path: Path) -> None:
    """Whoever has a badge and a profile is somebody."""
    before = content(path)
    wipe(path, pages_of(path, "holders"))
    run(path)
    after = content(path.with_name("new.db"))
    assert set(after["holders"]) == set(before["holders"])
    assert after["badges"] == before["badges"]


def test_no_number_is_given_twice(path: Path) -> None:
    """Where the newest rows are lost, indexes, the record and the counters still know how far the numbers went."""
    newest = {table: max(rows) for table, rows in content(path).items()}
    for table in ("registrations", "taps", "badges", "tasks", "evidence"):
        wipe(path, pages_of(path, table)[-1:])
    found = run(path)
    with closing(sqlite3.connect(path.with_name("new.db"))) as connection:
        numbers = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
        assert numbers["taps"] >= newest["taps"]
        assert numbers["badges"] >= newest["badges"]
        assert numbers["evidence"] > newest["evidence"]
        assert connection.execute("SELECT max(id) FROM registrations").fetchone()[0] >= newest["registrations"]
    assert found.lost
    assert found.facts()["lost"] == len(found.lost)


def test_the_chain_goes_on_behind_its_gap(path: Path) -> None:
    """Entries keep their numbers and hashes; the entry of the salvage comes after the last one that ever was."""
    before = content(path)["evidence"]
    wipe(path, pages_of(path, "evidence")[-1:])
    run(path)
    after = content(path.with_name("new.db"))["evidence"]
    newest = after.pop(max(after))
    assert newest[0] == max(before) + 1
    assert newest[3] == "salvaged"
    assert after.items() <= before.items()


def test_a_registration_that_does_not_open_asks_for_a_human(path: Path) -> None:
    """A damaged draft is held with its reason and a task, and is never sent."""
    change(path, "UPDATE registrations SET sealed = zeroblob(80) WHERE id = 1")
    change(path, "UPDATE registrations SET state = 'queued', reason = NULL WHERE id = 1")
    found = run(path)
    assert found.broken == {"registrations": 1}
    with closing(sqlite3.connect(path.with_name("new.db"))) as connection:
        assert connection.execute("SELECT state, reason FROM registrations WHERE id = 1").fetchone() == ("held", "seal")
        assert connection.execute("SELECT count(*) FROM tasks WHERE kind = 'held' AND registration = 1").fetchone()[0] >= 1
        assert told(connection, 1) is not None
        connection.execute("UPDATE tasks SET closed_ms = 1")
        assert told(connection, 1) is None


def test_two_rows_of_one_id_at_the_service_are_looked_up(path: Path) -> None:
    """Which of two rows a registration belongs to, only the service can say."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP INDEX registrations_settled")
        connection.execute("UPDATE registrations SET registration_id = 4242 WHERE state = 'accepted'")
    run(path)
    with closing(sqlite3.connect(path.with_name("new.db"))) as connection:
        assert connection.execute("SELECT count(*) FROM registrations WHERE registration_id = 4242").fetchone() == (1,)


def test_what_is_not_ours_is_refused(path: Path) -> None:
    """Another key, another program's database and a newer version's store are no case for a salvage."""
    with pytest.raises(UsageError, match="another store key"):
        run(path, Vault(bytes(32)))
    path.with_name("new.db").unlink()
    change(
        path,
        "WITH RECURSIVE step (n) AS (SELECT 9 UNION ALL SELECT n + 1 FROM step WHERE n < 40)"
        " INSERT INTO _sqlite_migrations (migration_set, name) SELECT 'ciao-kiosk', 'v' || n FROM step",
    )
    with pytest.raises(UsageError, match="newer version"):
        run(path)
    foreign = path.with_name("foreign.db")
    change(foreign, "CREATE TABLE things (id INTEGER PRIMARY KEY, added INTEGER)")
    with pytest.raises(NotOurs):
        salvage(foreign, path.with_name("another.db"), VAULT, at_ms=0, kept_as="", found="")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A store that can't be opened at all is told as a sentence."""
    with pytest.raises(StoreDead, match="No such file"):
        run(tmp_path / "kiosk.db")
