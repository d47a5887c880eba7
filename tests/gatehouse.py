"""A gatehouse: the real front door on a real store, with people who tap and clocks that a test turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from hardware.cards import Document
from hardware.ports import Card, Identity
from kiosk import roster, tasks
from kiosk.books import open_book
from kiosk.database import Database
from kiosk.desk import Desk
from kiosk.identifiers import CardId
from kiosk.intake import Intake
from kiosk.model import Answer, BadgeLine, ClockReading, Draft, Environment, Located, Press, Profile, ReaderDirection
from kiosk.obligations import Gate, Site
from kiosk.records import card_index, unpack_draft
from kiosk.rules import DeclarationTerm, Limits
from kiosk.vault import Field, Vault
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, PLACE
from tests.stores import VAULT, open_store

#: 2026-11-02 07:00:00 UTC, a Monday, 8 in the morning at the site.
MORNING_MS: Final = 1_793_602_800_000
SECOND, MINUTE, HOUR = 1, 60, 3600

TOGGLE: Final = Gate(name="gate", driver="simulated", direction=ReaderDirection.TOGGLE)
ARRIVALS: Final = Gate(name="arrivals", driver="simulated", direction=ReaderDirection.IN)
DEPARTURES: Final = Gate(name="departures", driver="simulated", direction=ReaderDirection.OUT)
#: A toggle reader and an arrivals reader that stand for the other declaration.
ELSEWHERE: Final = replace(TOGGLE, name="annex", declaration=OTHER_DECLARATION)
ARRIVALS_ELSEWHERE: Final = replace(ARRIVALS, name="annex arrivals", declaration=OTHER_DECLARATION)

ONE: Final = (DeclarationTerm(number=DECLARATION),)
#: The first is every holder's own or the reader's; the second is what a reader of the annex names.
TWO: Final = (DeclarationTerm(number=DECLARATION), DeclarationTerm(number=OTHER_DECLARATION))
SITE: Final = Site(place=PLACE, zone=ZoneInfo("Europe/Brussels"), declarations=ONE, employer=EMPLOYER, limits=Limits())


@dataclass
class Clocks:
    """All clocks, standing still until a test turns them."""

    wall_ms: int = MORNING_MS
    boot_ns: int = 500_000_000_000
    boot_id: str = "first boot"
    trusted: bool = True

    def __call__(self) -> ClockReading:
        return ClockReading(
            wall_ms=self.wall_ms,
            boot_ns=self.boot_ns,
            boot_id=self.boot_id,
            trusted=self.trusted,
            source="kernel" if self.trusted else "none",
            bound_ms=10 if self.trusted else None,
        )

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.wall_ms += round(seconds * 1000)
        self.boot_ns += round(seconds * 1000) * 1_000_000

    def reboot(self, boot_id: str, *, wall_ms: int | None = None) -> None:
        """Start the machine again: the boot clock begins anew, and the wall clock stands where it is told to."""
        self.boot_id, self.boot_ns = boot_id, 0
        self.wall_ms = self.wall_ms if wall_ms is None else wall_ms


@dataclass(frozen=True)
class Entered:
    """A row of the book as it lies there."""

    draft: Draft
    id: int
    holder: int
    direction: str
    state: str
    reason: str | None
    at_ms: int
    signal: str
    grouped: bool
    trusted: bool


@dataclass
class Gatehouse:
    """The front door, and what a test does to it and reads from behind it."""

    database: Database
    vault: Vault
    book: int
    site: Site
    clocks: Clocks = field(default_factory=Clocks)
    away: bool = False
    nudges: list[int] = field(default_factory=list)
    located: Located | None = None

    def __post_init__(self) -> None:
        self.intake = Intake(
            database=self.database,
            vault=self.vault,
            book=self.book,
            site=self.site,
            clock=self.clocks,
            offline=lambda: self.away,
            queued=lambda: self.nudges.append(self.count("registrations")),
            locate=lambda _: self.located,
        )

    def desk(self) -> Desk:
        """The manager's desk behind this gate."""
        return Desk(
            database=self.database,
            vault=self.vault,
            book=self.book,
            clock=self.clocks,
            place=PLACE,
            time_zone=str(self.site.zone),
            declarations=self.site.declarations,
            employer=self.site.employer,
        )

    def enrol(self, line: BadgeLine) -> int:
        """Give a badge to a person; returns the holder's id."""
        came = self.database.write(lambda c: roster.enrol(c, self.vault, line, at_ms=self.clocks.wall_ms))
        assert isinstance(came, roster.Enrolled)
        return came.holder

    def correct(self, holder: int, profile: Profile) -> None:
        """Give a holder another profile from now on."""
        self.database.write(lambda c: roster.change_profile(c, self.vault, holder, profile, at_ms=self.clocks.wall_ms))

    def tap(
        self, card: CardId, gate: Gate = TOGGLE, press: Press | None = None, *, ago_seconds: float = 0, trust: str = "uid"
    ) -> Answer:
        """Hold a card to a reader; it was first seen so long before the decision."""
        seen_ns = self.clocks.boot_ns - round(ago_seconds * 1000) * 1_000_000
        sighting = Card(kind=card.kind, identifier=card.identifier, technology="test", boot_ns=seen_ns, trust=trust)
        return self.intake.take(sighting, gate, press)

    def show(self, document: Document, gate: Gate = TOGGLE, press: Press | None = None) -> Answer:
        """Put an identity card into a reader."""
        return self.intake.take(Identity(document=document, boot_ns=self.clocks.boot_ns), gate, press)

    def run(self, sql: str, *values: object) -> None:
        """Do to the store what the rest of the kiosk, or bad luck, would have done."""
        self.database.write(lambda c: c.execute(sql, values))

    def pause(self) -> None:
        """Pause every group that the book knows."""
        self.run(
            "INSERT INTO pauses (book, group_index, refusals, last_reason, paused_ms)"
            " SELECT DISTINCT book, group_index, 5, 'test', 0 FROM registrations WHERE group_index IS NOT NULL"
        )

    def rows(self) -> list[Entered]:
        """The book, oldest first."""
        sql = (
            "SELECT id, holder, direction, state, reason, at_ms, signal, group_index IS NOT NULL, clock_trusted, uid, sealed"
            " FROM registrations WHERE book = ? ORDER BY id"
        )
        found = self.database.read(lambda c: c.execute(sql, (self.book,)).fetchall())
        return [Entered(unpack_draft(self.vault.open(Field.REGISTRATION, *row[-2:])), *row[:-2]) for row in found]

    def count(self, table: str) -> int:
        """How many rows a table holds."""
        return int(self.database.read(lambda c: c.execute(f"SELECT count(*) FROM {table}").fetchone())[0])  # noqa: S608

    def asked(self) -> list[tuple[str, int | None]]:
        """The open tasks: kind and registration, oldest first."""
        return [(task.kind.value, task.registration) for task in self.database.read(lambda c: tasks.open_tasks(c, self.book))]

    def card_index(self, card: CardId) -> bytes:
        """The blind index of a card."""
        return card_index(self.vault, card)


def new_book(database: Database) -> int:
    """Begin a fresh book: nobody is inside, and the roster stays."""
    return database.write(lambda c: open_book(c, VAULT, host="box.test", environment=Environment.TRAINING, at_ms=MORNING_MS)).id


@contextmanager
def open_gatehouse(folder: Path, site: Site = SITE) -> Iterator[Gatehouse]:
    """Open a gatehouse on a new store in this folder."""
    with open_store(folder) as database:
        yield Gatehouse(database, VAULT, new_book(database), site)
