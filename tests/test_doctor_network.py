from __future__ import annotations

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.check import Finding, Grade
from kiosk.contract import ServiceSettings
from kiosk.doctor.network import Target, goes_by_proxy, handshake, lookup, targets, way
from tests.tls_server import Authority, ScriptedServer

SECONDS = 5.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def look(server: ScriptedServer, ca_file: Path | None, *, seconds: float = SECONDS) -> Finding:
    target = Target(purpose="API", host="127.0.0.1", port=server.port)
    return handshake(target, ca_file=ca_file, seconds=seconds, now=datetime.now(UTC))


def settings(folder: Path, api: str, token: str) -> ServiceSettings:
    return ServiceSettings(api_url=api, token_url=token, client_id="box", private_key=folder / "key.pem")


def test_each_host_is_looked_at_once(tmp_path: Path) -> None:
    """API and token may lie on one host or on two, on usual ports or others."""
    two = targets(settings(tmp_path, "https://sim.test/api", "https://real.test:8443/token"))
    assert two == [Target(purpose="API", host="sim.test", port=443), Target(purpose="token", host="real.test", port=8443)]
    (one,) = targets(settings(tmp_path, "https://real.test/api", "https://real.test:443/token"))
    assert one == Target(purpose="API and token", host="real.test", port=443)


def test_a_trusted_certificate_is_told_with_its_issuer(authority: Authority) -> None:
    """Whose it is, who issued it and how long it lasts: an admin sees at once whose TLS this is."""
    with ScriptedServer(authority.leaf("service")) as server:
        found = look(server, authority.ca_file)
    assert found.grade is Grade.OK
    assert found.told == "certificate of service, issued by invented authority, 29 days left"


def test_an_intercepted_connection_names_who_opened_it(authority: Authority, tmp_path: Path) -> None:
    """A certificate of another issuer is red, with that issuer's name: a firewall that opens TLS gives itself away."""
    firewall = Authority(tmp_path, "firewall")
    with ScriptedServer(firewall.leaf("service")) as server:
        found = look(server, authority.ca_file)
        system = look(server, None)
    assert (found.grade, system.grade) == (Grade.WRONG, Grade.WRONG)
    assert "issued by invented firewall" in found.told
    assert "ca_file in [service]" in (found.repair or "")
    assert "the system's trust store" in (system.repair or "")
    assert server.requests == []


