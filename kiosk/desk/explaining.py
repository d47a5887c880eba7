"""What a card is, for an admin who wonders why it does not work: seen, known or not, and what its tap would come to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, assert_never

from hardware.formats import written
from hardware.ports import Card, Identity, Sighting, Unreadable
from kiosk import roster
from kiosk.desk import Desk
from kiosk.identifiers import CardId, Insz

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
        "holder", "tap"}``: ``known`` is ``yes``, ``no``, ``revoked`` or null where nobody looked; ``written`` has the whole
        number by its ways of writing, or is null; ``tap`` says what a tap of it comes to.
    """
    return partial(_explained, desk, reveal)


def _explained(desk: Desk | None, reveal: bool, sighting: Sighting) -> dict[str, object]:  # noqa: FBT001  bound by name above
    match sighting:
        case Unreadable(why=why):
            return {**_NOTHING, "readable": False, "why": why, "tap": "not recorded: the worker sees red with this reason"}
        case Identity():
            return {
                **_NOTHING,
                "readable": True,
                "kind": "eid",
                "technology": sighting.document.technology,
                "trust": sighting.trust,
                "worth": _PROVES.get(
                    sighting.trust, "it says whose it is, and no root certificate is installed that would prove it"
                ),
                **_standing(desk, partial(_find_person, number=sighting.document.number)),
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
                **_standing(desk, partial(_find_badge, card=card)),
            }
        case _:
            assert_never(sighting)


#: By the names of an explanation, in their order; what is not known is null.
_NOTHING: Final[Mapping[str, object]] = dict.fromkeys(
    ("readable", "why", "kind", "technology", "trust", "worth", "card", "written", "known", "badge", "holder", "tap")
)
_Find = Callable[[Desk, sqlite3.Connection], tuple[str, int | None, int | None]]
_TAPS: Final = {
    "yes": "recorded for its holder",
    "no": "kept as that of an unknown card: give it to somebody (`kiosk badge enrol`), or link what was kept (`kiosk badge link`)",
    "revoked": "not recorded: the worker sees red; `kiosk badge enrol` gives it back to its holder",
}


def _standing(desk: Desk | None, find: _Find) -> dict[str, object]:
    if desk is None:
        return {"tap": "there is no store yet: `kiosk badge add` or `kiosk run` makes it"}
    known, badge, holder = desk.database.read(partial(find, desk))
    return {"known": known, "badge": badge, "holder": holder, "tap": _TAPS[known]}


def _find_badge(desk: Desk, connection: sqlite3.Connection, *, card: CardId) -> tuple[str, int | None, int | None]:
    badge = roster.badge_by_card(connection, desk.vault, card)
    if badge is None:
        return "no", None, None
    return ("yes" if badge.revoked_ms is None else "revoked"), badge.id, badge.holder


def _find_person(desk: Desk, connection: sqlite3.Connection, *, number: str) -> tuple[str, int | None, int | None]:
    try:
        holder = roster.holder_of_insz(connection, desk.vault, Insz.parse(number))
    except ValueError:
        holder = None
    return ("no" if holder is None else "yes"), None, holder


def _worth(card: CardId) -> str:
    if card.kind == "wiegand" and len(card.identifier) == _SHORT_WIEGAND:
        return _VERY_SHORT
    return _SHORT if card.kind == "uid" and len(card.identifier) == _SHORT_UID else _NUMBER_ONLY
