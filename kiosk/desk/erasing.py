"""``holder forget``: a person is let go of at the end of the term (GDPR, article 17), or told why not yet."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from kiosk import badges, erasure, evidence, roster, tap_entries
from kiosk.claims import HOUR_MS
from kiosk.days import RETENTION_DAYS
from kiosk.desk import Call, Desk, params
from kiosk.desk.book import because_of
from kiosk.erasure import Standing
from kiosk.errors import Declined, SealBroken
from kiosk.model import rfc3339
from kiosk.purging import DAY_MS

#: Entries looked at in one read, and subjects erased in one transaction.
_WINDOW: Final = 250
_SUBJECTS: Final = 20
_STAYS: Final = (
    "his number, without content, so that it is never given to another",
    "the places of the record's entries about him, without content or salt, so that the chain still verifies",
    "what the service holds, which only RSZ can change",
)


def holder_forget(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Let a person go: ``{"holder", "reason", "preview"?, "recent"?}``.

    ``preview`` tells what would go and changes nothing; ``recent`` lets go of somebody whose last registration RSZ may still
    correct. Asked again after a cut it goes on where it stopped.

    Returns:
        ``{"holder", "forgotten", "rows", "stays", "copies"}``; ``copies`` are files beside the store that still hold his data.

    Raises:
        UsageError: No reason, or one with somebody's number in it.
        Declined: There is no such holder; a registration of his is not finished, a stay is open, his last one is younger than
            thirty days, or the newest of the book.
    """
    params.only(asked, ("holder", "reason", "preview", "recent"))
    holder, because = params.number(asked, "holder"), because_of(asked)
    now = desk.clock()
    since_ms = now.wall_ms - round(desk.limits.max_shift_hours * HOUR_MS)
    stands = desk.database.read(partial(erasure.standing, book=desk.book, holder=holder, since_ms=since_ms))
    why = list(_kept_by(stands, now_ms=now.wall_ms, recent=bool(asked.get("recent"))))
    if why:
        raise Declined(f"holder {holder} can't be let go of yet:\n" + "\n".join(f"  - {each}" for each in why))
    preview = bool(asked.get("preview"))
    if not preview:
        _forget(desk, holder, because, stands, now.wall_ms)
    copies = sorted(path.name for path in desk.database.path.parent.glob(f"{desk.database.path.name}.*") if _is_copy(path.name))
    return {
        "holder": holder,
        "forgotten": not preview,
        "rows": stands.counts,
        "stays": list(_STAYS),
        "copies": copies,
    }


def _forget(desk: Desk, holder: int, because: str, stands: Standing, at_ms: int) -> None:
    write = desk.database.write
    write(partial(erasure.revoke, holder=holder, at_ms=at_ms))
    # A tap that vanished before it stood in the chain would leave no trace.
    tap_entries.chain_all(desk.database, desk.vault, lambda: at_ms)
    recorded = sorted(subjects(desk, holder))
    for first in range(0, len(recorded), _SUBJECTS):
        write(partial(erasure.erase, subjects=recorded[first : first + _SUBJECTS]))
    while write(partial(erasure.next_slice, vault=desk.vault, holder=holder, at_ms=at_ms)):
        pass
    write(partial(erasure.finish, vault=desk.vault, holder=holder, at_ms=at_ms, because=because, counts=stands.counts))
    desk.database.checkpoint()


def subjects(desk: Desk, holder: int) -> set[str]:
    """Under which subjects the record tells of a person; looked for slice by slice, since it is long."""
    return desk.database.read(partial(erasure.own_subjects, holder=holder)) | _recorded(desk, holder)


def _recorded(desk: Desk, holder: int) -> set[str]:
    """What the record tells of him under other subjects: rows that were purged long ago still stand in it."""
    profiles = desk.database.read(partial(roster.profiles_of, vault=desk.vault, holder=holder))
    # A profile whose seal is broken must not keep him: what is known of his numbers is looked for.
    numbers = frozenset(each.profile.insz.digits for each in profiles if each.profile is not None)
    his = desk.database.read(partial(badges.of_holder, vault=desk.vault, holder=holder))
    lent = desk.database.read(partial(erasure.lent_to, holder=holder))
    cards = {badge.card.written for badge in his if badge.card is not None and badge.id not in lent}
    found: set[str] = set()
    after = 0
    while entries := desk.database.read(partial(evidence.window, after=after, size=_WINDOW)):
        after = entries[-1].id
        for entry in entries:
            try:
                person = None if entry.sealed is None else evidence.opened(desk.vault, entry.uid, entry.sealed).person
            except SealBroken:
                continue
            if person and _is_his(person, holder, numbers, cards):
                found.add(entry.subject)
    return found


def _is_his(person: Mapping[str, object], holder: int, numbers: frozenset[str], cards: set[str]) -> bool:
    """Whether an entry is about him; one that names its holder is about no other, whatever card it was."""
    if person.get("holder") is not None:
        return person["holder"] == holder
    return person.get("insz") in numbers or person.get("card") in cards


def _kept_by(stands: Standing, *, now_ms: int, recent: bool) -> list[str]:
    if not stands.known:
        raise Declined("the roster knows no such holder", repair="`kiosk badge list` shows all of them")
    why = []
    if stands.unfinished:
        rows = ", ".join(str(row) for row in stands.unfinished)
        why.append(f"not finished: registration {rows}; settle each (`kiosk outbox show`), or cancel it")
    if stands.inside:
        why.append("he is inside: his stay is open until he taps out")
    if stands.newest:
        why.append("his registration is the newest of the book; ask again after the next tap of somebody else")
    if not recent and stands.last_ms is not None and now_ms - stands.last_ms < RETENTION_DAYS * DAY_MS:
        ends = rfc3339(stands.last_ms + RETENTION_DAYS * DAY_MS)
        why.append(f"RSZ corrects his last registration until {ends}, by this box's proof; all the same: --although-recent")
    return why


def _is_copy(name: str) -> bool:
    return ".schema-" in name or ".corrupt." in name


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"holder forget": holder_forget}
