"""GPIO lines of the kernel's own character devices; the only door to gpiod, whose every refusal leaves here as an ``OSError``.

Metal was not tried: no GPIO chip was at hand when this was written. ``gpiod`` itself is exercised up to
the kernel's door; beyond it a stand-in obeys the refusals that gpiod's source shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

HEADER_LABEL: Final = "pinctrl-"
DEVICES: Final = Path("/dev")
_CONSUMER: Final = "ciao-kiosk"
#: A finger makes a contact bounce for some milliseconds; no finger presses twice in so short a time.
_DEBOUNCE: Final = timedelta(milliseconds=20)


class OutputLines:
    """Requested lines that feed something, by its name.

    Args:
        path: The chip's device, for instance ``/dev/gpiochip0``.
        offsets: The line of each on that chip.
        active_low: Whether a low level switches on.
    """

    def __init__(self, path: str, offsets: Mapping[str, int], *, active_low: bool) -> None:
        import gpiod  # noqa: PLC0415 - lazily: a box without lamps and buttons never pays for it
        from gpiod.line import Direction, Value  # noqa: PLC0415

        if len(set(offsets.values())) < len(offsets):
            raise OSError("two of these lines are the same one")
        off = gpiod.LineSettings(direction=Direction.OUTPUT, active_low=active_low, output_value=Value.INACTIVE)
        with _refusals():
            self._request = gpiod.request_lines(path, dict.fromkeys(offsets.values(), off), consumer=_CONSUMER)
        self._offsets = offsets
        self._on, self._off = Value.ACTIVE, Value.INACTIVE

    def switch(self, on: AbstractSet[str]) -> None:
        """Set all lines in one system call; raises ``OSError``."""
        with _refusals():
            self._request.set_values({offset: self._on if name in on else self._off for name, offset in self._offsets.items()})

    def release(self) -> None:
        """Give the lines back to the kernel."""
        self._request.release()


class InputLines:
    """Requested lines that something pulls, by its name; each change to active is kept by the kernel until it is read.

    Args:
        path: The chip's device.
        offsets: The line of each on that chip.
        active_low: Those that pull to ground: the kernel is asked to hold their lines up, the others down.
    """

    def __init__(self, path: str, offsets: Mapping[str, int], *, active_low: AbstractSet[str]) -> None:
        import gpiod  # noqa: PLC0415 - lazily, as above
        from gpiod.line import Bias, Direction, Edge  # noqa: PLC0415

        settings: dict[Iterable[int | str] | int | str, gpiod.LineSettings | None] = {
            offset: gpiod.LineSettings(
                direction=Direction.INPUT,
                edge_detection=Edge.RISING,
                bias=Bias.PULL_UP if name in active_low else Bias.PULL_DOWN,
                active_low=name in active_low,
                debounce_period=_DEBOUNCE,
            )
            for name, offset in offsets.items()
        }
        with _refusals():
            self._request = gpiod.request_lines(path, settings, consumer=_CONSUMER)
        self._names = {offset: name for name, offset in offsets.items()}

    def fileno(self) -> int:
        """What turns readable when something was pulled."""
        return self._request.fd

    def pulled(self) -> list[tuple[str, int]]:
        """What was pulled and when (CLOCK_MONOTONIC, nanoseconds), oldest first; blocks where nothing was. Raises ``OSError``."""
        with _refusals():
            return [(self._names[event.line_offset], event.timestamp_ns) for event in self._request.read_edge_events()]

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


def chip_path(wanted: str | None, devices: Path = DEVICES) -> str:
    """Find the device of the chip with this label, lowest number first; raises ``OSError``.

    Args:
        wanted: A device path, or a chip's label; None means the first chip whose label starts with ``pinctrl-``,
            since the number of the header's chip moved between kernels of the Pi 5 (facts, hardware, section 4).
        devices: Where the kernel's GPIO chips are looked for.
    """
    if wanted is not None and wanted.startswith("/"):
        return wanted
    import gpiod  # noqa: PLC0415 - lazily, as above

    found = [str(path) for path in sorted(devices.glob("gpiochip*"), key=_number) if gpiod.is_gpiochip_device(str(path))]
    for path in found:
        with gpiod.Chip(path) as chip:
            label = chip.get_info().label
        if label == wanted or (wanted is None and label.startswith(HEADER_LABEL)):
            return path
    raise FileNotFoundError(f"none of the {len(found)} GPIO chips here is labelled so")


def _number(path: Path) -> int:
    return int(re.sub(r"\D", "", path.name) or 0)
