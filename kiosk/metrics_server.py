"""Answers ``GET /metrics`` on a port of this machine, one caller at a time, each within two seconds; everything else is refused.

Not ``http.server``: that waits for each line of a request anew, so that one caller who sends a letter now and then would keep
all others out for hours. One line is understood here, and the connection ends with the answer.
"""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from threading import Event
from typing import Final

from kiosk.config_checks import Listen

_log = logging.getLogger(__name__)

#: Prometheus sends some 300 bytes.
_LONGEST_HEAD: Final = 8192
_PATIENCE_SECONDS: Final = 2.0
#: Who asks more often hears the same again: making it takes looks at the store, and taps need that more.
_FRESH_SECONDS: Final = 1.0
#: Before a port that can't be had is tried again.
_AGAIN_SECONDS: Final = 10.0
_REQUEST: Final = re.compile(rb"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.[01]\r?\n")


class MetricsServer:
    """Serves one text. ``run`` belongs to one thread, ``close`` to any.

    Args:
        listen: Where.
        text: Makes what is told.
        content_type: What that is.
    """

    def __init__(self, listen: Listen, text: Callable[[], str], content_type: str) -> None:
        self._listen = listen
        self._text = text
        self._content_type = content_type
        self._made: tuple[float, bytes] | None = None
        self._socket: socket.socket | None = None
        self._caller: socket.socket | None = None

    @property
    def port(self) -> int | None:
        """The port that it has, or None while it has none."""
        with contextlib.suppress(OSError):
            return None if self._socket is None else int(self._socket.getsockname()[1])
        return None

    def run(self, stop: Event) -> None:
        """Serve until ``stop`` is set and ``close`` was called; a port that another program has is tried again."""
        while not stop.is_set():
            try:
                server = _bind(self._listen)
            except OSError as error:
                told = {"listen": f"{self._listen.host}:{self._listen.port}", "why": error.strerror or type(error).__name__}
                _log.warning("nobody can ask for metrics: [metrics] listen can't be had", extra=told)
                stop.wait(_AGAIN_SECONDS)
                continue
            with server:
                self._socket = server
                _log.info("metrics", extra={"port": self.port})
                self._serve(server, stop)

    def close(self) -> None:
        """Wake ``run``, also from a caller who is slow."""
        for each in (self._socket, self._caller):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def _serve(self, server: socket.socket, stop: Event) -> None:
        while not stop.is_set():
            try:
                caller, _ = server.accept()
            except OSError:
                if stop.is_set():
                    return
                raise
            with caller:
                self._caller = caller
                # A caller who goes away or dawdles is his own trouble.
                with contextlib.suppress(OSError):
                    self._attend(caller)
                self._caller = None

    def _attend(self, caller: socket.socket) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        head = _read_head(caller, deadline)
        if head is None:
            _answer(caller, deadline, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        found = _REQUEST.match(head)
        if found is None:
            _answer(caller, deadline, HTTPStatus.BAD_REQUEST)
        elif found[2] != b"/metrics":
            _answer(caller, deadline, HTTPStatus.NOT_FOUND)
        elif found[1] != b"GET":
            _answer(caller, deadline, HTTPStatus.METHOD_NOT_ALLOWED, "Allow: GET\r\n")
        else:
            _answer(caller, deadline, HTTPStatus.OK, f"Content-Type: {self._content_type}\r\n", self._body())

    def _body(self) -> bytes:
        now = time.monotonic()
        if self._made is None or now - self._made[0] > _FRESH_SECONDS:
            self._made = (now, self._text().encode())
        return self._made[1]


def _bind(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    return socket.create_server((listen.host, listen.port), family=family, backlog=8)


def _read_head(caller: socket.socket, deadline: float) -> bytes | None:
    """The request up to its empty line or to where the caller stopped, or None if it is too long.

    Raises:
        TimeoutError: It did not come in time.
    """
    head = bytearray()
    while b"\r\n\r\n" not in head:
        caller.settimeout(max(0.001, deadline - time.monotonic()))
        piece = caller.recv(4096)
        head += piece
        if len(head) > _LONGEST_HEAD:
            return None
        if not piece or time.monotonic() > deadline:
            break
    return bytes(head)


def _answer(caller: socket.socket, deadline: float, status: HTTPStatus, headers: str = "", body: bytes = b"") -> None:
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    caller.settimeout(max(0.001, deadline - time.monotonic()))
    caller.sendall(head.encode() + body)
