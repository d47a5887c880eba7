"""How people and badges are told as JSON values: INSZ and card masked, absent is null, times RFC 3339 UTC."""

from __future__ import annotations

from kiosk.identifiers import EnterpriseNumber, ForeignVatNumber
from kiosk.model import Profile, rfc3339
from kiosk.roster import Badge, DatedProfile


def profile_fields(profile: Profile | None) -> dict[str, object]:
    """Tell a profile; with None, one whose seal does not open, every field is null."""
    employer = None if profile is None else profile.employer
    return {
        "insz": None if profile is None else profile.insz.masked,
        "name": None if profile is None else profile.name or None,
        "language": None if profile is None else profile.language,
        "enterprise_number": employer.value if isinstance(employer, EnterpriseNumber) else None,
        "foreign_vat_number": employer.value if isinstance(employer, ForeignVatNumber) else None,
        "declaration": None if profile is None or profile.declaration is None else profile.declaration.value,
        "personnel_number": None if profile is None else profile.personnel_number,
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
        "added_at": rfc3339(badge.added_ms),
        "revoked_at": None if badge.revoked_ms is None else rfc3339(badge.revoked_ms),
    }
