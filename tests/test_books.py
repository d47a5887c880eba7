"""kiosk.books keeps training out of production: one host a book, and no way across but the recorded step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kiosk import books
from kiosk.books import Book
from kiosk.database import Database
from kiosk.errors import UsageError
from kiosk.evidence import opened
from kiosk.model import Environment
from tests.stores import VAULT, open_store

PRODUCTION_HOST = "services.example.be"
SIMULATION = "simulation.example.be"
DOUBLE = "localhost"
AT_MS = 1_793_602_800_000
PRODUCTION, TRAINING = Environment.PRODUCTION, Environment.TRAINING


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_store(tmp_path) as store:
        yield store


def use(database: Database, host: str, environment: Environment) -> Book:
    return database.write(partial(books.use, vault=VAULT, host=host, environment=environment, at_ms=AT_MS))


def leave_training(database: Database) -> Book:
    return database.write(partial(books.open_book, vault=VAULT, host=PRODUCTION_HOST, environment=PRODUCTION, at_ms=AT_MS))


def all_books(database: Database) -> list[tuple[object, ...]]:
    return database.read(lambda c: c.execute("SELECT id, host, environment FROM books ORDER BY id").fetchall())


def add_holder(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO holders (added_ms) VALUES (0)")


def test_a_new_store_has_no_book(database: Database) -> None:
    """Nothing is assumed of a store that was never used."""
    assert database.read(books.newest) is None


def test_the_first_training_host_opens_the_first_book(database: Database) -> None:
    """Training needs no ceremony, and the book it opened is the one in use."""
    book = use(database, DOUBLE, TRAINING)
    assert book == Book(id=1, host=DOUBLE, environment=TRAINING)
    assert database.read(books.newest) == book


def test_the_same_host_goes_on_in_its_book(database: Database) -> None:
    """A restart goes on in the same book, in training and in production."""
    assert use(database, DOUBLE, TRAINING) == use(database, DOUBLE, TRAINING)
    production = leave_training(database)
    assert use(database, PRODUCTION_HOST, PRODUCTION) == use(database, PRODUCTION_HOST, PRODUCTION) == production
    assert len(all_books(database)) == 2


def test_another_training_host_gets_a_fresh_book_and_keeps_the_roster(database: Database) -> None:
    """Rows of one simulation are never sent to another: a new host begins anew, with the people the box knows."""
    first = use(database, DOUBLE, TRAINING)
    database.write(add_holder)
    second = use(database, SIMULATION, TRAINING)
    assert first.id != second.id
    # A mistyped address must not strand what waits for the true one.
    assert use(database, DOUBLE, TRAINING) == first
    assert database.read(lambda c: c.execute("SELECT count(*) FROM holders").fetchone()) == (1,)


@pytest.mark.parametrize("trained", [False, True])
def test_production_needs_the_recorded_step(database: Database, *, trained: bool) -> None:
    """The production host in the configuration alone never makes a box send for real, on a new store or a trained one."""
    if trained:
        use(database, DOUBLE, TRAINING)
    before = all_books(database)
    with pytest.raises(UsageError, match="has not left training") as refused:
        use(database, PRODUCTION_HOST, PRODUCTION)
    assert "kiosk provision" in str(refused.value)
    assert "api_url" in str(refused.value)
    assert all_books(database) == before


def test_after_the_step_production_has_a_fresh_book(database: Database) -> None:
    """Leaving training begins a new book: no training row is in it, and the people stay."""
    training = use(database, DOUBLE, TRAINING)
    database.write(add_holder)
    step = leave_training(database)
    assert step.id != training.id
    assert use(database, PRODUCTION_HOST, PRODUCTION) == step
    assert database.read(lambda c: c.execute("SELECT count(*) FROM holders").fetchone()) == (1,)


def test_a_production_store_never_trains(database: Database) -> None:
    """A production store refuses a training host, names both, and stays production's."""
    leave_training(database)
    before = all_books(database)
    with pytest.raises(UsageError, match=f"belongs to the production service {PRODUCTION_HOST}, not to {DOUBLE}") as refused:
        use(database, DOUBLE, TRAINING)
    assert "[store] path" in str(refused.value)
    assert all_books(database) == before
    assert use(database, PRODUCTION_HOST, PRODUCTION).environment is PRODUCTION


def test_a_host_that_became_production_still_needs_the_step(database: Database) -> None:
    """A book of training stays training, even if its very host is called production by a later version."""
    use(database, PRODUCTION_HOST, TRAINING)
    with pytest.raises(UsageError):
        use(database, PRODUCTION_HOST, PRODUCTION)


def test_every_book_is_in_the_evidence(database: Database) -> None:
    """Each opening is recorded with host and environment: the step out of training can be shown."""
    use(database, DOUBLE, TRAINING)
    leave_training(database)
    rows = database.read(lambda c: c.execute("SELECT kind, subject, at_ms, uid, sealed FROM evidence ORDER BY id").fetchall())
    assert [row[:3] for row in rows] == [("book_opened", "book:1", AT_MS), ("book_opened", "book:2", AT_MS)]
    details = [opened(VAULT, uid, sealed).facts for *_, uid, sealed in rows]
    assert details == [
        {"host": DOUBLE, "environment": "training"},
        {"host": PRODUCTION_HOST, "environment": "production"},
    ]
