"""Whether the time of a tap will be believed: the kernel's word, what survives a power cut, and who sets the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from kiosk.check import Finding
from kiosk.doctor.grading import advice, fine, once_real, red
from kiosk.model import ClockReading
from kiosk.settings import ClockSource

#: By the first 15 letters of their name, which is all that the kernel keeps.
_SERVICES: Final = {"systemd-timesyn": "systemd-timesyncd", "chronyd": "chrony", "ntpd": "ntpd", "ntpsec": "ntpsec"}
_REPAIR: Final = (
    "give it a time server that it can reach from this network: timedatectl set-ntp true, then timedatectl timesync-status"
)


def time_services(proc: Path = Path("/proc")) -> list[str]:
    """Name the time services that run on this machine."""
    found = set()
    for comm in proc.glob("[0-9]*/comm"):
        with suppress(OSError):  # it ended meanwhile
            found.add(_SERVICES.get(comm.read_text(encoding="utf-8", errors="replace").strip(), ""))
    return sorted(found - {""})


def clock(source: ClockSource, reading: ClockReading, services: list[str]) -> Finding:
    """Say whether the kernel vouches for the time.

    Args:
        source: Who vouches for it by configuration.
        reading: Of a timekeeper that asks the kernel, whatever is configured.
        services: The time services that run.
    """
    by = f"set by {', '.join(services)}" if services else "no time service runs"
    if reading.trusted:
        return fine("clock", f"synchronised to {(reading.bound_ms or 0) / 1000:g} s, {by}")
    told = "not set" if reading.bound_ms is None else f"synchronised to {reading.bound_ms / 1000:g} s only"
    if source is ClockSource.ASSUME:
        return advice(
            "clock", f"{told}, {by}; you vouch for it ([clock] source)", 'take source = "assume" away outside a laboratory'
        )
    return red("clock", f"{told}, {by}: taps are recorded and wait", _REPAIR)


def battery(reading: ClockReading, *, serious: bool, rtc: Path = Path("/sys/class/rtc")) -> Finding:
    """Say whether the time survives a power cut: by a battery-backed clock, else by a time server in reach."""
    subject = "battery-backed clock"
    names = list(_names(rtc))
    if names:
        return fine(subject, f"there is one: {', '.join(names)}")
    if reading.trusted:
        repair = "add one (hardware/README.md); without it taps after a power cut wait until the time server is reached"
        return advice(subject, "none, but the time server is in reach", repair)
    repair = f"add one (hardware/README.md), or {_REPAIR}"
    return once_real(subject, "none, and no time server in reach: after a power cut no tap can be sent", repair, serious=serious)


def _names(rtc: Path) -> Iterator[str]:
    for each in sorted(rtc.glob("rtc*")):
        try:
            yield (each / "name").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            yield each.name
