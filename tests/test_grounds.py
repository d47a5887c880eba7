"""kiosk.grounds says what the place of a tap is, and which works it can be for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kiosk.geography import Fence
from kiosk.grounds import grounds
from kiosk.model import Address, Coordinates, Located
from kiosk.rules import DeclarationTerm
from tests.people import DECLARATION, OTHER_DECLARATION, PLACE

AWAY = Coordinates(50.8556, 4.3670)
ADDRESS = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
AT_SITE = DeclarationTerm(number=DECLARATION)
OWN = DeclarationTerm(number=OTHER_DECLARATION, fence=Fence(AWAY, 200))
GROUNDS = grounds(PLACE, Fence(PLACE, 200), (AT_SITE, OWN))


def found(place: Coordinates, error_meters: float = 10) -> Located:
    return Located(place=place, error_meters=error_meters, age_ms=0)


def test_the_place_is_the_receivers_then_the_declarations_then_the_sites() -> None:
    """An address is what its site is registered by, whatever the receiver says."""
    there = Coordinates(50.8470, 4.3671)
    assert GROUNDS.place_of(DECLARATION, found(there)) == there
    assert GROUNDS.place_of(OTHER_DECLARATION, None) == AWAY
    assert (GROUNDS.place_of(DECLARATION, None), GROUNDS.place_of(None, None)) == (PLACE, PLACE)
    known_by_address = replace(GROUNDS, place=ADDRESS)
    assert known_by_address.place_of(DECLARATION, found(there)) == ADDRESS
    assert known_by_address.place_of(OTHER_DECLARATION, found(there)) == there


@pytest.mark.parametrize(
    ("located", "fitting"),
    [
        (None, None),
        (found(PLACE), {DECLARATION}),
        (found(AWAY), {OTHER_DECLARATION}),
        (found(Coordinates(50.851, 4.367), 800), {DECLARATION, OTHER_DECLARATION}),
        (found(Coordinates(50.9, 4.367)), set()),
    ],
)
def test_works_fit_where_their_fence_may_hold_the_box(located: Located | None, fitting: set[object] | None) -> None:
    """Those at the site within its fence, those with a place of their own within theirs; without a fix nobody knows."""
    assert GROUNDS.fitting((AT_SITE, OWN), located) == fitting


def test_without_a_fence_the_box_is_nowhere_wrong() -> None:
    """Works at a site that has none fit everywhere; those with a place of their own do not."""
    unfenced = replace(GROUNDS, fence=None)
    assert not unfenced.is_outside(DECLARATION, found(Coordinates(49.6, 5.8)))
    assert unfenced.is_outside(OTHER_DECLARATION, found(PLACE))
