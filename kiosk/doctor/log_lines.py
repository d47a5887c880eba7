"""What of the daemon's log may leave the box: its own lines, reduced to words that stand in its source, figures and choices.

A log holds no personal datum anyway; this holds where somebody has added to it, or mixed another program's lines in.
"""

from __future__ import annotations

import builtins
import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import hardware
import kiosk
from kiosk import errors
from kiosk.model import Environment, Signal

_CALL: Final = re.compile(r'_(?:log|LOG)\.(?:debug|info|warning|error|exception)\(\s*"((?:[^"\\%]|\\.)*)"')
_SHAPES: Final[Mapping[str, re.Pattern[str]]] = {
    "time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "level": re.compile("debug|info|warning|error|critical"),
    "raised_at": re.compile(r"(?:kiosk|hardware)[a-z_.]*:\d{1,5}"),
}
_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "environment": frozenset(Environment),
    "signal": frozenset(Signal),
    "exception": frozenset({*dir(builtins), *dir(sqlite3), *dir(errors)}),
}
_FIGURES: Final = frozenset({"ids", "rows", "held", "refused", "book", "failed"})


def own_events() -> dict[str, frozenset[str]]:
    """Which words each of our modules logs, by its name: the literal ones, as they stand in the source."""
    found = {}
    for package in (kiosk, hardware):
        root = Path(str(package.__file__)).parent
        for file in root.rglob("*.py"):
            module = ".".join((package.__name__, *file.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
            found[module] = frozenset(_CALL.findall(file.read_text(encoding="utf-8")))
    return found


def kept(lines: Iterable[str], events: Mapping[str, frozenset[str]]) -> Iterator[dict[str, object]]:
    """Reduce a log to what may leave the box; a line that is none of ours is left out.

    Args:
        lines: As the daemon wrote them.
        events: What each module may say; see ``own_events``.
    """
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        room = record.get("room") if isinstance(record, dict) else None
        if isinstance(room, str) and room in events:
            yield dict(_fields(record, events[room]))


def _fields(record: Mapping[str, object], events: frozenset[str]) -> Iterator[tuple[str, object]]:
    yield "room", record["room"]
    event = record.get("event")
    yield "event", event if isinstance(event, str) and event in events else None
    yield from ((name, value) for name, value in record.items() if _may_leave(name, value))


def _may_leave(name: str, value: object) -> bool:
    if name in _FIGURES:
        return _is_figure(value)
    if not isinstance(value, str):
        return False
    return value in _CHOICES.get(name, ()) or (name in _SHAPES and _SHAPES[name].fullmatch(value) is not None)


def _is_figure(value: object) -> bool:
    """Whether it is a number too small for anybody's, or a list of such."""
    if isinstance(value, list):
        return all(isinstance(each, int) and _is_figure(each) for each in value)
    return isinstance(value, int) and abs(value) < 10**9
