"""kiosk.geography measures on the Earth: fences, and journeys that nobody made."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.geography import Fence, Visit, distance_meters, too_fast
from kiosk.model import Coordinates
from tests.people import PLACE

ANTWERP = Coordinates(51.2172, 4.4211)
places = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))
belgian = st.builds(Coordinates, st.floats(49.5, 51.5), st.floats(2.6, 6.4))
visits = st.builds(Visit, place=belgian, at_ms=st.integers(0, 10**8))
meters = st.floats(0, 50_000)
HALF_ROUND = math.pi * 6_371_009  # metres from pole to pole, on a sphere of the Earth's mean radius


@pytest.mark.parametrize(
    ("one", "other", "known"),
    [
        (PLACE, PLACE, 0),
        (Coordinates(0, 0), Coordinates(0, 1), 111_195),
        (Coordinates(90, 0), Coordinates(-90, 0), HALF_ROUND),
        (Coordinates(0, 180), Coordinates(0, -179), 111_195),
        (Coordinates(50.0359, -5.4253), Coordinates(58.3838, -3.0412), 941_000),
        (PLACE, Coordinates(50.8475, 4.3670), 100),
    ],
)
def test_known_distances(one: Coordinates, other: Coordinates, known: float) -> None:
    """Degrees at the equator, pole to pole, over the date line, and some hundred metres at a site."""
    assert distance_meters(one, other) == pytest.approx(known, rel=0.005, abs=0.5)


@given(places, places, places)
def test_distances_are_distances(a: Coordinates, b: Coordinates, c: Coordinates) -> None:
    """Never negative, never beyond half way round, the same both ways, and no detour is shorter."""
    there = distance_meters(a, b)
    assert 0 <= there <= HALF_ROUND + 1
    assert there == pytest.approx(distance_meters(b, a), abs=0.01)
    assert there <= distance_meters(a, c) + distance_meters(c, b) + 1


@given(belgian, belgian, meters, meters, meters)
def test_a_wider_fence_and_a_larger_error_only_let_more_in(
    centre: Coordinates, place: Coordinates, wide: float, error: float, more: float
) -> None:
    """The error of a fix speaks for whoever stands there; the centre is always inside."""
    fence = Fence(centre, wide)
    assert fence.holds(centre, 0)
    if fence.holds(place, error):
        assert Fence(centre, wide + more).holds(place, error)
        assert fence.holds(place, error + more)
    else:
        assert distance_meters(centre, place) > wide


def test_a_place_is_outside_by_more_than_its_error_only() -> None:
    """At 100 m from the centre: inside a fence of 90 m with 20 m of error, outside with 5."""
    at_100 = Coordinates(50.8475, 4.3670)
    assert Fence(PLACE, 90).holds(at_100, 20)
    assert not Fence(PLACE, 90).holds(at_100, 5)


def visit(place: Coordinates, minutes: float, **errors: int) -> Visit:
    return Visit(place=place, at_ms=round(minutes * 60_000), **errors)


@pytest.mark.parametrize(("minutes", "impossible"), [(0, True), (10, True), (12, True), (13, False), (60, False)])
def test_brussels_to_antwerp_takes_more_than_twelve_minutes(minutes: float, impossible: bool) -> None:  # noqa: FBT001
    """41 km at 200 km/h; the order of the two does not matter."""
    assert too_fast(visit(PLACE, 0), visit(ANTWERP, minutes)) is impossible
    assert too_fast(visit(ANTWERP, minutes), visit(PLACE, 0)) is impossible


def test_one_site_is_no_journey() -> None:
    """Two gates of a large site in the same second are not two sites."""
    assert not too_fast(visit(PLACE, 0), visit(Coordinates(50.86, 4.367), 0))


@given(visits, visits, meters, st.integers(0, 10**7))
def test_errors_only_ever_excuse(here: Visit, there: Visit, off: float, off_ms: int) -> None:
    """A place or a time that is less certain never makes a journey impossible that was possible."""
    if not too_fast(here, there):
        assert not too_fast(replace(here, error_meters=off), there)
        assert not too_fast(here, replace(there, error_ms=off_ms))
