"""What a card is, for an admin who wonders why it does not work: seen, known or not, and what its tap would come to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from hardware.formats import written
from hardware.ports import Card, Identity, Sighting, Unreadable
from kiosk import documents, loans, roster
from kiosk.days import day_of
from kiosk.desk import Desk
from kiosk.identifiers import EID, CardId, Insz
from kiosk.model import Trust
from kiosk.records import card_index

_SHORT_UID: Final = 4
_SHORT_WIEGAND: Final = 3

_NUMBER_ONLY: Final = "its number tells it apart and proves nothing: numbers can be copied"
_SHORT: Final = "its number has 4 bytes: copied in seconds, and other cards may have the same"
_VERY_SHORT: Final = "the reader passes on 3 bytes of its number: other cards may well have the same"
_UNPROVEN: Final = "it says whose it is, and no root certificate is installed that would prove it"
_PROVES: Final = {"crypto": "it proved a key of its own", "eid": "the state's signature on it was checked"}


def explainer(desk: Desk | None, *, reveal: bool) -> Callable[[Sighting], dict[str, object]]:
    """Return what explains a sighting.

    Args:
        desk: The store, or None where there is none yet: then nobody is known.
        reveal: Whether the whole number is told, as other systems would print it.

    Returns:
        A function to ``{"readable", "why", "kind", "technology", "trust", "worth", "card", "written", "known", "badge",
        "holder", "tap"}``: ``known`` is ``yes``, ``no``, ``revoked``, ``loan`` (a card to lend that
        is lent to nobody) or null where nobody looked; ``written`` has the whole
        number by its ways of writing, or is null; ``tap`` says what a tap of it comes to.
    """
    return partial(_explained, desk, reveal)


def _explained(desk: Desk | None, reveal: bool, sighting: Sighting) -> dict[str, object]:  # noqa: FBT001  bound by name above
    match sighting:
        case Unreadable(why=why):
            return {**_NOTHING, "readable": False, "why": why, "tap": _NOT_RECORDED}
        case Identity():
            return {
                **_NOTHING,
                "readable": True,
                "kind": EID,
                "technology": sighting.document.technology,
                "trust": sighting.trust,
                "worth": _PROVES.get(sighting.trust, _UNPROVEN),
                **_persons(desk, sighting),
            }
        case Card():
            card = CardId(sighting.kind, sighting.identifier)
            return {
                **_NOTHING,
                "readable": True,
                "kind": card.kind,
                "technology": sighting.technology,
                "trust": sighting.trust,
                "worth": _PROVES.get(sighting.trust) or _worth(card),
                "card": card.masked,
                "written": dict(written(card.kind, card.identifier)) if reveal else None,
                **_standing(desk, card, Trust(sighting.trust)),
            }
        case _:
            assert_never(sighting)


#: By the names of an explanation, in their order; what is not known is null.
_NOTHING: Final[Mapping[str, object]] = dict.fromkeys(
    ("readable", "why", "kind", "technology", "trust", "worth", "card", "written", "known", "badge", "holder", "tap")
)
_TAPS: Final = {
    "yes": "recorded for its holder",
    "no": "kept as that of an unknown card: give it to somebody (`kiosk badge enrol`), or link what was kept (`kiosk badge link`)",
    "revoked": "not recorded: the worker sees red; `kiosk badge enrol` gives it back to its holder",
    "loan": "kept as that of an unknown card: it is one to lend, and lent to nobody (`kiosk badge loans`)",
}
_NOT_RECORDED: Final = "not recorded: the worker sees red with this reason"
_TOO_WEAK: Final = "not recorded: it can be copied, and this site asks for more ([rules] minimum_trust)"
_NO_STORE: Final = "there is no store yet: `kiosk badge add` or `kiosk run` makes it"


def _persons(desk: Desk | None, identity: Identity) -> dict[str, object]:
    """How an identity card stands: one that registers nobody is told with the reason that the worker sees."""
    clock = None if desk is None else desk.clock()
    zone = None if desk is None else ZoneInfo(desk.time_zone)
    day = day_of(clock.wall_ms, zone) if clock is not None and clock.trusted and zone is not None else None
    match documents.judge(identity.document, day):
        case documents.Refused(why=why):
            return {"why": why, "tap": _NOT_RECORDED}
        case Insz() as insz:
            return _standing(desk, CardId.of_person(insz), Trust(identity.trust))
        case other:
            assert_never(other)


def _standing(desk: Desk | None, card: CardId, trust: Trust) -> dict[str, object]:
    """Whose it is and what its tap comes to, by the same questions that a tap asks."""
    if desk is None:
        return {"tap": _NO_STORE}
    known, found = desk.database.read(partial(_known, desk=desk, card=card))
    weak = known == "yes" and not trust.reaches(desk.minimum_trust)
    return {
        "known": known,
        "badge": None if found is None else found.badge,
        "holder": None if found is None else found.holder,
        "tap": _TOO_WEAK if weak else _TAPS[known],
    }


def _known(connection: sqlite3.Connection, *, desk: Desk, card: CardId) -> tuple[str, roster.Found | None]:
    index = card_index(desk.vault, card)
    find = roster.find_person if card.kind == EID else roster.find
    found = find(connection, desk.vault, index)
    lent = found is not None and found.until_ms is not None and found.until_ms > desk.clock().wall_ms
    if loans.is_loan_card(connection, index) and not lent:
        return "loan", None
    if found is None:
        return "no", None
    return ("revoked" if found.revoked else "yes"), found


def _worth(card: CardId) -> str:
    if card.kind == "wiegand" and len(card.identifier) == _SHORT_WIEGAND:
        return _VERY_SHORT
    return _SHORT if card.kind == "uid" and len(card.identifier) == _SHORT_UID else _NUMBER_ONLY
