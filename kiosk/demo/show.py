"""How the demonstration looks: a live board on a terminal, lines elsewhere. Pure text in, text out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_MARKS: Final = ("recorded", "accepted", "checked")
_LINES: Final = 14
_CLEAR: Final = "\x1b[H\x1b[2J"
_GREEN, _AMBER, _RED, _PLAIN = "\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[0m"
_COLOURS: Final = {"in": _GREEN, "out": _GREEN, "held": _AMBER, "unknown_card": _AMBER, "already": _AMBER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One tap of the demonstration: who, on which reader, when (local HH:MM:SS), with what signal and row."""

    who: str
    reader: str
    clock: str
    signal: str
    row: int | None
    offline: bool = False


def marks(row: Mapping[str, Any] | None) -> str:
    """The three marks of a registration: recorded, accepted, checked; or the state that it is stuck in."""
    if row is None:
        return "not registered: the declaration's QR is the way out"
    state = row["state"]
    if state not in {"queued", "in_flight", "accepted"}:
        return f"{state} ({row['reason'] or 'being settled'})"
    reached = 1 + (state == "accepted") + (state == "accepted" and row["validity"] not in {None, "pending"})
    return "  ".join(f"● {mark}" if number < reached else f"○ {mark}" for number, mark in enumerate(_MARKS))


def line(tap: Shown, row: Mapping[str, Any] | None, *, colour: bool) -> str:
    """One tap as one line."""
    shade, plain = (_COLOURS.get(tap.signal, _RED), _PLAIN) if colour else ("", "")
    saved = "  saved, sent later" if tap.offline and row is not None and row["state"] != "accepted" else ""
    return f"{tap.clock}  {shade}{tap.signal.upper():<12}{plain} {tap.who:<12} {tap.reader:<10} {marks(row)}{saved}"


def board(taps: Sequence[Shown], rows: Mapping[int, Mapping[str, Any]], status: Mapping[str, Any], *, note: str) -> str:
    """The whole screen: what stands where, then the newest taps, newest last."""
    queued = status["queued"] + status["in_flight"] + status["unknown"]
    head = (
        f"{_CLEAR}TRAINING - nothing here reaches the real service\n{note}\n\n"
        f"present {status['present']}   waiting {queued}   accepted {status['accepted']}   service {status['service']['state']}"
        f"   oldest unsent {status['oldest_unsent_seconds'] or 0} s\n\n"
    )
    return head + "\n".join(line(tap, None if tap.row is None else rows.get(tap.row), colour=True) for tap in taps[-_LINES:]) + "\n"
