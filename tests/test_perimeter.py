"""kiosk.perimeter says that the box is not where it should be, once, and takes it back."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from hardware.ports import Fix
from kiosk import evidence
from kiosk.geography import Fence
from kiosk.model import Coordinates
from kiosk.perimeter import Perimeter
from tests.people import PLACE
from tests.worlds import World

AWAY = Coordinates(50.8556, 4.3670)
FENCES = (Fence(PLACE, 200),)
SECOND = 1_000_000_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def watch(world: World, fences: tuple[Fence, ...] = FENCES) -> Perimeter:
    return Perimeter(world.outbox, world.time, fences, settle_seconds=10)


def pass_by(perimeter: Perimeter, place: Coordinates, seconds: range, error_meters: float = 10) -> None:
    """Let the receiver find the box there at each of these seconds of the boot clock."""
    for second in seconds:
        fix = Fix(latitude=place.latitude, longitude=place.longitude, error_meters=error_meters, boot_ns=second * SECOND)
        perimeter.note(fix)


def recorded(world: World) -> list[object]:
    """What the record says of it."""
    found = world.database.read(partial(evidence.about, subject="box"))
    contents = [evidence.opened(world.vault, each.uid, each.sealed) for each in found if each.kind == "fence" and each.sealed]
    return [content.facts for content in contents]


def test_a_box_that_was_carried_away_is_asked_about_until_it_is_back(world: World) -> None:
    """One task and one entry of the record on the way out, one entry on the way back; nothing about it names a place."""
    perimeter = watch(world)
    pass_by(perimeter, PLACE, range(20))
    assert world.tasks() == []
    pass_by(perimeter, AWAY, range(20, 60))
    assert world.tasks() == [("misplaced", None, None)]
    pass_by(perimeter, PLACE, range(60, 90))
    assert world.tasks() == []
    assert recorded(world) == [{"inside": False, "meters": 1001}, {"inside": True, "meters": 0}]


def test_a_fix_that_slips_opens_nothing(world: World) -> None:
    """The fixes must agree for some time; one in between begins the time anew."""
    perimeter = watch(world)
    for begin in range(0, 90, 9):
        pass_by(perimeter, AWAY, range(begin, begin + 8))
        pass_by(perimeter, PLACE, range(begin + 8, begin + 9))
    assert (world.tasks(), recorded(world)) == ([], [])


def test_a_poor_fix_speaks_for_the_box(world: World) -> None:
    """What may lie inside by its own error is no reason to call somebody."""
    pass_by(watch(world), AWAY, range(60), error_meters=900)
    assert world.tasks() == []


def test_a_box_that_travels_is_at_home_in_each_fence_and_one_without_anywhere(world: World) -> None:
    """The task is about being nowhere that is known."""
    pass_by(watch(world, (*FENCES, Fence(AWAY, 100))), AWAY, range(60))
    pass_by(watch(world, ()), AWAY, range(60))
    assert world.tasks() == []


def test_what_was_asked_before_a_start_stays_one_and_is_taken_back(world: World) -> None:
    """The task outlives the process; the next one neither doubles nor forgets it."""
    pass_by(watch(world), AWAY, range(60))
    pass_by(watch(world), AWAY, range(60))
    assert world.tasks() == [("misplaced", None, None)]
    pass_by(watch(world), PLACE, range(60))
    assert world.tasks() == []
    assert len(recorded(world)) == 2
