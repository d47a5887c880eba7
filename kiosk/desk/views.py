"""How people, badges and registrations are told as JSON values: INSZ and card masked, absent is null, times RFC 3339 UTC."""

from __future__ import annotations

from dataclasses import asdict

from kiosk.advice import Audience, Language, advise, advise_finding
from kiosk.amendments import Kept, SealedRow
from kiosk.badges import Badge
from kiosk.contract import VALIDITY_PENDING
from kiosk.identifiers import Employer, EnterpriseNumber, ForeignVatNumber, Insz
from kiosk.model import Address, Coordinates, Place, Profile, Reason, State, rfc3339
from kiosk.roster import DatedProfile
from kiosk.task_advice import ON_REASONS
from kiosk.verdicts import ServedRegistration


def profile_fields(profile: Profile | None) -> dict[str, object]:
    """Tell a profile; with None, one whose seal does not open, every field is null."""
    return {
        "insz": None if profile is None else profile.insz.masked,
        "name": None if profile is None else profile.name or None,
        "language": None if profile is None else profile.language,
        **_employer_fields(None if profile is None else profile.employer),
        "declaration": None if profile is None or profile.declaration is None else profile.declaration.value,
        "personnel_number": None if profile is None else profile.personnel_number,
        "capacity": None if profile is None else profile.capacity.value,
        "local": None if profile is None else profile.local,
    }


def dated_fields(dated: DatedProfile) -> dict[str, object]:
    """Tell a profile with the moment from which it holds."""
    return {
        "id": dated.id,
        "valid_from": rfc3339(dated.valid_from_ms),
        **profile_fields(dated.profile),
        "damaged": dated.profile is None,
    }


def badge_fields(badge: Badge) -> dict[str, object]:
    """Tell a badge."""
    return {
        "id": badge.id,
        "holder": badge.holder,
        "card": None if badge.card is None else badge.card.masked,
        "technology": None if badge.chip is None else badge.chip.technology,
        "trust": None if badge.chip is None else badge.chip.trust.value,
        "added_at": rfc3339(badge.added_ms),
        "revoked_at": time(badge.revoked_ms),
    }


def row_fields(kept: Kept) -> dict[str, object]:
    """Tell a registration as ``outbox list`` does."""
    row = kept.row
    return {
        "id": row.id,
        "state": kept.state.value,
        "direction": kept.direction.value,
        "tapped_at": rfc3339(row.tapped_ms),
        "registration_date": rfc3339(row.at_ms),
        "registration_id": row.registration_id,
        "confirmed_at": time(row.confirmed_ms),
        "validity": row.validity,
        "remarks": list(kept.remarks),
        "reason": kept.cancelled_because or row.reason,
        "attempts": row.attempts,
        "insz": None if kept.draft is None else kept.draft.ssin.masked,
        "cancel_requested": bool(row.cancel_requested),
    }


def whole_row_fields(kept: Kept, language: Language = Language.EN) -> dict[str, object]:
    """Tell a registration as ``outbox show`` does: with who, where, by what card, for whom, how good the clock was, and advice."""
    row, draft = kept.row, kept.draft
    return {
        **row_fields(kept),
        "holder": row.holder,
        "reader": row.reader,
        "technology": row.technology,
        "trust": row.trust,
        "linked": None
        if row.linked is None
        else {"tap": row.linked, "until": time(row.link_until_ms), "confirmed_at": time(row.link_confirmed_ms)},
        "clock_trusted": bool(row.clock_trusted),
        "clock": _clock_fields(row),
        **_employer_fields(None if draft is None else draft.employer),
        "declaration": None if draft is None or draft.declaration is None else draft.declaration.value,
        **_place_fields(None if draft is None else draft.place),
        "place": {
            "source": row.place_source,
            "error_meters": row.place_error_m,
            "age_seconds": None if row.place_age_ms is None else row.place_age_ms / 1000,
        },
        "called_at": time(row.called_ms),
        "absent_at": time(row.absent_ms),
        "damaged": draft is None,
        "advice": row_advice(kept, language),
    }


def _clock_fields(row: SealedRow) -> dict[str, object]:
    """Tell how far the time of a tap is known: what the clock said, by whose word, and in which interval it must lie."""
    return {
        "reading": rfc3339(row.tapped_ms),
        "source": row.clock_source,
        "error_bound_seconds": None if row.bound_ms is None else row.bound_ms / 1000,
        "healed_at": time(row.healed_ms),
        "earliest": time(row.earliest_ms),
        "latest": time(row.latest_ms),
    }


def row_advice(kept: Kept, language: Language) -> list[str]:
    """What a manager can do about a registration: by the service's findings, or by why it is refused or held."""
    match kept.state:
        case State.ACCEPTED:
            return list(advise_finding(kept.row.validity or VALIDITY_PENDING, kept.remarks, language, Audience.MANAGER))
        case State.REFUSED:
            return list(advise([kept.row.reason or "notCreated"], language, Audience.MANAGER))
        case State.HELD if kept.row.reason is not None and kept.row.reason in ON_REASONS:
            return [ON_REASONS[Reason(kept.row.reason)][language]]
        case _:
            return []


def served_fields(served: ServedRegistration, language: Language, *, holder: int | None, row: int | None) -> dict[str, object]:
    """Tell what the service holds, with the holder of the roster and our row, if there are such."""
    return {
        "id": served.registration_id,
        "direction": served.direction.value,
        "registration_date": rfc3339(served.second * 1000),
        "created_at": None if served.created is None else rfc3339(served.created * 1000),
        "registration": row,
        "holder": holder,
        "insz": Insz(served.ssin).masked,
        **_employer_fields(served.employer),
        "declaration": served.declaration.value,
        **_place_fields(served.place),
        "validity": served.validity,
        "cancelled": served.cancelled,
        "remarks": list(served.remarks),
        "advice": list(advise_finding(served.validity, served.remarks, language, Audience.MANAGER)),
    }


def _place_fields(place: Place | None) -> dict[str, object]:
    return {
        "latitude": place.latitude if isinstance(place, Coordinates) else None,
        "longitude": place.longitude if isinstance(place, Coordinates) else None,
        "address": asdict(place) if isinstance(place, Address) else None,
    }


def _employer_fields(employer: Employer | None) -> dict[str, object]:
    return {
        "enterprise_number": employer.value if isinstance(employer, EnterpriseNumber) else None,
        "foreign_vat_number": employer.value if isinstance(employer, ForeignVatNumber) else None,
    }


def time(milliseconds: int | None) -> str | None:
    """Tell a moment; None is null."""
    return None if milliseconds is None else rfc3339(milliseconds)
