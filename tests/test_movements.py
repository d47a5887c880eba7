"""kiosk.movements reads who went in and out, in slices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kiosk import movements
from kiosk.movements import Moved
from tests.months import november

AT = Moved(1, b"", None, 1, "in", "held", 100, 1, None, None, None, 1, 0, 1)


def test_each_place_gives_its_own_of_this_book(tmp_path: Path) -> None:
    """Registrations, taps that owe nothing, other channels; another book has none of them."""
    with november(tmp_path) as desk:
        counts = {}
        for place in movements.PLACES:
            assert desk.database.read(lambda c, place=place: movements.window(c, place=place, book=99, after=0)) == []  # type: ignore[misc]  # a default binds the loop's value
            found = desk.database.read(lambda c, place=place: movements.window(c, place=place, book=desk.book, after=0))  # type: ignore[misc]  # likewise
            end = desk.database.read(lambda c, place=place: movements.last_id(c, place=place))  # type: ignore[misc]  # likewise
            counts[place] = len(found)
            assert end == max(row.id for row in found)
        assert counts == {"registrations": 11, "taps": 2, "other_channels": 1}


@pytest.mark.parametrize(
    ("row", "lies"),
    [
        (AT, True),
        (replace(AT, at_ms=200), False),
        (replace(AT, at_ms=50), False),
        (replace(AT, timed=0, at_ms=0), True),
        (replace(AT, timed=0, earliest_ms=200, latest_ms=300), False),
        (replace(AT, timed=0, earliest_ms=10, latest_ms=99), False),
        (replace(AT, timed=0, earliest_ms=10, latest_ms=100), True),
    ],
)
def test_what_has_no_time_may_lie_wherever_nothing_says_otherwise(row: Moved, lies: bool) -> None:  # noqa: FBT001  a table
    """A dated tap lies where it is; an undated one where its interval reaches."""
    assert row.may_lie_in(100, 200) is lies
