"""The ``outbox`` verbs: what a human sees in the book, and may do there (design, section 7: which verb from which state)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from kiosk import amendments, cancellations, evidence, groups, lookups, settling
from kiosk.advice import Language
from kiosk.amendments import Kept, SealedRow
from kiosk.desk import Call, Desk, params, rebuilding, views
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Content, Entry
from kiosk.model import Draft, Reason, State, rfc3339
from kiosk.outbox import Outbox
from kiosk.records import pack_draft
from kiosk.verdicts import Created

#: Rows in one answer: some megabyte of JSON; ``next`` says where to go on.
_MOST: Final = 2000
_LONGEST_REASON: Final = 200
#: No date or floor has so many digits together; an INSZ, a card or a telephone number has.
_NUMBER_OF_SOMEBODY: Final = re.compile(r"(?:[0-9][ .:/-]?){7,}|\b(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{8,}\b")
_WHY_NOT: Final[Mapping[State, str]] = {
    State.QUEUED: "it is queued and goes by itself",
    State.IN_FLIGHT: "it is in flight; try again",
    State.UNKNOWN: "nobody knows yet whether it arrived; it is looked up before anything else happens to it",
    State.ACCEPTED: "the service has accepted it",
    State.REFUSED: "the service refused it; put its cause right and use `kiosk outbox retry`, or cancel it",
    State.HELD: "it is held; use `kiosk outbox release`, or cancel it",
    State.CANCELLED: "it is cancelled, which is final",
}


def outbox_list(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell the book by ascending id: ``{"state"?, "after"?, "limit"?}``.

    Returns:
        ``{"items", "next"}``: at most ``limit`` rows (2,000 if left out or more) with ids above ``after``; ``next`` is what
        to give as ``after`` for those that follow, null at the end.
    """
    params.only(asked, ("state", "after", "limit"))
    state = _state(asked)
    most = min(_MOST, params.number(asked, "limit")) if asked.get("limit") is not None else _MOST
    after = params.number(asked, "after") if asked.get("after") is not None else 0
    end = desk.database.read(amendments.last_id)
    rows: list[SealedRow] = []
    while after < end and len(rows) <= most:
        rows += desk.database.read(partial(amendments.window, book=desk.book, after=after, state=state))
        after += amendments.WINDOW
    # Opened outside the store's lock: taps go on meanwhile.
    items = [views.row_fields(amendments.unseal(desk.vault, row)) for row in rows[:most]]
    return {"items": items, "next": rows[most - 1].id if len(rows) > most else None}


