"""All SQL of letting one person go: what keeps him, what there is of him, and its deletion, slice by slice.

His number stays, so that it is never given to another; content and salts of the record's entries about him go, and the chain
still verifies.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kiosk import evidence, purging, taps
from kiosk.evidence import Entry
from kiosk.model import Direction
from kiosk.vault import Vault

_UNFINISHED: Final = (
    "SELECT id FROM registrations WHERE holder = ? AND +book = ?"
    " AND (state IN ('queued', 'in_flight', 'unknown', 'held') OR cancel_requested > 0) ORDER BY id LIMIT ?"
)
_KNOWN: Final = "SELECT 1 FROM holders WHERE id = ? AND forgotten_ms IS NULL"
#: Also those of his cards before anybody knew whose they were; an identity card's index is its holder's number's. A card that was
#: lent to him was in other hands before: of it only what was linked to him is his.
_HIS_TAPS: Final = (
    "holder = ?1 OR (holder IS NULL AND (card_index IN"
    " (SELECT card_index FROM badges WHERE holder = ?1 AND loan_until_ms IS NULL"
    " UNION ALL SELECT insz_index FROM profiles WHERE holder = ?1)"
    " OR id IN (SELECT linked FROM registrations WHERE holder = ?1 AND linked IS NOT NULL)))"
)
#: Where a person's data lies, by a word for people: the table, and which of its rows are his; ``?1`` is the holder.
PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "profiles": ("profiles", "holder = ?1"),
    "badges": ("badges", "holder = ?1"),
    "registrations": ("registrations", "holder = ?1"),
    "taps": ("taps", _HIS_TAPS),
    "other_channels": ("elsewhere", "holder = ?1"),
    "tasks": ("tasks", "holder = ?1"),
    "notices": ("notices", "holder = ?1"),
}
_NAMED: Final = 20
#: Rows deleted in one transaction, each with several pages: no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 25
#: What goes slice by slice, in this order: a registration says which tap was linked to him.
_SLICED: Final = ("taps", "registrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What keeps a person, and what there is of him.

    Attributes:
        known: Whether there is such a person still.
        unfinished: Registrations of this book that are on their way or wait for a human; twenty at most.
        inside: Whether a stay of his is open in this book, and not so old that he only forgot to tap out.
        newest: Whether the newest row of the book is his: numbers are given once, so it can't go.
        last_ms: When he tapped last, Unix milliseconds UTC, or None.
        counts: How many rows of each kind.
    """

    known: bool
    unfinished: tuple[int, ...]
    inside: bool
    newest: bool
    last_ms: int | None
    counts: dict[str, int]


def standing(connection: sqlite3.Connection, *, book: int, holder: int, since_ms: int) -> Standing:
    """Look at everything that there is of a holder; a stay from before ``since_ms`` (Unix milliseconds UTC) is none any more."""
    newest = taps.newest_tap(connection, book=book, holder=holder)
    last = connection.execute("SELECT max(at_ms) FROM registrations WHERE holder = ?", (holder,)).fetchone()[0]
    owner = connection.execute("SELECT holder FROM registrations ORDER BY id DESC LIMIT 1").fetchone()
    return Standing(
        known=connection.execute(_KNOWN, (holder,)).fetchone() is not None,
        unfinished=tuple(row[0] for row in connection.execute(_UNFINISHED, (holder, book, _NAMED))),
        inside=newest is not None and newest.last.direction is Direction.IN and newest.last.at_ms >= since_ms,
        newest=owner == (holder,),
        last_ms=last,
        counts={word: _count(connection, word, holder) for word in PLACES},
    )


def page(connection: sqlite3.Connection, place: str, *, holder: int, after: int, size: int) -> list[dict[str, Any]]:
    """The next rows of his in one of ``PLACES``, as they lie on disk, by their columns' names."""
    table, his = PLACES[place]
    cursor = connection.execute(f"SELECT * FROM {table} WHERE ({his}) AND id > ?2 ORDER BY id LIMIT ?3", (holder, after, size))  # noqa: S608  our own words
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def revoke(connection: sqlite3.Connection, *, holder: int, at_ms: int) -> None:
    """Let no card of his open anything any more, inside the caller's transaction: what follows takes a while."""
    connection.execute("UPDATE badges SET revoked_ms = ? WHERE holder = ? AND revoked_ms IS NULL", (at_ms, holder))


def own_subjects(connection: sqlite3.Connection, holder: int) -> set[str]:
    """What the record calls him, his badges, his registrations and taps, and the tasks about him."""
    found = {f"holder:{holder}"}
    for place, word in (("badges", "badge"), ("tasks", "task"), ("registrations", "registration"), ("taps", "tap")):
        table, his = PLACES[place]
        rows = connection.execute(f"SELECT id FROM {table} WHERE {his}", (holder,))  # noqa: S608  our own words
        found |= {f"{word}:{row[0]}" for row in rows}
    return found


def lent_to(connection: sqlite3.Connection, holder: int) -> frozenset[int]:
    """Which of his badges are cards of nobody, that were lent to him: what the record says of their numbers may be others'."""
    rows = connection.execute("SELECT id FROM badges WHERE holder = ? AND loan_until_ms IS NOT NULL", (holder,))
    return frozenset(row[0] for row in rows)


def erase(connection: sqlite3.Connection, subjects: Iterable[str]) -> None:
    """Let go of what the record says of these subjects, inside the caller's transaction."""
    for subject in subjects:
        evidence.erase(connection, [entry.id for entry in evidence.about(connection, subject)])


def next_slice(connection: sqlite3.Connection, vault: Vault, *, holder: int, at_ms: int) -> bool:
    """Delete some of his registrations or taps, inside the caller's transaction; False at the end."""
    for table in _SLICED:
        rows = [row["id"] for row in page(connection, table, holder=holder, after=0, size=_SLICE)]
        if rows:
            if table == "registrations":
                marks = ", ".join("?" * len(rows))
                connection.execute(f"DELETE FROM tasks WHERE registration IN ({marks})", rows)  # noqa: S608  question marks only
            purging.delete_rows(connection, vault, table, rows, at_ms=at_ms, why="erasure")
            return True
    return False


def finish(connection: sqlite3.Connection, vault: Vault, *, holder: int, at_ms: int, because: str, counts: dict[str, int]) -> None:
    """Let go of everything else, inside the caller's transaction; only then does the record call him gone.

    Args:
        connection: The store, in a transaction.
        vault: Seals the entry.
        holder: Who.
        at_ms: Unix milliseconds UTC.
        because: A human's reason.
        counts: What there was of him, for the record.
    """
    for place, (table, his) in PLACES.items():
        if place not in _SLICED:
            connection.execute(f"DELETE FROM {table} WHERE {his}", (holder,))  # noqa: S608  our own words
    connection.execute("UPDATE holders SET forgotten_ms = ? WHERE id = ?", (at_ms, holder))
    evidence.record(connection, vault, Entry.ERASED, "box", at_ms=at_ms, facts={"counts": counts}, person={"because": because})


def _count(connection: sqlite3.Connection, place: str, holder: int) -> int:
    table, his = PLACES[place]
    return int(connection.execute(f"SELECT count(*) FROM {table} WHERE {his}", (holder,)).fetchone()[0])  # noqa: S608  our own words
