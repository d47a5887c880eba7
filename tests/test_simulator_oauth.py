from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from kiosk.simulator.clients import Clients
from kiosk.simulator.messages import Request, Response
from kiosk.simulator.oauth import Authority
from kiosk.simulator.problems import Refused
from tests.strangers import CLIENT, JWT_BEARER, NOW_MS, MovableClock, claims, ec_key, form, public_pem, request, rsa_key

URL = "https://127.0.0.1:4444/REST/oauth/v5/token"
NOW = NOW_MS // 1000


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def authority(clock: MovableClock) -> Authority:
    clients = Clients()
    clients.add(CLIENT, public_pem(ec_key()))
    clients.add("another", public_pem(rsa_key()))
    return Authority(clients=clients, clock=clock, token_seconds=600, audience=URL)


def post(authority: Authority, fields: dict[str, str] | str, content_type: str = "application/x-www-form-urlencoded") -> Response:
    body = fields if isinstance(fields, str) else urlencode(fields)
    return authority.token(request("POST", "/REST/oauth/v5/token", body.encode(), **{"content-type": content_type}))


def signed(authority: Authority, assertion: str) -> Response:
    return post(authority, form(URL, NOW_MS) | {"client_assertion": assertion})


def holder(authority: Authority, token: str) -> str:
    return authority.client_of(request("GET", "/", authorization=f"Bearer {token}"))


def refusal(authority: Authority, authorization: str) -> str | None:
    with pytest.raises(Refused) as refused:
        authority.client_of(request("GET", "/", authorization=authorization))
    assert refused.value.problem.status == 401
    assert refused.value.problem.headers[0][1].startswith("Bearer")
    return refused.value.problem.type


def test_a_good_assertion_gets_a_token(authority: Authority) -> None:
    """An opaque bearer token with its lifetime, never to be cached, that is known as the client's."""
    answer = post(authority, form(URL, NOW_MS))
    assert answer.status == 200
    assert answer.header("Cache-Control") == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
    assert len(body["access_token"]) >= 40
    assert holder(authority, body["access_token"]) == CLIENT


@pytest.mark.parametrize(
    "changes", [{"exp": NOW + 300}, {"exp": NOW + 0.5}, {"iat": NOW - 600}, {"iat": NOW + 5}, {"nbf": NOW}, {"extra": "ignored"}]
)
def test_the_edges_of_a_good_assertion(authority: Authority, changes: dict[str, Any]) -> None:
    """What lies exactly on a limit is accepted, and so are claims nobody asked for."""
    assert post(authority, form(URL, NOW_MS, **changes)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": "unknown"},
        {"sub": None},
        {"sub": "another"},
        {"aud": None},
        {"aud": URL + "/"},
        {"aud": URL.replace("127.0.0.1", "localhost")},
        {"aud": [URL]},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": NOW + 301},
        {"iat": None},
        {"iat": NOW + 6},
        {"iat": NOW - 601},
        {"iat": "now"},
        {"nbf": NOW + 6},
        {"nbf": "now"},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
    ],
    ids=repr,
)
def test_each_wrong_claim_is_refused(authority: Authority, changes: dict[str, Any]) -> None:
    """One claim that is wrong or missing makes the client unknown: 400 invalid_client."""
    answer = post(authority, form(URL, NOW_MS, **changes))
    assert (answer.status, answer.json()["error"]) == (400, "invalid_client")


def test_an_issuer_is_a_text(authority: Authority) -> None:
    """Where the issuer is a number or missing altogether there is no client to look up."""
    for strange in ({"iss": 5}, {"iss": [CLIENT]}, {}):
        assertion = jwt.PyJWS().encode(json.dumps(strange).encode(), ec_key(), algorithm="ES384")
        assert signed(authority, assertion).json()["error"] == "invalid_client"


def test_an_assertion_serves_once(authority: Authority, clock: MovableClock) -> None:
    """The same assertion twice is a replay, also moments before it ends; another client may use the same jti."""
    fields = form(URL, NOW_MS, jti="once", exp=NOW + 300)
    assert post(authority, fields).status == 200
    assert post(authority, fields).json()["error"] == "invalid_client"
    clock.forward(299.9)
    assert "jti" in post(authority, fields).json()["error_description"]
    theirs = claims(URL, clock(), iss="another", sub="another", jti="once")
    assert signed(authority, jwt.encode(theirs, rsa_key(), algorithm="RS256")).status == 200


def test_a_foreign_signature_is_refused(authority: Authority) -> None:
    """A right claim under a wrong key, or under another client's key, is refused."""
    stranger = ec.generate_private_key(ec.SECP384R1())
    assert signed(authority, jwt.encode(claims(URL, NOW_MS), stranger, algorithm="ES384")).json()["error"] == "invalid_client"
    assert signed(authority, jwt.encode(claims(URL, NOW_MS), rsa_key(), algorithm="RS256")).json()["error"] == "invalid_client"


