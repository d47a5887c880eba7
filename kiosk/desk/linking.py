"""Cards that nobody knew, linked to a person afterwards: for the future at once, for the past once he confirmed it himself."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from kiosk import amendments, badges, evidence, links, loans, roster, tasks
from kiosk.badges import Chip, Taken
from kiosk.claims import HOUR_MS
from kiosk.desk import Call, Desk, params, rebuilding
from kiosk.errors import Declined, SealBroken, UsageError
from kiosk.evidence import Entry
from kiosk.identifiers import EID, CardId, Insz
from kiosk.links import KeptTap
from kiosk.model import Direction, Draft, Profile, TaskKind, Trust, rfc3339
from kiosk.outbox import Outbox

#: More than that nobody goes through by hand.
_MOST: Final = 500


def badge_unknown(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell the newest taps of cards that nobody knows, by ascending id; no parameters are taken."""
    params.only(asked, ())
    kept = desk.database.read(partial(links.unknown_taps, vault=desk.vault, book=desk.book, limit=_MOST))
    return {
        "items": [
            {
                "id": tap.id,
                "card": None if tap.card is None else tap.card.masked,
                "tapped_at": rfc3339(tap.at_ms) if tap.timed else None,
                "reader": tap.reader,
                "technology": tap.technology,
                "trust": tap.trust,
            }
            for tap in kept
        ]
    }


