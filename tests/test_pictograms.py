"""kiosk.pictograms draws lights as they are, so that the poster and the lamp say the same."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from kiosk import pictograms
from kiosk.model import Environment, Signal
from kiosk.patterns import pattern_for
from kiosk.poster_words import SIGNALS
from tests.pages import Page


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("signal", SIGNALS)
def test_a_drawn_light_has_the_flashes_of_the_lamp(signal: Signal, environment: Environment) -> None:
    """As many, as long, and where they are in time."""
    pattern = pattern_for(signal, environment=environment)
    drawn = [
        (float(x), float(width)) for x, width in re.findall(r'<rect x="([\d.]+)" y="0" width="([\d.]+)"', pictograms.light(pattern))
    ]
    at, expected = 0, []
    for beat in pattern.beats:
        if beat.light:
            expected.append((at / 10, beat.milliseconds / 10))
        at += beat.milliseconds
    assert drawn == expected
    assert at <= 2500


@pytest.mark.parametrize("environment", Environment)
def test_no_two_drawn_lights_look_the_same_without_colour(environment: Environment) -> None:
    """A printer without ink for colours still tells them apart."""
    shapes = [re.sub(r'fill="[^"]*"', "", pictograms.light(pattern_for(each, environment=environment))) for each in SIGNALS]
    assert all(one != other for one, other in combinations(shapes, 2))


def test_drawings_are_whole_and_load_nothing() -> None:
    """They are part of the page."""
    for drawing in (pictograms.TAP, pictograms.ARRIVE, pictograms.LEAVE, pictograms.PHONE, pictograms.PENCIL, pictograms.LOCK):
        assert Page(drawing).loads == []
