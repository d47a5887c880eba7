"""kiosk.healing gives taps their true time, or says in which interval it lay; the direction that was shown never changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk import clockbook, healing
from kiosk.anchors import Anchor
from kiosk.healing import Bearings
from kiosk.outbox import Outbox
from kiosk.rules import DeclarationTerm, Limits
from tests.gatehouse import HOUR, MINUTE, MORNING_MS, TOGGLE, Gatehouse, open_gatehouse
from tests.people import DECLARATION, invented_card, invented_line

BEARINGS = Bearings(
    zone=ZoneInfo("Europe/Brussels"),
    limits=Limits(),
    readers={TOGGLE.name: TOGGLE.direction},
    declarations=(DeclarationTerm(number=DECLARATION),),
    max_error_ms=60_000,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    with open_gatehouse(tmp_path) as opened:
        opened.enrol(invented_line(0))
        yield opened


def outbox(house: Gatehouse) -> Outbox:
    return Outbox(house.database, house.vault, house.book)


def heal(house: Gatehouse, true_ms: int, *, bound_ms: int = 500, bearings: Bearings = BEARINGS) -> int:
    """Heal this boot: now, by its boot clock, it is ``true_ms``."""
    clocks = house.clocks
    anchor = Anchor(source="service", wall_ms=true_ms, boot_ns=clocks.boot_ns, bound_ms=bound_ms)
    done = 0
    while count := house.database.write(lambda c: healing.heal(c, outbox(house), clocks.boot_id, anchor, bearings, now_ms=true_ms)):
        done += count
    return done


def columns(house: Gatehouse, number: int, *names: str, table: str = "registrations") -> Any:
    sql = f"SELECT {', '.join(names)} FROM {table} WHERE id = ?"  # noqa: S608
    return house.database.read(lambda c: c.execute(sql, (number,)).fetchone())


@pytest.mark.parametrize("wrong_ms", [0, 315_964_800_000, MORNING_MS - 86_400_000, MORNING_MS + 86_400_000, 2_147_483_648_000])
def test_a_tap_of_this_boot_gets_its_true_time(house: Gatehouse, wrong_ms: int) -> None:
    """Whatever the clock said then, which is kept: its content is sealed anew with the time that the boot clock tells."""
    house.clocks.trusted, house.clocks.wall_ms = False, wrong_ms
    (number,) = house.tap(invented_card(0)).ids
    assert (house.rows()[0].state, house.rows()[0].reason) == ("queued", "clock")
    house.clocks.wait(1000)
    assert heal(house, MORNING_MS) == 1
    (row,) = house.rows()
    assert (row.state, row.reason, row.at_ms, row.draft.at_ms) == ("queued", None, MORNING_MS - 1_000_000, MORNING_MS - 1_000_000)
    assert columns(house, number, "wall_ms", "healed_ms", "earliest_ms", "latest_ms") == (
        wrong_ms,
        MORNING_MS,
        MORNING_MS - 1_000_000 - 701,
        MORNING_MS - 1_000_000 + 701,
    )
    assert heal(house, MORNING_MS) == 0


def test_a_step_between_two_taps_does_not_part_them(house: Gatehouse) -> None:
    """The clock was set by a day, and by an hour, while people tapped: their times lie as far apart as the taps did."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    house.clocks.wait(HOUR)
    house.clocks.wall_ms -= 86_400_000
    house.tap(invented_card(0))
    house.clocks.wall_ms += 3_600_000
    heal(house, MORNING_MS)
    first, second = house.rows()
    assert (second.at_ms - first.at_ms, second.at_ms) == (HOUR * 1000, MORNING_MS)
    assert [row.direction for row in house.rows()] == ["in", "out"]


def test_a_tap_that_owes_nothing_is_healed_too(house: Gatehouse) -> None:
    """An unknown card's tap is dated for whoever links it later."""
    house.clocks.trusted = False
    house.tap(invented_card(7))
    house.clocks.wait(10)
    heal(house, MORNING_MS)
    assert columns(house, 1, "at_ms", "healed_ms", table="taps") == (MORNING_MS - 10_000, MORNING_MS)


