"""What an admin writes about badges is read completely, or every mistake is told at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.badge_lines import decode_csv, parse_csv, parse_lines
from kiosk.errors import UsageError
from kiosk.identifiers import CardId, ForeignVatNumber
from kiosk.model import BadgeLine, Capacity, Profile
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME, DECLARATION, EMPLOYER, invented_insz, invented_line

CARD = CANARY_CARD.identifier.hex()
FULL = {
    "card": CARD,
    "insz": CANARY_INSZ.digits,
    "name": CANARY_NAME,
    "language": "fr",
    "enterprise_number": EMPLOYER.value,
    "declaration": DECLARATION.value,
    "personnel_number": "P-7",
    "capacity": "self_employed",
    "local": "no",
}
PERSON = Profile(
    insz=CANARY_INSZ,
    name=CANARY_NAME,
    language="fr",
    employer=EMPLOYER,
    declaration=DECLARATION,
    personnel_number="P-7",
    capacity=Capacity.SELF_EMPLOYED,
)


def test_every_field_of_a_json_line_arrives() -> None:
    """A line with every field becomes a badge and a person with all of them, given as an object or as its text."""
    for line in (FULL, json.dumps(FULL)):
        (read,) = parse_lines([line])
        assert read.number == 1
        assert read.line == BadgeLine(card=CANARY_CARD, profile=PERSON, says_capacity=True, says_local=True)


def test_empty_lines_count_but_say_nothing() -> None:
    """Empty lines are skipped, and the others keep the number that an editor shows."""
    assert [read.number for read in parse_lines(["", FULL, None, "  ", json.dumps(FULL)])] == [2, 5]


def test_null_and_empty_mean_left_out() -> None:
    """A null or empty field is the same as one that is not there."""
    (read,) = parse_lines([{"card": CARD, "insz": CANARY_INSZ.digits, "name": "", "language": None}])
    assert read.line.profile == Profile(insz=CANARY_INSZ)


def test_an_identity_card_is_named_by_a_word() -> None:
    """Its number is its holder's, which stands beside; where that is wrong, that alone is told."""
    for word in ("eid", " EID "):
        (read,) = parse_lines([{"card": word, "insz": CANARY_INSZ.digits}])
        assert read.line.card == CardId.of_person(CANARY_INSZ)
    with pytest.raises(UsageError) as refused:
        parse_lines([{"card": "eid", "insz": "85073003329"}, {"card": "eid"}])
    assert [line.partition(":")[0] for line in refused.value.message.splitlines()] == ["line 1, insz", "line 2, insz"]


def test_a_foreign_employer_is_named_by_its_vat_number() -> None:
    """A foreign employer's VAT number becomes the employer."""
    (read,) = parse_lines([{"card": CARD, "insz": CANARY_INSZ.digits, "foreign_vat_number": "NL 8090.83.001"}])
    assert read.line.profile.employer == ForeignVatNumber("NL809083001")


def test_every_mistake_of_every_line_is_told_at_once() -> None:
    """One refusal names each bad line and field."""
    with pytest.raises(UsageError) as refused:
        parse_lines(
            [
                {"card": "zz", "insz": "85073003329"},
                {},
                "{not json",
                FULL | {"name": 7, "language": "french!", "enterprise_number": "0206731646"},
                FULL | {"foreign_vat_number": "NL809083001"},
                ["a"],
                '{"card": "04", "card": "05"}',
                "[" * 100_000,
            ]
        )
    starts = [sentence.partition(":")[0] for sentence in refused.value.message.split("\n")]
    assert starts == [
        "line 1, card",
        "line 1, insz",
        "line 2, card",
        "line 2, insz",
        "line 3",
        "line 4, enterprise_number",
        "line 4, name",
        "line 4, language",
        "line 5, foreign_vat_number",
        "line 6",
        "line 7",
        "line 8",
    ]


def test_numbers_that_are_nobodys_are_told_by_their_lines() -> None:
    """A list with a phone's number and a blank one is refused as a whole, each line with its reason."""
    with pytest.raises(UsageError) as refused:
        parse_csv("card;insz\n" + "".join(f"{card};{CANARY_INSZ.digits}\n" for card in ("08A1B2C3", CARD, "00000000")))
    assert "line 2, card: this card shows another number each time" in refused.value.message
    assert "line 4, card: the card's number is blank" in refused.value.message
    assert "line 3" not in refused.value.message


def test_an_unknown_field_is_answered_with_the_likely_one() -> None:
    """A mistyped field's name is a mistake that suggests the right one; one like no other gets the list."""
    with pytest.raises(UsageError, match="did you mean insz") as refused:
        parse_lines([FULL | {"inzs": "1"}])
    assert "line 1, field 10" in refused.value.message
    with pytest.raises(UsageError, match="known are card, insz, name"):
        parse_lines([FULL | {"shoe size": "44"}])


@pytest.mark.parametrize("name", ["x" * 101, "two\nlines", "bell\x07"])
def test_a_name_is_one_short_printable_line(name: str) -> None:
    """What a screen can't show is refused as a name."""
    with pytest.raises(UsageError, match="line 1, name"):
        parse_lines([FULL | {"name": name}])


