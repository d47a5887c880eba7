from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.cards import Failed, Identified, by_radio, judged, reading, technology, worthless

STORAGE = "3B8F8001804F0CA0000003060{}0000000000"
CONTACT = bytes.fromhex("3B9813400AA503010101AD1311")
DESFIRE = bytes.fromhex("3B8180018080")
CHANGES = "this card shows another number each time: a phone, passport or bank card; use your badge"
SOLD = "many cards have this number, as they were sold or copied; use another badge"
MIFARE = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")


@pytest.mark.parametrize(
    ("atr", "name"),
    [
        ("3B8F8001804F0CA000000306030001000000006A", "mifare-classic-1k"),
        ("3B8F8001804F0CA0000003060300020000000069", "mifare-classic-4k"),
        ("3B8F8001804F0CA0000003060300030000000068", "mifare-ultralight"),
        ("3B8F8001804F0CA00000030611003B0000000042", "felica-212"),
        ("3B8F8001804F0CA0000003060B00FE0000000000", "iso15693"),
        ("3B8F8001804F0CA0000003060300FE0000000000", "iso14443-a"),
        ("3B8F8001804F0CA000000306EE00FE0000000000", "unknown"),
        ("3B8180018080", "desfire"),
        ("3B8A80010031C173C8400000900090", "iso14443-4"),
        ("3B8F8001804F0CA000000306", "iso14443-4"),
        ("3B9813400AA503010101AD1311", "contact-chip"),
        ("3B", "contact-chip"),
        ("", "unknown"),
    ],
)
def test_the_technology_is_named_by_the_atr(atr: str, name: str) -> None:
    """The record says what chip it was, as far as the reader tells, also where the ATR is cut short."""
    assert technology(bytes.fromhex(atr)) == name


def test_a_contact_chip_is_told_from_a_badge() -> None:
    """Only an ATR that a contactless reader made up counts as a card read by radio."""
    assert by_radio(MIFARE)
    assert not by_radio(CONTACT)
    assert not by_radio(b"")


@pytest.mark.parametrize("uid", ["04A1B2C3", "04A1B2C3D4E580", "E00401000A1B2C3D", "04A1B2C3D4E5F6071829"])
def test_a_number_of_4_7_8_or_10_bytes_is_taken_whole(uid: str) -> None:
    """Every byte of the identifier is kept, in the reader's order, leading and trailing zeros included."""
    assert reading(bytes.fromhex(uid) + b"\x90\x00", MIFARE) == Identified(bytes.fromhex(uid), "mifare-classic-1k")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("", "the card's answer was cut short"),
        ("90", "the card's answer was cut short"),
        ("9000", "the card's number has an impossible length"),
        ("04A1B29000", "the card's number has an impossible length"),
        ("01" * 30 + "9000", "the card's number has an impossible length"),
        ("8804A1B29000", "the reader gave only a part of the card's number"),
        ("000000009000", "the card's number is blank"),
        ("FFFFFFFFFFFFFF9000", "the card's number is blank"),
        ("FFFFFFFF9000", "the card's number is blank"),
        ("08A1B2C39000", CHANGES),
        ("010203049000", SOLD),
        ("6A81", "the card did not give its number"),
        ("6300", "the card did not give its number"),
        ("04A1B2C36300", "the card did not give its number"),
        ("6C04", "the card did not give its number"),
    ],
)
def test_every_other_answer_is_unreadable_with_its_reason(answer: str, why: str) -> None:
    """A number that is missing, blank, cut or of impossible length never passes for a badge."""
    assert reading(bytes.fromhex(answer), MIFARE) == Failed(why)


def test_a_number_drawn_afresh_is_told_from_a_fixed_one_that_begins_alike() -> None:
    """A DESFire EV1 that hides its number begins it with 80; a MIFARE Classic's own number may, and is a badge."""
    random = bytes.fromhex("80A1B2C3")
    assert reading(random + b"\x90\x00", DESFIRE) == Failed(CHANGES)
    assert reading(random + b"\x90\x00", MIFARE) == Identified(random, "mifare-classic-1k")
    assert worthless(random) == CHANGES, "what is only typed has no technology that would speak for it"


@pytest.mark.parametrize("number", ["08A1B2C3D4E580", "80A1B2C3D4E580", "8804A1B2C3D4E5F6", "18A1B2C3", "F8A1B2C3", "0FA1B2C3"])
def test_only_four_bytes_are_drawn_afresh_or_cut(number: str) -> None:
    """The first byte of a longer number is its maker, and other first bytes of a short one say nothing against it."""
    assert worthless(bytes.fromhex(number)) is None


@pytest.mark.parametrize(
    "number", ["01020304", "04030201", "00010203", "01020304050607", "07060504030201", "12345678", "78563412", "AABBCCDD"]
)
def test_numbers_as_sold_are_nobodys(number: str) -> None:
    """What every copier writes until somebody changes it identifies nobody, in either order of bytes."""
    assert worthless(bytes.fromhex(number)) == SOLD


def test_a_number_that_came_another_way_is_judged_alike() -> None:
    """The length and the worth of a number do not depend on the reader that gave it."""
    assert judged(bytes.fromhex("04A1B2C3"), "any") == Identified(bytes.fromhex("04A1B2C3"), "any")
    assert judged(bytes.fromhex("04A1B2C3D4"), "any") == Failed("the card's number has an impossible length")
    assert judged(bytes.fromhex("08A1B2C3"), "mifare-classic-1k") == Failed(CHANGES)


def test_a_chip_card_is_told_that_this_reader_works_by_radio() -> None:
    """Somebody who holds an identity card to the reader learns why it does not work."""
    answer = reading(b"\x6d\x00", CONTACT)
    assert isinstance(answer, Failed)
    assert answer.why.startswith("this reader reads badges by radio")


def test_a_reading_does_not_show_its_number() -> None:
    """What is logged of a reading holds its length only."""
    assert repr(Identified(bytes.fromhex("04A1B2C3"), "desfire")) == "Identified(4 bytes, desfire)"


@given(answer=st.binary(max_size=64), atr=st.binary(max_size=33))
def test_no_bytes_can_break_it(answer: bytes, atr: bytes) -> None:
    """Whatever a card sends ends as a number of a possible length or as a reason without any of its bytes."""
    outcome = reading(answer, atr)
    if isinstance(outcome, Identified):
        assert outcome.identifier == answer[:-2]
        assert len(outcome.identifier) in {4, 7, 8, 10}
    else:
        assert answer.hex() not in outcome.why or len(answer) < 3  # two hexadecimal letters may stand in any word
