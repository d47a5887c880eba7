"""A store with everything in it, and one flipped byte: what lies on the page that was hit, and what must still be there."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk import evidence, recovery, tasks
from kiosk.database import Database
from kiosk.errors import StoreDead
from kiosk.evidence import Entry
from kiosk.identifiers import CardId
from kiosk.model import ClockReading, Direction, Draft, Reason, Signal, State, TaskKind
from kiosk.outbox import add_registration, group_of
from kiosk.pages import Kind, PageFile, Value
from kiosk.records import card_bytes, pack_card
from kiosk.rules import Now
from kiosk.taps import Moment, add_tap
from kiosk.trees import roots, walk
from kiosk.vault import Field, Index, Vault, new_uid
from tests.people import DECLARATION, EMPLOYER, PLACE, invented_card, invented_insz
from tests.worlds import KEY, START_MS, World

PEOPLE: Final = 40
#: Tables with rows worth counting, by their first column.
TABLES: Final = ("registrations", "taps", "holders", "profiles", "badges", "evidence", "books", "tasks")
VAULT: Final = Vault(KEY)
_PAGE: Final = 1024
_LOG_HEADER: Final = 32
_FRAME: Final = 1048
Content = dict[str, dict[int, tuple[Value, ...]]]


def populate(folder: Path) -> Path:
    """Make a store with rows in every state, a roster, taps of strangers, tasks and entries; a part only in the log. Returns it."""
    world = World(folder)
    for person in range(PEOPLE):
        world.holder(person)
    world.database.write(_badges)
    for number in range(6 * PEOPLE):
        world.tap(number % PEOPLE, state=list(State)[number % len(State)], reason=Reason.LATE if number % 7 == 5 else None)
    world.database.write(_rest)
    settled = (State.ACCEPTED.value,)
    world.database.write(lambda c: c.execute("UPDATE registrations SET registration_id = 90000 + id WHERE state = ?", settled))
    world.database.read(lambda c: c.execute("PRAGMA wal_checkpoint(FULL)").fetchall())
    for number in range(2 * PEOPLE):
        world.tap(number % PEOPLE)
    place = folder / "rotten"
    place.mkdir()
    for name in ("kiosk.db", "kiosk.db-wal"):
        shutil.copy(folder / name, place / name)
    return place / "kiosk.db"


def _badges(connection: sqlite3.Connection) -> None:
    for person in range(PEOPLE):
        card, uid = invented_card(person), new_uid()
        index = VAULT.index(Index.CARD, card_bytes(card))
        connection.execute(
            "INSERT INTO badges (uid, card_index, holder, added_ms, sealed) VALUES (?, ?, ?, 0, ?)",
            (uid, index, person + 1, VAULT.seal(Field.BADGE, uid, pack_card(card))),
        )


def moment(card: CardId) -> Moment:
    """A card seen at the gate."""
    return Moment(
        card=card,
        card_index=VAULT.index(Index.CARD, card_bytes(card)),
        reader="gate",
        driver="simulated",
        technology="test",
        press=None,
        now=Now(at_ms=START_MS, boot_ns=1, boot_id="boot"),
        clock=ClockReading(wall_ms=START_MS, boot_ns=1, boot_id="boot", trusted=True, source="kernel", bound_ms=10),
    )


def tap(database: Database) -> int:
    """Record the next tap as the tap path does; returns its registration's id."""
    draft = Draft(
        ssin=invented_insz(0), direction=Direction.IN, at_ms=START_MS, employer=EMPLOYER, place=PLACE, declaration=DECLARATION
    )
    return database.write(
        lambda connection: add_registration(
            connection,
            VAULT,
            tap=moment(invented_card(0)),
            book=1,
            holder=1,
            draft=draft,
            state=State.QUEUED,
            reason=None,
            group_index=group_of(VAULT, draft),
            signal=Signal.IN,
        )
    )


def _rest(connection: sqlite3.Connection) -> None:
    for number in range(PEOPLE):
        add_tap(connection, VAULT, moment(invented_card(1000 + number)), book=1, signal=Signal.UNKNOWN_CARD)
        tasks.open_task(connection, TaskKind.HELD, book=1, at_ms=START_MS, registration=number + 1)
        evidence.record(
            connection,
            VAULT,
            Entry.VERDICT,
            f"registration:{number + 1}",
            at_ms=START_MS,
            facts={"number": number, "why": "x" * 200},
        )


