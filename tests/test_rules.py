"""kiosk.rules decides by the table of directions, cell by cell, and guesses neither employer nor declaration."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.identifiers import DeclarationNumber, Employer, ForeignVatNumber
from kiosk.model import Capacity, Carried, Direction, Press, ReaderDirection, Reason, TaskKind
from kiosk.rules import (
    LEFT_WITHIN_MS,
    Already,
    Assignment,
    Decision,
    DeclarationTerm,
    LastTap,
    Limits,
    Now,
    Record,
    Standing,
    Switch,
    assign,
    carried_employer,
    decide,
    standing,
)
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, OTHER_EMPLOYER

BRUSSELS = ZoneInfo("Europe/Brussels")
LIMITS = Limits()
START_MS = 1_793_602_800_000
SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
OUT, IN = Direction.OUT, Direction.IN

ARRIVE = Record(IN)
LEAVE = Record(OUT)
NO_IN_KNOWN = Record(OUT, (TaskKind.MISSING_IN,))
LONG = Record(OUT, (TaskKind.LONG_STAY,))
FORGOTTEN = Record(IN, (TaskKind.MISSING_OUT,))
REPEAT = None  # Already, with the last tap's own moment and direction

#: The readers and presses that ask for the same: each column of the table below.
TOGGLE = [(ReaderDirection.TOGGLE, None)]
AS_IN = [(ReaderDirection.TOGGLE, Press.IN), *product([ReaderDirection.IN], [None, *Press])]
AS_OUT = [
    (ReaderDirection.TOGGLE, Press.OUT),
    (ReaderDirection.TOGGLE, Press.BREAK),
    *product([ReaderDirection.OUT], [None, *Press]),
]

#: Since which last tap, how many milliseconds ago: on a toggle reader, on one for IN, on one for OUT.
TABLE = [
    (None, 0, ARRIVE, ARRIVE, NO_IN_KNOWN),
    (OUT, 0, REPEAT, ARRIVE, REPEAT),
    (OUT, MINUTE - 1, REPEAT, ARRIVE, REPEAT),
    (OUT, MINUTE, ARRIVE, ARRIVE, NO_IN_KNOWN),
    (OUT, 5 * MINUTE, ARRIVE, ARRIVE, NO_IN_KNOWN),
    (OUT, 15 * HOUR, ARRIVE, ARRIVE, NO_IN_KNOWN),
    (IN, 0, REPEAT, REPEAT, LEAVE),
    (IN, MINUTE - 1, REPEAT, REPEAT, LEAVE),
    (IN, MINUTE, REPEAT, REPEAT, LEAVE),
    (IN, 5 * MINUTE - 1, REPEAT, REPEAT, LEAVE),
    (IN, 5 * MINUTE, LEAVE, REPEAT, LEAVE),
    (IN, 8 * HOUR, LEAVE, REPEAT, LEAVE),
    (IN, 10 * HOUR, LEAVE, REPEAT, LEAVE),
    (IN, 10 * HOUR + 1, LONG, REPEAT, LEAVE),
    (IN, 14 * HOUR, LONG, REPEAT, LEAVE),
    (IN, 14 * HOUR + 1, FORGOTTEN, FORGOTTEN, LEAVE),
    (IN, 400 * HOUR, FORGOTTEN, FORGOTTEN, LEAVE),
]
CELLS = [
    pytest.param(reader, press, last, ago, expected, id=f"{last or 'never'}, {ago} ms ago, {reader.value}, {press or 'no press'}")
    for last, ago, *row in TABLE
    for column, expected in zip((TOGGLE, AS_IN, AS_OUT), row, strict=True)
    for reader, press in column
]


def after(direction: Direction | None, ago_ms: int, *, boot: str = "boot") -> tuple[LastTap | None, Now]:
    """Give a last tap and the moment so long after it, as both clocks tell it; by the wall clock alone in another boot."""
    now = Now(at_ms=START_MS + ago_ms, boot_ns=7_000_000_000_000 + ago_ms * 1_000_000, boot_id=boot)
    if direction is None:
        return None, now
    return LastTap(direction=direction, at_ms=START_MS, boot_ns=7_000_000_000_000, boot_id="boot"), now


@pytest.mark.parametrize("boot", ["boot", "the next boot"])
@pytest.mark.parametrize(("reader", "press", "direction", "ago_ms", "expected"), CELLS)
def test_every_cell_of_the_table(
    reader: ReaderDirection, press: Press | None, direction: Direction | None, ago_ms: int, expected: Decision | None, *, boot: str
) -> None:
    """Reader, press, last tap and the time since decide as the design's table says, within a boot and across boots."""
    last, now = after(direction, ago_ms, boot=boot)
    if expected is None:
        assert direction is not None
        expected = Already(START_MS, direction)
    assert decide(reader, press, last, now, LIMITS) == expected


