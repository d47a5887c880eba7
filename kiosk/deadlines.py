"""Until when a human can still have something corrected, and who may ask for it, pure.

The NSSO corrects registrations of one's own staff up to 30 days after their date, on proof (facts, rsz-service, section 4); a
worker of somebody else goes through his employer. For what no presence is at stake there is no such day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.days import RETENTION_DAYS, bounds, day_of
from kiosk.expiry import LAST_DAYS
from kiosk.identifiers import Employer
from kiosk.model import Capacity, TaskKind

#: Kinds for which nothing has to be corrected at the service.
UNDATED: Final = frozenset({TaskKind.GROUP_PAUSED, TaskKind.SALVAGED, TaskKind.BACKLOG, TaskKind.MISPLACED})


class Asker(StrEnum):
    """Who must ask the NSSO for a correction."""

    OURS = "ours"
    EMPLOYER = "employer"
    SELF = "self"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Presences before ``overdue_ms`` can't be corrected any more, those before ``soon_ms`` for a week at most; Unix ms UTC."""

    soon_ms: int
    overdue_ms: int


def until(kind: TaskKind, about_ms: int | None, zone: ZoneInfo) -> date | None:
    """The last local day on which what a task is about can be corrected; None where that is not known, or nothing is to be.

    Args:
        kind: Of the task.
        about_ms: The moment of the presence, Unix milliseconds UTC, or None.
        zone: The site's time zone: the days count from the presence's local date.
    """
    if kind in UNDATED or about_ms is None:
        return None
    return day_of(about_ms, zone) + timedelta(days=RETENTION_DAYS)


def bounds_on(today: date, zone: ZoneInfo) -> Bounds:
    """Which presences' last day is over on this local day, and which one's comes within a week."""
    last = today - timedelta(days=RETENTION_DAYS)
    return Bounds(soon_ms=bounds(last + timedelta(days=LAST_DAYS + 1), zone)[0], overdue_ms=bounds(last, zone)[0])


def asker(*, employer: Employer | None, own: Employer | None, capacity: Capacity | None) -> Asker:
    """Say who must ask for a correction.

    Args:
        employer: Whose number the registration carries, None where that is not known.
        own: The configured default: whoever runs this kiosk.
        capacity: In which the person works here, None where that is not known.
    """
    if capacity is Capacity.SELF_EMPLOYED:
        return Asker.SELF
    if employer is None or own is None:
        return Asker.UNKNOWN
    return Asker.OURS if employer == own else Asker.EMPLOYER
