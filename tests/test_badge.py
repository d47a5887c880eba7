"""hardware.badge reads badges, and knows what is no badge by the applications that it offers."""

from __future__ import annotations

import pytest

from hardware.badge import BANK_CARD, DOCUMENT, MANNER, converse
from hardware.cards import Failed, Identified
from tests.test_apdu import play

MIFARE = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
DESFIRE = bytes.fromhex("3B8180018080")
CHIP = bytes.fromhex("3B8A80010031C173C8400000900090")
CONTACT = bytes.fromhex("3B9813400AA503010101AD1311")

PASSPORT, PAY, UID = "00A4040C07A0000002471001", "00A404000E325041592E5359532E444446303100", "FFCA000000"


@pytest.mark.parametrize(("atr", "name"), [(MIFARE, "mifare-classic-1k"), (DESFIRE, "desfire")])
def test_a_badge_is_asked_for_its_number_alone(atr: bytes, name: str) -> None:
    """One command, since somebody waits for each."""
    assert play(converse(atr), ["04A1B2C3D4E5809000"]) == (Identified(bytes.fromhex("04A1B2C3D4E580"), name), [UID])


def test_a_badge_that_wants_the_exact_length_gets_it() -> None:
    """6C 07 is followed."""
    outcome, sent = play(converse(MIFARE), ["6C07", "04A1B2C3D4E5809000"])
    assert isinstance(outcome, Identified)
    assert sent == [UID, "FFCA000007"]


def test_a_chip_with_other_applications_is_a_badge() -> None:
    """A company card of the same kind has neither name, and a number of its own."""
    outcome, sent = play(converse(CHIP), ["6A82", "6A82", "04A1B2C3D4E5809000"])
    assert outcome == Identified(bytes.fromhex("04A1B2C3D4E580"), "iso14443-4")
    assert sent == [PASSPORT, PAY, UID]


@pytest.mark.parametrize("answer", ["9000", "6982", "6985"])
def test_an_identity_card_or_passport_is_known(answer: str) -> None:
    """Also one that opens only to somebody who knows the number printed on it; and its random number is not asked for."""
    assert play(converse(CHIP), [answer]) == (Failed(DOCUMENT), [PASSPORT])


@pytest.mark.parametrize("answers", [["6F0A84009000"], ["6110", "6F0A84009000"]])
def test_a_bank_card_or_telephone_is_known(answers: list[str]) -> None:
    """By the directory that whatever pays without contact has."""
    assert play(converse(CHIP), ["6A82", *answers])[0] == Failed(BANK_CARD)


@pytest.mark.parametrize("answer", ["", "90", "6D00", "6E00", "0090"])
def test_an_odd_answer_is_no_application(answer: str) -> None:
    """What is cut short or refused in any other way goes on to the number."""
    assert isinstance(play(converse(CHIP), [answer, answer, "04A1B2C3D4E5809000"])[0], Identified)


def test_a_chip_in_a_slot_is_not_asked_for_applications() -> None:
    """It is told that this reader works by radio, as before."""
    outcome, sent = play(converse(CONTACT), ["6D00"])
    assert isinstance(outcome, Failed)
    assert sent == [UID]


def test_badges_are_shared_and_read_again() -> None:
    """Another program may look at them, and an exchange without an event is found by reading."""
    assert not MANNER.alone
