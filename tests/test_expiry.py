from __future__ import annotations

from datetime import date

import pytest

from kiosk.expiry import Level, certificate_asks, days_until, declaration_asks, level_of


@pytest.mark.parametrize(
    ("days", "level", "certificate", "declaration"),
    [
        (91, Level.OK, False, False),
        (90, Level.SOON, False, False),
        (31, Level.SOON, False, False),
        (30, Level.URGENT, True, False),
        (8, Level.URGENT, True, False),
        (7, Level.LAST, True, True),
        (0, Level.LAST, True, True),
        (-1, Level.ENDED, True, True),
    ],
)
def test_an_end_comes_nearer_in_three_steps(days: int, level: Level, *, certificate: bool, declaration: bool) -> None:
    """Ninety, thirty and seven days before an end something changes; the light asks for a certificate sooner."""
    assert level_of(days) is level
    assert (certificate_asks(days), declaration_asks(days)) == (certificate, declaration)


def test_what_has_no_end_asks_for_nothing() -> None:
    """Without a last day there are no days left to count, and nothing to ask for."""
    assert days_until(None, date(2026, 11, 22)) is None
    assert not certificate_asks(None)
    assert not declaration_asks(None)


def test_the_last_day_still_counts() -> None:
    """A declaration is valid until the end of its last day: nought days left on it, one over on the next."""
    last = date(2026, 12, 31)
    assert [days_until(last, day) for day in (date(2026, 12, 30), last, date(2027, 1, 1))] == [1, 0, -1]
