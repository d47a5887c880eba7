"""Assertion and token against authlib, which knows neither the kiosk nor its double: so that both can't be wrong together."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey, RSAKey

from kiosk.client import Client
from kiosk.contract import ServiceSettings
from kiosk.model import ClockReading
from kiosk.simulator import Simulator
from kiosk.verdicts import Answered, Misconfigured
from tests.answers import registrations
from tests.authlib_server import Key, Peer
from tests.strangers import CLIENT, item, public_pem, trust
from tests.tls_server import REGISTER_PATH, TOKEN_PATH, Authority, ScriptedServer, reply

with warnings.catch_warnings():
    # Authlib would rather have a successor of httpx, which this program does not use.
    warnings.filterwarnings("ignore", message="The httpx module is deprecated")
    from authlib.integrations.httpx_client import OAuth2Client

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
MAKE: dict[str, Callable[[], Private]] = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=3072),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
}
CREATED = {"items": [{"createdPresenceRegistration": {"id": 7, "validity": "pending", "remarks": []}}]}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Path:
    return authority.leaf("good")


@pytest.fixture(scope="module", params=MAKE)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def private(algorithm: str) -> Private:
    return MAKE[algorithm]()


def pem(key: Private) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def imported(key: Private, *, public: bool = False) -> Key:
    text = public_pem(key) if public else pem(key)
    return RSAKey.import_key(text) if isinstance(key, rsa.RSAPrivateKey) else ECKey.import_key(text)


def clock(ahead_seconds: float = 0) -> Callable[[], ClockReading]:
    return lambda: ClockReading(
        wall_ms=time.time_ns() // 1_000_000 + round(ahead_seconds * 1000),
        boot_ns=time.monotonic_ns(),
        boot_id="boot",
        trusted=True,
        source="assume",
        bound_ms=0,
    )


# The kiosk's client at authlib's endpoint


@pytest.fixture
def peer(private: Private, algorithm: str) -> Peer:
    return Peer(client_id=CLIENT, key=imported(private, public=True), algorithm=algorithm)


@pytest.fixture
def server(leaf: Path, peer: Peer) -> Iterator[ScriptedServer]:
    routes = {TOKEN_PATH: [peer.token_endpoint()], REGISTER_PATH: [peer.guarded(reply(200, CREATED))]}
    with ScriptedServer(leaf, routes) as server:
        peer.audience = server.url + TOKEN_PATH
        yield server


@pytest.fixture
def settings(server: ScriptedServer, authority: Authority, private: Private, tmp_path: Path) -> ServiceSettings:
    key = tmp_path / "client.key.pem"
    key.write_bytes(pem(private))
    return ServiceSettings(
        api_url=server.url + "/api",
        token_url=server.url + TOKEN_PATH,
        client_id=CLIENT,
        private_key=key,
        ca_file=authority.ca_file,
    )


@pytest.fixture
def call(settings: ServiceSettings) -> Iterator[Callable[..., Client]]:
    opened: list[Client] = []

    def start(*, ahead_seconds: float = 0, **changes: Any) -> Client:
        opened.append(Client(replace(settings, **changes), clock(ahead_seconds)))
        return opened[-1]

    yield start
    for client in opened:
        client.close()


def test_the_kiosk_gets_a_token_from_a_stranger(peer: Peer, call: Callable[..., Client], server: ScriptedServer) -> None:
    """An implementation that knows nothing of this program takes the assertion and then the token, for every algorithm."""
    client = call()
    assert client.token() is None, peer.errors
    assert isinstance(client.register(registrations(1)), Answered)
    (request,) = server.seen(REGISTER_PATH)
    assert request.headers["authorization"] == f"Bearer {peer.tokens[0]}"


def test_no_assertion_is_used_twice(peer: Peer, call: Callable[..., Client]) -> None:
    """A token that is not taken is renewed with an assertion of its own, which a server that refuses replays takes."""
    client = call()
    assert client.token() is None
    peer.tokens.clear()
    assert isinstance(client.register(registrations(1)), Answered), peer.errors
    assert len(peer.jtis) == 2


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda peer, _: setattr(peer, "audience", "https://elsewhere.invalid/token"), "aud"),
        (lambda peer, make: setattr(peer, "key", imported(make(), public=True)), "signature"),
        (lambda peer, _: setattr(peer, "client_id", "self_service_expeditor_2"), "does not exist"),
    ],
    ids=["another audience", "another key", "an unknown client"],
)
def test_a_stranger_refuses_what_is_wrong(
    peer: Peer, algorithm: str, call: Callable[..., Client], spoil: Callable[[Peer, Callable[[], Private]], None], why: str
) -> None:
    """Another audience, key or client is refused by a stranger's rules, and told as a fault of configuration."""
    client = call()
    spoil(peer, MAKE[algorithm])
    assert isinstance(client.token(), Misconfigured)
    assert [(error, why in description.lower()) for error, description in peer.errors] == [("invalid_client", True)], peer.errors


@pytest.mark.parametrize("ahead_seconds", [-3600, 3600], ids=["behind", "ahead"])
def test_a_stranger_refuses_a_clock_that_is_off(peer: Peer, call: Callable[..., Client], ahead_seconds: float) -> None:
    """An assertion that has expired, or is from tomorrow, is refused: a box whose clock is off an hour can't log in."""
    assert isinstance(call(ahead_seconds=ahead_seconds).token(), Misconfigured)
    assert [error for error, _ in peer.errors] == ["invalid_client"]


# Authlib's client at the double


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    with Simulator(tmp_path / "double") as simulator:
        yield simulator


def stranger(simulator: Simulator, key: Private, algorithm: str, **claims: object) -> Any:
    # Authlib asks for an hour unless told otherwise; the double takes five minutes at most, as its document says.
    method = PrivateKeyJWT(simulator.token_url, claims={"exp": round(time.time()) + 290, **claims}, alg=algorithm)
    client = OAuth2Client(
        client_id=CLIENT, client_secret=imported(key), token_endpoint_auth_method=method.name, verify=trust(simulator)
    )
    client.register_client_auth_method(method)
    return client


def test_a_stranger_gets_a_token_from_the_double(simulator: Simulator, private: Private, algorithm: str) -> None:
    """A client that knows nothing of this program logs in at the double and registers, for every algorithm."""
    simulator.add_client(CLIENT, public_pem(private))
    with stranger(simulator, private, algorithm) as client:
        token = client.fetch_token(simulator.token_url, grant_type="client_credentials")
        assert (token["token_type"], token["expires_in"]) == ("Bearer", 600)
        answer = client.post(f"{simulator.api_url}/presenceRegistrations/registerInBulk", json={"items": [item()]})
    assert answer.status_code == 200
    assert [row.client_id for row in simulator.ledger.rows()] == [CLIENT]


@pytest.mark.parametrize("claims", [{"exp": 1_700_000_000}, {"aud": "https://elsewhere.invalid/token"}, {"exp": 4_000_000_000}])
def test_the_double_refuses_a_strangers_mistake(
    simulator: Simulator, private: Private, algorithm: str, claims: dict[str, object]
) -> None:
    """An expired assertion, one for another server and one that lasts for years buy no token."""
    simulator.add_client(CLIENT, public_pem(private))
    with stranger(simulator, private, algorithm, **claims) as client, pytest.raises(Exception, match="invalid_client"):
        client.fetch_token(simulator.token_url, grant_type="client_credentials")
