"""Carrying a damaged store over into a new file, row by row: what is still on the disk is kept, what is lost is counted.

SQLite is not asked about the damaged file. Its pages are read one by one (``kiosk.pages``): first along the trees, then every
leaf that none leads to any more, told by the shape of its rows. What is sealed proves itself by its tag, and puts right what
stands beside it. Nothing is written into the damaged file.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from kiosk import schema, store_file
from kiosk.aftermath import Lost, Salvaged, write_down
from kiosk.errors import KioskError, StoreDead, StoreFull
from kiosk.evidence import Entry, opened
from kiosk.mending import Mender, Row, Tally, insert
from kiosk.model import State
from kiosk.pages import MAGIC, PageFile, Unreadable
from kiosk.shapes import HIGHEST_ID, Shape, shapes
from kiosk.trees import Met, Root, loose, roots, walk
from kiosk.vault import Vault

#: An entry's subject, ``registration:17``, says which number was given once.
_SUBJECT: Final = re.compile(r"(registration|tap|holder|badge|task|book):(\d{1,12})")
_TABLE_OF: Final = {word: f"{word}s" for word in ("registration", "tap", "holder", "badge", "task", "book")}
#: A number in an index is believed up to so far beyond the rows: more can't lie on one page.
_BEYOND: Final = 1000


def salvage(path: Path, target: Path, vault: Vault, *, at_ms: int, kept_as: str, found: str) -> Salvaged:
    """Write what can be read of a damaged store into a new file.

    Args:
        path: The damaged store, with its log beside it; nobody has it open.
        target: The new file; must not be there.
        vault: Sealed with the store key.
        at_ms: Now, by the system clock, Unix milliseconds UTC.
        kept_as: The name under which the damaged file will be kept, for the record.
        found: How the damage was found, for the record.

    Raises:
        UsageError: No store of ours, of a newer version, or sealed with another key.
        StoreFull: No room for the new file.
        StoreDead: The damaged file can't be opened, or the new one not written.
    """
    try:
        with PageFile(path) as pages, contextlib.closing(_new(target)) as connection:
            work = _Salvage(path, pages, connection, vault)
            _check_version(path, pages, work)
            schema.migrate(connection, check=store_file.key_proof(vault))
            with connection:
                connection.execute("BEGIN")
                work.carry_over()
                salvaged = work.account()
                last = work.highest.get("evidence", 0)
                write_down(connection, vault, salvaged, last_entry=last, at_ms=at_ms, kept_as=kept_as, found=found)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise StoreFull(f"{target}: no room to salvage {path.name}", repair="free as much space as the store takes") from error
        raise StoreDead(f"{target}: {store_file.error_name(error)}", repair="check the disk; the damaged store is kept") from error
    except OSError as error:
        raise StoreDead(f"{path}: {error.strerror}", repair="check the disk; the damaged store is left as it is") from error
    return salvaged


class _Salvage:
    """The rows on their way from one file to the other."""

    def __init__(self, path: Path, pages: PageFile, connection: sqlite3.Connection, vault: Vault) -> None:
        self._path = path
        self._pages = pages
        self._connection = connection
        self._vault = vault
        self.tally = Tally()
        self._mender = Mender(vault, self.tally)
        self._shapes = shapes()
        self.roots = roots(pages)
        self._reached: set[int] = {1}
        #: The highest number that was ever given in each table, as far as anything shows it.
        self.highest: dict[str, int] = {}

    def carry_over(self) -> None:
        """Copy every row that can be found, and what else the new store needs to be whole."""
        for root in self.roots:
            shape = None if root.index else self._shapes.get(root.table)
            if shape is not None:
                for met in walk(self._pages, root.page):
                    if met.placed:
                        self._take(shape, met)
        for shape, met in self._loose():
            self._take(shape, met)
        self._prove()
        self._find_numbers()
        _complete_holders(self._connection)
        _complete_books(self._connection, self._vault)
        self._keep_numbers()

    def account(self) -> Salvaged:
        """Count what came over and what did not."""
        first, last, count = self._connection.execute("SELECT min(id), max(id), count(*) FROM registrations").fetchone()
        tally = self.tally
        return Salvaged(
            kept=dict(tally.kept),
            broken=dict(tally.broken),
            mended=dict(tally.mended),
            left_out=dict(tally.left_out),
            lost=tuple(self._lost()),
            missing=0 if first is None else last - first + 1 - count,
        )

    def recorded_version(self) -> int:
        """How many steps of the schema the store has recorded; 0 where that can't be read."""
        page = next((root.page for root in self.roots if root.name == "_sqlite_migrations"), None)
        return 0 if page is None else sum(1 for _ in walk(self._pages, page))

    def _take(self, shape: Shape, met: Met) -> None:
        row = shape.row(met.cell.rowid, met.cell.values)
        if row is None or (shape.name == "meta" and row["name"] == "check"):
            return
        self._reached.update((met.page, *met.cell.chain))
        doubtful = not met.placed or self._pages.wal.doubt or met.page in self._pages.wal.suspects
        mended = self._mender.mend(shape.name, row, doubtful=doubtful)
        if mended is not None and self._insert(shape.name, mended):
            self.tally.kept[shape.name] += 1
            self._note_subject(row)

    def _insert(self, table: str, row: Row) -> bool:
        refused = insert(self._connection, table, row)
        if refused == "SQLITE_CONSTRAINT_UNIQUE" and table == "registrations":
            # Two rows with one id of the service: which of them it is of, its search will tell.
            row.update(state=State.UNKNOWN.value, registration_id=None, confirmed_ms=None)
            refused = insert(self._connection, table, row)
        if refused is not None and not refused.endswith(("PRIMARYKEY", "ROWID", "UNIQUE")):
            self.tally.left_out[table] += 1
        return refused is None

    def _note_subject(self, row: Row) -> None:
        match = _SUBJECT.fullmatch(str(row.get("subject", "")))
        if match is not None:
            self._note(_TABLE_OF[match[1]], int(match[2]))

    def _note(self, table: str, number: int) -> None:
        if number < HIGHEST_ID:
            self.highest[table] = max(number, self.highest.get(table, 0))

    def _loose(self) -> Iterator[tuple[Shape, Met]]:
        """The rows of pages that no tree leads to, and those that lie where they don't belong."""
        by_rowid = {True: [], False: []}  # type: dict[bool, list[Shape]]
        for shape in self._shapes.values():
            by_rowid[shape.rowid].append(shape)
        tree_pages = self._reached | self._of_indexes()
        astray = [
            met for root in self.roots if root.table in self._shapes and not root.index for met in walk(self._pages, root.page)
        ]
        for met in [*(met for met in astray if not met.placed), *loose(self._pages, tree_pages)]:
            for shape in by_rowid[met.cell.rowid is not None]:
                if shape.row(met.cell.rowid, met.cell.values) is not None and not _is_index_of_subjects(shape, met):
                    yield shape, met
                    break

    def _of_indexes(self) -> set[int]:
        return {met.page for root in self.roots if root.index for met in walk(self._pages, root.page)}

    def _prove(self) -> None:
        """Whose store it is, and whether this is its key; raises ``UsageError``."""
        tally = self.tally
        if tally.opened:
            return
        if tally.broken or tally.left_out:
            raise store_file.other_key(self._path)
        if not _is_ours(self._pages):
            raise store_file.not_ours(self._path)

    def _find_numbers(self) -> None:
        for root in self.roots:
            if root.name == "sqlite_sequence":
                for met in walk(self._pages, root.page):
                    match met.cell.values:
                        case (str(table), int(number)):
                            self._note(table, number)
            elif root.index:
                self._note_index(root)

    def _note_index(self, root: Root) -> None:
        if root.table not in self._shapes or not self._shapes[root.table].rowid:
            return
        top = self._connection.execute(f"SELECT coalesce(max(id), 0) FROM {root.table}").fetchone()[0]  # noqa: S608  a table of our schema
        for met in walk(self._pages, root.page):
            number = met.cell.values[-1] if met.cell.values else None
            if isinstance(number, int) and number <= top + _BEYOND:
                self._note(root.table, number)

    def _keep_numbers(self) -> None:
        """See to it that no number is given twice."""
        for table, number in self.highest.items():
            shape = self._shapes.get(table)
            if shape is not None and shape.counted:
                self._connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
                top = self._connection.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]  # noqa: S608  a table of our schema
                self._connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, max(top, number)))
        top = self._connection.execute("SELECT coalesce(max(id), 0) FROM registrations").fetchone()[0]
        if (number := self.highest.get("registrations", 0)) > top:
            self._connection.execute(_PLACEHOLDER, (number,))

    def _lost(self) -> Iterator[Lost]:
        """The registrations that the index by state shows and the book has not."""
        holders = dict(self._entries("registrations_holder", 2))
        for _, state, *_, number in (values for values in self._index("registrations_state") if len(values) >= 3):  # noqa: PLR2004  book, state, ..., id
            if isinstance(number, int) and number <= self.highest.get("registrations", 0) and state in list(State):
                there = self._connection.execute("SELECT 1 FROM registrations WHERE id = ? AND holder <> 0", (number,)).fetchone()
                if there is None:
                    holder = holders.get(number)
                    yield Lost(id=number, state=str(state), holder=holder)

    def _entries(self, name: str, length: int) -> Iterator[tuple[int, int]]:
        for values in self._index(name):
            if len(values) == length and isinstance(values[0], int) and isinstance(values[-1], int):
                yield values[-1], values[0]

    def _index(self, name: str) -> Iterator[tuple[object, ...]]:
        for root in self.roots:
            if root.index and root.name == name:
                yield from (met.cell.values for met in walk(self._pages, root.page))


