"""The front door: one thread a reader, from sighting to answer; a reader that fails is started again and shown as dead."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from enum import StrEnum
from threading import Condition, Event
from typing import Final

from hardware.indicator import boot_clock
from hardware.ports import Reader, Sighting
from kiosk import liveness
from kiosk.model import Answer, Signal
from kiosk.obligations import Gate
from kiosk.tending import Tended

_log = logging.getLogger(__name__)

_REMEMBERED: Final = 64


class ReaderState(StrEnum):
    """How a reader stands: working, unplugged, or failed and waiting to be started again."""

    READY = "ready"
    ABSENT = "absent"
    DEAD = "dead"


class Answers:
    """The last answers by their sighting, so that whoever laid a card on a simulated reader gets his own."""

    def __init__(self) -> None:
        self._news = Condition()
        self._recent: deque[tuple[Sighting, Answer]] = deque(maxlen=_REMEMBERED)

    def tell(self, sighting: Sighting, answer: Answer) -> None:
        """Note an answer and wake whoever waits for it."""
        with self._news:
            self._recent.append((sighting, answer))
            self._news.notify_all()

    def wait(self, sighting: Sighting, timeout: float) -> Answer | None:
        """The answer to exactly this sighting, or None when none came within ``timeout`` seconds."""

        def found() -> Answer | None:
            return next((answer for seen, answer in self._recent if seen is sighting), None)

        with self._news:
            return self._news.wait_for(found, timeout)


class Entrance:
    """One reader with its thread."""

    def __init__(
        self,
        gate: Gate,
        build: Callable[[], Reader],
        take: Callable[[Sighting, Gate], Answer],
        tell: Callable[[Gate, Sighting, Answer], None],
        *,
        boot_ns: Callable[[], int] = boot_clock,
    ) -> None:
        """Wire the parts.

        Args:
            gate: The reader as the rules see it.
            build: Opens the reader; called again after it failed.
            take: Records a sighting; returns after the commit.
            tell: Shows the answer.
            boot_ns: Reads CLOCK_BOOTTIME, nanoseconds.
        """
        self.gate = gate
        self._take = take
        self._tell = tell
        self._boot_ns = boot_ns
        self._reader: Tended[Reader, Sighting] = Tended("reader", gate.name, build, _sightings, self._pass)

    @property
    def reader(self) -> Reader | None:
        """The open reader, or None while it is dead."""
        return self._reader.device

    @property
    def state(self) -> ReaderState:
        """How it stands at this moment."""
        reader = self.reader
        if reader is None or self.hangs:
            return ReaderState.DEAD
        return ReaderState.READY if reader.attached else ReaderState.ABSENT

    @property
    def hangs(self) -> bool:
        """Whether its reader's loop has not gone round for so long that only a new process can free it."""
        reader = self.reader
        return reader is not None and liveness.hangs(reader.turned_ns, self._boot_ns(), liveness.READER_SECONDS)

    def await_reader(self, timeout: float) -> Reader | None:
        """The open reader, also one that opens within ``timeout`` seconds: control answers before the readers are open."""
        return self._reader.await_device(timeout)

    def run(self, stop: Event) -> None:
        """Take cards until ``stop`` is set; a failure of the reader is logged once each time and never leaves here."""
        self._reader.run(stop)

    def wake(self) -> None:
        """Make a blocked reader look at ``stop``."""
        self._reader.wake()

    def _pass(self, sighting: Sighting) -> None:
        self._tell(self.gate, sighting, self._answer(sighting))

    def _answer(self, sighting: Sighting) -> Answer:
        """Whatever goes wrong while a tap is taken, the worker sees red, not nothing."""
        try:
            return self._take(sighting, self.gate)
        except Exception as error:  # noqa: BLE001  a mistake of ours must not look like a reader that saw nothing
            _log.exception("tap failed", extra={"reader": self.gate.name})
            return Answer(signal=Signal.FAILED, why=type(error).__name__)


def _sightings(reader: Reader, stop: Event) -> Iterator[Sighting]:
    return reader.sightings(stop)
