"""kiosk.schema makes the tables, refuses rows that can't be true, and takes old stores along whole or not at all."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import badges, roster, schema, taps
from kiosk.database import Database
from kiosk.errors import StoreDead
from kiosk.identifiers import ForeignVatNumber
from kiosk.model import Direction
from kiosk.records import unpack_card, unpack_draft, unpack_remarks
from kiosk.vault import Field
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME, EMPLOYER, invented_card, invented_insz
from tests.stores import VAULT, child, open_store

V1 = Path(__file__).parent / "databases" / "v1.db"
VERSION = len(schema.STEPS)

#: A row of every table with every column that has a rule; the rest of the columns is taken from here too.
ROWS: dict[str, dict[str, object]] = {
    "meta": {"name": "'kept'", "value": "1"},
    "books": {"host": "'box.test'", "environment": "'training'", "opened_ms": "0"},
    "holders": {"added_ms": "0"},
    "profiles": {"uid": "x'00'", "holder": "1", "current": "1", "valid_from_ms": "0", "insz_index": "x'00'", "sealed": "x'00'"},
    "badges": {"uid": "x'00'", "card_index": "x'00'", "holder": "1", "added_ms": "0", "sealed": "x'00'", "trust": "'uid'"},
    "registrations": {
        "uid": "x'00'",
        "book": "1",
        "holder": "1",
        "direction": "'in'",
        "state": "'queued'",
        "at_ms": "0",
        "sealed": "x'00'",
        "signal": "'in'",
        "card_index": "x'00'",
        "reader": "'gate'",
        "driver": "'simulated'",
        "technology": "'test'",
        "press": "NULL",
        "trust": "'eid'",
        "wall_ms": "0",
        "boot_ns": "0",
        "boot_id": "'boot'",
        "clock_trusted": "1",
        "clock_source": "'kernel'",
        "registration_id": "17",
    },
    "taps": {
        "uid": "x'00'",
        "book": "1",
        "signal": "'unknown_card'",
        "at_ms": "0",
        "sealed": "x'00'",
        "card_index": "x'00'",
        "reader": "'gate'",
        "driver": "'simulated'",
        "technology": "'test'",
        "press": "'break'",
        "trust": "'crypto'",
        "wall_ms": "0",
        "boot_ns": "0",
        "boot_id": "'boot'",
        "clock_trusted": "0",
        "clock_source": "'none'",
        "direction": "'out'",
    },
    "elsewhere": {
        "uid": "x'00'",
        "book": "1",
        "holder": "1",
        "direction": "'in'",
        "at_ms": "0",
        "registration_id": "18",
        "group_index": "x'00'",
        "seen_ms": "0",
        "sealed": "x'00'",
    },
    "loan_cards": {"uid": "x'00'", "card_index": "x'00'", "added_ms": "0", "sealed": "x'00'"},
    "notices": {"book": "1", "holder": "1", "registration": "1", "opened_ms": "0"},
    "reconciliations": {
        "book": "1",
        "day": "'2026-11-24'",
        "done_ms": "0",
        "equal": "1",
        "only_here": "0",
        "only_there": "0",
        "different": "0",
        "duplicates": "0",
        "unsettled": "0",
    },
    "pauses": {"book": "1", "group_index": "x'00'", "refusals": "1", "last_reason": "'why'"},
    "tasks": {"kind": "'held'", "book": "1", "opened_ms": "0"},
    "evidence": {"uid": "x'00'", "at_ms": "0", "kind": "'verdict'", "subject": "'registration:1'"},
    "signatures": {"entry": "1", "hash": "x'00'", "at_ms": "0", "key_id": "x'00'", "signature": "x'00'"},
}
#: Each CHECK of the schema, with what must not pass it.
CHECKS = [
    ("books", "environment", ["'Production'", "'test'", "''"]),
    ("profiles", "current", ["2", "-1"]),
    ("registrations", "direction", ["'IN'", "'toggle'", "''"]),
    ("registrations", "state", ["'sent'", "'Queued'", "''"]),
    ("registrations", "press", ["'toggle'", "''"]),
    ("registrations", "trust", ["'UID'", "''"]),
    ("registrations", "place_source", ["'GPS'", "''"]),
    ("taps", "trust", ["'none'", "''"]),
    ("badges", "trust", ["'EID'", "''"]),
    ("registrations", "clock_trusted", ["2", "-1"]),
    ("taps", "press", ["'toggle'", "''"]),
    ("taps", "direction", ["'IN'", "''"]),
    ("elsewhere", "direction", ["'toggle'", "''"]),
    ("taps", "clock_trusted", ["2", "-1"]),
]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_store(tmp_path) as opened:
        opened.write(lambda c: c.execute("INSERT INTO holders (added_ms) VALUES (0)"))
        yield opened


def insert(database: Database, table: str, **changes: object) -> None:
    """Insert the table's row with these columns changed; values are SQL."""
    row = ROWS[table] | changes
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(map(str, row.values()))})"  # noqa: S608  our own words
    database.write(lambda c: c.execute(sql))


