"""The network between the real daemon and the service over true TLS, failing as networks do; and coming back.

In each weather people go on tapping, the box says how it stands, nothing is lost or doubled, and it ends by itself: after the wait
that had begun, the first connection gets through.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from kiosk.simulator.exchange import TOKEN_PATH
from kiosk.simulator.service import API_PATH
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import invented_card, invented_line
from tests.road import FAIR, Road, Weather
from tests.sites import assert_each_once, book, until
from tests.tls_server import Authority, Behaviour, ScriptedServer, reply

_PEOPLE = 250
#: Every wait is at most this long, so that what is printed in seconds is also counted in waits.
_CAP = 1
_SERVICE = (
    f"settle_seconds = 1\nbackoff_cap_seconds = {_CAP}\nconnect_cap_seconds = {_CAP}\nstart_jitter_seconds = 0\n"
    f"probe_seconds = {_CAP}\ntimeout_seconds = "
)
#: Seconds of a call: no machine is so busy that a call in fair weather needs the one; in the other weather must outlast it.
_PATIENT, _HASTY = 30, 2
#: After the return: a call of each kind (token, registration, search), and one each that was about to begin before it.
_MOST_CONNECTIONS = 6
_PATHS = (TOKEN_PATH, *(f"{API_PATH}/{path}" for path in ("presenceRegistrations/registerInBulk", "presenceRegistrations/search")))
_PAGE = b"<html><title>Welcome to the site's wireless network</title></html>"


@dataclass
class Place:
    """One box, the service, the road between them and the authority of whoever may stand in between."""

    box: Box
    simulator: Simulator
    road: Road
    authority: Authority
    stranger: Authority
    names: Path
    people: Iterator[int]
    patient: bool

    def tap(self, count: int = 1) -> list[bool]:
        """Let people tap who have not yet; whether each was told that it is sent later."""
        answers = [self.box.tap(invented_card(next(self.people))) for _ in range(count)]
        assert all(answer["signal"] == "in" for answer in answers)
        return [answer["offline"] for answer in answers]

    def contact(self) -> Mapping[str, str]:
        contact: Mapping[str, str] = self.box.status()["service"]
        return contact

    def usual(self) -> tuple[int, int]:
        """The bytes of a connection that carries one registration: to the service and from it."""
        self.road.change(FAIR)
        self.tap()
        self.box.settle()
        (there, back) = self.road.passed[-1]
        return there, back

    @contextmanager
    def server(self, leaf: Path, behaviour: Behaviour) -> Iterator[Weather]:
        """Weather in which another server answers everything in its own way."""
        with ScriptedServer(leaf, {path: [behaviour] for path in _PATHS}) as server:
            yield Weather(to=server.port)


def _site(folder: Path, simulator: Simulator, road: Road, timeout: int, **environ: str) -> Place:
    """A box that reaches the service by the name localhost and over the road, or through it as its proxy."""
    authority, stranger = Authority(folder, "between"), Authority(folder, "stranger")
    service = simulator.root_url.rpartition(":")[2]
    simulator.authority.audience = f"https://localhost:{service if road.connect else road.entry}{TOKEN_PATH}"
    box = Box(folder, simulator, service=f"{_SERVICE}{timeout}\n", environ=environ)
    box.provision()
    trusted = folder / "trusted.pem"
    trusted.write_bytes(simulator.ca_file.read_bytes() + authority.ca_file.read_bytes())
    text = box.config.read_text().replace(str(simulator.ca_file), str(trusted))
    text = text.replace(f"127.0.0.1:{service}", simulator.authority.audience.split("/")[2])
    box.config.write_text(text)
    names = folder / "names"
    names.write_text("well")
    box.enrol([invented_line(number) for number in range(_PEOPLE)])
    return Place(box, simulator, road, authority, stranger, names, iter(range(_PEOPLE)), timeout == _PATIENT)


@pytest.fixture(scope="module")
def lookup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library before libc's name lookup: a resolver that fails or hangs needs root's resolv.conf, or this."""
    if shutil.which("gcc") is None:
        pytest.skip("there is no C compiler to build the resolver with")
    library = tmp_path_factory.mktemp("lookup") / "name_lookup.so"
    source = Path(__file__).parent / "name_lookup.c"
    subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


