"""``badge import``: a list from another system, looked at before anything of it is enrolled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from hardware.formats import Format
from kiosk import links
from kiosk.badge_lines import card_texts, parse_csv
from kiosk.desk import Call, Desk, enrolment, params
from kiosk.errors import UsageError
from kiosk.identifiers import CardId
from kiosk.transcription import Recognised, recognise

#: Of the cards that were laid on without being known: so many tell how a list is written.
_MOST: Final = 500


def badge_import(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Give badges to people from a CSV text, all or none: ``{"text", "preview"?, "written"?}``.

    ``written`` names the way in which another system wrote the cards' numbers, one of ``hardware.formats.Format``.

    Returns:
        ``{"items": [{"id", "holder", "card", "line", "added"}], "preview", "written", "doubt"}``; in a preview, ids of what would
        be new are null, and a list that is probably written in another way is told in ``doubt`` and read in that way, which
        ``written`` names. Where nothing tells how it is written there are no items.

    Raises:
        UsageError: Bad lines, all of them; an empty employer while several are known; a list that is probably written in another
            way than was said, unless it is only looked at.
        Declined: Cards of other holders, all of them.
    """
    params.only(asked, ("text", "preview", "written"))
    text, preview, written = params.text(asked, "text"), params.flag(asked, "preview"), _written(asked)
    # Whoever says how his list is written has looked.
    found = recognise(card_texts(text), _cards(desk)) if written is None else None
    if found is not None and not preview:
        raise UsageError(found.doubt, repair=_repair(found))
    if found is not None and found.form is None:
        return {"items": [], "preview": True, "written": None, "doubt": found.doubt}
    way = written if found is None else found.form
    read = parse_csv(text, way)
    enrolment.refuse_guessed_employers(desk, read)
    applied = sorted(enrolment.apply(desk, read, preview=preview), key=lambda one: one.came.badge)
    return {
        "items": [enrolment.fields(one, preview=preview) for one in applied],
        "preview": preview,
        "written": None if way is None else way.value,
        "doubt": None if found is None else found.doubt,
    }


def _repair(found: Recognised) -> str:
    as_it_is = "where the list is right as it stands, add --written hex"
    if found.form is None:
        return f"nothing was changed; {as_it_is}"
    return f"nothing was changed; look with --preview, then import with --written {found.form.value}; {as_it_is}"


def _written(asked: Mapping[str, object]) -> Format | None:
    value = asked.get("written")
    if value is None:
        return None
    if not isinstance(value, str) or value not in set(Format):
        raise UsageError(f"written must be one of {', '.join(Format)}")
    return Format(value)


def _cards(desk: Desk) -> set[CardId]:
    """Every card that this box knows or has seen."""
    badges = {badge.card for badge, _ in enrolment.everybody(desk) if badge.card is not None}
    kept = desk.database.read(partial(links.unknown_taps, vault=desk.vault, book=desk.book, limit=_MOST))
    return badges | {tap.card for tap in kept if tap.card is not None}


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"badge import": badge_import}
