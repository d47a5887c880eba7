"""What a Belgif problem (RFC 9457) says that a program may read, pure.

``title``, ``detail`` and ``value`` are never read: they are for developers and may repeat an INSZ
(facts, rsz-service, section 3).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

from kiosk.contract import MAX_RETRY_AFTER_SECONDS, PROBLEM_PREFIX, Field
from kiosk.model import Direction

#: What is said where somebody answers in the service's place, and what a human can do about it.
IN_ITS_PLACE: Final = (
    "something between this box and the service answers in its place (a portal with a login page?): open a web page from this"
    " network and log in, or have the network let this box through"
)
_SUCCESS: Final = range(200, 300)
_REDIRECTS: Final = range(300, 400)
_PAGES: Final = frozenset({"text/html", "application/xhtml+xml"})
_MAX_COUNT: Final = 2**63 - 1
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9:._\-]{0,119}")
_ITEM_NAME: Final = re.compile(r"items\[(\d{1,6})\]", re.ASCII)
#: RFC 3339 with its mandatory offset; what follows the second is not compared.
_MOMENT: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:[.,]\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A Belgif problem, as far as a program may read it.

    Attributes:
        type: The problem type, a URN.
        issues: For each issue the index of the item it names (None: no item) and its type.
        retry_seconds: ``retryAfterSec``, or None.
        retry_at: ``retryAfter`` as Unix seconds UTC, or None.
    """

    type: str
    issues: tuple[tuple[int | None, str], ...] = ()
    retry_seconds: int | None = None
    retry_at: int | None = None


def decode_problem(body: bytes) -> Trouble | None:
    """Read a Belgif problem, or None when it is none; the caller has seen its content type."""
    problem = load(body)
    if not isinstance(problem, dict):
        return None
    kind = problem.get(Field.TYPE)
    if not (isinstance(kind, str) and kind.startswith(PROBLEM_PREFIX)):
        return None
    seconds, at = problem.get(Field.RETRY_AFTER_SEC), problem.get(Field.RETRY_AFTER)
    return Trouble(
        type=kind,
        issues=tuple((_index(issue.get(Field.NAME)), code(issue) or short_type(kind)) for issue in issues(problem)),
        retry_seconds=as_count(seconds),
        retry_at=unix_second(at) if isinstance(at, str) else None,
    )


def retry_after(headers: Mapping[str, str], problem: Trouble | None, now_ms: int) -> float | None:
    """Return how long the service asks to wait, 0 to 3600 seconds, or None.

    Args:
        headers: The answer's, names in lower case; Retry-After (seconds or a date, RFC 9110) goes before the body.
        problem: The answer's problem, or None.
        now_ms: The box's clock, Unix milliseconds; the answer's own Date goes before it, since a box may be wrong.
    """
    header = headers.get("retry-after", "").strip()
    now = _http_date(headers.get("date", "")) or now_ms / 1000
    until = _http_date(header)
    if re.fullmatch(r"[0-9]{1,9}", header):
        seconds: float = int(header)
    elif until is not None:
        seconds = until - now
    elif problem is not None and problem.retry_seconds is not None:
        seconds = problem.retry_seconds
    elif problem is not None and problem.retry_at is not None:
        seconds = problem.retry_at - now
    else:
        return None
    return float(min(max(seconds, 0), MAX_RETRY_AFTER_SECONDS))


def is_from_between(status: int, headers: Mapping[str, str]) -> bool:
    """Whether something on the way most likely answered, not the service: a redirect, a web page as success, or 511 (RFC 6585).

    The service speaks JSON, and nothing known of it redirects (facts, rsz-service, section 2).
    """
    is_page = headers.get("content-type", "").partition(";")[0].strip().lower() in _PAGES
    return status in _REDIRECTS or status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED or (status in _SUCCESS and is_page)


def load(body: bytes) -> object:
    """Parse JSON; None (which no answer is) for anything that is not JSON."""
    try:
        value: object = json.loads(body)
    # A deep nest of brackets, an integer of 5,000 digits, a lone continuation byte: an answer may be anything.
    except (ValueError, RecursionError):
        return None
    return value


def short_type(kind: str) -> str:
    """Shorten a problem or issue type to what tells it apart: ``belgif:badRequest`` to ``badRequest``; digits become ``#``.

    A type is chosen by the server, so it is held to letters: no number of a person can come along.
    """
    name = kind.removeprefix(PROBLEM_PREFIX).removeprefix("urn:").removeprefix("belgif:")
    return re.sub(r"\d+", "#", name) if _TYPE.fullmatch(name) else "unnamed"


def unix_second(text: str) -> int | None:
    """Read an RFC 3339 time with any offset as whole Unix seconds UTC, the fraction cut off; None if it is none."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return None
    day, time, offset = match.groups()
    try:
        return int(datetime.fromisoformat(f"{day}T{time}{'+00:00' if offset in 'Zz' else offset}").timestamp())
    except (ValueError, OverflowError):
        return None


def code(fields: Mapping[str, object]) -> str | None:
    """Return what names a problem, issue or remark: its ``code``, else its ``type``; never free text."""
    name = fields.get(Field.CODE)
    kind = fields.get(Field.TYPE, fields.get(Field.ISSUE_TYPE))
    if isinstance(name, str):
        return short_type(name)
    # A refused item may be echoed with its own ``type``, which is a direction.
    return short_type(kind) if isinstance(kind, str) and kind.lower() not in set(Direction) else None


def issues(problem: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Yield the issues of a problem, under the new name and the old."""
    for field in (Field.ISSUES, Field.INVALID_PARAMS):
        yield from (issue for issue in as_list(problem.get(field)) if isinstance(issue, dict))


def as_list(value: object) -> list[object]:
    """Return a JSON array, or nothing where something else stands."""
    return value if isinstance(value, list) else []


def as_count(value: object) -> int | None:
    """Return a JSON integer from 0 to what the store's INTEGER holds; None for anything else, ``true`` included."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_COUNT else None


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _index(name: object) -> int | None:
    match = _ITEM_NAME.match(name) if isinstance(name, str) else None
    return int(match[1]) if match else None
