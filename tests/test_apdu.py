"""hardware.apdu follows what chips say of lengths, and writes commands as the standard does."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

from hardware.apdu import complete, read_binary, select_path

T = TypeVar("T")


def play(conversation: Generator[bytes, bytes, T], answers: Iterable[str]) -> tuple[T, list[str]]:
    """Answer a conversation from a script; what it returns, and the commands that it sent."""
    sent, script = [], iter(answers)
    try:
        command = next(conversation)
        while True:
            sent.append(command.hex().upper())
            command = conversation.send(bytes.fromhex(next(script)))
    except StopIteration as ended:
        return ended.value, sent


def test_an_answer_is_taken_as_it_is() -> None:
    """Data and status, also a status alone, and what is cut short."""
    for answer in ("0102039000", "9000", "6A82", "90", ""):
        assert play(complete(bytes.fromhex("00B0000010")), [answer]) == (bytes.fromhex(answer), ["00B0000010"])


def test_a_wrong_length_is_asked_again_with_the_right_one() -> None:
    """6C xx leads to the same command with Le = xx, once."""
    assert play(complete(bytes.fromhex("FFCA000000")), ["6C04", "01020304" + "9000"]) == (
        bytes.fromhex("010203049000"),
        ["FFCA000000", "FFCA000004"],
    )
    assert play(complete(bytes.fromhex("FFCA000000")), ["6C04", "6C07"])[0] == b"\x6c\x07"


def test_what_waits_is_fetched() -> None:
    """61 xx says that so much more waits; the parts come back as one answer."""
    whole, sent = play(complete(bytes.fromhex("80B2060600")), ["01026103", "0304056101", "069000"])
    assert whole == bytes.fromhex("0102030405069000")
    assert sent == ["80B2060600", "00C0000003", "00C0000001"]


def test_a_card_that_always_has_more_is_left() -> None:
    """No chip keeps a reader busy for ever."""
    whole, sent = play(complete(bytes.fromhex("80B2060600")), ["AA61FF"] * 100)
    assert len(sent) < 10
    assert whole.endswith(b"\x61\xff")


def test_commands_are_written_as_the_standard_writes_them() -> None:
    """A path with its length, and an offset in two bytes."""
    assert select_path(bytes.fromhex("3F00DF014031")).hex().upper() == "00A4080C063F00DF014031"
    assert read_binary(0x01FE, 0xFF).hex().upper() == "00B001FEFF"
