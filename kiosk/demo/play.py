"""The demonstration itself: workers tap, the board shows what becomes of it, the service goes away and comes back."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Final, TextIO

from hardware.virtual_reader import DWELL, READER_NAME, VirtualReader, missing
from kiosk.demo import show
from kiosk.demo.people import STRANGER, WORKERS, Worker
from kiosk.demo.show import Shown
from kiosk.demo.stage import REAL, SIMULATED, Stage
from kiosk.errors import KioskError

#: A holder's second tap inside the configured second would be a repeat.
_REST_SECONDS: Final = 1.1
_BOARD_SECONDS: Final = 0.25
_REAL_TAPS: Final = 3
_REAL_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.02
_SETTLE_SECONDS: Final = 120.0
_CHECK_SECONDS: Final = 15.0
#: For an eye to follow.
_PACE_SECONDS: Final = 0.6
_LONGEST_SHOWN: Final = 200
_STRANGER_AFTER: Final = 4
#: Without an end: the outage lies between the first and the second third of so many taps.
_ROUND: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the verb was asked.

    Attributes:
        taps: How many taps to make, then end; None goes on until Ctrl-C.
        offline: Whether the service goes away for a while in the middle.
        as_json: Print only the result, as one JSON object.
    """

    taps: int | None
    offline: bool
    as_json: bool


def run(options: Options, *, out: TextIO = sys.stdout) -> int:
    """Play; returns 0 once every tap was accepted exactly once, else 1.

    Raises:
        KioskError: The stage could not be built, or the daemon went away.
    """
    with tempfile.TemporaryDirectory(prefix="ciao-kiosk-demo-") as folder, _real_reader() as reader:
        pcsc = (reader.env, READER_NAME) if isinstance(reader, VirtualReader) else None
        with Stage(Path(folder), pcsc) as stage:
            play = _Play(options, stage, reader, out)
            with _on_interrupt(play.stop.set):
                return play.play()


