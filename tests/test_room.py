"""kiosk.room says how full the store is, refuses taps at the cap, and leaves the others their reserve."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from kiosk.room import Level, Room, standing
from tests.stores import open_store

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("used", "percent", "level", "asks"),
    [
        (0, 0, Level.OK, False),
        (49, 49, Level.OK, False),
        (50, 50, Level.HALF, False),
        (80, 80, Level.HIGH, True),
        (95, 95, Level.LAST, True),
        (99, 99, Level.LAST, True),
        (100, 100, Level.FULL, True),
        (105, 100, Level.FULL, True),
    ],
)
def test_the_levels_begin_where_they_are_said_to(used: int, percent: int, level: Level, *, asks: bool) -> None:
    """Half is told, from 80 % on somebody is asked, and the cap is full."""
    found = standing(used=used, cap=100, free=1000, reserve=10)
    assert (found.used_percent, found.level, found.asks) == (percent, level, asks)


def test_a_disk_that_is_nearly_full_counts_as_well() -> None:
    """What the disk has not got the cap can't give: the reserve is left to delivery."""
    assert standing(used=50, cap=1000, free=60, reserve=10).level is Level.HALF
    assert standing(used=50, cap=1000, free=10, reserve=10).level is Level.FULL


def test_taps_are_refused_at_the_cap_and_taken_again_below(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At the cap no tap is let in while other writes go on; free pages are room again; each level is logged once."""
    caplog.set_level("INFO")
    with open_store(tmp_path) as database:
        room = Room(database, 1)
        assert not room.standing.asks
        database.write(lambda c: c.execute("CREATE TABLE ballast (body BLOB)"))
        for _ in range(4):
            database.write(lambda c: c.execute("INSERT INTO ballast VALUES (zeroblob(250000))"))
            room.look()
        assert room.standing.level is Level.FULL
        refused = room.refusal
        assert refused is not None
        assert "max_megabytes" in str(refused)
        database.write(lambda c: c.execute("INSERT INTO ballast VALUES (zeroblob(20000))"))
        database.write(lambda c: c.execute("DELETE FROM ballast"))
        assert room.refusal is None
    told = [record.__dict__["level"] for record in caplog.records if record.getMessage() == "store filled"]
    assert told[-1] == "ok"
    assert "full" in told
    assert all(one != other for one, other in pairwise(told))


def test_even_the_reserve_ends(tmp_path: Path) -> None:
    """Nothing makes the file larger than the cap and its sixteenth."""
    with open_store(tmp_path) as database:
        Room(database, 16)
        assert database.read(lambda c: c.execute("PRAGMA max_page_count").fetchone())[0] == 17 * MIB // 1024
