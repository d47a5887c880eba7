"""The ``registrations`` verbs and ``outbox reconcile``: what the service holds, and how it compares with the book.

They only ask; nothing is ever sent, changed or cancelled at the service. People are named by their holder's id; whoever is not
in the roster (a subcontractor's worker) shows with a masked INSZ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar, assert_never
from zoneinfo import ZoneInfo

from kiosk import amendments, daybook, elsewhere, roster
from kiosk.advice import Language
from kiosk.comparison import Finding
from kiosk.days import bounds
from kiosk.desk import Call, Desk, params, views
from kiosk.errors import Declined, SealBroken, UsageError
from kiosk.identifiers import DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber, Insz
from kiosk.model import rfc3339
from kiosk.outbox import Outbox
from kiosk.reconciliation import Consultant, Reconciled, Reconciler, counts
from kiosk.verdicts import Consulted, Found, NotThere, Query, SearchFailed, SearchUnavailable, ServedRegistration

#: What one answer holds at most, some two megabytes; a search is narrowed rather than told in parts: it asks anew each time.
_MOST: Final = 4000
_MOST_DAYS: Final = 31
_SEARCH: Final = ("from", "to", "holder", "insz", "employer", "declaration", "lang")
_T = TypeVar("_T")


def registrations_search(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell what the service holds of some days.

    Args:
        desk: The open store and the way to the service.
        asked: ``from`` and ``to``, dates of the site, both included, today if left out; ``holder`` or ``insz`` for one person
            under every number that he ever had; ``employer``, ``declaration``; ``lang`` for advice.

    Returns:
        ``{"items", "left_out"}``, by ascending id of the service; ``registration`` is our row, or null.

    Raises:
        UsageError: A parameter is wrong, or the days are more than 31.
        Declined: The service could not be asked.
    """
    params.only(asked, _SEARCH)
    language, (from_ms, to_ms) = params.language(asked), _days(desk, asked)
    query = Query(from_ms=from_ms, to_ms=to_ms - 1000, employer=_employer(asked), declaration=_declaration(asked))
    found: dict[int, ServedRegistration] = {}
    for ssin in _ssins(desk, asked):
        verdict = _service(desk).search(
            Query(from_ms=query.from_ms, to_ms=query.to_ms, ssin=ssin, employer=query.employer, declaration=query.declaration)
        )
        if not isinstance(verdict, Found):
            raise _not_asked(verdict)
        found.update((each.registration_id, each) for each in verdict.registrations)
    shown = [found[number] for number in sorted(found)]
    return {"items": _told(desk, shown[:_MOST], language), "left_out": max(0, len(shown) - _MOST)}