#: Keeps the number of the newest registration where that one is lost: the next row would get it again. Of no person, and final.
_PLACEHOLDER: Final = (
    "INSERT INTO registrations (id, uid, book, holder, direction, state, reason, at_ms, sealed, signal, card_index, reader, driver,"
    " technology, wall_ms, boot_ns, boot_id, clock_trusted, clock_source)"
    " VALUES (?, zeroblob(16), 0, 0, 'in', 'cancelled', 'seal', 0, x'', 'failed', x'', '', '', '', 0, 0, '', 0, 'none')"
)


def _new(target: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(target, isolation_level=None)
    # Nothing of it counts before it is whole, synced and has its name.
    for pragma in ("page_size = 1024", "journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    return connection


def _check_version(path: Path, pages: PageFile, work: _Salvage) -> None:
    """A newer version's store is not ours to carry over: we don't know its tables."""
    recorded = work.recorded_version()
    if recorded > len(schema.STEPS) and _is_ours(pages):
        raise store_file.newer(path, recorded)


def _is_ours(pages: PageFile) -> bool:
    """Whether the first page carries our mark, or nothing at all, as after some power cuts."""
    try:
        page = pages.page(1)
    except Unreadable:
        return False
    mark = int.from_bytes(page[68:72], "big")
    return (page.startswith(MAGIC) and mark == schema.APPLICATION_ID) or not any(page)


def _is_index_of_subjects(shape: Shape, met: Met) -> bool:
    """The index of the record's subjects looks like ``meta``: a text and a number."""
    name = str(met.cell.values[0])
    return shape.name == "meta" and (_SUBJECT.fullmatch(name) is not None or ":" in name or name == "box")


def _complete_holders(connection: sqlite3.Connection) -> None:
    """A holder's own row says nothing that his badge and profile need; without it nothing could refer to him."""
    connection.execute(
        "INSERT INTO holders (id, added_ms) SELECT holder, min(valid_from_ms) FROM"
        " (SELECT holder, valid_from_ms FROM profiles UNION ALL SELECT holder, added_ms FROM badges)"
        " WHERE holder NOT IN (SELECT id FROM holders) GROUP BY holder"
    )


def _complete_books(connection: sqlite3.Connection, vault: Vault) -> None:
    """A book whose row is lost stands in the record: whose it is, and whether training was left."""
    entries = connection.execute(
        "SELECT subject, at_ms, uid, sealed FROM evidence WHERE kind = ? AND sealed IS NOT NULL", (Entry.BOOK_OPENED.value,)
    ).fetchall()
    for subject, at_ms, uid, sealed in entries:
        with contextlib.suppress(KioskError, KeyError, ValueError, sqlite3.IntegrityError):
            facts = opened(vault, uid, sealed).facts or {}
            connection.execute(
                "INSERT INTO books (id, host, environment, opened_ms) VALUES (?, ?, ?, ?)",
                (int(subject.partition(":")[2]), facts["host"], facts["environment"], at_ms),
            )
