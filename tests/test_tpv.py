"""hardware.tpv reads what gpsd says, and tells fixes that count from repeats, leaps and rubbish."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.tpv import LONGEST_LINE, Report, Tracker, read_report, split

#: Word for word from gpsd 3.22.
FIXED = (
    b'{"class":"TPV","device":"/dev/pts/0","mode":3,"time":"2026-11-25T13:35:12.000Z","ept":0.005,"lat":50.846600000,'
    b'"lon":4.367000000,"altHAE":77.0000,"altMSL":30.0000,"alt":30.0000,"epv":27.600,"track":0.0000,"magtrack":1.3573,'
    b'"magvar":1.4,"speed":0.000,"climb":0.000,"epc":55.20,"geoidSep":47.000,"eph":17.100,"sep":28.500}'
)
AT = 1_795_613_712.0
SECOND = 1_000_000_000


def said(**changes: Any) -> bytes:
    """The report with members changed; with None, left out."""
    members = {**json.loads(FIXED), **changes}
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


def report(at: float, latitude: float = 50.8466, longitude: float = 4.367) -> Report:
    return Report(latitude=latitude, longitude=longitude, error_meters=17.1, at=at)


def counted(*told: tuple[Report, float]) -> list[bool]:
    """Which of these reports, each with the boot clock's seconds, count."""
    tracker = Tracker()
    return [tracker.count(each, round(seconds * SECOND)) is not None for each, seconds in told]


def test_a_report_of_the_real_gpsd_is_read() -> None:
    """Place, error and the receiver's time are taken as they come."""
    assert read_report(FIXED) == report(AT)
    assert read_report(FIXED + b"\r") == report(AT)


def test_the_error_may_come_by_axis() -> None:
    """Other versions tell it to the east and to the north."""
    read = read_report(said(eph=None, epx=3.0, epy=4.0))
    assert read is not None
    assert read.error_meters == 5.0


@pytest.mark.parametrize(
    "changes",
    [
        {"class": "SKY"},
        {"mode": 1},
        {"mode": 0},
        {"mode": None},
        {"mode": True},
        {"mode": "3"},
        {"time": None},
        {"time": "yesterday"},
        {"time": "2026-11-25T13:35:12"},
        {"time": 12},
        {"lat": None},
        {"lon": None},
        {"lat": 90.1},
        {"lon": -180.1},
        {"lat": "50.8"},
        {"lat": 10**400},
        {"eph": None},
        {"eph": None, "epx": 3.0},
        {"eph": -1.0},
        {"eph": float("inf")},
        {"lat": float("nan")},
    ],
)
def test_what_has_no_place_time_or_error_is_no_report(changes: dict[str, Any]) -> None:
    """No fix, one whose age or error nobody knows, and one that is on no map count for nothing."""
    assert read_report(said(**changes)) is None


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, FIXED[:-1]])
def test_rubbish_is_no_report(line: bytes) -> None:
    """A line that is cut short, no JSON or built to break the reader is passed over."""
    assert read_report(line) is None


@given(
    st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=3),
    st.sampled_from(["class", "mode", "time", "lat", "lon", "eph", "epx"]),
)
def test_any_value_of_a_member_is_read_or_passed_over(value: Any, name: str) -> None:
    """Whatever JSON can hold, a report that is read has a place on the map and a finite error."""
    read = read_report(said(eph=None, epx=1.0, epy=1.0) if name == "epx" else said(**{name: value}))
    if read is not None:
        assert -90 <= read.latitude <= 90
        assert -180 <= read.longitude <= 180
        assert 0 <= read.error_meters < float("inf")


@given(st.lists(st.binary(max_size=40)), st.integers(0, 10))
def test_lines_come_out_however_they_are_cut(lines: list[bytes], step: int) -> None:
    """What arrives in pieces is put together, and nothing is lost or doubled at the seams."""
    whole = [line.replace(b"\n", b" ") for line in lines]
    stream = b"".join(line + b"\n" for line in whole)
    pending, found = b"", list[bytes]()
    for begin in range(0, len(stream), step + 1):
        some, pending = split(pending, stream[begin : begin + step + 1])
        found += some
    assert (found, pending) == (whole, b"")


def test_a_line_without_end_is_not_kept_and_its_end_is_no_report() -> None:
    """However it is cut; the next line counts again."""
    pending = b""
    for piece in (b"x" * (LONGEST_LINE + 1), FIXED.rjust(LONGEST_LINE)):
        lines, pending = split(pending, piece)
        assert (lines, len(pending)) == ([], 1)
    (line, after), pending = split(pending, b"\n" + FIXED + b"\n")
    assert (read_report(line), read_report(after), pending) == (None, report(AT), b"")
    assert split(b"", FIXED.rjust(LONGEST_LINE + 1) + b"\n") == ([], b"")


