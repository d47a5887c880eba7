"""kiosk.rtc reads the battery-backed clock, and believes none that says itself that it lost its time."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.rtc import rtc_clock


def make(folder: Path, name: str, **files: str) -> None:
    (folder / name).mkdir()
    for file, text in files.items():
        (folder / name / file).write_text(f"{text}\n", encoding="ascii")


def test_the_clock_is_read_in_the_middle_of_its_second(tmp_path: Path) -> None:
    """The kernel shows whole seconds; the time lay somewhere in that second."""
    make(tmp_path, "rtc0", since_epoch="1793602800")
    assert rtc_clock(tmp_path) == 1_793_602_800_500


def test_without_a_clock_nothing_is_told(tmp_path: Path) -> None:
    """A Pi 4 has none: there is no folder, or it is empty."""
    assert rtc_clock(tmp_path / "none") is None
    assert rtc_clock(tmp_path) is None


def test_a_clock_that_lost_its_time_is_passed_over(tmp_path: Path) -> None:
    """A driver that refuses to tell is no clock, and the next one is asked."""
    make(tmp_path, "rtc0")
    (tmp_path / "rtc0" / "since_epoch").mkdir()  # reads fail, as with the driver's EINVAL
    assert rtc_clock(tmp_path) is None
    make(tmp_path, "rtc1", since_epoch="1793602800")
    assert rtc_clock(tmp_path) == 1_793_602_800_500


@pytest.mark.parametrize(("microvolts", "believed"), [("0", False), ("1999999", False), ("2000000", True), ("3012345", True)])
def test_a_flat_cell_is_not_believed(tmp_path: Path, microvolts: str, believed: bool) -> None:  # noqa: FBT001 - pytest hands it over
    """A Pi 5 shows the voltage of its cell: with a flat one the clock stood still."""
    make(tmp_path, "rtc0", since_epoch="1793602800", battery_voltage=microvolts)
    assert (rtc_clock(tmp_path) is not None) is believed
