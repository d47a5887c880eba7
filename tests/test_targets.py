"""hardware.targets names the card that answered a reader's call, and never more than its bytes say."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.cards import OTHER_EACH_TIME, PART, Failed, Identified
from hardware.targets import type_a, type_b, type_f

UID = bytes.fromhex("04A1B2C3D4E580")
PUPI = bytes.fromhex("E5DD3DC9")
IDM = bytes.fromhex("0110A1B2C3D4E5F6")


@pytest.mark.parametrize(
    ("sens_res", "sel_res", "name"),
    [
        ("0400", "08", "mifare-classic-1k"),
        ("0200", "18", "mifare-classic-4k"),
        ("0400", "88", "mifare-classic-1k"),
        ("0400", "09", "mifare-mini"),
        ("4400", "00", "mifare-ultralight"),
        ("4403", "20", "desfire"),
        ("0400", "20", "iso14443-4"),
        ("0400", "60", "iso14443-4"),
        ("0400", "00", "iso14443-a"),
        ("", "00", "iso14443-a"),
    ],
)
def test_the_chip_of_type_a_is_named(sens_res: str, sel_res: str, name: str) -> None:
    """The record says what chip it was, in the words that the PC/SC readers use too."""
    assert type_a(bytes.fromhex(sens_res), bytes.fromhex(sel_res), UID) == Identified(UID, name)


def test_a_type_1_tag_is_refused() -> None:
    """Of a Topaz a reader's call gives four bytes of seven: another tag may have the same four."""
    assert type_a(bytes.fromhex("000C"), b"", b"") == Failed(PART)


@pytest.mark.parametrize("rest", ["00000011008185", "0000001100818500"])
def test_type_b_is_known_by_its_pupi(rest: str) -> None:
    """The four bytes behind the first of SENSB_RES are the card's identifier."""
    assert type_b(b"\x50" + PUPI + bytes.fromhex(rest)) == Identified(PUPI, "iso14443-b")


@pytest.mark.parametrize("system", ["", "12FC"])
def test_type_f_is_known_by_its_idm(system: str) -> None:
    """The eight bytes behind the first of SENSF_RES are the card's identifier, whatever system it belongs to."""
    assert type_f(b"\x01" + IDM + bytes(8) + bytes.fromhex(system)) == Identified(IDM, "felica-212")


def test_a_phone_that_speaks_type_f_is_refused() -> None:
    """An identifier made up for a talk between two devices is another one the next time."""
    assert type_f(bytes.fromhex("0101FE1444EFB88FD5") + bytes(8)) == Failed(OTHER_EACH_TIME)


@pytest.mark.parametrize("answer", ["", "50", "50E5DD3DC9", "51E5DD3DC900000011008185", "50E5DD3DC90000001100818500FF"])
def test_a_garbled_type_b_answer_is_no_card(answer: str) -> None:
    """What is no whole SENSB_RES gives no identifier."""
    assert type_b(bytes.fromhex(answer)) == Failed("the card's answer was garbled")


@pytest.mark.parametrize("answer", ["", "01", "0101020304050607080910111213141516FF", "02" + "11" * 16])
def test_a_garbled_type_f_answer_is_no_card(answer: str) -> None:
    """What is no whole SENSF_RES gives no identifier."""
    assert type_f(bytes.fromhex(answer)) == Failed("the card's answer was garbled")


@pytest.mark.parametrize("length", range(16))
def test_only_lengths_that_cards_have_are_taken(length: int) -> None:
    """A UID is 4, 7, 8 or 10 bytes long; every other length is refused, without its bytes in the words."""
    outcome = type_a(b"\x04\x00", b"\x08", bytes(range(0x11, 0x11 + length)))
    assert isinstance(outcome, Identified if length in {4, 7, 8, 10} else Failed)


def judge_all(answer: bytes) -> None:
    """Hold any bytes against every kind of answer: a card whose identifier is part of them, or a reason without them."""
    for outcome in (type_a(answer[:2], answer[2:3], answer[3:]), type_b(answer), type_f(answer)):
        if isinstance(outcome, Identified):
            assert outcome.identifier in answer
            assert len(outcome.identifier) in {4, 7, 8, 10}
        else:
            assert len(answer) < 4 or answer.hex() not in outcome.why.lower()


@given(st.binary(max_size=24))
def test_any_answer_is_judged(answer: bytes) -> None:
    """No bytes from the air crash the reader or invent an identifier."""
    judge_all(answer)


def judge_random(count: int, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  a fuzzer, and the seed repeats it
    for _ in range(count):
        judge_all(dice.choice((b"", b"\x50", b"\x01", b"\x01\x01\xfe")) + dice.randbytes(dice.randrange(24)))


def test_a_hundred_thousand_answers_are_judged() -> None:
    """Nor do 100,000 random answers, most of them nearly right."""
    judge_random(100_000, 20261125)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_million_answers_are_judged() -> None:
    """Nor do a million."""
    judge_random(1_000_000, 1)
