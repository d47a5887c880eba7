"""The daemon's threads: how each is started, what its failure means, and how all of them end."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping
from threading import Event, Thread
from typing import Final

_log = logging.getLogger(__name__)

#: What a thread does until its event is set.
Work = Callable[[Event], None]

#: A thread that failed wakes the main thread with it.
ALARM: Final = signal.SIGUSR1
#: How long all threads together may take to end.
_JOIN_SECONDS: Final = 3.0
#: Before a part that failed is started again.
_AGAIN_SECONDS: Final = 5.0


class Crew:
    """The threads of one run, with what tells them to stop.

    Attributes:
        stop: Set when all shall end.
        failed: Whether a part failed that the daemon can't go on without.
    """

    def __init__(self) -> None:
        self.stop = Event()
        self.failed = False
        self._threads: list[Thread] = []

    def start(self, *, essential: Mapping[str, Work], restarted: Mapping[str, Work]) -> None:
        """Start a thread for each, by its name.

        Args:
            essential: A failure ends the process, and the service manager starts it afresh.
            restarted: Such a part only asks or tidies; when it fails it is started again.
        """
        work = {name: self._essential(each) for name, each in essential.items()}
        work |= {name: self._restarted(each) for name, each in restarted.items()}
        self._threads = [Thread(target=target, name=name, daemon=True) for name, target in work.items()]
        for thread in self._threads:
            thread.start()

    def join(self) -> list[str]:
        """Wait for the threads to end, a few seconds at most; returns the names of those that hang."""
        for thread in self._threads:
            thread.join(_JOIN_SECONDS / len(self._threads))
        return [thread.name for thread in self._threads if thread.is_alive()]

    def fail(self) -> None:
        """End the process with 1; safe from any thread."""
        self.failed = True
        os.kill(os.getpid(), ALARM)

    def _essential(self, work: Work) -> Callable[[], None]:
        def run() -> None:
            try:
                work(self.stop)
            except BaseException:  # noqa: BLE001  whatever it was, it ends the process
                _log.exception("a part failed that the daemon can't go on without")
                self.fail()

        return run

    def _restarted(self, work: Work) -> Callable[[], None]:
        def run() -> None:
            while not self.stop.is_set():
                try:
                    work(self.stop)
                except Exception:  # noqa: BLE001  what comes after the registration must not stop the taps
                    _log.exception("a part that only asks failed and is started again")
                    self.stop.wait(_AGAIN_SECONDS)

        return run
