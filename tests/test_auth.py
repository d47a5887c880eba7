from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from kiosk.auth import Token, TokenSource, load_private_key
from kiosk.contract import ServiceSettings
from kiosk.contract_calls import AUTHORISATION
from kiosk.errors import UsageError
from kiosk.exchange import Exchange
from kiosk.model import ClockReading
from kiosk.verdicts import Misconfigured, NotSent
from tests.tls_server import TOKEN_ANSWER, TOKEN_PATH, Authority, Behaviour, ScriptedServer, cut, hang, reply

WALL_MS = 1_795_330_865_999
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.boot_seconds = 1000.0
        self.trusted = True

    def __call__(self) -> ClockReading:
        return ClockReading(
            wall_ms=WALL_MS,
            boot_ns=round(self.boot_seconds * 1e9),
            boot_id="boot",
            trusted=self.trusted,
            source="assume",
            bound_ms=0,
        )


def write_key(path: Path, key: Private, passphrase: bytes | None = None) -> Path:
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return path


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def leaf(authority: Authority) -> Path:
    return authority.leaf("good")


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_key(tmp_path_factory.mktemp("key") / "client.key.pem", ec.generate_private_key(ec.SECP384R1()))


@pytest.fixture
def clock() -> Clock:
    return Clock()


Serve = Callable[..., tuple[ScriptedServer, TokenSource]]