@pytest.mark.parametrize(("wall_ms", "boot_ms"), [(30_000, 3_600_000), (-86_400_000, 3_600_000), (0, 3_600_000)])
def test_within_a_boot_the_wall_clock_is_not_asked(wall_ms: int, boot_ms: int) -> None:
    """An hour by the boot clock is an hour, however the wall clock was set meanwhile."""
    last = LastTap(direction=IN, at_ms=START_MS, boot_ns=10**12, boot_id="boot")
    now = Now(at_ms=START_MS + wall_ms, boot_ns=10**12 + boot_ms * 1_000_000, boot_id="boot")
    assert decide(ReaderDirection.TOGGLE, None, last, now, LIMITS) == LEAVE


def test_within_a_boot_a_wall_clock_that_jumped_ahead_makes_no_second_tap() -> None:
    """A card that lies on the reader while the clock is set a day ahead is still the same tap."""
    last = LastTap(direction=IN, at_ms=START_MS, boot_ns=10**12, boot_id="boot")
    now = Now(at_ms=START_MS + 24 * HOUR, boot_ns=10**12 + 2 * 10**9, boot_id="boot")
    assert decide(ReaderDirection.TOGGLE, None, last, now, LIMITS) == Already(START_MS, IN)


@pytest.mark.parametrize("boot", ["boot", "the next boot"])
@pytest.mark.parametrize(
    ("reader", "direction", "expected"),
    [
        (ReaderDirection.TOGGLE, IN, LEAVE),
        (ReaderDirection.TOGGLE, OUT, ARRIVE),
        (ReaderDirection.IN, OUT, ARRIVE),
        (ReaderDirection.OUT, OUT, NO_IN_KNOWN),
    ],
)
def test_a_tap_before_the_last_one_is_no_repeat(
    reader: ReaderDirection, direction: Direction, expected: Decision, boot: str
) -> None:
    """When the clock went back, the time between is unknown: the tap is recorded, not taken for a repeat."""
    last, now = after(direction, -1, boot=boot)
    assert decide(reader, None, last, now, LIMITS) == expected


def test_a_debounce_longer_than_the_minimum_stay_holds() -> None:
    """On a toggle reader every tap inside the debounce is a repeat, also beyond a shorter minimum stay."""
    limits = replace(LIMITS, debounce_seconds=600)
    last, now = after(IN, 8 * MINUTE)
    assert decide(ReaderDirection.TOGGLE, None, last, now, limits) == Already(START_MS, IN)


def test_without_minimum_stay_the_debounce_still_holds() -> None:
    """A minimum stay of nothing lets people leave after the debounce, not before."""
    limits = replace(LIMITS, minimum_stay_minutes=0)
    last, within = after(IN, MINUTE - 1)
    assert decide(ReaderDirection.TOGGLE, None, last, within, limits) == Already(START_MS, IN)
    last, later = after(IN, MINUTE)
    assert decide(ReaderDirection.TOGGLE, None, last, later, limits) == LEAVE


def test_who_presses_out_by_mistake_and_in_at_once_is_in() -> None:
    """Inside the debounce another direction is no repeat: OUT pressed by mistake is mended by pressing IN."""
    last, now = after(OUT, 5 * SECOND)
    assert decide(ReaderDirection.TOGGLE, Press.IN, last, now, LIMITS) == ARRIVE


