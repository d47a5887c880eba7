"""The real daemon inside the test's own process, in a thread: fast to start, and measured like everything else."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from kiosk import control, daemon
from kiosk.config import load
from kiosk.errors import KioskError
from kiosk.settings import Config

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}


class Running:
    """A daemon that runs until the test leaves it, or until it ends by itself."""

    def __init__(self, config: Config, environ: Mapping[str, str]) -> None:
        self.config = config
        self.code: int | None = None
        self.error: BaseException | None = None
        self._environ = environ
        self._thread = Thread(target=self._run, name="daemon")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.code = daemon.run(self.config, self._environ)
        except BaseException as error:  # noqa: BLE001  handed to the test
            self.error = error

    def ask(self, call: str, **params: object) -> Any:
        return control.ask(self.config.control.socket, call, params)

    def await_ready(self) -> None:
        end = time.monotonic() + 20
        while self._thread.is_alive():
            try:
                self.ask("status")
            except KioskError:  # none answers yet, or it ends already
                assert time.monotonic() < end
                time.sleep(0.005)
            else:
                return

    def wait(self) -> int | None:
        """Wait until it has ended by itself; its exit code."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int | None:
        """Send a signal to the daemon's main thread and wait for its end."""
        if self._thread.is_alive() and self._thread.ident is not None:
            signal.pthread_kill(self._thread.ident, number)
        return self.wait()


@contextmanager
def running(path: Path, environ: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Run the daemon on this configuration file; what it changes in the process is put back."""
    config = load(path, {})
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    umask = os.umask(0o077)
    handlers, level, raising = logging.root.handlers[:], logging.root.level, logging.raiseExceptions
    try:
        started = Running(config, environ or {})
        try:
            started.await_ready()
            yield started
        finally:
            started.stop()
    finally:
        logging.root.handlers[:], logging.raiseExceptions = handlers, raising
        logging.root.setLevel(level)
        for name in ("kiosk", "hardware"):
            logging.getLogger(name).setLevel(logging.NOTSET)
        os.umask(umask)
        while signal.sigtimedwait(_SIGNALS, 0) is not None:
            pass  # one that came too late would end the test run once it is let through
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
