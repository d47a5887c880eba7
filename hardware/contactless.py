"""Contactless readers that nfcpy drives by itself: one thread that calls for cards, and outlives the reader.

nfcpy can only ask, so this asks some times a second. A chip that falls silent shows as an input/output error at each
call, a pulled plug as the same and worse (facts, hardware, section 2): after a few in a row the reader is closed and
opened anew until it answers again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Final

from hardware.indicator import boot_clock
from hardware.nfc_paths import ANY_USB, Unusable
from hardware.ports import ReaderLost, Sighting
from hardware.presence import Presence
from hardware.targets import Technology

if TYPE_CHECKING:
    from hardware.cards import Failed, Identified
    from hardware.frontend import Frontend

_log: Final = logging.getLogger("hardware.contactless")

#: Pause before the reader is opened anew, seconds.
_RETRY_SECONDS: Final = 0.5
#: So many rounds in a row may fail: a chip that answers late once or twice is read on.
_TOLERATED: Final = 2

_NOT_INSTALLED: Final = "nfcpy or its libusb is not installed; repair: apt install libusb-1.0-0, then deploy/install --contactless"


class ContactlessReader:
    """One reader at a path of nfcpy; a source of cards (``hardware.ports.Reader``).

    Args:
        path: As nfcpy names it (``hardware.nfc_paths``); None takes the first USB reader that it knows.
        probe_seconds: The pause between two rounds of calls, from 0.01.
        boot_ns: Gives CLOCK_BOOTTIME in nanoseconds.
    """

    def __init__(self, path: str | None = None, probe_seconds: float = 0.1, *, boot_ns: Callable[[], int] = boot_clock) -> None:
        self._path = path or ANY_USB
        self._probe_seconds = probe_seconds
        self._boot_ns = boot_ns
        self._presence = Presence()
        self._seen_last = Technology.A
        self._woken = Event()
        self._attached = False
        self._failures = 0
        self._told = ""
        self._turned_ns = 0

    @property
    def attached(self) -> bool:
        """Whether the reader is open and answered lately."""
        return self._attached

    @property
    def turned_ns(self) -> int:
        """When the loop last went round, boot time in nanoseconds; 0 before the first time.

        It goes round several times a second, unless the caller holds a sighting up; over UDP about once a second.
        """
        return self._turned_ns

    def wake(self) -> None:
        """End a pause, so that ``stop`` is looked at now; safe from any thread, any number of times."""
        self._woken.set()

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        """Yield each card once per insertion, until ``stop`` is set; a silent chip or a pulled plug is waited out.

        Raises:
            ReaderLost: nfcpy is not installed.
        """
        while not stop.is_set():
            self._turned_ns = self._boot_ns()
            try:
                with self._opened() as frontend:
                    while not stop.is_set():
                        yield from self._round(frontend, stop)
                        self._pause(self._probe_seconds, stop)
            except Unusable as trouble:
                self._tell(logging.WARNING, str(trouble))
            self._pause(_RETRY_SECONDS, stop)

    @contextmanager
    def _opened(self) -> Iterator[Frontend]:
        frontend = _open(self._path)
        self._tell(logging.INFO, f"ready: {frontend}")
        self._attached, self._failures = True, 0
        try:
            yield frontend
        finally:
            self._attached = False
            self._presence.lost()
            frontend.close()

    def _round(self, frontend: Frontend, stop: Event) -> Iterator[Sighting]:
        try:
            found = self._found(frontend, stop)
        except Unusable:
            self._failures += 1
            if self._failures > _TOLERATED:
                raise
            return
        self._failures = 0
        if found is None and stop.is_set():
            return  # not every technology was called for
        now = self._boot_ns()
        gone = self._presence.status(present=found is not None, counter=0, now_ns=now)
        if gone is not None:
            yield gone
        sighting = None if found is None else self._presence.read(found, began_ns=now, now_ns=now)
        if sighting is not None:
            yield sighting

    def _found(self, frontend: Frontend, stop: Event) -> Identified | Failed | None:
        # What lay there last is called for first, so that a card of another kind beside it makes no second tap.
        for technology in sorted(Technology, key=lambda each: each is not self._seen_last):
            if stop.is_set():
                break
            self._turned_ns = self._boot_ns()
            found = frontend.sense(technology)
            if found is not None:
                self._seen_last = technology
                return found
        return None

    def _pause(self, seconds: float, stop: Event) -> None:
        if not stop.is_set():
            self._woken.wait(seconds)
            self._woken.clear()

    def _tell(self, level: int, text: str) -> None:
        if text != self._told:
            self._told = text
            _log.log(level, text)


def look(path: str | None) -> str:
    """Open a reader, say what it is, and let it go again; no other program may have it meanwhile.

    Raises:
        ReaderLost: It can't be opened; says the repair.
    """
    try:
        frontend = _open(path or ANY_USB)
    except Unusable as trouble:
        raise ReaderLost(str(trouble)) from None
    try:
        return str(frontend)
    finally:
        frontend.close()


def _open(path: str) -> Frontend:
    # Not at the top: only a box with such a reader has nfcpy, and pays for it.
    try:
        from hardware.frontend import Frontend  # noqa: PLC0415 -- see above
    except (ImportError, OSError) as error:
        raise ReaderLost(_NOT_INSTALLED) from error
    return Frontend(path)
