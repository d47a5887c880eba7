from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.comparison import Kind, Ours, Theirs, What, Why, compare, differences
from kiosk.model import Direction, State

_ROW = Ours(
    row=1,
    holder=7,
    direction=Direction.IN,
    second=1_000,
    group=b"group",
    state=State.ACCEPTED,
    registration_id=17_000,
    validity="valid",
)
_THERE = Theirs(registration_id=17_000, holder=7, direction=Direction.IN, second=1_000, group=b"group", validity="valid")
_UNSENT = replace(_ROW, registration_id=None, validity=None)


def test_equal_lists_have_no_difference() -> None:
    """What is on both sides and the same needs nobody."""
    told = compare([_ROW], [_THERE])
    assert (told.equal, told.findings, dict(told.explained), told.stale) == (1, (), {}, ())


ONE_SIDED = [
    ("lost", [_ROW], [], (Kind.ONLY_HERE, 1, None)),
    ("unknown to us", [], [_THERE], (Kind.ONLY_THERE, None, 17_000)),
    ("twice there", [_ROW], [_THERE, replace(_THERE, registration_id=17_001)], (Kind.DUPLICATE, 1, 17_001)),
    (
        "twice there, and we hold the later id",
        [replace(_ROW, registration_id=17_001)],
        [_THERE, replace(_THERE, registration_id=17_001)],
        (Kind.DUPLICATE, 1, 17_000),
    ),
    (
        "twice there, and the other channel's room took one for its own",
        [_ROW],
        [_THERE, replace(_THERE, registration_id=17_001, elsewhere=True)],
        (Kind.DUPLICATE, 1, 17_001),
    ),
    (
        "a refused row was registered all the same, twice",
        [replace(_UNSENT, state=State.REFUSED)],
        [replace(_THERE, cancelled=True), replace(_THERE, registration_id=17_001)],
        (Kind.DIFFERENT, 1, 17_001),
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "told"), [case[1:] for case in ONE_SIDED], ids=[case[0] for case in ONE_SIDED])
def test_what_is_on_one_side_only_is_found(
    ours: list[Ours], theirs: list[Theirs], told: tuple[Kind, int | None, int | None]
) -> None:
    """A loss, a duplicate, and what we never sent, each by row and by the service's id."""
    (finding,) = compare(ours, theirs).findings
    row = None if finding.ours is None else finding.ours.row
    there = None if finding.theirs is None else finding.theirs.registration_id
    assert (finding.kind, row, there) == told


DIFFERENT = [
    ("another person", {}, {"holder": 8}, (What.PERSON,)),
    ("somebody who is not in the roster", {}, {"holder": None}, (What.PERSON,)),
    ("another direction", {}, {"direction": Direction.OUT}, (What.DIRECTION,)),
    ("another time", {}, {"second": 1_001}, (What.TIME,)),
    ("another employer or declaration", {}, {"group": b"other"}, (What.DECLARATION,)),
    ("another validity", {}, {"validity": "invalid"}, (What.VALIDITY,)),
    ("a validity taken back", {}, {"validity": "pending"}, (What.VALIDITY,)),
    ("a remark that came later", {}, {"remarks": ("late",)}, (What.REMARKS,)),
    ("a remark that went", {"remarks": ("late",)}, {}, (What.REMARKS,)),
    ("cancelled there", {}, {"cancelled": True, "validity": "cancelled"}, (What.CANCELLED,)),
    ("cancelled here only", {"state": State.CANCELLED}, {}, (What.NOT_CANCELLED,)),
    ("under another id", {}, {"registration_id": 17_005}, (What.REGISTRATION_ID,)),
    ("held here", {"state": State.HELD, "registration_id": None}, {}, (What.NOT_SENT,)),
    ("refused here", {"state": State.REFUSED, "registration_id": None}, {}, (What.NOT_SENT,)),
    ("queued here", {"state": State.QUEUED, "registration_id": None}, {}, (What.NOT_SENT,)),
    ("of another declaration under another id", {}, {"registration_id": 17_005, "group": b"other"},
     (What.DECLARATION, What.REGISTRATION_ID)),
]  # fmt: skip


@pytest.mark.parametrize(("here", "there", "what"), [case[1:] for case in DIFFERENT], ids=[case[0] for case in DIFFERENT])
def test_a_pair_tells_in_what_it_differs(here: dict[str, object], there: dict[str, object], what: tuple[What, ...]) -> None:
    """Each field that can differ is named, and a pair is found by its id or by what it is."""
    ours, theirs = replace(_ROW, **here), replace(_THERE, **there)  # type: ignore[arg-type]  # true fields
    assert differences(ours, theirs) == what
    (finding,) = compare([ours], [theirs]).findings
    assert (finding.kind, finding.what) == (Kind.DIFFERENT, what)


