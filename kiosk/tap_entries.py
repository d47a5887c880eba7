"""The taps' way into the record: a slice at a time, soon after each tap, and never on its path (one INSERT, one sync).

How far it has come is kept in the store with each slice, so that a crash leaves no gap and nothing stands there twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from kiosk.database import Database
from kiosk.errors import SealBroken
from kiosk.evidence import Content, Entry, Prepared, append, mark, prepare, set_mark
from kiosk.identifiers import EID
from kiosk.model import Address, Coordinates, Draft, Place
from kiosk.records import employer_text, unpack_card, unpack_draft, unpack_located
from kiosk.vault import Field, Vault

#: Taps in one transaction: some milliseconds, so that no tap at the gate waits longer than 20 ms on a slow machine.
SLICE: Final = 20
#: What of a tap is not personal and never changes, by the names of both tables' columns.
_FACTS: Final = (
    "book", "signal", "direction", "wall_ms", "boot_ns", "boot_id", "clock_trusted", "clock_source", "clock_bound_ms",
    "reader", "driver", "technology", "trust", "press",
)  # fmt: skip
#: Likewise, of a tap with a registration: where its place comes from.
_ORIGIN: Final = ("place_source", "place_error_m", "place_age_ms")
#: Both tables with taps, and the word for their rows in the record.
_SUBJECTS: Final = {"registrations": "registration", "taps": "tap"}
TABLES: Final = tuple(_SUBJECTS)


def subject_of(table: str, row: int) -> str:
    """What the record calls a row of ``registrations`` or ``taps``."""
    return f"{_SUBJECTS[table]}:{row}"


@dataclass(frozen=True, slots=True)
class Row:
    """What the store says of a tap that the record tells too; times are Unix milliseconds UTC.

    ``wall_ms`` is what the clock said, ``at_ms`` the moment that counts, ``healed`` whether that was determined later;
    ``draft`` is what is to be sent, None for a tap that owes nothing, or where its seal does not open; ``linked`` is the tap of
    a card that nobody knew then, for which the row was written later, or None.
    """

    wall_ms: int
    direction: str | None
    at_ms: int
    healed: bool
    draft: Draft | None
    linked: int | None = None


def rows_of(database: Database, vault: Vault, subjects: Sequence[str]) -> dict[str, Row]:
    """The rows of these subjects, as the store has them now; one that is gone is left out."""
    found = database.read(partial(_stored, subjects))
    # Opened outside the store's lock: taps go on meanwhile.
    return {
        subject: Row(wall_ms, direction, at_ms, bool(healed), _draft(vault, subject, uid, sealed), linked)
        for subject, (wall_ms, direction, at_ms, healed, uid, sealed, linked) in found.items()
    }


def untold(connection: sqlite3.Connection, table: str, *, after: int, size: int) -> list[int]:
    """Of the next ``size`` ids after this one those whose tap is not in the record, though later ones are."""
    sql = (
        f"SELECT id FROM {table} AS t WHERE id > ? AND id <= min(?, ?) AND NOT EXISTS"  # noqa: S608  our own words
        f" (SELECT 1 FROM evidence WHERE subject = '{_SUBJECTS[table]}:' || t.id AND kind = ?) ORDER BY id"
    )
    return [row[0] for row in connection.execute(sql, (after, after + size, chained(connection, table), Entry.TAP.value))]


def overdue(connection: sqlite3.Connection, table: str, *, boot_id: str, before_ns: int) -> list[int]:
    """Some taps of this boot that a running daemon should have taken into the record by this moment of the boot clock."""
    sql = f"SELECT id FROM {table} WHERE id > ? AND boot_id = ? AND boot_ns < ? ORDER BY id LIMIT ?"  # noqa: S608  our own words
    return [row[0] for row in connection.execute(sql, (chained(connection, table), boot_id, before_ns, SLICE))]


def chained(connection: sqlite3.Connection, table: str) -> int:
    """The newest row of ``registrations`` or ``taps`` that is in the record; nothing beyond it may be purged."""
    return int(mark(connection, f"chained_{table}") or 0)


def unchained(connection: sqlite3.Connection) -> int:
    """How many taps at most are not in the record yet."""
    return sum(
        max(0, connection.execute(f"SELECT ifnull(max(id), 0) FROM {table}").fetchone()[0] - chained(connection, table))  # noqa: S608  our own words
        for table in _SUBJECTS
    )


def chain_slice(database: Database, vault: Vault, *, at_ms: int) -> bool:
    """Take the next taps into the record, those with a registration first; False where none is left."""
    return any(_chain(database, vault, table, at_ms) for table in _SUBJECTS)


def chain_all(database: Database, vault: Vault, clock_ms: Callable[[], int]) -> None:
    """Take every tap into the record that is not in it."""
    while chain_slice(database, vault, at_ms=clock_ms()):
        pass


def _chain(database: Database, vault: Vault, table: str, at_ms: int) -> bool:
    after, rows = database.read(partial(_next, table))
    if not rows:
        return False
    # Opened and sealed outside the store's lock: what is taken from a row never changes afterwards, or is in the record then.
    content = _of_registration if table == "registrations" else _of_tap
    entries = [prepare(vault, Entry.TAP, subject_of(table, row["id"]), **content(vault, row)) for row in rows]
    return database.write(partial(_append, table=table, after=after, last=rows[-1]["id"], entries=entries, at_ms=at_ms))


def _next(table: str, connection: sqlite3.Connection) -> tuple[int, list[dict[str, Any]]]:
    after = chained(connection, table)
    origin = _ORIGIN if table == "registrations" else ()
    columns = ", ".join(f"t.{name}" for name in ("id", "uid", "sealed", "holder", *_FACTS, *origin))
    cursor = connection.execute(
        f"SELECT {columns}, b.uid AS badge_uid, b.sealed AS badge FROM {table} AS t"  # noqa: S608  our own words
        " LEFT JOIN badges AS b ON b.card_index = t.card_index WHERE t.id > ? ORDER BY t.id LIMIT ?",
        (after, SLICE),
    )
    names = [column[0] for column in cursor.description]
    return after, [dict(zip(names, row, strict=True)) for row in cursor]


def _append(connection: sqlite3.Connection, *, table: str, after: int, last: int, entries: list[Prepared], at_ms: int) -> bool:
    if chained(connection, table) == after:  # else another caller was first
        append(connection, _new(connection, entries), at_ms=at_ms)
        set_mark(connection, f"chained_{table}", last)
    return True


def _new(connection: sqlite3.Connection, entries: list[Prepared]) -> Iterator[Prepared]:
    """Leave out what the record has: where the mark was lost with a damaged page, everything is looked at again."""
    for entry in entries:
        sql = "SELECT 1 FROM evidence WHERE subject = ? AND kind = ?"
        if connection.execute(sql, (entry.subject, entry.kind)).fetchone() is None:
            yield entry


def _of_registration(vault: Vault, row: dict[str, Any]) -> dict[str, Content]:
    person: dict[str, object] = {"holder": row["holder"]}
    facts = {name: row[name] for name in (*_FACTS, *_ORIGIN)}
    try:
        draft = unpack_draft(vault.open(Field.REGISTRATION, row["uid"], row["sealed"]))
        facts["place"] = _place(draft.place)
        person["insz"] = draft.ssin.digits
        person["employer"] = None if draft.employer is None else employer_text(draft.employer)
        person["declaration"] = None if draft.declaration is None else draft.declaration.value
        if row["badge"] is not None:
            person["card"] = unpack_card(vault.open(Field.BADGE, row["badge_uid"], row["badge"])).written
    except SealBroken:
        facts["damaged"] = True
    return {"facts": facts, "person": person}


def _of_tap(vault: Vault, row: dict[str, Any]) -> dict[str, Content]:
    person: dict[str, object] = {"holder": row["holder"]}
    facts = {name: row[name] for name in _FACTS}
    try:
        plain = vault.open(Field.TAP, row["uid"], row["sealed"])
        card, located = unpack_card(plain), unpack_located(plain)
        if located is not None:
            facts["place"] = _place(located.place)
        if card.kind == EID:
            person["insz"] = card.identifier.decode()
        else:
            person["card"] = card.written
    except SealBroken:
        facts["damaged"] = True
    return {"facts": facts, "person": person}


def _stored(subjects: Sequence[str], connection: sqlite3.Connection) -> dict[str, tuple[Any, ...]]:
    found: dict[str, tuple[Any, ...]] = {}
    for subject in subjects:
        word, _, number = subject.partition(":")
        table = next(table for table, each in _SUBJECTS.items() if each == word)
        linked = "linked" if table == "registrations" else "NULL"
        sql = f"SELECT wall_ms, direction, at_ms, healed_ms IS NOT NULL, uid, sealed, {linked} FROM {table} WHERE id = ?"  # noqa: S608  our own words
        row = connection.execute(sql, (int(number),)).fetchone()
        if row is not None:
            found[subject] = row
    return found


def _draft(vault: Vault, subject: str, uid: bytes, sealed: bytes) -> Draft | None:
    if not subject.startswith("registration:"):
        return None
    try:
        return unpack_draft(vault.open(Field.REGISTRATION, uid, sealed))
    except SealBroken:
        return None


def _place(place: Place) -> list[object]:
    match place:
        case Coordinates():
            return [place.latitude, place.longitude]
        case Address():
            return [place.street, place.house_number, place.box_number, place.post_code, place.municipality]
