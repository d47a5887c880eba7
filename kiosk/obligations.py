"""What a tap owes: the registration of its arrival or departure, or nothing at all. Chooses, and writes nothing."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from kiosk import outbox, rules, taps
from kiosk.errors import SealBroken
from kiosk.geography import Fence
from kiosk.grounds import grounds
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import Carried, Direction, Draft, Place, Profile, ReaderDirection, Reason, State, Trust
from kiosk.records import group_bytes
from kiosk.vault import Index, Vault


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
        place: Where the box stands, where no receiver says it.
        zone: The site's time zone: the dates of declarations are local.
        declarations: The configured declarations.
        employer: The default employer, or None.
        limits: The times that decide a direction.
        local_only: Nothing is owed here for anybody.
        self_employed: Whose number ``employer`` carries for the self-employed.
        fence: Where the box may stand, or None: anywhere. A declaration with a place of its own has its own fence.
        minimum_trust: What a card must prove to register anybody here.
    """

    place: Place
    zone: ZoneInfo
    declarations: tuple[rules.DeclarationTerm, ...]
    employer: Employer | None
    limits: rules.Limits
    local_only: bool = False
    self_employed: Carried = Carried.PRINCIPAL
    fence: Fence | None = None
    minimum_trust: Trust = Trust.UID


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A registration on its way into the book; ``waits`` when it needs a human, and the worker is told so."""

    draft: Draft
    state: State
    reason: Reason | None
    group: bytes | None
    waits: bool


class Obligations:
    """Chooses what each tap of a known holder owes. Safe to use from every reader's thread.

    Args:
        vault: The store's keys.
        book: The current book's id.
        site: The tap path's slice of the configuration.
    """

    def __init__(self, *, vault: Vault, book: int, site: Site) -> None:
        self._vault = vault
        self._book = book
        self._site = site
        self._grounds = grounds(site.place, site.fence, site.declarations)
        self._groups: dict[tuple[Employer, DeclarationNumber], bytes] = {}

    def are_none(self, direction: Direction, profile: Profile, newest: taps.Newest | None) -> bool:
        """Whether nothing is owed: an IN by today's site and holder, an OUT as its IN was."""
        if direction is Direction.OUT and newest is not None and newest.last.direction is Direction.IN:
            return newest.source is taps.Source.LOCAL
        return self._is_free(profile)

    def arrival(self, connection: sqlite3.Connection, tap: taps.Moment, gate: Gate, profile: Profile) -> Owed:
        """What an IN owes: chosen afresh."""
        return self._placed(connection, tap, *self._chosen(tap, gate, profile, Direction.IN))

    def departure(
        self, connection: sqlite3.Connection, tap: taps.Moment, gate: Gate, profile: Profile, stay: Draft | SealBroken | None
    ) -> Owed:
        """What an OUT owes: the declaration, employer and identity of its IN; without one it is chosen like an IN."""
        if isinstance(stay, Draft):
            place = self._grounds.place_of(stay.declaration, tap.located)
            draft = replace(stay, direction=Direction.OUT, at_ms=tap.now.at_ms, place=place)
            lacking = Reason.DECLARATION if stay.declaration is None else Reason.EMPLOYER if stay.employer is None else None
            return self._placed(connection, tap, draft, lacking)
        draft, lacking = self._chosen(tap, gate, profile, Direction.OUT)
        return self._placed(connection, tap, draft, lacking if stay is None else Reason.SEAL)

    def _chosen(self, tap: taps.Moment, gate: Gate, profile: Profile, direction: Direction) -> tuple[Draft, Reason | None]:
        choice = rules.assign(
            holder_employer=rules.carried_employer(profile.employer, profile.capacity, self._site.self_employed),
            holder_declaration=profile.declaration,
            reader_declaration=gate.declaration,
            declarations=self._site.declarations,
            default_employer=self._site.employer,
            day=self._day(tap),
            fitting=self._grounds.fitting(self._site.declarations, tap.located),
        )
        draft = Draft(
            ssin=profile.insz,
            direction=direction,
            at_ms=tap.now.at_ms,
            employer=choice.employer,
            declaration=choice.declaration,
            place=self._grounds.place_of(choice.declaration, tap.located),
        )
        return draft, choice.reason

    def _placed(self, connection: sqlite3.Connection, tap: taps.Moment, draft: Draft, lacking: Reason | None) -> Owed:
        """The state in which a draft enters the book; ``lacking`` says why it is held."""
        if lacking is not None or draft.employer is None or draft.declaration is None:
            return Owed(draft=draft, state=State.HELD, reason=lacking, group=None, waits=True)
        if self._grounds.is_outside(draft.declaration, tap.located):
            return Owed(draft=draft, state=State.HELD, reason=Reason.FENCE, group=None, waits=True)
        group = self._group(draft.employer, draft.declaration)
        paused = outbox.is_paused(connection, self._book, group)
        # The clock goes first: the end of a pause must not send what still waits for its true time.
        reason = Reason.CLOCK if not tap.clock.trusted else Reason.GROUP if paused else None
        return Owed(draft=draft, state=State.QUEUED, reason=reason, group=group, waits=paused)

    def _group(self, employer: Employer, declaration: DeclarationNumber) -> bytes:
        known = self._groups.get((employer, declaration))
        if known is None:
            known = self._groups[employer, declaration] = self._vault.index(Index.GROUP, group_bytes(employer, declaration))
        return known

    def stay(self, newest: taps.Newest | None) -> Draft | SealBroken | None:
        """The open stay's IN; a damaged one costs its own two rows and must not keep its person from tapping."""
        try:
            return taps.stay_of(self._vault, newest)
        except SealBroken as broken:
            return broken

    def is_elsewhere(self, tap: taps.Moment, gate: Gate, profile: Profile, stay: Draft | SealBroken | None) -> bool:
        """Whether this reader names another declaration than the open stay's; a holder's own declaration goes before a reader's.

        Who owes nothing now has nothing to switch to: he leaves what he came under.
        """
        if self._is_free(profile) or profile.declaration is not None:
            return False
        if gate.declaration is None or not isinstance(stay, Draft):
            return False
        if stay.declaration is not None:
            return stay.declaration != gate.declaration
        # A stay that is held for want of a declaration: where the reader's is not valid it would switch at every tap, never leave.
        return any(term.number == gate.declaration and term.valid_on(self._day(tap)) for term in self._site.declarations)

    def _is_free(self, profile: Profile) -> bool:
        return self._site.local_only or profile.local

    def _day(self, tap: taps.Moment) -> date | None:
        return datetime.fromtimestamp(tap.now.at_ms / 1000, self._site.zone).date() if tap.clock.trusted else None
