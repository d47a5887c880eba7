"""Requests and answers as values: what the service decides, before any socket is involved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

Json = dict[str, Any]

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


class Operation(StrEnum):
    """What a client can ask for; the values are the ``operationId`` of the OpenAPI document, plus the token endpoint."""

    TOKEN = "token"  # noqa: S105 - a name, no secret
    REGISTER = "registerInBulk"
    SEARCH = "searchPresenceRegistrations"
    SHOW = "getPresenceRegistration"
    CANCEL = "cancelInBulk"
    ADDRESSES = "searchAddresses"
    HEALTH = "getHealth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, read to its end.

    Attributes:
        method: As sent; methods are case-sensitive.
        path: The target's path, percent-encoding undone.
        query: Names and values of the target's query, in order.
        headers: Names in lower case; of a repeated header the last one.
        body: The bytes, or None when they were more than the limit.
        peer: The client's IP address.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = b""
    peer: str = "127.0.0.1"

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One HTTP answer; ``content_type`` None means that it has no body."""

    status: int
    content_type: str | None = None
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Response({self.status})"

    def header(self, name: str) -> str | None:
        """Return a header's value, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Json:
        """Read the body as a JSON object."""
        body: Json = json.loads(self.body)
        return body


class Manner(StrEnum):
    """How an answer goes out."""

    WHOLE = "whole"
    CUT = "cut"
    HANG = "hang"
    DRIP = "drip"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An answer and the manner of sending it.

    Attributes:
        response: None where nothing is sent at all (``CUT`` and ``HANG``).
        manner: How it goes out.
        seconds: ``HANG``: how long the silence lasts; ``DRIP``: the pause after each byte.
    """

    response: Response | None
    manner: Manner = Manner.WHOLE
    seconds: float = 0.0


def answer(status: int, body: Json, *headers: tuple[str, str], content_type: str = JSON) -> Response:
    """Make an answer with a JSON body."""
    encoded = json.dumps(body, allow_nan=False).encode()
    return Response(status=status, content_type=content_type, body=encoded, headers=headers)
