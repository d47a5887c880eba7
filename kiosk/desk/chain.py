"""The ``evidence`` verbs: whether the record of this box is as it was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Final

from kiosk import evidence, signing, tap_entries
from kiosk.desk import Call, Desk, params
from kiosk.errors import SealBroken
from kiosk.evidence import Entry, Kept
from kiosk.verification import Finding, Walk, summary

#: Entries in one read: some 3 ms, so that no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 250


def evidence_verify(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Recompute the whole record of this store, and compare it with the book; no parameters are taken.

    Returns:
        ``{"ok", "entries", "before_chain", "erased", "signed_until", "unsigned", "public_keys", "unchained_taps", "items"}``:
        each item names the first and last entry that it is about and what is wrong.
    """
    params.only(asked, ())
    signatures = desk.database.read(signing.signatures)
    walk = Walk(signatures=signatures, matches=partial(_matches, desk))
    book = _Book(desk)
    last = 0
    while entries := desk.database.read(partial(evidence.window, after=last, size=_SLICE)):
        for entry in entries:
            walk.take(entry)
            book.note(entry)
        book.compare()
        last = entries[-1].id
    return {
        **summary(walk, [*walk.findings(), *book.findings()]),
        "unchained_taps": desk.database.read(tap_entries.unchained),
    }


def _matches(desk: Desk, entry: Kept) -> bool:
    try:
        return evidence.opened(desk.vault, entry.uid, entry.sealed or b"").commitment == entry.commitment
    except SealBroken:
        return False


class _Book:
    """Compares the taps in the record with the rows of the store: one may be gone by a purge that the record tells of only."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._noted: list[Kept] = []
        self._gone: dict[str, Kept] = {}
        self._purged: set[str] = set()
        self._found: list[Finding] = []

    def note(self, entry: Kept) -> None:
        if entry.kind == Entry.TAP:
            self._noted.append(entry)
        elif entry.kind == Entry.PURGED and (facts := self._facts(entry)) is not None:
            ids = facts.get("ids")
            table = str(facts.get("table"))
            self._purged |= {tap_entries.subject_of(table, row) for row in ids} if isinstance(ids, list) else set()

    def compare(self) -> None:
        rows = self._desk.database.read(partial(_rows_of, self._noted))
        for entry in self._noted:
            row, facts = rows.get(entry.subject), self._facts(entry)
            if row is None:
                self._gone[entry.subject] = entry
            elif facts is not None and (facts.get("wall_ms"), facts.get("direction")) != row:
                told = f"{entry.name} says otherwise than the book: its time or direction was changed there"
                self._found.append(Finding(first=entry.id, last=entry.id, told=told))
        self._noted = []

    def findings(self) -> list[Finding]:
        lost = [entry for subject, entry in self._gone.items() if subject not in self._purged]
        return self._found + [
            Finding(first=entry.id, last=entry.id, told=f"{entry.name}: the book has lost it, and no purge is in the record")
            for entry in lost
        ]

    def _facts(self, entry: Kept) -> evidence.Content | None:
        try:
            return None if entry.sealed is None else evidence.opened(self._desk.vault, entry.uid, entry.sealed).facts
        except SealBroken:
            return None  # the walk tells it


def _rows_of(entries: list[Kept], connection: sqlite3.Connection) -> dict[str, tuple[int, str | None]]:
    rows: dict[str, tuple[int, str | None]] = {}
    for entry in entries:
        found = tap_entries.row_of(connection, entry.subject)
        if found is not None:
            rows[entry.subject] = found
    return rows


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"evidence verify": evidence_verify}
