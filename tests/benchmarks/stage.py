"""A store as it stands at a large site: 5,000 holders, one gate, and taps that go the daemon's own way."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast
from zoneinfo import ZoneInfo

from hardware.ports import Card
from kiosk import books, roster, rules
from kiosk.database import Database, Work, open_database
from kiosk.intake import Intake
from kiosk.model import Answer, Environment, ReaderDirection
from kiosk.obligations import Gate, Site
from kiosk.settings import ClockSource
from kiosk.timekeeper import Timekeeper, boot_clock, wall_clock
from kiosk.vault import Vault
from tests.people import DECLARATION, EMPLOYER, PLACE, invented_card, invented_line

HOLDERS: Final = 5_000
KEY: Final = bytes(range(32))
_GATE: Final = Gate(name="gate", driver="simulated", direction=ReaderDirection.TOGGLE)
#: Nobody waits between two taps here: whether a tap comes too early is decided at the same cost.
_SITE: Final = Site(
    place=PLACE,
    zone=ZoneInfo("Europe/Brussels"),
    declarations=(rules.DeclarationTerm(number=DECLARATION),),
    employer=EMPLOYER,
    limits=rules.Limits(debounce_seconds=0, minimum_stay_minutes=0),
)
_NS: Final = 1_000_000_000
ZONE: Final = _SITE.zone


class _Inside:
    """Stands where the database stands and writes inside a transaction that is open already: a backlog is made, not measured."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def write(self, work: Work[Answer]) -> Answer:
        return work(self._connection)


class Stage:
    """The store ``kiosk.db`` of a folder, opened, and made with its roster if it is not there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "kiosk.db"
        self.vault = Vault(KEY)
        self.clock = Timekeeper(source=ClockSource.ASSUME, max_error_seconds=60).read
        new = not self.path.exists()
        self.database = open_database(self.path, self.vault, create=True)
        self.book = self.database.write(
            lambda connection: books.use(
                connection, self.vault, host="box.test", environment=Environment.TRAINING, at_ms=wall_clock()
            )
        ).id
        if new:
            self.database.write(self._enrol_all)
        self._intake = self._build(self.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.database.close()

    def tap(self, holder: int) -> Answer:
        """One tap, now, durable on return."""
        return self.take(_card(holder, ago_ns=0))

    def take(self, card: Card) -> Answer:
        """The tap of a card that a reader saw, durable on return."""
        return self._intake.take(card, _GATE)

    def fill(self, taps: int) -> None:
        """Make a backlog in one transaction: each holder taps once, a second apart; beyond that the rows are copied."""

        def work(connection: sqlite3.Connection) -> None:
            intake = self._build(cast("Database", _Inside(connection)))
            first = min(taps, HOLDERS)
            for holder in range(first):
                answer = intake.take(_card(holder, ago_ns=(first - holder) * _NS), _GATE)
                assert len(answer.ids) == 1, answer
            _multiply(connection, first, taps)

        self.database.write(work)

    def _build(self, database: Database) -> Intake:
        return Intake(database=database, vault=self.vault, book=self.book, site=_SITE, clock=self.clock)

    def _enrol_all(self, connection: sqlite3.Connection) -> None:
        for number in range(HOLDERS):
            roster.enrol(connection, self.vault, invented_line(number), at_ms=wall_clock())


def _card(holder: int, *, ago_ns: int) -> Card:
    return Card(
        kind="uid", identifier=invented_card(holder).identifier, technology="mifare-classic-1k", boot_ns=boot_clock() - ago_ns
    )


def _multiply(connection: sqlite3.Connection, rows: int, wanted: int) -> None:
    """Copy the first rows of the book until there are as many as wanted; a seal opens in each copy, since the uid goes along."""
    names = [column[1] for column in connection.execute("PRAGMA table_info(registrations)") if column[1] != "id"]
    columns = ", ".join(names)
    while rows < wanted:
        more = min(rows, wanted - rows)
        connection.execute(
            f"INSERT INTO registrations ({columns}) SELECT {columns} FROM registrations ORDER BY id LIMIT ?",  # noqa: S608  the table's own names
            (more,),
        )
        rows += more
