"""Push buttons on GPIO lines, and the ones without metal that stand in for them."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock
from typing import Final

from hardware.gpio import DEVICES, InputLines, chip_path
from hardware.indicator import boot_clock
from hardware.ports import ButtonsLost, Pressed

_LOST: Final = (
    "no buttons: %s; check chip and line of each [[button]] (gpioinfo lists them), that /dev/gpiochip* exists and that "
    "the service's user is in group gpio"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """How one button is wired.

    Attributes:
        chip: The chip's device or label; None: the header's, see ``hardware.gpio.chip_path``.
        line: Its line on that chip.
        active_low: Whether it pulls its line to ground.
    """

    chip: str | None
    line: int
    active_low: bool = True


class GpioButtons:
    """Buttons on GPIO lines (``hardware.ports.Buttons``); their lines go back to the kernel when ``presses`` ends.

    Args:
        wirings: How each is wired, by its name.
        devices: Where the kernel's GPIO chips are looked for.
        clock: Gives CLOCK_BOOTTIME in nanoseconds.

    Raises:
        ButtonsLost: A line can't be used.
    """

    def __init__(self, wirings: Mapping[str, Wiring], *, devices: Path = DEVICES, clock: Callable[[], int] = boot_clock) -> None:
        self._clock = clock
        self._lines: list[InputLines] = []
        self._guard = Lock()
        self._bell = os.eventfd(0, os.EFD_CLOEXEC)
        self._open = True
        try:
            for chip in dict.fromkeys(wiring.chip for wiring in wirings.values()):
                here = {name: wiring for name, wiring in wirings.items() if wiring.chip == chip}
                low = {name for name, wiring in here.items() if wiring.active_low}
                lines = {name: wiring.line for name, wiring in here.items()}
                self._lines.append(InputLines(chip_path(chip, devices), lines, active_low=low))
        except (ImportError, OSError) as error:
            self.close()
            raise ButtonsLost(_LOST % error) from error

    def presses(self, stop: Event) -> Iterator[Pressed]:
        """Yield each press once; return soon after ``stop`` is set and ``wake`` was called.

        Raises:
            ButtonsLost: The kernel took the lines away.
        """
        by_fd = {lines.fileno(): lines for lines in self._lines}
        poll = select.poll()
        for fd in (*by_fd, self._bell):
            poll.register(fd, select.POLLIN)
        try:
            while not stop.is_set():
                for fd, _ in poll.poll():
                    if fd == self._bell:
                        os.eventfd_read(fd)
                    else:
                        yield from self._read(by_fd[fd])
        except OSError as error:
            raise ButtonsLost(_LOST % error) from error
        finally:
            self.close()

    def _read(self, lines: InputLines) -> list[Pressed]:
        # The kernel stamps presses by CLOCK_MONOTONIC, which stands still while the machine sleeps; taps have the boot clock.
        ahead_ns = self._clock() - time.monotonic_ns()
        return [Pressed(name=name, boot_ns=at_ns + ahead_ns) for name, at_ns in lines.pulled()]

    def wake(self) -> None:
        """Make a blocked ``presses`` look at ``stop`` at once; safe from any thread, any number of times."""
        with self._guard:
            if self._open:
                os.eventfd_write(self._bell, 1)

    def close(self) -> None:
        """Give the lines back; may be called twice, but not while somebody listens."""
        with self._guard:
            if self._open:
                os.close(self._bell)
            self._open = False
        for lines in self._lines:
            lines.release()
        self._lines = []


class SimulatedButtons:
    """Buttons without metal: ``press`` is the finger.

    Args:
        names: The buttons there are.
        clock: Gives CLOCK_BOOTTIME in nanoseconds.
    """

    def __init__(self, names: AbstractSet[str], *, clock: Callable[[], int] = boot_clock) -> None:
        self._names = names
        self._clock = clock
        self._news: SimpleQueue[Pressed | None] = SimpleQueue()

    def press(self, name: str) -> Pressed:
        """Press a button and return what ``presses`` will yield for it.

        Raises:
            ValueError: There is no such button.
        """
        if name not in self._names:
            raise ValueError("there is no such button")
        pressed = Pressed(name=name, boot_ns=self._clock())
        self._news.put(pressed)
        return pressed

    def presses(self, stop: Event) -> Iterator[Pressed]:
        """Yield each press once; return soon after ``stop`` is set and ``wake`` was called."""
        while not stop.is_set():
            pressed = self._news.get()
            if pressed is not None and not stop.is_set():
                yield pressed

    def wake(self) -> None:
        """Make a blocked ``presses`` look at ``stop`` at once; safe from any thread, any number of times."""
        self._news.put(None)
