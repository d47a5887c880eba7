from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kiosk.check import Grade
from kiosk.doctor.clock import battery, clock, time_services
from kiosk.model import ClockReading
from kiosk.settings import ClockSource

GOOD = ClockReading(wall_ms=1_795_331_704_987, boot_ns=1, boot_id="boot", trusted=True, source="kernel", bound_ms=12)
COARSE = ClockReading(wall_ms=1_795_331_704_987, boot_ns=1, boot_id="boot", trusted=False, source="kernel", bound_ms=90_000)
UNSET = ClockReading(wall_ms=0, boot_ns=1, boot_id="boot", trusted=False, source="kernel", bound_ms=None)


@pytest.mark.parametrize(
    ("source", "reading", "services", "grade", "told"),
    [
        (ClockSource.KERNEL, GOOD, ["chrony"], Grade.OK, "synchronised to 0.012 s, set by chrony"),
        (ClockSource.ASSUME, GOOD, [], Grade.OK, "synchronised to 0.012 s, no time service runs"),
        (ClockSource.KERNEL, UNSET, [], Grade.WRONG, "not set, no time service runs: taps are recorded and wait"),
        (ClockSource.KERNEL, COARSE, ["ntpd"], Grade.WRONG, "synchronised to 90 s only, set by ntpd: taps are recorded and wait"),
        (ClockSource.ASSUME, UNSET, [], Grade.ADVICE, "not set, no time service runs; you vouch for it ([clock] source)"),
    ],
)
def test_the_kernels_word_decides(source: ClockSource, reading: ClockReading, services: list[str], grade: Grade, told: str) -> None:
    """A clock that the kernel does not vouch for is red with its repair, unless the admin vouches for it."""
    finding = clock(source, reading, services)
    assert (finding.grade, finding.told) == (grade, told)
    assert (finding.repair is None) == (grade is Grade.OK)


@pytest.mark.parametrize(
    ("has_rtc", "reading", "serious", "grade"),
    [
        (True, UNSET, True, Grade.OK),
        (False, GOOD, True, Grade.ADVICE),
        (False, UNSET, True, Grade.WRONG),
        (False, UNSET, False, Grade.ADVICE),
    ],
)
def test_without_battery_and_time_server_it_is_red(
    tmp_path: Path, reading: ClockReading, grade: Grade, *, has_rtc: bool, serious: bool
) -> None:
    """Either of the two lets taps after a power cut be sent; without both, real registrations would wait."""
    if has_rtc:
        (tmp_path / "rtc0").mkdir()
        (tmp_path / "rtc0" / "name").write_text("rtc-ds1307 1-0068\n", encoding="ascii")
    finding = battery(reading, serious=serious, rtc=tmp_path)
    assert finding.grade is grade
    assert ("rtc-ds1307" in finding.told) is has_rtc


def test_a_battery_backed_clock_without_a_name_is_one(tmp_path: Path) -> None:
    """An older kernel's driver is told by its number."""
    (tmp_path / "rtc1").mkdir()
    assert battery(UNSET, serious=True, rtc=tmp_path).told == "there is one: rtc1"


def test_time_services_are_told_by_their_processes(tmp_path: Path) -> None:
    """By the name that the kernel keeps of it, each once; what has ended meanwhile, or is another, is left out."""
    for number, comm in (("1", "systemd"), ("7", "chronyd"), ("8", "chronyd"), ("9", "systemd-timesyn")):
        (tmp_path / number).mkdir()
        (tmp_path / number / "comm").write_text(f"{comm}\n", encoding="ascii")
    (tmp_path / "10").mkdir()
    (tmp_path / "10" / "comm").mkdir()  # as unreadable as one that has ended
    assert time_services(tmp_path) == ["chrony", "systemd-timesyncd"]


def test_a_running_time_service_is_found(tmp_path: Path) -> None:
    """On this machine too: a process that has the name is one."""
    fake = tmp_path / "chronyd"
    fake.symlink_to(sys.executable)
    with subprocess.Popen([fake, "-c", "input()"], stdin=subprocess.PIPE, env={"PATH": os.environ["PATH"]}) as process:
        try:
            while Path(f"/proc/{process.pid}/comm").read_text(encoding="ascii").strip() != "chronyd":
                assert process.poll() is None
            assert "chrony" in time_services()
        finally:
            process.kill()
