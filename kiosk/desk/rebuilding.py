"""A registration built again from its tap and today's roster: how ``retry`` and ``release`` put right what was wrong."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from kiosk import amendments, roster
from kiosk.amendments import Kept
from kiosk.contract import REPLACED_SSIN
from kiosk.desk import Desk
from kiosk.errors import Declined, SealBroken
from kiosk.model import Coordinates, Direction, Draft, Located, PlaceSource, Profile, Reason, State, moment
from kiosk.rules import Assignment, assign, carried_employer

#: These may be waived: the registration goes as it was built; whether its time allows that is asked before. The others need
#: something else to be put right.
_WAIVED: Final = frozenset({Reason.CLOCK, Reason.LATE, Reason.CHANNEL, Reason.FENCE})
_LACKING: Final = {
    Reason.DECLARATION: (
        "no declaration can be chosen that was valid on the day of the tap",
        "give the holder one (`kiosk holder edit`), or correct [[declaration]] in the configuration",
    ),
    Reason.FENCE: (
        "the box stood where nobody works for any of the declarations",
        "give the holder one (`kiosk holder edit`), or cancel it",
    ),
    Reason.EMPLOYER: (
        "no employer is known",
        "give the holder one (`kiosk holder edit`), or name one in the configuration",
    ),
}


def rebuilt(desk: Desk, connection: sqlite3.Connection, kept: Kept) -> Draft:
    """Build what the tap owes from the present roster; moment, direction and place stay those of the tap.

    An OUT carries its IN's declaration, employer and identity: as that one was or, where it will be built again itself, as it
    will be, so that it does not matter which of the two a human takes first. Only where the service says that the
    identity was replaced does an OUT carry the new one alone.

    Raises:
        Declined: Something still lacks or was not put right, or what must be read does not open.
    """
    try:
        draft, lacking = _draft(desk, connection, kept)
    except SealBroken as error:
        raise Declined(f"registration {kept.row.id}: {error.message}; it can't be built again", repair="cancel it") from None
    if lacking is not None:
        what, repair = _LACKING[lacking]
        raise Declined(f"registration {kept.row.id}: {what}", repair=repair)
    if _is_replaced(kept) and kept.draft is not None and kept.draft.ssin == draft.ssin:
        raise Declined(
            f"registration {kept.row.id}: the service says that this person's INSZ was replaced by another one",
            repair=f"give holder {kept.row.holder} the new one first (`kiosk holder replace-insz {kept.row.holder}`)",
        )
    return draft


def goes_as_it_is(kept: Kept) -> bool:
    """Whether a held registration is sent as it was built once a human lets it go: only a reason that may be waived kept it."""
    return kept.row.reason in _WAIVED and kept.draft is not None and kept.draft.complete() is not None


def _draft(desk: Desk, connection: sqlite3.Connection, kept: Kept) -> tuple[Draft, Reason | None]:
    _, profile = roster.current_profile(connection, desk.vault, kept.row.holder)
    owed = Draft(
        ssin=profile.insz,
        direction=kept.direction,
        at_ms=kept.row.at_ms,
        employer=None,
        place=desk.place if kept.draft is None else kept.draft.place,
        declaration=None,
    )
    origin = kept
    if kept.direction is Direction.OUT:
        stay = amendments.stay_before(connection, desk.vault, book=desk.book, row=kept.row)
        opened = None if stay is None or stay.row is None else amendments.unseal(desk.vault, stay.row)
        if opened is not None and _is_built_again(opened):
            origin = opened
        elif stay is not None and stay.draft.complete() is not None:
            ssin = profile.insz if _is_replaced(kept) else stay.draft.ssin
            return replace(owed, ssin=ssin, employer=stay.draft.employer, declaration=stay.draft.declaration), None
    choice = _choice(desk, profile, origin)
    return replace(owed, employer=choice.employer, declaration=choice.declaration), choice.reason


def _choice(desk: Desk, profile: Profile, origin: Kept) -> Assignment:
    """Choose as of the tap that opened the stay: its reader and its local day, also for an OUT after midnight."""
    day = moment(origin.row.at_ms).astimezone(ZoneInfo(desk.time_zone)).date()
    chosen = None if origin.draft is None else origin.draft.declaration
    # A button's choice is known by nothing but what was built of it; it stands as long as it can.
    is_open = any(term.number == chosen and term.valid_on(day) for term in desk.declarations)
    return assign(
        holder_employer=carried_employer(profile.employer, profile.capacity, desk.self_employed),
        holder_declaration=profile.declaration,
        reader_declaration=desk.reader_declarations.get(origin.row.reader) or (chosen if is_open else None),
        declarations=desk.declarations,
        default_employer=desk.employer,
        day=day,
        fitting=desk.grounds.fitting(desk.declarations, _located(origin)),
    )


def _located(origin: Kept) -> Located | None:
    """Where a receiver found the box at this tap, as far as the row keeps it."""
    place = None if origin.draft is None else origin.draft.place
    if origin.row.place_source != PlaceSource.GPS or not isinstance(place, Coordinates):
        return None
    return Located(place=place, error_meters=origin.row.place_error_m or 0, age_ms=origin.row.place_age_ms or 0)


def _is_built_again(opened: Kept) -> bool:
    """Whether nothing lets this IN go but that it is built again; a time hold is lifted by a healed time alone."""
    if opened.state is State.HELD:
        return not (goes_as_it_is(opened) or opened.row.reason == Reason.CLOCK)
    return opened.state is State.REFUSED


def _is_replaced(kept: Kept) -> bool:
    return kept.state is State.REFUSED and REPLACED_SSIN in (kept.row.reason or "")
