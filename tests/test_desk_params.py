"""What a call was asked is read strictly, and no refusal repeats a value."""

from __future__ import annotations

from datetime import date

import pytest

from kiosk.desk import params
from kiosk.errors import UsageError
from tests.people import CANARY_CARD, CANARY_INSZ

CARD = CANARY_CARD.identifier.hex()


def test_only_known_parameters_are_taken() -> None:
    """A parameter that the call does not know is refused with the likely one, by its position only."""
    params.only({"id": 1}, ("id", "group"))
    with pytest.raises(UsageError, match="parameter 2: this name is not known; did you mean group"):
        params.only({"id": 1, "gruop": True}, ("id", "group"))
    with pytest.raises(UsageError) as refused:
        params.only({CANARY_INSZ.digits: 1}, ("id",))
    assert CANARY_INSZ.digits not in str(refused.value)


def test_exactly_one_of_several_is_named() -> None:
    """None and two are both refused; a null counts as not given."""
    assert params.one_of({"id": None, "card": CARD}, ("id", "card")) == "card"
    for asked in ({}, {"id": 1, "card": CARD}):
        with pytest.raises(UsageError, match="name one of id, card"):
            params.one_of(asked, ("id", "card"))


@pytest.mark.parametrize("value", [None, 0, -1, True, 1.0, "1", 2**63])
def test_a_number_is_a_whole_one_that_the_store_can_hold(value: object) -> None:
    """Ids are integers from 1 on; a boolean, a text and what SQLite can't hold are none."""
    with pytest.raises(UsageError, match="id must be a whole number"):
        params.number({"id": value}, "id")


def test_good_values_pass() -> None:
    """What is right is returned as it is."""
    assert params.number({"id": 2**63 - 1}, "id") == 2**63 - 1
    assert params.text({"reason": "x"}, "reason") == "x"
    assert params.flag({"group": True}, "group") is True
    assert params.flag({"group": False}, "group") is False
    assert params.flag({}, "group") is False
    assert params.card({"card": CARD}) == CANARY_CARD


@pytest.mark.parametrize("value", [None, "", " ", 7, ["x"]])
def test_a_text_is_not_empty(value: object) -> None:
    """A missing, empty or other value is no text."""
    with pytest.raises(UsageError, match="reason must be a text"):
        params.text({"reason": value}, "reason")


def test_a_flag_is_true_or_false() -> None:
    """One is not true."""
    with pytest.raises(UsageError, match="group must be true or false"):
        params.flag({"group": 1}, "group")


@pytest.mark.parametrize("value", [None, "", 5, "2026-13-01", "yesterday", "2026-11-02T00:00"])
def test_a_day_is_one_of_the_calendar(value: object) -> None:
    """As ISO 8601 writes it, without a time."""
    assert params.day({"from": "2026-11-02"}, "from") == date(2026, 11, 2)
    with pytest.raises(UsageError, match="from must be a"):
        params.day({"from": value}, "from")


def test_a_bad_card_is_not_repeated() -> None:
    """A card that is none is refused without being shown."""
    with pytest.raises(UsageError, match="card: ") as refused:
        params.card({"card": CARD + "f"})
    assert CARD not in str(refused.value)
