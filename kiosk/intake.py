"""Card to tap to registration to book to signal: the only way in. Nothing here touches the network."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, assert_never

from hardware.ports import Card, Identity, Sighting, Unreadable
from kiosk import documents, notices, outbox, roster, rules, stays, taps, tasks
from kiosk.database import Database
from kiosk.days import day_of
from kiosk.errors import SealBroken, StoreError, StoreFull
from kiosk.identifiers import EID, CardId, Insz
from kiosk.model import Answer, ClockReading, Direction, Located, Press, Profile, Signal, State, TaskKind, Trust
from kiosk.obligations import Gate, Obligations, Owed, Site
from kiosk.records import card_index
from kiosk.vault import Vault

#: Said of a card that proves less than this site asks for.
TOO_WEAK: Final = "this card can be copied, and this site asks for more ([rules] minimum_trust); use another badge or your eID"
_NS_PER_MS: Final = 1_000_000


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
        refusal: Callable[[], StoreFull | None] = lambda: None,
        locate: Callable[[int], Located | None] = lambda _: None,
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
            refusal: Why the store may take no tap now, or None.
            locate: Where a receiver found the box at a moment of the boot clock, or None; must not wait.
        """
        self._database = database
        self._vault = vault
        self._book = book
        self._site = site
        self._clock = clock
        self._offline = offline
        self._queued = queued
        self._refusal = refusal
        self._locate = locate
        self._obligations = Obligations(vault=vault, book=book, site=site)
        self._enough = frozenset(trust for trust in Trust if trust.reaches(site.minimum_trust))

    def take(self, sighting: Sighting, gate: Gate, press: Press | None = None) -> Answer:
        """Record what was seen and say what to show; returns only after the commit, and never raises for a full or dead store."""
        match sighting:
            case Unreadable(why=why):
                return Answer(signal=Signal.UNREADABLE, why=why)
            case Card():
                card = CardId(sighting.kind, sighting.identifier)
                tap = self._moment(sighting, card, gate, press, clock=self._clock(), technology=sighting.technology)
                return self._commit(tap, gate)
            case Identity():
                return self._take_document(sighting, gate, press)
            case _:
                assert_never(sighting)

    def _take_document(self, identity: Identity, gate: Gate, press: Press | None) -> Answer:
        clock = self._clock()
        day = day_of(_at_ms(identity, clock), self._site.zone) if clock.trusted else None
        match documents.judge(identity.document, day):
            case documents.Refused(why=why):
                return Answer(signal=Signal.UNREADABLE, why=why)
            case Insz() as insz:
                card = CardId.of_person(insz)
                technology = identity.document.technology
                return self._commit(self._moment(identity, card, gate, press, clock=clock, technology=technology), gate)
            case other:
                assert_never(other)

    def _moment(
        self, seen: Card | Identity, card: CardId, gate: Gate, press: Press | None, *, clock: ClockReading, technology: str
    ) -> taps.Moment:
        return taps.Moment(
            card=card,
            card_index=card_index(self._vault, card),
            reader=gate.name,
            driver=gate.driver,
            technology=technology,
            press=press,
            now=rules.Now(at_ms=_at_ms(seen, clock), boot_ns=seen.boot_ns, boot_id=clock.boot_id),
            clock=clock,
            trust=Trust(seen.trust),
            located=self._locate(seen.boot_ns),
        )

    def _commit(self, tap: taps.Moment, gate: Gate) -> Answer:
        try:
            if (full := self._refusal()) is not None:
                raise full
            answer = self._database.write(partial(self._record, tap, gate))
        except (StoreError, SealBroken, sqlite3.Error) as error:
            return Answer(signal=Signal.FAILED, why=str(error))
        if not answer.ids:
            return answer
        self._queued()
        # Copied only where it must be: dataclasses.replace costs as much as sealing the row (measured).
        return replace(answer, offline=True) if self._offline() else answer

    def _record(self, tap: taps.Moment, gate: Gate, connection: sqlite3.Connection) -> Answer:
        find = roster.find_person if tap.card.kind == EID else roster.find
        found = find(connection, self._vault, tap.card_index)
        if found is None or (found.until_ms is not None and not _is_lent(tap, found.until_ms)):
            return self._record_unknown(tap, connection)
        if found.revoked:
            return Answer(signal=Signal.REVOKED)
        if tap.trust not in self._enough:
            return Answer(signal=Signal.UNREADABLE, why=TOO_WEAK, language=found.profile.language)
        answer = self._decided(tap, gate, found, connection)
        told = notices.take(
            connection,
            self._vault,
            book=self._book,
            holder=found.holder,
            language=found.profile.language,
            at_ms=tap.now.at_ms,
        )
        return replace(answer, remarks=told) if told else answer

    def _decided(self, tap: taps.Moment, gate: Gate, found: roster.Found, connection: sqlite3.Connection) -> Answer:
        newest = taps.newest_tap(connection, book=self._book, holder=found.holder, boot_id=tap.now.boot_id)
        last = None if newest is None else newest.last
        stay = self._obligations.stay(newest)
        elsewhere = self._obligations.is_elsewhere(tap, gate, found.profile, stay)
        decision = rules.decide(gate.direction, tap.press, last, tap.now, self._site.limits, elsewhere=elsewhere)
        match decision:
            case rules.Already(since_ms=since, direction=direction):
                return _answer(tap, found.profile, Signal.ALREADY, direction, since_ms=since)
            case rules.Record(direction=way) if self._obligations.are_none(way, found.profile, newest):
                return self._write_local(connection, tap, found, way, self._asked(connection, tap, found, decision, newest))
            case rules.Record(direction=Direction.IN):
                rows: tuple[Owed, ...] = (self._obligations.arrival(connection, tap, gate, found.profile),)
            case rules.Record():
                rows = (self._obligations.departure(connection, tap, gate, found.profile, stay),)
            case rules.Switch():
                left = self._obligations.departure(connection, tap, gate, found.profile, stay)
                rows = (left, self._obligations.arrival(connection, tap, gate, found.profile))
            case _:
                assert_never(decision)
        return self._write(connection, tap, found, rows, self._asked(connection, tap, found, decision, newest))

    def _asked(
        self,
        connection: sqlite3.Connection,
        tap: taps.Moment,
        found: roster.Found,
        decision: rules.Record | rules.Switch,
        newest: taps.Newest | None,
    ) -> tuple[TaskKind, ...]:
        """Say what to ask about the new row; what is asked about the stay before names that stay's IN, and is settled here."""
        book, holder, at_ms = self._book, found.holder, tap.now.at_ms
        match decision:
            case rules.Record(direction=Direction.IN, tasks=(TaskKind.MISSING_OUT,)) if newest is not None:
                stays.ask_for_out(connection, newest, book=book, holder=holder, at_ms=at_ms)
                return ()
            case rules.Record(direction=Direction.OUT, tasks=asked) if newest is not None:
                long = rules.is_long(newest.last, tap.now, self._site.limits)
                # Whoever was asked for this OUT hears at least that it came late.
                late = long and stays.ended(connection, newest, book=book, holder=holder, at_ms=at_ms)
                return (TaskKind.LONG_STAY,) if late else asked
            case rules.Record(tasks=asked):
                return asked
            case rules.Switch():
                return ()
            case _:
                assert_never(decision)

    def _write(
        self,
        connection: sqlite3.Connection,
        tap: taps.Moment,
        found: roster.Found,
        rows: tuple[Owed, ...],
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

    def _write_local(
        self,
        connection: sqlite3.Connection,
        tap: taps.Moment,
        found: roster.Found,
        direction: Direction,
        opened: tuple[TaskKind, ...],
    ) -> Answer:
        """Record a tap for which nothing is owed; it moves its holder all the same."""
        taps.add_tap(connection, self._vault, tap, book=self._book, signal=Signal.LOCAL, holder=found.holder, direction=direction)
        for kind in opened:
            tasks.open_task(connection, kind, book=self._book, at_ms=tap.now.at_ms, holder=found.holder)
        return _answer(tap, found.profile, Signal.LOCAL, direction)

    def _record_unknown(self, tap: taps.Moment, connection: sqlite3.Connection) -> Answer:
        """Keep a tap that can't become a registration: nobody says whose worker this is, and that is never guessed."""
        is_person = tap.card.kind == EID
        signal, kind = (Signal.HELD, TaskKind.UNKNOWN_PERSON) if is_person else (Signal.UNKNOWN_CARD, TaskKind.UNKNOWN_CARD)
        taps.add_tap(connection, self._vault, tap, book=self._book, signal=signal)
        # One task a card, not a tap.
        note = tasks.card_note(tap.card_index)
        about_ms = tap.now.at_ms if tap.clock.trusted else None
        tasks.open_task(connection, kind, book=self._book, at_ms=tap.now.at_ms, note=note, about_ms=about_ms)
        return Answer(signal=signal, clock=_word(tap), why=documents.UNKNOWN_PERSON if is_person else None)


def _is_lent(tap: taps.Moment, until_ms: int) -> bool:
    """Whether a loan still holds: by a clock that nobody vouches for it may be long over, and another has the card."""
    return tap.clock.trusted and tap.now.at_ms < until_ms


def _at_ms(seen: Card | Identity, clock: ClockReading) -> int:
    """When it was first seen, Unix milliseconds UTC: the clock is read some time later."""
    return clock.wall_ms - (clock.boot_ns - seen.boot_ns) // _NS_PER_MS


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
    return Answer(
        signal=signal,
        ids=ids,
        direction=direction,
        clock=_word(tap),
        since_ms=since_ms,
        name=whose.name,
        language=whose.language,
    )
