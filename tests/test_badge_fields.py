"""What is said about one person is checked field by field, and nobody is given a number that is not theirs."""

from __future__ import annotations

import pytest

from kiosk.badge_fields import FIELDS, Mistakes, parse_given
from kiosk.badge_lines import parse_csv, parse_lines
from kiosk.errors import UsageError
from tests.people import CANARY_CARD, CANARY_INSZ

CARD = CANARY_CARD.identifier.hex()


def test_fields_can_be_checked_without_a_card() -> None:
    """The fields of a person alone are checked by the same rules, and without a card there is no badge."""
    mistakes = Mistakes()
    read = parse_given({"name": " Z. ", "language": "NL-be"}, "", mistakes)
    assert (read.name, read.language, read.employer) == ("Z.", "nl-be", None)
    assert read.badge_line() is None
    parse_given({"language": "?"}, "", mistakes)
    assert mistakes.sentences == ["language: a language is a code such as nl, fr, de or en"]


def test_the_names_are_those_of_the_interface() -> None:
    """The names of the fields are a stable interface."""
    old = ("card", "insz", "name", "language", "enterprise_number", "foreign_vat_number", "declaration", "personnel_number")
    assert (*old, "capacity", "local") == FIELDS


@pytest.mark.parametrize(("given", "local"), [("yes", True), (True, True), ("No", False), (False, False), (None, False)])
def test_nothing_owed_is_yes_or_no(given: object, local: bool) -> None:  # noqa: FBT001  a row of the table
    """A visitor is marked by yes or true, also as a JSON value."""
    (read,) = parse_lines([{"card": CARD, "insz": CANARY_INSZ.digits, "local": given}])
    assert read.line.profile.local is local


def test_other_words_for_capacity_and_local_are_refused() -> None:
    """What is none of the known words is told with those that are."""
    with pytest.raises(UsageError) as refused:
        parse_lines([{"card": CARD, "insz": CANARY_INSZ.digits, "capacity": "boss", "local": "perhaps"}])
    assert "one of employee, self_employed, agency, trainee" in refused.value.message
    assert "local: write yes or no" in refused.value.message


@pytest.mark.parametrize(
    "number", ["12345678901234567", "L1 1234.5678.9012.34567", "Limosa-1 12345678901234567 X", "https://www.limosa.example/q?n=1"]
)
def test_a_limosa_number_is_no_insz_and_the_way_out_is_told(number: str) -> None:
    """Who has only a Limosa number is refused in plain words, with the QR route, and no number is made up for him."""
    for line in ({"card": CARD, "insz": number}, {"card": CARD, "insz": CANARY_INSZ.digits, "limosa": number}):
        with pytest.raises(UsageError) as refused:
            parse_lines([line])
        assert "BIS number" in refused.value.message
        assert "QR code" in refused.value.message
        assert number not in str(refused.value)
    for text in (f"card;insz\n{CARD};{number}\n", f"card;insz;Limosa\n{CARD};;{number}\n"):
        with pytest.raises(UsageError, match="BIS number") as refused:
            parse_csv(text)
        assert number not in str(refused.value)


@pytest.mark.parametrize("dummy", ["00000000000", "11111111111", "12345678901", "99999999999", "00000100100", "99123199999"])
def test_a_dummy_number_is_refused(dummy: str) -> None:
    """Nobody is enrolled under a number that was made up to fill the field."""
    with pytest.raises(UsageError):
        parse_lines([{"card": CARD, "insz": dummy}])
