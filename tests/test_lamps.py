"""kiosk.lamps: each answer, press and rest has its pattern, and at night the buzzer only ticks."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from hardware.ports import Pattern
from kiosk.lamps import Lamps
from kiosk.model import Answer, ClockReading, Environment, Press, Signal
from kiosk.patterns import hushed, pattern_for, pattern_for_press


class Board:
    """Lamps that note what they are told."""

    def __init__(self) -> None:
        self.played: list[Pattern] = []
        self.resting: list[Pattern] = []
        self.closed = False

    def play(self, pattern: Pattern) -> None:
        self.played.append(pattern)

    def rest(self, pattern: Pattern) -> None:
        self.resting.append(pattern)

    def close(self) -> None:
        self.closed = True


def at(text: str, *, trusted: bool = True) -> ClockReading:
    wall_ms = round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
    return ClockReading(wall_ms=wall_ms, boot_ns=1, boot_id="boot", trusted=trusted, source="kernel", bound_ms=1)


def lamps(board: Board, clock: ClockReading, night: tuple[time, time] | None = None) -> Lamps:
    return Lamps(board, Environment.PRODUCTION, lambda: clock, zone=ZoneInfo("Europe/Brussels"), night=night)


def test_an_answer_a_press_and_the_rest_are_shown() -> None:
    """Each by its own pattern of this environment; at the end the box is dark."""
    board = Board()
    shown = lamps(board, at("2026-11-02T07:00:00"))
    shown.answer(Answer(signal=Signal.IN, offline=True))
    shown.pressed(Press.OUT)
    shown.pressed(None)
    shown.rest(Signal.READY)
    assert board.played == [
        pattern_for(Signal.IN, offline=True, environment=Environment.PRODUCTION),
        pattern_for_press(Press.OUT),
        pattern_for_press(None),
    ]
    assert board.resting == [pattern_for(Signal.READY, environment=Environment.PRODUCTION)]
    shown.close()
    assert board.closed


NIGHT = (time(22), time(6))


@pytest.mark.parametrize(
    ("night", "now", "trusted", "quiet"),
    [
        (NIGHT, "2026-11-02T20:59:59", True, False),
        (NIGHT, "2026-11-02T21:00:00", True, True),
        (NIGHT, "2026-11-03T04:59:59", True, True),
        (NIGHT, "2026-11-03T05:00:00", True, False),
        # Summer time: the same local hours are an hour earlier.
        (NIGHT, "2026-07-02T20:00:00", True, True),
        (NIGHT, "2026-07-03T04:00:00", True, False),
        ((time(12), time(13)), "2026-11-02T11:30:00", True, True),
        ((time(12), time(13)), "2026-11-02T12:00:00", True, False),
        (NIGHT, "2026-11-02T23:00:00", False, False),
        (None, "2026-11-02T23:00:00", True, False),
    ],
)
def test_at_night_the_buzzer_ticks(night: tuple[time, time] | None, now: str, *, trusted: bool, quiet: bool) -> None:
    """By the site's own hours, across midnight too; by a clock that nobody vouches for it is never night."""
    board = Board()
    lamps(board, at(now, trusted=trusted), night).answer(Answer(signal=Signal.OUT))
    plain = pattern_for(Signal.OUT, environment=Environment.PRODUCTION)
    assert board.played == [hushed(plain) if quiet else plain]
