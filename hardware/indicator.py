"""Lamps and a buzzer on GPIO lines, and the two that stand in for them: one that records and one that does nothing.

Metal was not tried: no GPIO chip was at hand when this was written. ``gpiod`` itself is exercised up to
the kernel's door; beyond it a stand-in obeys the refusals that gpiod's source shows.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hardware.player import LAMPS, Player, lit
from hardware.ports import Pattern

_log: Final = logging.getLogger(__name__)
_BUZZER: Final = "buzzer"
_HEADER_LABEL: Final = "pinctrl-"
_CONSUMER: Final = "ciao-kiosk"
_DEVICES: Final = Path("/dev")
_KEPT: Final = 999
_NO_LIGHT: Final = (
    "no light: chip %s, lines %s can't be used: %s; check chip and lines in [indicator] (gpioinfo lists them), "
    "that /dev/gpiochip* exists and that the service's user is in group gpio"
)


class GpioLines:
    """Requested GPIO lines by what they feed; every refusal of gpiod leaves here as an ``OSError``.

    Args:
        path: The chip's device, for instance ``/dev/gpiochip0``.
        offsets: The line of each lamp and of the ``buzzer`` on that chip.
        active_low: Whether a low level lights a lamp.
    """

    def __init__(self, path: str, offsets: Mapping[str, int], *, active_low: bool) -> None:
        import gpiod  # noqa: PLC0415 - lazily: a box without lamps never pays for it
        from gpiod.line import Direction, Value  # noqa: PLC0415

        if len(set(offsets.values())) < len(offsets):
            raise OSError("two of these lines are the same one")
        dark = gpiod.LineSettings(direction=Direction.OUTPUT, active_low=active_low, output_value=Value.INACTIVE)
        with _refusals():
            self._request = gpiod.request_lines(path, dict.fromkeys(offsets.values(), dark), consumer=_CONSUMER)
        self._offsets = offsets
        self._wired = LAMPS & offsets.keys()
        self._on, self._off = Value.ACTIVE, Value.INACTIVE

    def show(self, light: frozenset[str], *, sound: bool) -> None:
        """Set all lines in one system call; raises ``OSError``."""
        active = lit(light, self._wired) | ({_BUZZER} if sound else set())
        with _refusals():
            self._request.set_values({offset: self._on if name in active else self._off for name, offset in self._offsets.items()})

    def release(self) -> None:
        """Give the lines back to the kernel."""
        self._request.release()


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn how gpiod's C part tells EINVAL and EOPNOTSUPP into what everybody here expects."""
    try:
        yield
    except (ValueError, NotImplementedError) as error:
        raise OSError(str(error)) from error


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
    *, chip: str | None, lines: Mapping[str, int | None], active_low: bool = False, devices: Path = _DEVICES
) -> GpioIndicator | NullIndicator:
    """Open the lamps that are wired, or stand in with none and say why in one log message; never raises.

    Args:
        chip: A device path, or a chip's label; None means the first chip whose label starts with ``pinctrl-``,
            since the number of the header's chip moved between kernels of the Pi 5 (facts, hardware, section 4).
        lines: The line offset of ``green``, ``red``, ``white`` and ``buzzer``; None or left out where there is none.
        active_low: Whether a low level lights a lamp.
        devices: Where the kernel's GPIO chips are looked for.
    """
    offsets = {name: offset for name, offset in lines.items() if offset is not None}
    if not offsets:
        _log.info("no light: [indicator] names no line for green, red, white or buzzer")
        return NullIndicator()
    try:
        return GpioIndicator(_chip_path(chip, devices), offsets, active_low=active_low)
    except (ImportError, OSError) as error:
        told = ", ".join(f"{name} {offset}" for name, offset in offsets.items())
        _log.warning(_NO_LIGHT, chip or f"labelled {_HEADER_LABEL}*", told, error)
        return NullIndicator()


def _chip_path(wanted: str | None, devices: Path) -> str:
    """Find the device of the chip with this label, lowest number first; raises ``OSError``."""
    if wanted is not None and wanted.startswith("/"):
        return wanted
    import gpiod  # noqa: PLC0415 - lazily, as above

    found = [str(path) for path in sorted(devices.glob("gpiochip*"), key=_number) if gpiod.is_gpiochip_device(str(path))]
    for path in found:
        with gpiod.Chip(path) as chip:
            label = chip.get_info().label
        if label == wanted or (wanted is None and label.startswith(_HEADER_LABEL)):
            return path
    raise FileNotFoundError(f"none of the {len(found)} GPIO chips here is labelled so")


def _number(path: Path) -> int:
    return int(re.sub(r"\D", "", path.name) or 0)
