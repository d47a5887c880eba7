"""The client assertion (RFC 7523) and the token it buys (RFC 6749, section 4.4). The only file that knows PyJWT.

Key and token never appear in a message, log or repr.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from threading import Lock
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kiosk.contract import (
    ASSERTION_BACKDATE_SECONDS,
    ASSERTION_LIFETIME_SECONDS,
    ASSERTION_TYPE,
    GRANT_TYPE,
    ServiceSettings,
)
from kiosk.errors import UsageError
from kiosk.exchange import Exchange, Reply
from kiosk.model import ClockReading
from kiosk.problems import IN_ITS_PLACE, is_from_between, load, retry_after
from kiosk.verdicts import Ambiguous, Misconfigured, NotSent

#: Chaman's criteria (facts, section 1.2).
_RSA_SIZES: Final = frozenset({2048, 3072, 4096})
_CURVES: Final = {"secp384r1": "ES384", "secp521r1": "ES512"}
#: What a bearer token may look like (RFC 6750, section 2.1): it goes into a header.
_BEARER: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
#: A token is renewed this long before it ends, or at half its life where that is shorter.
_RENEW_SECONDS: Final = 60
_MAX_LIFE_SECONDS: Final = 86_400
#: RFC 6749 recommends ``expires_in`` but does not ask for it.
_DEFAULT_LIFE_SECONDS: Final = 60
#: This box is unknown or not allowed; any other error code is the token server's own trouble.
_CLIENT_ERRORS: Final = frozenset({"invalid_client", "unauthorized_client"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientKey:
    """The client key, parsed once: PyJWT validates a PEM anew on each use, which takes a Pi seconds."""

    algorithm: str
    private: RSAPrivateKey | EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token."""

    value: str = field(repr=False)


def load_private_key(path: Path) -> ClientKey:
    """Read the client key and choose the algorithm that goes with it: RS256, ES384 or ES512.

    Raises:
        UsageError: There is no such file, it is encrypted or no PEM key, or of a kind that Chaman does not take.
    """
    kinds = "RSA 2048, 3072 or 4096, or EC P-384 or P-521"
    repair = f"put an unencrypted PEM key ({kinds}) at {path}; kiosk provision makes one in an empty folder"
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise UsageError(f"service.private_key {path} can't be read: {error.strerror}", repair=repair) from None
    except TypeError:
        raise UsageError(f"service.private_key {path} is encrypted with a passphrase", repair=repair) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UsageError(f"service.private_key {path} holds no private key in PEM form", repair=repair) from None
    if isinstance(key, RSAPrivateKey) and key.key_size in _RSA_SIZES:
        return ClientKey(algorithm="RS256", private=key)
    if isinstance(key, EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return ClientKey(algorithm=_CURVES[key.curve.name], private=key)
    raise UsageError(f"service.private_key {path} is {_kind(key)}, which Chaman does not take", repair=repair)


def _kind(key: object) -> str:
    match key:
        case RSAPrivateKey():
            return f"RSA with {key.key_size} bits"
        case EllipticCurvePrivateKey():
            return f"EC on {key.curve.name}"
        case _:
            return "neither RSA nor EC"


class TokenSource:
    """Fetches a token when one is needed and keeps it until shortly before it ends; safe from several threads.

    Args:
        settings: Where the token server is and who this box is.
        key: The client key.
        clock: Reads all clocks: wall time goes into the assertion, boot time tells a token's age.
        exchange: The way there.
    """

    def __init__(self, settings: ServiceSettings, key: ClientKey, clock: Callable[[], ClockReading], exchange: Exchange) -> None:
        self._settings = settings
        self._key = key
        self._clock = clock
        self._exchange = exchange
        self._lock = Lock()
        self._token: Token | None = None
        self._renew_ns = 0

    def get(self) -> Token | NotSent | Misconfigured:
        """Return a token that is good for a while, or why there is none: nothing was sent to the service itself."""
        with self._lock:
            now = self._clock()
            if self._token is not None and now.boot_ns < self._renew_ns:
                return self._token
            if not now.trusted:
                return NotSent(why="the clock can't be trusted yet, so no assertion is signed")
            outcome = self._fetch(now)
            self._token = outcome if isinstance(outcome, Token) else None
            return outcome

    def invalidate(self, token: Token) -> None:
        """Forget a token that the service did not take, unless another one has replaced it already."""
        with self._lock:
            if self._token is token:
                self._token = None

    def _fetch(self, now: ClockReading) -> Token | NotSent | Misconfigured:
        # No scope: the service then grants all that the client has, as its documentation advises (facts, section 1.3).
        form = {
            "grant_type": GRANT_TYPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(now.wall_ms // 1000),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        outcome = self._exchange.post(self._settings.token_url, headers=headers, body=urlencode(form).encode())
        match outcome:
            case Reply():
                return self._read(outcome, now)
            # A token request that got lost registers nothing: the next one simply asks again.
            case Ambiguous(why=why):
                return NotSent(why=f"token: {why}", reachable=True)
            case NotSent(why=why, reachable=reachable):
                return NotSent(why=f"token: {why}", reachable=reachable)
            case Misconfigured():
                return outcome

    def _assertion(self, now: int) -> str:
        issued = now - ASSERTION_BACKDATE_SECONDS
        client = self._settings.client_id
        claims = {
            "iss": client,
            "sub": client,
            "aud": self._settings.token_url,
            "jti": str(uuid4()),
            "iat": issued,
            "exp": issued + ASSERTION_LIFETIME_SECONDS,
        }
        return jwt.encode(claims, self._key.private, algorithm=self._key.algorithm)

    def _read(self, reply: Reply, now: ClockReading) -> Token | NotSent | Misconfigured:
        body = load(reply.body)
        fields = body if isinstance(body, dict) else {}
        value, kind = fields.get("access_token"), fields.get("token_type")
        if reply.status == HTTPStatus.OK and isinstance(value, str) and _BEARER.fullmatch(value) and str(kind).lower() == "bearer":
            life = _life(fields.get("expires_in"))
            self._renew_ns = now.boot_ns + round(max(life - _RENEW_SECONDS, life / 2) * 1e9)
            return Token(value)
        error = fields.get("error")
        told = reply.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED) and isinstance(error, str)
        if told and error in _CLIENT_ERRORS:
            return Misconfigured(
                why=f"the token server refuses this box ({error}): check client_id, whether Chaman has the certificate"
                " of this private_key, and the clock",
                credential=True,
            )
        strange = is_from_between(reply.status, reply.headers)
        return NotSent(
            why=f"token: {reply.status}: {IN_ITS_PLACE}" if strange else f"token: the answer ({reply.status}) is no token",
            reachable=True,
            retry_after=retry_after(reply.headers, None, now.wall_ms),
        )


def _life(value: object) -> float:
    """Return a token's life in seconds, 0 to a day; some servers write the number as text."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return _DEFAULT_LIFE_SECONDS
    return min(value, _MAX_LIFE_SECONDS)
