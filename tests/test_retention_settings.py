"""kiosk.retention_settings: how long things are kept, and what would be too short."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.retention_settings import Retention
from tests.configs import MINIMAL, complaints, read


def test_a_file_that_says_nothing_keeps_the_defaults(tmp_path: Path) -> None:
    """The section may be left out."""
    assert read(tmp_path).retention == Retention()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("registrations_days = 34", "retention.registrations_days: is out of range"),
        ("registrations_days = 40.5", "retention.registrations_days: is a float"),
        ("elsewhere_days = 30", "retention.elsewhere_days: is out of range"),
        ("most_finished_rows = 999", "retention.most_finished_rows: is out of range"),
        ("evidence_days = 89", "retention.evidence_days: is less than registrations_days"),
    ],
)
def test_what_would_take_a_row_that_is_still_needed_is_refused(tmp_path: Path, line: str, complaint: str) -> None:
    """Nothing can be set to go inside the thirty days in which a registration can be corrected, nor before what proves it."""
    (told,) = complaints(tmp_path, f"{MINIMAL}\n[retention]\n{line}\n")
    assert told.startswith(complaint)
    assert ";" in told
