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
    ReaderDirection,
    Reason,
    Signal,
    State,
    TaskKind,
)
from kiosk.records import group_bytes
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
class _Tap:
    """One tap while it is being decided."""

    card: CardId
    gate: Gate
    press: Press | None
    technology: str
    moment: rules.Now
    clock: ClockReading


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
        moment = rules.Now(
            at_ms=clock.wall_ms - (clock.boot_ns - card.boot_ns) // _NS_PER_MS, boot_ns=card.boot_ns, boot_id=clock.boot_id
        )
        tap = _Tap(
            card=CardId(card.kind, card.identifier),
            gate=gate,
            press=press,
            technology=card.technology,
            moment=moment,
            clock=clock,
        )
        try:
            answer = self._database.write(partial(self._record, tap))
        except (StoreError, SealBroken, sqlite3.Error) as error:
            return Answer(signal=Signal.FAILED, why=str(error))
        if not answer.ids:
            return answer
        self._queued()
        return replace(answer, offline=self._offline())

    def _record(self, tap: _Tap, connection: sqlite3.Connection) -> Answer:
        found = roster.find(connection, self._vault, tap.card)
        if found is None:
            return self._record_unknown(tap, connection)
        if found.revoked:
            return Answer(signal=Signal.REVOKED)
        standing = taps.last_tap(connection, book=self._book, holder=found.holder)
        last, last_id = standing if standing is not None else (None, 0)
        stay = None
        if last is not None and last.direction is Direction.IN:
            stay = taps.stay_of(connection, self._vault, tap=last_id)
        decision = rules.decide(
            tap.gate.direction,
            tap.press,
            last,
            tap.moment,
            self._site.limits,
            elsewhere=_elsewhere(tap.gate, found.profile.declaration, stay),
        )
        worker = replace(_shown(tap.clock), name=found.profile.name, language=found.profile.language)
        match decision:
            case rules.Already(since_ms=since):
                return replace(worker, signal=Signal.ALREADY, since_ms=since, direction=last.direction if last else None)
            case rules.Record(direction=direction, tasks=opened):
                coming = direction is Direction.IN
                drafts = (self._arrival(tap, found.profile) if coming else self._departure(tap, found.profile, stay),)
            case rules.Switch():
                direction, opened = Direction.IN, ()
                drafts = (self._departure(tap, found.profile, stay), self._arrival(tap, found.profile))
            case _:
                assert_never(decision)
        return self._write(
            tap, connection, holder=found.holder, drafts=drafts, opened=opened, worker=replace(worker, direction=direction)
        )

    def _write(
        self,
        tap: _Tap,
        connection: sqlite3.Connection,
        *,
        holder: int,
        drafts: tuple[tuple[Draft, Reason | None], ...],
        opened: tuple[TaskKind, ...],
        worker: Answer,
    ) -> Answer:
        rows = [self._placed(tap, connection, draft, lacking) for draft, lacking in drafts]
        waits = any(state is State.HELD or reason is Reason.GROUP for _, state, reason, _ in rows)
        signal = Signal.HELD if waits or worker.direction is None else Signal(worker.direction.value)
        tap_id = self._add_tap(tap, connection, holder, worker.direction, signal)
        ids = []
        for draft, state, reason, group in rows:
            row = outbox.add_registration(
                connection,
                self._vault,
                tap=tap_id,
                book=self._book,
                holder=holder,
                draft=draft,
                state=state,
                reason=reason,
                group_index=group,
            )
            ids.append(row)
            if state is State.HELD:
                self._open(connection, TaskKind.HELD, tap, tap_id=tap_id, holder=holder, row=row)
        for kind in opened:
            self._open(connection, kind, tap, tap_id=tap_id, holder=holder, row=ids[0])
        return replace(worker, signal=signal, ids=tuple(ids))

    def _arrival(self, tap: _Tap, profile: roster.Profile) -> tuple[Draft, Reason | None]:
        """An IN is chosen afresh."""
        choice = rules.assign(
            holder_employer=profile.employer,
            holder_declaration=profile.declaration,
            reader_declaration=tap.gate.declaration,
            declarations=self._site.declarations,
            default_employer=self._site.employer,
            day=self._day(tap.moment.at_ms),
        )
        draft = Draft(
            ssin=profile.insz,
            direction=Direction.IN,
            at_ms=tap.moment.at_ms,
            employer=choice.employer,
            place=self._site.place,
            declaration=choice.declaration,
        )
        return draft, choice.reason

    def _departure(self, tap: _Tap, profile: roster.Profile, stay: Draft | None) -> tuple[Draft, Reason | None]:
        """An OUT carries the declaration, employer and identity of its IN; without one it is chosen like an IN."""
        if stay is None:
            draft, reason = self._arrival(tap, profile)
            return replace(draft, direction=Direction.OUT), reason
        reason = Reason.DECLARATION if stay.declaration is None else Reason.EMPLOYER if stay.employer is None else None
        return replace(stay, direction=Direction.OUT, at_ms=tap.moment.at_ms, place=self._site.place), reason

    def _placed(
        self, tap: _Tap, connection: sqlite3.Connection, draft: Draft, lacking: Reason | None
    ) -> tuple[Draft, State, Reason | None, bytes | None]:
        """The state in which a draft enters the book."""
        if draft.employer is None or draft.declaration is None:
            return draft, State.HELD, lacking, None
        group = self._vault.index(Index.GROUP, group_bytes(draft.employer, draft.declaration))
        if outbox.is_paused(connection, self._book, group):
            return draft, State.QUEUED, Reason.GROUP, group
        return draft, State.QUEUED, None if tap.clock.trusted else Reason.CLOCK, group

    def _record_unknown(self, tap: _Tap, connection: sqlite3.Connection) -> Answer:
        self._add_tap(tap, connection, None, None, Signal.UNKNOWN_CARD)
        # One task a card, not a tap: the card's blind index tells them apart and says nothing.
        key = self._vault.index(Index.CARD, tap.card.identifier).hex()[:8]
        tasks.open_task(connection, TaskKind.UNKNOWN_CARD, book=self._book, at_ms=tap.moment.at_ms, note=f"card key {key}")
        return replace(_shown(tap.clock), signal=Signal.UNKNOWN_CARD)

    def _add_tap(
        self, tap: _Tap, connection: sqlite3.Connection, holder: int | None, direction: Direction | None, signal: Signal
    ) -> int:
        return taps.add_tap(
            connection,
            self._vault,
            taps.NewTap(
                book=self._book,
                holder=holder,
                card=tap.card,
                reader=tap.gate.name,
                driver=tap.gate.driver,
                technology=tap.technology,
                press=tap.press,
                direction=direction,
                signal=signal,
                moment=tap.moment,
                clock=tap.clock,
            ),
        )

    def _open(self, connection: sqlite3.Connection, kind: TaskKind, tap: _Tap, *, tap_id: int, holder: int, row: int) -> None:
        tasks.open_task(connection, kind, book=self._book, at_ms=tap.moment.at_ms, tap=tap_id, registration=row, holder=holder)

    def _day(self, at_ms: int) -> date:
        return datetime.fromtimestamp(at_ms / 1000, self._site.zone).date()


def _elsewhere(gate: Gate, own: DeclarationNumber | None, stay: Draft | None) -> bool:
    """Whether this reader names another declaration than the open stay's; a holder's own declaration goes before a reader's."""
    return own is None and gate.declaration is not None and stay is not None and stay.declaration != gate.declaration


def _shown(clock: ClockReading) -> Answer:
    return Answer(signal=Signal.HELD, clock="ok" if clock.trusted else "waiting")
