"""Card to tap to registration to book to signal: the only way in. Nothing here touches the network."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from hardware.ports import Card, Sighting, Unreadable
from kiosk import outbox, roster, rules, taps, tasks
from kiosk.database import Database
from kiosk.errors import SealBroken, StoreError
from kiosk.identifiers import CardId, DeclarationNumber, Employer
from kiosk.model import (
    Answer,
    ClockReading,
    Coordinates,
    Direction,
    Draft,
    Press,
    Profile,
    ReaderDirection,
    Reason,
    Signal,
    State,
    TaskKind,
)
from kiosk.records import card_bytes, group_bytes
from kiosk.vault import Index, Vault

_NS_PER_MS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A reader as the rules see it.

    Attributes:
        name: Its configured name.
        driver: Its driver's name.
        direction: toggle, in or out.
        declaration: The declaration that this reader stands for, or None.
    """

    name: str
    driver: str
    direction: ReaderDirection
    declaration: DeclarationNumber | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the tap path must know of the configuration.

    Attributes:
        place: Where the box stands.
        zone: The site's time zone: the dates of declarations are local.
        declarations: The configured declarations.
        employer: The default employer, or None.
        limits: The times that decide a direction.
    """

    place: Coordinates
    zone: ZoneInfo
    declarations: tuple[rules.DeclarationTerm, ...]
    employer: Employer | None
    limits: rules.Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A registration on its way into the book; ``waits`` when it needs a human, and the worker is told so."""

    draft: Draft
    state: State
    reason: Reason | None
    group: bytes | None
    waits: bool


