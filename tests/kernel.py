"""A kernel with GPIO chips, for the tests: no GPIO chip is at hand.

The library is real up to the three functions that open the kernel's device, and a stand-in behind them refuses what
gpiod's source refuses.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import gpiod
import pytest
from gpiod.line import Value

PI_4 = {"gpiochip0": "pinctrl-bcm2711", "gpiochip1": "raspberrypi-exp-gpio"}
PI_5_OLD_KERNEL = {"gpiochip0": "gpio-brcmstb@107d508500", "gpiochip4": "pinctrl-rp1", "gpiochip10": "pinctrl-later"}


class FakeRequest:
    """Requested lines, refusing as gpiod's C part does: EINVAL comes as ValueError, a released request is an error.

    Its descriptor turns readable at each ``pull``, as the kernel's does at an edge.
    """

    def __init__(self, config: dict[int, gpiod.LineSettings | None]) -> None:
        self.config = config
        self.history: list[dict[int, Value]] = []
        self.released = False
        self.fail_with: Exception | None = None
        self.fd = os.eventfd(0, os.EFD_SEMAPHORE | os.EFD_CLOEXEC)
        self._edges: list[gpiod.EdgeEvent] = []

    def set_values(self, values: dict[int, Value]) -> None:
        if self.released:
            raise gpiod.RequestReleasedError
        if self.fail_with is not None:
            raise self.fail_with
        if not values.keys() <= self.config.keys():
            raise ValueError(22, "Invalid argument")
        self.history.append(values)

    def pull(self, offset: int, at_ns: int | None = None) -> None:
        """Do what a finger on this line's button does, at this moment of CLOCK_MONOTONIC."""
        at_ns = time.monotonic_ns() if at_ns is None else at_ns
        edge = gpiod.EdgeEvent.Type.RISING_EDGE.value
        self._edges.append(gpiod.EdgeEvent(edge, at_ns, offset, len(self._edges), len(self._edges)))
        os.eventfd_write(self.fd, 1)

    def read_edge_events(self) -> list[gpiod.EdgeEvent]:
        os.eventfd_read(self.fd)
        if self.fail_with is not None:
            raise self.fail_with
        return [self._edges.pop(0)]

    def release(self) -> None:
        if not self.released:
            os.close(self.fd)
        self.released = True


@dataclass(frozen=True, slots=True)
class FakeInfo:
    label: str


class FakeChip:
    def __init__(self, label: str) -> None:
        self._label = label

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get_info(self) -> FakeInfo:
        return FakeInfo(self._label)


@dataclass
class Kernel:
    """A kernel with GPIO chips, below the three functions of gpiod that open a device."""

    devices: Path
    chips: dict[str, str]
    refusal: Exception | None = None
    opened: list[str] = field(default_factory=list)
    requests: list[FakeRequest] = field(default_factory=list)

    def is_gpiochip_device(self, path: str) -> bool:
        return Path(path).name in self.chips

    def chip(self, path: str) -> FakeChip:
        self.opened.append(Path(path).name)
        if isinstance(self.refusal, PermissionError):
            raise self.refusal
        return FakeChip(self.chips[Path(path).name])

    def request_lines(self, path: str, config: dict[int, gpiod.LineSettings | None], consumer: str) -> FakeRequest:
        assert consumer == "ciao-kiosk"
        self.opened.append(f"request {Path(path).name}")
        if self.refusal is not None:
            raise self.refusal
        self.requests.append(FakeRequest(config))
        return self.requests[-1]


def boot_with(chips: dict[str, str], devices: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """Put a kernel with these chips below gpiod."""
    kernel = Kernel(devices, chips)
    for name in (*chips, "gpiochip-not-one"):
        (devices / name).touch()
    monkeypatch.setattr(gpiod, "is_gpiochip_device", kernel.is_gpiochip_device)
    monkeypatch.setattr(gpiod, "Chip", kernel.chip)
    monkeypatch.setattr(gpiod, "request_lines", kernel.request_lines)
    return kernel
