"""What an answer of the service means, pure: the status first, the body only where the status allows (design, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from kiosk.consultation import decode_addresses, decode_cancellation, decode_consultation, decode_health
from kiosk.contract import CREDENTIAL_PROBLEMS, HEALTH_UP, PROBLEM_JSON, Problem
from kiosk.exchange import Reply
from kiosk.model import Registration
from kiosk.problems import IN_ITS_PLACE, Trouble, decode_problem, is_from_between, retry_after, short_type
from kiosk.verdicts import (
    Addresses,
    AddressesVerdict,
    Ambiguous,
    Answered,
    CallRefused,
    CallVerdict,
    CancelAnswered,
    CancelVerdict,
    ConsultVerdict,
    Health,
    HealthVerdict,
    Misconfigured,
    NotNow,
    NotThere,
    SearchFailed,
    SearchUnavailable,
    TooLarge,
)
from kiosk.wire import Page, decode_answer, decode_page

_SUCCESS: Final = range(200, 300)
_CLIENT_ERROR: Final = range(400, 500)


def judge_registration(reply: Reply, sent: Sequence[Registration], now_ms: int) -> CallVerdict:
    """Say what an answer to registerInBulk means: the status first, the body only where the status allows (design, section 5).

    Args:
        reply: The answer.
        sent: What was sent.
        now_ms: The box's clock, Unix milliseconds, for a Retry-After that is a date.
    """
    items = decode_answer(reply.body, sent) if reply.status in _SUCCESS else None
    return _judge_change(reply, len(sent), now_ms) if items is None else Answered(items=items)


def judge_cancellation(reply: Reply, ids: Sequence[int], now_ms: int) -> CancelVerdict:
    """Say what an answer to cancelInBulk means; arguments as for ``judge_registration``."""
    items = decode_cancellation(reply.body, ids) if reply.status in _SUCCESS else None
    return _judge_change(reply, len(ids), now_ms) if items is None else CancelAnswered(items=items)


def _judge_change(reply: Reply, count: int, now_ms: int) -> NotNow | Ambiguous | CallRefused | TooLarge | Misconfigured:
    """Judge an answer that settles nothing item by item, to a call that changes what the service holds."""
    problem = _problem(reply)
    blamed = () if problem is None else _blamed(problem, count)
    match reply.status:
        case status if status in _SUCCESS:
            return Ambiguous(why=_strange(reply) or f"the answer ({status}) does not settle every item")
        # A 404 that names items is about what they refer to; any other one says that the call leads nowhere.
        case HTTPStatus.NOT_FOUND if problem is not None and blamed:
            return CallRefused(reason=short_type(problem.type), items=blamed)
        case HTTPStatus.FORBIDDEN if problem is not None and problem.type == Problem.MISSING_PERMISSION:
            return Misconfigured(why=_told(reply, problem), employer_only=True)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN | HTTPStatus.NOT_FOUND | HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            return Misconfigured(why=_told(reply, problem), credential=_blames_client(problem))
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge()
        case HTTPStatus.TOO_MANY_REQUESTS:
            return NotNow(why=_told(reply, problem), retry_after=retry_after(reply.headers, problem, now_ms))
        case HTTPStatus.SERVICE_UNAVAILABLE if problem is not None:
            return NotNow(why=_told(reply, problem), retry_after=retry_after(reply.headers, problem, now_ms))
        case status if status in _CLIENT_ERROR and status != HTTPStatus.REQUEST_TIMEOUT and problem is not None:
            return CallRefused(reason=short_type(problem.type), items=blamed)
        case _:
            return Ambiguous(why=_told(reply, problem))


def judge_page(reply: Reply, now_ms: int) -> Page | SearchFailed | SearchUnavailable:
    """Say what an answer to a search means; arguments as for ``judge_registration``."""
    if reply.status in _SUCCESS:
        return decode_page(reply.body) or _not_understood(reply)
    return _judge_question(reply, now_ms)


def judge_consultation(reply: Reply, registration_id: int, now_ms: int) -> ConsultVerdict:
    """Say what an answer to the look at the registration with this id means; arguments as for ``judge_registration``."""
    if reply.status in _SUCCESS:
        return decode_consultation(reply.body, registration_id) or _not_understood(reply)
    problem = _problem(reply)
    # A 404 that blames no input says that the path itself leads nowhere.
    blamed = problem is not None and problem.type == Problem.RESOURCE_NOT_FOUND and problem.issues
    if reply.status == HTTPStatus.NOT_FOUND and blamed:
        return NotThere()
    return _judge_question(reply, now_ms)


def judge_addresses(reply: Reply, now_ms: int) -> AddressesVerdict:
    """Say what an answer to the search for addresses means; arguments as for ``judge_registration``."""
    if reply.status in _SUCCESS:
        found = decode_addresses(reply.body)
        return _not_understood(reply) if found is None else Addresses(items=found)
    return _judge_question(reply, now_ms)


def judge_health(reply: Reply, now_ms: int) -> HealthVerdict:
    """Say what an answer of the health operation means: 503 comes with its status too (Belgif), but never with a good one."""
    speaks = reply.status in _SUCCESS or reply.status == HTTPStatus.SERVICE_UNAVAILABLE
    status = decode_health(reply.body) if speaks else None
    if status is not None and (reply.status in _SUCCESS or status != HEALTH_UP):
        return Health(status=status)
    return _not_understood(reply) if reply.status in _SUCCESS else _judge_question(reply, now_ms)


def _judge_question(reply: Reply, now_ms: int) -> SearchFailed | SearchUnavailable:
    problem = _problem(reply)
    if reply.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        return SearchUnavailable(why=_told(reply, problem))
    return SearchFailed(
        why=_told(reply, problem), retry_after=retry_after(reply.headers, problem, now_ms), credential=_blames_client(problem)
    )


def _blames_client(problem: Trouble | None) -> bool:
    return problem is not None and problem.type in CREDENTIAL_PROBLEMS


def _not_understood(reply: Reply) -> SearchFailed:
    return SearchFailed(why=_strange(reply) or f"the answer ({reply.status}) is not understood")


def _problem(reply: Reply) -> Trouble | None:
    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
    return decode_problem(reply.body) if kind == PROBLEM_JSON else None


def _told(reply: Reply, problem: Trouble | None) -> str:
    if problem is not None:
        return f"{reply.status} {short_type(problem.type)}"
    return _strange(reply) or f"{reply.status} without a problem body"


def _strange(reply: Reply) -> str | None:
    """What to say of an answer that is most likely not the service's; None of its own."""
    return f"{reply.status}: {IN_ITS_PLACE}" if is_from_between(reply.status, reply.headers) else None


def _blamed(problem: Trouble, count: int) -> tuple[tuple[int, str], ...]:
    reasons: dict[int, list[str]] = {}
    for index, reason in problem.issues:
        if index is not None and index < count and reason not in reasons.setdefault(index, []):
            reasons[index].append(reason)
    return tuple((index, ", ".join(reasons[index])) for index in sorted(reasons))
