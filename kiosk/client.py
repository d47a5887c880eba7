"""Calls to presenceRegistration and what each of them came to (design, section 5).

Nothing is tried twice here except once after a 401, which says that the call was not carried out.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, assert_never
from uuid import uuid4

from kiosk.auth import Token, TokenSource, load_private_key
from kiosk.contract import MAX_PAGES, PAGE_SIZE, PROBLEM_JSON, TRACE_HEADER, Problem, ServiceSettings
from kiosk.exchange import Exchange, Outcome, Reply
from kiosk.model import ClockReading, Registration
from kiosk.problems import Trouble, decode_problem, retry_after, short_type
from kiosk.verdicts import (
    Ambiguous,
    Answered,
    CallRefused,
    CallVerdict,
    Found,
    Misconfigured,
    NotNow,
    NotSent,
    Query,
    SearchFailed,
    SearchUnavailable,
    SearchVerdict,
    ServedRegistration,
    TooLarge,
)
from kiosk.wire import Page, decode_answer, decode_page, encode_query, encode_registrations

_LOG: Final = logging.getLogger(__name__)
_SUCCESS: Final = range(200, 300)
_CLIENT_ERROR: Final = range(400, 500)


class Client:
    """The service, as seen from this box; safe from several threads.

    Args:
        settings: Where the service is and who this box is; the client key is read from its file here, once.
        clock: Reads all clocks.

    Raises:
        UsageError: The client key can't be used.
    """

    def __init__(self, settings: ServiceSettings, clock: Callable[[], ClockReading]) -> None:
        self._settings = settings
        self._clock = clock
        self._exchange = Exchange(ca_file=settings.ca_file, timeout_seconds=settings.timeout_seconds)
        self._tokens = TokenSource(settings, load_private_key(settings.private_key), clock, self._exchange)

    def register(self, registrations: Sequence[Registration]) -> CallVerdict:
        """Send registrations of one employer and one declaration, at most 200, and judge the answer item by item."""
        outcome = self._call(self._settings.paths.register, encode_registrations(registrations))
        match outcome:
            case Reply():
                return judge_registration(outcome, registrations, self._clock().wall_ms)
            case NotSent() | Ambiguous() | Misconfigured():
                return outcome
            case other:
                assert_never(other)

    def search(self, query: Query) -> SearchVerdict:
        """Look up what the service holds, all pages. Absence may be concluded only from ``Found``."""
        found: dict[int, ServedRegistration] = {}
        seen: set[int] = set()
        for number in range(1, MAX_PAGES + 1):
            page = self._page(query, number)
            if not isinstance(page, Page):
                return page
            fresh = set(page.ids) - seen
            seen |= fresh
            found.update((each.registration_id, each) for each in page.registrations)
            if _is_last(page, seen, fresh):
                return Found(registrations=tuple(found.values()))
            # Rows came or went between two pages, or the service ignores the page number: some may have been missed.
            if not fresh:
                return SearchFailed(why="the pages of the search do not add up")
        return SearchFailed(why="the search has too many pages")

    def abort(self) -> None:
        """End every call under way at once, as ``NotSent`` or ``Ambiguous``, and refuse new ones; safe from any thread."""
        self._exchange.abort()

    def close(self) -> None:
        """Abort, and let the connections go; may be called twice."""
        self._exchange.close()

    def _page(self, query: Query, number: int) -> Page | SearchFailed | SearchUnavailable:
        outcome = self._call(self._settings.paths.search, encode_query(query, number))
        match outcome:
            case Reply():
                return judge_page(outcome, self._clock().wall_ms)
            case NotSent(why=why, retry_after=seconds):
                return SearchFailed(why=why, retry_after=seconds)
            case Ambiguous(why=why) | Misconfigured(why=why):
                return SearchFailed(why=why)
            case other:
                assert_never(other)

    def _call(self, path: str, body: bytes) -> Outcome:
        outcome = self._send(path, body)
        if isinstance(outcome, tuple):
            token, reply = outcome
            if reply.status != HTTPStatus.UNAUTHORIZED:
                return reply
            self._tokens.invalidate(token)
            outcome = self._send(path, body)
        return outcome[1] if isinstance(outcome, tuple) else outcome

    def _send(self, path: str, body: bytes) -> tuple[Token, Reply] | NotSent | Ambiguous | Misconfigured:
        token = self._tokens.get()
        if not isinstance(token, Token):
            return token
        trace = str(uuid4())
        headers = {
            "Authorization": f"Bearer {token.value}",
            "Content-Type": "application/json",
            "Accept": f"application/json, {PROBLEM_JSON}",
            TRACE_HEADER: trace,
        }
        outcome = self._exchange.post(self._settings.url(path), headers=headers, body=body)
        if not isinstance(outcome, Reply):
            _LOG.debug("call %s: %s, trace %s", path, outcome, trace)
            return outcome
        theirs = re.sub(r"[^0-9A-Za-z-]", "", outcome.headers.get(TRACE_HEADER.lower(), ""))[:36]
        _LOG.debug("call %s: status %d, trace %s, theirs %s", path, outcome.status, trace, theirs or "none")
        return token, outcome


def judge_registration(reply: Reply, sent: Sequence[Registration], now_ms: int) -> CallVerdict:
    """Say what an answer to registerInBulk means: the status first, the body only where the status allows (design, section 5).

    Args:
        reply: The answer.
        sent: What was sent.
        now_ms: The box's clock, Unix milliseconds, for a Retry-After that is a date.
    """
    problem = _problem(reply)
    match reply.status:
        case status if status in _SUCCESS:
            items = decode_answer(reply.body, sent)
            return Ambiguous(why=f"the answer ({status}) does not settle every item") if items is None else Answered(items=items)
        case HTTPStatus.FORBIDDEN if problem is not None and problem.type == Problem.MISSING_PERMISSION:
            return Misconfigured(why=_told(reply, problem), employer_only=True)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.NOT_FOUND | HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return Misconfigured(why=_told(reply, problem))
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge()
        case HTTPStatus.TOO_MANY_REQUESTS:
            return NotNow(why=_told(reply, problem), retry_after=retry_after(reply.headers, problem, now_ms))
        case HTTPStatus.SERVICE_UNAVAILABLE if problem is not None:
            return NotNow(why=_told(reply, problem), retry_after=retry_after(reply.headers, problem, now_ms))
        case status if status in _CLIENT_ERROR and status != HTTPStatus.REQUEST_TIMEOUT and problem is not None:
            return CallRefused(reason=short_type(problem.type), items=_blamed(problem, len(sent)))
        case _:
            return Ambiguous(why=_told(reply, problem))


def judge_page(reply: Reply, now_ms: int) -> Page | SearchFailed | SearchUnavailable:
    """Say what an answer to a search means; arguments as for ``judge_registration``."""
    problem = _problem(reply)
    if reply.status in _SUCCESS:
        return decode_page(reply.body) or SearchFailed(why=f"the answer ({reply.status}) to a search is not understood")
    if reply.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return SearchUnavailable(why=_told(reply, problem))
    return SearchFailed(why=_told(reply, problem), retry_after=retry_after(reply.headers, problem, now_ms))


def _is_last(page: Page, seen: set[int], fresh: set[int]) -> bool:
    """Whether everything was seen: by the total, else by a short page, else by a page without anything new."""
    if page.total is not None:
        return len(seen) == page.total
    if page.size is not None:
        return len(page.ids) < page.size
    # A service may cut pages shorter than we ask without saying so; a full page that repeats itself proves nothing.
    return not fresh and len(page.ids) < PAGE_SIZE


def _problem(reply: Reply) -> Trouble | None:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return decode_problem(reply.body) if kind == PROBLEM_JSON else None


def _told(reply: Reply, problem: Trouble | None) -> str:
    return f"{reply.status} {'without a problem body' if problem is None else short_type(problem.type)}"


def _blamed(problem: Trouble, count: int) -> tuple[tuple[int, str], ...]:
    reasons: dict[int, list[str]] = {}
    for index, reason in problem.issues:
        if index is not None and index < count and reason not in reasons.setdefault(index, []):
            reasons[index].append(reason)
    return tuple((index, ", ".join(reasons[index])) for index in sorted(reasons))
