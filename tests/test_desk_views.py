"""What is told of people and registrations is masked, complete, and null where there is nothing."""

from __future__ import annotations

from kiosk.amendments import Kept, SealedRow
from kiosk.badges import Badge
from kiosk.desk import views
from kiosk.identifiers import ForeignVatNumber
from kiosk.model import Direction, Profile, State
from kiosk.roster import DatedProfile
from tests.desks import MORNING_MS, draft
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, DECLARATION, EMPLOYER

MORNING = "2026-11-02T07:00:00Z"


def row() -> SealedRow:
    return SealedRow(
        id=17,
        uid=bytes(16),
        holder=3,
        direction="in",
        state="cancelled",
        reason="declaration",
        at_ms=MORNING_MS,
        group_index=None,
        sealed=b"",
        attempts=0,
        called_ms=None,
        absent_ms=None,
        cancel_requested=1,
        registration_id=None,
        confirmed_ms=None,
        validity=None,
        remarks=None,
        tapped_ms=MORNING_MS - 1000,
        reader="gate",
        clock_trusted=0,
        clock_source="none",
        clock_bound_ms=None,
        healed_ms=None,
        earliest_ms=MORNING_MS - 5000,
        latest_ms=MORNING_MS,
        technology="test",
        trust="uid",
        place_source="gps",
        place_error_m=21,
        place_age_ms=1500,
        linked=None,
        link_until_ms=None,
        link_confirmed_ms=None,
    )


def test_a_profile_is_told_with_its_number_masked() -> None:
    """Name and employer are told, the INSZ is masked, and what was never given is null."""
    told = views.profile_fields(Profile(insz=CANARY_INSZ, name="Z.", employer=ForeignVatNumber("NL809083001")))
    assert told == {
        "insz": CANARY_INSZ.masked,
        "name": "Z.",
        "language": None,
        "enterprise_number": None,
        "foreign_vat_number": "NL809083001",
        "declaration": None,
        "personnel_number": None,
        "capacity": "employee",
        "local": False,
    }


def test_what_does_not_open_is_null() -> None:
    """A damaged profile, badge or row is told as damaged, with nulls for what can't be read."""
    assert set(views.profile_fields(None).values()) == {None}
    damaged = views.dated_fields(DatedProfile(id=1, valid_from_ms=MORNING_MS, current=True, profile=None))
    assert (damaged["damaged"], damaged["valid_from"]) == (True, MORNING)
    badge = views.badge_fields(Badge(id=1, holder=1, card=None, added_ms=MORNING_MS, revoked_ms=MORNING_MS))
    assert (badge["card"], badge["revoked_at"]) == (None, MORNING)
    kept = Kept(row=row(), state=State.HELD, direction=Direction.IN, draft=None, remarks=(), cancelled_because=None)
    told = views.whole_row_fields(kept)
    assert [told[name] for name in ("insz", "declaration", "latitude", "enterprise_number")] == [None] * 4
    assert told["damaged"] is True


def test_a_badge_shows_the_end_of_its_card_only() -> None:
    """A card is masked but for its last four digits."""
    badge = views.badge_fields(Badge(id=1, holder=2, card=CANARY_CARD, added_ms=MORNING_MS, revoked_ms=None))
    assert badge == {
        "id": 1, "holder": 2, "card": "**********AD80", "technology": None, "trust": None, "added_at": MORNING, "revoked_at": None,
    }  # fmt: skip
    assert views.dated_fields(DatedProfile(id=1, valid_from_ms=0, current=True, profile=CANARY.profile))["damaged"] is False


def test_a_row_tells_tap_and_registration_apart() -> None:
    """The tap's reading, the registration's time, and the human's reason stand each in its own field."""
    kept = Kept(
        row=row(), state=State.CANCELLED, direction=Direction.IN, draft=draft(), remarks=("late",), cancelled_because="a visitor"
    )
    told = views.whole_row_fields(kept)
    assert (told["tapped_at"], told["registration_date"]) == ("2026-11-02T06:59:59Z", MORNING)
    assert (told["reason"], told["remarks"], told["cancel_requested"]) == ("a visitor", ["late"], True)
    assert (told["enterprise_number"], told["declaration"]) == (EMPLOYER.value, DECLARATION.value)
    assert told["place"] == {"source": "gps", "error_meters": 21, "age_seconds": 1.5}
    assert (told["insz"], told["confirmed_at"], told["clock_trusted"]) == (CANARY_INSZ.masked, None, False)