@pytest.mark.parametrize("ago_ms", [MINUTE, 3 * MINUTE, 8 * HOUR, 14 * HOUR])
@pytest.mark.parametrize(("reader", "press"), [*TOGGLE, *AS_IN])
def test_another_declaration_switches(reader: ReaderDirection, press: Press | None, ago_ms: int) -> None:
    """Inside, at a reader that names another declaration, one tap leaves the old one and enters the new, minimum stay or not."""
    last, now = after(IN, ago_ms)
    assert decide(reader, press, last, now, LIMITS, elsewhere=True) == Switch()


@pytest.mark.parametrize(("reader", "press"), AS_OUT)
def test_who_goes_out_elsewhere_goes_out(reader: ReaderDirection, press: Press | None) -> None:
    """Leaving through a reader of another declaration ends the stay and begins none."""
    last, now = after(IN, HOUR)
    assert decide(reader, press, last, now, LIMITS, elsewhere=True) == LEAVE


@pytest.mark.parametrize(("reader", "press"), [*TOGGLE, *AS_IN])
def test_elsewhere_after_the_longest_shift_no_out_is_invented(reader: ReaderDirection, press: Press | None) -> None:
    """A stay that is too old is not closed by a switch: it is a new IN, and the missing OUT is a human's task."""
    last, now = after(IN, 14 * HOUR + 1)
    assert decide(reader, press, last, now, LIMITS, elsewhere=True) == FORGOTTEN


def test_elsewhere_inside_the_debounce_is_a_repeat() -> None:
    """The same tap again is a repeat at whatever reader."""
    last, now = after(IN, MINUTE - 1)
    assert decide(ReaderDirection.TOGGLE, None, last, now, LIMITS, elsewhere=True) == Already(START_MS, IN)


def test_elsewhere_means_nothing_to_who_is_out() -> None:
    """Who is out arrives, whatever the declaration of the reader."""
    last, now = after(OUT, HOUR)
    assert decide(ReaderDirection.TOGGLE, None, last, now, LIMITS, elsewhere=True) == ARRIVE


def at(local: str, *, fold: int = 0) -> int:
    """Turn a local time of the site into Unix milliseconds."""
    return round(datetime.fromisoformat(local).replace(tzinfo=BRUSSELS, fold=fold).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("came", "left", "fold", "expected"),
    [
        pytest.param("2026-11-02T22:00", "2026-11-03T06:00", 0, LEAVE, id="an ordinary night"),
        pytest.param("2026-12-31T20:00", "2027-01-01T05:30", 0, LEAVE, id="over the new year"),
        pytest.param("2026-10-24T20:00", "2026-10-25T05:00", 0, LEAVE, id="the long night: 9 on the clock, 10 hours"),
        pytest.param("2026-10-24T20:00", "2026-10-25T05:01", 0, LONG, id="the long night: a minute more asks"),
        pytest.param("2026-10-25T02:30", "2026-10-25T02:30", 1, LEAVE, id="the hour that comes twice is an hour"),
        pytest.param("2026-10-25T02:59", "2026-10-25T02:01", 1, REPEAT, id="two minutes that look like minus fifty-eight"),
        pytest.param("2026-03-28T19:00", "2026-03-29T06:00", 0, LEAVE, id="the short night: 11 on the clock, 10 hours"),
        pytest.param("2026-03-29T01:58", "2026-03-29T03:01", 0, REPEAT, id="three minutes that look like sixty-three"),
        pytest.param("2026-03-28T16:00", "2026-03-29T07:00", 0, LONG, id="the short night: 15 on the clock, 14 hours"),
        pytest.param("2026-03-28T16:00", "2026-03-29T07:01", 0, FORGOTTEN, id="the short night: a minute more is forgotten"),
    ],
)
def test_nights_and_changes_of_the_clock(came: str, left: str, fold: int, expected: Decision | None) -> None:
    """A stay is as long as it was, over midnight and over both nights on which Europe/Brussels changes its clocks."""
    last = LastTap(direction=IN, at_ms=at(came), boot_ns=0, boot_id="boot")
    now = Now(at_ms=at(left, fold=fold), boot_ns=0, boot_id="the next boot")
    assert decide(ReaderDirection.TOGGLE, None, last, now, LIMITS) == (expected or Already(at(came), IN))


