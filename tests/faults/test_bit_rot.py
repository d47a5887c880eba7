"""One flipped byte anywhere in the store or its log: it starts, says so, keeps every row outside the page, takes the next tap."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.rot import Flip, Whole, changed, content, lost, populate, reopen, tap
from tests.worlds import close_worlds


@pytest.mark.parametrize("flips", [100, pytest.param(2000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
def test_one_flipped_byte_costs_at_most_its_own_page(tmp_path: Path, flips: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Whichever byte rots, the store opens, loses no row beyond that page, invents no acceptance, and records the next tap."""
    path = populate(tmp_path)
    close_worlds()
    whole = Whole.read(path)
    dice = random.Random(flips)  # noqa: S311  a test repeats itself
    began, seen = time.monotonic(), Counter[str]()
    for _ in range(flips):
        flip = Flip.thrown(dice, whole)
        cut = flip.in_log and flip.at in whole.last_transaction()
        flip.strike(path, whole)
        database, salvaged = reopen(path)
        try:
            kept = tap(database)
        finally:
            database.close()
        found = content(path)
        seen["salvaged" if salvaged else "cut" if cut else "untouched"] += 1
        seen["rows on the page lost"] += sum(
            number not in found[table] for table, number in whole.on_page.get(flip.page(whole), set())
        )
        assert cut or not lost(whole, found, flip), (flip, lost(whole, found, flip))
        assert cut or not changed(whole, found, flip), (flip, changed(whole, found, flip))
        assert cut or kept > max(whole.rows["registrations"]), flip
        before = {number for number, row in whole.rows["registrations"].items() if row[5] == "accepted"}
        assert {number for number, row in found["registrations"].items() if row[5] == "accepted"} <= before, flip
    with capsys.disabled():
        print(f"\nbit rot: {flips} flips in {time.monotonic() - began:.0f} s: {dict(seen)}")  # noqa: T201  the figures of this run
