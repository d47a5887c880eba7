"""kiosk.doubles asks a human about stays that overlap, and takes the question back."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk import elsewhere
from kiosk.doubles import Window, review
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Direction, State
from kiosk.tasks import close_task
from kiosk.verdicts import Found, ServedRegistration
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, PLACE, invented_insz
from tests.worlds import World

_HOUR = 3600
_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _review(world: World, *, since_ms: int = _DAY_MS) -> int:
    now_ms = world.time.wall_ms
    window = Window(from_ms=now_ms - since_ms, to_ms=now_ms + _HOUR_MS, longest_ms=14 * _HOUR_MS)
    return review(world.outbox, window, at_ms=now_ms)


def _served(
    number: int, hours_ago: float, direction: Direction, declaration: DeclarationNumber, world: World
) -> ServedRegistration:
    return ServedRegistration(
        registration_id=number,
        ssin=invented_insz(0).digits,
        direction=direction,
        second=world.time.wall_ms // 1000 - round(hours_ago * _HOUR),
        employer=EMPLOYER,
        declaration=declaration,
        validity="valid",
        remarks=(),
        cancelled=False,
    )


def _shown(world: World, *shown: ServedRegistration) -> None:
    """What the service's search shows of other channels, per declaration."""
    for declaration in (DECLARATION, OTHER_DECLARATION):
        some = tuple(each for each in shown if each.declaration == declaration)
        others = elsewhere.others(world.outbox, Found(registrations=some))
        group = elsewhere.served_group(world.outbox, _served(1, 0, Direction.IN, declaration, world))
        now_ms = world.time.wall_ms
        elsewhere.keep(world.outbox, PLACE, group, (now_ms - _DAY_MS, now_ms), others, at_ms=now_ms)


def _tasks(world: World) -> list[tuple[object, ...]]:
    return world.select("SELECT kind, registration, about_ms FROM tasks WHERE closed_ms IS NULL ORDER BY id")


def test_a_stay_elsewhere_in_the_middle_of_one_here_is_asked_about_once(world: World) -> None:
    """The task names the registration here, and the other one by the service's id; nobody is named."""
    row = world.tap(0, ago_seconds=5 * _HOUR)
    stay = _served(71, 3, Direction.IN, OTHER_DECLARATION, world)
    _shown(world, stay)
    assert (_review(world), _review(world)) == (1, 0)
    assert _tasks(world) == [("overlap", row, stay.second * 1000)]
    (note,) = world.select("SELECT note FROM tasks")
    assert str(note[0]).startswith("inside by registration 71 at the service too, since 20")


def test_it_is_taken_back_when_the_other_stay_is_gone(world: World) -> None:
    """Cancelled there, it overlaps with nothing any more."""
    world.tap(0, ago_seconds=5 * _HOUR)
    _shown(world, _served(71, 3, Direction.IN, OTHER_DECLARATION, world))
    _review(world)
    _shown(world)
    assert (_review(world), _tasks(world)) == (0, [])


def test_it_is_taken_back_when_an_out_turns_up_that_ends_the_first(world: World) -> None:
    """He had left by telephone before he went to the other works."""
    world.tap(0, ago_seconds=5 * _HOUR)
    other = _served(71, 3, Direction.IN, OTHER_DECLARATION, world)
    _shown(world, other)
    assert _review(world) == 1
    _shown(world, other, _served(72, 3.5, Direction.OUT, DECLARATION, world))
    assert (_review(world), _tasks(world)) == (0, [])


def test_what_a_human_has_seen_to_is_not_asked_again(world: World) -> None:
    """He knows where that person was."""
    world.tap(0, ago_seconds=5 * _HOUR)
    _shown(world, _served(71, 3, Direction.IN, OTHER_DECLARATION, world))
    _review(world)
    world.database.write(lambda c: close_task(c, 1, book=1, at_ms=world.time.wall_ms))
    assert (_review(world), _tasks(world)) == (0, [])


def test_nothing_is_said_while_the_time_of_a_tap_is_not_known(world: World) -> None:
    """It may be the OUT that lacks; once it is healed the question is asked, or not."""
    world.tap(0, ago_seconds=5 * _HOUR)
    out = world.tap(0, Direction.OUT)
    world.database.write(lambda c: c.execute("UPDATE registrations SET clock_trusted = 0 WHERE id = ?", (out,)))
    _shown(world, _served(71, 3, Direction.IN, OTHER_DECLARATION, world))
    assert _review(world) == 0
    world.database.write(lambda c: c.execute("UPDATE registrations SET healed_ms = 1, latest_ms = 1 WHERE id = ?", (out,)))
    assert _review(world) == 1


def test_what_the_service_does_not_have_doubles_nothing(world: World) -> None:
    """A row that is held for another channel has a task of its own."""
    world.tap(0, ago_seconds=5 * _HOUR, state=State.HELD)
    _shown(world, _served(71, 3, Direction.IN, OTHER_DECLARATION, world))
    assert _review(world) == 0


def test_only_what_began_in_the_window_is_looked_at(world: World) -> None:
    """Neither opened nor closed: what came before needs a longer look, and beyond a month nobody can tell any more."""
    world.tap(0, ago_seconds=5 * _HOUR)
    _shown(world, _served(71, 3, Direction.IN, OTHER_DECLARATION, world))
    assert _review(world, since_ms=2 * _HOUR_MS) == 0
    assert _review(world) == 1
    _shown(world)
    _review(world, since_ms=2 * _HOUR_MS)
    _review(world, since_ms=31 * _DAY_MS)
    assert len(_tasks(world)) == 1
