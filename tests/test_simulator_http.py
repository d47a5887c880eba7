from __future__ import annotations

import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kiosk.errors import UsageError
from kiosk.simulator.certificates import prepare
from kiosk.simulator.http import Server, _Handler
from kiosk.simulator.messages import Delivery, Manner, Request, Response, answer
from tests.strangers import true_now

HELLO = answer(200, {"hello": "x" * 1000})


class Port:
    """A server whose next deliveries a test decides, with the requests it has seen."""

    def __init__(self, directory: Path) -> None:
        self.ca_file, chain = prepare(directory, "127.0.0.1", true_now())
        self.seen: list[Request] = []
        self.deliveries: list[Delivery] = []
        self.server = Server(("127.0.0.1", 0), chain=chain, handle=self.handle, largest_body=1000)
        self.address = self.server.server_address[:2]

    def handle(self, request: Request) -> Delivery:
        self.seen.append(request)
        return self.deliveries.pop(0) if self.deliveries else Delivery(response=HELLO)

    @contextmanager
    def connected(self, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[ssl.SSLSocket]:
        context = ssl.create_default_context(cafile=self.ca_file)
        context.maximum_version = version
        with (
            socket.create_connection((str(self.address[0]), int(self.address[1])), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            yield connection


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture
def port(directory: Path) -> Iterator[Port]:
    port = Port(directory)
    port.server.start()
    yield port
    port.server.stop()


def read_all(connection: ssl.SSLSocket) -> bytes:
    content = b""
    while chunk := connection.recv(65536):
        content += chunk
    return content


def read_answer(connection: ssl.SSLSocket) -> tuple[int, dict[str, str], bytes]:
    content = b""
    while b"\r\n\r\n" not in content:
        chunk = connection.recv(65536)
        assert chunk, content
        content += chunk
    head, _, body = content.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        chunk = connection.recv(65536)
        assert chunk, body
        body += chunk
    return int(first.split()[1]), headers, body


def was_reset(connection: ssl.SSLSocket) -> bool:
    """Wait for the end of the connection: a reset is an error of the socket, an orderly end is not."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(10_000)[0][1] & select.POLLERR)


def send(connection: ssl.SSLSocket, *lines: str, body: bytes = b"") -> None:
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def get(connection: ssl.SSLSocket) -> None:
    send(connection, "GET /somewhere HTTP/1.1", "Host: x")


def test_a_connection_serves_many_requests(port: Port) -> None:
    """Keep-alive: on one connection request follows request, each read to its end and answered in full."""
    with port.connected() as connection:
        for number in range(5):
            send(
                connection, "POST /a%20b?x=1&x=%32&y= HTTP/1.1", "Host: x", "Content-Length: 3", f"X-Number: {number}", body=b"abc"
            )
            status, headers, body = read_answer(connection)
            assert (status, json.loads(body)) == (200, HELLO.json())
            assert headers["content-type"] == "application/json"
            assert "connection" not in headers
    assert [request.headers["x-number"] for request in port.seen] == list("01234")
    first = port.seen[0]
    assert (first.method, first.path, first.body, first.peer) == ("POST", "/a b", b"abc", "127.0.0.1")
    assert first.query == (("x", "1"), ("x", "2"), ("y", ""))


def test_many_clients_are_served_at_once(port: Port) -> None:
    """While one client hangs and another says nothing at all, others are served."""
    port.deliveries.append(Delivery(response=None, manner=Manner.HANG, seconds=60))
    with port.connected() as hanging, socket.create_connection((str(port.address[0]), int(port.address[1]))):
        get(hanging)
        for _ in range(3):
            with port.connected() as connection:
                get(connection)
                assert read_answer(connection)[0] == 200


def test_tls_1_2_is_the_oldest(port: Port) -> None:
    """TLS 1.2 and 1.3 are spoken, nothing older is offered."""
    with port.connected(ssl.TLSVersion.TLSv1_2) as connection:
        assert connection.version() == "TLSv1.2"
    assert port.server._context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_plain_http_is_not_served(port: Port) -> None:
    """A client without TLS gets nothing, and the server goes on."""
    with socket.create_connection((str(port.address[0]), int(port.address[1])), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with suppress(ConnectionResetError):
            assert b"200" not in plain.recv(1000)
    assert port.seen == []


def test_a_cut_is_a_reset(port: Port) -> None:
    """The client sees a reset connection, not an orderly end, and not one byte of an answer."""
    port.deliveries.append(Delivery(response=None, manner=Manner.CUT))
    with port.connected() as connection:
        get(connection)
        assert was_reset(connection)
        received = b""
        with suppress(ConnectionResetError):  # Python's ssl calls the same reset an end of file, or, from 3.13 on, a reset
            received = connection.recv(1)
        assert received == b""


def test_a_hang_is_silence_and_then_a_cut(port: Port) -> None:
    """Nothing comes for the time given, then the connection is reset."""
    port.deliveries.append(Delivery(response=None, manner=Manner.HANG, seconds=0.3))
    with port.connected() as connection:
        get(connection)
        started = time.monotonic()
        assert was_reset(connection)
        assert time.monotonic() - started >= 0.29


def test_a_hang_ends_when_the_client_goes(port: Port) -> None:
    """No thread waits on for a client that has gone."""
    port.deliveries.append(Delivery(response=None, manner=Manner.HANG, seconds=3600))
    with port.connected() as connection:
        get(connection)
        while not port.seen:
            time.sleep(0.01)
    deadline = time.monotonic() + 10
    while port.server._open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert port.server._open == {}


def test_a_drip_comes_byte_by_byte(port: Port) -> None:
    """Each byte comes alone after a pause, so that a limit between two reads never strikes."""
    small = answer(200, {"a": 1})
    port.deliveries.append(Delivery(response=small, manner=Manner.DRIP, seconds=0.02))
    with port.connected() as connection:
        get(connection)
        started, chunks = time.monotonic(), []
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    assert b"".join(chunks).endswith(small.body)
    assert len(chunks) > len(small.body)
    assert time.monotonic() - started >= 0.02 * (len(small.body) - 1)


def test_a_drip_ends_when_the_client_goes(port: Port) -> None:
    """A client that gives up half-way frees the thread."""
    port.deliveries.append(Delivery(response=HELLO, manner=Manner.DRIP, seconds=30))
    with port.connected() as connection:
        get(connection)
        assert connection.recv(1)
    deadline = time.monotonic() + 10
    while port.server._open and time.monotonic() < deadline:
        time.sleep(0.01)
    assert port.server._open == {}


def test_a_truncated_body_promises_more_than_it_sends(port: Port) -> None:
    """Content-Length tells the whole, half of it comes, then the connection ends."""
    port.deliveries.append(Delivery(response=HELLO, manner=Manner.TRUNCATED))
    with port.connected() as connection:
        get(connection)
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(HELLO.body)}".encode() in head
    assert body == HELLO.body[: len(HELLO.body) // 2]


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "QUERY", "brew"])
def test_every_method_reaches_the_service(port: Port, method: str) -> None:
    """Which methods there are is the service's to say."""
    with port.connected() as connection:
        send(connection, f"{method} / HTTP/1.1", "Host: x")
        assert read_answer(connection)[0] == 200
    assert port.seen[0].method == method
    with pytest.raises(AttributeError):
        _ = _Handler.__new__(_Handler).unheard_of


def test_head_has_no_body(port: Port) -> None:
    """An answer to HEAD ends with its headers."""
    with port.connected() as connection:
        send(connection, "HEAD / HTTP/1.1", "Host: x", "Connection: close")
        assert read_all(connection).endswith(b"\r\n\r\n")


def test_an_answer_without_body_says_so(port: Port) -> None:
    """Content-Length 0 and no Content-Type."""
    port.deliveries.append(Delivery(response=Response(status=503, headers=(("X-Y", "z"),))))
    with port.connected() as connection:
        get(connection)
        status, headers, body = read_answer(connection)
    assert (status, body, headers["x-y"]) == (503, b"", "z")
    assert "content-type" not in headers


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked"], 411),
        (["POST / HTTP/1.1", "Host: x", "Content-Length: x"], 400),
        (["POST / HTTP/1.1", "Host: x", "Content-Length: -1"], 400),
        (["POST / HTTP/1.1", "Host: x", "Content-Length: 1", "Content-Length: 1"], 400),
        (["GET http://[ HTTP/1.1", "Host: x"], 400),
        ([f"GET /?{'a=1&' * 2000} HTTP/1.1", "Host: x"], 400),
        (["GET / HTTP/x"], 400),
        (["GET / HTTP/2.0"], 505),
    ],
)
def test_improper_http_is_answered_and_closed(port: Port, lines: list[str], status: int) -> None:
    """What is no proper request never reaches the service; the answer is a problem, the connection ends."""
    with port.connected() as connection:
        send(connection, *lines)
        found, headers, body = read_answer(connection)
        assert connection.recv(1) == b""
    assert (found, json.loads(body)["status"], headers["connection"]) == (status, status, "close")
    assert headers["content-type"] == "application/problem+json"
    assert port.seen == []


def test_a_body_above_the_limit_reaches_the_service_as_none(port: Port) -> None:
    """It is read away, so that the client can read its 413, and the connection goes on."""
    with port.connected() as connection:
        for _ in range(2):
            send(connection, "POST / HTTP/1.1", "Host: x", "Content-Length: 200000", body=b"x" * 200_000)
            assert read_answer(connection)[0] == 200
    assert [request.body for request in port.seen] == [None, None]


def test_a_body_at_the_limit_is_whole(port: Port) -> None:
    """The limit itself is allowed."""
    with port.connected() as connection:
        send(connection, "POST / HTTP/1.1", "Host: x", "Content-Length: 1000", body=b"y" * 1000)
        read_answer(connection)
    assert port.seen[0].body == b"y" * 1000


def test_a_body_beyond_measure_is_not_read_to_its_end(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the size that is worth draining, the answer comes at once and the connection ends."""
    monkeypatch.setattr("kiosk.simulator.http._DRAINED_BYTES", 5000)
    with port.connected() as connection:
        send(connection, "POST / HTTP/1.1", "Host: x", "Content-Length: 9999999999", body=b"z" * 5000)
        _, headers, _ = read_answer(connection)
    assert headers["connection"] == "close"
    assert port.seen[0].body is None


@pytest.mark.parametrize("promised", [10, 5000])
def test_a_request_cut_half_way_is_never_carried_out(port: Port, promised: int) -> None:
    """A client that ends before its body does has sent nothing, small body or large."""
    with port.connected() as connection:
        send(connection, "POST / HTTP/1.1", "Host: x", f"Content-Length: {promised}", body=b"12345")
        connection.shutdown(socket.SHUT_RDWR)
    port.server.stop()
    assert port.seen == []


def test_a_taken_port_is_told(port: Port, directory: Path) -> None:
    """Two servers can't have one port: a usage error with its repair."""
    _, chain = prepare(directory, "127.0.0.1", true_now())
    with pytest.raises(UsageError, match=r"can't listen[\s\S]*free port"):
        Server(("127.0.0.1", int(port.address[1])), chain=chain, handle=port.handle, largest_body=1)


def test_stopping_cuts_who_hangs_and_frees_the_port(directory: Path) -> None:
    """A stop ends hanging and idle connections at once, and the port can be bound again."""
    port = Port(directory)
    port.server.start()
    port.deliveries.append(Delivery(response=None, manner=Manner.HANG, seconds=3600))
    with port.connected() as hanging, port.connected() as idle:
        get(hanging)
        get(idle)
        while len(port.seen) < 2:
            time.sleep(0.01)
        started = time.monotonic()
        port.server.stop()
        assert time.monotonic() - started < 5
    again = Server(port.address, chain=directory / "server.pem", handle=port.handle, largest_body=1)  # type: ignore[arg-type]  # an IPv4 pair
    again.start()
    again.stop()


def test_our_own_mistakes_are_seen(directory: Path) -> None:
    """An exception that is not the client's going ends in the thread's hook, not in silence."""
    port = Port(directory)
    port.deliveries.append(Delivery(response=None, manner=Manner.WHOLE))
    seen: list[threading.ExceptHookArgs] = []
    before, threading.excepthook = threading.excepthook, seen.append
    try:
        port.server.start()
        with port.connected() as connection:
            get(connection)
            assert connection.recv(1) == b""
        port.server.stop()
    finally:
        threading.excepthook = before
    assert [failure.exc_type for failure in seen] == [ValueError]


def test_ipv6_is_served(directory: Path) -> None:
    """A host with colons is bound as an IPv6 address."""
    _, chain = prepare(directory, "::1", true_now())
    server = Server(("::1", 0), chain=chain, handle=lambda _request: Delivery(response=HELLO), largest_body=1)
    assert server.address_family is socket.AF_INET6
    server.start()
    server.stop()
