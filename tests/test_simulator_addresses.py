from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.model import Coordinates
from kiosk.simulator.addresses import metres, nearby
from tests.people import PLACE

PLACES = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))


def test_addresses_come_nearest_first() -> None:
    """Both neighbours belong to the place, the nearer one first; the one in another city does not."""
    assert [(address["streetName"], address["houseNumber"], address["boxNumber"]) for address in nearby(PLACE)] == [
        ("Wetstraat", "16", None),
        ("Wetstraat", "18", "2"),
    ]


def test_no_address_belongs_to_the_open_sea() -> None:
    """Where nothing is near, nothing is answered."""
    assert nearby(Coordinates(0, 0)) == []


def test_a_known_distance() -> None:
    """Brussels to Antwerp is about 41.5 km as the crow flies."""
    assert metres(Coordinates(50.8466, 4.3670), Coordinates(51.2194, 4.4025)) == pytest.approx(41_520, rel=0.01)


@given(PLACES, PLACES)
def test_distance_is_symmetric_and_bounded(one: Coordinates, other: Coordinates) -> None:
    """Any two places are equally far from each other both ways, and at most half the earth's girth apart."""
    assert metres(one, other) == pytest.approx(metres(other, one), abs=1e-3)
    assert 0 <= metres(one, other) <= 20_016_000