def test_no_refusal_repeats_what_was_given() -> None:
    """No message holds a personal datum, not even where a person stands in the place of the columns' names."""
    spoilt = [
        {"card": CARD + "f", "insz": CANARY_INSZ.digits + "9", CANARY_NAME: "x", "name": CANARY_NAME + "\n"},
        f"{CANARY_INSZ.digits} {CANARY_NAME}",
    ]
    told = ""
    with pytest.raises(UsageError) as refused:
        parse_lines(spoilt)
    told += str(refused.value)
    with pytest.raises(UsageError) as refused:
        parse_csv(f"{CARD};{CANARY_INSZ.digits};{CANARY_NAME}\n")
    told += str(refused.value)
    with pytest.raises(UsageError) as refused:
        parse_csv(f"card;insz\n{CARD};{CANARY_INSZ.digits}\n{CARD};{CANARY_INSZ.digits}\n{CARD};1;{CANARY_NAME};x")
    told += str(refused.value)
    for secret in (CANARY_INSZ.digits, CANARY_NAME, CARD, CARD.upper(), "Kanarievogel"):
        assert secret not in told


@given(number=st.integers(0, 299_999), delimiter=st.sampled_from(";,"), mark=st.sampled_from(["", "\ufeff"]))
def test_csv_and_json_say_the_same(number: int, delimiter: str, mark: str) -> None:
    """A CSV with either separator, with or without byte order mark, columns in any order, reads like the JSON line."""
    line = invented_line(number)
    card, insz = line.card.identifier.hex(), line.profile.insz.digits
    text = mark + delimiter.join(["Name", " INSZ ", "card"]) + "\r\n" + delimiter.join([line.profile.name, insz, card]) + "\r\n"
    (from_csv,) = parse_csv(text)
    (from_json,) = parse_lines([{"card": card, "insz": insz, "name": line.profile.name}])
    assert from_csv.line == from_json.line == line
    assert from_csv.number == 2


def test_what_spreadsheets_add_is_taken() -> None:
    """Empty columns, empty rows and quoted cells with separators and line breaks around them do no harm."""
    text = f'card;insz;name;;\r\n;;;;\r\n{CARD};{CANARY_INSZ.digits};"Kanarievogel; Z.";;\r\n;\r\n'
    (read,) = parse_csv(text)
    assert read.number == 3
    assert read.line.profile.name == "Kanarievogel; Z."


def test_lines_are_numbered_as_an_editor_shows_them() -> None:
    """After a quoted cell with a line break the numbers still fit."""
    with pytest.raises(UsageError) as refused:
        parse_csv(f'card,insz,name\n{CARD},{CANARY_INSZ.digits},"a\nb"\n04,1,x\n')
    assert [sentence.partition(",")[0] for sentence in refused.value.message.split("\n")] == ["line 2", "line 4", "line 4"]


def test_the_header_must_name_the_columns() -> None:
    """Missing, repeated and unknown columns are told together; an empty text lacks both required ones."""
    with pytest.raises(UsageError) as refused:
        parse_csv("card;card;nmae\n")
    assert "column 2: card stands twice" in refused.value.message
    assert "column 3: this name is not known; did you mean name?" in refused.value.message
    assert "there is no insz" in refused.value.message
    with pytest.raises(UsageError, match="there is no card"):
        parse_csv("")


def test_a_cell_too_many_is_a_mistake() -> None:
    """A row with more cells than columns is refused: something would land in the wrong column."""
    with pytest.raises(UsageError, match="line 2: there are more cells than columns"):
        parse_csv(f"card,insz,name\n{CARD},{CANARY_INSZ.digits},Vogel, Z.\n")


def test_a_card_twice_in_one_file_names_both_lines() -> None:
    """The same card in two lines of one file is refused with both numbers."""
    with pytest.raises(UsageError, match="lines 2 and 4: the same card"):
        parse_csv(
            f"card,insz\n{CARD},{CANARY_INSZ.digits}\n04000000000180,{invented_insz(1).digits}\n{CARD.upper()},{CANARY_INSZ.digits}"
        )


def test_an_open_quote_names_its_line() -> None:
    """A quote that is never closed is a mistake of the line where it begins."""
    with pytest.raises(UsageError, match="line 3: this record can't be read"):
        parse_csv(f'card,insz,name\n{CARD},{CANARY_INSZ.digits},x\n{CARD},{CANARY_INSZ.digits},"open\n')


def test_utf8_is_decoded_with_and_without_its_mark() -> None:
    """UTF-8 is read with its accents, and a byte order mark leaves no trace."""
    assert decode_csv(CANARY_NAME.encode()) == decode_csv(CANARY_NAME.encode("utf-8-sig")) == CANARY_NAME


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused_with_the_repair(encoding: str) -> None:
    """A file in another encoding is refused with its line and told to be saved as UTF-8, before a name is spoilt."""
    with pytest.raises(UsageError) as refused:
        decode_csv(f"card;insz;name\n;;{CANARY_NAME}".encode(encoding))
    assert "save it as UTF-8" in str(refused.value)
    assert f"line {2 if encoding == 'latin-1' else 1}:" in refused.value.message
