"""What a GPS receiver says through gpsd, read and judged: pure, without a socket.

gpsd repeats an old fix for ever, and a receiver that was reset or filled its buffer tells of another time: so a fix counts by
when its own time went on, never by when it was told. The JSON protocol is stable since version 3.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hardware.ports import Fix

_NS: Final = 1_000_000_000
#: From mode 2 on a report has a place (gpsd's manual: 0 and 1 no fix, 2 latitude and longitude, 3 altitude too).
_LEAST_MODE: Final = 2
#: A serial line and gpsd may hold a report back; a receiver that tells its time so far from the boot clock's does not go on.
_LATE_SECONDS: Final = 5.0
#: As a step in both directions together, a thousandth of a degree (about 100 m) a second is faster than any vehicle; two may be
#: the error of the two fixes.
_STEP_DEGREES: Final = 0.002
_DEGREES_A_SECOND: Final = 0.001
#: gpsd's own limit is 10,240 bytes a line; nothing longer is looked at.
LONGEST_LINE: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report with a place.

    Attributes:
        latitude: Decimal degrees, WGS 84.
        longitude: Likewise.
        error_meters: How far off the place may be.
        at: The receiver's own time, seconds since 1970; it may be wrong by weeks, but goes on evenly.
    """

    latitude: float
    longitude: float
    error_meters: float
    at: float


def split(pending: bytes, came: bytes) -> tuple[list[bytes], bytes]:
    """Cut a stream into lines.

    Args:
        pending: What was left the time before.
        came: What came since.

    Returns:
        The whole lines, without those that are longer than any of gpsd's, and what is left: never more than one such line.
    """
    *lines, left = (pending + came).split(b"\n")
    # What never ends is no line; with this before it, its end is no report.
    return [line for line in lines if len(line) <= LONGEST_LINE], left if len(left) <= LONGEST_LINE else b"#"


def read_report(line: bytes) -> Report | None:
    """Read one line of gpsd; None where it is no report with a place, a time and an error, whatever else it is.

    The first reports after a start have a place and no time: nobody knows how old those are.
    """
    try:
        said = json.loads(line)
    # Besides its own error Python lets through the one for deep nesting.
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("class") != "TPV":
        return None
    mode, at, error = _number(said.get("mode")), _moment(said.get("time")), _error(said)
    latitude, longitude = _number(said.get("lat")), _number(said.get("lon"))
    if mode is None or mode < _LEAST_MODE or at is None or error is None or latitude is None or longitude is None:
        return None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004  degrees
        return None
    return Report(latitude=latitude, longitude=longitude, error_meters=error, at=at)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _moment(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.timestamp() if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def _error(said: dict[str, object]) -> float | None:
    """The error of the place, metres: ``eph``, or in other versions one for each axis; None where nobody knows it."""
    whole = _number(said.get("eph"))
    if whole is not None:
        return whole if whole >= 0 else None
    east, north = _number(said.get("epx")), _number(said.get("epy"))
    return None if east is None or north is None else math.hypot(east, north)


class Tracker:
    """Tells the reports that count from repeats and leaps: what goes on from the report before, in time and place.

    The report after a leap counts as soon as the next one goes on from it, so a receiver that was reset costs one report.
    """

    def __init__(self) -> None:
        self._last: tuple[Report, int] | None = None

    def count(self, report: Report, boot_ns: int) -> Fix | None:
        """Take the next report, that came at ``boot_ns`` (CLOCK_BOOTTIME, nanoseconds); None where it does not count."""
        before = self._last
        if before is not None and report.at == before[0].at:
            return None
        self._last = (report, boot_ns)
        if before is None or not _goes_on(*before, report, boot_ns):
            return None
        return Fix(
            latitude=report.latitude,
            longitude=report.longitude,
            error_meters=report.error_meters,
            boot_ns=boot_ns,
        )


def _goes_on(last: Report, last_ns: int, report: Report, boot_ns: int) -> bool:
    elapsed = (boot_ns - last_ns) / _NS
    went_on = report.at - last.at
    step = abs(report.latitude - last.latitude) + abs(report.longitude - last.longitude)
    # Ahead of the boot clock or behind it alike: a full buffer, an old log that is played, a reset.
    return went_on > 0 and abs(went_on - elapsed) <= _LATE_SECONDS and step <= _STEP_DEGREES + _DEGREES_A_SECOND * elapsed
