"""The ``evidence`` verbs: whether the record of this box is as it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from kiosk import evidence, signing, tap_entries
from kiosk.desk import Call, Desk, params
from kiosk.errors import SealBroken
from kiosk.evidence import Entry, Kept
from kiosk.tap_entries import Row
from kiosk.verification import Finding, Walk, summary

#: Entries in one read: some 3 ms, so that no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 250
#: A running daemon takes a tap into the record after some seconds; after so long it does not do it any more.
_REACH_NS: Final = 60_000_000_000


def evidence_verify(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Recompute the whole record of this store, and compare it with the book; no parameters are taken.

    Returns:
        ``{"ok", "entries", "before_chain", "erased", "signed_until", "unsigned", "public_keys", "unchained_taps", "items"}``:
        each item names the first and last entry that it is about, 0 where a row of the book has none, and what is wrong.
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
        self._dated_anew: dict[str, Kept] = {}
        self._healed: set[str] = set()
        self._purged: set[str] = set()
        self._found: list[Finding] = []

    def note(self, entry: Kept) -> None:
        if entry.kind == Entry.TAP or (entry.kind == Entry.HEALED and entry.subject.startswith(("registration:", "tap:"))):
            self._noted.append(entry)
        elif entry.kind == Entry.PURGED and (facts := self._facts(entry)) is not None:
            ids = facts.get("ids")
            table = str(facts.get("table"))
            self._purged |= {tap_entries.subject_of(table, row) for row in ids} if isinstance(ids, list) else set()

    def compare(self) -> None:
        rows = tap_entries.rows_of(self._desk.database, self._desk.vault, [entry.subject for entry in self._noted])
        for entry in self._noted:
            row, facts = rows.get(entry.subject), self._facts(entry)
            if entry.kind == Entry.HEALED:
                self._compare_healed(entry, row, facts)
            elif row is None:
                self._gone[entry.subject] = entry
            elif facts is not None:
                self._compare_tap(entry, row, facts)
        self._noted = []

    def findings(self) -> list[Finding]:
        unexplained = [entry for subject, entry in self._dated_anew.items() if subject not in self._healed]
        lost = [entry for subject, entry in self._gone.items() if subject not in self._purged]
        return [
            *self._found,
            *(_said(entry, "stands alone: the book has lost it, and no purge is in the record") for entry in lost),
            *(_said(entry, "was dated anew in the book, and no healing is in the record") for entry in unexplained),
            *self._untold(),
        ]

    def _compare_tap(self, entry: Kept, row: Row, facts: evidence.Content) -> None:
        if (facts.get("wall_ms"), facts.get("direction")) != (row.wall_ms, row.direction):
            self._found.append(_said(entry, "says otherwise than the book: its time or direction was changed there"))
        elif row.healed:
            # A row that was written later for a tap of an unknown card has that tap's time.
            self._dated_anew[entry.subject if row.linked is None else f"tap:{row.linked}"] = entry
        elif not _agrees(row, row.wall_ms):
            self._found.append(_said(entry, "says otherwise than the book: the time to be sent was changed there"))

    def _compare_healed(self, entry: Kept, row: Row | None, facts: evidence.Content | None) -> None:
        self._healed.add(entry.subject)  # a tap may be healed before it is taken into the record
        if row is not None and facts is not None and not _agrees(row, facts.get("at_ms")):
            self._found.append(_said(entry, "says otherwise than the book: the healed time was changed there"))

    def _untold(self) -> Iterator[Finding]:
        """Rows that the record does not tell of: put into the book by another way than a tap."""
        now = self._desk.clock()
        for table in tap_entries.TABLES:
            after, end = 0, self._desk.database.read(partial(tap_entries.chained, table=table))
            while after < end:
                for row in self._desk.database.read(partial(tap_entries.untold, table=table, after=after, size=_SLICE)):
                    yield _without_entry(table, row, "the record has no tap of it")
                after += _SLICE
            if self._desk.delivery is not None:
                before_ns = now.boot_ns - _REACH_NS
                late = partial(tap_entries.overdue, table=table, boot_id=now.boot_id, before_ns=before_ns)
                for row in self._desk.database.read(late):
                    yield _without_entry(table, row, "the record has no tap of it yet, a minute after")

    def _facts(self, entry: Kept) -> evidence.Content | None:
        try:
            return None if entry.sealed is None else evidence.opened(self._desk.vault, entry.uid, entry.sealed).facts
        except SealBroken:
            return None  # the walk tells it


def _agrees(row: Row, at_ms: object) -> bool:
    """Whether the row's moment, also the one that is sealed to be sent, is this one."""
    return row.at_ms == at_ms and (row.draft is None or row.draft.at_ms == at_ms)


def _said(entry: Kept, what: str) -> Finding:
    return Finding(first=entry.id, last=entry.id, told=f"{entry.name} {what}")


def _without_entry(table: str, row: int, what: str) -> Finding:
    return Finding(first=0, last=0, told=f"{tap_entries.subject_of(table, row).replace(':', ' ')}: {what}")


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"evidence verify": evidence_verify}
