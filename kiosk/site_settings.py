"""``[site]`` and ``[position]``: where the box should stand, how that is known, and in which sector people work there."""
# No postponed annotations here: cattrs would resolve them without the rules in ``Annotated``.

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from kiosk.config_checks import Choice, Number, Text, Wrong, zone
from kiosk.geography import Fence
from kiosk.model import Address, Coordinates, Place
from kiosk.regimes import REGIMES, Sector

#: Lowest and highest latitude, then longitude, of a rectangle round the country.
BELGIUM: Final = (49.4, 51.6, 2.5, 6.5)
#: The largest fence: no site is larger, and a fence round the country would hold everything.
FURTHEST_METERS: Final = 100_000


def misplaced(latitude: float, longitude: float) -> str | None:
    """Say why a place in decimal degrees can't be meant, as words that follow "latitude"; None where it can."""
    if latitude == 0 and longitude == 0:
        return "and longitude are both 0, which is in the sea; write where the box stands"
    south, north, west, east = BELGIUM
    if south <= longitude <= north and west <= latitude <= east:
        return "and longitude are exchanged: like this the box stands in Africa; swap the two"
    return None


def _served(value: object) -> StrEnum:
    """Accept a sector that is switched on; raises ``Wrong`` with what is missing for the others."""
    sector = Choice(Sector)(value)
    for regime in REGIMES:
        if regime.sector is sector and not regime.enabled:
            raise Wrong(regime.refusal)
    return sector


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAddress:
    """The place of work by its address; the lengths are those that the service's contract is assumed to allow."""

    post_code: Annotated[str, Text(20)]
    municipality: Annotated[str, Text(100)]
    street: Annotated[str, Text(200)]
    house_number: Annotated[str, Text(20)]
    box_number: Annotated[str, Text(20)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the box stands, WGS 84, and the time zone in which people there live; with ``address`` that is what is sent."""

    name: str
    latitude: Annotated[float, Number(-90, 90)]
    longitude: Annotated[float, Number(-180, 180)]
    time_zone: Annotated[ZoneInfo, zone] = field(default_factory=lambda: ZoneInfo("Europe/Brussels"))
    local_only: bool = False
    regime: Annotated[Sector, _served] = Sector.CLEANING
    fence_meters: Annotated[float, Number(0, FURTHEST_METERS)] = 0
    address: SiteAddress | None = None
    privacy_contact: Annotated[str, Text(200)] | None = None

    @property
    def coordinates(self) -> Coordinates:
        """Where the box stands."""
        return Coordinates(self.latitude, self.longitude)

    @property
    def place(self) -> Place:
        """The place of work of every tap made at this box: by its address where one is given, else by its coordinates."""
        return self.coordinates if self.address is None else Address(**asdict(self.address))

    @property
    def fence(self) -> Fence | None:
        """Where the box may stand, or None: anywhere."""
        return Fence(self.coordinates, self.fence_meters) if self.fence_meters else None


class PositionSource(StrEnum):
    """Where a tap's place comes from: the site's coordinates, or a GPS receiver."""

    SITE = "site"
    GPSD = "gpsd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a tap's place comes from, and how good a fix must be that counts."""

    source: PositionSource = PositionSource.SITE
    host: str = "127.0.0.1"
    port: Annotated[int, Number(1, 65_535, whole=True)] = 2947
    max_age_seconds: Annotated[float, Number(1, 3_600)] = 10
    max_error_meters: Annotated[float, Number(1, 10_000)] = 100
