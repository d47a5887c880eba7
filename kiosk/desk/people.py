"""The verbs about badges and the people behind them. Names are shown: whoever may use the control socket is the admin."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from hardware.ports import Card
from kiosk import badges, evidence, roster, taps, tasks
from kiosk.badge_fields import FIELDS, Given, Mistakes, parse_given, parse_insz
from kiosk.badge_lines import Numbered, parse_lines
from kiosk.badges import Badge, Chip
from kiosk.desk import Call, Desk, enrolment, params, views
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.identifiers import CardId, Insz
from kiosk.model import Capacity, Direction, Profile, TaskKind, Trust, rfc3339

_EDITABLE: Final = tuple(name for name in FIELDS if name not in {"card", "insz"})
_WHO: Final = ("holder", "card")


def badge_add(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give badges to people, all or none: ``{"lines": [object or its text, ...]}``.

    Returns:
        ``{"items": [{"id", "holder", "card", "line", "added"}]}``; ``added`` is false where nothing had to be done for the badge.

    Raises:
        UsageError: Bad lines, all of them.
        Declined: Cards of other holders, all of them.
    """
    params.only(asked, ("lines",))
    lines = asked.get("lines")
    if not isinstance(lines, list):
        raise UsageError("lines must be a list of objects")
    read = parse_lines(lines)
    if not read:
        raise UsageError("no badge was given", repair='write one JSON object a line, for instance {"card": "04...", "insz": "..."}')
    applied = sorted(enrolment.apply(desk, read), key=lambda one: one.came.badge)
    return {"items": [enrolment.fields(one) for one in applied]}


def badge_enroller(desk: Desk, person: Mapping[str, object]) -> Callable[[Card], dict[str, object]]:
    """Check what is known of a person before his card is waited for.

    Args:
        desk: The store.
        person: The fields of ``badge add`` without ``card``.

    Returns:
        What makes a badge of a card: it returns ``{"id", "holder", "card", "kind", "technology", "trust", "added"}``, and raises
        ``Declined`` for a card of another holder.

    Raises:
        UsageError: Bad fields, all of them.
    """
    mistakes = Mistakes()
    given = parse_given(person, "", mistakes)
    if given.insz is None and not mistakes.sentences:
        mistakes.add("insz", "is missing")
    mistakes.raise_any()

    def enrol(card: Card) -> dict[str, object]:
        if not Trust(card.trust).reaches(desk.minimum_trust):
            raise Declined(
                "this card can be copied, and this site asks for more ([rules] minimum_trust)", repair="take one that proves a key"
            )
        # What can be nobody's badge the reader has refused before.
        line = given.line_of(CardId(card.kind, card.identifier))
        if line is None:
            raise AssertionError("an INSZ was given")
        chip = Chip(technology=card.technology, trust=Trust(card.trust))
        (one,) = enrolment.apply(desk, [Numbered(1, line)], chip=chip)
        told = {name: value for name, value in enrolment.fields(one).items() if name != "line"}
        return {**told, "kind": card.kind, "technology": chip.technology, "trust": chip.trust.value}

    return enrol


