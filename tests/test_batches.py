from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.batches import LOOKED_MS, Candidate, Terms

TERMS = Terms(now_ms=10_000_000, size=100, order_wait_ms=0, late_after_ms=600_000)
ROW = Candidate(
    id=1, holder=1, uid=b"", at_ms=TERMS.now_ms - 600_001, attempts=0, called_ms=None, released=0, looked_ms=None, sealed=b""
)


@pytest.mark.parametrize(
    ("row", "terms", "late"),
    [
        (ROW, TERMS, True),
        (replace(ROW, at_ms=TERMS.now_ms - 600_000), TERMS, False),
        (replace(ROW, called_ms=1), TERMS, True),
        (replace(ROW, released=1), TERMS, False),
        (ROW, replace(TERMS, late_after_ms=None), False),
    ],
)
def test_a_row_is_late_by_its_tap_and_never_after_a_release(row: Candidate, terms: Terms, *, late: bool) -> None:
    """Older than the limit, whether it was tried before or not; a human's release ends the question."""
    assert row.is_late(terms) is late


@pytest.mark.parametrize(
    ("looked_ms", "needed"),
    [
        (None, True),
        (TERMS.now_ms, False),
        (TERMS.now_ms - LOOKED_MS, False),
        (TERMS.now_ms - LOOKED_MS - 1, True),
        (TERMS.now_ms + 1, True),
    ],
)
def test_a_search_speaks_for_ten_minutes_of_the_same_clock(looked_ms: int | None, *, needed: bool) -> None:
    """Longer ago its person may have registered since; in the future the clock was set back."""
    assert replace(ROW, looked_ms=looked_ms).needs_search(TERMS) is needed