def content(path: Path) -> Content:
    """Every row by table and number, read with SQLite from a copy."""
    copy = path.with_name("copy.db")
    for end in ("", "-wal"):
        if path.with_name(path.name + end).exists():
            shutil.copy(path.with_name(path.name + end), copy.with_name(copy.name + end))
    connection = sqlite3.connect(copy)
    connection.text_factory = lambda text: text.decode(errors="replace")
    try:
        return {table: {row[0]: row for row in connection.execute(f"SELECT * FROM {table}")} for table in TABLES}  # noqa: S608
    finally:
        connection.close()
        for end in ("", "-wal", "-shm"):
            copy.with_name(copy.name + end).unlink(missing_ok=True)


@dataclass(frozen=True)
class Whole:
    """The store before a byte is flipped: its files, where the log's last frame lies, its rows, and what lies on which page."""

    data: bytes
    log: bytes
    live: int
    rows: Content
    on_page: dict[int, set[tuple[str, int]]]

    @classmethod
    def read(cls, path: Path) -> Whole:
        on_page: dict[int, set[tuple[str, int]]] = {}
        with PageFile(path) as pages:
            for root in roots(pages):
                if root.table in TABLES and not root.index:
                    for met in walk(pages, root.page):
                        for page in (met.page, *met.cell.chain):
                            on_page.setdefault(page, set()).add((root.table, met.cell.rowid or 0))
            assert {pages.kind(number) for number in range(1, pages.count + 1)} >= set(Kind)
            live = max(pages.wal.frames.values())
        log = path.with_name(path.name + "-wal").read_bytes()
        return cls(path.read_bytes(), log, live, content(path), on_page)

    def last_transaction(self) -> range:
        """Where the last transaction lies in the log: a bad byte in it can't be told from a power cut."""
        ends = [at + _FRAME for at in range(_LOG_HEADER, self.live, _FRAME) if int.from_bytes(self.log[at + 4 : at + 8], "big")]
        return range(ends[-2], self.live + _PAGE)


@dataclass(frozen=True)
class Flip:
    """One byte that changed: in the file or its log, where, and by what."""

    in_log: bool
    at: int
    by: int

    @classmethod
    def thrown(cls, dice: random.Random, whole: Whole) -> Flip:
        at = dice.randrange(len(whole.data) + len(whole.log))
        in_log = at >= len(whole.data)
        return cls(in_log, at - len(whole.data) if in_log else at, dice.randrange(1, 256))

    @property
    def page_of(self) -> int:
        return self.at // _PAGE + 1

    def page(self, whole: Whole) -> int:
        """The page that is hit."""
        if not self.in_log:
            return self.page_of
        start = max(0, self.at - _LOG_HEADER) // _FRAME * _FRAME + _LOG_HEADER
        return int.from_bytes(whole.log[start : start + 4], "big")

    def strike(self, path: Path, whole: Whole) -> None:
        data, log = bytearray(whole.data), bytearray(whole.log)
        (log if self.in_log else data)[self.at] ^= self.by
        for old in path.parent.glob("kiosk.db*"):
            old.unlink()
        path.write_bytes(data)
        path.with_name(path.name + "-wal").write_bytes(log)


def reopen(path: Path) -> tuple[Database, bool]:
    """Open as the daemon does, let the idle check look, and start again where it finds something; also whether it was salvaged."""

    def opened() -> Database:
        return recovery.open_store(path, VAULT, create=False, now_ms=lambda: START_MS)

    database = opened()
    try:
        database.read(lambda c: c.execute("SELECT count(*), max(at_ms) FROM registrations").fetchall())
    except StoreDead:
        database.close()
        database = opened()
    if recovery.check_copy(database, pause=lambda: None) is not None:
        database.close()
        database = opened()
    return database, any(path.parent.glob("kiosk.db.corrupt.*"))


def lost(whole: Whole, found: Content, flip: Flip) -> Counter[str]:
    """Rows that are gone although they do not lie on the page that was hit."""
    excused = whole.on_page.get(flip.page(whole), set())
    return Counter(
        table
        for table, rows in whole.rows.items()
        for number in rows
        if number not in found[table] and (table, number) not in excused
    )


def changed(whole: Whole, found: Content, flip: Flip) -> list[tuple[int, object, object]]:
    """Registrations beyond the page that was hit whose state is another one than before, or than a salvage may make of it."""
    excused = whole.on_page.get(flip.page(whole), set())
    allowed = {"queued": {"queued", "unknown"}, "in_flight": {"in_flight", "unknown"}}
    return [
        (number, row[5], found["registrations"][number][5])
        for number, row in whole.rows["registrations"].items()
        if number in found["registrations"]
        and ("registrations", number) not in excused
        and found["registrations"][number][5] not in allowed.get(str(row[5]), {row[5]})
    ]
