"""Which people, days and entries of the record an export is about."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kiosk import evidence
from kiosk.errors import SealBroken
from kiosk.evidence import Content, Entry, Kept
from kiosk.taps import TIMED
from kiosk.vault import Vault

#: Entries about the box and its book name nobody.
_NOBODY: Final = ("box", "book", "group")
_WHEN: Final = f"holder, at_ms, {TIMED}, earliest_ms, latest_ms"
_ROWS: Final[Mapping[str, str]] = {
    "registration": f"SELECT {_WHEN} FROM registrations WHERE id = ? AND book = ?",  # noqa: S608  our own words
    "tap": f"SELECT {_WHEN} FROM taps WHERE id = ? AND book = ?",  # noqa: S608
}
_OWNERS: Final[Mapping[str, str]] = {
    "holder": "SELECT id FROM holders WHERE id = ?",
    "badge": "SELECT holder FROM badges WHERE id = ?",
    "task": "SELECT holder FROM tasks WHERE id = ?",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is asked for.

    Attributes:
        book: Whose registrations.
        holder: One person, or None for everybody.
        from_ms: The first moment, Unix milliseconds UTC, or None for the oldest.
        until_ms: The first moment after, likewise, or None for the newest.
    """

    book: int
    holder: int | None = None
    from_ms: int | None = None
    until_ms: int | None = None

    def covers(self, holder: int | None, earliest_ms: int | None, latest_ms: int | None) -> bool:
        """Whether something that was between these moments is asked for; None: nobody knows when."""
        if self.holder is not None and holder != self.holder:
            return False
        begun = self.from_ms is None or latest_ms is None or latest_ms >= self.from_ms
        return begun and (self.until_ms is None or earliest_ms is None or earliest_ms < self.until_ms)


def span(at_ms: int, *, timed: bool, earliest_ms: int | None, latest_ms: int | None) -> tuple[int | None, int | None]:
    """The interval in which a tap lies: its moment where that is known, else what can be said of it."""
    return (at_ms, at_ms) if timed else (earliest_ms, latest_ms)


def shown(connection: sqlite3.Connection, vault: Vault, scope: Scope, entry: Kept) -> tuple[bool, bool]:
    """Whether an export shows what is not personal of an entry, and whether it may show what is."""
    word, _, number = entry.subject.partition(":")
    if word in _NOBODY:
        return True, False
    if word in _ROWS:
        covered = _covers_row(connection, vault, scope, entry.subject, int(number))
    else:
        sql = _OWNERS.get(word)
        owner = None if sql is None else connection.execute(sql, (int(number),)).fetchone()
        covered = owner is not None and scope.covers(owner[0], entry.at_ms, entry.at_ms)
    return covered, covered


def _covers_row(connection: sqlite3.Connection, vault: Vault, scope: Scope, subject: str, number: int) -> bool:
    row = connection.execute(_ROWS[subject.partition(":")[0]], (number, scope.book)).fetchone()
    if row is not None:
        holder, at_ms, timed, earliest_ms, latest_ms = row
        return scope.covers(holder, *span(at_ms, timed=bool(timed), earliest_ms=earliest_ms, latest_ms=latest_ms))
    return _covers_purged(connection, vault, scope, subject)


def _covers_purged(connection: sqlite3.Connection, vault: Vault, scope: Scope, subject: str) -> bool:
    """Of a row that is gone the record of its tap says whose it was and when, as the clock said or was healed."""
    tapped: Content = {}
    owner, moment_ms = None, None
    for entry in evidence.about(connection, subject):
        try:
            content = None if entry.sealed is None else evidence.opened(vault, entry.uid, entry.sealed)
        except SealBroken:
            continue
        facts, person = (content.facts or {}, content.person or {}) if content else ({}, {})
        if entry.kind == Entry.TAP:
            tapped, owner = facts, person.get("holder")
            moment_ms = facts.get("wall_ms") if facts.get("clock_trusted") else None
        elif entry.kind == Entry.HEALED:
            moment_ms = facts.get("at_ms")
    known_ms = moment_ms if isinstance(moment_ms, int) else None
    return tapped.get("book") == scope.book and scope.covers(owner if isinstance(owner, int) else None, known_ms, known_ms)
