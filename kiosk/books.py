"""A store belongs to one service host: its rows are kept in a book, and another host gets a fresh one (design, promise 1)."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from kiosk import evidence
from kiosk.errors import UsageError
from kiosk.model import Environment
from kiosk.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """The book in use: every tap and registration carries its id."""

    id: int
    host: str
    environment: Environment


def newest(connection: sqlite3.Connection) -> Book | None:
    """The newest book of this store, or None in a store without any."""
    row = connection.execute("SELECT id, host, environment FROM books ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else Book(id=row[0], host=row[1], environment=Environment(row[2]))


def use(connection: sqlite3.Connection, vault: Vault, *, host: str, environment: Environment, at_ms: int) -> Book:
    """Take the book of this host, inside the caller's transaction; a training host that is new gets a fresh book.

    The roster stays; rows of another host's book are never sent, searched or cancelled. A host that comes back finds its
    own book again, so that a mistyped address loses nothing.

    Raises:
        UsageError: The host is the production service and leaving training was never recorded, or the other way round.
    """
    book = newest(connection)
    own = connection.execute(
        "SELECT id FROM books WHERE host = ? AND environment = ? ORDER BY id DESC LIMIT 1", (host, environment.value)
    ).fetchone()
    left = book is not None and book.environment is not environment
    if own is not None and not left:
        return Book(id=own[0], host=host, environment=environment)
    if environment is Environment.PRODUCTION:
        raise UsageError(
            f"[service] api_url: {host} is the production service, and this store has not left training",
            repair="run `kiosk provision` and confirm its last step; until then use the simulation's address",
        )
    if book is not None and book.environment is Environment.PRODUCTION:
        raise UsageError(
            f"[service] api_url: this store belongs to the production service {book.host}, not to {host}",
            repair="put the production address back, or use another [store] path for training",
        )
    return open_book(connection, vault, host=host, environment=environment, at_ms=at_ms)


def open_book(connection: sqlite3.Connection, vault: Vault, *, host: str, environment: Environment, at_ms: int) -> Book:
    """Begin a fresh book, inside the caller's transaction; for production this is the recorded step out of training."""
    number = connection.execute(
        "INSERT INTO books (host, environment, opened_ms) VALUES (?, ?, ?)", (host, environment.value, at_ms)
    ).lastrowid
    if number is None:  # pragma: no cover  an INSERT always has a rowid; this tells the type checker
        raise AssertionError
    evidence.record(
        connection,
        vault,
        evidence.Entry.BOOK_OPENED,
        f"book:{number}",
        at_ms=at_ms,
        facts={"host": host, "environment": environment},
    )
    return Book(id=number, host=host, environment=environment)
