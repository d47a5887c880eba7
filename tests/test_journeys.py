"""kiosk.journeys asks about a person who was at two places faster than anybody travels."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.elsewhere import Other, served_group
from kiosk.journeys import review
from kiosk.model import Address, Coordinates, Direction, Place
from kiosk.tasks import close_task
from kiosk.verdicts import ServedRegistration
from tests.people import DECLARATION, EMPLOYER, invented_insz
from tests.worlds import World

ANTWERP = Coordinates(51.2172, 4.4211)
MINUTE = 60


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def other(world: World, minutes_ago: float, place: Place | None = ANTWERP, *, person: int = 0, cancelled: bool = False) -> Other:
    """What the service shows of another channel, at that place."""
    served = ServedRegistration(
        registration_id=71,
        ssin=invented_insz(person).digits,
        direction=Direction.IN,
        second=world.time.wall_ms // 1000 - round(minutes_ago * MINUTE),
        employer=EMPLOYER,
        declaration=DECLARATION,
        validity="valid",
        remarks=(),
        cancelled=cancelled,
        place=place,
    )
    return Other(holder=world.holder(person), group=served_group(world.outbox, served), served=served)


def look(world: World, *others: Other) -> int:
    return review(world.outbox, others, at_ms=world.time.wall_ms)


def test_a_badge_here_and_a_number_in_antwerp_ten_minutes_apart_are_asked_about_once(world: World) -> None:
    """The task names the tap here and the service's id, with the way and the time, and nobody's place."""
    row = world.tap(ago_seconds=30 * MINUTE)
    there = other(world, 20)
    assert (look(world, there), look(world, there)) == (1, 0)
    ((kind, registration, note),) = world.select("SELECT kind, registration, note FROM tasks WHERE closed_ms IS NULL")
    assert (kind, registration) == ("journey", row)
    assert str(note).endswith(": 41 km in 10 min")
    world.database.write(lambda c: close_task(c, 1, book=1, at_ms=0))
    assert look(world, there) == 0


def test_of_several_taps_the_nearest_in_time_is_named(world: World) -> None:
    """One question for one registration elsewhere."""
    world.tap(ago_seconds=29 * MINUTE)
    row = world.tap(direction=Direction.OUT, ago_seconds=22 * MINUTE)
    assert look(world, other(world, 20)) == 1
    assert world.tasks()[0][1] == row


@pytest.mark.parametrize(
    ("minutes_ago", "place"),
    [
        (90, ANTWERP),
        (20, Coordinates(50.85, 4.37)),
        (20, None),
        (20, Address(post_code="2000", municipality="Antwerpen", street="Meir", house_number="1")),
        (60 * 24, ANTWERP),
    ],
)
def test_a_journey_that_can_be_made_or_that_nobody_knows_of_is_none(world: World, minutes_ago: float, place: Place | None) -> None:
    """An hour is enough; the same town, no place and a mere address prove nothing."""
    world.tap(ago_seconds=30 * MINUTE)
    assert look(world, other(world, minutes_ago, place)) == 0


def test_only_the_same_person_counts_and_only_what_stands(world: World) -> None:
    """Two people may be at two places, and what was cancelled was nobody's."""
    world.tap(ago_seconds=30 * MINUTE)
    assert look(world, other(world, 20, person=1), other(world, 20, cancelled=True)) == 0


@pytest.mark.parametrize("change", ["clock_bound_ms = 3600000", "place_error_m = 60000", "clock_trusted = 0", "sealed = x'00'"])
def test_what_is_not_known_for_certain_excuses(world: World, change: str) -> None:
    """A tap whose time may be an hour off, its place 60 km, whose time nobody knows or whose seal is broken proves nothing."""
    world.tap(ago_seconds=30 * MINUTE)
    world.database.write(lambda c: c.execute(f"UPDATE registrations SET {change}"))  # noqa: S608  our own words
    assert look(world, other(world, 20)) == 0
