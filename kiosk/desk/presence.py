"""The ``present`` verb: who is here, for the evacuation and the site manager. Works with every network down."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Final

from kiosk import roster, taps
from kiosk.desk import Desk
from kiosk.errors import SealBroken
from kiosk.model import rfc3339
from kiosk.rules import Standing, standing

_HOUR_MS: Final = 3_600_000
#: A card nobody knows was here: somebody may be inside whom this list can't name.
UNKNOWN_CARD: Final = "unknown_card"
#: What no list at the gate can know; it goes with every list.
CANNOT_KNOW: Final = "This list knows taps, not people: who came in without a tap is not on it, who left without one still is."


def present(desk: Desk, params: Mapping[str, object]) -> dict[str, object]:
    """Everybody inside, on break or gone for less than 15 minutes, and the cards nobody knows; oldest tap first.

    Args:
        desk: The open store.
        params: None are taken.
    """
    del params
    now_ms = desk.clock().wall_ms
    items = [_line(desk, tap, where) for tap, where in reversed(_standings(desk, now_ms)) if where != Standing.GONE]
    return {"items": items, "here": sum(item["standing"] == Standing.HERE for item in items), "cannot_know": CANNOT_KNOW}


def count_here(desk: Desk) -> int:
    """How many are inside now; stays longer than the longest shift don't count."""
    return sum(where == Standing.HERE for _, where in _standings(desk, desk.clock().wall_ms))


def _standings(desk: Desk, now_ms: int) -> list[tuple[taps.Present, str]]:
    since_ms = now_ms - int(desk.limits.max_shift_hours * _HOUR_MS)
    found = desk.database.read(partial(taps.recent, book=desk.book, since_ms=since_ms))
    return [
        (tap, UNKNOWN_CARD if tap.direction is None else standing(tap.direction, tap.press, at_ms=tap.at_ms, now_ms=now_ms))
        for tap in found
    ]


def _line(desk: Desk, tap: taps.Present, where: str) -> dict[str, object]:
    name = None if tap.holder is None else desk.database.read(partial(_name, desk, tap.holder))
    return {"holder": tap.holder, "name": name, "standing": where, "since": rfc3339(tap.at_ms), "reader": tap.reader}


def _name(desk: Desk, holder: int, connection: sqlite3.Connection) -> str | None:
    try:
        return roster.current_profile(connection, desk.vault, holder)[1].name or None
    except SealBroken:
        return None


CALLS: Final = {"present": present}