class Intake:
    """Turns sightings into recorded taps. Called from every reader's thread at once."""

    def __init__(
        self,
        *,
        database: Database,
        vault: Vault,
        book: int,
        site: Site,
        clock: Callable[[], ClockReading],
        offline: Callable[[], bool] = lambda: False,
        queued: Callable[[], None] = lambda: None,
    ) -> None:
        """Wire the parts.

        Args:
            database: The open store.
            vault: Its keys.
            book: The current book's id.
            site: The tap path's slice of the configuration.
            clock: Reads all clocks.
            offline: Whether the service can't be reached now; asked after the commit.
            queued: Called after a commit that left something to send.
        """
        self._database = database
        self._vault = vault
        self._book = book
        self._site = site
        self._clock = clock
        self._offline = offline
        self._queued = queued
        self._groups: dict[tuple[Employer, DeclarationNumber], bytes] = {}

    def take(self, sighting: Sighting, gate: Gate, press: Press | None = None) -> Answer:
        """Record what was seen and say what to show; returns only after the commit, and never raises for a full or dead store."""
        match sighting:
            case Unreadable(why=why):
                return Answer(signal=Signal.UNREADABLE, why=why)
            case Card():
                return self._take_card(sighting, gate, press)
            case _:
                assert_never(sighting)

    def _take_card(self, card: Card, gate: Gate, press: Press | None) -> Answer:
        clock = self._clock()
        at_ms = clock.wall_ms - (clock.boot_ns - card.boot_ns) // _NS_PER_MS
        now = rules.Now(at_ms=at_ms, boot_ns=card.boot_ns, boot_id=clock.boot_id)
        identity = CardId(card.kind, card.identifier)
        tap = taps.Moment(
            card=identity,
            card_index=self._vault.index(Index.CARD, card_bytes(identity)),
            reader=gate.name,
            driver=gate.driver,
            technology=card.technology,
            press=press,
            now=now,
            clock=clock,
        )
        try:
            answer = self._database.write(partial(self._record, tap, gate))
        except (StoreError, SealBroken, sqlite3.Error) as error:
            return Answer(signal=Signal.FAILED, why=str(error))
        if not answer.ids:
            return answer
        self._queued()
        return replace(answer, offline=self._offline())

    def _record(self, tap: taps.Moment, gate: Gate, connection: sqlite3.Connection) -> Answer:
        found = roster.find(connection, self._vault, tap.card_index)
        if found is None:
            return self._record_unknown(tap, connection)
        if found.revoked:
            return Answer(signal=Signal.REVOKED)
        newest = taps.newest_tap(connection, book=self._book, holder=found.holder)
        last = None if newest is None else newest.last
        stay = self._stay(newest)
        elsewhere = self._is_elsewhere(tap, gate, found.profile.declaration, stay)
        decision = rules.decide(gate.direction, tap.press, last, tap.now, self._site.limits, elsewhere=elsewhere)
        match decision:
            case rules.Already(since_ms=since, direction=direction):
                return _answer(tap, found.profile, Signal.ALREADY, direction, since_ms=since)
            case rules.Record(direction=Direction.IN, tasks=opened):
                rows: tuple[_Row, ...] = (self._arrival(connection, tap, gate, found.profile),)
            case rules.Record(tasks=opened):
                rows = (self._departure(connection, tap, gate, found.profile, stay),)
            case rules.Switch():
                opened = ()
                left = self._departure(connection, tap, gate, found.profile, stay)
                rows = (left, self._arrival(connection, tap, gate, found.profile))
            case _:
                assert_never(decision)
        return self._write(connection, tap, found, rows, opened)

    def _write(
        self,
        connection: sqlite3.Connection,
        tap: taps.Moment,
        found: roster.Found,
        rows: tuple[_Row, ...],
        opened: tuple[TaskKind, ...],
    ) -> Answer:
        direction = rows[-1].draft.direction
        signal = Signal.HELD if any(row.waits for row in rows) else Signal.IN if direction is Direction.IN else Signal.OUT
        ids = tuple(
            outbox.add_registration(
                connection,
                self._vault,
                tap=tap,
                book=self._book,
                holder=found.holder,
                draft=row.draft,
                state=row.state,
                reason=row.reason,
                group_index=row.group,
                signal=signal,
            )
            for row in rows
        )
        held = [(TaskKind.HELD, number) for number, row in zip(ids, rows, strict=True) if row.state is State.HELD]
        for kind, number in (*held, *((kind, ids[0]) for kind in opened)):
            tasks.open_task(connection, kind, book=self._book, at_ms=tap.now.at_ms, registration=number, holder=found.holder)
        return _answer(tap, found.profile, signal, direction, ids=ids)

    def _arrival(self, connection: sqlite3.Connection, tap: taps.Moment, gate: Gate, profile: Profile) -> _Row:
        """An IN is chosen afresh."""
        return self._placed(connection, tap, *self._chosen(tap, gate, profile, Direction.IN))

    def _departure(
        self, connection: sqlite3.Connection, tap: taps.Moment, gate: Gate, profile: Profile, stay: Draft | SealBroken | None
    ) -> _Row:
        """An OUT carries the declaration, employer and identity of its IN; without one it is chosen like an IN."""
        if isinstance(stay, Draft):
            draft = replace(stay, direction=Direction.OUT, at_ms=tap.now.at_ms, place=self._site.place)
            lacking = Reason.DECLARATION if stay.declaration is None else Reason.EMPLOYER if stay.employer is None else None
            return self._placed(connection, tap, draft, lacking)
        draft, lacking = self._chosen(tap, gate, profile, Direction.OUT)
        return self._placed(connection, tap, draft, lacking if stay is None else Reason.SEAL)

    def _chosen(self, tap: taps.Moment, gate: Gate, profile: Profile, direction: Direction) -> tuple[Draft, Reason | None]:
        choice = rules.assign(
            holder_employer=profile.employer,
            holder_declaration=profile.declaration,
            reader_declaration=gate.declaration,
            declarations=self._site.declarations,
            default_employer=self._site.employer,
            day=self._day(tap),
        )
        draft = Draft(
            ssin=profile.insz,
            direction=direction,
            at_ms=tap.now.at_ms,
            employer=choice.employer,
            declaration=choice.declaration,
            place=self._site.place,
        )
        return draft, choice.reason

    def _placed(self, connection: sqlite3.Connection, tap: taps.Moment, draft: Draft, lacking: Reason | None) -> _Row:
        """The state in which a draft enters the book; ``lacking`` says why it is held."""
        if lacking is not None or draft.employer is None or draft.declaration is None:
            return _Row(draft=draft, state=State.HELD, reason=lacking, group=None, waits=True)
        group = self._group(draft.employer, draft.declaration)
        paused = outbox.is_paused(connection, self._book, group)
        # The clock goes first: the end of a pause must not send what still waits for its true time.
        reason = Reason.CLOCK if not tap.clock.trusted else Reason.GROUP if paused else None
        return _Row(draft=draft, state=State.QUEUED, reason=reason, group=group, waits=paused)

    def _group(self, employer: Employer, declaration: DeclarationNumber) -> bytes:
        known = self._groups.get((employer, declaration))
        if known is None:
            known = self._groups[employer, declaration] = self._vault.index(Index.GROUP, group_bytes(employer, declaration))
        return known

    def _record_unknown(self, tap: taps.Moment, connection: sqlite3.Connection) -> Answer:
        taps.add_tap(connection, self._vault, tap, book=self._book, signal=Signal.UNKNOWN_CARD)
        # One task a card, not a tap: the card's blind index tells them apart and says nothing.
        note = f"card key {tap.card_index.hex()[:8]}"
        tasks.open_task(connection, TaskKind.UNKNOWN_CARD, book=self._book, at_ms=tap.now.at_ms, note=note)
        return Answer(signal=Signal.UNKNOWN_CARD, clock=_word(tap))

    def _stay(self, newest: taps.Newest | None) -> Draft | SealBroken | None:
        """The open stay's IN; a damaged one costs its own two rows and must not keep its person from tapping."""
        try:
            return taps.stay_of(self._vault, newest)
        except SealBroken as broken:
            return broken

    def _is_elsewhere(self, tap: taps.Moment, gate: Gate, own: DeclarationNumber | None, stay: Draft | SealBroken | None) -> bool:
        """Whether this reader names another declaration than the open stay's; a holder's own declaration goes before a reader's."""
        if own is not None or gate.declaration is None or not isinstance(stay, Draft):
            return False
        if stay.declaration is not None:
            return stay.declaration != gate.declaration
        # A stay that is held for want of a declaration: where the reader's is not valid it would switch at every tap, never leave.
        return any(term.number == gate.declaration and term.valid_on(self._day(tap)) for term in self._site.declarations)

    def _day(self, tap: taps.Moment) -> date | None:
        return datetime.fromtimestamp(tap.now.at_ms / 1000, self._site.zone).date() if tap.clock.trusted else None


def _word(tap: taps.Moment) -> str:
    return "ok" if tap.clock.trusted else "waiting"


def _answer(
    tap: taps.Moment,
    whose: Profile,
    signal: Signal,
    direction: Direction,
    *,
    ids: tuple[int, ...] = (),
    since_ms: int | None = None,
) -> Answer:
    shown = Answer(signal=signal, ids=ids, direction=direction, clock=_word(tap), since_ms=since_ms)
    return replace(shown, name=whose.name, language=whose.language)
