"""hardware.formats reads one card from every way of writing it, and never another card from a text it does not fit."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.cards import LENGTHS, Failed, Identified
from hardware.formats import Format, read, written


@pytest.mark.parametrize(
    ("form", "text", "kind", "identifier"),
    [
        (Format.HEX, "04A1B2C3D4E580", "uid", "04A1B2C3D4E580"),
        (Format.HEX, " 04:a1:b2:c3:d4:e5:80 ", "uid", "04A1B2C3D4E580"),
        (Format.HEX, "0x04-A1-B2-C3", "uid", "04A1B2C3"),
        (Format.REVERSED, "80E5D4C3B2A104", "uid", "04A1B2C3D4E580"),
        (Format.REVERSED, "EFBEADDE", "uid", "DEADBEEF"),
        (Format.DECIMAL, "3735928559", "uid", "DEADBEEF"),
        (Format.DECIMAL, "0078754499", "uid", "04B1B2C3"),
        (Format.DECIMAL, "78754499", "uid", "04B1B2C3"),
        (Format.DECIMAL, "1303689068602752", "uid", "04A1B2C3D4E580"),
        (Format.DECIMAL_REVERSED, "4022250974", "uid", "DEADBEEF"),
        (Format.EM4100, "0102AB34CD", "em4100", "0102AB34CD"),
        (Format.EM4100, "0004339741901", "em4100", "0102AB34CD"),
        (Format.EM4100_DECIMAL, "0044774605", "wiegand", "02AB34CD"),
        (Format.WIEGAND, "171,13517", "wiegand", "AB34CD"),
        (Format.WIEGAND, "17113517", "wiegand", "AB34CD"),
        (Format.WIEGAND, "001 00042", "wiegand", "01002A"),
        (Format.WIEGAND, "00683,13517", "wiegand", "02AB34CD"),
        (Format.BARCODE, "12345678-AB", "code", b"12345678-AB".hex()),
        (Format.BARCODE, "abcd ef", "code", b"ABCD EF".hex()),
    ],
)
def test_each_way_of_writing_comes_to_the_same_bytes(form: Format, text: str, kind: str, identifier: str) -> None:
    """What is printed, typed or listed by any system becomes the kind and the bytes in the card's own order."""
    card = read(text, form)
    assert isinstance(card, Identified)
    assert (card.kind, card.identifier.hex().upper()) == (kind, identifier.upper())


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Format.HEX, ""),
        (Format.HEX, "04A1B2C"),
        (Format.HEX, "04A1B2CG"),
        (Format.HEX, "0102AB34CD"),
        (Format.HEX, "\N{FULLWIDTH DIGIT THREE}7359285"),
        (Format.DECIMAL, "123456"),
        (Format.DECIMAL, "DEADBEEF"),
        (Format.DECIMAL, "9" * 25),
        (Format.DECIMAL, "-3735928559"),
        (Format.DECIMAL, "٣٧٣٥٩٢٨٥٥٩"),
        (Format.EM4100, "0102AB34C"),
        (Format.EM4100, "0102AB34CDE"),
        (Format.EM4100, "9999999999999"),
        (Format.EM4100_DECIMAL, "9999999999"),
        (Format.EM4100_DECIMAL, "123456789"),
        (Format.WIEGAND, "256,00001"),
        (Format.WIEGAND, "188,65536"),
        (Format.WIEGAND, "188"),
        (Format.WIEGAND, "99999,00001"),
        (Format.BARCODE, "12\t34"),
        (Format.BARCODE, "123"),
        (Format.BARCODE, "1" * 65),
        (Format.BARCODE, "ABCDÉ"),
    ],
)
def test_what_does_not_fit_is_no_card(form: Format, text: str) -> None:
    """A number too long, too short, too large or of strange characters is refused, not cut or padded to fit."""
    refused = read(text, form)
    assert isinstance(refused, Failed)
    assert "look at format" in refused.why or "impossible length" in refused.why


def test_every_way_is_judged_like_any_reader() -> None:
    """A phone's number and a blank one are refused however they are written, and only as UIDs."""
    assert "another number each time" in why("C3B2A108", Format.REVERSED)
    assert "another number each time" in why("0145863363", Format.DECIMAL)
    assert "blank" in why("0000000000", Format.EM4100)
    assert "blank" in why("4294967295", Format.EM4100_DECIMAL)
    assert isinstance(read("0145863363", Format.EM4100_DECIMAL), Identified)


def why(text: str, form: Format) -> str:
    card = read(text, form)
    assert isinstance(card, Failed)
    return card.why


@given(st.sampled_from([(kind, length) for kind in LENGTHS for length in sorted(LENGTHS[kind])]), st.data())
def test_a_number_written_in_any_way_is_the_number_read(shape: tuple[str, int], data: st.DataObject) -> None:
    """Each way gives back the bytes that it was made of, or the end of them where it has room for no more."""
    kind, length = shape
    characters = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x5F), min_size=length, max_size=length)
    identifier = data.draw(characters).encode() if kind == "code" else data.draw(st.binary(min_size=length, max_size=length))
    ways = written(kind, identifier)
    assert ways
    for form, text in ways.items():
        back = read(text, form)
        if isinstance(back, Identified) and identifier[0] and identifier[-1]:  # a zero at the head of a number does not show
            assert identifier.endswith(back.identifier) if kind == "em4100" else (back.kind, back.identifier) == (kind, identifier)


@pytest.mark.parametrize(
    ("kind", "identifier", "ways"),
    [
        ("uid", "DEADBEEF", {"hex": "DEADBEEF", "reversed": "EFBEADDE", "decimal": "3735928559", "decimal-reversed": "4022250974"}),
        ("em4100", "0102AB34CD", {"em4100": "0102AB34CD", "8h10d": "0044774605", "wiegand": "171,13517"}),
        ("wiegand", "02AB34CD", {"8h10d": "0044774605", "wiegand": "00683,13517"}),
        ("wiegand", "AB34CD", {"wiegand": "171,13517"}),
        ("code", b"12-AB".hex(), {"barcode": "12-AB"}),
        ("eid", "00", {}),
    ],
)
def test_a_number_is_written_as_other_systems_have_it(kind: str, identifier: str, ways: dict[str, str]) -> None:
    """Whoever compares a card with a list finds it in the way that the list has."""
    assert written(kind, bytes.fromhex(identifier)) == ways


def test_the_technology_says_what_is_known() -> None:
    """Of a radio chip behind a keyboard nothing is known; of the others the way of writing tells."""
    texts = {Format.EM4100: "0102AB34CD", Format.WIEGAND: "171,13517", Format.BARCODE: "ABCD", Format.HEX: "DEADBEEF"}
    cards = {form: read(text, form) for form, text in texts.items()}
    assert [card.technology for card in cards.values() if isinstance(card, Identified)] == [
        "125-khz",
        "125-khz",
        "barcode",
        "typed",
    ]


ALPHABETS = ("0123456789", "0123456789ABCDEF", "0123456789abcdef:- ", "0123456789,.;/", "".join(map(chr, range(256))))


@pytest.mark.parametrize("texts", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_no_text_breaks_it(texts: int) -> None:
    """Whatever is typed becomes a card of a kind and length that there is, or a reason without the text."""
    dice = random.Random(5)  # noqa: S311  no secret
    for _ in range(texts):
        form = dice.choice(tuple(Format))
        text = "".join(dice.choices(dice.choice(ALPHABETS), k=dice.randrange(30)))
        card = read(text, form)
        if isinstance(card, Identified):
            assert len(card.identifier) in LENGTHS[card.kind]
        else:
            assert len(text) < 4 or text not in card.why
