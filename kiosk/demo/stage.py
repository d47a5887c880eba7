"""What the demonstration stands on: a throw-away box with its keys, the service double, and the real daemon as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from kiosk import control
from kiosk.demo.people import WORKERS
from kiosk.errors import KioskError, NoDaemon
from kiosk.provisioning import make_client_key, make_store_key
from kiosk.simulator.simulator import Behaviour, Simulator

SIMULATED: Final = "gate"
REAL: Final = "real gate"
_CLIENT_ID: Final = "self_service_expeditor_000000"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
#: So that one sees "checked" follow "accepted".
_VALIDITY_SECONDS: Final = 2.0

_CONFIG: Final = """\
[site]
name = "Demonstration"
latitude = 50.8466
longitude = 4.3670

[employer]
enterprise_number = "0206731645"

[[declaration]]
number = "1Y1003SQ5VSSZ"
name = "Demonstration"

[service]
api_url = "{api_url}"
token_url = "{token_url}"
client_id = "{client_id}"
private_key = "client.key.pem"
certificate = "client.cert.pem"
ca_file = "{ca_file}"
settle_seconds = 2
connect_cap_seconds = 1
start_jitter_seconds = 0
follow_up_seconds = 2

[store]
path = "kiosk.db"
key_file = "store.key"

[clock]
source = "assume"

[rules]
debounce_seconds = 1
minimum_stay_minutes = 0

[[reader]]
name = "{simulated}"
driver = "simulated"
"""
_REAL_READER: Final = """
[[reader]]
name = "{real}"
driver = "pcsc"
match = "{match}"
"""


class Stage:
    """The set, from its building to its taking down; use it as a context manager.

    Args:
        folder: Empty, the caller's own; everything is made in it.
        pcsc: The environment that reaches a private pcscd and part of its readers' name, or None.
    """

    def __init__(self, folder: Path, pcsc: tuple[Mapping[str, str], str] | None = None) -> None:
        self._folder = folder
        self._pcsc = pcsc
        self._daemon: subprocess.Popen[bytes] | None = None
        self.log = folder / "daemon.log"
        self.config = folder / "kiosk.toml"
        self.simulator = Simulator(folder / "service", behaviour=Behaviour(validity_delay_seconds=_VALIDITY_SECONDS))

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the daemon and the service double; may be called twice."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            daemon.terminate()
            try:
                daemon.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.simulator.stop()

    def _build(self) -> None:
        make_store_key(self._folder / "store.key")
        certificate = self._folder / "client.cert.pem"
        make_client_key(self._folder / "client.key.pem", certificate, company="Demonstration", now=datetime.now(UTC))
        self.simulator.start()
        self.simulator.add_client(_CLIENT_ID, certificate.read_bytes())
        self.config.write_text(self._configuration(), encoding="utf-8")
        self._start()
        self.ask("badge add", {"lines": [json.dumps(worker.line()) for worker in WORKERS]})

    def ask(self, call: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask the daemon; raises ``KioskError`` with the end of its log if it is gone."""
        try:
            return control.ask(self._folder / "kiosk.sock", call, params or {})
        except NoDaemon as absent:
            raise KioskError(f"{absent.message}\n{self.log_end()}") from None

    def rows(self) -> dict[int, dict[str, Any]]:
        """Every registration in the book, by its id."""
        found: dict[int, dict[str, Any]] = {}
        after: int | None = 0
        while after is not None:
            part = self.ask("outbox list", {"after": after or None})
            found |= {row["id"]: row for row in part["items"]}
            after = part["next"]
        return found

    def _configuration(self) -> str:
        text = _CONFIG.format(
            api_url=self.simulator.api_url,
            token_url=self.simulator.token_url,
            client_id=_CLIENT_ID,
            ca_file=self.simulator.ca_file,
            simulated=SIMULATED,
        )
        return text if self._pcsc is None else text + _REAL_READER.format(real=REAL, match=self._pcsc[1])

    def _start(self) -> None:
        environ = {**os.environ, **({} if self._pcsc is None else self._pcsc[0])}
        with self.log.open("wb") as log:
            command = ["setpriv", "--pdeathsig", "TERM", sys.executable, "-m", "kiosk", "--config", str(self.config), "run"]
            # A process group of its own: Ctrl-C ends the play, and the daemon lives on to deliver what was tapped.
            # A closed terminal does not reach it there either, so the kernel ends it when the play is gone (setpriv).
            self._daemon = subprocess.Popen(command, env=environ, stderr=log, stdin=subprocess.DEVNULL, process_group=0)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._daemon.poll() is None:
            try:
                control.ask(self._folder / "kiosk.sock", "status", {})
            except NoDaemon:
                time.sleep(_POLL_SECONDS)
            else:
                return
        raise KioskError(f"the daemon did not start\n{self.log_end()}")

    def log_end(self) -> str:
        """The last lines of the daemon's log, which is gone when the demonstration ends."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:])
