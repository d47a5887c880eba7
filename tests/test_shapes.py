"""kiosk.shapes tells by its columns of which table a row is."""

from __future__ import annotations

from pathlib import Path

from kiosk.shapes import HIGHEST_ID, shapes
from tests.rot import Whole, populate
from tests.worlds import close_worlds


def test_no_row_fits_two_tables(tmp_path: Path) -> None:
    """A row that lies on a page of no tree is of one table only."""
    whole = Whole.read(populate(tmp_path))
    close_worlds()
    known = shapes()
    for table, rows in whole.rows.items():
        for number, row in rows.items():
            fitting = [name for name, shape in known.items() if shape.row(number, (None, *row[1:])) is not None]
            assert fitting == [table]


def test_an_older_row_gets_what_it_lacks() -> None:
    """A row that was written before a column was added has that column's default."""
    pauses = shapes()["pauses"]
    row = pauses.row(None, (1, b"group", 3, "why", None, None))
    assert row is not None
    assert row["probe_wait_ms"] == 3_600_000


def test_what_can_not_be_a_row_is_none() -> None:
    """Too few or too many columns, a wrong type, a missing value and an impossible number are no row."""
    holders = shapes()["holders"]
    assert holders.row(1, (None, 5)) == {"id": 1, "added_ms": 5, "forgotten_ms": None}
    for number, values in (
        (1, (None,)),
        (1, (None, 5, None, None)),
        (1, (None, "5")),
        (1, (None, None)),
        (1, (7, 5)),
        (0, (None, 5)),
        (HIGHEST_ID, (None, 5)),
        (None, (None, 5)),
    ):
        assert holders.row(number, values) is None


def test_the_tables_that_never_give_a_number_twice_are_known() -> None:
    """What AUTOINCREMENT promises must survive a salvage."""
    counted = {name for name, shape in shapes().items() if shape.counted}
    assert counted == {"books", "holders", "profiles", "badges", "taps", "tasks", "evidence", "signatures", "loan_cards"}
