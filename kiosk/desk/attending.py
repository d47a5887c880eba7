"""``report``: a month's movements and the people they are of, page by page; that it was asked for stands in the record first.

Nobody's INSZ is in it, and his name only where it was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from kiosk import evidence, movements, purging
from kiosk.attendance import MARGIN, Channel, Mark, Month, is_alone
from kiosk.desk import Call, Desk, exporting, params, views
from kiosk.errors import SealBroken, UsageError
from kiosk.model import Address, Coordinates, Direction, Draft, Place, Press
from kiosk.movements import PLACES, Moved
from kiosk.records import unpack_draft, unpack_profile
from kiosk.vault import Field

#: Rows in one answer.
_ROWS: Final = 1000
_PEOPLE: Final = 100
#: What is handed out, for the record.
_WHAT: Final = "attendance"
_MARGIN_MS: Final = round(MARGIN.total_seconds() * 1000)
_HOUR: Final = 3600


def month_of(day: date, desk: Desk) -> Month:
    """The month that a day lies in, at this site, looked at now."""
    return Month(
        first=day.replace(day=1),
        zone=ZoneInfo(desk.time_zone),
        now=desk.clock().wall_ms // 1000,
        longest_seconds=round(desk.limits.max_shift_hours * _HOUR),
    )


def report(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Begin a month's report: ``{"month": "2026-11", "names"?, "uid", "user"}``; recorded and signed before anything is given.

    Returns:
        ``{"export", "at", "month", "names", "purged_until", "longest_seconds"}``: up to when the book is not whole any more, or
        null; the longest shift.

    Raises:
        UsageError: It is no month, or one that has not begun.
    """
    params.only(asked, ("month", "names", "uid", "user"))
    month = month_of(_first(asked), desk)
    first, end = month.span
    if first > month.now:
        raise UsageError("month: it has not begun yet", repair="give a month that has, such as the last one")
    names = params.flag(asked, "names")
    facts: evidence.Content = {
        "what": _WHAT,
        "uid": asked.get("uid"),
        "revealed": names,
        "book": desk.book,
        "holder": None,
        "from_ms": first * 1000,
        "until_ms": end * 1000,
    }
    number, at_ms = exporting.begin(desk, asked, facts=facts, because=None, holder=None)
    return {
        "export": number,
        "at": views.time(at_ms),
        "month": f"{month.first:%Y-%m}",
        "names": names,
        "purged_until": views.time(desk.database.read(purging.purged_ms)),
        "longest_seconds": month.longest_seconds,
    }


def report_marks(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give the next movements of one place: ``{"export", "place", "after"?}``.

    Returns:
        ``{"items", "next"}``: the fields of ``attendance.Mark``; ``next`` as for ``outbox list``.
    """
    params.only(asked, ("export", "place", "after"))
    facts = exporting.exported(desk, params.number(asked, "export"), _WHAT)
    place = params.text(asked, "place")
    if place not in PLACES:
        raise UsageError(f"place must be one of {', '.join(PLACES)}")
    from_ms, until_ms = int(str(facts["from_ms"])) - _MARGIN_MS, int(str(facts["until_ms"])) + _MARGIN_MS
    after = params.number(asked, "after") if asked.get("after") is not None else 0
    end = desk.database.read(partial(movements.last_id, place=place))
    items: list[dict[str, object]] = []
    while after < end and len(items) < _ROWS:
        found = desk.database.read(partial(movements.window, place=place, book=desk.book, after=after))
        items += [_mark_fields(_mark(desk, place, row)) for row in found if row.may_lie_in(from_ms, until_ms)]
        after += movements.WINDOW
    return {"items": items, "next": after if after < end else None}


def report_people(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give the next holders: ``{"export", "after"?}``; each with personnel number, and with ``name`` where the report has names."""
    params.only(asked, ("export", "after"))
    named = bool(exporting.exported(desk, params.number(asked, "export"), _WHAT)["revealed"])
    after = params.number(asked, "after") if asked.get("after") is not None else 0
    found = desk.database.read(partial(movements.people, after=after, size=_PEOPLE))
    items: list[dict[str, object]] = []
    for holder, uid, sealed in found:
        try:
            profile = unpack_profile(desk.vault.open(Field.PROFILE, uid, sealed))
        except SealBroken:
            continue  # he goes by his holder's number, like whoever has no other
        name = {"name": profile.name or None} if named else {}
        items.append({"holder": holder, "personnel_number": profile.personnel_number, **name})
    return {"items": items, "next": found[-1][0] if len(found) == _PEOPLE else None}


def _first(asked: Mapping[str, object]) -> date:
    try:
        return date.fromisoformat(f"{params.text(asked, 'month')}-01")
    except ValueError:
        raise UsageError("month must be a year and a month such as 2026-11") from None


def _mark(desk: Desk, place: str, row: Moved) -> Mark:
    mark = Mark(
        holder=row.holder,
        direction=Direction(row.direction),
        second=row.at_ms // 1000,
        state=row.state,
        channel=Channel.OTHER if place == "other_channels" else Channel.BOX,
        row=row.id,
        is_break=row.press == Press.BREAK,
        linked=bool(row.linked),
        alone=is_alone(row.state, timed=bool(row.timed), confirmed=bool(row.confirmed)),
    )
    draft = _draft(desk, row)
    if draft is None:
        return mark
    elsewhere = row.at_site and draft.place != desk.place
    return replace(
        mark,
        site=_words(draft.place) if elsewhere else None,
        declaration=None if draft.declaration is None else draft.declaration.value,
        employer=None if draft.employer is None else draft.employer.value,
    )


def _draft(desk: Desk, row: Moved) -> Draft | None:
    """What the registration says; None where there is none, or its seal does not open: it is told without its works."""
    try:
        return None if row.sealed is None else unpack_draft(desk.vault.open(Field.REGISTRATION, row.uid, row.sealed))
    except SealBroken:
        return None


def _words(place: Place) -> str:
    match place:
        case Coordinates():
            return f"{place.latitude}, {place.longitude}"
        case Address():
            number = place.house_number if place.box_number is None else f"{place.house_number}/{place.box_number}"
            return f"{place.street} {number}, {place.post_code} {place.municipality}"


def _mark_fields(mark: Mark) -> dict[str, object]:
    return {name: getattr(mark, name) for name in Mark.__dataclass_fields__}


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"report": report, "report marks": report_marks, "report people": report_people}
