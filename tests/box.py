"""A whole box for end-to-end tests: its own folder, keys, configuration, the real daemon as a process, and its verbs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kiosk.identifiers import CardId, ForeignVatNumber
from kiosk.model import BadgeLine
from kiosk.provisioning import make_client_key, make_store_key
from kiosk.simulator.simulator import Simulator

CLIENT_ID = "self_service_expeditor_123456"

CONFIG = """\
[site]
name = "Wetstraat 16"
latitude = 50.8466
longitude = 4.3670
{site}

[employer]
enterprise_number = "0206731645"

[[declaration]]
number = "1Y1003SQ5VSSZ"

[service]
api_url = "{api_url}"
token_url = "{token_url}"
client_id = "{client_id}"
private_key = "client.key.pem"
certificate = "client.cert.pem"
ca_file = "{ca_file}"
{service}

[store]
path = "kiosk.db"
key_file = "store.key"

[clock]
source = "assume"

[rules]
{rules}

{readers}
"""
SIMULATED_GATE = '[[reader]]\nname = "gate"\ndriver = "simulated"\n'
QUICK_SERVICE = (
    "settle_seconds = 1\nbackoff_cap_seconds = 1\nconnect_cap_seconds = 1\nstart_jitter_seconds = 0\ntimeout_seconds = 5\n"
)
QUICK_RULES = "debounce_seconds = 1\nminimum_stay_minutes = 0\n"


@dataclass
class Box:
    """One box; as a context manager it stops its daemon at the end.

    Attributes:
        folder: Its own.
        simulator: The service it talks to, started by the caller.
        service: Further lines of ``[service]``.
        rules: Lines of ``[rules]``.
        readers: All ``[[reader]]`` tables, and whatever further sections.
        site: Further lines of ``[site]``.
        environ: Added to the daemon's environment.
    """

    folder: Path
    simulator: Simulator
    service: str = QUICK_SERVICE
    rules: str = QUICK_RULES
    readers: str = SIMULATED_GATE
    environ: Mapping[str, str] = field(default_factory=dict)
    site: str = ""
    daemon: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def config(self) -> Path:
        return self.folder / "kiosk.toml"

    @property
    def log(self) -> Path:
        return self.folder / "daemon.log"

    def provision(self) -> Self:
        """Make keys and configuration, and make the client known to the simulator."""
        make_store_key(self.folder / "store.key")
        certificate = self.folder / "client.cert.pem"
        make_client_key(self.folder / "client.key.pem", certificate, company="Test", now=datetime.now(UTC))
        self.simulator.add_client(CLIENT_ID, certificate.read_bytes())
        self.write_config()
        return self

    def write_config(self) -> None:
        text = CONFIG.format(
            api_url=self.simulator.api_url,
            token_url=self.simulator.token_url,
            client_id=CLIENT_ID,
            ca_file=self.simulator.ca_file,
            service=self.service,
            rules=self.rules,
            readers=self.readers,
            site=self.site,
        )
        self.config.write_text(text, encoding="utf-8")

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the daemon and wait for nothing."""
        with self.log.open("ab") as log:
            self.daemon = subprocess.Popen(
                [sys.executable, "-m", "kiosk", "--config", str(self.config), "run"],
                env={**os.environ, **self.environ},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        return self.daemon

    def start(self) -> Self:
        """Start the daemon and wait until ``status`` exits 0."""
        daemon = self.spawn()
        end = time.monotonic() + 30
        while self.verb("status", "--json").code:
            assert daemon.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
        return self

    def stop(self) -> int | None:
        """End the daemon by SIGTERM; its exit code, or None if none ran."""
        daemon, self.daemon = self.daemon, None
        if daemon is None:
            return None
        daemon.terminate()
        try:
            return daemon.wait(10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
            raise

    def kill(self) -> None:
        """End the daemon by SIGKILL."""
        assert self.daemon is not None
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()
        self.daemon = None

    def verb(self, *words: str, stdin: str = "") -> Ran:
        """Run one verb as a user would."""
        ran = subprocess.run(
            [sys.executable, "-m", "kiosk", "--config", str(self.config), *words],
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, **self.environ},
        )
        return Ran(ran.returncode, ran.stdout.decode(), ran.stderr.decode())

    def json(self, *words: str, stdin: str = "") -> Any:
        """Run one verb that must succeed, and return its JSON."""
        ran = self.verb(*words, "--json", stdin=stdin)
        assert ran.code == 0, ran
        return json.loads(ran.out)

    def enrol(self, lines: Sequence[BadgeLine]) -> None:
        """Give badges to invented people through ``badge add``."""
        text = "\n".join(json.dumps(line_fields(line)) for line in lines)
        ran = self.verb("badge", "add", "--json", stdin=text)
        assert ran.code == 0, ran

    def tap(self, card: CardId, *, reader: str = "gate", **button: str) -> Any:
        """Tap through the control socket, without a process for each; ``press`` or ``declaration`` is a button before it."""
        from kiosk import control  # noqa: PLC0415

        return control.ask(self.folder / "kiosk.sock", "tap", {"card": card.identifier.hex(), "reader": reader, **button})

    def status(self) -> Any:
        from kiosk import control  # noqa: PLC0415

        return control.ask(self.folder / "kiosk.sock", "status", {})

    def settle(self, *, seconds: float = 60) -> Any:
        """Wait until nothing is queued, in flight or unknown; the status then."""
        end = time.monotonic() + seconds
        while (status := self.status())["queued"] + status["in_flight"] + status["unknown"]:
            assert time.monotonic() < end, (status, self.log.read_text()[-3000:])
            time.sleep(0.02)
        return status


@dataclass(frozen=True)
class Ran:
    """What a verb came to."""

    code: int
    out: str
    err: str


def line_fields(line: BadgeLine) -> dict[str, str]:
    """A badge line as ``badge add`` reads it."""
    fields = {"card": line.card.identifier.hex(), "insz": line.profile.insz.digits, "name": line.profile.name}
    if line.profile.language:
        fields["language"] = line.profile.language
    if line.profile.employer is not None:
        foreign = isinstance(line.profile.employer, ForeignVatNumber)
        fields["foreign_vat_number" if foreign else "enterprise_number"] = line.profile.employer.value
    if line.profile.declaration is not None:
        fields["declaration"] = line.profile.declaration.value
    return fields
