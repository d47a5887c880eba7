"""``holder export``: everything that this box holds of one person, told to him at his request (GDPR, article 15).

Page by page, each for an export that the record names; everything of his own is told in clear, and nobody else is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from kiosk import erasure, evidence, roster
from kiosk.desk import Call, Desk, erasing, exporting, params, views
from kiosk.desk.book import because_of
from kiosk.erasure import PLACES
from kiosk.errors import SealBroken, UsageError
from kiosk.evidence import Entry, Kept
from kiosk.model import Draft, Profile
from kiosk.records import unpack_card, unpack_draft, unpack_located, unpack_profile, unpack_remarks
from kiosk.vault import Field

#: Rows in one read; and rows and entries in one answer.
_SLICE: Final = 50
_ROWS: Final = 500
_ENTRIES: Final = 2000
#: What is handed out, for the record.
_WHAT: Final = "person"
#: Milliseconds that are no moment.
_DURATIONS: Final = ("clock_bound_ms", "place_age_ms")
#: Moments whose names say so.
_MOMENTS: Final = ("at", "valid_from")
#: Whom an entry names that is about somebody else: who asked for an export.
_OTHERS: Final = ("user",)


def holder_export(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Begin to tell a person's data: ``{"holder", "reason", "uid", "user"}``; recorded and signed before anything is given.

    Returns:
        ``{"export", "at", "holder", "added_at", "rows"}``: ``rows`` are the places with how many rows each has.

    Raises:
        UsageError: No reason, or one with somebody's number in it.
        Declined: There is no such holder.
    """
    params.only(asked, ("holder", "reason", "uid", "user"))
    because = because_of(asked)
    holder = exporting.known_holder(desk, params.number(asked, "holder"))
    facts = {"what": _WHAT, "uid": asked.get("uid"), "revealed": True, "holder": holder}
    number, at_ms = exporting.begin(desk, asked, facts=facts, because=because, holder=holder)
    stands = desk.database.read(partial(erasure.standing, book=desk.book, holder=holder, since_ms=at_ms))
    return {
        "export": number,
        "at": views.time(at_ms),
        "holder": holder,
        "added_at": views.time(desk.database.read(partial(roster.added_ms, holder=holder))),
        "rows": stands.counts,
    }


def holder_rows(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give the next rows of one place: ``{"export", "place", "after"?}``; ``{"items", "next"}`` as for ``outbox list``."""
    params.only(asked, ("export", "place", "after"))
    holder = _holder(desk, asked)
    place = params.text(asked, "place")
    if place not in PLACES:
        raise UsageError(f"place must be one of {', '.join(PLACES)}")
    after = params.number(asked, "after") if asked.get("after") is not None else 0
    rows: list[dict[str, Any]] = []
    while len(rows) < _ROWS:
        page = desk.database.read(partial(erasure.page, place=place, holder=holder, after=after, size=_SLICE))
        rows += page
        if len(page) < _SLICE:
            return {"items": [_told(desk, place, row) for row in rows], "next": None}
        after = page[-1]["id"]
    return {"items": [_told(desk, place, row) for row in rows], "next": after}


def holder_entries(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give the next entries of the record about him, and of exports that may have had him in: ``{"export", "after"?}``."""
    params.only(asked, ("export", "after"))
    holder, number = _holder(desk, asked), params.number(asked, "export")
    after = params.number(asked, "after") if asked.get("after") is not None else 0
    his = erasing.subjects(desk, holder)
    items: list[dict[str, object]] = []
    while entries := desk.database.read(partial(evidence.window, after=after, until=number, size=_SLICE)):
        for entry in entries:
            if entry.subject in his:
                items.append(_entry(desk, entry, person=True))
            elif entry.kind == Entry.EXPORTED and entry.subject == "box":
                items.append(_entry(desk, entry, person=False))
        after = entries[-1].id
        if len(items) >= _ENTRIES:
            return {"items": items, "next": after}
    return {"items": items, "next": None}


def _holder(desk: Desk, asked: Mapping[str, object]) -> int:
    return int(str(exporting.exported(desk, params.number(asked, "export"), _WHAT)["holder"]))


def _told(desk: Desk, place: str, row: Mapping[str, Any]) -> dict[str, object]:
    """A row as JSON values: moments as times, seals opened; what only looks rows up is left out."""
    told: dict[str, object] = {}
    for name, value in row.items():
        if name.endswith("_ms") and name not in _DURATIONS:
            moment = name.removesuffix("_ms")
            told[moment if moment in _MOMENTS else f"{moment}_at"] = views.time(value)
        elif not isinstance(value, bytes):
            told[name] = value
    try:
        told |= _opened(desk, place, row)
    except SealBroken:
        told["damaged"] = True
    return told


def _opened(desk: Desk, place: str, row: Mapping[str, Any]) -> dict[str, object]:
    match place:
        case "profiles":
            return _profile(unpack_profile(desk.vault.open(Field.PROFILE, row["uid"], row["sealed"])))
        case "badges" | "taps":
            field = Field.BADGE if place == "badges" else Field.TAP
            plain = desk.vault.open(field, row["uid"], row["sealed"])
            located = unpack_located(plain)
            there = {} if located is None else {"place": asdict(located.place)}
            return {"card": unpack_card(plain).written, **there}
        case "registrations" | "other_channels":
            remarks = row.get("remarks")
            words = () if remarks is None else unpack_remarks(desk.vault.open(Field.REMARKS, row["uid"], remarks))
            draft = unpack_draft(desk.vault.open(Field.REGISTRATION, row["uid"], row["sealed"]))
            return {**_draft(draft), "remarks": list(words)}
        case _:
            return {}


def _profile(profile: Profile) -> dict[str, object]:
    return {**views.profile_fields(profile), "insz": profile.insz.digits}


def _draft(draft: Draft) -> dict[str, object]:
    return {
        "insz": draft.ssin.digits,
        "employer": None if draft.employer is None else draft.employer.value,
        "declaration": None if draft.declaration is None else draft.declaration.value,
        "place": asdict(draft.place),
    }


def _entry(desk: Desk, entry: Kept, *, person: bool) -> dict[str, object]:
    content = exporting.opened(desk, entry)
    told: dict[str, object] = {"id": entry.id, "at": views.time(entry.at_ms), "kind": entry.kind, "subject": entry.subject}
    if content is not None and content.facts is not None:
        told["facts"] = content.facts
    if content is not None and content.person is not None and person:
        told["person"] = {name: value for name, value in content.person.items() if name not in _OTHERS}
    return told


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"holder export": holder_export, "holder rows": holder_rows, "holder entries": holder_entries}
