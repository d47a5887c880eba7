"""``evidence export``: what is handed out of record and book, page by page; that it was asked for stands in the record first.

A page is given for an export that the record names only, and shows what that one may show.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from kiosk import advice, amendments, evidence, roster, scope, signing, tap_entries, testimony
from kiosk.amendments import SealedRow
from kiosk.days import bounds, day_of
from kiosk.desk import Call, Desk, params, views
from kiosk.desk.book import because_of
from kiosk.errors import Declined, SealBroken, UsageError
from kiosk.evidence import Entry, Kept, Opened
from kiosk.scope import Scope

#: Entries in one read, and registrations in one answer: no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 100
_ENTRIES: Final = 1000
_ROWS: Final = 200
_LONGEST_USER: Final = 64
#: What is handed out, for the record.
_WHAT: Final = "evidence"


def evidence_export(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Begin an export: ``{"uid", "user", "holder"?, "from"?, "until"?, "today"?, "reveal"?, "reason"?}``.

    It is written into the record, with who asked and why, before anything is given out; then the record is signed. The days
    are the site's, both included; ``reveal`` also gives what is personal, and wants a reason.

    Returns:
        ``{"export", "at", "holder", "from", "until", "revealed", "public_key"}``: ``export`` is the number of its entry, which
        is the last one of the chain that is handed out.

    Raises:
        UsageError: No day, no reason, or one with somebody's number in it.
        Declined: There is no such holder.
    """
    params.only(asked, ("uid", "user", "holder", "from", "until", "today", "reveal", "reason"))
    reveal = params.flag(asked, "reveal")
    because = because_of(asked) if reveal or asked.get("reason") is not None else None
    first, last = _days(desk, asked)
    holder = None if asked.get("holder") is None else known_holder(desk, params.number(asked, "holder"))
    zone = ZoneInfo(desk.time_zone)
    facts = {
        "what": _WHAT,
        "uid": asked.get("uid"),
        "revealed": reveal,
        "book": desk.book,
        "holder": holder,
        "from_ms": None if first is None else bounds(first, zone)[0],
        "until_ms": None if last is None else bounds(last, zone)[1],
    }
    number, at_ms = begin(desk, asked, facts=facts, because=because, holder=holder)
    return {
        "export": number,
        "at": views.time(at_ms),
        "holder": holder,
        "from": None if first is None else first.isoformat(),
        "until": None if last is None else last.isoformat(),
        "revealed": reveal,
        "public_key": None if desk.signer is None else desk.signer.public.hex(),
    }


def begin(
    desk: Desk, asked: Mapping[str, object], *, facts: evidence.Content, because: str | None, holder: int | None
) -> tuple[int, int]:
    """Take every tap into the record, then write down what is handed out, and sign; returns the entry's number and time.

    Args:
        desk: The open store.
        asked: ``user``: who asked, by his name on this machine.
        facts: What is handed out.
        because: A human's reason, or None.
        holder: Whose data, where it is one person's.
    """
    at_ms = desk.clock().wall_ms
    tap_entries.chain_all(desk.database, desk.vault, lambda: at_ms)
    subject = "box" if holder is None else f"holder:{holder}"
    user = str(asked.get("user", ""))[:_LONGEST_USER].encode(errors="replace").decode()
    person = {"because": because, "user": user}

    def work(connection: sqlite3.Connection) -> int:
        evidence.record(connection, desk.vault, Entry.EXPORTED, subject, at_ms=at_ms, facts=facts, person=person)
        if desk.signer is not None:
            signing.sign_head(connection, desk.signer, at_ms=at_ms)
        return evidence.head(connection)[0]

    return desk.database.write(work), at_ms


