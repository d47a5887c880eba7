from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from kiosk import exchange
from kiosk.anchors import Anchor
from kiosk.exchange import AMBIGUOUS, NOT_SENT, Exchange, Outcome, Reply
from kiosk.problems import IN_ITS_PLACE
from kiosk.verdicts import Ambiguous, Misconfigured, NotSent
from tests.tls_server import Authority, Behaviour, Line, Request, ScriptedServer, cut, drip, hang, raw, reply

PATH = "/x"
BODY = b'{"sent":1}'


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Path:
    return authority.leaf("good")


Serve = Callable[..., tuple[ScriptedServer, Exchange]]


@pytest.fixture
def serve(authority: Authority, leaf: Path) -> Iterator[Serve]:
    opened: list[tuple[ScriptedServer, Exchange]] = []

    def start(
        *behaviours: Behaviour, timeout: float = 5, certificate: Path = leaf, greet: Callable[[Line], bool] | None = None
    ) -> tuple[ScriptedServer, Exchange]:
        server = ScriptedServer(certificate, {PATH: behaviours}, greet=greet)
        opened.append((server, Exchange(ca_file=authority.ca_file, timeout_seconds=timeout)))
        return opened[-1]

    yield start
    for server, client in opened:
        client.close()
        server.__exit__(None, None, None)


def post(client: Exchange, server: ScriptedServer, path: str = PATH) -> Outcome:
    return client.post(server.url + path, headers={"X-Mine": "1"}, body=BODY)


def leaves(kind: type[httpx.RequestError]) -> Iterator[type[httpx.RequestError]]:
    if not kind.__subclasses__():
        yield kind
    for each in kind.__subclasses__():
        yield from leaves(each)


def test_every_exception_of_httpx_has_its_place() -> None:
    """Each kind of RequestError is either not sent or ambiguous, never both, never neither."""
    assert sorted(each.__name__ for each in leaves(httpx.RequestError)) == sorted(each.__name__ for each in [*NOT_SENT, *AMBIGUOUS])


@pytest.mark.parametrize("kind", [*NOT_SENT, *AMBIGUOUS, OSError, RuntimeError])
def test_every_exception_becomes_its_outcome(kind: type[Exception]) -> None:
    """An exception after the request began is ambiguous unless it says that nothing was sent; unknown ones are ambiguous."""
    flight = exchange._Flight()
    flight.trace("http11.send_request_headers.started", {"request": httpx.Request("POST", "https://host")})
    outcome = flight.translate(kind("words of a server"))
    assert isinstance(outcome, NotSent if kind in NOT_SENT else Ambiguous)
    assert isinstance(outcome, NotSent) or "words of a server" not in outcome.why


def test_an_answer_arrives_whole(serve: Serve) -> None:
    """Status, headers and body come back; the request went out once, uncompressed, with its own headers."""
    server, client = serve(reply(299, b"abc", headers={"X-Theirs": "2"}))
    outcome = post(client, server)
    assert isinstance(outcome, Reply)
    assert (outcome.status, outcome.body, outcome.headers["x-theirs"]) == (299, b"abc", "2")
    assert "abc" not in repr(outcome)
    (request,) = server.requests
    assert (request.body, request.headers["x-mine"], request.headers["accept-encoding"]) == (BODY, "1", "identity")


