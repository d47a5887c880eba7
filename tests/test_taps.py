"""kiosk.taps remembers what was seen, where it leaves each holder, and who may be inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import clockbook, taps
from kiosk.errors import SealBroken
from kiosk.model import Direction, Press, Signal
from kiosk.records import unpack_card
from kiosk.rules import LastTap
from kiosk.vault import Field
from tests.gatehouse import ARRIVALS, DEPARTURES, HOUR, MORNING_MS, TOGGLE, Gatehouse, open_gatehouse
from tests.people import invented_card, invented_line
from tests.stores import VAULT

SHIFT_MS = 14 * HOUR * 1000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    with open_gatehouse(tmp_path) as opened:
        for number in range(4):
            opened.enrol(invented_line(number))
        yield opened


def newest(house: Gatehouse, holder: int, *, book: int | None = None) -> taps.Newest | None:
    return house.database.read(lambda c: taps.newest_tap(c, book=book or house.book, holder=holder))


def recent(house: Gatehouse, *, book: int | None = None) -> list[tuple[int | None, str | None, int]]:
    """Holder, direction and seconds since the morning of everybody seen within the longest shift."""
    since_ms = house.clocks.wall_ms - SHIFT_MS
    found = house.database.read(lambda c: taps.recent(c, book=book or house.book, since_ms=since_ms))
    return [(tap.holder, tap.direction and tap.direction.value, (tap.at_ms - MORNING_MS) // 1000) for tap in found]


# The newest tap of a holder.


def test_who_never_tapped_has_no_newest_tap(house: Gatehouse) -> None:
    """Everybody starts out."""
    house.tap(invented_card(0))
    assert newest(house, 2) is None
    assert taps.stay_of(VAULT, None) is None


def test_the_newest_tap_that_counts(house: Gatehouse) -> None:
    """It is the last one recorded of that holder in that book, whatever the clocks said, without what was cancelled."""
    house.tap(invented_card(0))
    house.clocks.reboot("second boot", wall_ms=5000)
    house.tap(invented_card(0), DEPARTURES)
    house.tap(invented_card(1))
    found = newest(house, 1)
    assert found is not None
    assert found.last == LastTap(direction=Direction.OUT, at_ms=5000, boot_ns=0, boot_id="second boot")
    assert found.row == 2
    assert newest(house, 1, book=house.book + 1) is None
    house.run("UPDATE registrations SET state = 'cancelled' WHERE id = 2")
    before = newest(house, 1)
    assert before is not None
    assert (before.row, before.last.direction, before.last.boot_id) == (1, Direction.IN, "first boot")


def test_a_stay_is_what_its_in_was_registered_as(house: Gatehouse) -> None:
    """Inside, the IN's draft comes back; outside there is no stay."""
    house.tap(invented_card(0))
    assert taps.stay_of(VAULT, newest(house, 1)) == house.rows()[0].draft
    house.clocks.wait(HOUR)
    house.tap(invented_card(0))
    assert taps.stay_of(VAULT, newest(house, 1)) is None


@pytest.mark.parametrize("sealed", [b"", bytes(60)])
def test_a_damaged_stay_is_said(house: Gatehouse, sealed: bytes) -> None:
    """An IN that does not open is no stay that one could guess."""
    house.tap(invented_card(0))
    house.run("UPDATE registrations SET sealed = ?", sealed)
    with pytest.raises(SealBroken):
        taps.stay_of(VAULT, newest(house, 1))


def test_a_stay_of_another_row_is_refused(house: Gatehouse) -> None:
    """A draft that was moved from another person's row does not open."""
    house.tap(invented_card(0))
    house.tap(invented_card(1))
    house.run("UPDATE registrations SET sealed = (SELECT sealed FROM registrations WHERE id = 2) WHERE id = 1")
    with pytest.raises(SealBroken):
        taps.stay_of(VAULT, newest(house, 1))


# Taps that owe nothing.


def test_a_tap_without_registration_keeps_all_that_was_seen(house: Gatehouse) -> None:
    """Signal, reader, button, chip and clocks in clear; the card sealed for its own row only."""
    house.clocks.trusted = False
    house.tap(invented_card(9), DEPARTURES, Press.BREAK)
    row = house.database.read(
        lambda c: c.execute(
            "SELECT signal, at_ms, card_index, reader, driver, technology, press, wall_ms, boot_ns, boot_id,"
            " clock_trusted, clock_source, clock_bound_ms, book FROM taps"
        ).fetchone()
    )
    assert row[:7] == (
        Signal.UNKNOWN_CARD,
        MORNING_MS,
        house.card_index(invented_card(9)),
        "departures",
        "simulated",
        "test",
        "break",
    )
    assert row[7:] == (MORNING_MS, house.clocks.boot_ns, "first boot", 0, "none", None, house.book)
    uid, sealed = house.database.read(lambda c: c.execute("SELECT uid, sealed FROM taps").fetchone())
    assert unpack_card(VAULT.open(Field.TAP, uid, sealed)) == invented_card(9)
    assert invented_card(9).identifier not in sealed


# The newest trusted time.


