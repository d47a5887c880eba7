from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.simulator.instants import milliseconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-11-22T07:01:05Z", 1_795_330_865_000),
        ("2026-11-22T08:01:05+01:00", 1_795_330_865_000),
        ("2026-11-22t07:01:05z", 1_795_330_865_000),
        ("2026-11-22T07:01:05.9999999Z", 1_795_330_865_999),
        ("0001-01-01T00:00:00+23:59", -62_135_683_140_000),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139_000),
    ],
)
def test_every_spelling_of_rfc_3339_is_read(text: str, expected: int) -> None:
    """A moment is the same in any offset, with any fraction, to the edges of the calendar."""
    assert milliseconds(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T07:01:05",
        "2026-11-22",
        "2026-11-22 07:01:05Z",
        "2026-02-30T00:00:00Z",
        "2026-11-22T07:01:05+24:00",
        "٢026-11-22T07:01:05Z",
    ],
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Without an offset, without a time, or on a day that does not exist, nothing is a moment."""
    with pytest.raises(ValueError, match=r".+"):
        milliseconds(text)


@given(st.text())
def test_nothing_else_escapes(text: str) -> None:
    """Any text is either a moment or a ValueError."""
    try:
        assert isinstance(milliseconds(text), int)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - both ends of the promise are looked at
