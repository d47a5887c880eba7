"""Days as a site has them, and which of them is to be compared with the service next. Pure: no clock, file or socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

#: How far back registrations can be corrected at the service (facts, rsz-service, section 4).
RETENTION_DAYS: Final = 30
#: After local midnight, so that the last taps' validities are there.
AFTER_DAY_MS: Final = 2 * 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """That a day was compared, and whether something of it was not settled then; Unix milliseconds UTC."""

    at_ms: int
    unsettled: int


def bounds(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """When a local day begins and when the next one does, Unix milliseconds UTC: 23 to 25 hours."""
    begins, ends = (datetime.combine(each, time(), zone).timestamp() for each in (day, day + timedelta(days=1)))
    return round(begins * 1000), round(ends * 1000)


def day_of(at_ms: int, zone: ZoneInfo) -> date:
    """The local day of a moment, Unix milliseconds UTC."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def day_after(at_ms: int, zone: ZoneInfo) -> int:
    """When the local day after this moment begins, Unix milliseconds UTC."""
    return bounds(day_of(at_ms, zone), zone)[1]


def due(now_ms: int, opened_ms: int, done: Mapping[str, Done], zone: ZoneInfo) -> date | None:
    """The oldest day to compare now, or None: over for two hours, and not compared, or not settled and not compared today.

    Args:
        now_ms: The trusted clock less this box's own share of chance, Unix milliseconds UTC.
        opened_ms: When the book was begun, likewise.
        done: The days that were compared.
        zone: The site's time zone.
    """
    today = day_of(now_ms - AFTER_DAY_MS, zone)
    first = max(day_of(opened_ms, zone), today - timedelta(days=RETENTION_DAYS))
    for day in (first + timedelta(days=each) for each in range((today - first).days)):
        known = done.get(day.isoformat())
        if known is None or (known.unsettled and day_of(known.at_ms - AFTER_DAY_MS, zone) < today):
            return day
    return None