BOOTS = st.sampled_from(["boot", "another"])
MOMENTS = st.integers(-(2**53), 2**53)
LASTS = st.none() | st.builds(LastTap, direction=st.sampled_from(Direction), at_ms=MOMENTS, boot_ns=MOMENTS, boot_id=BOOTS)
NOWS = st.builds(Now, at_ms=MOMENTS, boot_ns=MOMENTS, boot_id=BOOTS)
TIMES = st.floats(0, 10**9)
LIMIT = st.builds(Limits, debounce_seconds=TIMES, minimum_stay_minutes=TIMES, ask_after_hours=TIMES, max_shift_hours=TIMES)
READERS = st.sampled_from(ReaderDirection)
FIXED = st.sampled_from([ReaderDirection.IN, ReaderDirection.OUT])
PRESSES = st.none() | st.sampled_from(Press)


@given(reader=READERS, press=PRESSES, last=LASTS, now=NOWS, limits=LIMIT, elsewhere=st.booleans())
def test_every_tap_is_decided(
    *, reader: ReaderDirection, press: Press | None, last: LastTap | None, now: Now, limits: Limits, elsewhere: bool
) -> None:
    """Whatever the clocks, limits and history, decide decides, twice the same, and never out of thin air."""
    decision = decide(reader, press, last, now, limits, elsewhere=elsewhere)
    assert decide(reader, press, last, now, limits, elsewhere=elsewhere) == decision
    inside = last is not None and last.direction is IN
    match decision:
        case Already(since_ms=since, direction=direction):
            assert last is not None
            assert (since, direction) == (last.at_ms, last.direction)
        case Record(direction=Direction.IN, tasks=tasks):
            assert tasks == ((TaskKind.MISSING_OUT,) if inside else ())
        case Record(direction=Direction.OUT, tasks=tasks):
            assert inside or tasks == (TaskKind.MISSING_IN,)
        case Switch():
            assert inside
            assert elsewhere


@given(last=LASTS, now=NOWS, limits=LIMIT, elsewhere=st.booleans())
def test_a_toggle_reader_never_sends_out_who_is_out(*, last: LastTap | None, now: Now, limits: Limits, elsewhere: bool) -> None:
    """Without a press, an OUT on a toggle reader closes a stay that is known to be open."""
    decision = decide(ReaderDirection.TOGGLE, None, last, now, limits, elsewhere=elsewhere)
    if isinstance(decision, Record) and decision.direction is OUT:
        assert last is not None
        assert last.direction is IN


@given(reader=FIXED, press=st.sampled_from(Press), last=LASTS, now=NOWS, limits=LIMIT, elsewhere=st.booleans())
def test_no_press_turns_a_fixed_reader(
    *, reader: ReaderDirection, press: Press, last: LastTap | None, now: Now, limits: Limits, elsewhere: bool
) -> None:
    """A fixed reader decides the same with any button as with none."""
    pressed = decide(reader, press, last, now, limits, elsewhere=elsewhere)
    assert pressed == decide(reader, None, last, now, limits, elsewhere=elsewhere)


@given(READERS, PRESSES, LASTS, NOWS, st.integers(-(10**12), 10**12))
def test_only_the_time_between_counts(
    reader: ReaderDirection, press: Press | None, last: LastTap | None, now: Now, shift_ms: int
) -> None:
    """The same two taps at another hour, date or year are decided alike."""
    moved_now = replace(now, at_ms=now.at_ms + shift_ms, boot_ns=now.boot_ns + shift_ms)
    moved_last = last and replace(last, at_ms=last.at_ms + shift_ms, boot_ns=last.boot_ns + shift_ms)
    decision, moved = decide(reader, press, last, now, LIMITS), decide(reader, press, moved_last, moved_now, LIMITS)
    if isinstance(decision, Already):
        decision = replace(decision, since_ms=decision.since_ms + shift_ms)
    assert moved == decision