def test_a_bound_that_is_too_wide_holds(house: Gatehouse) -> None:
    """The best time is written down, and a human is asked."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    heal(house, MORNING_MS, bound_ms=60_001)
    (row,) = house.rows()
    assert (row.state, row.reason, row.at_ms) == ("held", "clock", MORNING_MS)
    assert house.asked() == [("held", row.id)]


def test_a_group_that_is_paused_waits_on(house: Gatehouse) -> None:
    """The true time does not end a pause."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    house.pause()
    heal(house, MORNING_MS)
    assert (house.rows()[0].state, house.rows()[0].reason) == ("queued", "group")


@pytest.mark.parametrize(
    ("away_seconds", "state"), [(8 * HOUR, "queued"), (3 * MINUTE, "held"), (15 * HOUR, "held"), (-MINUTE, "held")]
)
def test_a_true_time_that_would_have_decided_otherwise_holds(house: Gatehouse, away_seconds: int, state: str) -> None:
    """Across a boot the wall clock decided: an OUT stands where the true time says so too, never flips, and else waits."""
    house.tap(invented_card(0))
    house.clocks.reboot("second boot", wall_ms=MORNING_MS + 6 * HOUR * 1000)
    house.clocks.trusted = False
    house.tap(invented_card(0))
    assert [row.direction for row in house.rows()] == ["in", "out"]
    heal(house, MORNING_MS + away_seconds * 1000)
    assert (house.rows()[1].direction, house.rows()[1].state) == ("out", state)
    assert house.rows()[1].reason == ("clock" if state == "held" else None)


def test_a_declaration_that_was_over_by_then_holds(house: Gatehouse) -> None:
    """While the day was not known every declaration could be the right one; the true day decides."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    over = DeclarationTerm(number=DECLARATION, valid_until=house.clocks().at.date().replace(day=1))
    bearings = Bearings(
        zone=BEARINGS.zone,
        limits=BEARINGS.limits,
        readers=BEARINGS.readers,
        declarations=(over,),
        max_error_ms=BEARINGS.max_error_ms,
    )
    heal(house, MORNING_MS, bearings=bearings)
    assert (house.rows()[0].state, house.rows()[0].reason) == ("held", "declaration")


def test_a_damaged_tap_holds_and_stops_nobody(house: Gatehouse) -> None:
    """What does not open can't get another time inside; the next one can."""
    house.enrol(invented_line(1))
    house.clocks.trusted = False
    house.tap(invented_card(0))
    house.tap(invented_card(1))
    house.run("UPDATE registrations SET sealed = x'00' WHERE id = 1")
    heal(house, MORNING_MS)
    assert columns(house, 1, "state", "reason") == ("held", "seal")
    assert columns(house, 2, "state", "reason") == ("queued", None)


def test_a_tap_of_a_lost_boot_is_held_with_its_interval(house: Gatehouse) -> None:
    """After the last trusted tap, before this boot began; and it is asked for with what can be done."""
    house.tap(invented_card(0))
    house.clocks.wait(HOUR)
    house.clocks.trusted = False
    house.clocks.reboot("lost", wall_ms=MORNING_MS + HOUR * 1000)
    house.tap(invented_card(0))
    house.tap(invented_card(7))
    assert house.database.read(lambda c: healing.open_boots(c, house.book)) == ["lost"]
    latest_ms = MORNING_MS + 2 * HOUR * 1000
    done = house.database.write(lambda c: healing.lose(c, outbox(house), "lost", latest_ms=latest_ms, now_ms=latest_ms))
    assert done == 2
    found = columns(house, 2, "state", "reason", "healed_ms", "earliest_ms", "latest_ms")
    assert found == ("held", "clock", None, MORNING_MS, latest_ms)
    assert house.asked()[-1] == ("held", 2)
    assert house.database.read(lambda c: healing.open_boots(c, house.book)) == []