def test_an_authority_that_was_added_to_this_machine_gives_interception_away(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A firewall that opens TLS is trusted once its authority is installed: that is told as advice, with its name."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    added, elsewhere = tmp_path / "added", tmp_path / "elsewhere"
    for folder, made in ((added, authority), (elsewhere, Authority(tmp_path, "another"))):
        (folder / "our own").mkdir(parents=True)
        (folder / "our own" / "ca.crt").write_bytes(made.ca_file.read_bytes())
        (folder / "broken.crt").write_text("nothing", encoding="ascii")
    (tmp_path / "empty").mkdir()
    with ScriptedServer(authority.leaf("service")) as server:
        target = Target(purpose="API", host="127.0.0.1", port=server.port)

        def found(local: Path, ca_file: Path | None = None) -> Finding:
            return handshake(target, ca_file=ca_file, seconds=SECONDS, now=datetime.now(UTC), local=local)

        opened = found(added)
        assert (opened.grade, "issued by invented authority" in opened.told) == (Grade.ADVICE, True)
        assert found(elsewhere).grade is Grade.OK
        assert found(tmp_path / "empty").grade is Grade.OK
        assert found(added, authority.ca_file).grade is Grade.OK, "named on purpose"


@pytest.mark.parametrize("days", [(-30, -1), (1, 30)])
def test_a_certificate_out_of_its_time_points_at_the_clock(authority: Authority, days: tuple[int, int]) -> None:
    """Most often not the server is late but this box."""
    with ScriptedServer(authority.leaf("service", days=days)) as server:
        found = look(server, authority.ca_file)
    assert found.grade is Grade.WRONG
    assert "clock" in (found.repair or "")


def test_a_certificate_for_another_name_is_red(authority: Authority) -> None:
    """A trusted issuer is not enough."""
    with ScriptedServer(authority.leaf("other", host="other.test")) as server:
        found = look(server, authority.ca_file)
    assert (found.grade, "certificate of other" in found.told) == (Grade.WRONG, True)


def test_a_certificate_that_is_not_shown_twice_is_told_all_the_same(authority: Authority, tmp_path: Path) -> None:
    """A server that closes after the refusal keeps its issuer for itself; the refusal stands."""
    connections = iter([True])
    leaf = Authority(tmp_path, "firewall").leaf("service")
    with ScriptedServer(leaf, greet=lambda _: next(connections, False)) as server:
        found = look(server, authority.ca_file)
    assert found.told.startswith("the certificate that is not seen twice is not trusted")


def test_no_connection_is_red_with_the_port_to_open(authority: Authority) -> None:
    """Nobody listens, or the firewall drops it."""
    with ScriptedServer(authority.leaf("service")) as server:
        port = server.port
    found = handshake(Target(purpose="API", host="127.0.0.1", port=port), ca_file=None, seconds=SECONDS, now=datetime.now(UTC))
    assert (found.grade, "Connection refused" in found.told) == (Grade.WRONG, True)
    assert f"TCP {port}" in (found.repair or "")


def test_a_server_that_never_answers_is_given_up(authority: Authority) -> None:
    """It connects and stays silent: told within the time that was given."""
    silent = threading.Event()
    with ScriptedServer(authority.leaf("service"), greet=lambda _: not silent.wait(SECONDS)) as server:
        found = look(server, authority.ca_file, seconds=0.2)
        silent.set()
    assert (found.grade, "no answer in time" in found.told or "timed out" in found.told) == (Grade.WRONG, True)


def test_a_host_without_tls_is_red() -> None:
    """A login page on the port answers in clear."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            link, _ = listener.accept()
            with link:
                link.recv(1024)
                link.sendall(b"HTTP/1.1 200 Here you log in\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        found = handshake(Target(purpose="API", host="127.0.0.1", port=port), ca_file=None, seconds=SECONDS, now=datetime.now(UTC))
        thread.join()
    assert (found.grade, "speaks no TLS" in found.told) == (Grade.WRONG, True)


def test_a_ca_file_that_is_none_is_told(tmp_path: Path) -> None:
    """Before any connection, with its key."""
    (tmp_path / "ca.pem").write_text("nothing", encoding="ascii")
    target = Target(purpose="API", host="127.0.0.1", port=1)
    found = handshake(target, ca_file=tmp_path / "ca.pem", seconds=SECONDS, now=datetime.now(UTC))
    assert (found.grade, "ca_file in [service]" in (found.repair or "")) == (Grade.WRONG, True)


def test_a_name_is_looked_up() -> None:
    """With its addresses, each once; one that is not found says so."""
    target = Target(purpose="token", host="localhost", port=443)
    assert "127.0.0.1" in lookup(target).told

    def fails(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    found = lookup(target, fails)
    assert (found.grade, found.told) == (Grade.WRONG, "localhost is not found: Name or service not known")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_what_the_proxy_does_is_not_done_here(no_proxies: pytest.MonkeyPatch, authority: Authority) -> None:
    """Through a proxy neither name nor TLS are looked at; what no_proxy leaves out is, and so is all without one."""
    now = datetime.now(UTC)
    with ScriptedServer(authority.leaf("service")) as server:
        target = Target(purpose="API", host="127.0.0.1", port=server.port)

        def found() -> list[str]:
            return [each.subject for each in way(target, ca_file=authority.ca_file, seconds=SECONDS, now=now)]

        assert found() == ["name of the API", "TLS of the API"]
        no_proxies.setenv("https_proxy", "http://proxy.test:3128")
        assert goes_by_proxy("127.0.0.1")
        assert found() == ["way to the API"]
        no_proxies.setenv("no_proxy", "127.0.0.1")
        assert found() == ["name of the API", "TLS of the API"]


def test_without_a_name_nothing_is_connected(no_proxies: pytest.MonkeyPatch) -> None:
    """A host that is not found is told once."""
    target = Target(purpose="API", host="no.such.invalid", port=443)
    (only,) = way(target, ca_file=None, seconds=SECONDS, now=datetime.now(UTC))
    assert only.grade is Grade.WRONG
