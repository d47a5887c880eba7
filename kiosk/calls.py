"""What the desk can do, with or without a daemon, by the verb's words. Each room of the desk is loaded at its first call.

Most boxes never export, import or let anybody go, and a Pi Zero has 512 MB for everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Final

from kiosk.desk import Call, Desk

_ROOMS: Final[Mapping[str, tuple[str, ...]]] = {
    "people": ("badge add", "badge list", "badge revoke", "holder show", "holder edit", "holder replace-insz"),
    "importing": ("badge import",),
    "linking": ("badge unknown", "badge link"),
    "lent": ("badge loans",),
    "erasing": ("holder forget",),
    "access": ("holder export", "holder rows", "holder entries"),
    "book": ("outbox list", "outbox show", "outbox retry", "outbox release", "outbox cancel", "outbox resolve"),
    "presence": ("present",),
    "chores": ("tasks", "tasks close"),
    "sheets": ("tasks sheet",),
    "papers": ("provision note",),
    "attending": ("report", "report marks", "report people"),
    "registrations": ("registrations search", "registrations show", "outbox reconcile"),
    "chain": ("evidence verify",),
    "exporting": ("evidence export", "evidence lines", "evidence registrations", "evidence vouch"),
}


def _made(room: str, name: str, desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    calls: Mapping[str, Call] = import_module(f"kiosk.desk.{room}").CALLS
    return calls[name](desk, asked)


DESK_CALLS: Final[Mapping[str, Call]] = {name: partial(_made, room, name) for room, names in _ROOMS.items() for name in names}
