"""kiosk.model keeps time and people straight, spells words as the world outside knows them, and shows nobody."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import (
    Answer,
    BadgeLine,
    ClockReading,
    Direction,
    Draft,
    Environment,
    Press,
    Profile,
    ReaderDirection,
    Registration,
    Signal,
    State,
    moment,
    rfc3339,
)
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME, DECLARATION, EMPLOYER, PLACE

MOMENT_MS = 1_795_331_704_987  # 2026-11-22T07:15:04.987Z
DRAFT = Draft(ssin=CANARY_INSZ, direction=Direction.IN, at_ms=MOMENT_MS, employer=EMPLOYER, place=PLACE, declaration=DECLARATION)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Environment, {"production", "training"}),
        (Direction, {"in", "out"}),
        (ReaderDirection, {"toggle", "in", "out"}),
        (Press, {"in", "out", "break"}),
        (State, {"queued", "in_flight", "unknown", "accepted", "refused", "held", "cancelled"}),
        (
            Signal,
            {"in", "out", "already", "held", "unknown_card", "local", "enrolled", "revoked", "unreadable", "failed"}
            | {"ready", "training", "attention", "dead"},
        ),
    ],
)
def test_the_words_that_others_rely_on(
    kind: type[Environment | Direction | ReaderDirection | Press | State | Signal], words: set[str]
) -> None:
    """States, signals and directions are spelled as the design's section 6 promises, since other programs compare them."""
    assert {member.value for member in kind} == words


def test_a_moment_is_aware_and_exact() -> None:
    """Unix milliseconds become an aware UTC time to the millisecond."""
    assert moment(MOMENT_MS) == datetime(2026, 11, 22, 7, 15, 4, 987_000, tzinfo=UTC)
    assert moment(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_no_moment_loses_a_millisecond(milliseconds: int) -> None:
    """Every millisecond of the years 1 to 9999 survives, where a float would round some."""
    assert (moment(milliseconds) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) == milliseconds


@pytest.mark.parametrize("milliseconds", [MOMENT_MS - 987, MOMENT_MS - 1, MOMENT_MS])
def test_a_registrations_time_is_cut_not_rounded(milliseconds: int) -> None:
    """The service is told the second in which the tap fell, never the next one."""
    assert rfc3339(milliseconds) == "2026-11-22T07:15:04Z"


def test_no_zone_of_the_machine_moves_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A box set to any time zone writes the same UTC."""
    try:
        for zone in ("Europe/Brussels", "Asia/Kathmandu", "America/St_Johns"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert rfc3339(MOMENT_MS) == "2026-11-22T07:15:04Z"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_clock_reading_tells_its_time() -> None:
    """The system clock's reading is given as an aware time."""
    clock = ClockReading(wall_ms=MOMENT_MS, boot_ns=1, boot_id="boot", trusted=False, source="none", bound_ms=None)
    assert clock.at == moment(MOMENT_MS)


def test_a_whole_draft_is_a_registration() -> None:
    """With employer and declaration a draft becomes what is sent, field by field, with the second that a lookup matches on."""
    assert DRAFT.complete() == Registration(
        ssin=CANARY_INSZ, direction=Direction.IN, at_ms=MOMENT_MS, employer=EMPLOYER, place=PLACE, declaration=DECLARATION
    )
    whole = DRAFT.complete()
    assert whole is not None
    assert whole.second == 1_795_331_704


@pytest.mark.parametrize(("employer", "declaration"), [(None, DECLARATION), (EMPLOYER, None), (None, None)])
def test_a_draft_that_lacks_something_is_never_sent(employer: Employer | None, declaration: DeclarationNumber | None) -> None:
    """Without an employer or a declaration there is no registration."""
    assert replace(DRAFT, employer=employer, declaration=declaration).complete() is None


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        CANARY.profile,
        replace(CANARY.profile, personnel_number="P-00417"),
        DRAFT,
        DRAFT.complete(),
        Answer(signal=Signal.IN, ids=(17,), direction=Direction.IN, name=CANARY_NAME, language="fr"),
    ],
)
def test_nothing_shows_a_person(value: object) -> None:
    """However a value with a person in it is printed, neither number, name, card nor payroll key is seen."""
    for shown in (repr(value), str(value), f"{value}", f"{[value]}"):
        for secret in (CANARY_INSZ.digits, CANARY_NAME, "Kanarievogel", CANARY_CARD.identifier.hex(), "P-00417"):
            assert secret.lower() not in shown.lower()


def test_values_cannot_be_changed_or_given_by_position() -> None:
    """A value is built by name and stays as it was built."""
    with pytest.raises(AttributeError):
        DRAFT.at_ms = 0  # type: ignore[misc]  # that it can't be is what is tested
    with pytest.raises(TypeError):
        Profile(CANARY_INSZ)  # type: ignore[call-arg]  # likewise
    assert BadgeLine(card=CANARY_CARD, profile=CANARY.profile) == CANARY
