"""kiosk.doctor.waiting names what works again and still waits: for a human, or for the clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kiosk.check import Grade
from kiosk.doctor.waiting import kept_files, salvaged, times

SALVAGED: dict[str, Any] = {
    "at": "2026-11-25T06:00:00Z",
    "found": "SQLITE_CORRUPT",
    "rows": 1_200,
    "lost": 3,
    "lost_unsent": 2,
    "kept_file": "kiosk.db.corrupt.20261125T060000Z",
}
CLOCK: dict[str, Any] = {"trusted": True, "disputed": False, "system_off_seconds": None}


def test_a_salvage_is_red_until_somebody_has_seen_to_it() -> None:
    """What was kept and lost, the file, and how the task is closed; after that not a word."""
    (found,) = salvaged(SALVAGED)
    assert (found.subject, found.grade) == ("salvaged store", Grade.WRONG)
    for word in (
        "2026-11-25T06:00:00Z",
        "SQLITE_CORRUPT",
        "1200 rows",
        "3 registrations lost",
        "2 of them not sent",
        "corrupt.2026",
    ):
        assert word in found.told.replace(",", "")
    assert "kiosk tasks close" in (found.repair or "")
    assert list(salvaged(None)) == []


def test_damaged_files_are_named_as_long_as_they_lie_there(tmp_path: Path) -> None:
    """They hold people's data that nothing else deletes; a store of its own name and its log are none of them."""
    store = tmp_path / "kiosk.db"
    for name in ("kiosk.db", "kiosk.db-wal", "kiosk.db.lock", "other.db.corrupt.20261125T060000Z"):
        (tmp_path / name).touch()
    assert list(kept_files(store)) == []
    (tmp_path / "kiosk.db.corrupt.20261125T060000Z").write_bytes(bytes(3 * 1024 * 1024))
    (tmp_path / "kiosk.db.corrupt.20261125T060000Z-wal").touch()
    (found,) = kept_files(store)
    assert found.grade is Grade.ADVICE
    assert found.told.startswith("kiosk.db.corrupt.20261125T060000Z, kiosk.db.corrupt.20261125T060000Z-wal: 3 MiB")


@pytest.mark.parametrize(
    ("clock", "waiting", "held", "grades", "told"),
    [
        ({}, 0, [], [Grade.OK], "none is in doubt"),
        ({}, 0, [{"id": 7, "reason": "late"}], [Grade.OK], "none is in doubt"),
        ({}, 0, [{"id": 7, "reason": "clock"}, {"id": 9, "reason": "clock"}], [Grade.WRONG], "registration 7, 9"),
        ({"trusted": False}, 4, [], [Grade.WRONG], "4 registrations wait until"),
        ({"disputed": True}, 0, [], [Grade.ADVICE], "another time than the system clock"),
        ({"disputed": True, "system_off_seconds": -86_400.0}, 2, [], [Grade.ADVICE, Grade.WRONG], "which is -86400 s off"),
    ],
)
def test_taps_whose_time_is_in_doubt_are_told(
    clock: dict[str, Any], waiting: int, held: list[dict[str, Any]], grades: list[Grade], told: str
) -> None:
    """Those that wait by their count, those that were held by their numbers, and a quarrel of clocks; each with what to do."""
    found = list(times({"clock": CLOCK | clock, "waiting_for_clock": waiting}, held))
    assert [each.grade for each in found] == grades
    assert told in found[0].told
    assert all(each.repair for each in found if each.grade is not Grade.OK)