def badge_link(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give the card of a kept tap to a person: ``{"tap", "holder", "direction"?, "loan"?}``.

    From now on it is his badge; an identity card is its person's anyway. With ``direction`` the past tap is owed too: held until
    he has laid the card on once more himself (or his identity card), then sent unless the service or this box has a registration
    of the same person and direction within half an hour.

    With ``loan``, and always where it is a card to lend, it is his until he taps OUT, and for a shift at most.

    Returns:
        ``{"badge", "holder", "card", "registration", "until"}``; the last two are null without a direction, ``badge`` for an
        identity card.

    Raises:
        UsageError: Something is left out, or the direction is none.
        Declined: There is no such tap or holder, the card is another's, or the past can't be settled by this any more.
    """
    params.only(asked, ("tap", "holder", "direction", "loan"))
    number, holder = params.number(asked, "tap"), params.number(asked, "holder")
    direction, loan = _direction(asked), params.flag(asked, "loan")

    def work(connection: sqlite3.Connection) -> dict[str, object]:
        tap = links.kept_tap(connection, desk.vault, number, book=desk.book)
        if tap is None or tap.card is None:
            raise Declined(f"no card was kept under {number}", repair="`kiosk badge unknown` lists those that were")
        badge: int | None = None
        if tap.card.kind == EID:
            _own(desk, connection, tap, tap.card, holder)
        else:
            badge = _give(desk, connection, tap, tap.card, holder, loan=loan)
        told: dict[str, object] = {"badge": badge, "holder": holder, "card": tap.card.masked, "registration": None, "until": None}
        if direction is None:
            return told
        row, until_ms = _owe(desk, connection, tap, holder, direction)
        return {**told, "registration": row, "until": rfc3339(until_ms)}

    return desk.database.write(work)


def _own(desk: Desk, connection: sqlite3.Connection, tap: KeptTap, card: CardId, holder: int) -> None:
    """Take an identity card for that of its person: it is no badge, and can be nobody else's."""
    if roster.holder_of_insz(connection, desk.vault, Insz(card.identifier.decode())) != holder:
        raise Declined(
            f"tap {tap.id} was made with an identity card, and not with that of holder {holder}",
            repair="put its person on the roster first (`kiosk badge add`)",
        )
    note = tasks.card_note(tap.card_index)
    tasks.close_noted(connection, TaskKind.UNKNOWN_PERSON, note, at_ms=desk.clock().wall_ms)


def _give(desk: Desk, connection: sqlite3.Connection, tap: KeptTap, card: CardId, holder: int, *, loan: bool) -> int:
    if roster.added_ms(connection, holder) is None or roster.is_forgotten(connection, holder):
        raise Declined("the roster knows no such holder", repair="`kiosk badge list` shows all of them")
    at_ms = desk.clock().wall_ms
    chip = Chip(technology=tap.technology, trust=Trust(tap.trust))
    if loan or loans.is_loan_card(connection, tap.card_index):
        if not desk.clock().trusted:
            raise Declined(
                "no card can be lent while the box does not know the time", repair="see `kiosk doctor`, then link it again"
            )
        until_ms = at_ms + round(desk.limits.max_shift_hours * HOUR_MS)
        given = loans.lend(connection, desk.vault, holder, card, until_ms=until_ms, at_ms=at_ms, chip=chip)
    else:
        given = badges.give(connection, desk.vault, holder, card, at_ms=at_ms, chip=chip)
    if isinstance(given, Taken):
        raise Declined(f"this card is the badge of holder {given.holder}", repair="a badge is never passed on")
    # As with a loan: where the badge goes again, whose it was must be found and go with him.
    evidence.record(
        connection, desk.vault, Entry.LINKED, f"badge:{given}", at_ms=at_ms, facts={"tap": tap.id}, person={"holder": holder}
    )
    tasks.close_noted(connection, TaskKind.UNKNOWN_CARD, tasks.card_note(tap.card_index), at_ms=at_ms)
    return given


def _owe(desk: Desk, connection: sqlite3.Connection, tap: KeptTap, holder: int, direction: Direction) -> tuple[int, int]:
    """Write down what the past tap owes; returns the registration and until when it can be confirmed."""
    at_ms = desk.clock().wall_ms
    until_ms = tap.at_ms + round(desk.link_window_hours * HOUR_MS)
    profile = _profile(desk, connection, holder)
    _require_past(desk, connection, tap, profile, in_time=at_ms <= until_ms)
    outbox = Outbox(desk.database, desk.vault, desk.book)
    place = desk.grounds.place_of(None, tap.located)
    owed = Draft(ssin=profile.insz, direction=direction, at_ms=tap.at_ms, employer=None, place=place, declaration=None)
    row = links.add(connection, outbox, tap, holder=holder, draft=owed, until_ms=until_ms)
    added = amendments.sealed_row(connection, book=desk.book, row=row)
    if added is None:
        raise AssertionError("the row was just added")
    whole = rebuilding.rebuilt(desk, connection, amendments.unseal(desk.vault, added))
    if whole.declaration is not None and desk.grounds.is_outside(whole.declaration, tap.located):
        raise Declined(
            f"the box was not where these works are at tap {tap.id}",
            repair="leave --direction out: the card is his from now on; whoever employs him has the past corrected at the NSSO",
        )
    whole = replace(whole, place=desk.grounds.place_of(whole.declaration, tap.located))
    links.fill(connection, outbox, added, whole, at_ms=at_ms)
    facts: dict[str, object] = {"tap": tap.id, "direction": direction.value, "until": rfc3339(until_ms)}
    evidence.record(
        connection, desk.vault, Entry.LINKED, f"registration:{row}", at_ms=at_ms, facts=facts, person={"holder": holder}
    )
    return row, until_ms


def _require_past(desk: Desk, connection: sqlite3.Connection, tap: KeptTap, profile: Profile, *, in_time: bool) -> None:
    without = "leave --direction out: the card is his from now on"
    if not tap.timed:
        raise Declined(f"the time of tap {tap.id} is not known", repair=without)
    if not in_time:
        raise Declined(
            f"tap {tap.id} is more than {desk.link_window_hours:g} hours ago ([rules] link_window_hours)",
            repair=f"{without}; whoever employs him has the past corrected at the NSSO",
        )
    if profile.local or desk.local_only:
        raise Declined("nothing is owed for this person here", repair=without)
    if links.is_linked(connection, tap.id):
        raise Declined(f"for tap {tap.id} a registration is in the book already", repair="`kiosk outbox list` shows it")


def _profile(desk: Desk, connection: sqlite3.Connection, holder: int) -> Profile:
    try:
        return roster.current_profile(connection, desk.vault, holder)[1]
    except SealBroken as error:
        raise Declined(f"holder {holder}: {error.message}") from None


def _direction(asked: Mapping[str, object]) -> Direction | None:
    value = asked.get("direction")
    if value is None:
        return None
    if value not in set(Direction):
        raise UsageError(f"direction must be one of {', '.join(Direction)}")
    return Direction(str(value))


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"badge unknown": badge_unknown, "badge link": badge_link}