TODAY = date(2026, 11, 22)
OFFICES = DeclarationTerm(number=DECLARATION)
STATION = DeclarationTerm(number=OTHER_DECLARATION, employer=OTHER_EMPLOYER)
FOREIGN = ForeignVatNumber.parse("NL123456789B01")
UNLISTED = DeclarationNumber.parse("1Y103AAAAAAAA")


def assigned(
    *declarations: DeclarationTerm,
    holder: Employer | None = None,
    own: DeclarationNumber | None = None,
    reader: DeclarationNumber | None = None,
    default: Employer | None = EMPLOYER,
    fitting: frozenset[DeclarationNumber] | None = None,
) -> Assignment:
    return assign(
        holder_employer=holder,
        holder_declaration=own,
        reader_declaration=reader,
        declarations=declarations,
        default_employer=default,
        day=TODAY,
        fitting=fitting,
    )


def given_to(employer: Employer | None, declaration: DeclarationNumber | None, reason: Reason | None = None) -> Assignment:
    return Assignment(employer=employer, declaration=declaration, reason=reason)


def test_the_only_valid_declaration_needs_no_choice() -> None:
    """With one valid declaration and a default employer, everybody works for these."""
    assert assigned(OFFICES) == given_to(EMPLOYER, DECLARATION)


def test_a_declaration_is_the_holders_then_the_readers() -> None:
    """The holder's own declaration goes before the reader's, and the reader's before none."""
    assert assigned(OFFICES, STATION, own=OTHER_DECLARATION, reader=DECLARATION).declaration == OTHER_DECLARATION
    assert assigned(OFFICES, STATION, reader=OTHER_DECLARATION).declaration == OTHER_DECLARATION
    assert assigned(OFFICES, STATION) == given_to(EMPLOYER, None, Reason.DECLARATION)


def test_of_several_the_one_whose_place_this_is_needs_no_choice() -> None:
    """Two that fit are a choice; where none does the box is astray, and a name that somebody gave stands."""
    here, both = frozenset({OTHER_DECLARATION}), frozenset({DECLARATION, OTHER_DECLARATION})
    assert assigned(OFFICES, STATION, fitting=here) == given_to(OTHER_EMPLOYER, OTHER_DECLARATION)
    assert assigned(OFFICES, STATION, fitting=both) == given_to(EMPLOYER, None, Reason.DECLARATION)
    assert assigned(OFFICES, STATION, fitting=frozenset()) == given_to(EMPLOYER, None, Reason.FENCE)
    assert assigned(OFFICES, STATION, reader=DECLARATION, fitting=here).declaration == DECLARATION
    assert assigned(OFFICES, fitting=frozenset()).declaration == DECLARATION
    assert assigned(fitting=here) == given_to(EMPLOYER, None, Reason.DECLARATION)


def test_what_has_ended_is_at_no_place() -> None:
    """Only a declaration that is valid today counts where the box stands."""
    ended = replace(STATION, valid_until=date(2026, 11, 21))
    assert assigned(OFFICES, ended, fitting=frozenset({OTHER_DECLARATION})).declaration == DECLARATION


def test_an_employer_is_the_holders_then_the_declarations_then_the_default() -> None:
    """The holder's own employer goes before the declaration's, and that before the default."""
    assert assigned(OFFICES, STATION, own=OTHER_DECLARATION, holder=FOREIGN) == given_to(FOREIGN, OTHER_DECLARATION)
    assert assigned(OFFICES, STATION, own=OTHER_DECLARATION) == given_to(OTHER_EMPLOYER, OTHER_DECLARATION)
    assert assigned(OFFICES, STATION, own=DECLARATION) == given_to(EMPLOYER, DECLARATION)


def test_no_employer_is_guessed() -> None:
    """Where nobody names an employer the registration waits for a human, with its declaration."""
    assert assigned(OFFICES, default=None) == given_to(None, DECLARATION, Reason.EMPLOYER)


def test_the_declaration_is_asked_for_before_the_employer() -> None:
    """Where both lack, the declaration comes first, since it may bring the employer."""
    assert assigned(OFFICES, STATION, default=None) == given_to(None, None, Reason.DECLARATION)


