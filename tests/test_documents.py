"""kiosk.documents says which identity documents count, and why another does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from kiosk import documents
from kiosk.documents import Refused, judge
from tests.people import CANARY_INSZ, invented_document

GOOD = replace(invented_document(CANARY_INSZ), valid_until=date(2026, 11, 2))
TODAY = date(2026, 11, 2)
REASONS = [documents.CHECK_DIGITS, documents.EXPIRED, documents.NOT_YET, documents.CHILDREN, documents.OF_NOBODY]


def test_a_valid_identity_card_gives_its_number() -> None:
    """On its last day too; and one that does not say since when it is valid."""
    assert judge(GOOD, TODAY) == CANARY_INSZ
    assert judge(replace(GOOD, valid_from=None), TODAY) == CANARY_INSZ
    assert judge(replace(GOOD, valid_from=TODAY), TODAY) == CANARY_INSZ


@pytest.mark.parametrize("day", [date(2026, 11, 3), date(2031, 1, 1)])
def test_an_expired_card_registers_nobody(day: date) -> None:
    """From the day after its last one on."""
    assert judge(GOOD, day) == Refused(documents.EXPIRED)


def test_a_card_of_tomorrow_registers_nobody() -> None:
    """It may lie at the town hall still."""
    assert judge(GOOD, date(2019, 12, 31)) == Refused(documents.NOT_YET)


def test_no_date_is_judged_while_no_clock_can_be_trusted() -> None:
    """A box whose clock stands in 1970 or in 2040 must not send anybody away."""
    assert judge(replace(GOOD, valid_until=date(2000, 1, 1), valid_from=date(2030, 1, 1)), None) == CANARY_INSZ


@pytest.mark.parametrize("kind", [1, *range(11, 24), 27, 28, *range(31, 37), 37, 99])
def test_citizens_and_foreigners_cards_count(kind: int) -> None:
    """And kinds that the list does not know yet: it has grown with every law."""
    assert judge(replace(GOOD, kind=kind), TODAY) == CANARY_INSZ


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (6, documents.CHILDREN),
        (61, documents.CHILDREN),
        (69, documents.CHILDREN),
        (7, documents.OF_NOBODY),
        (8, documents.OF_NOBODY),
    ],
)
def test_other_cards_of_the_state_register_nobody(kind: int, why: str) -> None:
    """A child under twelve does not work here, and a card that only authorises is no identity; also without a clock."""
    assert judge(replace(GOOD, kind=kind), TODAY) == Refused(why)
    assert judge(replace(GOOD, kind=kind), None) == Refused(why)


def test_a_number_that_fails_its_check_registers_nobody() -> None:
    """What was read wrong, or never was a number."""
    wrong = CANARY_INSZ.digits[:-1] + str((int(CANARY_INSZ.digits[-1]) + 1) % 10)
    for number in (wrong, "00000000000"):
        assert judge(replace(GOOD, number=number), TODAY) == Refused(documents.CHECK_DIGITS)


def test_a_reason_tells_what_to_do() -> None:
    """Every one names a way out, and has no figure of the card in it."""
    assert all("use your" in why and not any(sign.isdigit() for sign in why) for why in REASONS)
