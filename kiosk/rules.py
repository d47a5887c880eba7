"""The rules that are easy to get wrong, as pure functions and one table (design, section 7). No clock, file or socket."""

from __future__ import annotations

from collections.abc import Set  # noqa: PYI025  the abstract one
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, assert_never

from kiosk.geography import Fence
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import Capacity, Carried, Direction, Press, ReaderDirection, Reason, TaskKind

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 3_600_000
#: Two registrations of one person and direction no further apart are taken for one presence, made by two channels: somebody
#: who was in doubt at the gate takes his telephone within a break at most. As for linked cards (design, section 7).
SAME_PRESENCE_MS: Final = 30 * _MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The times that decide a direction; see ``[rules]`` in the configuration for their ranges."""

    debounce_seconds: float = 60
    minimum_stay_minutes: float = 5
    ask_after_hours: float = 10
    max_shift_hours: float = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTap:
    """The holder's newest tap that counts.

    Attributes:
        direction: What it was.
        at_ms: When, Unix milliseconds UTC.
        boot_ns: The boot clock then.
        boot_id: Which boot that was.
    """

    direction: Direction
    at_ms: int
    boot_ns: int
    boot_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The moment of the tap to decide, by the same clocks as ``LastTap``."""

    at_ms: int
    boot_ns: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Already:
    """Nothing new is recorded: a repeat, or inside the minimum stay; already in or out since ``since_ms``."""

    since_ms: int
    direction: Direction


