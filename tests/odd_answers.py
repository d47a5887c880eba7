"""Answers that a service may give, known and unknown: sound ones, spoilt ones, and what is none at all."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import strategies as st

from kiosk.contract import PROBLEM_JSON, Problem
from kiosk.exchange import Outcome, Reply
from kiosk.simulator.problems import IssueType
from kiosk.verdicts import Ambiguous, NotSent

#: What JSON can hold, the odd corners first.
SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 3, 501, 502, 17611, 17612, -1, 2**53, 2**63 - 1, 2**63, 10**400, 0.0, 1e308, -0.5]),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", " ", "\x00", "\ud800", "0", "in", "OUT", "pending", "cancelled", "2026-02-30T00:00:00Z", "85073003328"]),
    st.text(max_size=30),
)
JSON: Final = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8
)
NO_JSON: Final = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"null",
            b"NaN",
            b'{"items":[],"items":{}}',
            b'{"items":[Infinity]}',
            b"[" * 100_000,
            b'{"items":' * 50_000,
            b"9" * 5000,
            b'{"items":[{"id":' + b"9" * 5000 + b"}]}",
            b"\xff\xfe[\x00]\x00",
            b"<!doctype html><title>Welcome</title>",
        ]
    ),
)
_STATUS: Final = st.one_of(
    st.sampled_from([200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 408, 413, 429, 500, 502, 503]), st.integers(100, 699)
)
_WORDS: Final = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=20)
_RETRY: Final = st.one_of(
    st.sampled_from(
        ["0", "7", "-1", "1e9", "99999999999999999999", "Sun, 22 Nov 2026 07:00:30 GMT", "Sun, 99 Nov 2026 99:00:30 GMT"]
    ),
    _WORDS,
)
_HEADERS: Final = st.fixed_dictionaries(
    {
        "content-type": st.sampled_from(["application/json", PROBLEM_JSON, "text/html", "", f"{PROBLEM_JSON};charset=utf-8"])
        | _WORDS
    },
    optional={"retry-after": _RETRY, "date": _RETRY},
)
_TYPES: Final = st.sampled_from([*Problem, "about:blank", "urn:problem-type:cbss:unheardOf"]) | st.text(max_size=20)
_ISSUES: Final = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(list(IssueType)) | SCALARS,
            "issueType": st.sampled_from(["schemaViolation"]) | SCALARS,
            "in": st.sampled_from(["body", "path"]) | SCALARS,
            "name": st.sampled_from(["items[0].ssin", "items[1]", "items[999999999]", "items[-1]", "id", "items[٣]"]) | SCALARS,
            "value": SCALARS,
        },
    )
    | JSON,
    max_size=4,
)
PROBLEMS: Final = st.fixed_dictionaries(
    {"type": _TYPES},
    optional={
        "status": SCALARS,
        "issues": _ISSUES | JSON,
        "invalidParams": _ISSUES,
        "retryAfter": SCALARS,
        "retryAfterSec": SCALARS,
    },
)


def _paths(value: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    for key, each in inner:
        yield (*path, key)
        yield from _paths(each, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn, sound: Any) -> Any:
    """Spoil a sound answer in one to three places: a part left out, another value, an addition, a repetition."""
    value = copy.deepcopy(sound)
    for _ in range(draw(st.integers(1, 3))):
        paths = list(_paths(value))
        if not paths:
            break
        # The few parts at the top, which say how much there is, as often as the many below.
        depth = draw(st.sampled_from(sorted({len(path) for path in paths})))
        *way, last = draw(st.sampled_from([path for path in paths if len(path) == depth]))
        place = value
        for step in way:
            place = place[step]
        match draw(st.sampled_from(["count on", "leave out", "replace", "add", "repeat"])):
            case "count on" if isinstance(place[last], int):
                place[last] += draw(st.sampled_from([1, -1]))
            case "leave out":
                del place[last]
            case "replace":
                place[last] = draw(JSON)
            case "add" if isinstance(place, dict):
                place[draw(st.text(max_size=8))] = draw(JSON)
            case "repeat" if isinstance(place, list):
                place.insert(draw(st.integers(0, len(place))), copy.deepcopy(place[last]))
    return value


def replies(sound: Any) -> st.SearchStrategy[Reply]:
    """Answers to a call that would soundly be answered so: half of them a success that is almost sound."""
    almost = spoilt(sound).map(lambda value: json.dumps(value).encode())
    anything = st.one_of(st.just(sound), spoilt(sound), PROBLEMS, JSON).map(lambda value: json.dumps(value).encode()) | NO_JSON
    return st.builds(Reply, status=st.just(200), headers=_HEADERS, body=almost) | st.builds(
        Reply, status=_STATUS, headers=_HEADERS, body=anything
    )


def outcomes(sound: Any) -> st.SearchStrategy[Outcome]:
    """The same, or no answer at all."""
    gone: st.SearchStrategy[Outcome] = st.sampled_from(
        [NotSent(why="no connection"), NotSent(why="cut", reachable=True), Ambiguous(why="no answer in time")]
    )
    return st.one_of(replies(sound), gone)
