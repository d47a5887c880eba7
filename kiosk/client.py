"""Calls to presenceRegistration and what each of them came to (design, section 5).

Nothing is tried twice here except once after a 401, which says that the call was not carried out.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, TypeVar, assert_never
from uuid import uuid4

from kiosk.auth import Token, TokenSource, load_private_key
from kiosk.consultation import encode_cancellation, encode_place
from kiosk.contract import MAX_PAGES, PROBLEM_JSON, TRACE_HEADER, ServiceSettings
from kiosk.exchange import Exchange, Noted, Outcome, Reply, unnoted
from kiosk.judgement import (
    judge_addresses,
    judge_cancellation,
    judge_consultation,
    judge_health,
    judge_page,
    judge_registration,
)
from kiosk.model import ClockReading, Coordinates, Registration
from kiosk.verdicts import (
    AddressesVerdict,
    Ambiguous,
    CallVerdict,
    CancelVerdict,
    ConsultVerdict,
    Found,
    HealthVerdict,
    Misconfigured,
    NotSent,
    Query,
    SearchFailed,
    SearchUnavailable,
    SearchVerdict,
    ServedRegistration,
)
from kiosk.wire import Page, encode_query, encode_registrations

_LOG: Final = logging.getLogger(__name__)
_ACCEPT: Final = f"application/json, {PROBLEM_JSON}"
_T = TypeVar("_T")


class Client:
    """The service, as seen from this box; safe from several threads.

    Args:
        settings: Where the service is and who this box is; the client key is read from its file here, once.
        clock: Reads all clocks.
        noted: Told the time of every answer, of the token server too.

    Raises:
        UsageError: The client key can't be used.
    """

    def __init__(self, settings: ServiceSettings, clock: Callable[[], ClockReading], noted: Noted = unnoted) -> None:
        self._settings = settings
        self._clock = clock
        self._exchange = Exchange(ca_file=settings.ca_file, timeout_seconds=settings.timeout_seconds, noted=noted)
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
            if _is_last(page, seen, fresh, self._settings.page_size):
                return Found(registrations=tuple(found.values()))
            # Rows came or went between two pages, or the service ignores the page number: some may have been missed.
            if not fresh:
                return SearchFailed(why="the pages of the search do not add up")
        return SearchFailed(why="the search has too many pages")

    def consult(self, registration_id: int) -> ConsultVerdict:
        """Look at one registration with its history."""
        outcome = self._call(self._settings.paths.consult.replace("{id}", str(registration_id)), None)
        return self._asked(outcome, lambda reply, now_ms: judge_consultation(reply, registration_id, now_ms))

    def cancel(self, ids: Sequence[int]) -> CancelVerdict:
        """Cancel registrations of one employer by the service's ids, at most 200, and judge the answer item by item."""
        outcome = self._call(self._settings.paths.cancel, encode_cancellation(ids))
        return judge_cancellation(outcome, ids, self._clock().wall_ms) if isinstance(outcome, Reply) else outcome

    def addresses(self, place: Coordinates) -> AddressesVerdict:
        """Ask which addresses belong to coordinates."""
        return self._asked(self._call(self._settings.paths.addresses, encode_place(place)), judge_addresses)

    def health(self) -> HealthVerdict:
        """Ask how the service is; without a token, so that it tells apart what fails."""
        url = self._settings.url(self._settings.paths.health)
        return self._asked(self._exchange.get(url, headers={"Accept": _ACCEPT, TRACE_HEADER: str(uuid4())}), judge_health)

    def token(self) -> NotSent | Misconfigured | None:
        """Get a token, or say why there is none: proves key, client id and token server, and calls nothing else."""
        found = self._tokens.get()
        return None if isinstance(found, Token) else found

    def abort(self) -> None:
        """End every call under way at once, as ``NotSent`` or ``Ambiguous``, and refuse new ones; safe from any thread."""
        self._exchange.abort()

    def close(self) -> None:
        """Abort, and let the connections go; may be called twice."""
        self._exchange.close()

    def _page(self, query: Query, number: int) -> Page | SearchFailed | SearchUnavailable:
        body = encode_query(query, number, self._settings.page_size)
        return self._asked(self._call(self._settings.paths.search, body), judge_page)

    def _asked(self, outcome: Outcome, judge: Callable[[Reply, int], _T]) -> _T | SearchFailed:
        """Judge the answer to a question; whatever kept it from being answered is tried again later."""
        match outcome:
            case Reply():
                return judge(outcome, self._clock().wall_ms)
            case NotSent(why=why, retry_after=seconds, reachable=reachable):
                return SearchFailed(why=why, retry_after=seconds, reachable=reachable)
            case Ambiguous(why=why):
                return SearchFailed(why=why)
            case Misconfigured(why=why, credential=credential):
                return SearchFailed(why=why, credential=credential)
            case other:
                assert_never(other)

    def _call(self, path: str, body: bytes | None) -> Outcome:
        """POST a body, or without one GET."""
        outcome = self._send(path, body)
        if isinstance(outcome, tuple):
            token, reply = outcome
            if reply.status != HTTPStatus.UNAUTHORIZED:
                return reply
            self._tokens.invalidate(token)
            outcome = self._send(path, body)
        return outcome[1] if isinstance(outcome, tuple) else outcome

    def _send(self, path: str, body: bytes | None) -> tuple[Token, Reply] | NotSent | Ambiguous | Misconfigured:
        token = self._tokens.get()
        if not isinstance(token, Token):
            return token
        trace = str(uuid4())
        headers = {
            "Authorization": f"Bearer {token.value}",
            "Accept": _ACCEPT,
            TRACE_HEADER: trace,
        }
        url = self._settings.url(path)
        if body is None:
            outcome = self._exchange.get(url, headers=headers)
        else:
            outcome = self._exchange.post(url, headers=headers | {"Content-Type": "application/json"}, body=body)
        if not isinstance(outcome, Reply):
            _LOG.debug("call %s: %s, trace %s", path, outcome, trace)
            return outcome
        theirs = re.sub(r"[^0-9A-Za-z-]", "", outcome.headers.get(TRACE_HEADER.lower(), ""))[:36]
        _LOG.debug("call %s: status %d, trace %s, theirs %s", path, outcome.status, trace, theirs or "none")
        return token, outcome


def _is_last(page: Page, seen: set[int], fresh: set[int], asked: int) -> bool:
    """Whether everything was seen: by the total, else by a short page, else by a page without anything new."""
    if page.total is not None:
        return len(seen) == page.total
    if page.size is not None:
        return len(page.ids) < page.size
    # A service may cut pages shorter than we ask without saying so; a full page that repeats itself proves nothing.
    return not fresh and len(page.ids) < asked