@contextmanager
def _running(folder: Path, lookup: Path, timeout: int) -> Iterator[Place]:
    with Simulator(folder / "service") as simulator, Road(int(simulator.root_url.rpartition(":")[2])) as road:
        environ = {"LD_PRELOAD": str(lookup), "NAME_LOOKUP": str(folder / "names"), "NO_PROXY": "*"}
        site = _site(folder, simulator, road, timeout, **environ)
        with site.box:
            site.box.start()
            site.tap()
            site.box.settle()
            yield site


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, lookup: Path) -> Iterator[Place]:
    """One box for all weathers: what one leaves behind, the next one meets."""
    with _running(tmp_path_factory.mktemp("place"), lookup, _PATIENT) as site:
        yield site


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory, lookup: Path) -> Iterator[Place]:
    """A box that gives a call little time, for the weathers that only this ends."""
    with _running(tmp_path_factory.mktemp("hasty"), lookup, _HASTY) as site:
        yield site


def _weather_passes(place: Place, weather: Weather, state: str, words: Sequence[str]) -> None:
    """Tap into it, look at what is said of it, tap on, let it pass, and see everything arrive once."""
    place.road.change(weather)
    place.tap()
    said = _is_said(place, state, words)
    assert place.tap(2) == [True, True]
    place.road.change(FAIR)
    _comes_back(place, said)


def _is_said(place: Place, state: str, words: Sequence[str]) -> str:
    seen: list[str] = []

    def is_said() -> bool:
        contact = place.contact()
        seen.append(f"{contact['state']}: {contact['last_error']}")
        return contact["state"] == state and any(word in seen[-1] for word in words)

    until(is_said, f"none of {words} was said", seconds=60)
    return seen[-1]


def _comes_back(place: Place, said: str) -> None:
    """See all of it at the service once, and the box be up again with the next tap."""
    began = time.monotonic()
    place.box.settle(seconds=90)
    waited, connections = time.monotonic() - began, len(place.road.passed)
    # A lost answer that a search has found says nothing yet of whether registrations are taken: the next one does.
    place.tap()
    place.box.settle()
    until(lambda: place.contact()["state"] == "up", "the service is not up again")
    assert place.tap() == [False]
    place.box.settle()
    rows = book(place.box)
    print(f"{said}: {len(rows)} taps; all there {waited / _CAP:.1f} waits and {connections} connections after its end")  # noqa: T201  the figures of this run
    assert all(row["state"] == "accepted" for row in rows)
    assert_each_once(place.simulator, rows)
    if place.patient:
        assert connections <= _MOST_CONNECTIONS


def test_the_road_is_slow(place: Place) -> None:
    """A satellite's latency on every piece costs time and nothing else: the box is up all the while."""
    place.road.change(Weather(latency=0.08))
    place.tap(3)
    place.box.settle()
    assert place.contact()["state"] == "up"
    assert_each_once(place.simulator, book(place.box))


_SHARES = [0, *(pytest.param(share, marks=pytest.mark.long) for share in (0.01, 0.2, 0.4, 0.6, 0.8)), 0.5, 0.95]


@pytest.mark.parametrize("share", _SHARES)
def test_a_request_is_cut(place: Place, share: float) -> None:
    """After a share of the bytes to the service, in the handshake or in the registration's head or body."""
    weather = Weather(request_bytes=int(place.usual()[0] * share))
    _weather_passes(place, weather, "down", ["cut", "no connection", "HTTP"])


@pytest.mark.parametrize("share", _SHARES)
def test_an_answer_is_cut(place: Place, share: float) -> None:
    """After a share of the bytes from the service, likewise: it took what the box must look up."""
    weather = Weather(answer_bytes=int(place.usual()[1] * share))
    _weather_passes(place, weather, "down", ["cut", "no connection", "HTTP"])


@pytest.mark.parametrize("share", [pytest.param(0, marks=pytest.mark.long), 0.9])
def test_an_answer_drips(hasty: Place, share: float) -> None:
    """Byte by byte past the deadline, which is of the whole call: no byte that comes puts it off."""
    weather = Weather(drip=0.2, drip_after=int(hasty.usual()[1] * share))
    _weather_passes(hasty, weather, "down", [f"within {_HASTY} seconds", "in time"])


