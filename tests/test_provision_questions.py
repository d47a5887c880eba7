"""kiosk.provision.questions reads answers strictly and says in a sentence what they can not be."""

from __future__ import annotations

import pytest

from kiosk.cli.provision import ANSWERS, YES
from kiosk.identifiers import DeclarationNumber, EnterpriseNumber, ForeignVatNumber
from kiosk.model import Coordinates
from kiosk.provision.questions import (
    ASSUME_CLOCK,
    FIRST_REGISTRATION,
    QUESTIONS,
    read_declaration,
    read_employer,
    read_place,
)


def test_a_declaration_is_typed_pasted_or_scanned() -> None:
    """The number, or the service's link with it, which is kept to the letter."""
    number = DeclarationNumber("1Y1003SQ5VSSZ")
    assert read_declaration(" 1y1003sq5vssz ") == (number, None)
    link = "https://www.Example.org/ddt/1y1003sq5vssz?lang=nl#x"
    assert read_declaration(f"{link}\t") == (number, link)
    for unclear in ("https://example.org/", "https://example.org/1Y1003SQ5VSSZ/1Y102M7NZF7PZ", "1Y1003SQ5VSS", "http://x"):
        with pytest.raises(ValueError, match=r"."):
            read_declaration(unclear)


def test_an_employer_is_belgian_or_foreign() -> None:
    """By the form of the number; a leading BE is a Belgian's."""
    assert read_employer("BE 0206.731.645") == EnterpriseNumber("0206731645")
    assert read_employer("nl123456789b01") == ForeignVatNumber("NL123456789B01")
    with pytest.raises(ValueError, match="check digits"):
        read_employer("0206731646")


def test_a_place_is_two_numbers_in_their_order() -> None:
    """Latitude and longitude with comma, semicolon or blank; exchanged or impossible ones are told."""
    for written in ("50.8466, 4.3670", "50.8466 4.3670", "50.8466;4.3670"):
        assert read_place(written) == Coordinates(50.8466, 4.3670)
    for wrong, told in (
        ("4.3670, 50.8466", "exchanged"),
        ("0,0", "sea"),
        ("91, 4", "between"),
        ("here", "degrees"),
        ("1,2,3", "degrees"),
    ):
        with pytest.raises(ValueError, match=told):
            read_place(wrong)


def test_the_verbs_options_are_the_questions() -> None:
    """The verb lists them itself, so that no other verb waits for these modules."""
    assert tuple(question.key for question in QUESTIONS) == ANSWERS
    assert {FIRST_REGISTRATION, ASSUME_CLOCK} == set(YES)