EXPLAINED = [
    ("another channel's", None, {"elsewhere": True}, Why.OTHER_CHANNEL),
    ("a subcontractor's", None, {"holder": None}, Why.NOT_IN_ROSTER),
    ("cancelled there, never ours", None, {"cancelled": True}, Why.CANCELLED),
    ("queued", {"state": State.QUEUED, "registration_id": None}, None, Why.WAITING),
    ("in flight", {"state": State.IN_FLIGHT, "registration_id": None}, None, Why.WAITING),
    ("unknown", {"state": State.UNKNOWN, "registration_id": None}, None, Why.WAITING),
    ("unknown, and there", {"state": State.UNKNOWN, "registration_id": None, "validity": None}, {}, Why.WAITING),
    ("accepted a moment ago", {"young": True}, None, Why.WAITING),
    ("held", {"state": State.HELD, "registration_id": None}, None, Why.HELD),
    ("refused", {"state": State.REFUSED, "registration_id": None}, None, Why.REFUSED),
    ("cancelled before it was sent", {"state": State.CANCELLED, "registration_id": None}, None, Why.CANCELLED),
    ("cancelled on both sides", {"state": State.CANCELLED}, {"cancelled": True, "validity": "cancelled"}, Why.CANCELLED),
    ("cancelled, and no longer shown", {"state": State.CANCELLED}, None, Why.CANCELLED),
    ("cancelled there, as we know", {"validity": "cancelled"}, {"cancelled": True, "validity": "cancelled"}, Why.CANCELLED),
    ("cancelled there, which is news", {"validity": "pending"}, {"cancelled": True, "validity": "cancelled"}, Why.CANCELLED),
    ("about to be cancelled", {"cancelling": True}, {"cancelled": True, "validity": "cancelled"}, Why.CANCELLED),
]


@pytest.mark.parametrize(("here", "there", "why"), [case[1:] for case in EXPLAINED], ids=[case[0] for case in EXPLAINED])
def test_what_has_its_reason_is_told_apart(here: dict[str, object] | None, there: dict[str, object] | None, why: Why) -> None:
    """It is counted by its reason, and nobody is asked for."""
    ours = [] if here is None else [replace(_ROW, **here)]  # type: ignore[arg-type]  # true fields
    theirs = [] if there is None else [replace(_THERE, **there)]  # type: ignore[arg-type]  # true fields
    told = compare(ours, theirs)
    assert (told.equal, told.findings, dict(told.explained)) == (0, (), {why: 1})


def test_a_validity_that_is_news_is_kept_and_no_difference() -> None:
    """The follow-up has not asked yet: the pair is equal, and what the service found since is to be written down."""
    pending = replace(_ROW, validity="pending")
    there = replace(_THERE, remarks=("late",))
    told = compare([pending], [there])
    assert (told.equal, told.findings, told.stale) == (1, (), ((pending, there),))


def test_of_two_equal_registrations_each_pairs_with_one_row() -> None:
    """Two taps in the same second are two rows here and two there: neither is a duplicate."""
    rows = [_ROW, replace(_ROW, row=2, registration_id=17_001)]
    there = [_THERE, replace(_THERE, registration_id=17_001)]
    assert compare(rows, there).equal == 2


def test_an_unsent_row_takes_nothing_from_an_accepted_one() -> None:
    """Where both fit the one registration at the service, it belongs to the row that the service accepted."""
    told = compare([replace(_UNSENT, row=1, state=State.HELD), replace(_ROW, row=2, registration_id=99)], [_THERE])
    assert [(finding.ours and finding.ours.row, finding.what) for finding in told.findings] == [(2, (What.REGISTRATION_ID,))]
    assert dict(told.explained) == {Why.HELD: 1}


_ROWS = st.builds(
    Ours,
    row=st.integers(1, 10_000),
    holder=st.integers(1, 4),
    direction=st.sampled_from(Direction),
    second=st.integers(0, 20),
    group=st.sampled_from([b"one", b"two"]),
    state=st.sampled_from(State),
    registration_id=st.none() | st.integers(1, 60),
    validity=st.sampled_from(["pending", "valid", "invalid"]),
)
_SHOWN = st.builds(
    Theirs,
    registration_id=st.integers(1, 60),
    holder=st.none() | st.integers(1, 4),
    direction=st.sampled_from(Direction),
    second=st.integers(0, 20),
    group=st.sampled_from([b"one", b"two"]),
    validity=st.sampled_from(["pending", "valid", "invalid"]),
    cancelled=st.booleans(),
    elsewhere=st.booleans(),
)


@given(
    ours=st.lists(_ROWS, max_size=25, unique_by=(lambda row: row.row, lambda row: row.registration_id or -row.row)),
    theirs=st.lists(_SHOWN, max_size=25, unique_by=lambda each: each.registration_id),
)
def test_everything_on_either_side_is_told_exactly_once(ours: list[Ours], theirs: list[Theirs]) -> None:
    """Whatever the lists hold: nothing is dropped, nothing counted twice, and the order of the lists changes nothing."""
    told = compare(ours, theirs)
    alone = {Kind.ONLY_HERE: 1, Kind.ONLY_THERE: 1, Kind.DUPLICATE: 1, Kind.DIFFERENT: 2}
    paired = len(ours) + len(theirs) - told.equal * 2 - sum(alone[finding.kind] for finding in told.findings)
    explained = sum(told.explained.values())
    assert explained <= paired <= 2 * explained
    assert compare(list(reversed(ours)), list(reversed(theirs))) == told


@given(st.lists(_ROWS, max_size=30, unique_by=(lambda row: row.row, lambda row: row.registration_id or -row.row)))
def test_a_book_that_the_service_shows_as_it_is_has_no_difference(rows: list[Ours]) -> None:
    """However many equal taps it holds."""
    accepted = [replace(row, state=State.ACCEPTED, registration_id=row.row) for row in rows]
    shown = [
        Theirs(
            registration_id=row.row,
            holder=row.holder,
            direction=row.direction,
            second=row.second,
            group=row.group or b"",
            validity=row.validity or "",
        )
        for row in rows
    ]
    told = compare(accepted, shown)
    assert (told.equal, told.findings, told.stale) == (len(rows), (), ())