def badge_list(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell the whole roster, a badge a row, by ascending id."""
    params.only(asked, ())
    return {
        "items": [
            {
                **views.badge_fields(badge),
                **views.profile_fields(dated.profile),
                "damaged": badge.card is None or dated.profile is None,
            }
            for badge, dated in enrolment.everybody(desk)
        ]
    }


def badge_revoke(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Take a badge out of use: ``{"card"}`` or ``{"id"}``; one that is revoked already stays as it is.

    An open stay stays open; when no other badge of the holder can close it, that is a task.

    Raises:
        Declined: The roster does not know it.
    """
    params.only(asked, ("card", "id"))
    by_id = params.one_of(asked, ("card", "id")) == "id"
    number, card = (params.number(asked, "id"), None) if by_id else (0, params.card(asked))
    at_ms = desk.clock().wall_ms

    def work(connection: sqlite3.Connection) -> Badge:
        badge = badges.by_id(connection, desk.vault, number) if card is None else badges.by_card(connection, desk.vault, card)
        if badge is None:
            raise Declined("the roster knows no such badge", repair="`kiosk badge list` shows all of them")
        if badge.revoked_ms is not None:
            return badge
        badges.revoke(connection, badge.id, at_ms=at_ms)
        evidence.record(connection, desk.vault, Entry.BADGE_REVOKED, f"badge:{badge.id}", at_ms=at_ms)
        _tell_open_stay(desk, connection, badge.holder, at_ms)
        return replace(badge, revoked_ms=at_ms)

    return views.badge_fields(desk.database.write(work))


def holder_show(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell what the roster knows and knew of a holder, named by id, badge or any INSZ he ever had.

    Raises:
        Declined: There is no such holder.
    """
    who = (*_WHO, "insz")
    params.only(asked, who)
    given = _insz(asked) if params.one_of(asked, who) == "insz" else None

    def work(connection: sqlite3.Connection) -> dict[str, object]:
        holder = _holder(desk, connection, asked, given)
        return _told(desk, connection, holder)

    return desk.database.read(work)


def holder_edit(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Correct a holder from now on: a field given is set, an empty one is cleared, one left out stays.

    Returns:
        What ``holder show`` tells, and ``changed``.

    Raises:
        UsageError: Bad fields, all of them.
        Declined: There is no such holder.
    """
    params.only(asked, (*_WHO, *_EDITABLE))
    params.one_of(asked, _WHO)
    fields = {name: asked[name] for name in _EDITABLE if name in asked}
    if not fields:
        raise UsageError("nothing to change was given", repair=f"give one or more of {', '.join(_EDITABLE)}")
    mistakes = Mistakes()
    given = parse_given(fields, "", mistakes)
    mistakes.raise_any()
    return _change(desk, asked, lambda before: _edited(before, given, frozenset(fields)), Entry.HOLDER_EDITED)


def holder_replace_insz(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give a holder the number that replaces his INSZ from now on; by the old one he is still found.

    Returns:
        What ``holder show`` tells, and ``changed``.

    Raises:
        UsageError: It is no INSZ.
        Declined: There is no such holder, or the number is or was another holder's.
    """
    params.only(asked, (*_WHO, "insz"))
    params.one_of(asked, _WHO)
    insz = _insz(asked)
    return _change(desk, asked, lambda before: replace(before, insz=insz), Entry.INSZ_REPLACED, claimed=insz)


def _insz(asked: Mapping[str, object]) -> Insz:
    try:
        return parse_insz(params.text(asked, "insz"))
    except ValueError as error:
        raise UsageError(f"insz: {error}") from None


def _tell_open_stay(desk: Desk, connection: sqlite3.Connection, holder: int, at_ms: int) -> None:
    """Open the task that a revoked badge leaves, unless another badge of the holder can still close the stay."""
    newest = taps.newest_tap(connection, book=desk.book, holder=holder)
    if newest is None or newest.last.direction is not Direction.IN:
        return
    if any(badge.revoked_ms is None for badge in badges.of_holder(connection, desk.vault, holder)):
        return
    tasks.open_task(
        connection,
        TaskKind.REVOKED_OPEN_STAY,
        book=desk.book,
        at_ms=at_ms,
        registration=newest.registration,
        holder=holder,
        about_ms=newest.presence_ms,
    )


def _holder(desk: Desk, connection: sqlite3.Connection, asked: Mapping[str, object], insz: Insz | None = None) -> int:
    if insz is not None:
        holder = roster.holder_of_insz(connection, desk.vault, insz)
    elif asked.get("card") is not None:
        holder = badges.holder_of(connection, desk.vault, params.card(asked))
    else:
        holder = params.number(asked, "holder")
    if holder is None or roster.added_ms(connection, holder) is None or roster.is_forgotten(connection, holder):
        raise Declined("the roster knows no such holder", repair="`kiosk badge list` shows all of them")
    return holder


def _told(desk: Desk, connection: sqlite3.Connection, holder: int) -> dict[str, object]:
    profiles = roster.profiles_of(connection, desk.vault, holder)
    current = next((dated for dated in profiles if dated.current), None)
    newest = taps.newest_tap(connection, book=desk.book, holder=holder)
    inside = newest is not None and newest.last.direction is Direction.IN
    return {
        "id": holder,
        "added_at": rfc3339(roster.added_ms(connection, holder) or 0),
        **views.profile_fields(current.profile if current else None),
        "open_stay": {"registration": newest.registration, "since": rfc3339(newest.last.at_ms)} if newest and inside else None,
        "profiles": [views.dated_fields(dated) for dated in profiles],
        "badges": [views.badge_fields(badge) for badge in badges.of_holder(connection, desk.vault, holder)],
    }


def _change(
    desk: Desk, asked: Mapping[str, object], change: Callable[[Profile], Profile], entry: Entry, *, claimed: Insz | None = None
) -> dict[str, object]:
    at_ms = desk.clock().wall_ms

    def work(connection: sqlite3.Connection) -> dict[str, object]:
        holder = _holder(desk, connection, asked)
        if claimed is not None and roster.holder_of_insz(connection, desk.vault, claimed) not in (None, holder):
            raise Declined("this INSZ is or was another holder's", repair="`kiosk holder show` by that INSZ tells whose")
        current, profile = roster.current_profile(connection, desk.vault, holder)
        changed = roster.change_profile(connection, desk.vault, holder, change(profile), at_ms=at_ms)
        if changed != current:
            facts: dict[str, object] = {"profile": changed}
            evidence.record(connection, desk.vault, entry, f"holder:{holder}", at_ms=at_ms, facts=facts)
        return {**_told(desk, connection, holder), "changed": changed != current}

    return desk.database.write(work)


def _edited(before: Profile, given: Given, named: frozenset[str]) -> Profile:
    """Set what was named, also to nothing; what was not named stays."""
    by_number = named & {"enterprise_number", "foreign_vat_number"}
    return replace(
        before,
        name=(given.name or "") if "name" in named else before.name,
        language=given.language if "language" in named else before.language,
        employer=given.employer if by_number else before.employer,
        declaration=given.declaration if "declaration" in named else before.declaration,
        personnel_number=given.personnel_number if "personnel_number" in named else before.personnel_number,
        capacity=(given.capacity or Capacity.EMPLOYEE) if "capacity" in named else before.capacity,
        local=bool(given.local) if "local" in named else before.local,
    )


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {
    "badge add": badge_add,
    "badge list": badge_list,
    "badge revoke": badge_revoke,
    "holder show": holder_show,
    "holder edit": holder_edit,
    "holder replace-insz": holder_replace_insz,
}
