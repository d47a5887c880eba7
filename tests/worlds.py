"""A small world for the tests of store-and-forward: a real store, invented time, and a service that never de-duplicates."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kiosk import taps
from kiosk.contact import Pace
from kiosk.database import Database, open_database
from kiosk.delivery import Delivery
from kiosk.identifiers import DeclarationNumber, Employer, Insz
from kiosk.line import DeliverySettings, Service
from kiosk.model import ClockReading, Direction, Draft, Profile, Reason, Registration, Signal, State
from kiosk.outbox import Outbox, add_registration, group_of, is_paused, recover
from kiosk.records import pack_profile
from kiosk.rules import Now
from kiosk.vault import Field, Index, Vault, new_uid
from kiosk.verdicts import (
    Answered,
    CallVerdict,
    CancelAnswered,
    CancelItem,
    Cancelled,
    CancelVerdict,
    Consulted,
    ConsultVerdict,
    Created,
    Found,
    HealthVerdict,
    NotCancelled,
    NotThere,
    Query,
    SearchFailed,
    SearchVerdict,
    ServedRegistration,
)
from tests.people import CANARY_CARD, DECLARATION, EMPLOYER, PLACE, invented_insz

START_MS = 1_794_000_000_000
KEY = bytes(range(32))
#: No chance: every wait is half of what it may be.
HALF = 0.5


class Time:
    """All clocks of the world; nothing but ``pass_seconds`` moves them."""

    def __init__(self) -> None:
        self.wall_ms = START_MS
        self.boot_ns = 1_000_000_000_000
        self.trusted = True

    def __call__(self) -> ClockReading:
        bound_ms = 10 if self.trusted else None
        return ClockReading(
            wall_ms=self.wall_ms, boot_ns=self.boot_ns, boot_id="boot", trusted=self.trusted, source="kernel", bound_ms=bound_ms
        )

    @property
    def true_ms(self) -> int:
        """What the service's clock shows, whatever was done to the box's."""
        return START_MS + self.boot_ns // 1_000_000 - 1_000_000

    def pass_seconds(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1000)
        self.boot_ns += round(seconds * 1000) * 1_000_000


Answer = Callable[[Sequence[Registration]], CallVerdict]


@dataclass
class Served:
    """One row at the service: what was sent, when it came, and how a search shows it."""

    registration: Registration
    created_ms: int
    shown: ServedRegistration

    def change(self, **fields: object) -> None:
        self.shown = replace(self.shown, **fields)  # type: ignore[arg-type]  # a test names true fields


@dataclass
class LedgerService:
    """The service as a ledger: it stores what comes, twice if it comes twice, and finds it after a lag.

    ``plan`` holds the answers to the next calls; without one a call is carried out and answered.
    """

    time: Time
    lag_ms: int = 0
    rows: list[Served] = field(default_factory=list)
    calls: list[tuple[Registration, ...]] = field(default_factory=list)
    searches: list[Query] = field(default_factory=list)
    plan: deque[Answer] = field(default_factory=deque)
    search_plan: deque[Callable[[Query], SearchVerdict]] = field(default_factory=deque)
    always: Answer | None = None
    looks: list[tuple[int, Employer | None]] = field(default_factory=list)
    look_plan: deque[ConsultVerdict] = field(default_factory=deque)
    cancels: list[tuple[tuple[int, ...], Employer]] = field(default_factory=list)
    cancel_plan: deque[Callable[[Sequence[int]], CancelVerdict]] = field(default_factory=deque)
    healths: int = 0
    health_plan: deque[Callable[[], HealthVerdict]] = field(default_factory=deque)
    search_always: Callable[[Query], SearchVerdict] | None = None
    _by_time: list[tuple[int, int]] = field(default_factory=list)

    def health(self) -> HealthVerdict:
        """What the plan says of it; without one it can't be reached."""
        self.healths += 1
        return self.health_plan.popleft()() if self.health_plan else SearchFailed(why="no connection", reachable=False)

    def register(self, registrations: Sequence[Registration]) -> CallVerdict:
        assert self.time.trusted, "a call was made by a clock that can't be trusted"
        self.calls.append(tuple(registrations))
        answer = self.plan.popleft() if self.plan else self.always or self.carry_out
        return answer(registrations)

    def search(self, query: Query) -> SearchVerdict:
        self.searches.append(query)
        return (self.search_plan.popleft() if self.search_plan else self.search_always or self.find)(query)

    def consult(self, registration_id: int, *, employer: Employer | None) -> ConsultVerdict:
        self.looks.append((registration_id, employer))
        if self.look_plan:
            return self.look_plan.popleft()
        shown = [row.shown for row in self.rows if row.shown.registration_id == registration_id]
        return Consulted(registration=shown[0]) if shown else NotThere()

    def cancel(self, ids: Sequence[int], *, employer: Employer) -> CancelVerdict:
        self.cancels.append((tuple(ids), employer))
        return self.cancel_plan.popleft()(ids) if self.cancel_plan else self.carry_out_cancel(ids)

    def carry_out_cancel(self, ids: Sequence[int]) -> CancelAnswered:
        return CancelAnswered(items=tuple(self._cancel_one(number) for number in ids))

    def _cancel_one(self, number: int) -> CancelItem:
        for row in self.rows:
            if row.shown.registration_id == number and not row.shown.cancelled:
                row.change(cancelled=True, validity="cancelled")
                return Cancelled()
        return NotCancelled(reason="rejectedInput")

    def carry_out(self, registrations: Sequence[Registration]) -> Answered:
        return Answered(items=tuple(self.store(each) for each in registrations))

    def store(self, registration: Registration) -> Created:
        number = 17_000 + len(self.rows)
        shown = ServedRegistration(
            registration_id=number,
            ssin=registration.ssin.digits,
            direction=registration.direction,
            second=registration.second,
            employer=registration.employer,
            declaration=registration.declaration,
            validity="pending",
            remarks=(),
            cancelled=False,
        )
        self.rows.append(Served(registration, self.time.true_ms, shown))
        insort(self._by_time, (registration.second * 1000, len(self.rows) - 1))
        return Created(registration_id=number, validity="pending")

    def find(self, query: Query) -> Found:
        visible = self.time.true_ms - self.lag_ms
        shown = (row.shown for row in self._between(query.from_ms, query.to_ms) if row.created_ms <= visible)
        return Found(
            registrations=tuple(
                each
                for each in shown
                if query.employer in (None, each.employer)
                and query.declaration in (None, each.declaration)
                and query.ssin in (None, each.ssin)
            )
        )

    def _between(self, from_ms: int, to_ms: int) -> list[Served]:
        first, last = bisect_left(self._by_time, (from_ms, 0)), bisect_left(self._by_time, (to_ms + 1, 0))
        return [self.rows[index] for _, index in sorted(self._by_time[first:last], key=lambda each: each[1])]

    def keys(self) -> Counter[tuple[str, Direction, int]]:
        return Counter((row.registration.ssin.digits, row.registration.direction, row.registration.second) for row in self.rows)


