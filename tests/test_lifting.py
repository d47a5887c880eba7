"""kiosk.lifting sets a clock forward to what the store knows, never back, and writes it down."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import evidence, lifting
from kiosk.errors import KioskError
from kiosk.lifting import Lift
from tests.gatehouse import MORNING_MS, Gatehouse, open_gatehouse
from tests.people import invented_card, invented_line


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    with open_gatehouse(tmp_path) as opened:
        opened.enrol(invented_line(0))
        yield opened


def test_a_clock_behind_the_newest_trusted_tap_is_due(house: Gatehouse) -> None:
    """To that tap's time exactly; a clock that stands there or later is left alone, and so is one of an empty store."""
    assert lifting.due(house.database, wall=lambda: 0) is None
    house.tap(invented_card(0))
    assert lifting.due(house.database, wall=lambda: 0) == Lift(from_ms=0, to_ms=MORNING_MS)
    assert lifting.due(house.database, wall=lambda: MORNING_MS) is None
    assert lifting.due(house.database, wall=lambda: MORNING_MS + 1) is None


def test_an_untrusted_tap_lifts_nothing(house: Gatehouse) -> None:
    """A clock that nobody vouched for is no floor."""
    house.clocks.trusted = False
    house.tap(invented_card(0))
    assert lifting.due(house.database, wall=lambda: 0) is None


def test_a_lift_is_in_the_record(house: Gatehouse) -> None:
    """From where to where."""
    lifting.record(house.database, house.vault, Lift(from_ms=0, to_ms=MORNING_MS))
    sql = "SELECT uid, sealed FROM evidence WHERE kind = 'clock'"
    (row,) = house.database.read(lambda c: c.execute(sql).fetchall())
    assert evidence.opened(house.vault, *row).facts == {"lifted_from_ms": 0, "lifted_to_ms": MORNING_MS}


def test_whoever_may_not_set_the_clock_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel refuses everybody without CAP_SYS_TIME; a stand-in does so here, since no test may set this machine's clock."""
    asked: list[int] = []

    def refuse(_clock: int, at_ns: int) -> None:
        asked.append(at_ns)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(time, "clock_settime_ns", refuse)
    with pytest.raises(KioskError, match="may not be set") as caught:
        lifting.set_system_clock(MORNING_MS)
    assert (asked, "ExecStartPre=+" in (caught.value.repair or "")) == ([MORNING_MS * 1_000_000], True)
