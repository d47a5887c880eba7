"""The road to the service: a TCP proxy with real sockets and weather, so that a network can fail as networks do.

It carries bytes and knows no TLS, so what it cuts or delays is cut or delayed anywhere: in a handshake, a head or a body.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

_LOOK_SECONDS: Final = 0.02
_PIECE: Final = 65536
#: l_onoff and l_linger: closing such a socket sends RST instead of FIN.
_RESET: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What befalls a connection.

    Attributes:
        latency: Seconds before each piece is handed on, in both directions.
        request_bytes: The connection is cut after so many bytes to the service, or never.
        answer_bytes: The same for bytes from it.
        drip: Seconds before each single byte of what the service says after its first ``drip_after`` bytes; None: no dripping.
        drip_after: Enough for the handshake, so that it is an answer that drips.
        reset: A new connection is reset at once.
        silent: A new connection is taken, and nothing comes of it.
        login: As a CONNECT proxy: 407 to whoever comes.
        to: The port of another server that answers instead.
    """

    latency: float = 0.0
    request_bytes: int | None = None
    answer_bytes: int | None = None
    drip: float | None = None
    drip_after: int = 0
    reset: bool = False
    silent: bool = False
    login: bool = False
    to: int | None = None


FAIR: Final = Weather()


@dataclass
class Road:
    """Listens on a free port of 127.0.0.1 and carries every connection to the service's port; a context manager.

    Attributes:
        port: The service's.
        connect: Whether it is a proxy that wants a CONNECT first.
        weather: What befalls new connections.
        passed: For each connection since the weather changed, the bytes it carried to the service and from it.
        connects: The targets that were named to the proxy.
    """

    port: int
    connect: bool = False
    weather: Weather = FAIR
    passed: list[list[int]] = field(default_factory=list)
    connects: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._links: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_LOOK_SECONDS)
        self.entry: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self.change(FAIR)
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def change(self, weather: Weather) -> None:
        """Change the weather and cut every connection that stands."""
        with self._lock:
            self.weather, self.passed = weather, []
            links, self._links = self._links, set()
        for link in links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]  # its own methods
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                try:
                    link, _ = self._listener.accept()
                except TimeoutError:
                    continue
                except OSError:
                    return
                self._start(self._carry, link)

    def _carry(self, near: socket.socket) -> None:
        with self._lock:
            weather, passed = self.weather, [0, 0]
            self.passed.append(passed)
            self._links.add(near)
        with near, suppress(OSError):
            if weather.reset:
                near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            if weather.silent:
                while near.recv(_PIECE):
                    pass
                return
            if self.connect and not self._let_through(near, weather):
                return
            with socket.create_connection(("127.0.0.1", weather.to or self.port), timeout=5) as far:
                self._exchange(near, far, weather, passed)

    def _let_through(self, near: socket.socket, weather: Weather) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = near.recv(_PIECE)
            if not piece:
                return False
            head += piece
        self.connects.append(head.split(b" ")[1].decode())
        if weather.login:
            near.sendall(b'HTTP/1.1 407 Login\r\nProxy-Authenticate: Basic realm="site"\r\nContent-Length: 0\r\n\r\n')
            return False
        near.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        return True

    def _exchange(self, near: socket.socket, far: socket.socket, weather: Weather, passed: list[int]) -> None:
        """Carry both ways until one side ends, or the weather cuts it."""
        most = (weather.request_bytes, weather.answer_bytes)
        while not self._stop.is_set():
            readable, _, _ = select.select([near, far], [], [], _LOOK_SECONDS)
            for link in readable:
                data = link.recv(_PIECE)
                if not data or self._stop.wait(weather.latency):
                    return
                way = int(link is far)
                limit = most[way]
                data = data if limit is None else data[: limit - passed[way]]
                if link is far:
                    self._hand_to_box(near, data, passed[way], weather)
                else:
                    far.sendall(data)
                passed[way] += len(data)
                if passed[way] == limit:
                    return

    def _hand_to_box(self, near: socket.socket, data: bytes, earlier: int, weather: Weather) -> None:
        whole = data if weather.drip is None else data[: max(0, weather.drip_after - earlier)]
        near.sendall(whole)
        for place in range(len(whole), len(data)):
            if self._stop.wait(weather.drip):
                return
            near.sendall(data[place : place + 1])