def outbox_show(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell everything about one registration, with advice: ``{"id", "lang"?}``."""
    params.only(asked, ("id", "lang"))
    return _told(desk, params.number(asked, "id"), params.language(asked))


def outbox_retry(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Build a refused registration anew from its tap and the roster, and queue it; look an unknown one up now: ``{"id"}``.

    Returns:
        What ``outbox show`` tells; after a lookup also ``outcome``, in a few words.

    Raises:
        Declined: It is in another state, still lacks something, or no daemon runs to look it up.
    """
    params.only(asked, ("id",))
    number = params.number(asked, "id")
    if desk.database.read(partial(_kept, desk, number)).state is State.UNKNOWN:
        if desk.delivery is None:
            raise Declined("no daemon runs", repair="it is looked up as soon as one starts: `kiosk run`")
        outcome = desk.delivery.search_now(number)
        facts: dict[str, object] = {"state": State.UNKNOWN.value, "outcome": outcome}
        desk.database.write(partial(_note, desk, entry=Entry.RETRIED, number=number, facts=facts))
        return {**_told(desk, number), "outcome": outcome}

    def work(connection: sqlite3.Connection) -> None:
        kept = _in(desk, connection, number, {State.REFUSED})
        draft = rebuilding.rebuilt(desk, connection, kept)
        _requeue(desk, connection, kept, draft, Entry.RETRIED)

    return _changed(desk, number, work)


def outbox_release(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Queue a held registration: ``{"id"}``; with ``"group": true`` end the pause of its employer and declaration.

    Raises:
        Declined: It is in another state, or the reason can't be waived and is not gone; or the group is not paused.
    """
    params.only(asked, ("id", "group"))
    number = params.number(asked, "id")
    return _changed(desk, number, partial(_resume if params.flag(asked, "group") else _release, desk, number))


def outbox_cancel(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Cancel a registration, with the reason: ``{"id", "reason"}``. Its tap stays recorded.

    What was not sent is taken out of the book. What the service has accepted stays so, with ``cancel_requested``, until
    the service has cancelled it; asked again, nothing changes.

    Raises:
        UsageError: No reason, or one with somebody's number in it.
        Declined: It is in another state.
    """
    params.only(asked, ("id", "reason"))
    number, because = params.number(asked, "id"), because_of(asked)
    at_ms = desk.clock().wall_ms

    def work(connection: sqlite3.Connection) -> None:
        kept = _kept(desk, number, connection)
        if kept.state is State.ACCEPTED:
            cancellations.ask(connection, _outbox(desk), number, because=because, at_ms=at_ms)
            return
        _require(kept, {State.QUEUED, State.HELD, State.REFUSED})
        amendments.cancel(connection, desk.vault, row=kept.row, because=because, at_ms=at_ms)
        facts: dict[str, object] = {"state": kept.state.value, "reason": kept.row.reason}
        _note(desk, connection, Entry.CANCELLED, number, facts=facts, person={"because": because})

    return _changed(desk, number, work)


def outbox_resolve(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Settle an unknown registration by hand: ``{"id", "found": registration id}`` or ``{"id", "absent": true}``.

    Where the service can be asked, its own search goes before the human's word; else the follow-up checks what was found.

    Raises:
        Declined: It is in another state; the registration id settles another row; or it was not looked up yet.
    """
    params.only(asked, ("id", "found", "absent"))
    number = params.number(asked, "id")
    if params.one_of(asked, ("found", "absent")) == "found":
        found = params.number(asked, "found")
        desk.database.read(partial(_in, desk, number=number, states={State.UNKNOWN}))
        if desk.delivery is not None:
            said = desk.delivery.search_now(number)
            if isinstance(said, lookups.Finding) and said is not lookups.Finding.FOUND:
                raise Declined(
                    f"registration {number}: the service was asked just now: {said}",
                    repair="look at its own site again; where it shows the registration its search will too, after a while",
                )
        return _changed(desk, number, partial(_found, desk, number, found))
    if not params.flag(asked, "absent"):
        raise UsageError("absent must be true")
    return _changed(desk, number, partial(_absent, desk, number))


def _release(desk: Desk, number: int, connection: sqlite3.Connection) -> None:
    kept = _kept(desk, number, connection)
    if kept.state is State.QUEUED and kept.row.reason == Reason.GROUP:
        raise Declined(
            f"registration {number}: its employer and declaration are paused",
            repair=f"put the cause right, then `kiosk outbox release --group {number}`",
        )
    _require(kept, {State.HELD})
    _require_time(desk, kept)
    _require_person(kept)
    draft = kept.draft if rebuilding.goes_as_it_is(kept) else None
    draft = draft or rebuilding.rebuilt(desk, connection, kept)
    _requeue(desk, connection, kept, draft, Entry.RELEASED)


def _require_time(desk: Desk, kept: Kept) -> None:
    """Refuse what would be sent under a doubtful time: nothing lifts a time hold but a healed time within the bound."""
    row = kept.row
    if row.reason != Reason.CLOCK and not (row.latest_ms is not None and not row.timed):
        return
    bound_ms = row.bound_ms
    if row.healed_ms is None or bound_ms is None or bound_ms > desk.max_error_seconds * 1000:
        raise Declined(
            f"registration {row.id}: nothing lifts a time hold but a healed time",
            repair=f"cancel it (`kiosk outbox cancel {row.id}`) and have it corrected at the NSSO; `kiosk outbox show {row.id}`"
            " says when it must have been",
        )


def _require_person(kept: Kept) -> None:
    """Refuse what nobody confirmed: a linked card is its person's only once he has laid it on again himself."""
    row = kept.row
    if row.linked is not None and row.link_confirmed_ms is None:
        raise Declined(
            f"registration {row.id}: its person has not confirmed yet that the card was his",
            repair=f"let him lay it on once more before {rfc3339(row.link_until_ms or 0)}, then it goes by itself; else cancel it"
            f" (`kiosk outbox cancel {row.id}`) and have it corrected at the NSSO",
        )


def _resume(desk: Desk, number: int, connection: sqlite3.Connection) -> None:
    kept = _kept(desk, number, connection)
    registration = None if kept.draft is None else kept.draft.complete()
    outbox = _outbox(desk)
    group = None if registration is None else groups.group_named(outbox, registration.employer, registration.declaration)
    if group is None or not groups.resume(connection, outbox, group, at_ms=desk.clock().wall_ms):
        raise Declined(f"registration {number}: its employer and declaration are not paused")


def _found(desk: Desk, number: int, registration_id: int, connection: sqlite3.Connection) -> None:
    kept = _in(desk, connection, number, {State.UNKNOWN, State.ACCEPTED})
    if kept.row.registration_id == registration_id:
        return
    if kept.state is State.ACCEPTED:
        raise Declined(
            f"registration {number}: the service holds it under another id, {kept.row.registration_id}",
            repair="nothing is left to do: it counts as accepted under that one",
        )
    at_ms = desk.clock().wall_ms
    created = Created(registration_id=registration_id, validity="pending")
    if not settling.accept(connection, _outbox(desk), number, kept.row.uid, created, at_ms=at_ms, state=State.UNKNOWN):
        raise Declined("that registration id settles another row already", repair="`kiosk outbox list` shows which one")
    settling.close_settled(connection, number, at_ms=at_ms)
    _note(desk, connection, Entry.RESOLVED, number, facts={"found": registration_id})


def _absent(desk: Desk, number: int, connection: sqlite3.Connection) -> None:
    kept = _in(desk, connection, number, {State.UNKNOWN})
    if not amendments.may_be_absent(connection, kept.row):
        raise Declined(
            f"registration {number}: it was not looked up yet; sending it again blindly could register it twice",
            repair=f"`kiosk outbox retry {number}` looks it up now",
        )
    lookups.requeue(connection, _outbox(desk), number, kept.row.group_index or b"", at_ms=desk.clock().wall_ms)
    _note(desk, connection, Entry.RESOLVED, number, facts={"absent": True})


def _requeue(desk: Desk, connection: sqlite3.Connection, kept: Kept, draft: Draft, entry: Entry) -> None:
    """Queue the row with this content and keep the version before as evidence."""
    before = None if kept.draft is None else pack_draft(kept.draft).decode()
    _note(desk, connection, entry, kept.row.id, facts={"reason": kept.row.reason}, person={"before": before})
    amendments.requeue(
        connection,
        desk.vault,
        book=desk.book,
        row=kept.row,
        draft=draft,
        at_ms=desk.clock().wall_ms,
        released=entry is Entry.RELEASED,
    )


def _changed(desk: Desk, number: int, work: Callable[[sqlite3.Connection], None]) -> dict[str, object]:
    desk.database.write(work)
    if desk.delivery is not None:
        desk.delivery.nudge()
    return _told(desk, number)


def _kept(desk: Desk, number: int, connection: sqlite3.Connection) -> Kept:
    row = amendments.sealed_row(connection, book=desk.book, row=number)
    if row is None:
        raise Declined("the book has no such registration", repair="`kiosk outbox list` shows all of them")
    return amendments.unseal(desk.vault, row)


def _in(desk: Desk, connection: sqlite3.Connection, number: int, states: set[State]) -> Kept:
    kept = _kept(desk, number, connection)
    _require(kept, states)
    return kept


def _require(kept: Kept, states: set[State]) -> None:
    if kept.state not in states:
        raise Declined(f"registration {kept.row.id}: {_WHY_NOT[kept.state]}")


def _told(desk: Desk, number: int, language: Language = Language.EN) -> dict[str, object]:
    return views.whole_row_fields(desk.database.read(partial(_kept, desk, number)), language)


def _note(
    desk: Desk, connection: sqlite3.Connection, entry: Entry, number: int, *, facts: Content, person: Content | None = None
) -> None:
    at_ms = desk.clock().wall_ms
    evidence.record(connection, desk.vault, entry, f"registration:{number}", at_ms=at_ms, facts=facts, person=person)


def _outbox(desk: Desk) -> Outbox:
    return Outbox(desk.database, desk.vault, desk.book)


def _state(asked: Mapping[str, object]) -> State | None:
    wanted = asked.get("state")
    if wanted is None:
        return None
    if not isinstance(wanted, str) or wanted not in set(State):
        raise UsageError(f"state must be one of {', '.join(State)}")
    return State(wanted)


def because_of(asked: Mapping[str, object]) -> str:
    """The human's reason; raises ``UsageError`` where it is none, too long, or holds somebody's number."""
    because = params.text(asked, "reason").strip()
    if len(because) > _LONGEST_REASON or not because.isprintable():
        raise UsageError(f"reason: at most {_LONGEST_REASON} characters, without line breaks")
    if _NUMBER_OF_SOMEBODY.search(because):
        raise UsageError("reason: leave numbers of people and cards out; the row is named by its id")
    return because


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {
    "outbox list": outbox_list,
    "outbox show": outbox_show,
    "outbox retry": outbox_retry,
    "outbox release": outbox_release,
    "outbox cancel": outbox_cancel,
    "outbox resolve": outbox_resolve,
}
