"""The service double as one object: what tests, the demonstration and the verb start and stop."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from kiosk.simulator.administration import Administration
from kiosk.simulator.certificates import prepare
from kiosk.simulator.clients import Clients
from kiosk.simulator.exchange import TOKEN_PATH, Exchange
from kiosk.simulator.faults import Fault, Faults, Order
from kiosk.simulator.http import Server
from kiosk.simulator.journal import Journal
from kiosk.simulator.ledger import Ledger
from kiosk.simulator.messages import Operation
from kiosk.simulator.oauth import Authority
from kiosk.simulator.service import API_PATH, Service, Settings


def system_ms() -> int:
    """Return the system clock's Unix milliseconds."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the double behaves from the start.

    Attributes:
        host: What to bind; certified beside localhost, 127.0.0.1 and ::1.
        port: 0 takes a free one, and keeps it over a stop and a start.
        validity_delay_seconds: After how long validity becomes final.
        search_lag_seconds: After how long search finds a new row.
        token_seconds: How long a token lives.
        largest_body: Bytes; above it 413.
        seed: Of the dice for faults by chance.
        first_id: The first registration's id; a double started anew that is to serve the same kiosk needs another one.
    """

    host: str = "127.0.0.1"
    port: int = 0
    validity_delay_seconds: float = 0.0
    search_lag_seconds: float = 0.0
    token_seconds: int = 600
    largest_body: int = 4 * 1024 * 1024
    seed: int = 0
    first_id: int = 17611


class Simulator:
    """The double of the presence registration service and of its token endpoint, over TLS on one port.

    Use it as a context manager, or call ``start`` and ``stop``. A stop and a start keep port, rows, clients and
    tokens, like a service that was away.

    Args:
        directory: Where the authority and the server's certificate live; the authority stays over restarts.
        behaviour: How it behaves from the start.
        clock: Returns Unix milliseconds UTC: of tokens, assertions, validity and search lag. TLS uses the true time.

    Attributes:
        ledger: All registrations; ``rows()``, ``duplicates()``, ``add_rule()`` and more.
        faults: What goes wrong next or by chance.
        authority: Tokens; ``expire_tokens()``.
        settings: Denied employers, health, largest body.
        journal: What was asked and answered.
        exchange: Requests in, deliveries out, without a socket.
    """

    def __init__(self, directory: Path, *, behaviour: Behaviour | None = None, clock: Callable[[], int] = system_ms) -> None:
        self._behaviour = chosen = behaviour or Behaviour()
        self._directory = directory
        self._port = chosen.port
        self._server: Server | None = None
        delay, lag = chosen.validity_delay_seconds, chosen.search_lag_seconds
        self.ledger = Ledger(clock=clock, validity_delay_seconds=delay, search_lag_seconds=lag, first_id=chosen.first_id)
        self.faults = Faults(random.Random(chosen.seed).random)  # noqa: S311 - repeatable on purpose
        self.authority = Authority(clients=Clients(), clock=clock, token_seconds=chosen.token_seconds)
        self.settings = Settings(largest_body=chosen.largest_body)
        self.journal = Journal()
        self.exchange = self._connect(clock)

    def _connect(self, clock: Callable[[], int]) -> Exchange:
        service = Service(ledger=self.ledger, authority=self.authority, settings=self.settings)
        administration = Administration(
            ledger=self.ledger, authority=self.authority, service=service, faults=self.faults, journal=self.journal
        )
        return Exchange(
            authority=self.authority,
            service=service,
            administration=administration,
            faults=self.faults,
            journal=self.journal,
            clock=clock,
        )

    @property
    def ca_file(self) -> Path:
        """The authority's certificate, PEM: what a client must trust. It exists from the first start on."""
        return self._directory / "ca.pem"

    @property
    def root_url(self) -> str:
        """Scheme, host and port, without a slash; the port is known from the first start on."""
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self._behaviour.host, self._behaviour.host)  # noqa: S104
        return f"https://[{host}]:{self._port}" if ":" in host else f"https://{host}:{self._port}"

    @property
    def api_url(self) -> str:
        """The base that the paths of the OpenAPI document are appended to."""
        return self.root_url + API_PATH

    @property
    def token_url(self) -> str:
        """The token endpoint, and the audience that assertions must name to the letter."""
        return self.root_url + TOKEN_PATH

    def add_client(self, client_id: str, pem: bytes | str) -> None:
        """Make a client known by its certificate or public key, PEM; raises ``ValueError`` where the criteria are missed."""
        self.authority.clients.add(client_id, pem)

    def fault(self, fault: Fault, *, operation: Operation | None = None, times: int = 1, seconds: float | None = None) -> None:
        """Queue a fault for the next requests: short for ``faults.script``."""
        self.faults.script(Order(fault=fault, operation=operation, times=times, seconds=seconds))

    def start(self) -> None:
        """Listen; returns once connections are accepted. Raises ``UsageError`` for a port or directory that can't be used."""
        _, chain = prepare(self._directory, self._behaviour.host, datetime.now(UTC))
        self._server = Server(
            (self._behaviour.host, self._port), chain=chain, handle=self.exchange.handle, largest_body=self._behaviour.largest_body
        )
        self._port = self._server.server_address[1]
        self.authority.audience = self.token_url
        self._server.start()

    def stop(self) -> None:
        """Cut every connection and free the port; does nothing when not started."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
