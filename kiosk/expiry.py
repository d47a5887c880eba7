"""How near the end of a certificate or a declaration is, pure: 90, 30 and 7 days before, as everything here counts them.

Ninety days are time to plan, thirty to act (a new certificate is uploaded in Chaman by a person), seven to hurry.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

SOON_DAYS: Final = 90
URGENT_DAYS: Final = 30
LAST_DAYS: Final = 7


class Level(StrEnum):
    """How near an end is; ``LAST`` are the seven days before it."""

    OK = "ok"
    SOON = "soon"
    URGENT = "urgent"
    LAST = "last"
    ENDED = "ended"


def level_of(days_left: int) -> Level:
    """Say how near the end is; negative days are those since."""
    if days_left < 0:
        return Level.ENDED
    if days_left <= LAST_DAYS:
        return Level.LAST
    if days_left <= URGENT_DAYS:
        return Level.URGENT
    return Level.SOON if days_left <= SOON_DAYS else Level.OK


def days_until(last: date | None, today: date) -> int | None:
    """Days from one local day to a last one, which still counts: 0 on that day, negative afterwards; None without an end."""
    return None if last is None else (last - today).days


def certificate_asks(days_left: int | None) -> bool:
    """Whether a certificate's end is near enough for the light: thirty days, since a new one takes people and an upload."""
    return days_left is not None and level_of(days_left) in (Level.URGENT, Level.LAST, Level.ENDED)


def declaration_asks(days_left: int | None) -> bool:
    """Whether a declaration's end is near enough for the light: seven days, since many last no longer than a month."""
    return days_left is not None and level_of(days_left) in (Level.LAST, Level.ENDED)