@dataclass(frozen=True, slots=True)
class Record:
    """A tap to record in this direction, with the tasks that it opens."""

    direction: Direction
    tasks: tuple[TaskKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Switch:
    """Out of the declaration of the open stay and into another: one tap, two registrations of the same second."""


Decision = Already | Record | Switch


def decide(
    reader: ReaderDirection, press: Press | None, last: LastTap | None, now: Now, limits: Limits, *, elsewhere: bool = False
) -> Decision:
    """Decide what a tap of a known holder is.

    A press overrides a toggle reader, never a fixed one (design, section 7, direction).

    Args:
        reader: The reader's configured direction.
        press: A button pressed within the last ten seconds, or None.
        last: The holder's newest tap that counts, or None: everybody starts out.
        now: The moment of this tap.
        limits: The configured times.
        elsewhere: The reader names another declaration than the open stay's.
    """
    wish = _wish(reader, press)
    elapsed_ms = _elapsed_ms(last, now)
    if last is not None and _is_repeat(wish, last, elapsed_ms, limits):
        return Already(last.at_ms, last.direction)
    inside = last is not None and last.direction is Direction.IN
    stale = inside and elapsed_ms > limits.max_shift_hours * _HOUR_MS
    if not inside or last is None:
        return _when_out(wish)
    if elsewhere and not stale and wish is not ReaderDirection.OUT:
        return Switch()
    match wish:
        case ReaderDirection.OUT:
            return Record(Direction.OUT)
        case ReaderDirection.IN:
            return Record(Direction.IN, (TaskKind.MISSING_OUT,)) if stale else Already(last.at_ms, last.direction)
        case ReaderDirection.TOGGLE:
            return _toggle_inside(last, elapsed_ms, limits, stale=stale)
        case _:
            assert_never(wish)


def _wish(reader: ReaderDirection, press: Press | None) -> ReaderDirection:
    if reader is not ReaderDirection.TOGGLE or press is None:
        return reader
    return ReaderDirection.IN if press is Press.IN else ReaderDirection.OUT


def is_long(last: LastTap, now: Now, limits: Limits) -> bool:
    """Whether so much time has passed since this IN that an OUT now is asked about, or was asked for."""
    return _elapsed_ms(last, now) > limits.ask_after_hours * _HOUR_MS


def _elapsed_ms(last: LastTap | None, now: Now) -> float:
    """Time since the last tap: by the boot clock within a boot, by the wall clock across boots; negative is no repeat."""
    if last is None:
        return float("inf")
    if last.boot_id == now.boot_id:
        return (now.boot_ns - last.boot_ns) / 1_000_000
    return now.at_ms - last.at_ms


def _is_repeat(wish: ReaderDirection, last: LastTap, elapsed_ms: float, limits: Limits) -> bool:
    if not 0 <= elapsed_ms < limits.debounce_seconds * 1000:
        return False
    return wish is ReaderDirection.TOGGLE or wish.value == last.direction.value


def _when_out(wish: ReaderDirection) -> Record:
    if wish is ReaderDirection.OUT:
        return Record(Direction.OUT, (TaskKind.MISSING_IN,))
    return Record(Direction.IN)


def _toggle_inside(last: LastTap, elapsed_ms: float, limits: Limits, *, stale: bool) -> Decision:
    if stale:
        return Record(Direction.IN, (TaskKind.MISSING_OUT,))
    if 0 <= elapsed_ms < limits.minimum_stay_minutes * _MINUTE_MS:
        return Already(last.at_ms, last.direction)
    if elapsed_ms > limits.ask_after_hours * _HOUR_MS:
        return Record(Direction.OUT, (TaskKind.LONG_STAY,))
    return Record(Direction.OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationTerm:
    """A configured declaration, the local days, both inclusive, on which it is valid, and the fence round its own place."""

    number: DeclarationNumber
    employer: Employer | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    fence: Fence | None = None

    def valid_on(self, day: date | None) -> bool:
        """Whether a tap on this local day may use it; ``valid_until`` ends at local midnight of that day.

        On a day that is not known (the clock is not trusted yet) every declaration may be the right one.
        """
        if day is None:
            return True
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Whose worker, for which declaration; ``reason`` says why it is held when one of them lacks."""

    employer: Employer | None
    declaration: DeclarationNumber | None
    reason: Reason | None = None


def carried_employer(profile_employer: Employer | None, capacity: Capacity, carried: Carried) -> Employer | None:
    """A holder's own number where ``employer`` carries it, else None: then the declaration's or the default goes out.

    The law asks for "the identification of the employer or, for the self-employed, of the principal"; whose number the
    service's field takes for them is unsettled until its description is at hand (facts, rsz-service, section 4). An
    agency's worker goes under the agency's number, with the client's declaration (section 4.1).
    """
    match capacity:
        case Capacity.EMPLOYEE | Capacity.AGENCY | Capacity.TRAINEE:
            return profile_employer
        case Capacity.SELF_EMPLOYED:
            return profile_employer if carried is Carried.OWN else None
        case other:
            assert_never(other)


def assign(
    *,
    holder_employer: Employer | None,
    holder_declaration: DeclarationNumber | None,
    reader_declaration: DeclarationNumber | None,
    declarations: tuple[DeclarationTerm, ...],
    default_employer: Employer | None,
    day: date | None,
    fitting: frozenset[DeclarationNumber] | None = None,
) -> Assignment:
    """Choose declaration and employer of an IN, or find that a human must (design, section 6).

    Declaration: the holder's, else the reader's, else the only valid one, or the only one of those whose place this is.
    Employer: the holder's, else the declaration's, else the default. None is ever guessed.

    Args:
        holder_employer: From the roster, by ``carried_employer``, or None.
        holder_declaration: From the roster, or None.
        reader_declaration: From the reader's configuration, or None.
        declarations: All configured ones.
        default_employer: From ``[employer]``, or None.
        day: The tap's local day at the site, or None while the clock can't tell.
        fitting: Those whose fence the box stands in, or None where nobody knows where it stands.
    """
    valid = {term.number: term for term in declarations if term.valid_on(day)}
    wanted = holder_declaration or reader_declaration
    if wanted is None:
        wanted = _only(valid.keys(), fitting)
    term = None if wanted is None else valid.get(wanted)
    employer = holder_employer or (term.employer if term else None) or default_employer
    if term is None:
        astray = wanted is None and fitting is not None and valid and not fitting & valid.keys()
        return Assignment(employer=employer, declaration=None, reason=Reason.FENCE if astray else Reason.DECLARATION)
    if employer is None:
        return Assignment(employer=None, declaration=term.number, reason=Reason.EMPLOYER)
    return Assignment(employer=employer, declaration=term.number)


def _only(valid: Set[DeclarationNumber], fitting: frozenset[DeclarationNumber] | None) -> DeclarationNumber | None:
    """The only valid declaration, or the only one of several whose place this is; two that fit are a human's choice."""
    candidates = valid if len(valid) == 1 or fitting is None else valid & fitting
    return next(iter(candidates)) if len(candidates) == 1 else None


def is_same_presence(direction: Direction, at_ms: int, other: Direction, other_ms: int) -> bool:
    """Whether one person's registration by another channel is most likely this one; moments in Unix milliseconds UTC."""
    return direction is other and abs(at_ms - other_ms) <= SAME_PRESENCE_MS


class Standing(StrEnum):
    """Where the presence list puts a holder."""

    HERE = "here"
    ON_BREAK = "on_break"
    LEFT = "left"
    GONE = "gone"


#: How long somebody who left stays on the presence list: he may still be on the stairs (design, section 6, ``present``).
LEFT_WITHIN_MS: Final = 15 * _MINUTE_MS


def standing(direction: Direction, press: Press | None, *, at_ms: int, now_ms: int) -> Standing:
    """Where the presence list puts a holder whose newest tap that counts is this one."""
    if direction is Direction.IN:
        return Standing.HERE
    if press is Press.BREAK:
        return Standing.ON_BREAK
    return Standing.LEFT if now_ms - at_ms <= LEFT_WITHIN_MS else Standing.GONE