def evidence_lines(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give the next entries of an export, and the signatures that cover them: ``{"export", "after"?}``.

    Returns:
        ``{"items", "signatures", "next"}``: ``items`` as ``testimony.line`` writes them; ``next`` as for ``outbox list``.
    """
    params.only(asked, ("export", "after"))
    number = params.number(asked, "export")
    wanted, revealed = _asked_for(desk, number)
    after = first = params.number(asked, "after") if asked.get("after") is not None else 0
    items: list[dict[str, object]] = []
    while after < number and len(items) < _ENTRIES:
        page = desk.database.read(partial(_page, desk, wanted, after, number))
        # Opened outside the store's lock: taps go on meanwhile.
        items += [
            testimony.line(entry, opened(desk, entry), facts=facts, person=person and revealed) for entry, facts, person in page
        ]
        after = page[-1][0].id if page else number
    covering = desk.database.read(partial(signing.covering, after=first, until=after))
    return {
        "items": items,
        "signatures": [testimony.signature_fields(each) for each in covering],
        "next": after if after < number else None,
    }


def evidence_registrations(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give the next registrations of an export, each with its entries of the record: ``{"export", "after"?, "lang"?}``.

    Returns:
        ``{"items", "next"}``: what ``outbox show`` tells but for free text, which may name somebody; with ``person`` where the
        export may show it.
    """
    params.only(asked, ("export", "after", "lang"))
    number, language = params.number(asked, "export"), params.language(asked)
    wanted, revealed = _asked_for(desk, number)
    after = params.number(asked, "after") if asked.get("after") is not None else 0
    end = desk.database.read(amendments.last_id)
    rows: list[SealedRow] = []
    while after < end and len(rows) <= _ROWS:
        found = desk.database.read(partial(amendments.window, book=desk.book, after=after, state=None))
        rows += [row for row in found if wanted.covers(row.holder, *_span(row))]
        after += amendments.WINDOW
    items = [told(desk, row, number, revealed=revealed, language=language) for row in rows[:_ROWS]]
    return {"items": items, "next": rows[_ROWS - 1].id if len(rows) > _ROWS else None}


def evidence_vouch(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Sign the list of an export's files: ``{"export", "files": {name: SHA-256}}``; null where there is no evidence key."""
    params.only(asked, ("export", "files"))
    number, files = params.number(asked, "export"), asked.get("files")
    _asked_for(desk, number)
    if not isinstance(files, dict):
        raise UsageError("files must be an object")
    if desk.signer is None:
        return {"files_signature": None}
    made = desk.signer.vouch(entry=number, files={str(name): str(digest) for name, digest in files.items()})
    return {"files_signature": {"key": desk.signer.public.hex(), "signature": made.hex()}}


def exported(desk: Desk, number: int, what: str) -> dict[str, object]:
    """What an export is about, by its own entry of the record; raises ``Declined`` where that is no export of this kind."""
    entries = desk.database.read(partial(evidence.window, after=number - 1, size=1))
    content = opened(desk, entries[0]) if entries and entries[0].id == number and entries[0].kind == Entry.EXPORTED else None
    facts = {} if content is None or content.facts is None else dict(content.facts)
    if facts.get("what") != what:
        raise Declined(f"entry {number} of the record is no export of this kind", repair="begin one with the verb's own words")
    return facts


def _asked_for(desk: Desk, number: int) -> tuple[Scope, bool]:
    facts = exported(desk, number, _WHAT)
    scoped = {name: facts[name] for name in ("book", "holder", "from_ms", "until_ms")}
    return Scope(**scoped), bool(facts["revealed"])  # type: ignore[arg-type]  # written below, by the names of its fields


def _page(desk: Desk, wanted: Scope, after: int, until: int, connection: sqlite3.Connection) -> list[tuple[Kept, bool, bool]]:
    entries = evidence.window(connection, after=after, until=until, size=_SLICE)
    return [(entry, *scope.shown(connection, desk.vault, wanted, entry)) for entry in entries]


def opened(desk: Desk, entry: Kept) -> Opened | None:
    """What an entry holds; None where it holds nothing or does not open."""
    try:
        return None if entry.sealed is None else evidence.opened(desk.vault, entry.uid, entry.sealed)
    except SealBroken:
        return None  # `evidence verify` tells it


def told(desk: Desk, row: SealedRow, until: int, *, revealed: bool, language: advice.Language) -> dict[str, object]:
    """Tell one registration with its entries of the record up to this one, for ``accounts``; what is personal where revealed."""
    kept = amendments.unseal(desk.vault, row)
    words = kept.remarks if revealed else advice.known(kept.remarks)
    whole = views.whole_row_fields(
        replace(kept, remarks=words, cancelled_because=kept.cancelled_because if revealed else None), language
    )
    entries = desk.database.read(partial(_about, row=row.id, until=until))
    lines = [testimony.line(each, opened(desk, each), facts=True, person=revealed) for each in entries]
    whole |= {
        "remarks_withheld": len(kept.remarks) - len(words),
        "entries": lines,
        "begun_ms": row.earliest_ms or row.at_ms,
        "ended_ms": row.confirmed_ms or desk.clock().wall_ms,
    }
    if revealed:
        profiles = desk.database.read(partial(roster.profiles_of, vault=desk.vault, holder=row.holder))
        profile = next((each.profile for each in profiles if each.current), None)
        insz = None if kept.draft is None else kept.draft.ssin.digits
        whole["person"] = {"insz": insz, "name": None if profile is None else profile.name or None}
    return whole


def _about(connection: sqlite3.Connection, row: int, until: int) -> list[Kept]:
    entries = evidence.about(connection, f"registration:{row}", until=until)
    for (task,) in connection.execute("SELECT id FROM tasks WHERE registration = ?", (row,)):
        entries += evidence.about(connection, f"task:{task}", until=until)
    return sorted(entries, key=lambda each: each.id)


def _span(row: SealedRow) -> tuple[int | None, int | None]:
    return scope.span(row.at_ms, timed=row.timed, earliest_ms=row.earliest_ms, latest_ms=row.latest_ms)


def known_holder(desk: Desk, holder: int) -> int:
    """This holder; raises ``Declined`` where the roster knows none of that number."""

    def work(connection: sqlite3.Connection) -> bool:
        return roster.added_ms(connection, holder) is not None and not roster.is_forgotten(connection, holder)

    if not desk.database.read(work):
        raise Declined("the roster knows no such holder", repair="`kiosk badge list` shows all of them")
    return holder


def _days(desk: Desk, asked: Mapping[str, object]) -> tuple[date | None, date | None]:
    if params.flag(asked, "today"):
        if asked.get("from") is not None or asked.get("until") is not None:
            raise UsageError("today: it stands for `from` and `until`; leave them out")
        today = day_of(desk.clock().wall_ms, ZoneInfo(desk.time_zone))
        return today, today
    first, last = (None if asked.get(name) is None else params.day(asked, name) for name in ("from", "until"))
    if first is not None and last is not None and last < first:
        raise UsageError("from, until: `until` lies before `from`")
    return first, last


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {
    "evidence export": evidence_export,
    "evidence lines": evidence_lines,
    "evidence registrations": evidence_registrations,
    "evidence vouch": evidence_vouch,
}
