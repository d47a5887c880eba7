from __future__ import annotations

import json
import logging

import pytest

from kiosk.doctor.log_lines import kept, own_events
from kiosk.logs import JsonLines
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME

EVENTS = {"kiosk.daemon": frozenset({"tap", "stopped"}), "kiosk.delivery": frozenset({"accepted"})}


def line(**fields: object) -> str:
    return json.dumps({"time": "2026-11-22T12:00:00.123Z", "level": "info", "room": "kiosk.daemon", "event": "tap"} | fields)


def one(**fields: object) -> dict[str, object]:
    (found,) = kept([line(**fields)], EVENTS)
    return found


def test_our_own_words_choices_and_figures_are_kept() -> None:
    """A line of the daemon as it writes it, without the reasons and names that are free text."""
    found = one(signal="in", environment="training", ids=[17, 18], why="some words", reader="gate")
    assert found == {
        "room": "kiosk.daemon",
        "event": "tap",
        "time": "2026-11-22T12:00:00.123Z",
        "level": "info",
        "signal": "in",
        "environment": "training",
        "ids": [17, 18],
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"event": CANARY_NAME},
        {"event": ["tap"]},
        {"event": None},
        {"signal": CANARY_NAME},
        {"signal": ["in"]},
        {"level": CANARY_NAME},
        {"time": CANARY_INSZ.digits},
        {"exception": "Kanarievogel"},
        {"raised_at": f"kiosk.daemon:{CANARY_INSZ.digits}"},
        {"ids": [int(CANARY_INSZ.digits)]},
        {"ids": CANARY_CARD.identifier.hex()},
        {"rows": int(CANARY_INSZ.digits)},
        {"held": {"of": CANARY_NAME}},
        {CANARY_NAME: 1},
        {"holder": 1},
    ],
)
def test_a_canary_in_any_field_stays_on_the_box(fields: dict[str, object]) -> None:
    """Whatever is neither a word of our source, nor a choice, nor a small figure is left out, and the line is told without it."""
    found = one(**fields)
    usual = {"room": "kiosk.daemon", "event": "tap", "time": "2026-11-22T12:00:00.123Z", "level": "info"}
    assert found == {
        name: None if "event" in fields and name == "event" else value for name, value in usual.items() if name in found
    }
    assert set(usual) - set(found) <= set(fields)


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[1]", '"tap"', line(room="httpcore"), line(room=["kiosk.daemon"]), line(room=None)]
)
def test_a_line_that_is_none_of_ours_is_left_out(text: str) -> None:
    """Another program's, another library's, a broken one."""
    assert list(kept([text], EVENTS)) == []


def test_the_words_are_those_of_our_source() -> None:
    """Every module by its name, with what it logs; a sentence with something put into it is none."""
    events = own_events()
    assert {"tap", "ready", "stopped"} <= events["kiosk.daemon"]
    assert "kiosk.doctor" in events
    assert "hardware.pcsc" in events
    assert not [event for words in events.values() for event in words if "%" in event]


def test_a_line_as_the_daemon_writes_it_is_kept() -> None:
    """An exception with its kind and place, from the real formatter."""

    def fail() -> None:
        raise RuntimeError(CANARY_NAME)

    try:
        fail()
    except RuntimeError as error:
        record = logging.LogRecord(
            "kiosk.daemon", logging.ERROR, "", 0, "stopped", None, (RuntimeError, error, error.__traceback__)
        )
    record.failed = True
    (found,) = kept([JsonLines().format(record)], own_events())
    assert (found["exception"], found["event"], found["level"], found["failed"]) == ("RuntimeError", "stopped", "error", True)
    assert CANARY_NAME not in json.dumps(found, ensure_ascii=False)
