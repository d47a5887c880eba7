"""What is done to a store while a recorder looks on: the real opening, the real rooms, invented time and an invented service.

Each commit, each acknowledgement and each call is marked in the record, so that whoever cuts it knows what was promised.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final, Self, TypeVar

from hardware.ports import Card
from kiosk import recovery, roster
from kiosk.config import load
from kiosk.contact import Pace
from kiosk.database import Database, Work
from kiosk.delivery import Delivery
from kiosk.desk.erasing import holder_forget
from kiosk.identifiers import CardId
from kiosk.intake import Intake
from kiosk.line import DeliverySettings
from kiosk.model import Answer, Registration
from kiosk.notary import Notary
from kiosk.opening import House, desk_of, open_house
from kiosk.outbox import Outbox, recover
from kiosk.records import card_bytes
from kiosk.settings import Config
from kiosk.vault import Index, Vault
from kiosk.verdicts import Answered, CallVerdict, Created, Query, SearchVerdict
from tests.configs import change, write
from tests.gatehouse import SITE, TOGGLE
from tests.people import invented_card, invented_line
from tests.stores import KEY
from tests.worlds import LedgerService, Time

T = TypeVar("T")
MINUTE: Final = 60
#: Who taps after the power came back; nobody else has his card.
LATE_COMER: Final = 9_999
#: Shorter ones might be found by chance.
_SHORTEST_BLOB: Final = 12
#: His profile, badge, registrations and their entries in the record: with fewer the search for them would prove little.
_FEWEST_GONE: Final = 12
#: Says when its row was written, or differs with each sealing: no part of what a store holds.
_NOT_CONTENT: Final = ("_sqlite_migrations",)


def configure(folder: Path) -> Config:
    """Write a configuration whose store lies in ``store/``, with the key that old stores in ``tests/databases`` have."""
    (folder / "store").mkdir(exist_ok=True)
    text = change(('path = "kiosk.db"', 'path = "store/kiosk.db"'), ("https://localhost:8443/api", "https://box.test/api"))
    path = write(folder, text + '\n[clock]\nsource = "assume"\n')
    (folder / "store.key").write_bytes(KEY)
    return load(path, {})


def digest(connection: sqlite3.Connection) -> str:
    """What a store holds, in one word: every row of every table, but for what says nothing of people, taps or registrations."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    found = hashlib.sha256()
    for name in names:
        if name not in _NOT_CONTENT:
            where = "WHERE name <> 'check'" if name == "meta" else ""
            rows = connection.execute(f"SELECT * FROM {name} {where}").fetchall()  # noqa: S608  the table's own name
            found.update(f"{name} {sorted(rows, key=repr)!r}\n".encode())
    return found.hexdigest()[:16]


