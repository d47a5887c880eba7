"""hardware.keystrokes makes whole numbers of keys, and never half a number, whatever comes in between."""

from __future__ import annotations

import random

import pytest

from hardware.keystrokes import (
    AZERTY,
    BROKEN_OFF,
    DOWN,
    EV_KEY,
    EV_SYN,
    EVENT,
    IDLE_NS,
    KEYS,
    SYN_DROPPED,
    SYN_REPORT,
    TOO_FAST,
    TOO_LONG,
    Line,
    Typist,
)
from tests.wedges import CODES, ENTER, key, stamp, typed

NOW = 5_000_000_000_000
UID = "04A1B2C3D4E580"


def lines(*chunks: bytes, typist: Typist | None = None, now_ns: int = NOW) -> list[Line]:
    typist = typist or Typist()
    return [line for chunk in chunks for line in typist.feed(chunk, now_ns)]


def texts(*chunks: bytes) -> list[str]:
    return [line.text for line in lines(*chunks)]


def test_a_number_and_enter_are_a_line() -> None:
    """Keys down become characters until Enter; the moment is that of the first key."""
    at = NOW - 3_000_000_000
    (line,) = lines(typed(UID, at) + key(ENTER, at + 50_000_000))
    assert (line.text, line.why, line.began_ns) == (UID, None, at)


@pytest.mark.parametrize("end", [28, 15, 96])
def test_enter_tab_and_the_enter_of_the_pad_end_a_number(end: int) -> None:
    """Each key that readers end a number with does, and empty lines say nothing."""
    assert texts(key(end) + typed(UID) + key(end) + key(end)) == [UID]


def test_both_rows_of_digits_are_digits() -> None:
    """The upper row and the number pad type the same digits."""
    upper = b"".join(key(code) for code in (11, 2, 3, 4, 5, 6, 7, 8, 9, 10))
    pad = b"".join(key(code) for code in (82, 79, 80, 81, 75, 76, 77, 71, 72, 73))
    assert texts(upper + key(ENTER), pad + key(ENTER)) == ["0123456789", "0123456789"]


def test_a_reader_set_to_azerty_types_the_same_number() -> None:
    """Digits with shift, the key of a Q for an A, the key of an M for a comma: the same digits come out."""
    shift_down, shift_up = (EVENT.pack(0, 0, EV_KEY, 42, value) for value in (DOWN, 0))
    number = b"".join(shift_down + key(CODES[digit]) + shift_up for digit in "04") + key(16) + key(CODES["1"])
    assert [text.translate(AZERTY) for text in texts(number + key(ENTER))] == ["04A1"]
    assert texts(typed("188") + key(50) + typed("24910\n"))[0].translate(AZERTY) == "188,24910"


def test_every_character_of_a_number_has_one_key() -> None:
    """No two characters that occur in numbers share a key, and each has one."""
    assert set("0123456789ABCDEF,;.-/ ") <= set(KEYS.values())
    assert [KEYS[CODES[character]] for character in "0123456789ABCDEFQM"] == list("0123456789ABCDEFQM")


def test_keys_let_go_and_repeated_by_the_kernel_type_nothing() -> None:
    """Only a key that goes down is typed; what the kernel repeats while it is held was never meant."""
    held = b"".join(EVENT.pack(0, 0, EV_KEY, CODES["7"], value) for value in (DOWN, 2, 2, 2, 0))
    assert texts(held + key(ENTER)) == ["7"]


def test_other_events_and_silent_keys_type_nothing() -> None:
    """Scan codes, lamps, shift and caps lock between the digits change no number."""
    noise = EVENT.pack(0, 0, 4, 4, 458_756) + EVENT.pack(0, 0, 17, 1, 1) + key(58) + key(42) + key(69)
    assert texts(noise.join(typed(digit) for digit in UID) + key(ENTER)) == [UID]


def test_a_key_that_is_in_no_number_spoils_the_line() -> None:
    """A key without a character is no silence: the number it stood in is none."""
    (text,) = texts(typed("04A1") + key(59) + typed("B2C3\n"))
    assert text not in {"04A1B2C3", "04A1", "B2C3"}
    assert not text.isascii()


@pytest.mark.parametrize("size", [1, 7, 23, 24, 25, 100])
def test_events_that_come_in_pieces_are_put_together(size: int) -> None:
    """Half an event waits for its other half, wherever it is cut."""
    data = typed(UID + "\n" + "DEADBEEF\n")
    assert texts(*(data[start : start + size] for start in range(0, len(data), size))) == [UID, "DEADBEEF"]


