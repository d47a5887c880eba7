"""kiosk.logs writes one JSON object a line, and nothing that an exception says."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.logs import JsonLines
from tests.people import CANARY_CARD, CANARY_INSZ
from tests.stores import child


def line(message: str = "tap", *arguments: object, error: BaseException | None = None, **extra: object) -> dict[str, Any]:
    """Format one record as the daemon does, and read it back."""
    told = (type(error), error, error.__traceback__) if error else None
    record = logging.getLogger("kiosk.intake").makeRecord(
        "kiosk.intake", logging.WARNING, "intake.py", 1, message, arguments, told, extra=extra
    )
    text = JsonLines().format(record)
    assert "\n" not in text
    read = json.loads(text)
    assert isinstance(read, dict)
    return read


def test_a_line_says_when_how_grave_where_and_what() -> None:
    """Time in UTC to the millisecond, level, room and words are in every line, and nothing else unless handed along."""
    read = line("reader %s absent", "gate")
    assert {key: read[key] for key in ("level", "room", "event")} == {
        "level": "warning",
        "room": "kiosk.intake",
        "event": "reader gate absent",
    }
    assert list(read) == ["time", "level", "room", "event"]
    written = datetime.strptime(read["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)


@pytest.mark.parametrize(("created", "expected"), [(1_795_331_704.0, "04.000Z"), (1_795_331_704.25, "04.250Z")])
def test_the_time_is_utc_with_three_decimals(created: float, expected: str) -> None:
    """A whole second has its decimals too, so that lines sort as text."""
    record = logging.LogRecord("kiosk", logging.INFO, "", 0, "x", None, None)
    record.created, record.msecs = created, created % 1 * 1000
    assert json.loads(JsonLines().format(record))["time"] == f"2026-11-22T07:15:{expected}"


def test_what_is_handed_along_is_a_field() -> None:
    """Extra values stand beside the words under their own names."""
    read = line("sent", items=17, seconds=0.25, reader="gate", none=None, nested={"a": [1]})
    assert {key: read[key] for key in ("items", "seconds", "reader", "none", "nested")} == {
        "items": 17,
        "seconds": 0.25,
        "reader": "gate",
        "none": None,
        "nested": {"a": [1]},
    }


def test_a_person_handed_along_is_masked() -> None:
    """Even if a number or a card is handed along by mistake, it is written as it is shown: masked."""
    text = json.dumps(line("tap of %s", CANARY_INSZ, insz=CANARY_INSZ, card=CANARY_CARD))
    assert CANARY_INSZ.digits not in text
    assert CANARY_CARD.identifier.hex() not in text.lower()
    assert CANARY_INSZ.masked in text


def raised() -> BaseException:
    """Give an exception as a foreign library raises it, with a person in its words."""
    try:
        json.loads(f'"{CANARY_INSZ.digits}')
    except ValueError as error:
        return error
    raise AssertionError


def test_of_an_exception_only_kind_and_place_are_written() -> None:
    """An exception's words and its traceback's lines may hold a person: its class and place are enough to find it."""
    read = line("a call failed", error=raised())
    assert read["exception"] == "JSONDecodeError"
    assert read["raised_at"].startswith("json.decoder:")
    assert CANARY_INSZ.digits not in json.dumps(read)


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    """An exception without a traceback is named all the same."""
    read = line("odd", error=ValueError(CANARY_INSZ.digits))
    assert (read["exception"], read["raised_at"]) == ("ValueError", None)


def test_no_exception_is_no_field() -> None:
    """``exception()`` outside of one, as careless code does, writes its words and no more."""
    record = logging.LogRecord("kiosk", logging.ERROR, "", 0, "x", None, (None, None, None))
    assert "exception" not in json.loads(JsonLines().format(record))


@given(st.text())
def test_any_text_is_one_line(text: str) -> None:
    """Whatever a reader's name or a message holds, it stays on one line and is read back the same."""
    read = line("%s", text, reader=text)
    assert (read["event"], read["reader"]) == (text, text)


STARTED = "import logging, warnings; from kiosk.logs import start_logging; start_logging()\n"


def written(script: str) -> list[dict[str, Any]]:
    """Run a script that logs in a process of its own, and read its standard error, every line of it."""
    done = child(STARTED + script)
    assert done.returncode == 0
    assert done.stdout == ""
    return [json.loads(each) for each in done.stderr.splitlines()]


def test_our_rooms_are_heard_from_info_and_libraries_from_warning() -> None:
    """What our rooms say is written from INFO up, what foreign libraries say from WARNING up, and nothing twice."""
    lines = written(
        "for name in ('kiosk.intake', 'hardware.pcsc', 'httpx'):\n"
        "    log = logging.getLogger(name)\n"
        "    log.debug('d'); log.info('i'); log.warning('w')\n"
    )
    assert [(read["room"], read["event"]) for read in lines] == [
        ("kiosk.intake", "i"),
        ("kiosk.intake", "w"),
        ("hardware.pcsc", "i"),
        ("hardware.pcsc", "w"),
        ("httpx", "w"),
    ]


def test_a_handler_of_before_is_gone() -> None:
    """Whatever a library set up before, standard error carries JSON lines alone."""
    lines = written("logging.basicConfig(); start_logging(); logging.getLogger('kiosk').warning('once')\n")
    assert [read["event"] for read in lines] == ["once"]


def test_a_warning_of_python_is_a_line_too() -> None:
    """Python's own warnings would stand as bare text between the lines, so they are lines as well."""
    (read,) = written("warnings.warn('something is old', UserWarning)\n")
    assert read["room"] == "py.warnings"
    assert "something is old" in read["event"]


def test_a_log_that_can_not_be_written_stops_nothing(tmp_path: Path) -> None:
    """With standard error gone, or a record that can't be formatted, work goes on without a traceback."""
    script = STARTED + (
        "import os, sys\n"
        "log = logging.getLogger('kiosk')\n"
        "log.info('%d', 'no number')\n"
        "os.close(2); os.open('/dev/full', os.O_WRONLY)\n"
        "log.info('lost')\n"
        "print('went on')\n"
        "sys.stdout.flush(); os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "went on\n", "")