@contextlib.contextmanager
def _on_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Let Ctrl-C only say that it is time to end: an exception that comes anywhere may also be swallowed anywhere."""
    before = signal.signal(signal.SIGINT, lambda *_: stop())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _real_reader() -> Iterator[VirtualReader | str]:
    """A private pcscd with a virtual reader where that is installed and allowed, else the reason why there is none."""
    with contextlib.ExitStack() as stack:
        reader: VirtualReader | str | None = missing()
        if reader is None:
            try:
                reader = stack.enter_context(VirtualReader())
            except (OSError, RuntimeError) as error:
                # Behind the first semicolon stands pcscd's whole log.
                reader = str(error).partition(";")[0]
        yield reader


class _Play:
    """One performance."""

    def __init__(self, options: Options, stage: Stage, reader: VirtualReader | str, out: TextIO) -> None:
        self._options = options
        self._stage = stage
        self._reader = reader
        self._out = out
        self._live = out.isatty() and not options.as_json
        self._shown: deque[Shown] = deque(maxlen=_LONGEST_SHOWN)
        self._tapped: dict[str, float] = {}
        self._made = 0
        self._started = time.monotonic()
        self._drawn = 0.0
        self._cut = False
        self.stop = Event()

    def play(self) -> int:
        try:
            self._say(self._opening())
            self._tap_all()
            self._back()
            return self._finish()
        finally:
            if self._live:
                self._out.flush()

    def _opening(self) -> str:
        if isinstance(self._reader, str):
            return f"no virtual card reader here ({self._reader}): all taps come through the simulated reader"
        return f"the first {_REAL_TAPS} taps come from a virtual card through a real pcscd, the others from the simulated reader"

    def _tap_all(self) -> None:
        total = self._options.taps
        away = (total or _ROUND) // 3, 2 * (total or _ROUND) // 3
        while not self.stop.is_set() and (total is None or self._made < total):
            if self._options.offline and self._made == away[0]:
                self._away()
            if self._options.offline and self._made == away[1]:
                self._back()
            self._tap(WORKERS[self._made % len(WORKERS)])
            if self._live:
                self._watch(_PACE_SECONDS)
                if self._made == _STRANGER_AFTER:
                    self._stranger()

    def _tap(self, worker: Worker) -> None:
        self._watch(max(0.0, self._tapped.get(worker.card, 0.0) + _REST_SECONDS - time.monotonic()))
        if isinstance(self._reader, VirtualReader) and self._made < _REAL_TAPS:
            answer, reader = self._tap_real(self._reader, worker), REAL
        else:
            answer, reader = self._stage.ask("tap", {"card": worker.card, "reader": SIMULATED}), SIMULATED
        self._tapped[worker.card] = time.monotonic()
        self._made += 1
        if answer["signal"] not in {"in", "out"}:
            raise KioskError(f"a tap was answered {answer['signal']}\n{self._stage.log_end()}")
        self._note(worker.name, reader, answer)

    def _tap_real(self, reader: VirtualReader, worker: Worker) -> dict[str, Any]:
        """Lay the worker's card on the virtual reader and wait until the book holds one row more."""
        before = len(self._stage.rows())
        reader.insert(bytes.fromhex(worker.card))
        end = time.monotonic() + _REAL_SECONDS
        while len(rows := self._stage.rows()) == before:
            if time.monotonic() > end:
                raise KioskError(f"the card on the virtual reader was not seen\n{self._stage.log_end()}")
            time.sleep(_LOOK_SECONDS)
        time.sleep(DWELL)
        reader.remove()
        time.sleep(DWELL)
        newest = max(rows.values(), key=lambda row: int(row["id"]))
        return {"signal": newest["direction"], "ids": [newest["id"]], "offline": False}

    def _stranger(self) -> None:
        self._note("(unknown)", SIMULATED, self._stage.ask("tap", {"card": STRANGER, "reader": SIMULATED}))

    def _note(self, who: str, reader: str, answer: Mapping[str, Any]) -> None:
        clock = time.strftime("%H:%M:%S")
        for row in answer["ids"] or [None]:
            tap = Shown(who=who, reader=reader, clock=clock, signal=answer["signal"], row=row, offline=answer["offline"])
            self._shown.append(tap)
            if not self._live:
                self._say(show.line(tap, {"state": "queued", "validity": None, "reason": None} if row else None, colour=False))
        self._draw()

    def _away(self) -> None:
        self._say("the service goes away: taps are recorded and wait")
        self._stage.simulator.stop()
        self._cut = True

    def _back(self) -> None:
        if self._cut:
            self._say("the service is back: what waited is sent")
            self._stage.simulator.start()
            self._cut = False

    def _watch(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._draw()
            time.sleep(min(left, _BOARD_SECONDS))

    def _draw(self) -> None:
        if not self._live or time.monotonic() - self._drawn < _BOARD_SECONDS:
            return
        self._drawn = time.monotonic()
        note = "the service is away: taps are saved" if self._cut else "Ctrl-C ends the demonstration"
        self._out.write(show.board(list(self._shown), self._stage.rows(), self._stage.ask("status"), note=note))
        self._out.flush()

    def _finish(self) -> int:
        end = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < end:
            status = self._stage.ask("status")
            self._draw()
            if not status["queued"] + status["in_flight"] + status["unknown"]:
                break
            time.sleep(_LOOK_SECONDS)
        seconds = round(time.monotonic() - self._started, 1)
        result = {
            "taps": self._made,
            "accepted": status["accepted"],
            "duplicates": self._stage.simulator.ledger.duplicates(),
            "seconds": seconds,
        }
        self._watch_checks()
        if self._options.as_json:
            self._out.write(json.dumps(result) + "\n")
        else:
            self._say("{taps} taps, {accepted} accepted, {duplicates} twice, {seconds} s".format(**result))
        return 0 if result["accepted"] == result["taps"] and not result["duplicates"] else 1

    def _watch_checks(self) -> None:
        """On a terminal, stay until the service has checked what is shown: the third mark."""
        end = time.monotonic() + _CHECK_SECONDS
        while self._live and time.monotonic() < end and any(row["validity"] == "pending" for row in self._stage.rows().values()):
            self._watch(_BOARD_SECONDS)
        self._drawn = 0.0
        self._draw()

    def _say(self, words: str) -> None:
        if not self._options.as_json:
            self._out.write(words + "\n")
            self._out.flush()