def test_no_clock_before_the_newest_trusted_time_is_believed(house: Gatehouse) -> None:
    """It is the latest time, not the last row, and no untrusted reading moves it."""
    assert house.database.read(clockbook.newest_trusted_ms) is None
    house.clocks.trusted = False
    house.tap(invented_card(0))
    assert house.database.read(clockbook.newest_trusted_ms) is None
    house.clocks.trusted = True
    house.clocks.wait(HOUR)
    house.tap(invented_card(1))
    house.clocks.wait(-60)
    house.tap(invented_card(2))
    house.clocks.trusted = False
    house.clocks.wait(10 * HOUR)
    house.tap(invented_card(3))
    assert house.database.read(clockbook.newest_trusted_ms) == MORNING_MS + HOUR * 1000


# Who was seen lately.


def test_nobody_yet(house: Gatehouse) -> None:
    """A new book shows nobody."""
    assert recent(house) == []


def test_each_holder_once_by_his_newest_tap(house: Gatehouse) -> None:
    """Newest first; what was cancelled, or stands in another book, is not there."""
    house.tap(invented_card(0))
    house.clocks.wait(HOUR)
    house.tap(invented_card(1), ARRIVALS)
    house.clocks.wait(HOUR)
    house.tap(invented_card(0), TOGGLE, Press.BREAK)
    house.clocks.wait(HOUR)
    house.tap(invented_card(2))
    house.run("UPDATE registrations SET state = 'cancelled' WHERE holder = 3")
    assert recent(house) == [(1, "out", 2 * HOUR), (2, "in", HOUR)]
    assert recent(house, book=house.book + 1) == []
    since = house.database.read(lambda c: taps.recent(c, book=house.book, since_ms=0))
    assert [(tap.press, tap.reader) for tap in since] == [(Press.BREAK, "gate"), (None, "arrivals")]


def test_each_unknown_card_once(house: Gatehouse) -> None:
    """Somebody may be inside whom nobody can name: one line a card, by its newest tap."""
    for card, gate in ((8, TOGGLE), (9, TOGGLE), (8, DEPARTURES)):
        house.tap(invented_card(card), gate)
        house.clocks.wait(HOUR)
    house.tap(invented_card(0))
    assert recent(house) == [(1, "in", 3 * HOUR), (None, None, 2 * HOUR), (None, None, HOUR)]
    assert [tap.reader for tap in house.database.read(lambda c: taps.recent(c, book=house.book, since_ms=0))] == [
        "gate",
        "departures",
        "gate",
    ]


def test_a_night_shift_is_one_shift(house: Gatehouse) -> None:
    """Midnight and summer time are nothing here: hours since the tap count, to the last one."""
    house.clocks.wait(14 * HOUR)  # 22:00 at the site
    house.tap(invented_card(0))
    house.clocks.wait(14 * HOUR)
    assert recent(house) == [(1, "in", 14 * HOUR)]
    house.clocks.wait(0.001)
    assert recent(house) == []


def test_it_stops_at_the_first_older_tap(house: Gatehouse) -> None:
    """Nothing behind a trusted older tap is read, so it costs what the shift was busy, not what the book is long."""
    for number in range(4):
        house.tap(invented_card(number))
        house.clocks.wait(10 * HOUR)
    steps: list[int] = []

    def counted(since_ms: int) -> int:
        steps.clear()

        def work(c: object) -> None:
            house.database._connection.set_progress_handler(lambda: steps.append(1), 1)
            try:
                taps.recent(house.database._connection, book=house.book, since_ms=since_ms)
            finally:
                house.database._connection.set_progress_handler(None, 1)

        house.database.read(work)
        return len(steps)

    assert recent(house) == [(4, "in", 30 * HOUR)]
    shift = counted(house.clocks.wall_ms - SHIFT_MS)
    assert counted(0) > shift
    house.run("UPDATE registrations SET at_ms = 0 WHERE id = 1")
    assert counted(house.clocks.wall_ms - SHIFT_MS) == shift


def test_a_clock_in_1970_hides_nobody(house: Gatehouse) -> None:
    """Who came or left while nobody vouched for the clock came or left, and does not hide those before him."""
    house.tap(invented_card(0))
    house.tap(invented_card(1), ARRIVALS)
    house.clocks.wait(HOUR)
    kept_ms = house.clocks.wall_ms
    house.clocks.reboot("second boot", wall_ms=5000)
    house.clocks.trusted = False
    house.tap(invented_card(1), DEPARTURES)
    house.tap(invented_card(2), ARRIVALS)
    house.tap(invented_card(9))
    house.clocks.wall_ms, house.clocks.trusted = kept_ms + HOUR * 1000, True
    assert {(holder, direction) for holder, direction, _ in recent(house)} == {
        (1, "in"),
        (2, "out"),
        (3, "in"),
        (None, None),
    }


def test_untrusted_taps_of_the_shift_before_are_gone(house: Gatehouse) -> None:
    """A trusted older tap after them ends the look, so nobody stays inside for ever."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    house.clocks.trusted = True
    house.tap(invented_card(1))
    house.clocks.wait(15 * HOUR)
    house.tap(invented_card(2))
    assert recent(house) == [(3, "in", 15 * HOUR)]