def names(database: Database, kind: str) -> set[str]:
    return {
        row[0] for row in database.read(lambda c: c.execute("SELECT name FROM sqlite_schema WHERE type = ?", (kind,)).fetchall())
    }


def test_every_table_is_tried_here(database: Database) -> None:
    """No table is added to the schema without a row of it in these tests."""
    assert {name for name in names(database, "table") if "sqlite" not in name} == set(ROWS)


@pytest.mark.parametrize("table", ROWS)
def test_a_true_row_is_taken(database: Database, table: str) -> None:
    """The rows that these tests bend are let in unbent."""
    insert(database, table)
    assert database.read(lambda c: c.execute(f"SELECT count(*) FROM {table}").fetchone())[0] >= 1  # noqa: S608  our own words


@pytest.mark.parametrize(("table", "column", "value"), [(*check[:2], value) for check in CHECKS for value in check[2]])
def test_a_word_that_is_none_is_refused(database: Database, table: str, column: str, value: str) -> None:
    """A state, direction, press or flag that the rules don't know never reaches the disk, whoever writes it."""
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        insert(database, table, **{column: value})


def test_every_check_is_tried_here() -> None:
    """No CHECK is added to the schema without a value that it must refuse."""
    assert sum(step.count("CHECK (") for step in schema.STEPS) == len(CHECKS)


@pytest.mark.parametrize("table", [name for name in ROWS if name != "meta"])
def test_numbers_are_numbers_and_nothing_is_left_out(database: Database, table: str) -> None:
    """Tables are strict: text in a number's place, and a required value that lacks, are refused in every column."""
    described = database.read(lambda c: c.execute(f"PRAGMA table_info ({table})").fetchall())
    columns = {name: (kind, required and default is None) for _, name, kind, required, default, _ in described if name != "id"}
    for name, (kind, required) in columns.items():
        if kind in ("INTEGER", "BLOB"):
            with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
                insert(database, table, **{name: "'text'"})
        if required:
            with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
                insert(database, table, **{name: "NULL"})
    assert set(ROWS[table]) <= set(columns)


@pytest.mark.parametrize(
    ("table", "other"),
    [
        ("profiles", {}),
        ("badges", {"holder": "2"}),
        ("registrations", {"holder": "2"}),
        ("pauses", {}),
        ("meta", {}),
    ],
)
def test_what_must_be_one_is_one(database: Database, table: str, other: dict[str, object]) -> None:
    """One current profile a holder, one holder a card, one row for an id of the service, one pause a group, one value a name."""
    database.write(lambda c: c.execute("INSERT INTO holders (added_ms) VALUES (0)"))
    insert(database, table)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        insert(database, table, **other)


@pytest.mark.parametrize(
    ("table", "other"),
    [
        ("profiles", {"current": "0"}),
        ("profiles", {"holder": "2"}),
        ("badges", {"card_index": "x'01'"}),
        ("registrations", {"registration_id": "NULL"}),
        ("registrations", {"book": "2"}),
        ("pauses", {"book": "2"}),
    ],
)
def test_what_may_be_many_is_many(database: Database, table: str, other: dict[str, object]) -> None:
    """Old profiles, several badges, rows without an id yet, and rows of other books stand side by side."""
    database.write(lambda c: c.execute("INSERT INTO holders (added_ms) VALUES (0)"))
    insert(database, table)
    for _ in range(1 if "card_index" in other or "book" in other or "holder" in other else 3):
        insert(database, table, **other)


@pytest.mark.parametrize("table", ["profiles", "badges"])
def test_nobody_is_forgotten_in_part(database: Database, table: str) -> None:
    """A badge or profile belongs to a holder that exists, and a holder can't go while something of his is left."""
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        insert(database, table, holder="99")
    insert(database, table)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        database.write(lambda c: c.execute("DELETE FROM holders"))