def altered(dice: random.Random) -> bytes:
    """A report with some bytes changed, dropped or doubled."""
    line = bytearray(FIXED)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(line))
        match dice.randrange(3):
            case 0:
                line[place] = dice.randrange(256)
            case 1:
                del line[place : place + dice.randint(1, 9)]
            case _:
                line[place:place] = line[place : place + dice.randint(1, 9)]
    return bytes(line)


def test_no_bytes_break_the_reader() -> None:
    """100,000 altered reports are read or passed over, and what is read is a place on the map."""
    dice = random.Random(20_261_125)  # noqa: S311  the same bytes each time, nothing secret
    for _ in range(100_000):
        _look(altered(dice))


@pytest.mark.long
def test_a_million_altered_reports_break_nothing() -> None:
    """The same for a million."""
    dice = random.Random(1)  # noqa: S311
    for _ in range(1_000_000):
        _look(altered(dice))


def _look(line: bytes) -> None:
    read = read_report(line)
    assert read is None or (abs(read.latitude) <= 90 and abs(read.longitude) <= 180 and read.error_meters >= 0)


def test_a_fix_counts_that_goes_on_from_the_one_before() -> None:
    """Nothing shows how old the first report is; the second does, and every further one."""
    assert counted((report(AT), 10), (report(AT + 1), 11), (report(AT + 2), 12)) == [False, True, True]


def test_a_repeated_fix_never_counts_again() -> None:
    """An old fix is told for ever by gpsd: the moment of its last change stays the one it had."""
    repeats = [(report(AT + 1), 11 + seconds) for seconds in range(1, 100)]
    assert counted((report(AT), 10), (report(AT + 1), 11), *repeats) == [False, True, *[False] * 99]


def test_what_comes_after_repeats_counts_at_once() -> None:
    """A repeat is no leap: the time that it took has gone on in the next new fix too."""
    assert counted((report(AT), 10), (report(AT + 1), 11), (report(AT + 1), 60), (report(AT + 50), 60.5)) == [
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("leap", [-5000.0, 5000.0, -1024 * 7 * 86_400.0, 18.0, -0.5])
def test_a_leap_of_the_receivers_time_costs_one_fix(leap: float) -> None:
    """A receiver that was reset counts again as soon as it goes on evenly."""
    told = [(report(AT), 10.0), (report(AT + 1), 11.0), (report(AT + 2 + leap), 12.0), (report(AT + 3 + leap), 13.0)]
    expected = [False, True, leap == -0.5, True]
    assert counted(*told) == expected


def test_old_fixes_that_are_played_in_a_hurry_do_not_count() -> None:
    """A buffer that is emptied tells minutes in a blink: none of them says where the box is now, but the one after it does."""
    buffered = [(report(AT + 10 * number), 10 + number / 100) for number in range(20)]
    assert not any(counted(*buffered))
    assert counted(*buffered, (report(AT + 191), 11.2)) == [False] * 20 + [True]


def test_a_fix_after_silence_counts() -> None:
    """Tunnels end: the time has gone on as the boot clock did."""
    assert counted((report(AT), 10), (report(AT + 1), 11), (report(AT + 301), 311))[-1]


def test_a_place_that_leaps_must_be_told_twice() -> None:
    """Nobody drives 40 km in a second; where the next fix goes on from there, it was a reset and not a slip."""
    slip = [(report(AT + 2, 51.2), 12), (report(AT + 3), 13), (report(AT + 4), 14)]
    assert counted((report(AT), 10), (report(AT + 1), 11), *slip) == [False, True, False, False, True]
    moved = [(report(AT + 2, 51.2), 12), (report(AT + 3, 51.2), 13)]
    assert counted((report(AT), 10), (report(AT + 1), 11), *moved) == [False, True, False, True]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), max_size=30))
def test_what_counts_went_on_as_the_boot_clock_did(steps: list[tuple[float, float]]) -> None:
    """The time of a fix that counts differs by about what passed from that of the last report that told another time."""
    at, boot, told = AT, 10.0, list[tuple[Report, float]]()
    for ahead, passed in steps:
        at, boot = at + ahead, boot + passed
        told.append((report(at), boot))
    before: tuple[Report, float] | None = None
    for counts, (now, later) in zip(counted(*told), told, strict=True):
        assert not counts or before is not None
        assert not counts or before is None or abs((now.at - before[0].at) - (later - before[1])) <= 5.1
        if before is None or now.at != before[0].at:
            before = (now, later)
