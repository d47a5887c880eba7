"""HTTP/1.1 over TLS on plain sockets, because a fault must reach down to them: cut, hang, drip, truncate.

One thread per connection; a cut is a true TCP reset. Nothing is logged: a body may hold personal data.
"""

from __future__ import annotations

import os
import select
import socket
import socketserver
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl, unquote, urlsplit

from kiosk.errors import UsageError
from kiosk.simulator.messages import Delivery, Manner, Request, Response
from kiosk.simulator.problems import Problem

Handle = Callable[[Request], Delivery]

#: A handshake that takes longer is nobody's.
_HANDSHAKE_SECONDS: Final = 10.0
#: Long, so that the double never closes an idle connection in the moment when a client uses it again.
_IDLE_SECONDS: Final = 300.0
#: A body above the limit is read and thrown away up to this size, so that the client can read the 413.
_DRAINED_BYTES: Final = 64 * 1024 * 1024
_CHUNK_BYTES: Final = 65536
#: SO_LINGER on, zero seconds: closing sends a reset.
_RESET: Final = struct.pack("ii", 1, 0)
_STOP_SECONDS: Final = 10.0


class Server(socketserver.ThreadingTCPServer):
    """Listens, and hands each request to one function.

    Args:
        address: Host and port; port 0 takes a free one.
        chain: The server's private key and certificate, PEM.
        handle: Says what to answer and how.
        largest_body: Bytes; a larger body reaches ``handle`` as None.

    Raises:
        UsageError: The address can't be bound.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], *, chain: Path, handle: Handle, largest_body: int) -> None:
        self.handle = handle
        self.largest_body = largest_body
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.load_cert_chain(chain)
        self._open: dict[threading.Thread, ssl.SSLSocket] = {}
        self._open_lock = threading.Lock()
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            repair = "name a free port, or 0 for any"
            raise UsageError(
                f"the simulator can't listen on {address[0]} port {address[1]}: {error.strerror}", repair=repair
            ) from error
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="simulator", daemon=True)

    def start(self) -> None:
        """Begin to accept connections; the socket listens already."""
        self._thread.start()

    def stop(self) -> None:
        """Cut every connection, end every thread, free the port."""
        self.shutdown()
        self.server_close()
        with self._open_lock:
            connections = dict(self._open)
        for connection in connections.values():
            _wake(connection)
        for thread in (self._thread, *connections):
            thread.join(_STOP_SECONDS)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that a silent client holds up nobody else."""
        request.settimeout(_HANDSHAKE_SECONDS)
        with self._context.wrap_socket(request, server_side=True) as connection:
            with self._open_lock:
                self._open[threading.current_thread()] = connection
            try:
                _Handler(connection, client_address, self)
            finally:
                with self._open_lock:
                    del self._open[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Let the connection go when the client went; anything else is our mistake and must be seen."""
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, OSError):
            raise error


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = protocol_version
    server_version = "kiosk-simulator"
    sys_version = ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Stay silent."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Answer a request that is no proper HTTP, and close."""
        self.close_connection = True
        self._send(Problem(status=HTTPStatus(code)).response())

    def _serve(self) -> None:
        lengths = self.headers.get_all("Content-Length", ["0"])
        if "Transfer-Encoding" in self.headers:
            return self.send_error(HTTPStatus.LENGTH_REQUIRED)
        if len(lengths) > 1 or not (lengths[0].isascii() and lengths[0].isdigit()):
            return self.send_error(HTTPStatus.BAD_REQUEST)
        try:
            target = urlsplit(self.path)
            query = tuple(parse_qsl(target.query, keep_blank_values=True, max_num_fields=1000))
        except ValueError:
            return self.send_error(HTTPStatus.BAD_REQUEST)
        body = self._body(int(lengths[0]))
        request = Request(
            method=self.command,
            path=unquote(target.path),
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            peer=str(self.client_address[0]),
        )
        return self._deliver(cast("Server", self.server).handle(request))

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Let every method through, so that one nobody knows is answered with 405 and Allow, not with 501."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _body(self, length: int) -> bytes | None:
        """Read the body; None when it is too large. Raises ``ConnectionError`` when the client goes before its end."""
        kept = length <= cast("Server", self.server).largest_body
        parts, left = [], min(length, _DRAINED_BYTES)
        while left:
            chunk = self.rfile.read(min(left, _CHUNK_BYTES))
            if not chunk:
                raise ConnectionAbortedError("the client ended before its request did")
            left -= len(chunk)
            parts += [chunk] if kept else []
        self.close_connection = self.close_connection or length > _DRAINED_BYTES
        return b"".join(parts) if kept else None

    def _deliver(self, delivery: Delivery) -> None:
        connection = cast("ssl.SSLSocket", self.connection)
        match delivery.manner:
            case Manner.CUT:
                self._cut()
            case Manner.HANG:
                _silence(connection, delivery.seconds)
                self._cut()
            case _ if delivery.response is None:
                raise ValueError(f"{delivery.manner.value} needs a response")
            case Manner.TRUNCATED:
                self.close_connection = True
                self._send(delivery.response, lambda body: self.wfile.write(body[: len(body) // 2]))
            case Manner.DRIP:
                self.close_connection = True
                self._send(delivery.response, lambda body: _drip(connection, body, delivery.seconds))
            case Manner.WHOLE:
                self._send(delivery.response)

    def _cut(self) -> None:
        """Close with a reset. The descriptor itself is closed, since the handler's files would keep the socket open."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        os.close(self.connection.detach())

    def _send(self, response: Response, write: Callable[[bytes], object] | None = None) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.content_type is not None:
            self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            (write or self.wfile.write)(response.body)


def _wake(connection: ssl.SSLSocket) -> None:
    """End the TCP connection under a thread that waits on it; SSLSocket's own shutdown would pull TLS from under its feet."""
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # it ended by itself in this moment


def _silence(connection: ssl.SSLSocket, seconds: float) -> bool:
    """Wait without a sign; returns True at once when the client closes or the server stops."""
    waiter = select.poll()
    waiter.register(connection, select.POLLIN)
    return bool(waiter.poll(seconds * 1000))


def _drip(connection: ssl.SSLSocket, body: bytes, pause: float) -> None:
    """Send byte by byte, each soon enough for a client that only limits the time between two reads."""
    for position in range(len(body)):
        connection.sendall(body[position : position + 1])
        if _silence(connection, pause):
            return
