"""Lamps and a buzzer on GPIO lines, and the two that stand in for them: one that records and one that does nothing."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hardware.gpio import DEVICES, HEADER_LABEL, OutputLines, chip_path
from hardware.player import LAMPS, Player, lit
from hardware.ports import Pattern

_log: Final = logging.getLogger(__name__)
_BUZZER: Final = "buzzer"
_KEPT: Final = 999
_NO_LIGHT: Final = (
    "no light: chip %s, lines %s can't be used: %s; check chip and lines in [indicator] (gpioinfo lists them), "
    "that /dev/gpiochip* exists and that the service's user is in group gpio"
)


class GpioLines:
    """Lamps and buzzer on lines of one chip, as the player drives them; raises ``OSError``.

    Args:
        path: The chip's device, for instance ``/dev/gpiochip0``.
        offsets: The line of each lamp and of the ``buzzer`` on that chip.
        active_low: Whether a low level lights a lamp.
    """

    def __init__(self, path: str, offsets: Mapping[str, int], *, active_low: bool) -> None:
        self._lines = OutputLines(path, offsets, active_low=active_low)
        self._wired = LAMPS & offsets.keys()

    def show(self, light: frozenset[str], *, sound: bool) -> None:
        """Set all lines in one system call; raises ``OSError``."""
        self._lines.switch(lit(light, self._wired) | ({_BUZZER} if sound else set()))

    def release(self) -> None:
        """Give the lines back to the kernel."""
        self._lines.release()


class GpioIndicator(Player):
    """Lamps and buzzer on GPIO lines; see the module on what was not tried. Raises ``OSError`` when made without them."""

    def __init__(self, path: str, offsets: Mapping[str, int], *, active_low: bool = False) -> None:
        super().__init__(GpioLines(path, offsets, active_low=active_low))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A state that lamps and buzzer lived: since ``boot_ns`` (CLOCK_BOOTTIME), these lamps, this sound."""

    boot_ns: int
    light: frozenset[str]
    sound: bool


class StoryLines:
    """Lines that write down what they live and refuse what metal refuses."""

    def __init__(self, wired: frozenset[str], clock: Callable[[], int]) -> None:
        self.story: tuple[Shown, ...] = ()
        self._wired = wired
        self._clock = clock
        self._released = False

    def show(self, light: frozenset[str], *, sound: bool) -> None:
        """Note a change of state; a lamp nobody makes or released lines are an ``OSError``."""
        if self._released or not light <= LAMPS:
            raise OSError("these lines were released" if self._released else "no such lamp")
        shown = Shown(boot_ns=self._clock(), light=lit(light, self._wired), sound=sound)
        if not self.story or (self.story[-1].light, self.story[-1].sound) != (shown.light, shown.sound):
            self.story = (*self.story[-_KEPT:], shown)

    def release(self) -> None:
        """Refuse everything from now on."""
        self._released = True


def boot_clock() -> int:
    """Read CLOCK_BOOTTIME, nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class RecordingIndicator(Player):
    """An indicator without metal: it plays in real time and keeps the story of the states it lived.

    Args:
        lamps: The lamps this box has; a missing one is treated as on metal.
        clock: Gives CLOCK_BOOTTIME in nanoseconds.
    """

    def __init__(self, *, lamps: frozenset[str] = LAMPS, clock: Callable[[], int] = boot_clock) -> None:
        self._told = StoryLines(lamps, clock)
        super().__init__(self._told)

    @property
    def story(self) -> tuple[Shown, ...]:
        """The last thousand states, oldest first; two equal ones never follow each other."""
        return self._told.story


class NullIndicator:
    """A box without lamps: everything is taken and nothing is shown."""

    alive: Final = False

    def play(self, pattern: Pattern) -> None:
        """Show nothing."""

    def rest(self, pattern: Pattern) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Nothing was opened."""


def open_indicator(
    *, chip: str | None, lines: Mapping[str, int | None], active_low: bool = False, devices: Path = DEVICES
) -> GpioIndicator | NullIndicator:
    """Open the lamps that are wired, or stand in with none and say why in one log message; never raises.

    Args:
        chip: A device path, or a chip's label; see ``chip_path``.
        lines: The line offset of ``green``, ``red``, ``blue``, ``white`` and ``buzzer``; None or left out where there is none.
        active_low: Whether a low level lights a lamp.
        devices: Where the kernel's GPIO chips are looked for.
    """
    offsets = {name: offset for name, offset in lines.items() if offset is not None}
    if not offsets:
        _log.info("no light: [indicator] names no line for green, red, blue, white or buzzer")
        return NullIndicator()
    try:
        return GpioIndicator(chip_path(chip, devices), offsets, active_low=active_low)
    except (ImportError, OSError) as error:
        told = ", ".join(f"{name} {offset}" for name, offset in offsets.items())
        _log.warning(_NO_LIGHT, chip or f"labelled {HEADER_LABEL}*", told, error)
        return NullIndicator()