@pytest.mark.parametrize("table", ["books", "holders", "profiles", "badges", "taps", "tasks"])
def test_a_number_is_never_given_twice(database: Database, table: str) -> None:
    """An id that was on a screen or in the evidence never comes to mean another row."""
    insert(database, table)
    (first,) = database.read(lambda c: c.execute(f"SELECT max(id) FROM {table}").fetchone())  # noqa: S608  our own words
    database.write(lambda c: c.execute(f"DELETE FROM {table} WHERE id = ?", (first,)))  # noqa: S608  likewise
    insert(database, table)
    assert database.read(lambda c: c.execute(f"SELECT max(id) FROM {table}").fetchone()) == (first + 1,)  # noqa: S608  likewise


def test_no_registration_gets_a_number_below_the_newest(database: Database) -> None:
    """A registration's id is used once while the newest row stays, which retention leaves: purging older ones frees none."""
    for number in range(3):
        insert(database, "registrations", registration_id=number)
    database.write(lambda c: c.execute("DELETE FROM registrations WHERE id < 3"))
    insert(database, "registrations")
    assert database.read(lambda c: c.execute("SELECT id FROM registrations ORDER BY id").fetchall()) == [(3,), (4,)]


def test_the_evidence_has_its_guards(database: Database) -> None:
    """Deleting and changing evidence is refused by the store itself, whoever opens it."""
    assert {"evidence_is_kept", "evidence_is_unchanged"} <= names(database, "trigger")
    insert(database, "evidence")
    for sql in ("DELETE FROM evidence", "UPDATE evidence SET at_ms = 1"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            database.write(lambda c, sql=sql: c.execute(sql))  # type: ignore[misc]  # a default binds the loop's value


def test_every_step_is_taken_to_its_last_word() -> None:
    """A step is cut into statements without losing one: a missing semicolon would leave the last one out in silence."""
    for step in schema.STEPS:
        assert "".join(schema._statements(step)).strip() == step.strip()


def test_steps_are_taken_once_and_recorded(tmp_path: Path) -> None:
    """A new store has taken every step; opening it again takes none, and the record agrees with the version."""
    for _ in range(2):
        with open_store(tmp_path) as database:
            taken = database.read(lambda c: c.execute("SELECT name FROM _sqlite_migrations ORDER BY name").fetchall())
            assert [name for (name,) in taken] == [f"v{number}" for number in range(1, VERSION + 1)]
            assert database.read(lambda c: c.execute("PRAGMA user_version").fetchone()) == (VERSION,)


LATER = "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT;\nALTER TABLE books ADD COLUMN note TEXT;\n"
BROKEN = "INSERT INTO nowhere VALUES (1);\n"


def test_a_step_that_fails_is_undone_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later step that fails in its middle leaves the store as it was: the old version opens it, and a mended step is taken."""
    with open_store(tmp_path) as database:
        insert(database, "books")
    shipped = schema.STEPS
    monkeypatch.setattr(schema, "STEPS", (*shipped, LATER + BROKEN))
    with pytest.raises(StoreDead), open_store(tmp_path):
        pass
    monkeypatch.setattr(schema, "STEPS", shipped)
    with open_store(tmp_path, create=False) as database:
        assert database.read(lambda c: c.execute("PRAGMA user_version").fetchone()) == (VERSION,)
        assert "later" not in names(database, "table")
        assert "note" not in [row[1] for row in database.read(lambda c: c.execute("PRAGMA table_info (books)").fetchall())]
    monkeypatch.setattr(schema, "STEPS", (*shipped, LATER))
    with open_store(tmp_path, create=False) as database:
        assert database.read(lambda c: c.execute("PRAGMA user_version").fetchone()) == (VERSION + 1,)
        assert database.read(lambda c: c.execute("SELECT host, note FROM books").fetchall()) == [("box.test", None)]


def test_a_first_step_that_fails_leaves_a_new_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that could not be made is made by the next start."""
    shipped = schema.STEPS
    monkeypatch.setattr(schema, "STEPS", (shipped[0] + BROKEN,))
    with pytest.raises(StoreDead), open_store(tmp_path):
        pass
    monkeypatch.setattr(schema, "STEPS", shipped)
    with open_store(tmp_path, create=False) as database:
        insert(database, "books")


def test_a_store_that_is_up_to_date_opens_lean(tmp_path: Path) -> None:
    """sqlite-utils is imported for a migration and at no other start: the first tap does not wait for it."""
    script = "with open_store(Path(sys.argv[1])):\n    print('sqlite_utils' in sys.modules)\n"
    assert child(script, tmp_path).stdout == "True\n"
    assert child(script, tmp_path).stdout == "False\n"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the store that version 1 left: five taps of three people, one card nobody knew."""
    shutil.copy(V1, tmp_path / "kiosk.db")
    return tmp_path


def test_a_shipped_step_is_never_edited(
    old: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What step 1 makes is what lies on boxes: once released, a change is a new step (until then ``make_v1`` is run again)."""

    def made(connection: sqlite3.Connection) -> list[tuple[str, str]]:
        return connection.execute("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE '%sqlite%' ORDER BY name").fetchall()

    with sqlite3.connect(old / "kiosk.db") as connection:
        shipped = made(connection)
    connection.close()
    monkeypatch.setattr(schema, "STEPS", schema.STEPS[:1])
    with open_store(tmp_path_factory.mktemp("new")) as database:
        assert database.read(made) == shipped


@pytest.mark.parametrize("steps", [(), (LATER,)])
def test_an_old_store_is_taken_along_whole(old: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[str, ...]) -> None:
    """A store of version 1 opens with its key in this version and in a later one, and every row of it is read."""
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, *steps))
    with open_store(old, create=False) as database:
        assert database.read(lambda c: c.execute("PRAGMA user_version").fetchone()) == (VERSION + len(steps),)
        rows = database.read(
            lambda c: c.execute("SELECT direction, state, reason, clock_trusted FROM registrations ORDER BY id").fetchall()
        )
        assert rows == [
            ("in", "accepted", None, 1),
            ("in", "accepted", None, 1),
            ("in", "refused", "ssinUnknown", 1),
            ("out", "queued", None, 1),
            ("out", "queued", "clock", 0),
        ]
        newest = database.read(lambda c: taps.newest_tap(c, book=1, holder=1))
        assert newest is not None
        assert newest.last.direction is Direction.OUT
        assert database.read(lambda c: c.execute("SELECT kind, registration, about_ms FROM tasks ORDER BY id").fetchall()) == [
            ("unknown_card", None, None),
            ("refused", 3, 1_793_602_800_000),
        ]


