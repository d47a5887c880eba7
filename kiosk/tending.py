"""A device with its thread: opened, listened to, and opened again with backoff after it failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from threading import Event
from typing import Final, Generic, Protocol, TypeVar

from hardware.ports import DeviceLost

_log = logging.getLogger(__name__)

_FIRST_RESTART_SECONDS: Final = 1.0
_LONGEST_RESTART_SECONDS: Final = 30.0


class _Wakes(Protocol):
    def wake(self) -> None:
        """Make a blocked wait look at ``stop``."""
        ...


D = TypeVar("D", bound=_Wakes)
E = TypeVar("E")


class Tended(Generic[D, E]):
    """Keeps one device going by itself.

    Args:
        kind: What it is, for the log: ``reader``.
        name: Which one.
        build: Opens the device; called again after it failed.
        listen: Yields what happens at the device until ``stop`` is set.
        handle: Deals with one such thing.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        build: Callable[[], D],
        listen: Callable[[D, Event], Iterator[E]],
        handle: Callable[[E], None],
    ) -> None:
        self._kind = kind
        self._name = name
        self._build = build
        self._listen = listen
        self._handle = handle
        self._device: D | None = None
        self._opened = Event()

    @property
    def device(self) -> D | None:
        """The open device, or None while it is dead."""
        return self._device

    def await_device(self, timeout: float) -> D | None:
        """The open device, also one that opens within ``timeout`` seconds: control answers before the devices are open."""
        self._opened.wait(timeout)
        return self._device

    def run(self, stop: Event) -> None:
        """Listen until ``stop`` is set; a failure of the device is logged once each time and never leaves here."""
        pause, told = _FIRST_RESTART_SECONDS, ""
        while not stop.is_set():
            try:
                self._device = self._build()
                self._opened.set()
                for event in self._listen(self._device, stop):
                    pause, told = _FIRST_RESTART_SECONDS, ""
                    self._handle(event)
            except Exception as error:  # noqa: BLE001  a device's failure of any kind stays its own
                told = self._complain(error, told)
            finally:
                self._opened.clear()
                self._device = None
            stop.wait(pause)
            pause = min(2 * pause, _LONGEST_RESTART_SECONDS)

    def _complain(self, error: Exception, told: str) -> str:
        """Log a failure, but the same one in a row only once: a device may stay away for a week."""
        # DeviceLost is written for people; the text of any other exception may hold what lay on a reader.
        words = str(error) if isinstance(error, DeviceLost) else type(error).__name__
        if words != told:
            _log.error("%s dead", self._kind, extra={self._kind: self._name, "why": words}, exc_info=error)
        return words

    def wake(self) -> None:
        """Make a blocked device look at ``stop``."""
        device = self._device
        if device is not None:
            device.wake()
