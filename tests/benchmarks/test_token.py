"""What a client assertion costs beyond its signature, and that the key is parsed once."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kiosk.auth import Token, TokenSource, load_private_key
from kiosk.contract import ServiceSettings
from kiosk.exchange import Exchange, Outcome, Reply
from kiosk.settings import ClockSource
from kiosk.timekeeper import Timekeeper
from tests.benchmarks.rounds import Comparison, best, compare, seconds_of
from tests.benchmarks.table import Figure, Table

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_TOKEN_URL = "https://token.test/oauth/token"
_ROUNDS = 80
_PIECES = 5
_GOAL = 1.1
_NOW = 1_795_330_865
_TOKENS = 20

pytestmark = pytest.mark.benchmark


class _Granting(Exchange):
    """Grants a token at once: no socket, only what the box itself does for one."""

    def __init__(self) -> None:
        super().__init__(ca_file=None, timeout_seconds=1)

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Outcome:
        answer = {"access_token": "invented", "token_type": "bearer", "expires_in": 600}
        return Reply(status=200, headers={}, body=json.dumps(answer).encode())


def _source(folder: Path, key: Private) -> TokenSource:
    path = folder / "client.key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    settings = ServiceSettings(api_url="https://api.test", token_url=_TOKEN_URL, client_id="expeditor_1", private_key=path)
    clock = Timekeeper(source=ClockSource.ASSUME, max_error_seconds=60).read
    return TokenSource(settings, load_private_key(path), clock, _Granting())


def _sign(key: Private, message: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), SHA256())
    return key.sign(message, ec.ECDSA(SHA384()))


@pytest.mark.parametrize(
    ("name", "make", "limit"),
    [
        ("RSA-3072", lambda: rsa.generate_private_key(65537, 3072), 1.1),
        # Signed so fast that PyJWT's JSON and base64 are a tenth to a fifth of it; a key parsed anew would still stand out.
        ("P-384", lambda: ec.generate_private_key(ec.SECP384R1()), 1.5),
    ],
)
def test_an_assertion_costs_its_signature(
    tmp_path: Path, table: Table, name: str, make: Callable[[], Private], limit: float
) -> None:
    """Claims, JSON, base64 and signature together cost little more than the bare signature of the same bytes by the same key."""
    key = make()
    source = _source(tmp_path, key)
    message = source._assertion(_NOW).rpartition(".")[0].encode()

    def measure() -> Comparison:
        ours, floor = [], []
        for _ in range(_ROUNDS):
            floor.append(seconds_of(lambda: [_sign(key, message) for _ in range(_PIECES)]))
            ours.append(seconds_of(lambda: [source._assertion(_NOW) for _ in range(_PIECES)]))
        return compare(ours, floor, pieces=_PIECES)

    found = best(measure, goal=_GOAL)
    table.judge(
        Figure(
            quantity=f"T11 token assertion, {name}",
            measured=found.ratio,
            unit="x",
            goal=_GOAL,
            limit=limit,
            against=f"raw sign: {found}",
        )
    )


@contextmanager
def _key_loads() -> Iterator[list[str]]:
    """Every call, in Python or below it, that parses a key; whoever makes it."""
    loads: list[str] = []

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        name = frame.f_code.co_name if event == "call" else getattr(argument, "__name__", "")
        if event in ("call", "c_call") and name.startswith(("load_pem", "load_der", "load_ssh", "from_jwk", "private_numbers")):
            loads.append(name)

    sys.setprofile(watch)
    try:
        yield loads
    finally:
        sys.setprofile(None)


def test_the_key_is_parsed_at_the_start_and_never_again(tmp_path: Path, table: Table) -> None:
    """Twenty tokens need no parsing of the key: it takes a small machine seconds each time."""
    with _key_loads() as at_start:
        source = _source(tmp_path, ec.generate_private_key(ec.SECP384R1()))
    assert at_start
    with _key_loads() as later:
        for _ in range(_TOKENS):
            token = source.get()
            assert isinstance(token, Token)
            source.invalidate(token)
    table.judge(Figure(quantity=f"T11 key loads for {_TOKENS} tokens", measured=len(later), goal=0, limit=0, digits=0))
