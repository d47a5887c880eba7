"""The service itself: health, clock, token, and a dry run of each operation that leaves nothing behind.

Never a registration and never a cancellation. Permissions are proven by a search for each configured employer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, assert_never

from kiosk.auth import load_private_key
from kiosk.check import Finding
from kiosk.contract import ASSERTION_BACKDATE_SECONDS, HEALTH_UP, ServiceSettings
from kiosk.contract import Problem as Belgif
from kiosk.doctor.grading import advice, fine, red
from kiosk.errors import KioskError
from kiosk.exchange import Exchange, Reply
from kiosk.identifiers import Employer
from kiosk.judgement import judge_health
from kiosk.model import Address
from kiosk.problems import short_type
from kiosk.services import Services
from kiosk.settings import Config
from kiosk.site_settings import Site
from kiosk.verdicts import (
    Addresses,
    Consulted,
    Found,
    Health,
    NotSent,
    NotThere,
    Query,
    SearchFailed,
    SearchUnavailable,
)

#: 2000-01-01T00:00:00Z, one second: long before the service, so that nobody's registration is looked at.
_EMPTY_MS: Final = 946_684_800_000
#: The largest integer that every JSON reader keeps: no registration has that id.
_NO_ID: Final = 2**53 - 1
#: A Date header counts whole seconds, and the answer takes its time.
_TOLERATED_SECONDS: Final = 2.0
_PATHS: Final = "the service may have moved it: compare its description (kiosk contract diff) and correct [service.paths]"
_CHAMAN: Final = "in Chaman, give the account of this box the permission for Check In and Out at Work"


def health(settings: ServiceSettings, exchange: Exchange, wall: Callable[[], datetime]) -> Iterator[Finding]:
    """Ask how the service is, without a token, and compare its clock with ours.

    Args:
        settings: Where it is.
        exchange: The way there.
        wall: Reads the system clock, aware, UTC.
    """
    before = wall()
    outcome = exchange.get(settings.url(settings.paths.health), headers={"Accept": "application/json"})
    if not isinstance(outcome, Reply):
        yield red("health", outcome.why, "see the lines about name and TLS")
        return
    yield _health(outcome, before)
    yield drift(outcome.headers, before=before, after=wall())


def _health(reply: Reply, now: datetime) -> Finding:
    match judge_health(reply, round(now.timestamp() * 1000)):
        case Health(status=status) if status == HEALTH_UP:
            return fine("health", "the service says UP")
        case Health(status=status):
            return advice("health", f"the service says {status[:20]}", "wait: registrations are kept and sent when it is back")
        case SearchUnavailable(why=why) | SearchFailed(why=why):
            # That this service has a health operation at all is assumed: its absence alone proves nothing.
            return advice("health", why, "the other lines decide; it is not known whether the service has this operation")
        case other:
            assert_never(other)


def drift(headers: Mapping[str, str], *, before: datetime, after: datetime) -> Finding:
    """Compare the service's clock, by its Date header, with ours before and after the call."""
    subject = "clock against the service"
    try:
        theirs = parsedate_to_datetime(headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return fine(subject, "the service does not say what time it has")
    ahead = (before - theirs).total_seconds() - 1
    behind = (theirs - after).total_seconds()
    off = max(ahead, behind, 0.0)
    if off <= _TOLERATED_SECONDS:
        return fine(subject, "they agree")
    told = f"this box is {off:.0f} s {'ahead' if ahead > behind else 'behind'}"
    repair = "set the clock of this box: timedatectl set-ntp true; taps go out under its time"
    return red(subject, told, repair) if off > ASSERTION_BACKDATE_SECONDS else advice(subject, told, repair)


def credentials(config: Config, services: Services) -> Iterator[Finding]:
    """Get a token under each credential, and try with it what leaves nothing behind."""
    usable: set[Employer | None] = set()
    for employer, settings in ((None, config.service.settings), *config.own_settings.items()):
        subject = "token" if employer is None else f"token of {employer.value}"
        found = token(subject, settings, services, employer)
        if found.repair is None:
            usable.add(employer)
        yield found
    if None in usable:
        yield consult(services)
        yield addresses(services, config.site)
    for employer in employers(config):
        if (employer if employer in config.own_settings else None) in usable:
            yield permission(services, employer)
    for operation in ("register", "cancel"):
        yield fine(operation, f"not tried: it would {operation}")


def token(subject: str, settings: ServiceSettings, services: Services, employer: Employer | None) -> Finding:
    """Get a token: proves client id, key, certificate, clock, and that the token server takes this algorithm."""
    try:
        algorithm = load_private_key(settings.private_key).algorithm
    except KioskError as error:
        return red(subject, error.message, error.repair or "kiosk check")
    failed = services.token(employer)
    if failed is None:
        return fine(subject, f"the token server gave one for an assertion signed with {algorithm}")
    if isinstance(failed, NotSent):
        return red(subject, failed.why, "see the lines about clock, name and TLS; if they are well, try again later")
    repair = "does the certificate in Chaman belong to this key, and is client_id the one shown there? (kiosk check, clock, TLS)"
    if algorithm != "RS256":
        repair += f"; {algorithm} is not proven with this token server: try kiosk provision rotate --key rsa-3072"
    return red(subject, failed.why, repair)


def employers(config: Config) -> list[Employer]:
    """Every employer that the configuration names, once."""
    named = (config.employer, *(each.employer for each in config.declarations), *config.own_settings)
    return list(dict.fromkeys(employer for employer in named if employer is not None))


def permission(services: Services, employer: Employer) -> Finding:
    """Search an empty moment of this employer: shows that search works and that the box may act for him."""
    subject = f"permission for {employer.value}"
    match services.search(Query(from_ms=_EMPTY_MS, to_ms=_EMPTY_MS, employer=employer)):
        case Found():
            return fine(subject, "search answers")
        case SearchUnavailable(why=why) if short_type(Belgif.MISSING_PERMISSION) in why:
            told = f"the service does not let this box act for this employer ({why})"
            return red(subject, told, f"{_CHAMAN}; for another company it needs that company's mandate")
        case SearchUnavailable(why=why) | SearchFailed(why=why):
            return _failed(subject, why)
        case other:
            assert_never(other)


def consult(services: Services) -> Finding:
    """Ask for a registration that can't be there."""
    match services.consult(_NO_ID, employer=None):
        case NotThere() | Consulted():
            return fine("consult", "answers")
        case SearchUnavailable(why=why) | SearchFailed(why=why):
            return _failed("consult", why)
        case other:
            assert_never(other)


def addresses(services: Services, site: Site) -> Finding:
    """Ask which addresses belong to the site's coordinates, and compare them with the one that is configured."""
    match services.addresses(site.coordinates):
        case Addresses(items=()):
            return advice("addresses", "the service knows none at the site's coordinates", "are latitude and longitude right?")
        case Addresses(items=items):
            return _located(items, site)
        case SearchUnavailable(why=why) | SearchFailed(why=why):
            return _failed("addresses", why)
        case other:
            assert_never(other)


def _located(items: tuple[Address, ...], site: Site) -> Finding:
    first = items[0]
    told = f"the site's coordinates are at {first.street} {first.house_number}, {first.post_code} {first.municipality}"
    if site.address is not None and site.address.post_code not in {each.post_code for each in items}:
        return advice("addresses", f"{told}; [site.address] is elsewhere", "correct the address, or the coordinates")
    return fine("addresses", told)


def _failed(subject: str, why: str) -> Finding:
    if short_type(Belgif.MISSING_SCOPE) in why:
        return red(subject, f"the token does not allow it ({why})", _CHAMAN)
    return red(
        subject, why, _PATHS if why.startswith("404") else "try again later; if it stays so, give the bundle to your support"
    )