@pytest.mark.parametrize("number", [UNLISTED, OTHER_DECLARATION])
def test_a_declaration_that_is_not_valid_today_is_not_replaced(number: DeclarationNumber) -> None:
    """When the declaration that was named has ended or is not configured, no other one is guessed in its stead."""
    ended = replace(STATION, valid_until=date(2026, 11, 21))
    assert assigned(OFFICES, ended, own=number, reader=DECLARATION) == given_to(EMPLOYER, None, Reason.DECLARATION)
    assert assigned(OFFICES, ended, reader=number) == given_to(EMPLOYER, None, Reason.DECLARATION)


def test_a_declaration_that_ended_leaves_the_other_as_the_only_one() -> None:
    """Which declarations are valid is asked on the day of the tap."""
    ended = replace(STATION, valid_until=date(2026, 11, 21))
    assert assigned(ended, OFFICES) == given_to(EMPLOYER, DECLARATION)
    assert assigned(ended) == given_to(EMPLOYER, None, Reason.DECLARATION)


@pytest.mark.parametrize(
    ("begins", "ends", "valid"),
    [
        (None, None, True),
        (TODAY, TODAY, True),
        (date(2026, 11, 23), None, False),
        (None, date(2026, 11, 21), False),
        (date(2026, 1, 1), date(2026, 12, 31), True),
    ],
)
def test_both_ends_of_a_declaration_are_inclusive(begins: date | None, ends: date | None, *, valid: bool) -> None:
    """A declaration is valid on its first and on its last day, and without an end for good."""
    assert DeclarationTerm(number=DECLARATION, valid_from=begins, valid_until=ends).valid_on(TODAY) is valid


@pytest.mark.parametrize(
    ("moment", "valid"),
    [
        ("2026-12-30T22:59:59.999+00:00", False),
        ("2026-12-30T23:00:00+00:00", True),
        ("2026-12-31T22:59:59.999+00:00", True),
        ("2026-12-31T23:00:00+00:00", False),
    ],
)
def test_a_declaration_ends_at_the_sites_own_midnight(moment: str, *, valid: bool) -> None:
    """The day that counts is the site's: at 23:00 UTC of New Year's Eve a Brussels declaration of that year has ended."""
    term = DeclarationTerm(number=DECLARATION, valid_from=date(2026, 12, 31), valid_until=date(2026, 12, 31))
    assert term.valid_on(datetime.fromisoformat(moment).astimezone(BRUSSELS).date()) is valid


@pytest.mark.parametrize(
    ("direction", "press", "ago_ms", "expected"),
    [
        (IN, None, 0, Standing.HERE),
        (IN, Press.IN, 30 * HOUR, Standing.HERE),
        (OUT, Press.BREAK, 0, Standing.ON_BREAK),
        (OUT, Press.BREAK, 3 * HOUR, Standing.ON_BREAK),
        (OUT, None, 0, Standing.LEFT),
        (OUT, Press.OUT, LEFT_WITHIN_MS, Standing.LEFT),
        (OUT, None, LEFT_WITHIN_MS + 1, Standing.GONE),
    ],
)
def test_where_the_presence_list_puts_people(direction: Direction, press: Press | None, ago_ms: int, expected: Standing) -> None:
    """Who came is here, who pressed break is on break, who left shows for fifteen minutes (on the stairs, perhaps)."""
    assert LEFT_WITHIN_MS == 15 * MINUTE
    assert standing(direction, press, at_ms=START_MS, now_ms=START_MS + ago_ms) is expected


@pytest.mark.parametrize("carried", Carried)
@pytest.mark.parametrize("capacity", Capacity)
def test_only_the_self_employed_go_out_under_a_principal(capacity: Capacity, carried: Carried) -> None:
    """Everybody else's own number goes out; theirs only where the configuration says so."""
    own = carried_employer(OTHER_EMPLOYER, capacity, carried)
    assert own == (None if (capacity, carried) == (Capacity.SELF_EMPLOYED, Carried.PRINCIPAL) else OTHER_EMPLOYER)
    assert carried_employer(None, capacity, carried) is None
