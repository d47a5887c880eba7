"""kiosk.site_settings: where the box stands; tests/test_settings.py compares all keys with the reference file."""

from __future__ import annotations

import pytest

from kiosk.model import Address, Coordinates
from kiosk.site_settings import Site, SiteAddress, misplaced


def test_the_place_is_the_address_where_there_is_one() -> None:
    """Registrations name the coordinates, or the address instead, never both."""
    address = SiteAddress(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    assert Site(name="x", latitude=50.8, longitude=4.3).place == Coordinates(50.8, 4.3)
    assert Site(name="x", latitude=50.8, longitude=4.3, address=address).place == Address(
        post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16"
    )


@pytest.mark.parametrize(
    ("latitude", "longitude", "said"),
    [
        (50.8466, 4.3670, None),
        (4.3670, 50.8466, "exchanged"),
        (0, 0, "in the sea"),
        (0, 4.3670, None),
        (51.6, 6.5, None),
        (2.5, 49.4, "exchanged"),
        (40.7, -74.0, None),
    ],
)
def test_a_place_that_can_not_be_meant_is_told(latitude: float, longitude: float, said: str | None) -> None:
    """Two noughts, and what would be in the country the other way round; another country's place may be meant."""
    wrong = misplaced(latitude, longitude)
    assert wrong is None if said is None else said in (wrong or "")
