from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.problems import Trouble, as_count, decode_problem, is_from_between, retry_after, short_type, unix_second
from tests.people import CANARY_INSZ

NOW_MS = 1_795_000_000_000
BAD = "urn:problem-type:belgif:badRequest"


def test_a_problem_is_read_without_its_prose() -> None:
    """Types and item indexes are kept; title, detail and value, which may repeat an INSZ, are not."""
    issue = {
        "type": "urn:problem-type:belgif-ext:input-validation:invalidStructure",
        "name": "items[3].ssin",
        "title": "t",
        "detail": CANARY_INSZ.digits,
        "value": CANARY_INSZ.digits,
    }
    trouble = decode_problem(json.dumps({"type": BAD, "detail": CANARY_INSZ.digits, "issues": [issue]}).encode())
    assert trouble == Trouble(type=BAD, issues=((3, "belgif-ext:input-validation:invalidStructure"),))


def test_old_problems_name_their_issues_otherwise() -> None:
    """``invalidParams`` is read as ``issues``, ``issueType`` as ``type``; an issue without either gets that of its problem."""
    params = [{"name": "items[0]"}, "junk", {"name": 7}, {"name": "items[1].ssin", "reason": "r", "issueType": "schemaViolation"}]
    trouble = decode_problem(json.dumps({"type": BAD, "invalidParams": params}).encode())
    assert trouble is not None
    assert trouble.issues == ((0, "badRequest"), (None, "badRequest"), (1, "schemaViolation"))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type": "about:blank"}', b'{"type": 4}', b"<html>", b"[" * 100_000])
def test_what_is_no_belgif_problem_is_none(body: bytes) -> None:
    """A gateway's or a portal's body is never taken for the service's own word."""
    assert decode_problem(body) is None


@pytest.mark.parametrize(
    ("kind", "short"),
    [
        (BAD, "badRequest"),
        ("urn:problem-type:cbss:input-validation:replacedSsin", "cbss:input-validation:replacedSsin"),
        (f"urn:problem-type:belgif:x{CANARY_INSZ.digits}", "x#"),
        ("a person's name", "unnamed"),
        ("", "unnamed"),
        ("x" * 500, "unnamed"),
    ],
)
def test_a_type_carries_no_number(kind: str, short: str) -> None:
    """A problem type is shortened to letters, so that no number of a person travels in a reason."""
    assert short_type(kind) == short


@pytest.mark.parametrize(
    ("headers", "problem", "seconds"),
    [
        ({}, None, None),
        ({"retry-after": "120"}, None, 120.0),
        ({"retry-after": "0"}, None, 0.0),
        ({"retry-after": "999999"}, None, 3600.0),
        ({"retry-after": "9" * 5000}, None, None),
        ({"retry-after": "-5"}, None, None),
        ({"retry-after": "soon"}, None, None),
        ({"retry-after": "Wed, 18 Nov 2026 11:07:20 GMT", "date": "Wed, 18 Nov 2026 11:06:40 GMT"}, None, 40.0),
        ({"retry-after": "Wed, 18 Nov 2026 11:06:00 -0000", "date": "Wed, 18 Nov 2026 11:06:40 GMT"}, None, 0.0),
        ({"retry-after": "7"}, Trouble(type=BAD, retry_seconds=90), 7.0),
        ({"retry-after": "soon"}, Trouble(type=BAD, retry_seconds=90), 90.0),
        ({}, Trouble(type=BAD, retry_at=NOW_MS // 1000 + 30), 30.0),
        ({}, Trouble(type=BAD, retry_at=0), 0.0),
        ({}, Trouble(type=BAD), None),
    ],
)
def test_the_wait_asked_for(headers: dict[str, str], problem: Trouble | None, seconds: float | None) -> None:
    """Retry-After is read as seconds or a date, from header or body, never negative, at most an hour."""
    assert retry_after(headers, problem, NOW_MS) == seconds


@pytest.mark.parametrize(
    ("status", "kind", "between"),
    [
        (200, "text/html; charset=utf-8", True),
        (204, "Application/XHTML+XML", True),
        (301, "application/json", True),
        (307, "", True),
        (511, "application/json", True),
        (200, "application/json", False),
        (200, "", False),
        (404, "text/html", False),
        (503, "text/html", False),
    ],
)
def test_what_something_between_answers(status: int, kind: str, between: bool) -> None:  # noqa: FBT001  the expectation
    """A redirect, a page in place of an answer, or 511; a server's own page of an error says nothing."""
    assert is_from_between(status, {"content-type": kind}) is between


def test_a_date_is_measured_by_the_service_s_own_clock() -> None:
    """A Retry-After date counts from the answer's Date, else from the box's clock."""
    headers = {"retry-after": "Thu, 01 Jan 1970 00:10:00 GMT"}
    assert retry_after(headers | {"date": "Thu, 01 Jan 1970 00:09:00 GMT"}, None, NOW_MS) == 60.0
    assert retry_after(headers, None, 500_000) == 100.0


@pytest.mark.parametrize(
    "text",
    ["2026-11-22T07:01:05Z", "2026-11-22T08:01:05+01:00", "2026-11-22t07:01:05.987654321z", "2026-11-22T06:31:05,5-00:30"],
)
def test_a_moment_is_the_same_in_every_spelling(text: str) -> None:
    """Offset and fraction are normalised to the same Unix second."""
    assert unix_second(text) == 1_795_330_865


@pytest.mark.parametrize("text", ["", "2026-11-22", "2026-11-22T07:01:05", "2026-13-22T07:01:05Z", "0000-00-00T00:00:00Z", "x"])
def test_a_moment_without_offset_or_sense_is_none(text: str) -> None:
    """A time that could be meant in two ways is not guessed."""
    assert unix_second(text) is None


def test_a_count_is_a_true_integer() -> None:
    """True, fractions, negatives and what the store can't hold are no counts."""
    assert [as_count(each) for each in (0, 2**63 - 1, True, 1.0, -1, 2**63, "1", None)] == [0, 2**63 - 1, *[None] * 6]


@given(st.text(), st.text(), st.integers(min_value=0, max_value=2**62))
def test_any_header_gives_a_bounded_wait(after: str, date: str, now_ms: int) -> None:
    """Whatever the headers say, the wait is None or 0 to 3600 seconds."""
    seconds = retry_after({"retry-after": after, "date": date}, None, now_ms)
    assert seconds is None or 0 <= seconds <= 3600


@given(st.binary())
def test_any_bytes_are_a_problem_or_none(body: bytes) -> None:
    """No body makes the reader raise."""
    assert decode_problem(body) is None or body