@pytest.fixture
def serve(authority: Authority, leaf: Path, key_file: Path, clock: Clock) -> Iterator[Serve]:
    opened: list[tuple[ScriptedServer, Exchange]] = []

    def start(*behaviours: Behaviour, key: Path = key_file, timeout: float = 5) -> tuple[ScriptedServer, TokenSource]:
        server = ScriptedServer(leaf, {TOKEN_PATH: behaviours} if behaviours else {})
        settings = ServiceSettings(api_url=server.url, token_url=server.url + TOKEN_PATH, client_id="expeditor_1", private_key=key)
        exchange = Exchange(ca_file=authority.ca_file, timeout_seconds=timeout)
        opened.append((server, exchange))
        return server, TokenSource(settings, load_private_key(key), clock, exchange)

    yield start
    for server, exchange in opened:
        exchange.close()
        server.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (ec.generate_private_key(ec.SECP384R1()), "ES384"),
        (ec.generate_private_key(ec.SECP521R1()), "ES512"),
    ],
)
def test_the_assertion_says_what_the_token_server_wants(serve: Serve, tmp_path: Path, key: Private, algorithm: str) -> None:
    """Exactly three form fields; claims, audience and life as the contract has them; the algorithm fits the key."""
    path = write_key(tmp_path / "key.pem", key)
    server, source = serve(key=path)
    assert source.get() == Token("invented-token-0123456789")
    (request,) = server.seen(TOKEN_PATH)
    form = parse_qs(request.body.decode(), strict_parsing=True)
    assert set(form) == {"grant_type", "client_assertion_type", "client_assertion"} == set(AUTHORISATION.form)
    assert form["grant_type"] == ["client_credentials"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    (assertion,) = form["client_assertion"]
    now = WALL_MS // 1000
    claims = jwt.decode(
        assertion,
        load_private_key(path).private.public_key(),
        algorithms=[algorithm],
        audience=server.url + TOKEN_PATH,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert jwt.get_unverified_header(assertion) == {"alg": algorithm, "typ": "JWT"}
    assert set(claims) == {"iss", "sub", "aud", "jti", "iat", "exp"} == set(AUTHORISATION.claims)
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("expeditor_1", "expeditor_1", server.url + TOKEN_PATH)
    assert claims["iat"] == now - 10
    assert now < claims["exp"] <= now + 300


def test_no_two_assertions_are_the_same(serve: Serve) -> None:
    """Each assertion has its own jti, so that none is taken for a replay."""
    server, source = serve()
    for _ in range(2):
        token = source.get()
        assert isinstance(token, Token)
        source.invalidate(token)
    forms = [parse_qs(request.body.decode())["client_assertion"][0] for request in server.seen(TOKEN_PATH)]
    ids = [jwt.decode(form, options={"verify_signature": False})["jti"] for form in forms]
    assert len(set(ids)) == 2


@pytest.mark.parametrize(
    ("expires", "kept"),
    [
        (3600, 3540),
        ("3600", 3540),
        (120, 60),
        (90, 45),
        (10, 5),
        (None, 30),
        (True, 30),
        (-5, 30),
        (float("nan"), 30),
        (10**9, 86_340),
    ],
)
def test_a_token_is_kept_until_shortly_before_its_end(serve: Serve, clock: Clock, expires: object, kept: float) -> None:
    """A token serves until a minute before its end, or half its life where that is later, by the boot clock."""
    server, source = serve(reply(200, TOKEN_ANSWER | {"expires_in": expires}))
    source.get()
    clock.boot_seconds += kept - 0.1
    source.get()
    assert len(server.requests) == 1
    clock.boot_seconds += 0.2
    source.get()
    assert len(server.requests) == 2


def test_a_token_that_was_replaced_is_not_dropped(serve: Serve) -> None:
    """Forgetting an old token leaves the new one that another thread fetched meanwhile."""
    server, source = serve(reply(200, TOKEN_ANSWER), reply(200, TOKEN_ANSWER | {"access_token": "second"}))
    old = source.get()
    assert isinstance(old, Token)
    source.invalidate(old)
    new = source.get()
    source.invalidate(old)
    assert source.get() == new == Token("second")
    assert len(server.requests) == 2


def test_nothing_is_signed_while_the_clock_is_not_trusted(serve: Serve, clock: Clock) -> None:
    """An assertion of a wrong time is not made: the call waits."""
    clock.trusted = False
    server, source = serve()
    outcome = source.get()
    assert isinstance(outcome, NotSent)
    assert "clock" in outcome.why
    assert not server.requests


@pytest.mark.parametrize(("status", "error"), [(400, "invalid_client"), (401, "invalid_client"), (400, "unauthorized_client")])
def test_a_box_that_is_not_known_is_a_configuration_fault(serve: Serve, status: int, error: str) -> None:
    """invalid_client and unauthorized_client raise the alarm and say what to check."""
    _, source = serve(reply(status, {"error": error, "error_description": "said by the server"}))
    outcome = source.get()
    assert isinstance(outcome, Misconfigured)
    assert "Chaman" in outcome.why
    assert "said by the server" not in outcome.why


@pytest.mark.parametrize(
    "behaviour",
    [
        reply(200, b"<html>log in</html>", kind="text/html"),
        reply(200, {}),
        reply(200, []),
        reply(200, TOKEN_ANSWER | {"token_type": "mac"}),
        reply(200, TOKEN_ANSWER | {"token_type": None}),
        reply(200, TOKEN_ANSWER | {"access_token": "two\r\nlines"}),
        reply(200, TOKEN_ANSWER | {"access_token": ""}),
        reply(200, TOKEN_ANSWER | {"access_token": 7}),
        reply(201, TOKEN_ANSWER),
        reply(302, b"", headers={"Location": "/"}),
        reply(400, {"error": "invalid_request"}),
        reply(400, {"error": {"code": "invalid_client"}}),
        reply(401, {"error": ["invalid_client"]}),
        reply(401, b""),
        reply(404, b""),
        reply(500, {"error": "invalid_client"}),
        cut,
        hang,
    ],
)
def test_an_answer_that_is_no_token_means_not_sent(serve: Serve, behaviour: Behaviour) -> None:
    """A portal, an error of the server's own, a cut or hanging call: nothing reached the service, the server is there."""
    _, source = serve(behaviour, timeout=0.5 if behaviour is hang else 5)
    outcome = source.get()
    assert isinstance(outcome, NotSent)
    assert outcome.reachable
    assert outcome.why.startswith("token: ")


def test_the_token_server_may_ask_to_wait(serve: Serve) -> None:
    """Retry-After of the token server is a floor as well."""
    _, source = serve(reply(503, b"", headers={"Retry-After": "77"}))
    outcome = source.get()
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after == 77.0


def test_a_token_server_that_is_not_there(clock: Clock, key_file: Path, tmp_path: Path, authority: Authority) -> None:
    """No connection is not sent and not reachable; a bad ca_file is a configuration fault."""
    settings = ServiceSettings(
        api_url="https://127.0.0.1:1", token_url="https://127.0.0.1:1/t", client_id="x", private_key=key_file
    )
    for ca_file, kind in ((authority.ca_file, NotSent), (tmp_path / "none.pem", Misconfigured)):
        outcome = TokenSource(settings, load_private_key(key_file), clock, Exchange(ca_file=ca_file, timeout_seconds=5)).get()
        assert isinstance(outcome, kind)
        assert not (isinstance(outcome, NotSent) and outcome.reachable)


def test_secrets_stay_out_of_repr_and_log(serve: Serve, key_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither token nor assertion nor key is in a repr or in a log at its most talkative."""
    caplog.set_level(logging.DEBUG)
    server, source = serve()
    token = source.get()
    (assertion,) = parse_qs(server.requests[0].body.decode())["client_assertion"]
    told = caplog.text + repr(token) + repr(load_private_key(key_file)) + repr(source)
    assert caplog.text
    assert "invented-token" not in told
    assert assertion not in told
    assert "PrivateKey" not in told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read"),
        (b"no key at all", "no private key in PEM form"),
        (b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "no private key in PEM form"),
        (ec.generate_private_key(ec.SECP384R1()), "encrypted"),
        (ec.generate_private_key(ec.SECP256R1()), "is EC on secp256r1, which Chaman does not take"),
        (rsa.generate_private_key(65537, 1024), "is RSA with 1024 bits, which Chaman"),  # noqa: S505  too small is what is tested
        (ed25519.Ed25519PrivateKey.generate(), "is neither RSA nor EC, which Chaman"),
    ],
    ids=["missing", "garbage", "damaged", "encrypted", "P-256", "RSA-1024", "Ed25519"],
)
def test_a_key_that_can_t_be_used_is_told(tmp_path: Path, content: bytes | Private | None, words: str) -> None:
    """A client key that is missing, damaged, encrypted or of a wrong kind is named with its file and the repair."""
    path = tmp_path / "key.pem"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        write_key(path, content, b"invented passphrase" if words == "encrypted" else None)
    with pytest.raises(UsageError, match=words) as caught:
        load_private_key(path)
    assert str(path) in caught.value.message
    assert caught.value.repair is not None