_OPEN: list[World] = []


def close_worlds() -> None:
    """Let every store of the test go; a fixture calls it after each."""
    while _OPEN:
        _OPEN.pop().database.close()


class World:
    """One box with its store, and the service."""

    def __init__(self, folder: Path, *, settings: DeliverySettings | None = None) -> None:
        self.time = Time()
        self.vault = Vault(KEY)
        self.path = folder / "kiosk.db"
        self.settings = settings or DeliverySettings(pace=Pace(start_jitter_seconds=0))
        self.service = LedgerService(self.time)
        self.built = 0
        self.database: Database = open_database(self.path, self.vault, create=True)
        self.database.write(
            lambda c: c.execute("INSERT INTO books (host, environment, opened_ms) VALUES ('box.test', 'training', 0)")
        )
        self.outbox = Outbox(self.database, self.vault, 1)
        self.dice = HALF
        self.delivery = self.start()
        self._holders: dict[int, int] = {}
        _OPEN.append(self)

    def start(self) -> Delivery:
        """Begin as the daemon does; what a former delivery had in hand is gone."""
        self.database.write(lambda c: recover(c, 1))
        self.delivery = Delivery(self.outbox, self._build, self.time, self.settings, dice=lambda: self.dice)
        return self.delivery

    def reopen(self) -> Delivery:
        """Let the store go, open it again, and start."""
        self.database.close()
        self.database = open_database(self.path, self.vault, create=False)
        self.outbox = Outbox(self.database, self.vault, 1)
        return self.start()

    def _build(self) -> Service:
        self.built += 1
        return self.service

    def holder(self, person: int) -> int:
        if person not in self._holders:
            self._holders[person] = self.database.write(
                lambda c: int(c.execute("INSERT INTO holders (added_ms) VALUES (0)").lastrowid or 0)
            )
            self.profile(person, invented_insz(person), current=True)
        return self._holders[person]

    def profile(self, person: int, insz: Insz, *, current: bool) -> None:
        uid = new_uid()
        sealed = self.vault.seal(Field.PROFILE, uid, pack_profile(Profile(insz=insz)))
        index = self.vault.index(Index.INSZ, insz.digits.encode())
        holder = self._holders[person]
        self.database.write(
            lambda c: c.execute(
                "INSERT INTO profiles (uid, holder, current, valid_from_ms, insz_index, sealed) VALUES (?, ?, ?, 0, ?, ?)",
                (uid, holder, int(current), index, sealed),
            )
        )

    def tap(
        self,
        person: int = 0,
        direction: Direction = Direction.IN,
        *,
        employer: Employer = EMPLOYER,
        declaration: DeclarationNumber = DECLARATION,
        reason: Reason | None = None,
        state: State = State.QUEUED,
        insz: Insz | None = None,
        ago_seconds: float = 0,
    ) -> int:
        """Write a tap and the registration owed for it, as the tap path does; returns the registration's id."""
        holder = self.holder(person)
        draft = Draft(
            ssin=insz or invented_insz(person),
            direction=direction,
            at_ms=self.time.wall_ms - round(ago_seconds * 1000),
            employer=employer,
            place=PLACE,
            declaration=declaration,
        )
        return self.add([(holder, draft)], state=state, reason=reason)[0]

    def add(self, drafts: Sequence[tuple[int, Draft]], *, state: State = State.QUEUED, reason: Reason | None = None) -> list[int]:
        """Write many in one transaction."""

        def work(c: sqlite3.Connection) -> list[int]:
            rows = []
            for holder, draft in drafts:
                tap = taps.Moment(
                    card=CANARY_CARD,
                    card_index=bytes(16),
                    reader="gate",
                    driver="simulated",
                    technology="test",
                    press=None,
                    now=Now(at_ms=draft.at_ms, boot_ns=0, boot_id="boot"),
                    clock=ClockReading(wall_ms=draft.at_ms, boot_ns=0, boot_id="boot", trusted=True, source="kernel", bound_ms=1),
                )
                group = group_of(self.vault, draft)
                assert group is not None
                why = Reason.GROUP if reason is None and state is State.QUEUED and is_paused(c, 1, group) else reason
                rows.append(
                    add_registration(
                        c,
                        self.vault,
                        tap=tap,
                        book=1,
                        holder=holder,
                        draft=draft,
                        state=state,
                        reason=why,
                        group_index=group,
                        signal=Signal(draft.direction.value),
                    )
                )
            return rows

        return self.database.write(work)

    def run(self, seconds: float = 0, *, steps: int = 1000) -> None:
        """Let delivery work until it would wait longer than this many seconds in all."""
        left = seconds
        for _ in range(steps):
            wait = self.delivery.step()
            if wait > left:
                self.time.pass_seconds(left)
                return
            self.time.pass_seconds(wait)
            left -= wait
        raise AssertionError("delivery does not come to rest")

    def row(self, number: int) -> dict[str, object]:
        def work(c: sqlite3.Connection) -> dict[str, object]:
            cursor = c.execute("SELECT * FROM registrations WHERE id = ?", (number,))
            return dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))

        return self.database.read(work)

    def states(self) -> list[str]:
        return [str(row[0]) for row in self.select("SELECT state FROM registrations ORDER BY id")]

    def select(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        return self.database.read(lambda c: c.execute(sql, values).fetchall())

    def tasks(self) -> list[tuple[object, ...]]:
        return self.select("SELECT kind, registration, note FROM tasks WHERE closed_ms IS NULL ORDER BY id")
