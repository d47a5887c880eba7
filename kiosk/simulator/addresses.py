"""The addresses that belong to coordinates: an invented street plan, enough for a client to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Final

from kiosk.model import Coordinates
from kiosk.simulator.messages import Json

_EARTH_METRES: Final = 6_371_000
#: How near an address must be to belong to coordinates; the real service's reach is unknown.
_REACH_METRES: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAddress:
    """An address and where it is."""

    at: Coordinates
    post_code: str
    municipality: str
    street: str
    number: str
    box: str | None = None

    def as_json(self) -> Json:
        """Write it as the service does (facts, section 2.2)."""
        return {
            "postCode": self.post_code,
            "municipalityName": self.municipality,
            "streetName": self.street,
            "houseNumber": self.number,
            "boxNumber": self.box,
        }


#: A public building, its neighbours, and one far away.
STREET_PLAN: Final = (
    KnownAddress(at=Coordinates(50.8466, 4.3670), post_code="1000", municipality="Brussel", street="Wetstraat", number="16"),
    KnownAddress(
        at=Coordinates(50.8466, 4.3672), post_code="1000", municipality="Brussel", street="Wetstraat", number="18", box="2"
    ),
    KnownAddress(at=Coordinates(51.2194, 4.4025), post_code="2000", municipality="Antwerpen", street="Grote Markt", number="1"),
)


def metres(one: Coordinates, other: Coordinates) -> float:
    """Return the distance along the earth's surface (haversine)."""
    north, east = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    chord = sin(north / 2) ** 2 + cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(east / 2) ** 2
    return 2 * _EARTH_METRES * asin(sqrt(min(1.0, chord)))


def nearby(place: Coordinates, plan: Sequence[KnownAddress] = STREET_PLAN) -> list[Json]:
    """Return the addresses within reach of a place, nearest first."""
    near = sorted((metres(place, address.at), index) for index, address in enumerate(plan))
    return [plan[index].as_json() for distance, index in near if distance <= _REACH_METRES]
