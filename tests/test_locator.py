"""kiosk.locator knows where the box is, by the newest fix that counts, and what the receiver does never reaches a tap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread

import pytest

from hardware.indicator import boot_clock
from hardware.ports import Fix, PositionLost
from hardware.position import GpsdReceiver
from kiosk.geography import Fence, distance_meters
from kiosk.locator import Bearing, Locator
from kiosk.model import Coordinates
from kiosk.site_settings import Position, PositionSource
from tests.people import PLACE
from tests.sky import Sky
from tests.stores import PATIENCE_SECONDS, until

SECOND = 1_000_000_000
AWAY = Coordinates(50.8556, 4.3670)
QUICK = Position(source=PositionSource.GPSD, max_age_seconds=2, max_error_meters=50)


class Listed:
    """A receiver that yields these fixes and then fails: what a real one can't be made to do on time."""

    def __init__(self, *fixes: Fix) -> None:
        self._fixes = fixes

    def fixes(self, stop: Event) -> Iterator[Fix]:
        yield from self._fixes
        stop.set()
        raise PositionLost("gone")

    def wake(self) -> None:
        raise AssertionError("nobody is blocked")


def fix(at_seconds: float, error_meters: float = 10.0, place: Coordinates = PLACE) -> Fix:
    return Fix(latitude=place.latitude, longitude=place.longitude, error_meters=error_meters, boot_ns=round(at_seconds * SECOND))


def after(*fixes: Fix, fences: tuple[Fence, ...] = ()) -> tuple[Locator, list[Fix]]:
    """A locator that has heard these, and what it passed on."""
    told: list[Fix] = []
    locator = Locator(QUICK, fences, lambda: Listed(*fixes), told.append)
    locator.run(Event())
    return locator, told


def seconds(at: float) -> int:
    return round(at * SECOND)


def test_the_newest_fix_counts_for_its_time() -> None:
    """Up to max_age_seconds after it, also for a tap that is a little older than the fix; then no longer."""
    locator, _ = after(fix(10), fix(20))
    located = locator.at(seconds(21.5))
    assert located is not None
    assert (located.place, located.error_meters, located.age_ms) == (PLACE, 10.0, 1500)
    earlier = locator.at(seconds(19))
    assert earlier is not None
    assert earlier.age_ms == 0
    assert locator.at(seconds(22.1)) is None
    assert locator.at(seconds(10)) is None


def test_a_fix_that_may_be_far_off_does_not_count_and_hides_no_better_one() -> None:
    """It is told in the status, and passed on to nobody."""
    locator, told = after(fix(10, error_meters=20), fix(11, error_meters=51))
    assert [each.boot_ns for each in told] == [seconds(10)]
    located, bearing = locator.at(seconds(11)), locator.bearing(seconds(11))
    assert located is not None
    assert located.error_meters == 20
    assert (bearing.error_meters, bearing.age_ms) == (51, 0)


def test_places_are_told_to_a_tenth_of_a_metre() -> None:
    """More decimals promise what no receiver knows."""
    locator, _ = after(fix(10, place=Coordinates(50.84660049, -4.36700051)))
    located = locator.at(seconds(10))
    assert located is not None
    assert located.place == Coordinates(50.8466, -4.367001)


@pytest.mark.parametrize(
    ("fences", "place", "inside"),
    [
        ((), AWAY, None),
        ((Fence(PLACE, 200),), PLACE, True),
        ((Fence(PLACE, 200),), AWAY, False),
        ((Fence(PLACE, 200), Fence(AWAY, 100)), AWAY, True),
    ],
)
def test_the_box_is_inside_where_one_of_its_fences_holds_it(
    fences: tuple[Fence, ...],
    place: Coordinates,
    inside: bool | None,  # noqa: FBT001
) -> None:
    """Without a fence nobody can say; a box that travels is at home in each of them."""
    locator, _ = after(fix(10, place=place), fences=fences)
    assert locator.bearing(seconds(11)).inside is inside
    assert locator.bearing(seconds(20)).inside is None


def test_a_receiver_that_fails_leaves_no_position_and_asks_for_somebody() -> None:
    """Before the first fix nothing is known; a dead receiver is no roof."""
    locator, _ = after()
    bearing = locator.bearing(seconds(1))
    assert (bearing.ready, bearing.located, bearing.age_ms, bearing.inside, bearing.asks) == (False, None, None, None, True)


@pytest.mark.parametrize(
    ("ready", "inside", "asks"), [(True, None, False), (True, True, False), (True, False, True), (False, None, True)]
)
def test_somebody_should_look_where_the_box_is_astray_or_nobody_answers(
    ready: bool,  # noqa: FBT001
    inside: bool | None,  # noqa: FBT001
    asks: bool,  # noqa: FBT001
) -> None:
    """No fix alone is no trouble: under a roof there is none."""
    assert Bearing(ready=ready, located=None, age_ms=None, error_meters=None, inside=inside).asks is asks


@contextmanager
def running(locator: Locator) -> Iterator[Callable[[], Coordinates | None]]:
    """Drive the locator by a thread of its own, as the daemon does; gives where the box is now."""
    stop = Event()
    thread = Thread(target=locator.run, args=(stop,))
    thread.start()

    def now() -> Coordinates | None:
        located = locator.at(boot_clock())
        return None if located is None else located.place

    try:
        yield now
    finally:
        stop.set()
        locator.wake()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_through_a_real_gpsd() -> None:
    """Fix, no satellites, silence, a poor fix, a leap of its clock, gpsd killed and back, and unplugged: each ends as it must."""
    with Sky() as sky:
        quicker = replace(QUICK, max_age_seconds=1)
        locator = Locator(quicker, (Fence(PLACE, 200),), lambda: GpsdReceiver("127.0.0.1", sky.port), lambda _: None)

        def at(place: Coordinates) -> bool:
            found = now()
            return found is not None and distance_meters(found, place) < 5

        with running(locator) as now:
            until(lambda: at(PLACE))
            assert locator.bearing(boot_clock()).asks is False
            sky.seen = False
            until(lambda: now() is None)
            sky.seen, sky.place = True, AWAY
            until(lambda: at(AWAY))
            until(lambda: locator.bearing(boot_clock()).inside is False)
            sky.silent = True
            until(lambda: now() is None)
            assert locator.ready
            sky.silent, sky.place, sky.ahead_seconds = False, PLACE, -5000
            until(lambda: at(PLACE))
            sky.error_meters = 150
            until(lambda: now() is None)
            until(lambda: (locator.bearing(boot_clock()).error_meters or 0) > 100)
            sky.error_meters = 19
            sky.kill_gpsd()
            until(lambda: not locator.ready)
            sky.start_gpsd()
            until(lambda: at(PLACE))
            sky.unplug()
            until(lambda: now() is None)
            assert locator.ready
