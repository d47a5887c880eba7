"""All SQL about journeys that nobody made: one person at two places, faster than anybody travels. The rule: ``geography``.

The service's search shows what was registered elsewhere, by another box or a telephone, with its place. That place is compared
and not kept: the store need not know where people were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk.elsewhere import Other
from kiosk.errors import SealBroken
from kiosk.geography import Visit, distance_meters, too_fast
from kiosk.model import Coordinates, TaskKind, rfc3339
from kiosk.outbox import Outbox
from kiosk.records import unpack_draft
from kiosk.taps import TIMED
from kiosk.tasks import is_asked, open_once
from kiosk.vault import Field

#: Within it anybody gets from one end of Europe to the other by the rule's own measure; beyond it nothing is impossible.
_WINDOW_MS: Final = 12 * 3_600_000
#: Rows of one person in that time; more are no person's.
_MOST: Final = 50
_NEAR_SQL: Final = (
    "SELECT id, uid, sealed, at_ms, ifnull(place_error_m, 0), ifnull((latest_ms - earliest_ms) / 2, ifnull(clock_bound_ms, 0))"  # noqa: S608
    f" FROM registrations WHERE holder = ? AND +book = ? AND +state <> 'cancelled' AND {TIMED} AND at_ms BETWEEN ? AND ?"
    f" ORDER BY id DESC LIMIT {_MOST}"
)


@dataclass(frozen=True, slots=True)
class _Here:
    """A tap at this box: its row, and the visit that it was."""

    row: int
    visit: Visit


def review(outbox: Outbox, shown: Sequence[Other], *, at_ms: int) -> int:
    """Ask a human about every tap here that can't be the same person's as what was registered elsewhere. Person by person.

    Args:
        outbox: The book.
        shown: What other channels registered, as the service shows it.
        at_ms: The trusted clock, Unix milliseconds UTC.

    Returns:
        How many questions were new.
    """
    asked = 0
    for other in shown:
        place = other.served.place
        if not isinstance(place, Coordinates) or other.served.cancelled:
            continue
        there = Visit(place=place, at_ms=other.at_ms)
        impossible = [here for here in _near(outbox, other) if too_fast(here.visit, there)]
        # Of several taps here the nearest in time says it all.
        nearest = min(impossible, key=lambda here: abs(here.visit.at_ms - there.at_ms), default=None)
        if nearest is not None:
            asked += _ask(outbox, other, nearest, place, at_ms)
    return asked


def _near(outbox: Outbox, other: Other) -> list[_Here]:
    window = (other.at_ms - _WINDOW_MS, other.at_ms + _WINDOW_MS)
    rows = outbox.database.read(lambda connection: connection.execute(_NEAR_SQL, (other.holder, outbox.book, *window)).fetchall())
    found: list[_Here] = []
    for row, uid, sealed, at_ms, error_meters, error_ms in rows:
        try:
            place = unpack_draft(outbox.vault.open(Field.REGISTRATION, uid, sealed)).place
        except SealBroken:
            continue
        if isinstance(place, Coordinates):
            found.append(_Here(row, Visit(place=place, at_ms=at_ms, error_meters=error_meters, error_ms=error_ms)))
    return found


def _ask(outbox: Outbox, other: Other, here: _Here, place: Coordinates, at_ms: int) -> int:
    kilometres = round(distance_meters(here.visit.place, place) / 1000)
    minutes = round(abs(here.visit.at_ms - other.at_ms) / 60_000)
    note = f"registration {other.served.registration_id} at the service, {rfc3339(other.at_ms)}: {kilometres} km in {minutes} min"
    known = partial(is_asked, kind=TaskKind.JOURNEY, book=outbox.book, holder=other.holder, registration=here.row, note=note)
    if outbox.database.read(known):
        return 0
    task = partial(open_once, book=outbox.book, at_ms=at_ms, holder=other.holder, note=note, about_ms=here.visit.at_ms)
    return outbox.database.write(partial(task, kind=TaskKind.JOURNEY, registration=here.row))