def test_a_connection_is_used_again(serve: Serve) -> None:
    """Calls shortly after one another share a connection."""
    server, client = serve(reply(200, b"{}", keep=True))
    assert all(isinstance(post(client, server), Reply) for _ in range(3))
    assert server.connections == 1


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    """A redirect is an answer like any other: nothing goes elsewhere."""
    server, client = serve(reply(307, b"", headers={"Location": "/token"}))
    outcome = post(client, server)
    assert isinstance(outcome, Reply)
    assert outcome.status == 307
    assert [request.path for request in server.requests] == [PATH]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize(
    "behaviour",
    [
        cut,
        raw(b"\x00garbage\r\n\r\n"),
        raw(HEAD + b"{"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
        reply(200, b"x" * (4 * 1024 * 1024 + 1)),
    ],
    ids=["cut", "garbage", "short body", "short head", "over the cap"],
)
def test_a_spoilt_answer_is_ambiguous(serve: Serve, behaviour: Behaviour) -> None:
    """Cut, garbage, half an answer or more than 4 MiB: the request may have been carried out."""
    server, client = serve(behaviour)
    assert isinstance(post(client, server), Ambiguous)
    assert len(server.requests) == 1


def test_the_cap_itself_is_still_read(serve: Serve) -> None:
    """An answer of exactly 4 MiB is read whole."""
    server, client = serve(reply(200, b"x" * 4 * 1024 * 1024))
    outcome = post(client, server)
    assert isinstance(outcome, Reply)
    assert len(outcome.body) == 4 * 1024 * 1024


@pytest.mark.parametrize(
    "behaviour", [hang, drip(HEAD), drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")], ids=["hang", "dripping body", "dripping head"]
)
def test_the_deadline_is_total(serve: Serve, behaviour: Behaviour) -> None:
    """Silence, a dripping body and dripping headers end at the deadline, however often a byte arrives."""
    server, client = serve(behaviour, timeout=0.5)
    begun = time.monotonic()
    outcome = post(client, server)
    assert isinstance(outcome, Ambiguous)
    assert 0.4 < time.monotonic() - begun < 3


def test_a_dripping_connection_kept_alive_is_let_go(serve: Serve) -> None:
    """The deadline also ends a drip on a connection used before, and its thread ends with it."""
    server, client = serve(reply(200, b"{}", keep=True), drip(HEAD), timeout=0.5)
    assert isinstance(post(client, server), Reply)
    assert isinstance(post(client, server), Ambiguous)
    client.close()
    assert not client._flights


def silent(line: Line) -> bool:
    line.hang()
    return False


def rude(line: Line) -> bool:
    line.send(b"HTTP/1.1 400 this is no TLS\r\n\r\n")
    return False


def test_a_handshake_that_hangs_is_not_sent(serve: Serve) -> None:
    """A server that accepts and never speaks TLS got nothing of the request."""
    server, client = serve(hang, timeout=0.5, greet=silent)
    outcome = post(client, server)
    assert isinstance(outcome, NotSent)
    assert outcome.reachable
    assert not server.requests


def test_no_tls_is_not_sent(serve: Serve) -> None:
    """What does not speak TLS gets nothing."""
    server, client = serve(hang, greet=rude)
    outcome = post(client, server)
    assert isinstance(outcome, NotSent)
    assert outcome.reachable


def test_nobody_there_is_not_sent_and_not_reachable(serve: Serve) -> None:
    """A refused connection is told apart from a server that is there: it is tried again sooner."""
    server, client = serve(cut)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    outcome = client.post(f"https://127.0.0.1:{port}/x", headers={}, body=BODY)
    assert isinstance(outcome, NotSent)
    assert not outcome.reachable
    assert "refused" in outcome.why
    assert not server.requests


@pytest.mark.parametrize(
    ("fault", "hint"),
    [
        ("wrong authority", f"see ca_file; where that is right {IN_ITS_PLACE}"),
        ("wrong host", IN_ITS_PLACE),
        ("expired", "see ca_file, and the clock of this box"),
        ("not yet valid", "see ca_file, and the clock of this box"),
    ],
)
def test_a_certificate_that_does_not_fit_is_not_sent(
    serve: Serve, authority: Authority, tmp_path: Path, fault: str, hint: str
) -> None:
    """Nothing is sent to a server whose certificate is not accepted; the reason names the certificate, and what to look at."""
    certificate = {
        "wrong authority": lambda: Authority(tmp_path, "stranger").leaf("good"),
        "wrong host": lambda: authority.leaf("elsewhere", host="example.org"),
        "expired": lambda: authority.leaf("expired", days=(-9, -2)),
        "not yet valid": lambda: authority.leaf("early", days=(2, 9)),
    }[fault]()
    server, client = serve(cut, certificate=certificate)
    outcome = post(client, server)
    assert isinstance(outcome, NotSent)
    assert "certificate" in outcome.why
    assert outcome.why.endswith(f": {hint}")
    assert not server.requests


def test_the_system_s_trust_store_is_the_default(serve: Serve, monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """Without a ca_file the system's store decides, not one that a library ships: here it is told to trust ours."""
    server, _ = serve(reply(200, b"{}"))
    strict = Exchange(ca_file=None, timeout_seconds=5)
    assert isinstance(post(strict, server), NotSent)
    strict.close()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    trusting = Exchange(ca_file=None, timeout_seconds=5)
    assert isinstance(post(trusting, server), Reply)
    trusting.close()


def test_tls_is_always_verified(serve: Serve) -> None:
    """The one context checks certificate and host name."""
    server, client = serve(reply(200, b"{}"))
    post(client, server)
    assert client._client is not None
    pool = client._client._transport._pool  # type: ignore[attr-defined]  # no public way to the context
    assert pool._ssl_context.verify_mode is ssl.CERT_REQUIRED
    assert pool._ssl_context.check_hostname


def test_abort_ends_a_hanging_call_at_once(serve: Serve) -> None:
    """SIGTERM need not wait for the deadline: a call that hangs returns as ambiguous, and later ones are not sent."""
    server, client = serve(hang, timeout=60)
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(post(client, server)))
    thread.start()
    while not server.requests:
        time.sleep(0.01)
    begun = time.monotonic()
    client.abort()
    thread.join(5)
    assert time.monotonic() - begun < 1
    assert outcomes == [Ambiguous(why="aborted: the box is stopping")]
    assert post(client, server) == NotSent(why="the box is stopping")
    assert len(server.requests) == 1


def test_abort_before_the_request_holds_it_back(serve: Serve) -> None:
    """A call aborted in its handshake is not sent, and stays so when the server speaks at last."""
    speak = threading.Event()

    def late(_line: Line) -> bool:
        return speak.wait(5)

    server, client = serve(reply(200, b"{}"), timeout=60, greet=late)
    outcomes: list[Outcome] = []
    thread = threading.Thread(target=lambda: outcomes.append(post(client, server)))
    thread.start()
    while not server.connections:
        time.sleep(0.01)
    client.abort()
    thread.join(5)
    assert isinstance(outcomes[0], NotSent)
    speak.set()
    client.close()
    assert not client._flights
    assert not server.requests


def test_the_gate_is_shut_once_given_up() -> None:
    """An exchange given up before its request began may not begin it, even if the connection could not be shut down."""
    request = {"request": httpx.Request("POST", "https://host")}
    flight = exchange._Flight()
    assert isinstance(flight.give_up("aborted"), NotSent)
    with pytest.raises(exchange._GivenUpError):
        flight.trace("http11.send_request_headers.started", request)
    begun = exchange._Flight()
    begun.trace("http11.send_request_headers.started", request)
    assert isinstance(begun.give_up("aborted"), Ambiguous)


def test_name_lookup_that_hangs_does_not_hold_the_caller(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that does not answer, as on a site without uplink, ends at the deadline, and pending threads are bounded."""
    server, client = serve(reply(200, b"{}"), timeout=0.05)
    lookup = threading.Event()
    real = socket.getaddrinfo

    def slow(*arguments: object, **more: object) -> object:
        lookup.wait(10)
        return real(*arguments, **more)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    outcomes = [post(client, server) for _ in range(10)]
    assert all(isinstance(each, NotSent) and not each.reachable for each in outcomes)
    assert len(client._flights) == 8
    lookup.set()
    client.close()
    assert not server.requests


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_bad_ca_file_is_a_configuration_fault(tmp_path: Path, content: bytes | None) -> None:
    """A ca_file that is missing or holds no certificate keeps the queue and raises the alarm."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    outcome = Exchange(ca_file=path, timeout_seconds=1).post("https://127.0.0.1:1/", headers={}, body=b"")
    assert isinstance(outcome, Misconfigured)
    assert "ca_file" in outcome.why


def test_a_bad_proxy_is_a_configuration_fault(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of a kind that is not supported is told, not raised."""
    server, client = serve(cut)
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy")
    assert isinstance(post(client, server), Misconfigured)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 Login\r\n\r\n", b"HTTP/1.1 502 No\r\n\r\n", b"", b"rubbish\r\n\r\n"])
def test_the_environment_s_proxy_is_used(serve: Serve, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    """A proxy that refuses the tunnel got nothing of ours; one that asks for a login is a configuration fault."""
    server, client = serve(cut)
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            link, _ = listener.accept()
            with link:
                asked.append(link.recv(4096))
                link.sendall(answer)

        thread = threading.Thread(target=refuse)
        thread.start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        outcome = post(client, server)
        thread.join(5)
    assert asked[0].startswith(b"CONNECT 127.0.0.1:")
    assert BODY not in asked[0]
    assert isinstance(outcome, Misconfigured if b"407" in answer else NotSent)
    assert not server.requests


def test_concurrent_calls_do_not_disturb_each_other(serve: Serve) -> None:
    """One call that meets its deadline leaves another one of the same client alone."""
    over = threading.Event()

    def patient(line: Line, request: Request) -> bool | None:
        over.wait(5)
        return reply(200, b"late")(line, request)

    server, client = serve(hang, patient, timeout=1)
    outcomes: list[Outcome] = []
    first = threading.Thread(target=lambda: outcomes.append(post(client, server)))
    second = threading.Thread(target=lambda: outcomes.append(post(client, server)))
    first.start()
    time.sleep(0.5)
    second.start()
    first.join(5)
    over.set()
    second.join(5)
    assert [type(each) for each in outcomes] == [Ambiguous, Reply]


def test_close_may_be_called_twice(serve: Serve) -> None:
    """Closing again is no error, also when nothing was ever sent."""
    server, client = serve(reply(200, b"{}"))
    post(client, server)
    client.close()
    client.close()
    Exchange(ca_file=None, timeout_seconds=1).close()
    assert isinstance(post(client, server), NotSent)


def test_an_address_that_can_not_be_called_is_a_fault_of_configuration() -> None:
    """What only the HTTP library refuses ends no thread: the queue is kept and the fault is told."""
    caller = Exchange(ca_file=None, timeout_seconds=1)
    assert isinstance(caller.post("https://999.1.1.1/x", headers={}, body=b""), Misconfigured)
    caller.close()


def test_every_answer_tells_the_time(authority: Authority, leaf: Path) -> None:
    """Whatever its status, by its date and the boot clock when it was here; one out of a cache, or without a date, does not."""
    told: list[Anchor] = []
    date = "Mon, 02 Nov 2026 07:00:00 GMT"
    answers = [
        reply(200, b"", headers={"Date": date}),
        reply(503, b"", headers={"Date": date}),
        reply(200, b"", headers={"Date": date, "Age": "5"}),
        reply(200, b""),
    ]
    before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    client = Exchange(ca_file=authority.ca_file, timeout_seconds=5, noted=told.append)
    with ScriptedServer(leaf, {PATH: answers}) as server:
        for _ in answers:
            assert isinstance(post(client, server), Reply)
    client.close()
    assert [each.source for each in told] == ["service", "service"]
    for each in told:
        assert 1000 <= each.bound_ms < 6000
        assert abs(each.wall_ms - 1_793_602_800_000) <= each.bound_ms
        assert before_ns < each.boot_ns < time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_an_answer_in_clear_tells_no_time(authority: Authority) -> None:
    """Anybody on the way could have written it: only verified TLS is the service's word."""
    told: list[Anchor] = []
    client = Exchange(ca_file=authority.ca_file, timeout_seconds=5, noted=told.append)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            with line:
                line.recv(4096)
                line.sendall(b"HTTP/1.1 200 OK\r\nDate: Mon, 02 Nov 2026 07:00:00 GMT\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert isinstance(client.get(f"http://127.0.0.1:{server.getsockname()[1]}/", headers={}), Reply)
        thread.join()
    client.close()
    assert told == []
