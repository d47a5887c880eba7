from __future__ import annotations

import pytest

from kiosk.simulator.messages import Response, answer
from tests.people import CANARY_INSZ, CANARY_NAME
from tests.strangers import request


def test_an_answer_is_json_of_any_text() -> None:
    """Every text that JSON can hold can be answered, half a surrogate pair too; what JSON can't hold is refused."""
    body = {"name": CANARY_NAME, "half": "\ud800"}
    assert answer(200, body).json() == body
    with pytest.raises(ValueError, match="JSON"):
        answer(200, {"infinite": float("inf")})


def test_headers_are_found_in_any_case() -> None:
    """Header names have no case; what is not there is None."""
    response = Response(status=429, headers=(("Retry-After", "3"),))
    assert response.header("retry-after") == "3"
    assert response.header("Allow") is None


def test_bodies_and_tokens_do_not_show() -> None:
    """The representations of request and answer hold neither body nor headers."""
    sent = request("POST", "/search", CANARY_INSZ.digits.encode(), authorization="Bearer secret")
    assert repr(sent) == "Request(POST /search)"
    assert repr(answer(200, {"ssin": CANARY_INSZ.digits})) == "Response(200)"
