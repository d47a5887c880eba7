"""One HTTP exchange: a request out, its answer in, within one total deadline. The only file that knows httpx.

Every call runs in a thread of its own and whoever asked waits for it no longer than the deadline or ``abort``: name
lookup, a TLS handshake or an answer that drips byte by byte outlive every timeout that a socket has. A gate in the
thread knows whether anything of the request can have left the box, and holds it back once nobody waits any more.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, Final

import httpx

from kiosk.anchors import Anchor, service_anchor
from kiosk.contract import MAX_ANSWER_BYTES
from kiosk.problems import IN_ITS_PLACE
from kiosk.timekeeper import boot_clock
from kiosk.verdicts import Ambiguous, Misconfigured, NotSent

_LOG: Final = logging.getLogger(__name__)

#: X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH: a certificate of somebody else.
_ANOTHERS: Final = frozenset({62, 64})
#: Self-signed, self-signed in the chain, unknown issuer, incomplete chain (X509_V_ERR_*).
_UNKNOWN_ISSUER: Final = frozenset({18, 19, 20, 21})
#: Shorter than what servers usually grant, so that a call seldom meets a connection closed under its hands.
KEEPALIVE_SECONDS: Final = 5.0
#: Threads that may still hang in name lookup (each at most its resolver's patience) before new calls wait for them.
_MAX_FLIGHTS: Final = 8
_CLOSE_SECONDS: Final = 1.0

#: Nothing of the request left the box (design, section 5).
NOT_SENT: Final[Mapping[type[httpx.RequestError], str]] = {
    httpx.ConnectError: "no connection",
    httpx.ConnectTimeout: "no connection in time",
    httpx.PoolTimeout: "no free connection in time",
    httpx.ProxyError: "the proxy refuses",
    httpx.LocalProtocolError: "the request could not be written",
    httpx.UnsupportedProtocol: "the address is not https",
}
#: The service may have got the request, or part of it.
AMBIGUOUS: Final[Mapping[type[httpx.RequestError], str]] = {
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the request could not be sent in time",
    httpx.ReadError: "the connection was cut while reading the answer",
    httpx.WriteError: "the connection was cut while sending",
    httpx.CloseError: "the connection could not be closed",
    httpx.RemoteProtocolError: "the answer is not HTTP, or ends too early",
    httpx.DecodingError: "the answer can't be decoded",
    httpx.TooManyRedirects: "the answer leads elsewhere",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer that arrived whole. ``headers`` have lower-case names; ``body`` is at most 4 MiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        # A token answer or an echoed item must not reach a log.
        return f"Reply({self.status}, {len(self.body)} bytes)"


Outcome = Reply | NotSent | Ambiguous | Misconfigured
#: Told the time by each answer that says it.
Noted = Callable[[Anchor], None]


def unnoted(_: Anchor) -> None:
    """Nobody asks for the time."""


class Exchange:
    """The way to the service: one httpx client, built at first use; safe from several threads.

    TLS is always verified, against the system's trust store or ``ca_file``; proxies come from the environment;
    nothing is followed, decompressed or tried twice.

    Args:
        ca_file: Certificates to trust, PEM, or None for the system's trust store.
        timeout_seconds: Total for one exchange: connecting, sending and reading.
        noted: Told the time of every answer, also of one that nobody waits for any more.
    """

    def __init__(self, *, ca_file: Path | None, timeout_seconds: float, noted: Noted = unnoted) -> None:
        self._ca_file = ca_file
        self._noted = noted
        self._timeout = timeout_seconds
        self._lock = Lock()
        self._client: httpx.Client | None = None
        self._flights: set[_Flight] = set()
        self._stopped = False

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one POST and return what came of it, at the deadline at the latest; never raises for the network's sake."""
        return self._exchange("POST", url, headers=headers, body=body)

    def get(self, url: str, *, headers: Mapping[str, str]) -> Outcome:
        """Send one GET, likewise."""
        return self._exchange("GET", url, headers=headers, body=None)

    def _exchange(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None) -> Outcome:
        flight = _Flight()
        with self._lock:
            if self._stopped:
                return NotSent(why="the box is stopping")
            if len(self._flights) >= _MAX_FLIGHTS:
                return NotSent(why="earlier calls still hang, most likely in name lookup")
            try:
                client = self._client = self._client or self._open()
            # A bad ca_file, or a proxy in the environment that is no address or of a kind that is not supported.
            except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
                return Misconfigured(why=f"ca_file or the proxy in the environment can't be used: {type(error).__name__}")
            try:
                request = client.build_request(method, url, headers=dict(headers), content=body, extensions={"trace": flight.trace})
            except httpx.InvalidURL:
                return Misconfigured(why="the address of the service is none that can be called")
            flight.thread = Thread(target=self._fly, args=(client, request, flight), name="exchange", daemon=True)
            flight.thread.start()
            self._flights.add(flight)
        flight.done.wait(self._timeout)
        return flight.give_up(f"no complete answer within {self._timeout:g} seconds")

    def abort(self) -> None:
        """End every exchange under way at once and refuse new ones, for good; safe from any thread."""
        with self._lock:
            self._stopped = True
            flights = list(self._flights)
        for flight in flights:
            flight.give_up("aborted: the box is stopping")

    def close(self) -> None:
        """Abort, and let the connections go, within a second; may be called twice."""
        self.abort()
        with self._lock:
            flights, client = list(self._flights), self._client
        end = monotonic() + _CLOSE_SECONDS
        for flight in flights:
            if flight.thread is not None:
                # One that hangs in name lookup can't be woken and sends nothing any more.
                flight.thread.join(max(0.0, end - monotonic()))
        if client is not None:
            client.close()

    def _open(self) -> httpx.Client:
        return httpx.Client(
            # Not httpx's default, which is certifi: the admin's trust store decides.
            verify=ssl.create_default_context(cafile=self._ca_file),
            timeout=self._timeout,
            limits=httpx.Limits(keepalive_expiry=KEEPALIVE_SECONDS),
            # No compression: a small answer must not swell beyond the cap while it is unpacked.
            headers={"User-Agent": "ciao-kiosk", "Accept-Encoding": "identity"},
            follow_redirects=False,
        )

    def _fly(self, client: httpx.Client, request: httpx.Request, flight: _Flight) -> None:
        try:
            flight.settle(_converse(client, request, flight, self._noted))
        # Also what httpx does not wrap: a thread that dies silently would leave its row in flight.
        except Exception as error:  # noqa: BLE001
            flight.settle(flight.translate(error))
        with self._lock:
            self._flights.discard(flight)