def test_no_algorithm_but_the_key_s_own(authority: Authority) -> None:
    """Neither ``none`` nor a shared secret made of the public key passes; PS256 does not either."""
    good = claims(URL, NOW_MS)
    assert signed(authority, jwt.encode(good, "", algorithm="none")).json()["error"] == "invalid_client"
    theirs = claims(URL, NOW_MS, iss="another", sub="another")
    assert signed(authority, jwt.encode(theirs, rsa_key(), algorithm="PS256")).json()["error"] == "invalid_client"
    assert signed(authority, jwt.encode(good, b"x" * 64, algorithm="HS512")).json()["error"] == "invalid_client"


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_rsa_signs_with_every_digest(authority: Authority, algorithm: str) -> None:
    """RSA keys may use SHA-256, SHA-384 or SHA-512."""
    theirs = claims(URL, NOW_MS, iss="another", sub="another")
    assert signed(authority, jwt.encode(theirs, rsa_key(), algorithm=algorithm)).status == 200


@pytest.mark.parametrize("assertion", ["x", "a.b.c", "é", "." * 5])
def test_what_is_no_token_is_refused(authority: Authority, assertion: str) -> None:
    """Garbage in place of an assertion is an unknown client, no crash."""
    assert signed(authority, assertion).json()["error"] == "invalid_client"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": None}, "invalid_request"),
        ({"client_assertion_type": "urn:other"}, "invalid_request"),
        ({"client_assertion": None}, "invalid_request"),
        ({"client_assertion": ""}, "invalid_request"),
        ({"client_secret": "x"}, "invalid_client"),
        ({"client_id": "another"}, "invalid_client"),
        ({"scope": "scope:dimona"}, "invalid_scope"),
    ],
    ids=repr,
)
def test_each_wrong_parameter_is_refused(authority: Authority, changes: dict[str, str | None], error: str) -> None:
    """Each parameter that is missing, wrong or unwelcome has the error code of RFC 6749."""
    whole: dict[str, str | None] = {**form(URL, NOW_MS), **changes}
    answer = post(authority, {name: value for name, value in whole.items() if value is not None})
    assert (answer.status, answer.json()["error"]) == (400, error)


def test_a_client_may_name_itself_and_leave_the_scope_empty(authority: Authority) -> None:
    """The optional client_id is fine when it is the same; an empty scope is none."""
    assert post(authority, form(URL, NOW_MS) | {"client_id": CLIENT, "scope": ""}).status == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("{}", "application/json"),
        ("", "application/x-www-form-urlencoded"),
        ("=&&&", "application/x-www-form-urlencoded"),
        ("é=1", "application/x-www-form-urlencoded"),
        ("a=%ff", "application/x-www-form-urlencoded"),
        ("&".join(f"a{i}=1" for i in range(100)), "application/x-www-form-urlencoded"),
        (
            urlencode({"grant_type": "client_credentials", "client_assertion_type": JWT_BEARER}) + "&grant_type=x",
            "application/x-www-form-urlencoded",
        ),
    ],
)
def test_what_is_no_form_is_an_invalid_request(authority: Authority, body: str, content_type: str) -> None:
    """JSON, nothing, broken encodings, floods and repeated parameters are invalid requests."""
    assert post(authority, body, content_type).json()["error"] == "invalid_request"


def test_a_body_above_the_limit_is_an_invalid_request(authority: Authority) -> None:
    """A form too large to be read is refused like an empty one."""
    sent = Request(method="POST", path="/", headers={"content-type": "application/x-www-form-urlencoded"}, body=None)
    assert authority.token(sent).json()["error"] == "invalid_request"


def test_missing_invalid_and_expired_tokens_are_told_apart(authority: Authority, clock: MovableClock) -> None:
    """Each has its own Belgif problem, with a Bearer challenge."""
    token = post(authority, form(URL, NOW_MS)).json()["access_token"]
    with pytest.raises(Refused) as refused:
        authority.client_of(request("GET", "/"))
    assert refused.value.problem.type == "noAccessToken"
    assert refusal(authority, "Basic abc") == "noAccessToken"
    assert refusal(authority, "Bearer ") == "noAccessToken"
    assert refusal(authority, "Bearer other") == "invalidAccessToken"
    clock.forward(599.999)
    assert authority.client_of(request("GET", "/", authorization=f"bearer {token}")) == CLIENT
    clock.forward(0.001)
    assert refusal(authority, f"Bearer {token}") == "expiredAccessToken"


def test_tokens_can_be_made_to_expire(authority: Authority) -> None:
    """All tokens given out end on command; a new one works."""
    old = post(authority, form(URL, NOW_MS)).json()["access_token"]
    authority.expire_tokens()
    assert refusal(authority, f"Bearer {old}") == "expiredAccessToken"
    assert holder(authority, post(authority, form(URL, NOW_MS)).json()["access_token"]) == CLIENT


def test_a_removed_client_has_no_valid_token(authority: Authority) -> None:
    """Once a client is removed its tokens are invalid, and it gets no new one."""
    token = post(authority, form(URL, NOW_MS)).json()["access_token"]
    authority.clients.remove(CLIENT)
    assert refusal(authority, f"Bearer {token}") == "invalidAccessToken"
    assert post(authority, form(URL, NOW_MS)).json()["error"] == "invalid_client"


def test_old_tokens_are_forgotten_in_the_end(authority: Authority, clock: MovableClock) -> None:
    """A day after its end a token is as unknown as one that never was: memory stays bounded."""
    token = post(authority, form(URL, NOW_MS)).json()["access_token"]
    clock.forward(2 * 86_400)
    post(authority, form(URL, clock()))
    assert refusal(authority, f"Bearer {token}") == "invalidAccessToken"
