"""Distances on the Earth: fences round a place, and how fast somebody must have travelled. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from kiosk.model import Coordinates

#: The mean radius (IUGG): on a sphere every distance is right within half a percent.
_EARTH_METERS: Final = 6_371_009.0
#: 200 km/h from site to site: faster than any van, and than a train with the ways to it and from it.
_FASTEST_METERS_A_SECOND: Final = 200 / 3.6
#: Below this two places may be one: a large site, or coordinates that were typed from a map.
_FAR_METERS: Final = 2_000.0


def distance_meters(one: Coordinates, other: Coordinates) -> float:
    """The way between two places along a great circle, by the haversine formula."""
    south, north = math.radians(one.latitude), math.radians(other.latitude)
    lat = math.sin((north - south) / 2)
    lon = math.sin(math.radians(other.longitude - one.longitude) / 2)
    share = lat * lat + math.cos(south) * math.cos(north) * lon * lon
    # Rounding can carry the share of opposite places beyond 1.
    return 2 * _EARTH_METERS * math.asin(math.sqrt(min(1.0, share)))


@dataclass(frozen=True, slots=True)
class Fence:
    """A circle round a place; what lies outside by more than its own error is not there."""

    centre: Coordinates
    meters: float

    def holds(self, place: Coordinates, error_meters: float) -> bool:
        """Whether this place, known within ``error_meters``, may lie inside."""
        return distance_meters(self.centre, place) <= self.meters + error_meters


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Somebody at a place.

    Attributes:
        place: Where.
        at_ms: When, Unix milliseconds UTC.
        error_meters: How far off ``place`` may be.
        error_ms: How far off ``at_ms`` may be.
    """

    place: Coordinates
    at_ms: int
    error_meters: float = 0.0
    error_ms: int = 0


def too_fast(one: Visit, other: Visit) -> bool:
    """Whether nobody can have been at both: so far apart that he would have travelled faster than anybody does.

    Errors of places and times count for him.
    """
    meters = distance_meters(one.place, other.place) - one.error_meters - other.error_meters
    seconds = (abs(one.at_ms - other.at_ms) + one.error_ms + other.error_ms) / 1000
    return meters > _FAR_METERS and meters > seconds * _FASTEST_METERS_A_SECOND
