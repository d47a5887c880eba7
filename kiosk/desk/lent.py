"""The cards to lend: which there are, and who has one now."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from hardware.ports import Card
from kiosk import loans
from kiosk.badges import Taken
from kiosk.desk import Call, Desk, params
from kiosk.errors import Declined
from kiosk.identifiers import CardId
from kiosk.model import rfc3339


def badge_loans(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell every card to lend, by ascending id, with its holder while it is lent; no parameters are taken."""
    params.only(asked, ())
    return {
        "items": [
            {
                "id": each.id,
                "card": None if each.card is None else each.card.masked,
                "added_at": rfc3339(each.added_ms),
                "holder": each.holder,
                "until": None if each.until_ms is None else rfc3339(each.until_ms),
                "lost": each.lost,
            }
            for each in desk.database.read(partial(loans.cards, vault=desk.vault))
        ]
    }


def loan_enroller(desk: Desk) -> Callable[[Card], dict[str, object]]:
    """What makes a card one to lend; it returns ``{"id", "card", "kind", "technology", "trust"}``.

    It raises ``Declined`` where the card is somebody's badge.
    """

    def enrol(card: Card) -> dict[str, object]:
        identity = CardId(card.kind, card.identifier)

        def work(connection: sqlite3.Connection) -> int | Taken:
            return loans.add_card(connection, desk.vault, identity, at_ms=desk.clock().wall_ms)

        added = desk.database.write(work)
        if isinstance(added, Taken):
            raise Declined(f"this card is the badge of holder {added.holder}", repair="take another card")
        return {"id": added, "card": identity.masked, "kind": card.kind, "technology": card.technology, "trust": card.trust}

    return enrol


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"badge loans": badge_loans}
