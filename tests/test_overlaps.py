"""kiosk.overlaps tells whether somebody is inside twice at once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.model import Direction
from kiosk.overlaps import Mark, overlapping

HOUR_MS = 3_600_000
LONGEST_MS = 14 * HOUR_MS


def _marks(story: str) -> list[Mark]:
    """Read marks like ``7inA`` (here, at seven, group A), ``9outB@`` (by another channel) and ``7inA!`` (held)."""
    marks = []
    for number, word in enumerate(story.split(), 1):
        direction = Direction.IN if "in" in word else Direction.OUT
        hour, rest = word.split(direction.value)
        there = rest.endswith("@")
        marks.append(
            Mark(
                at_ms=round(float(hour) * HOUR_MS),
                direction=direction,
                group=rest[:1].encode(),
                row=None if there else number,
                registration_id=number,
                owed=not rest.endswith("!"),
            )
        )
    return marks


def _pairs(marks: Sequence[Mark]) -> list[tuple[int | None, int | None]]:
    found = overlapping(marks, longest_ms=LONGEST_MS)
    return [(each.first.registration_id, each.second.registration_id) for each in found]


@pytest.mark.parametrize(
    ("story", "pairs"),
    [
        ("7inA 16outA", []),
        ("7inA 12outA@ 13inA 16outA", []),  # here, out by telephone, here again
        ("7inA@ 16outA", []),  # came by telephone, left here
        ("7inA 12outA 12inB 16outB", []),  # a change of declaration at the same moment
        ("7inA 12outA@ 12inA@ 16outA@", []),  # out and in again at the same moment
        ("7inA 9inB@ 11outB@ 16outA", [(1, 2)]),
        ("7inB@ 9inA 11outA 16outB@", [(1, 2)]),
        ("7inA 7.1inA@ 16outA", [(1, 2)]),  # registered by telephone as well
        ("7inA 12outA 12.5inB@ 16outB@", []),
        ("7inA 12inB 16outB", [(1, 2)]),  # two declarations here: the OUT of the first was cancelled
        ("7inA 31inA 40outA", []),  # a missing OUT, which is asked for by its own
        ("7inA 22inB@", []),  # likewise: the longest shift is over
        ("7inA! 9inB@ 11outB@ 16outA!", []),  # the service has no IN of his here
        ("7inA 12outA! 13inB@", []),  # refused, and yet he left
        ("7inA 12outC 13inB@", []),  # an OUT built again for another employer ends the stay
        ("7inA@ 9inB@", []),  # this box has seen neither
        ("7inA 8inB@ 9inC@", [(1, 2), (1, 3)]),
        ("12outA", []),
    ],
)
def test_two_stays_at_once_are_found(story: str, pairs: list[tuple[int, int]]) -> None:
    """By another channel, or here for two declarations; what follows or ends a stay overlaps with nothing."""
    assert _pairs(_marks(story)) == pairs
    assert _pairs(_marks(story)[::-1]) == pairs


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(Direction), st.sampled_from((b"A", b"B")), st.booleans(), st.booleans()),
        max_size=12,
    )
)
def test_whatever_he_did_only_what_overlaps_is_told(story: list[tuple[int, Direction, bytes, bool, bool]]) -> None:
    """Two INs in their order, at most the longest shift apart, one of them here, both known to the service."""
    marks = [
        Mark(at_ms=at * HOUR_MS, direction=direction, group=group, row=number if here else None, registration_id=number, owed=owed)
        for number, (at, direction, group, here, owed) in enumerate(story)
    ]
    for each in overlapping(marks, longest_ms=LONGEST_MS):
        pair = (each.first, each.second)
        assert 0 <= each.second.at_ms - each.first.at_ms < LONGEST_MS
        assert all(mark.direction is Direction.IN and mark.owed for mark in pair)
        assert any(mark.row is not None for mark in pair)