def test_everything_sealed_in_an_old_store_opens(old: Path) -> None:
    """People, badges, drafts, remarks, the unknown card and the evidence of version 1 open and say what was put in."""
    with open_store(old, create=False) as database:

        def opened(sql: str, field: Field) -> list[bytes]:
            return [VAULT.open(field, *row) for row in database.read(lambda c: c.execute(sql).fetchall())]

        people = database.read(lambda c: [roster.current_profile(c, VAULT, holder)[1] for holder in (1, 2, 3)])
        assert people[0] == CANARY.profile
        assert [person.insz for person in people] == [CANARY_INSZ, invented_insz(2), invented_insz(3)]
        before, *_ = database.read(lambda c: roster.profiles_of(c, VAULT, 2))
        assert before.profile is not None
        assert (before.profile.personnel_number, before.current) == ("P-00417", False)
        kept = database.read(lambda c: [badge for holder in (1, 2, 3) for badge in badges.of_holder(c, VAULT, holder)])
        assert [badge.card for badge in kept] == [CANARY_CARD, invented_card(2), invented_card(3)]
        assert [badge.revoked_ms is not None for badge in kept] == [False, False, True]
        drafts = [unpack_draft(plain) for plain in opened("SELECT uid, sealed FROM registrations ORDER BY id", Field.REGISTRATION)]
        assert [draft.ssin for draft in drafts] == [people[0].insz, people[1].insz, people[2].insz, people[0].insz, people[1].insz]
        assert [draft.employer for draft in drafts][1:4] == [ForeignVatNumber("NL123456789B01"), EMPLOYER, EMPLOYER]
        remarks = opened("SELECT uid, remarks FROM registrations WHERE remarks IS NOT NULL", Field.REMARKS)
        assert [unpack_remarks(plain) for plain in remarks] == [("late",), ("late",)]
        (card,) = opened("SELECT uid, sealed FROM taps", Field.TAP)
        assert unpack_card(card) == invented_card(99)
        first, *_ = opened("SELECT uid, sealed FROM evidence ORDER BY id", Field.EVIDENCE)
        assert json.loads(first) == {"host": "box.test", "environment": "training"}


def test_nothing_personal_lies_in_an_old_store() -> None:
    """The stored file shows neither number, name, card nor payroll key."""
    content = V1.read_bytes().lower()
    for secret in (CANARY_INSZ.digits, CANARY_NAME.lower(), "kanarievogel", "p-00417", invented_insz(2).digits):
        assert secret.encode() not in content
    for card in (CANARY_CARD, invented_card(2), invented_card(99)):
        assert card.identifier not in V1.read_bytes()
        assert card.identifier.hex().encode() not in content