def registrations_show(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell one registration as the service holds it, with its history: ``{"id", "employer"?, "lang"?}``.

    It is asked for under the credential of our row's employer, else of ``employer``, else under the default one.

    Raises:
        Declined: The service has no such registration, or could not be asked.
    """
    params.only(asked, ("id", "employer", "lang"))
    number, language = params.number(asked, "id"), params.language(asked)
    row = desk.database.read(partial(amendments.row_of_id, book=desk.book, registration_id=number))
    term = None if row is None else daybook.term_of(_outbox(desk), row)
    verdict = _service(desk).consult(number, employer=_employer(asked) if term is None else term[0])
    match verdict:
        case Consulted(registration=served, history=history):
            (told,) = _told(desk, [served], language)
            past = [{"validity": each.validity, "remarks": list(each.remarks), "at": _time(each.second)} for each in history]
            return {**told, "history": past}
        case NotThere():
            raise Declined(
                f"the service has no registration {number} that this box may see",
                repair="where it is another employer's, name him: --employer NUMBER",
            )
        case SearchFailed() | SearchUnavailable():
            raise _not_asked(verdict)
        case other:
            assert_never(other)


def outbox_reconcile(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Compare one day of the book with the service: ``{"day"}``, a date of the site. Nothing is sent.

    Returns:
        How many are equal, only here, only there, different, duplicate, and why the rest is explained; each unexplained one
        in ``items``. A loss, a duplicate, a difference is a task afterwards.

    Raises:
        UsageError: It is no date, or lies in the future.
        Declined: The service could not be asked, or rows of that day were purged.
    """
    params.only(asked, ("day",))
    zone = ZoneInfo(desk.time_zone)
    day = params.day(asked, "day")
    if bounds(day, zone)[0] > desk.clock().wall_ms:
        raise UsageError("day: this day has not begun yet")
    declarations = [term.number for term in desk.declarations]
    reconciler = Reconciler(
        _outbox(desk),
        partial(_service, desk),
        desk.clock,
        zone=zone,
        declarations=declarations,
        max_shift_hours=desk.limits.max_shift_hours,
    )
    if bounds(day, zone)[0] < reconciler.whole_from_ms():
        raise Declined("the book is not whole any more for this day: what is kept long enough goes ([retention])")
    came = reconciler.compare(day)
    if not isinstance(came, Reconciled):
        raise _not_asked(came)
    return {
        "day": day.isoformat(),
        **counts(came.comparison),
        "explained": {why.value: count for why, count in came.comparison.explained.items()},
        "shown": came.shown,
        "asked": came.asked,
        "items": [_finding(each) for each in came.comparison.findings],
    }


def _service(desk: Desk) -> Consultant:
    if desk.service is None:
        raise Declined("there is no way to the service here", repair="ask the running daemon: `kiosk run`")
    return desk.service()


def _not_asked(verdict: SearchFailed | SearchUnavailable) -> Declined:
    return Declined(f"the service could not be asked: {verdict.why}", repair="`kiosk status` shows how it stands; try again later")


def _told(desk: Desk, shown: Iterable[ServedRegistration], language: Language) -> list[dict[str, object]]:
    some = list(shown)
    holders = elsewhere.holders_of(_outbox(desk), {each.ssin for each in some})
    told = []
    for each in some:
        row = desk.database.read(partial(amendments.row_of_id, book=desk.book, registration_id=each.registration_id))
        told.append(views.served_fields(each, language, holder=holders.get(each.ssin), row=row))
    return told


def _finding(finding: Finding) -> dict[str, object]:
    """One thing that nothing explains, by our row and the service's id; nobody is named but by his holder's id."""
    one = finding.ours or finding.theirs
    return {
        "kind": finding.kind.value,
        "registration": None if finding.ours is None else finding.ours.row,
        "registration_id": None if finding.theirs is None else finding.theirs.registration_id,
        "holder": None if one is None else one.holder,
        "direction": None if one is None else one.direction.value,
        "registration_date": None if one is None else _time(one.second),
        "what": [each.value for each in finding.what],
    }


def _days(desk: Desk, asked: Mapping[str, object]) -> tuple[int, int]:
    """The window of ``from`` and ``to``, Unix milliseconds UTC, the end exclusive."""
    zone = ZoneInfo(desk.time_zone)
    today = datetime.fromtimestamp(desk.clock().wall_ms / 1000, zone).date()
    ends = today if asked.get("to") is None else params.day(asked, "to")
    begins = min(ends, today) if asked.get("from") is None else params.day(asked, "from")
    if not timedelta() <= ends - begins < timedelta(days=_MOST_DAYS):
        raise UsageError(f"from, to: `to` lies before `from`, or the days are more than {_MOST_DAYS}")
    return bounds(begins, zone)[0], bounds(ends, zone)[1]


def _ssins(desk: Desk, asked: Mapping[str, object]) -> list[str | None]:
    """The numbers to search for one by one; None searches for everybody."""
    if asked.get("holder") is None and asked.get("insz") is None:
        return [None]
    if params.one_of(asked, ("holder", "insz")) == "insz":
        insz = _read(Insz.parse, asked, "insz")
        holder = desk.database.read(partial(roster.holder_of_insz, vault=desk.vault, insz=insz))
        if holder is None:
            return [insz.digits]
    else:
        holder = params.number(asked, "holder")
    try:
        ssins = desk.database.read(partial(roster.every_insz, vault=desk.vault, holder=holder))
    except SealBroken:
        ssins = frozenset()
    if not ssins:
        raise Declined(f"the roster has no holder {holder}", repair="`kiosk badge list` shows all of them")
    return [*sorted(ssins)]


def _read(parse: Callable[[str], _T], asked: Mapping[str, object], name: str) -> _T:
    try:
        return parse(params.text(asked, name))
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None


def _employer(asked: Mapping[str, object]) -> Employer | None:
    if asked.get("employer") is None:
        return None
    if params.text(asked, "employer").strip()[:1].isdecimal():
        return _read(EnterpriseNumber.parse, asked, "employer")
    return _read(ForeignVatNumber.parse, asked, "employer")


def _declaration(asked: Mapping[str, object]) -> DeclarationNumber | None:
    return None if asked.get("declaration") is None else _read(DeclarationNumber.parse, asked, "declaration")


def _outbox(desk: Desk) -> Outbox:
    return Outbox(desk.database, desk.vault, desk.book)


def _time(second: int | None) -> str | None:
    return None if second is None else rfc3339(second * 1000)


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {
    "registrations search": registrations_search,
    "registrations show": registrations_show,
    "outbox reconcile": outbox_reconcile,
}
