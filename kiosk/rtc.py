"""The battery-backed clock of the machine, as Linux shows it in ``/sys/class/rtc`` (facts, hardware, section 5).

A clock whose cell was flat stands still while the box is off and then goes on as if nothing had been. Drivers that notice
(a DS3231's oscillator flag) refuse to tell the time, and a Pi 5 shows its cell's voltage; a clock that does neither can't be
told from a good one, which is why it is believed only where the admin vouches for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_CLASS: Final = Path("/sys/class/rtc")
#: Below this, microvolts, the cell of a Pi 5 (rechargeable, 3 V) did not keep its clock going for certain.
_FLAT_UV: Final = 2_000_000


def rtc_clock(folder: Path = _CLASS) -> int | None:
    """Read the first battery-backed clock: Unix milliseconds UTC, in the middle of its second; None where it can't be believed."""
    for clock in sorted(folder.glob("rtc*")):
        voltage = _number(clock / "battery_voltage")
        seconds = _number(clock / "since_epoch")
        if seconds is not None and (voltage is None or voltage >= _FLAT_UV):
            return seconds * 1000 + 500
    return None


def _number(path: Path) -> int | None:
    """A number that the kernel shows in this file, or None: it is not there, or the driver refuses (EINVAL: it lost its time)."""
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