def test_a_pause_ends_a_number_of_a_reader_without_enter() -> None:
    """A reader that sends no Enter is understood by its pause, once that is long enough, and once."""
    typist = Typist()
    dues = [typist.due_ns]
    assert lines(typed(UID, NOW), typist=typist) == []
    assert [*dues, typist.due_ns] == [None, NOW + IDLE_NS]
    assert typist.idle(NOW + IDLE_NS - 1) is None
    line = typist.idle(NOW + IDLE_NS)
    assert line == Line(text=UID, began_ns=NOW)
    assert typist.due_ns is None
    assert typist.idle(NOW + 10 * IDLE_NS) is None


def test_two_numbers_read_at_once_are_parted_by_the_pause_between_them() -> None:
    """When both were in the kernel's buffer, their stamps tell them apart, not the moment at which they are read."""
    typist = Typist()
    late = NOW + 2 * IDLE_NS
    (first,) = lines(typed("DEADBEEF", NOW) + typed(UID, late), typist=typist, now_ns=late)
    assert (first.text, first.began_ns) == ("DEADBEEF", NOW)
    assert typist.idle(late + IDLE_NS) == Line(text=UID, began_ns=late)


def test_half_a_number_is_none_from_a_reader_that_ends_its_numbers() -> None:
    """The first half of a long number can be a whole short one: whoever always sends Enter and did not was interrupted."""
    typist = Typist()
    lines(typed(UID + "\n", NOW), typist=typist)
    assert lines(typed(UID[:8], NOW), typist=typist) == []
    assert typist.idle(NOW + IDLE_NS) == Line(text="", began_ns=NOW, why=BROKEN_OFF)


def test_keys_that_the_kernel_dropped_spoil_their_number_and_no_other() -> None:
    """After an overflow neither what was typed nor the rest of that number counts; the next number does."""
    overflow = EVENT.pack(*stamp(NOW), EV_SYN, SYN_DROPPED, 0)
    report = EVENT.pack(*stamp(NOW), EV_SYN, SYN_REPORT, 0)
    lost = EVENT.pack(*stamp(NOW), EV_KEY, CODES["9"], DOWN)
    found = lines(typed("DEAD", NOW), overflow + lost + report, typed(UID[:8] + "\n", NOW), typed(UID + "\n", NOW))
    assert [(line.text, line.why) for line in found] == [("", TOO_FAST), (UID, None)]
    alone = Typist()
    assert lines(overflow + report, typist=alone) == []
    assert alone.idle(NOW + IDLE_NS) == Line(text="", began_ns=NOW, why=TOO_FAST)


def test_a_cat_on_the_keyboard_is_no_number_and_takes_no_memory() -> None:
    """A line that no badge has is told as such at its end, however long it gets."""
    typist = Typist()
    (line,) = lines(typed("7" * 5000 + "\n"), typist=typist)
    assert (line.text, line.why) == ("", TOO_LONG)
    assert texts(typed(UID + "\n")) == [UID]


@pytest.mark.parametrize("strange", [0, NOW + 1_000_000_000, NOW - 61_000_000_000])
def test_a_stamp_of_another_clock_is_not_believed(strange: int) -> None:
    """Where the kernel stamps by another clock, the moment of reading counts."""
    (line,) = lines(typed(UID + "\n", strange))
    assert line.began_ns == NOW


def test_what_was_begun_on_a_device_that_went_away_is_nobodys() -> None:
    """Half a number before the plug was pulled is not continued after it."""
    typist = Typist()
    lines(typed("DEAD", NOW) + b"\x01\x02", typist=typist)
    typist.forget()
    assert typist.due_ns is None
    assert [line.text for line in lines(typed(UID + "\n", NOW), typist=typist)] == [UID]


def test_a_line_does_not_show_its_number() -> None:
    """What is logged of a line is its length."""
    assert repr(Line(text=UID, began_ns=1)) == "Line(14 characters, None)"


@pytest.mark.parametrize("chunks", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_no_events_break_it(chunks: int) -> None:
    """Whatever bytes come in whatever pieces, lines are of keys or of a reason, and memory stays bounded."""
    dice = random.Random(7)  # noqa: S311  no secret
    typist, now = Typist(), NOW
    known = [
        EVENT.pack(0, 0, kind, code, value) for kind in (0, 1, 4) for code in (0, 2, 3, 16, 28, 42, 59, 82, 96) for value in (0, 1)
    ]
    for _ in range(chunks):
        now += dice.randrange(IDLE_NS // 4)
        data = dice.choice(known) if dice.random() < 0.8 else dice.randbytes(dice.randrange(60))
        for line in (*typist.feed(data, now), typist.idle(now)):
            assert line is None or bool(line.text) != bool(line.why)
        assert typist.due_ns is None or typist.due_ns <= now + IDLE_NS
    assert len(repr(typist.__dict__)) < 1000
