"""kiosk.transcription doubts a list for a reason that it can tell, and leaves a good one alone."""

from __future__ import annotations

import random

import pytest

from hardware.formats import Format, written
from kiosk.identifiers import CardId
from kiosk.transcription import recognise, transcribed
from tests.people import invented_card

SEVEN = [bytes((0x04, number * 7 % 251, 0xC3, 0xD4, number, number * 3 % 255, 0x80)) for number in range(40)]
FOUR = [bytes((0xA1 + number, 0x5C, number * 11 % 250, 0xD4)) for number in range(40)]
NOBODY: frozenset[CardId] = frozenset()


def cards(identifiers: list[bytes]) -> frozenset[CardId]:
    return frozenset(CardId("uid", identifier) for identifier in identifiers)


def texts(identifiers: list[bytes], form: Format) -> list[str]:
    return [written("uid", identifier)[form] for identifier in identifiers]


@pytest.mark.parametrize("known", [NOBODY, cards(SEVEN), cards(FOUR)])
def test_a_good_list_is_left_alone(known: frozenset[CardId]) -> None:
    """Numbers as cards have them raise no doubt, whatever the box has seen; nor does an empty list or one of other kinds."""
    for good in (texts(SEVEN, Format.HEX), texts(FOUR, Format.HEX), [f"uid:{uid.hex(':')}" for uid in SEVEN]):
        assert recognise(good, known) is None
    assert recognise([], known) is None
    assert recognise(["", " ", "em4100:0102AB34CD", "code:41424344"], known) is None
    assert recognise([invented_card(number).identifier.hex() for number in range(9)], known) is None


def test_numbers_from_behind_are_known_by_their_maker() -> None:
    """Seven bytes of NXP begin with 04; where they do so only from behind the list is byte-reversed, with the figures."""
    found = recognise([*texts(SEVEN[:37], Format.REVERSED), "A1B2C3D4", "B1B2C3D4", "C1B2C3D4"], NOBODY)
    assert found is not None
    assert found.form is Format.REVERSED
    assert "37 of 40 numbers begin with 04 (NXP) when they are read so, 0 as they stand" in found.doubt


@pytest.mark.parametrize("form", [Format.DECIMAL, Format.DECIMAL_REVERSED])
def test_long_decimal_numbers_are_known_by_their_maker_as_well(form: Format) -> None:
    """Seven bytes as one number leave no doubt which byte is first."""
    found = recognise(texts(SEVEN, form), NOBODY)
    assert found is not None
    assert found.form is form


@pytest.mark.parametrize("form", [Format.REVERSED, Format.DECIMAL, Format.DECIMAL_REVERSED])
def test_one_card_that_was_seen_decides(form: Format) -> None:
    """Four bytes look alike in any order: a card that this box has seen tells which it is."""
    found = recognise(texts(FOUR, form), cards(FOUR[7:8]))
    assert found is not None
    assert found.form is form
    assert "1 of 40 numbers are cards that this box has seen when they are read so, 0 as they stand" in found.doubt


def test_four_bytes_from_behind_without_any_card_seen_can_not_be_told() -> None:
    """What nothing speaks against is no doubt: that is said in the README."""
    assert recognise(texts(FOUR, Format.REVERSED), NOBODY) is None


def test_ten_decimal_digits_may_be_several_things() -> None:
    """Nothing is guessed: the ways are told, and how to find out."""
    found = recognise(texts(FOUR, Format.DECIMAL), NOBODY)
    assert found is not None
    assert found.form is None
    assert "decimal, decimal-reversed, em4100" in found.doubt
    assert "kiosk doctor card --reveal" in found.doubt


@pytest.mark.parametrize("numbers", [["18824910", "01200042", "25500001"], ["00012345678901", "00012345678902", "00012345678903"]])
def test_digits_without_a_letter_are_doubted(numbers: list[str]) -> None:
    """Three numbers of eight digits without one letter are hardly hexadecimal."""
    found = recognise(numbers, NOBODY)
    assert found is not None
    assert "decimal digits alone" in found.doubt
    assert recognise(numbers[:2], NOBODY) is None, "two may be chance"


@pytest.mark.parametrize(
    ("numbers", "form"),
    [
        (["171,13517", "001,00042"], Format.WIEGAND),
        (["ID: 04A1B2C3", "ID: A4A1B2C4"], Format.HEX),
        (["04-A1-B2-C3", "0xA4A1B2C4"], Format.HEX),
        (["0102AB34CD", "0102AB34CE"], Format.EM4100),
    ],
)
def test_what_is_no_hexadecimal_number_is_known_by_its_look(numbers: list[str], form: Format) -> None:
    """Facility and number, prefixes, separators and whole tags fit one way only."""
    found = recognise(numbers, NOBODY)
    assert found is not None
    assert found.form is form
    assert "2 of 2 numbers are not written as a card's bytes" in found.doubt


def test_a_prefix_and_blanks_are_read_over() -> None:
    """A list's own words before a number are none of it."""
    for text in ("UID: 04A1B2C3", "#04 a1 b2 c3", "Card no 04-A1-B2-C3".removeprefix("Card "), ";04A1B2C3"):
        assert transcribed(text, Format.HEX) == CardId("uid", bytes.fromhex("04A1B2C3"))
    assert transcribed("ID-12345", Format.BARCODE) == CardId("code", b"ID-12345")


def test_numbers_of_three_bytes_are_a_part_of_a_card() -> None:
    """No option makes them whole: they are told apart from those that are only written in another way."""
    found = recognise(["A1B2C3", "A1B2C4", "04D3E2"], NOBODY)
    assert found is not None
    assert found.form is None
    assert "3 bytes" in found.doubt


def test_numbers_cut_to_four_bytes_are_known_by_cards_that_were_seen() -> None:
    """The ends of longer numbers that this box has seen, in either order, are no numbers of their own."""
    for cut in ([uid[:4] for uid in SEVEN], [uid[-4:] for uid in SEVEN], [uid[3::-1] for uid in SEVEN]):
        found = recognise([part.hex() for part in cut], cards(SEVEN))
        assert found is not None
        assert found.form is None
        assert "40 of 40 numbers are a part of longer ones" in found.doubt


def test_garbage_is_no_way_of_writing() -> None:
    """Texts that fit nothing are left to the line by line refusal, and no doubt quotes one."""
    assert recognise(["zz", "hello", "04A1B2C3D4E5F60718293A4B"], NOBODY) is None


@pytest.mark.parametrize("lists", [2_000, pytest.param(20_000, marks=pytest.mark.long)])
def test_no_list_breaks_it(lists: int) -> None:
    """Whatever stands in a list, it is left alone or doubted in a sentence that quotes no number of it."""
    dice = random.Random(11)  # noqa: S311  no secret
    alphabets = ("0123456789", "0123456789ABCDEF", "0123456789,.;: -#", "".join(map(chr, range(32, 300))))
    for _ in range(lists):
        alphabet = dice.choice(alphabets)
        size = dice.choice((None, 6, 8, 10, 14, 16))
        given = ["".join(dice.choices(alphabet, k=size or dice.randrange(25))) for _ in range(dice.randrange(6))]
        found = recognise(given, cards(SEVEN[:3]))
        if found is not None:
            assert all(len(text) < 5 or text not in found.doubt for text in given)
