"""kiosk.metrics_server answers one question on one port, whoever else knocks."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kiosk import metrics_server
from kiosk.config_checks import Listen
from kiosk.metrics_server import MetricsServer
from tests.configs import change, complaints, write
from tests.daemons import running
from tests.people import invented_card, invented_line
from tests.sites import until
from tests.test_daemon import enrol, tap

TEXT = "kiosk_present 5\n"


def told() -> str:
    return TEXT


@contextmanager
def serving(server: MetricsServer) -> Iterator[int]:
    """Serve until the test leaves; the port."""
    stop = Event()
    thread = Thread(target=server.run, args=(stop,), name="metrics")
    thread.start()
    try:
        until(lambda: server.port is not None, "it never listens")
        assert server.port is not None
        yield server.port
    finally:
        stop.set()
        server.close()
        thread.join(10)
        assert not thread.is_alive()


def local(port: int = 0) -> MetricsServer:
    return MetricsServer(Listen("127.0.0.1", port), told, "text/plain")


def exchange(port: int, sent: bytes) -> bytes:
    """Send this, say that there is no more, and read to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as caller:
        caller.sendall(sent)
        caller.shutdown(socket.SHUT_WR)
        received = b""
        while piece := caller.recv(65536):
            received += piece
        return received


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_whoever_asks_is_told(host: str) -> None:
    """An HTTP client that is not ours understands the answer, as often as it asks."""
    with serving(MetricsServer(Listen(host, 0), told, "text/plain; version=0.0.4")) as port:
        for _ in range(3):
            answer = httpx.get(f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics")
            assert (answer.status_code, answer.text) == (200, TEXT)
            assert answer.headers["content-type"] == "text/plain; version=0.0.4"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET /metrics/../x HTTP/1.1\r\n\r\n", 404),
        (b"GET /../../etc/passwd HTTP/1.1\r\n\r\n", 404),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405),
        (b"DELETE /metrics HTTP/1.0\r\n\r\n", 405),
        (b"GET /metrics\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"", 400),
    ],
)
def test_whatever_else_is_asked_is_refused(sent: bytes, status: int) -> None:
    """Other paths, other methods and what is no HTTP get a status, and nothing else."""
    with serving(local()) as port:
        answer = exchange(port, sent)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert answer.endswith(b"Content-Length: 0\r\nConnection: close\r\n\r\n")


def test_a_request_that_is_too_long_is_refused() -> None:
    """Nobody makes the box keep what he sends."""
    with serving(local()) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as caller:
        caller.sendall(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * (metrics_server._LONGEST_HEAD - 20))
        assert caller.recv(65536).startswith(b"HTTP/1.1 431 ")


def test_a_caller_who_never_ends_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """One who connects and says nothing more is let go, and the next is told."""
    monkeypatch.setattr(metrics_server, "_PATIENCE_SECONDS", 0.2)
    with serving(local()) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
        slow.sendall(b"GET /metrics HT")
        assert httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text == TEXT
        assert slow.recv(1) == b""


def test_a_slow_caller_does_not_keep_it_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to stop, it waits for nobody's request."""
    monkeypatch.setattr(metrics_server, "_PATIENCE_SECONDS", 600.0)
    server = local()
    with socket.socket() as slow:
        with serving(server) as port:
            slow.connect(("127.0.0.1", port))
            until(lambda: server._caller is not None, "the caller was never taken in")
        slow.settimeout(20)
        assert not slow.recv(1)


def test_whoever_asks_often_does_not_keep_the_store_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a second the same is told again; afterwards it is made afresh."""
    made: list[int] = []
    monkeypatch.setattr(metrics_server, "_FRESH_SECONDS", 600.0)

    def make() -> str:
        made.append(1)
        return f"made {len(made)}\n"

    server = MetricsServer(Listen("127.0.0.1", 0), make, "text/plain")
    with serving(server) as port:
        asked = {httpx.get(f"http://127.0.0.1:{port}/metrics").text for _ in range(5)}
        assert (len(asked), len(made)) == (1, 1)
        monkeypatch.setattr(metrics_server, "_FRESH_SECONDS", -1.0)
        httpx.get(f"http://127.0.0.1:{port}/metrics")
        assert len(made) == 2


def test_a_port_that_is_taken_is_tried_again(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Another program on the port costs the metrics, with a line in the log, until it is gone."""
    monkeypatch.setattr(metrics_server, "_AGAIN_SECONDS", 0.05)
    caplog.set_level(logging.WARNING)
    other = socket.create_server(("127.0.0.1", 0))
    server, stop = local(other.getsockname()[1]), Event()
    thread = Thread(target=server.run, args=(stop,), name="metrics")
    thread.start()
    try:
        until(lambda: "[metrics] listen can't be had" in caplog.text, "it was not told")
        other.close()
        until(lambda: server.port is not None, "it was not tried again")
    finally:
        other.close()
        stop.set()
        server.close()
        thread.join(10)
    assert not thread.is_alive()


def test_the_daemon_tells_what_it_did_and_nothing_of_people(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A tap through the real daemon is counted at the port, and neither name nor number of anybody is there."""
    sections = 'start_jitter_seconds = 0\n\n[clock]\nsource = "assume"\n\n[metrics]\nlisten = "127.0.0.1:0"\n\n[store]'
    lines: list[str] = []

    def port() -> int | None:
        lines.extend(capfd.readouterr().err.splitlines())
        found = [line for line in lines if '"event":"metrics"' in line.replace(" ", "")]
        return int(found[0].split('"port":')[1].split(",")[0].strip(" }")) if found else None

    with running(write(tmp_path, change(("[store]", sections)))) as run:
        until(port, "it never listens")
        enrol(run, 0)
        assert tap(run, 0)["signal"] == "in"
        text = httpx.get(f"http://127.0.0.1:{port()}/metrics").text
        status = run.ask("status")
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for each in text_string_to_metric_families(text)
        for sample in each.samples
    }
    assert (told["kiosk_present",], status["present"]) == (1, 1)
    assert sum(number for name, number in told.items() if name[0] == "kiosk_registrations") == 1
    person = invented_line(0).profile
    for canary in (person.insz.digits, person.name, invented_card(0).identifier.hex()):
        assert canary.lower() not in text.lower()


@pytest.mark.parametrize("address", ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "kiosk.example:9464"])
def test_metrics_are_told_to_nobody_beyond_this_machine(tmp_path: Path, address: str) -> None:
    """There is no login, so an address that others reach is a mistake of the configuration."""
    found = complaints(tmp_path, change(("[store]", f'[metrics]\nlisten = "{address}"\n\n[store]')))
    assert len(found) == 1
    assert found[0].startswith("metrics.listen: is no address of this machine alone")


def test_a_caller_who_sends_a_letter_now_and_then_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time for a request is counted in all, not anew with each letter."""
    monkeypatch.setattr(metrics_server, "_PATIENCE_SECONDS", 0.3)

    def send(slow: socket.socket) -> bool:
        try:
            slow.sendall(b"x")
        except OSError:
            return True
        return False

    with serving(local()) as port, socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        until(lambda: send(slow), "he was never let go")