def _converse(client: httpx.Client, request: httpx.Request, flight: _Flight, noted: Noted) -> Outcome:
    sent_ns = boot_clock()
    response = client.send(request, stream=True)
    received_ns = boot_clock()
    try:
        if request.url.scheme == "https" and (time := service_anchor(response.headers, sent_ns=sent_ns, received_ns=received_ns)):
            noted(time)
        flight.hold(response.extensions.get("network_stream"))
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_ANSWER_BYTES:
                return Ambiguous(why="the answer is longer than 4 MiB")
        return Reply(status=response.status_code, headers=dict(response.headers), body=bytes(body))
    finally:
        response.close()


class _GivenUpError(Exception):
    """Nobody waits for this exchange any more: it must not begin to send."""


class _Flight:
    """One exchange under way, between the thread that flies it and the one that waits for it. The first outcome stands."""

    def __init__(self) -> None:
        self.done = Event()
        self.thread: Thread | None = None
        self._lock = Lock()
        self._outcome: Outcome | None = None
        # httpcore's network stream: httpx hands it out as an extension without a type.
        self._stream: Any = None
        self._connected = False
        self._untouched = True

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Follow httpcore's steps ("trace" in httpx's manual); raises once given up, so that nothing is sent then."""
        request = info.get("request")
        with self._lock:
            if event.endswith((".connect_tcp.complete", ".start_tls.complete")):
                self._connected, self._stream = True, info["return_value"]
            given_up = self._outcome is not None
            if given_up and event.endswith(".connect_tcp.complete"):
                # No TLS over a connection that is to be shut down: Python's ssl would leave its socket to the collector.
                self._stream.close()
                raise _GivenUpError
            # Every step of sending names its request; CONNECT is said to a proxy and carries nothing of ours.
            if request is not None and request.method != b"CONNECT":
                if given_up and self._untouched:
                    raise _GivenUpError
                self._untouched = False
        if given_up:
            self._hang_up()

    def hold(self, stream: Any) -> None:
        """Learn the connection of a running answer: one that was kept alive is first seen here."""
        with self._lock:
            self._stream = stream or self._stream
            given_up = self._outcome is not None
        if given_up:
            self._hang_up()

    def settle(self, outcome: Outcome) -> None:
        """Say what the exchange came to, unless it was given up."""
        with self._lock:
            self._outcome = self._outcome or outcome
        self.done.set()

    def give_up(self, why: str) -> Outcome:
        """Return the outcome; if there is none yet, end the exchange and say whether it may have been carried out."""
        with self._lock:
            running = self._outcome is None
            if self._outcome is None:
                self._outcome = self._not_sent(why) if self._untouched else Ambiguous(why=why)
            outcome = self._outcome
        self.done.set()
        if running:
            self._hang_up()
        return outcome

    def translate(self, error: Exception) -> Outcome:
        """Make an outcome of an exception; its text is kept only where the network, not the service, wrote it."""
        _LOG.debug("exchange ended by %s", type(error).__name__)
        with self._lock:
            if isinstance(error, httpx.ProxyError) and str(error).startswith("407"):
                return Misconfigured(why="the proxy asks for a login: write it into the environment's proxy address")
            for kind, words in NOT_SENT.items():
                if isinstance(error, kind):
                    return self._not_sent(f"{words}: {_detail(error)}")
            if self._untouched:
                return self._not_sent(f"no connection: {type(error).__name__}")
        return Ambiguous(why=next((words for kind, words in AMBIGUOUS.items() if isinstance(error, kind)), type(error).__name__))

    def _not_sent(self, why: str) -> NotSent:
        return NotSent(why=why, reachable=self._connected)

    def _hang_up(self) -> None:
        """Shut the connection down, which wakes a thread that waits for it; closing it would not."""
        link = self._stream.get_extra_info("socket") if self._stream is not None else None
        if isinstance(link, socket.socket):
            with suppress(OSError):
                # Not SSLSocket.shutdown: that drops TLS first, and a write in between would go out in clear.
                socket.socket.shutdown(link, socket.SHUT_RDWR)


def _hint(code: int) -> str:
    """What a human can do about a certificate that is not accepted, by OpenSSL's code."""
    if code in _ANOTHERS:
        return IN_ITS_PLACE
    if code in _UNKNOWN_ISSUER:
        return f"see ca_file; where that is right {IN_ITS_PLACE}"
    return "see ca_file, and the clock of this box"


def _detail(error: BaseException) -> str:
    """Return the system's words for a failed connection, the certificate's trouble first."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the server's certificate is not accepted ({cause.verify_message}): {_hint(cause.verify_code)}"
        cause = cause.__cause__ or cause.__context__
    return "".join(each for each in str(error)[:200] if each.isprintable()) or type(error).__name__