def blobs(connection: sqlite3.Connection) -> set[bytes]:
    """Everything in a store that is sealed, salted or an index by a key."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    rows = [row for name in names for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608  the table's own name
    return {value for row in rows for value in row if isinstance(value, bytes) and len(value) >= _SHORTEST_BLOB}


def _numbers(connection: sqlite3.Connection, holder: int) -> list[int]:
    return [number for (number,) in connection.execute("SELECT id FROM registrations WHERE holder = ?", (holder,))]


def mark(**said: object) -> None:
    """Say something at this point of the record; without a recorder nothing."""
    recorder = ctypes.CDLL(None)
    if hasattr(recorder, "recorder_mark"):
        recorder.recorder_mark(json.dumps(said).encode())


def key_of(registration: Registration) -> str:
    """What the service knows a registration by."""
    return f"{registration.ssin.digits} {registration.direction.value} {registration.second}"


@dataclass
class MarkedService(LedgerService):
    """The invented service; what leaves the box and what comes back is marked.

    Attributes:
        checked: Whether an acceptance is final at once.
    """

    checked: bool = False

    def store(self, registration: Registration) -> Created:
        created = super().store(registration)
        return replace(created, validity="valid") if self.checked else created

    def register(self, registrations: Sequence[Registration]) -> CallVerdict:
        mark(sent=[key_of(each) for each in registrations])
        verdict = super().register(registrations)
        items = verdict.items if isinstance(verdict, Answered) else ()
        told = {
            key_of(own): item.registration_id for own, item in zip(registrations, items, strict=False) if isinstance(item, Created)
        }
        mark(accepted=told, back=type(verdict).__name__)
        return verdict

    def search(self, query: Query) -> SearchVerdict:
        verdict = super().search(query)
        mark(accepted={key_of(row.registration): row.shown.registration_id for row in self.rows}, back="search")
        return verdict


class Stage:
    """One box from its opening to its end; ``tap`` and ``step`` are what happens on it."""

    def __init__(self, config: Config, *, time: Time | None = None) -> None:
        self.time = time or Time()
        self.service = MarkedService(self.time)
        self._config = config
        self.house: House = open_house(config, create=True)
        _mark_commits(self.house.database)
        self.house.database.write(lambda c: recover(c, self.house.book.id))
        self._intake = Intake(
            database=self.house.database,
            vault=self.house.vault,
            book=self.house.book.id,
            site=SITE,
            clock=self.time,
        )
        self.notary = Notary(database=self.house.database, vault=self.house.vault, signer=None, clock=self.time, configuration={})
        self.book = Outbox(self.house.database, self.house.vault, self.house.book.id)
        settings = DeliverySettings(batch_size=3, pace=Pace(start_jitter_seconds=0))
        self.delivery = Delivery(self.book, lambda: self.service, self.time, settings, dice=lambda: 0.5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.house.database.close()

    def write(self, work: Work[T]) -> T:
        """Do something in one transaction."""
        return self.house.database.write(work)

    def promise_all(self) -> None:
        """Mark every registration that is there as acknowledged: it was, in an earlier life of the box."""
        rows = self.house.database.read(lambda c: c.execute("SELECT id, direction, wall_ms FROM registrations").fetchall())
        for number, direction, wall_ms in rows:
            mark(tapped=[number], direction=direction, wall_ms=wall_ms, foreseen=True)

    def enrol(self, *people: int) -> None:
        """Give each of these people a badge, all in one transaction."""

        def work(connection: sqlite3.Connection) -> None:
            for person in people:
                roster.enrol(connection, self.house.vault, invented_line(person), at_ms=self.time.wall_ms)

        self.write(work)

    def tap(self, person: int) -> Answer:
        """One tap, acknowledged in the record once it is in the worker's eyes."""
        return self.lay(invented_card(person))

    def lay(self, identity: CardId) -> Answer:
        """A card on the reader."""
        card = Card(kind=identity.kind, identifier=identity.identifier, technology="test", boot_ns=self.time.boot_ns)
        answer = self._intake.take(card, TOGGLE)
        if answer.direction is not None:
            mark(tapped=list(answer.ids), direction=answer.direction.value, wall_ms=self.time.wall_ms)
        return answer

    def forget(self, person: int) -> None:
        """Let a person go, as ``holder forget`` does; what lay in the store until then and does not any more is marked as gone."""
        vault = self.house.vault
        index = vault.index(Index.CARD, card_bytes(invented_card(person)))
        found = self.house.database.read(partial(roster.find, vault=vault, card_index=index))
        assert found is not None
        before = self.house.database.read(blobs)
        mark(let_go=self.house.database.read(partial(_numbers, holder=found.holder)))
        desk = replace(desk_of(self._config, self.house), clock=self.time)
        holder_forget(desk, {"holder": found.holder, "reason": "the term is over", "recent": True})
        gone = before - self.house.database.read(blobs)
        assert len(gone) > _FEWEST_GONE
        mark(gone=[blob.hex() for blob in gone])

    def deliver(self, seconds: float = 0) -> None:
        """Let delivery work until it would wait longer than this in all."""
        while (wait := self.delivery.step()) <= seconds:
            self.time.pass_seconds(wait)
            seconds -= wait
        self.time.pass_seconds(seconds)


def _mark_commits(database: Database) -> None:
    """Mark what the store holds, now and whenever it has been committed."""
    transact = database._transact

    def marked(work: Callable[[sqlite3.Connection], object]) -> object:
        value = transact(work)
        mark(holds=digest(database._connection))
        return value

    mark(holds=database.read(digest))
    database._transact = marked  # type: ignore[method-assign,assignment]  # the store tells when it has committed


@contextmanager
def open_watched() -> Iterator[list[str]]:
    """Note what a store holds as soon as it is open, before anything is made of it."""
    found: list[str] = []
    original = recovery.open_store

    def watched(path: Path, vault: Vault, *, create: bool, now_ms: Callable[[], int]) -> Database:
        database = original(path, vault, create=create, now_ms=now_ms)
        found.append(database.read(digest))
        return database

    recovery.open_store = watched
    try:
        yield found
    finally:
        recovery.open_store = original


def at(config: Config, path: Path) -> Config:
    """The same box with its store at another place."""
    return replace(config, store=replace(config.store, path=path))
