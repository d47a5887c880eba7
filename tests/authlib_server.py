"""A token endpoint and a guarded service that share nothing with the kiosk or its double: authlib, over true TLS.

Authlib brings the rules of RFC 6749, 6750 and 7523; here is only what its manual asks of every user: a client, keys, and
the way from bytes to its requests and back. Its own web frameworks are not needed for that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from authlib.common.security import generate_token
from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, InvalidClientError, OAuth2Error, TokenMixin, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator, BearerTokenValidator
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from tests.tls_server import Behaviour, Line, Request, reply

Key = RSAKey | ECKey


@dataclass
class Peer:
    """Who authlib gives tokens to, with which key, and which it gave out.

    Attributes:
        client_id: The one client.
        key: Its public key.
        algorithm: The only signature algorithm that it may use.
        audience: What an assertion must name; the token URL, unless a test says otherwise.
        tokens: What was given out.
        errors: What was refused, and why, in authlib's words.
    """

    client_id: str
    key: Key
    algorithm: str
    audience: str = ""
    tokens: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)
    jtis: set[str] = field(default_factory=set)

    def token_endpoint(self) -> Behaviour:
        """Behave as authlib's token endpoint."""
        server = _Server(self)

        def behave(line: Line, request: Request) -> bool | None:
            status, body, headers = server.create_token_response(_Asked(self.audience, request))
            return reply(status, body, headers=dict(headers), keep=True)(line, request)

        return behave

    def guarded(self, behaviour: Behaviour) -> Behaviour:
        """Let authlib look at the bearer token first."""
        validator = _Validator(self)

        def behave(line: Line, request: Request) -> bool | None:
            kind, _, value = request.headers.get("authorization", "").partition(" ")
            try:
                if kind.lower() != validator.TOKEN_TYPE:
                    return reply(401)(line, request)
                validator.validate_token(validator.authenticate_token(value), [], None)
            except OAuth2Error as error:
                return reply(error.status_code)(line, request)
            return behaviour(line, request)

        return behave


class _Asked(OAuth2Request):
    def __init__(self, url: str, request: Request) -> None:
        super().__init__("POST", url, headers=dict(request.headers))
        self.fields = dict(parse_qsl(request.body.decode()))
        self.payload = BasicOAuth2Payload(self.fields)

    @property
    def form(self) -> dict[str, str]:
        return self.fields


class _Client(ClientMixin):
    def get_allowed_scope(self, scope: object) -> str:
        return ""

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method, endpoint) == (JWTBearerClientAssertion.CLIENT_AUTH_METHOD, "token")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _Assertion(JWTBearerClientAssertion):
    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self._peer = peer

    def get_audiences(self) -> list[str]:
        return [self._peer.audience]

    def resolve_client_public_key(self, client: object) -> Key:
        return self._peer.key

    def process_assertion_claims(self, assertion: str, resolve_key: Key) -> dict[str, Any]:
        """As authlib does it, but with the client's own algorithm: unless told, it takes RS256 and ES256 only."""
        try:
            token = jwt.decode(assertion, resolve_key, algorithms=[self._peer.algorithm])
        except JoseError as error:
            raise InvalidClientError(description=str(error)) from error
        self.verify_claims(token.claims)
        return token.claims

    def validate_jti(self, claims: object, jti: str) -> bool:
        fresh = jti not in self._peer.jtis
        self._peer.jtis.add(jti)
        return fresh


class _Grant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = (JWTBearerClientAssertion.CLIENT_AUTH_METHOD,)


class _Server(AuthorizationServer):
    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self._peer = peer
        self.register_client_auth_method(JWTBearerClientAssertion.CLIENT_AUTH_METHOD, _Assertion(peer))
        self.register_grant(_Grant)
        self.register_token_generator("default", BearerTokenGenerator(lambda **_: generate_token(42)))

    def query_client(self, client_id: str) -> _Client:
        # The stubs don't say that None is asked of it where the client is not known.
        return _Client() if client_id == self._peer.client_id else None  # type: ignore[return-value]

    def save_token(self, token: Mapping[str, Any], request: object) -> None:
        self._peer.tokens.append(token["access_token"])

    def create_oauth2_request(self, request: _Asked) -> _Asked:
        return request

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Tell nobody."""

    def handle_response(self, status: int, body: Mapping[str, Any], headers: Any) -> Any:
        if status != 200:
            self._peer.errors.append((body["error"], body.get("error_description", "")))
        return status, json.dumps(body).encode(), headers


class _Token(TokenMixin):
    def get_scope(self) -> str:
        return ""

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


class _Validator(BearerTokenValidator):
    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self._peer = peer

    def authenticate_token(self, token_string: str) -> _Token | None:
        return _Token() if token_string in self._peer.tokens else None