def test_what_follows_a_lost_tap_is_judged_by_both_ends_of_its_interval(house: Gatehouse) -> None:
    """Nobody knows how long the stay was: the OUT that closed it may have been a new IN, so a human looks."""
    house.clocks.trusted = False
    house.clocks.reboot("lost", wall_ms=MORNING_MS)
    house.tap(invented_card(0))
    house.clocks.reboot("second boot", wall_ms=MORNING_MS + HOUR * 1000)
    house.tap(invented_card(0))
    later = MORNING_MS + 24 * HOUR * 1000
    house.database.write(lambda c: healing.lose(c, outbox(house), "lost", latest_ms=later - MINUTE * 1000, now_ms=later))
    heal(house, later)
    assert [(row.direction, row.state, row.reason) for row in house.rows()] == [("in", "held", "clock"), ("out", "held", "clock")]


def test_healed_times_are_trusted_times(house: Gatehouse) -> None:
    """No clock before the earliest that a healed tap may have been is believed."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    assert house.database.read(clockbook.newest_trusted_ms) is None
    heal(house, MORNING_MS)
    assert house.database.read(clockbook.newest_trusted_ms) == MORNING_MS - 500


def test_each_healing_is_in_the_record(house: Gatehouse) -> None:
    """What the clock said, what it was, how sure that is and by whose word."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    house.tap(invented_card(7))
    heal(house, MORNING_MS)
    sql = "SELECT kind, subject FROM evidence WHERE kind = 'healed' ORDER BY id"
    assert house.database.read(lambda c: c.execute(sql).fetchall()) == [("healed", "tap:1"), ("healed", "registration:1")]


@settings(max_examples=30, deadline=None)
@given(
    waits=st.lists(st.integers(0, 86_400), min_size=1, max_size=5),
    walls=st.lists(st.integers(0, 4_102_444_800_000), min_size=5, max_size=5),
    bound_ms=st.integers(0, 60_000),
)
def test_a_healed_time_lies_in_its_interval_and_never_in_the_future(waits: list[int], walls: list[int], bound_ms: int) -> None:
    """However the clock jumped between the taps, and in the order in which they were made."""
    with TemporaryDirectory() as folder, open_gatehouse(Path(folder)) as house:
        house.clocks.trusted = False
        for number, (wait, wall_ms) in enumerate(zip(waits, walls, strict=False)):
            house.enrol(invented_line(number))
            house.clocks.wall_ms = wall_ms
            house.tap(invented_card(number))
            house.clocks.wait(wait)
        heal(house, MORNING_MS, bound_ms=bound_ms)
        times = [columns(house, row.id, "at_ms", "earliest_ms", "latest_ms") for row in house.rows()]
        assert all(earliest <= at_ms <= latest and at_ms <= MORNING_MS for at_ms, earliest, latest in times)
        assert [at_ms for at_ms, _, _ in times] == [MORNING_MS - 1000 * sum(waits[n:]) for n in range(len(waits))]


def test_a_slice_keeps_no_tap_waiting(house: Gatehouse) -> None:
    """The lock is held for 20 ms at most on a quick machine, however many wait."""
    house.clocks.trusted = False
    for number in range(1, 2 * healing.SLICE):
        house.enrol(invented_line(number))
        house.tap(invented_card(number))
    anchor = Anchor(source="service", wall_ms=MORNING_MS, boot_ns=house.clocks.boot_ns, bound_ms=500)
    took = []
    for count in (healing.SLICE, healing.SLICE - 1, 0):
        before = time.perf_counter()
        done = house.database.write(
            lambda c: healing.heal(c, outbox(house), house.clocks.boot_id, anchor, BEARINGS, now_ms=MORNING_MS)
        )
        took.append(time.perf_counter() - before)
        assert done == count
    print(f"a slice of {healing.SLICE}: {took[0] * 1000:.1f} ms")  # noqa: T201
