"""kiosk.stays asks for the OUT of a stay that nobody ended, once for each stay."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import stays, taps, tasks
from kiosk.model import Direction, TaskKind
from kiosk.rules import LastTap
from tests.gatehouse import ARRIVALS, DEPARTURES, HOUR, MORNING_MS, SECOND, Gatehouse, open_gatehouse
from tests.people import invented_card, invented_line

CARD = invented_card(1)
_SHIFT_MS = 14 * 3_600_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    """A site; holder 1 has a badge."""
    with open_gatehouse(tmp_path) as opened:
        opened.enrol(invented_line(1))
        yield opened


def look(house: Gatehouse, after: int = 0) -> stays.Look:
    over_ms = house.clocks.wall_ms - _SHIFT_MS
    return house.database.read(lambda c: stays.look(c, book=house.book, after=after, over_ms=over_ms))


def ask(house: Gatehouse) -> list[bool]:
    """Ask about everything that is over, as the thread does."""
    found = look(house).over
    return [
        house.database.write(lambda c, s=stay: stays.ask_if_open(c, s, book=house.book, at_ms=house.clocks.wall_ms))  # type: ignore[misc]  # a default binds the loop's value
        for stay in found
    ]


def test_a_stay_is_over_after_the_longest_shift_only(house: Gatehouse) -> None:
    """Until then it says when it will be; whoever is out is no stay."""
    assert look(house) == stays.Look(over=(), next_ms=None, after=None)
    house.tap(CARD, ARRIVALS)
    house.clocks.wait(14 * HOUR)
    assert look(house) == stays.Look(over=(), next_ms=MORNING_MS, after=None)
    house.clocks.wait(SECOND)
    found = look(house)
    assert [(stay.holder, stay.began.registration) for stay in found.over] == [(1, 1)]
    assert found.next_ms is None


def test_it_is_asked_once_also_when_the_person_taps_again(house: Gatehouse) -> None:
    """The task is about the IN that lacks its OUT, is dated by it, and neither the thread nor the next tap asks again."""
    house.tap(CARD, ARRIVALS)
    house.clocks.wait(15 * HOUR)
    assert ask(house) == [True]
    assert ask(house) == []
    house.clocks.wait(HOUR)
    house.tap(CARD, ARRIVALS)
    (task,) = house.database.read(lambda c: tasks.open_tasks(c, house.book))
    assert (task.kind, task.registration, task.about_ms) == (TaskKind.MISSING_OUT, 1, MORNING_MS)


def test_what_a_human_has_seen_to_is_not_asked_again(house: Gatehouse) -> None:
    """Neither when the thread comes by nor at the person's next tap."""
    house.tap(CARD, ARRIVALS)
    house.clocks.wait(15 * HOUR)
    ask(house)
    house.database.write(lambda c: tasks.close_task(c, 1, book=house.book, at_ms=house.clocks.wall_ms))
    assert ask(house) == []
    house.tap(CARD, ARRIVALS)
    assert house.asked() == []


def test_an_out_that_comes_after_all_settles_it(house: Gatehouse) -> None:
    """It takes the question back, and asks instead whether so long a stay can be true."""
    house.tap(CARD, ARRIVALS)
    house.clocks.wait(15 * HOUR)
    ask(house)
    assert house.tap(CARD, DEPARTURES).ids == (2,)
    assert house.asked() == [("long_stay", 2)]


def test_an_in_that_is_cancelled_lacks_no_out(house: Gatehouse) -> None:
    """Whoever was never here did not forget to leave."""
    house.tap(CARD, ARRIVALS)
    house.run("UPDATE registrations SET state = 'cancelled'")
    house.clocks.wait(15 * HOUR)
    assert look(house).over == ()


def test_a_tap_between_the_look_and_the_question_goes_first(house: Gatehouse) -> None:
    """Nobody is asked about a stay that has just been ended."""
    house.tap(CARD, ARRIVALS)
    house.clocks.wait(15 * HOUR)
    (stay,) = look(house).over
    house.tap(CARD, DEPARTURES)
    assert not house.database.write(lambda c: stays.ask_if_open(c, stay, book=house.book, at_ms=house.clocks.wall_ms))
    assert house.asked() == []


def test_a_stay_whose_beginning_nobody_vouches_for_waits(house: Gatehouse) -> None:
    """A clock that stood in 1970 has kept nobody here for fifty years; once the time is healed the stay counts."""
    house.clocks.trusted = False
    house.tap(CARD, ARRIVALS)
    house.clocks.trusted = True
    house.clocks.wait(15 * HOUR)
    assert look(house).over == ()
    house.run("UPDATE registrations SET healed_ms = 1")
    assert len(look(house).over) == 1


@pytest.mark.parametrize(("source", "words"), [(taps.Source.ELSEWHERE, "channel"), (taps.Source.LOCAL, "nothing is owed")])
def test_a_stay_that_no_row_of_the_book_began_is_told_by_its_moment(house: Gatehouse, source: taps.Source, words: str) -> None:
    """It is asked once, taken back by an OUT, and its days are counted only where the service knows of it."""
    last = LastTap(direction=Direction.IN, at_ms=MORNING_MS, boot_ns=0, boot_id="")
    began = taps.Newest(last, 9, b"", b"", trusted=True, source=source)

    def asking(began: taps.Newest) -> bool:
        return house.database.write(lambda c: stays.ask_for_out(c, began, book=house.book, holder=1, at_ms=MORNING_MS))

    assert asking(began)
    assert not asking(began)
    (task,) = house.database.read(lambda c: tasks.open_tasks(c, house.book))
    assert task.note is not None
    assert words in task.note
    assert task.about_ms == (MORNING_MS if source is taps.Source.ELSEWHERE else None)
    assert house.database.write(lambda c: stays.ended(c, began, book=house.book, holder=1, at_ms=MORNING_MS))


def test_many_people_are_looked_at_in_slices(house: Gatehouse) -> None:
    """A site with many people keeps no tap waiting: each look says where to go on."""
    for number in range(2, stays.SLICE + 2):
        house.enrol(invented_line(number))
    house.tap(invented_card(stays.SLICE + 1), ARRIVALS)
    house.clocks.wait(15 * HOUR)
    first = look(house)
    assert (first.over, first.after) == ((), stays.SLICE)
    assert [stay.holder for stay in look(house, first.after or 0).over] == [stays.SLICE + 1]
