"""kiosk.mending keeps what proves itself, puts right what stands beside a seal, and holds what it can't prove."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.identifiers import CardId
from kiosk.mending import Mender, Row, Tally, insert
from kiosk.records import pack_card
from kiosk.vault import Field, Index
from tests.people import CANARY_INSZ
from tests.rot import VAULT, populate
from tests.worlds import close_worlds


@pytest.fixture
def connection(tmp_path: Path) -> sqlite3.Connection:
    path = populate(tmp_path)
    close_worlds()
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    return connection


def row(connection: sqlite3.Connection, table: str, where: str = "1") -> Row:
    return dict(connection.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1").fetchone())  # noqa: S608


def mend(table: str, damaged: Row, *, doubtful: bool = False) -> tuple[Row | None, Tally]:
    tally = Tally()
    return Mender(VAULT, tally).mend(table, damaged, doubtful=doubtful), tally


def test_what_stands_beside_a_seal_is_put_right_from_it(connection: sqlite3.Connection) -> None:
    """Direction, time, group, card and person are believed as they were sealed."""
    with closing(connection):
        cases: tuple[tuple[str, Row], ...] = (
            ("registrations", {"direction": "out", "at_ms": 5, "group_index": b"x"}),
            ("taps", {"card_index": b"x"}),
            ("badges", {"card_index": b"x"}),
            ("profiles", {"insz_index": b"x"}),
        )
        for table, spoiled in cases:
            good = row(connection, table, "state = 'accepted'" if table == "registrations" else "1")
            kept, tally = mend(table, {**good, **spoiled})
            assert kept == good
            assert tally.mended[table] == 1


def test_the_tap_of_an_identity_card_gets_its_persons_index_back(connection: sqlite3.Connection) -> None:
    """Not the one of a card with these bytes as its number: erasing the person would not find it."""
    with closing(connection):
        card, uid = CardId.of_person(CANARY_INSZ), bytes(16)
        good = {**row(connection, "taps"), "uid": uid, "sealed": VAULT.seal(Field.TAP, uid, pack_card(card))}
        kept, _ = mend("taps", {**good, "card_index": b"x"})
        assert kept is not None
        assert kept["card_index"] == VAULT.index(Index.INSZ, CANARY_INSZ.digits.encode())


def test_a_registration_that_does_not_open_is_held_unless_it_is_settled(connection: sqlite3.Connection) -> None:
    """Nothing is sent that can't be read; what was accepted stays so."""
    with closing(connection):
        for state, expected in (("queued", "held"), ("unknown", "held"), ("accepted", "accepted"), ("cancelled", "cancelled")):
            kept, tally = mend("registrations", {**row(connection, "registrations", f"state = '{state}'"), "sealed": b"x" * 40})
            assert kept is not None
            assert kept["state"] == expected
            assert tally.broken["registrations"] == 1
            assert (kept["reason"] == "seal") is (expected == "held")


def test_what_may_have_been_sent_is_looked_up(connection: sqlite3.Connection) -> None:
    """A call in flight, a state that is no word, and an old copy of a queued row are unknown."""
    with closing(connection):
        queued = row(connection, "registrations", "state = 'queued'")
        for damaged, doubtful, expected in (
            (queued, False, "queued"),
            (queued, True, "unknown"),
            ({**queued, "state": "in_flight"}, False, "unknown"),
            ({**queued, "state": "quEued"}, False, "unknown"),
        ):
            kept, _ = mend("registrations", dict(damaged), doubtful=doubtful)
            assert kept is not None
            assert kept["state"] == expected


def test_words_that_nobody_knows_are_replaced(connection: sqlite3.Connection) -> None:
    """A reason or signal that rotted would stop every list of the book."""
    with closing(connection):
        held = row(connection, "registrations", "state = 'held'")
        kept, _ = mend("registrations", {**held, "reason": "lbte", "signal": "hold"})
        assert kept is not None
        assert (kept["reason"], kept["signal"]) == ("seal", "held")


def test_what_nobody_can_use_is_left_out(connection: sqlite3.Connection) -> None:
    """A badge or profile that does not open, and a task of no kind, are counted and not kept; entries are, as they are."""
    with closing(connection):
        for table, spoiled in (("badges", {"sealed": b"x"}), ("profiles", {"uid": b"x"}), ("tasks", {"kind": "x"})):
            kept, tally = mend(table, {**row(connection, table), **spoiled})
            assert kept is None
            assert tally.left_out[table] == 1
        entry = {**row(connection, "evidence", "sealed IS NOT NULL"), "sealed": b"x"}
        assert mend("evidence", dict(entry))[0] == entry


def test_a_row_that_the_tables_refuse_is_named() -> None:
    """What SQLite does not let in is told by its constraint."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, state TEXT CHECK (state = 'good'))")
        assert insert(connection, "things", {"id": 1, "state": "good"}) is None
        assert insert(connection, "things", {"id": 1, "state": "good"}) == "SQLITE_CONSTRAINT_PRIMARYKEY"
        assert insert(connection, "things", {"id": 2, "state": "bad"}) == "SQLITE_CONSTRAINT_CHECK"
