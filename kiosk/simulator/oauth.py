"""The token endpoint: client credentials with a signed assertion (RFC 6749 section 4.4, RFC 7523), and the tokens it gave out.

Stricter than the real server is known to be, so that whatever passes here passes there: the audience is one string,
equal to the token URL to the letter, an assertion ends at most 300 seconds from now and serves once (facts, section 1.3).
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import jwt
from jwt.types import Options

from kiosk.simulator.clients import Clients
from kiosk.simulator.messages import Json, Request, Response, answer
from kiosk.simulator.problems import Refused, unauthorized

_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_ASSERTION_SECONDS: Final = 300
#: How far a client's clock may run ahead; the real tolerance is unknown.
_AHEAD_SECONDS: Final = 5
#: iat may be this old: an assertion lives 300 seconds and good clients date it back ten.
_OLDEST_SECONDS: Final = 600
#: Times are checked by hand against the simulator's own clock, which a test may move.
_ONLY_SIGNATURE: Final[Options] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_UNVERIFIED: Final[Options] = {"verify_signature": False}
#: Expired tokens are remembered this long, to be told from those that never were.
_REMEMBERED_MS: Final = 24 * 3600 * 1000


class _Denied(Exception):
    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class _Grant:
    client_id: str
    until_ms: int


class Authority:
    """Gives out tokens and recognises them.

    Args:
        clients: Who is known, with which keys.
        clock: Returns Unix milliseconds UTC.
        token_seconds: How long a token lives.
        audience: The token URL, as assertions must name it; set before the first request.
    """

    def __init__(self, *, clients: Clients, clock: Callable[[], int], token_seconds: int = 600, audience: str = "") -> None:
        self.clients = clients
        self.token_seconds = token_seconds
        self.audience = audience
        self._clock = clock
        self._grants: dict[str, _Grant] = {}
        self._seen: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def token(self, request: Request) -> Response:
        """Answer a token request: 200 with a token, or 400 with an error code of RFC 6749 section 5.2."""
        uncached = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
        try:
            client_id = self._authenticate(_form(request))
        except _Denied as denied:
            return answer(400, {"error": denied.code, "error_description": denied.description}, *uncached)
        body = {"access_token": self._grant(client_id), "token_type": "Bearer", "expires_in": self.token_seconds}
        return answer(200, body, *uncached)

    def client_of(self, request: Request) -> str:
        """Return the client id behind a request's token; raises ``Refused`` with a 401 that says what is wrong with it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refused(unauthorized("noAccessToken", "No Bearer access token found in Authorization HTTP header"))
        with self._lock:
            grant = self._grants.get(token.strip())
        if grant is None or not self.clients.knows(grant.client_id):
            raise Refused(unauthorized("invalidAccessToken", "The Bearer access token is invalid"))
        if grant.until_ms <= self._clock():
            raise Refused(unauthorized("expiredAccessToken", "The Bearer access token is expired"))
        return grant.client_id

    def expire_tokens(self) -> None:
        """Let every token given out so far end now."""
        with self._lock:
            now_ms = self._clock()
            self._grants = {token: _Grant(grant.client_id, min(grant.until_ms, now_ms)) for token, grant in self._grants.items()}

    def _grant(self, client_id: str) -> str:
        with self._lock:
            now_ms = self._clock()
            self._grants = {token: grant for token, grant in self._grants.items() if grant.until_ms > now_ms - _REMEMBERED_MS}
            token = secrets.token_urlsafe(32)
            self._grants[token] = _Grant(client_id, now_ms + self.token_seconds * 1000)
            return token

    def _authenticate(self, form: dict[str, str]) -> str:
        _check_form(form)
        claims = self._verified(form["client_assertion"])
        client_id = claims["iss"]
        if claims.get("sub") != client_id or form.get("client_id", client_id) != client_id:
            raise _Denied("invalid_client", "iss, sub and the client id must be the same")
        if claims.get("aud") != self.audience:
            raise _Denied("invalid_client", "aud must be the token URL, to the letter")
        self._check_times(claims)
        self._check_replay(client_id, claims)
        return str(client_id)

    def _verified(self, assertion: str) -> Json:
        """Return the claims once a key of the client they name has verified the signature."""
        try:
            named = jwt.decode(assertion, options=_UNVERIFIED).get("iss")
        except jwt.InvalidTokenError as error:
            raise _Denied("invalid_client", "the client assertion is no JSON Web Token") from error
        keys = self.clients.keys(named, self._clock()) if isinstance(named, str) else ()
        for key in keys:
            try:
                return jwt.decode(assertion, key.public_key, algorithms=key.algorithms, options=_ONLY_SIGNATURE)
            except jwt.InvalidTokenError:
                continue
        raise _Denied("invalid_client", "no key of a known client verifies the client assertion")

    def _check_times(self, claims: Json) -> None:
        now = self._clock() / 1000
        issued, expires, earliest = (_seconds(claims, name) for name in ("iat", "exp", "nbf"))
        if issued is None or expires is None:
            raise _Denied("invalid_client", "iat and exp are required")
        if expires <= now:
            raise _Denied("invalid_client", "the client assertion has expired")
        if expires > now + LONGEST_ASSERTION_SECONDS:
            raise _Denied("invalid_client", f"exp may be at most {LONGEST_ASSERTION_SECONDS} seconds from now")
        if not now - _OLDEST_SECONDS <= issued <= now + _AHEAD_SECONDS:
            raise _Denied("invalid_client", "iat is not now: is the clock right?")
        if earliest is not None and earliest > now + _AHEAD_SECONDS:
            raise _Denied("invalid_client", "the client assertion is not valid yet")

    def _check_replay(self, client_id: str, claims: Json) -> None:
        name = claims.get("jti")
        if not isinstance(name, str) or not name:
            raise _Denied("invalid_client", "jti is required")
        with self._lock:
            now_ms = self._clock()
            self._seen = {key: until_ms for key, until_ms in self._seen.items() if until_ms > now_ms}
            if (client_id, name) in self._seen:
                raise _Denied("invalid_client", "this jti was used before")
            self._seen[client_id, name] = int(claims["exp"] * 1000) + 1000


def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise _Denied("invalid_request", "the request must be application/x-www-form-urlencoded")
    try:
        text = (request.body or b"").decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, encoding="utf-8", errors="strict", max_num_fields=20)
    except ValueError as error:
        raise _Denied("invalid_request", "the form can't be read") from error
    if any(count > 1 for count in Counter(name for name, _ in pairs).values()):
        raise _Denied("invalid_request", "a parameter is repeated")
    return dict(pairs)


def _check_form(form: dict[str, str]) -> None:
    if "grant_type" not in form:
        raise _Denied("invalid_request", "grant_type is required")
    if form["grant_type"] != "client_credentials":
        raise _Denied("unsupported_grant_type", "only client_credentials is supported")
    if "client_secret" in form:
        raise _Denied("invalid_client", "client_secret is not supported; send a signed assertion")
    if form.get("client_assertion_type") != _ASSERTION_TYPE or not form.get("client_assertion"):
        raise _Denied("invalid_request", "client_assertion and its type are required")
    # No scope name of this service is publicly known; leaving it out asks for the client's default ones.
    if form.get("scope"):
        raise _Denied("invalid_scope", "leave the scope out")


def _seconds(claims: Json, name: str) -> float | None:
    """Read a NumericDate (RFC 7519 section 2)."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:  # noqa: PLR2004 - beyond year 33,000
        raise _Denied("invalid_client", f"{name} is no date")
    return float(value)
