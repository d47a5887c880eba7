"""A plain client of the service double, written without the kiosk's own client: items, assertions, calls."""

from __future__ import annotations

import itertools
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kiosk.simulator import Request, Simulator
from tests.people import DECLARATION, EMPLOYER, invented_insz

CLIENT = "self_service_expeditor_123456"
NOW_MS = 1_793_000_000_000
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class MovableClock:
    """A clock that stands until a test moves it."""

    now_ms: int = NOW_MS

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, seconds: float) -> None:
        self.now_ms += round(seconds * 1000)


def true_now() -> datetime:
    return datetime.now(UTC)


def dice(seed: int) -> Callable[[], float]:
    """Make dice that roll evenly and the same for the same seed (the golden ratio's multiples, modulo 1)."""
    rolls = itertools.count(seed)
    return lambda: next(rolls) * 0.618033988749895 % 1


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP384R1())


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def item(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Make a valid item of an invented person; a change to None leaves the member out."""
    whole = {
        "registrationDate": "2026-11-22T07:01:05Z",
        "ssin": invented_insz(number).digits,
        "type": "in",
        "employer": {"enterpriseNumber": EMPLOYER.value},
        "placeOfWork": {"coordinates": {"longitude": 4.367, "latitude": 50.8466}},
        "contractualRelationshipReference": DECLARATION.value,
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def search(**changes: Any) -> dict[str, Any]:
    return {"registrationDateFrom": "2026-11-22T00:00:00Z", "registrationDateTo": "2026-11-23T00:00:00Z"} | changes


def claims(audience: str, now_ms: int, **changes: Any) -> dict[str, Any]:
    """Make good claims; a change to None leaves the claim out."""
    now = now_ms // 1000
    whole = {"iss": CLIENT, "sub": CLIENT, "aud": audience, "iat": now - 10, "exp": now + 290, "jti": str(uuid.uuid4())}
    return {name: value for name, value in (whole | changes).items() if value is not None}


def form(audience: str, now_ms: int, **changes: Any) -> dict[str, str]:
    assertion = jwt.encode(claims(audience, now_ms, **changes), ec_key(), algorithm="ES384")
    return {"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER, "client_assertion": assertion}


def trust(simulator: Simulator) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=simulator.ca_file)


@dataclass
class Stranger:
    """A client over true TLS that neither retries nor follows."""

    simulator: Simulator
    clock: MovableClock
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.simulator.add_client(CLIENT, public_pem(ec_key()))
        self.http = httpx.Client(verify=trust(self.simulator), timeout=20.0)

    def fetch_token(self) -> httpx.Response:
        return self.http.post(self.simulator.token_url, data=form(self.simulator.token_url, self.clock()))

    def log_in(self) -> Stranger:
        answer = self.fetch_token()
        assert answer.status_code == 200, answer.text
        self.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return self

    def post(self, path: str, body: object, **more: Any) -> httpx.Response:
        return self.http.post(self.simulator.api_url + path, json=body, headers=self.headers, **more)

    def register(self, *items: dict[str, Any], **more: Any) -> httpx.Response:
        return self.post("/presenceRegistrations/registerInBulk", {"items": list(items)}, **more)

    def get(self, path: str) -> httpx.Response:
        return self.http.get(self.simulator.api_url + path, headers=self.headers)

    def admin(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.http.request(method, f"{self.simulator.root_url}/_simulator/{path}", json=body)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> Request:
    """Make a request without a socket; header names with underscores for dashes."""
    return Request(method=method, path=path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