def test_nobody_answers(hasty: Place) -> None:
    """A firewall that drops what comes: the call ends at its deadline."""
    _weather_passes(hasty, Weather(silent=True), "down", [f"within {_HASTY} seconds", "in time"])


@pytest.mark.parametrize("weather", [Weather(reset=True), Weather(to=1)], ids=["reset", "nobody behind it"])
def test_nobody_takes_the_call(place: Place, weather: Weather) -> None:
    """A reset, or a host that is not there: the registration is put back as it was."""
    _weather_passes(place, weather, "down", ["no connection"])


def test_the_name_is_not_found(place: Place) -> None:
    """No answer from any name server is said, and ends by itself."""
    place.road.change(FAIR)
    place.names.write_text("fail")
    try:
        place.tap()
        said = _is_said(place, "down", ["no connection"])
        assert place.tap(2) == [True, True]
    finally:
        place.names.write_text("well")
    _comes_back(place, said)


def test_the_lookup_of_the_name_has_no_end(hasty: Place) -> None:
    """Taps, status and the end of the daemon wait for no resolver that hangs, and a new daemon starts in spite of it."""
    hasty.road.change(FAIR)
    hasty.names.write_text("hang")
    try:
        hasty.tap()
        said = _is_said(hasty, "down", [""])
        assert hasty.tap(2) == [True, True]
        assert hasty.box.stop() == 0
        hasty.box.start()
        hasty.tap()
    finally:
        hasty.names.write_text("well")
    _comes_back(hasty, said)


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        ("expired", "down", ["expired"]),
        ("not yet valid", "down", ["not yet valid"]),
        ("another authority", "down", ["unable to get local issuer", "self-signed", "self signed"]),
        ("another name", "down", ["mismatch"]),
    ],
)
def test_a_certificate_is_not_accepted(place: Place, name: str, state: str, words: Sequence[str]) -> None:
    """Expired, not begun, of another authority in mid-run, of another name: nothing is said to such a server, and why is."""
    between = place.authority
    leaf = {
        "expired": lambda: between.leaf("expired", host="localhost", days=(-9, -2)),
        "not yet valid": lambda: between.leaf("early", host="localhost", days=(2, 9)),
        "another authority": lambda: place.stranger.leaf("strange", host="localhost"),
        "another name": lambda: between.leaf("elsewhere", host="elsewhere.test"),
    }[name]()
    with place.server(leaf, reply(200, {})) as weather:
        _weather_passes(place, weather, state, words)


@pytest.mark.parametrize(
    ("name", "behaviour", "word"),
    [
        ("a page", reply(200, _PAGE, kind="text/html"), "(200)"),
        ("a redirect", reply(302, headers={"Location": "http://login.test/"}), "302"),
        ("511", reply(511, _PAGE, kind="text/html"), "511"),
    ],
)
def test_a_portal_answers(place: Place, name: str, behaviour: Behaviour, word: str) -> None:
    """A page, a redirect or 511 in place of the service, under a certificate that is trusted: nothing counts as sent."""
    with place.server(place.authority.leaf(name, host="localhost"), behaviour) as weather:
        _weather_passes(place, weather, "down", [word, "portal"])


def test_a_portal_that_is_not_trusted_answers(place: Place) -> None:
    """The usual portal shows its own certificate: it gets nothing to read."""
    leaf = place.stranger.leaf("portal", host="localhost")
    with place.server(leaf, reply(200, _PAGE, kind="text/html")) as weather:
        _weather_passes(place, weather, "down", ["certificate"])


def test_a_proxy_is_required(tmp_path: Path) -> None:
    """HTTPS_PROXY leads through it, 407 is a fault of the configuration that says what to do, and both end by themselves."""
    with Simulator(tmp_path / "service") as simulator:
        port = int(simulator.root_url.rpartition(":")[2])
        with Road(port, connect=True) as proxy:
            # Without the capital letters a proxy of the machine's own would win.
            environ = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), f"http://127.0.0.1:{proxy.entry}")
            place = _site(tmp_path, simulator, proxy, _PATIENT, **environ, NO_PROXY="", no_proxy="")
            with place.box:
                place.box.start()
                place.tap()
                place.box.settle()
                assert set(proxy.connects) == {f"localhost:{port}"}
                _weather_passes(place, Weather(login=True), "config_fault", ["login"])
                _weather_passes(place, Weather(reset=True), "down", ["no connection", "proxy"])
