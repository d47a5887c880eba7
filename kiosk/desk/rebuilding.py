"""A registration built again from its tap and today's roster: how ``retry`` and ``release`` put right what was wrong."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import Final
from zoneinfo import ZoneInfo

from kiosk import amendments, roster
from kiosk.amendments import Kept
from kiosk.desk import Desk
from kiosk.errors import Declined, SealBroken
from kiosk.model import Direction, Draft, Reason, moment
from kiosk.rules import assign, carried_employer

_LACKING: Final = {
    Reason.DECLARATION: (
        "no declaration can be chosen that was valid on the day of the tap",
        "give the holder one (`kiosk holder edit`), or correct [[declaration]] in the configuration",
    ),
    Reason.EMPLOYER: (
        "no employer is known",
        "give the holder one (`kiosk holder edit`), or name one in the configuration",
    ),
}


def rebuilt(desk: Desk, connection: sqlite3.Connection, kept: Kept) -> Draft:
    """Build what the tap owes from the present roster; moment, direction and place stay those of the tap.

    An OUT carries its IN's declaration, employer and identity.

    Raises:
        Declined: Something still lacks, or what must be read does not open.
    """
    try:
        draft, lacking = _draft(desk, connection, kept)
    except SealBroken as error:
        raise Declined(f"registration {kept.row.id}: {error.message}; it can't be built again", repair="cancel it") from None
    if lacking is not None:
        what, repair = _LACKING[lacking]
        raise Declined(f"registration {kept.row.id}: {what}", repair=repair)
    return draft


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
    stay = None
    if kept.direction is Direction.OUT:
        stay = amendments.stay_before(connection, desk.vault, book=desk.book, row=kept.row)
    if stay is not None:
        owed = replace(owed, ssin=stay.ssin, employer=stay.employer, declaration=stay.declaration)
    if owed.complete() is not None:
        return owed, None
    # An IN that lacks something itself is chosen as of its own day, also for its OUT after midnight.
    choice = assign(
        holder_employer=carried_employer(profile.employer, profile.capacity, desk.self_employed),
        holder_declaration=profile.declaration,
        reader_declaration=desk.reader_declarations.get(kept.row.reader),
        declarations=desk.declarations,
        default_employer=desk.employer,
        day=moment(kept.row.at_ms if stay is None else stay.at_ms).astimezone(ZoneInfo(desk.time_zone)).date(),
    )
    return replace(owed, employer=choice.employer, declaration=choice.declaration), choice.reason
