"""kiosk.calls: each room of the desk is there under its own words, and loaded only when it is asked."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from importlib import import_module

import kiosk.desk
from kiosk.calls import _ROOMS, DESK_CALLS


def test_every_call_of_every_room_is_listed() -> None:
    """A room that is added, or a call of it, is noticed here."""
    rooms = {}
    for found in pkgutil.iter_modules(kiosk.desk.__path__):
        calls = getattr(import_module(f"kiosk.desk.{found.name}"), "CALLS", None)
        if calls is not None:
            rooms[found.name] = set(calls)
    assert {room: set(names) for room, names in _ROOMS.items()} == rooms
    assert set(DESK_CALLS) == set().union(*rooms.values())


def test_a_daemon_loads_what_is_seldom_asked_only_then() -> None:
    """Whatever writes exports, answers to access requests or sheets is not in the memory of a box that takes taps."""
    seldom = ["kiosk.desk.access", "kiosk.desk.exporting", "kiosk.desk.sheets", "kiosk.desk.erasing", "kiosk.desk.importing"]
    program = f"import sys, kiosk.daemon; print([name for name in {seldom} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
