"""What lamps and buzzer are told: the pattern of each signal, by environment and by the hour. Never a word of the person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from zoneinfo import ZoneInfo

from hardware.ports import Indicator, Pattern
from kiosk.model import Answer, ClockReading, Environment, Press, Signal
from kiosk.patterns import hushed, pattern_for, pattern_for_press


class Lamps:
    """Shows signals on an indicator. Safe from any thread, and returns at once.

    Args:
        indicator: The lamps and the buzzer.
        environment: Against which service the box works.
        clock: Reads all clocks.
        zone: The site's time zone: the night is local.
        night: From when until when the buzzer only ticks, or None: never.
    """

    def __init__(
        self,
        indicator: Indicator,
        environment: Environment,
        clock: Callable[[], ClockReading],
        *,
        zone: ZoneInfo,
        night: tuple[time, time] | None,
    ) -> None:
        self._indicator = indicator
        self._environment = environment
        self._clock = clock
        self._zone = zone
        self._night = night

    def answer(self, answer: Answer) -> None:
        """Show what a tap came to."""
        self._play(pattern_for(answer.signal, offline=answer.offline, environment=self._environment))

    def pressed(self, press: Press | None) -> None:
        """Show that a button counts for the tap that follows; None: one that stands for a declaration."""
        self._play(pattern_for_press(press))

    def rest(self, signal: Signal) -> None:
        """Set what is shown while nobody taps."""
        self._indicator.rest(pattern_for(signal, environment=self._environment))

    def close(self) -> None:
        """Go dark."""
        self._indicator.close()

    def _play(self, pattern: Pattern) -> None:
        self._indicator.play(hushed(pattern) if self._is_night() else pattern)

    def _is_night(self) -> bool:
        if self._night is None:
            return False
        now = self._clock()
        if not now.trusted:
            return False  # a sound too loud is better than one that nobody hears
        begin, end = self._night
        local = now.at.astimezone(self._zone).time()
        return begin <= local < end if begin <= end else local >= begin or local < end
