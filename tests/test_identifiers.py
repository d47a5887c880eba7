"""kiosk.identifiers lets in true numbers only, whatever the clock says, and shows none of them in full."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hardware.cards import UID_LENGTHS
from kiosk import identifiers
from kiosk.identifiers import CardId, DeclarationNumber, EnterpriseNumber, ForeignVatNumber, Insz
from tests.people import CANARY_INSZ, invented_insz

#: The samples of the facts (rsz-service, section 6), each proven by its checksum.
VALID = {
    "85073003328": "born 1985",
    "17073003384": "born 2017",
    "98472899765": "a BIS number, sex known",
    "01490700185": "a BIS number, born 2001",
    "53480200724": "a BIS number of the guide's own example",
    "90010100123": "born 1990",
}


PARSERS: list[Callable[[str], object]] = [
    Insz.parse,
    EnterpriseNumber.parse,
    ForeignVatNumber.parse,
    DeclarationNumber.parse,
    CardId.parse,
    CardId.parse_badge,
]


def refusal(parse: Callable[[str], object], text: str) -> str:
    """Give all that a refusal says, with whatever led to it; empty when the text was read."""
    try:
        parse(text)
    except ValueError as error:
        return f"{error} {error.__cause__} {error.__context__}"
    return ""


def with_check(first_nine: str, century: int = 1900) -> str:
    """Complete nine digits for somebody born in this century."""
    return f"{first_nine}{97 - (int(first_nine) + (2_000_000_000 if century == 2000 else 0)) % 97:02d}"


@pytest.mark.parametrize("digits", VALID)
def test_true_numbers_are_read(digits: str) -> None:
    """Each proven sample, national or BIS, is read as it is."""
    assert Insz.parse(digits).digits == digits


@pytest.mark.parametrize("digits", ["05011512379", "90231512314", "90431512391"])
def test_false_samples_are_refused(digits: str) -> None:
    """Samples that circulate as valid and fail the checksum are refused for their check digits."""
    with pytest.raises(ValueError, match="check digits"):
        Insz.parse(digits)


@pytest.mark.parametrize(
    "text",
    ["85.07.30-033.28", "85 07 30 033 28", "850730-03328", "85/07/30-033.28", "  85073003328\n", "85.07.30 - 033.28"],
)
def test_the_usual_separators_are_read(text: str) -> None:
    """A number is typed as it stands on the card: dots, dashes, slashes and spaces do not matter."""
    assert Insz.parse(text) == Insz("85073003328")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8507300332",
        "850730033280",
        "8507300332a",
        "85073003\N{FULLWIDTH DIGIT THREE}28",
        "٨٥٠٧٣٠٠٣٣٢٨",
        "85073003³28",
        "85_073_003_328",
        "+85073003328",
        "-8507300332",
        "85,07,30,033,28",
        "85073003328x",
        "8507300\n3328",
    ],
)
def test_what_is_not_eleven_plain_digits_is_refused(text: str) -> None:
    """Too few, too many, letters, signs and digits of other scripts are refused for what they are."""
    with pytest.raises(ValueError, match="eleven digits"):
        Insz.parse(text)


@pytest.mark.parametrize("century", [1900, 2000])
@pytest.mark.parametrize(
    "first_nine",
    [
        pytest.param("000001001", id="birth date wholly unknown"),
        pytest.param("002001001", id="BIS, birth date wholly unknown, sex unknown"),
        pytest.param("004001001", id="BIS, birth date wholly unknown, sex known"),
        pytest.param("850000123", id="only the year is known"),
        pytest.param("850700123", id="the day is not known"),
        pytest.param("850002123", id="the counter of unknown dates was exhausted"),
        pytest.param("850230123", id="a day beyond its month"),
        pytest.param("850731123", id="the last day"),
        pytest.param("992231998", id="the highest serial number"),
        pytest.param("003231002", id="BIS, December, sex unknown"),
        pytest.param("005231001", id="BIS, December, sex known"),
        pytest.param("265231001", id="a BIS number of this very year"),
    ],
)
def test_odd_birth_dates_of_both_centuries_are_people(first_nine: str, century: int) -> None:
    """Unknown and exhausted dates are nobody's fault: with the right check digits of either century they are read."""
    digits = with_check(first_nine, century)
    assert Insz.parse(digits).digits == digits


def test_remainder_nought_is_written_as_ninety_seven() -> None:
    """When nothing remains the check digits are 97, not 00."""
    first = next(str(number) for number in range(850730001, 850730099) if number % 97 == 0)
    assert Insz.parse(f"{first}97").digits.endswith("97")
    with pytest.raises(ValueError, match="check digits"):
        Insz.parse(f"{first}00")


@pytest.mark.parametrize("month", [13, 19, 33, 39, 53, 60, 99])
def test_a_month_that_no_number_has_is_refused(month: int) -> None:
    """Months are 0 to 12, plus 20 or 40 in BIS numbers."""
    with pytest.raises(ValueError, match="birth date"):
        Insz.parse(with_check(f"85{month}17033"))


@pytest.mark.parametrize(("first_nine", "why"), [("850732033", "birth date"), ("850730000", "serial"), ("850730999", "serial")])
def test_impossible_days_and_serial_numbers_are_refused(first_nine: str, why: str) -> None:
    """A day above 31 and the serial numbers 000 and 999 belong to nobody."""
    with pytest.raises(ValueError, match=why):
        Insz.parse(with_check(first_nine))


def test_no_clock_is_asked() -> None:
    """A box whose clock stands in 1970 accepts the same people as any other: this module can't know the date."""
    tree = ast.parse(Path(identifiers.__file__).read_text(encoding="utf-8"))
    names = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert sorted(filter(None, names)) == ["__future__", "dataclasses", "hardware.cards", "re", "typing"]


@given(st.integers(0, 999_999_999))
def test_no_digits_belong_to_both_centuries(first_nine: int) -> None:
    """The two centuries never share check digits, so accepting both lets no mistake in by itself."""
    assert with_check(f"{first_nine:09d}", 1900) != with_check(f"{first_nine:09d}", 2000)


@given(st.integers(0, 299_999), st.integers(0, 10), st.integers(1, 9))
def test_every_single_mistyped_digit_is_noticed(number: int, place: int, shift: int) -> None:
    """One wrong digit is refused, except where it makes a true number of the other century."""
    digits = invented_insz(number).digits
    wrong = digits[:place] + str((int(digits[place]) + shift) % 10) + digits[place + 1 :]
    assume(wrong != with_check(wrong[:9], 2000))
    with pytest.raises(ValueError, match="INSZ"):
        Insz.parse(wrong)


@given(st.integers(0, 299_999))
def test_an_insz_shows_its_end_only(number: int) -> None:
    """However it is printed, of a number only the last four digits are seen."""
    insz = invented_insz(number)
    assert insz.masked == "*******" + insz.digits[-4:]
    for shown in (repr(insz), str(insz), f"{insz}", f"{insz!r}", f"{[insz]}", "%s" % insz):  # noqa: UP031  every way to print
        assert insz.digits[:7] not in shown
        assert insz.masked in shown


@given(st.text(st.characters(exclude_categories=["L", "Cs"]), min_size=9))
def test_no_refusal_repeats_what_was_typed(text: str) -> None:
    """Whatever is typed, it is either read or refused by ValueError, whose words don't repeat it."""
    for parse in PARSERS:
        assert text not in refusal(parse, text)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("text", ["85073003329", "0123456789", "85073003328 85073003328", "1234567890123456789012"])
def test_no_refused_number_is_repeated(parse: Callable[[str], object], text: str) -> None:
    """A number with one digit wrong is still personal: no refusal quotes it."""
    assert not re.search(r"\d{4}", refusal(parse, text))


@pytest.mark.parametrize("value", ["0403019261", "0428759497", "0206731645", "1009237290"])
def test_enterprises_are_read(value: str) -> None:
    """Each proven sample is read, also those that begin with 1."""
    assert EnterpriseNumber.parse(value).value == value


@pytest.mark.parametrize(
    "text", ["0403.019.261", "BE0403019261", "be 0403 019 261", "403019261", "BE 403.019.261", " 0403-019-261 "]
)
def test_enterprises_are_read_as_people_write_them(text: str) -> None:
    """Dots, dashes, spaces, the country and the old form of nine digits mean the same enterprise."""
    assert EnterpriseNumber.parse(text) == EnterpriseNumber("0403019261")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0123456789", "check digits"),
        ("0403019262", "check digits"),
        ("2206731645", "establishment unit"),
        ("8206731645", "establishment unit"),
        ("9206731645", "begins with 0 or 1"),
        ("", "ten digits"),
        ("BE", "ten digits"),
        ("04030192", "ten digits"),
        ("04030192611", "ten digits"),
        ("040301926\N{FULLWIDTH DIGIT ONE}", "ten digits"),
        ("٠٤٠٣٠١٩٢٦١", "ten digits"),
        ("NL123456789B01", "ten digits"),
    ],
)
def test_what_is_no_enterprise_is_refused(text: str, why: str) -> None:
    """A wrong check, an establishment unit, and whatever is not ten plain digits are refused each for its reason."""
    with pytest.raises(ValueError, match=why):
        EnterpriseNumber.parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("NL123456789B01", "NL123456789B01"), ("pl 123-456-32-18", "PL1234563218"), ("IE1234567+W", "IE1234567+W"), ("RO18", "RO18")],
)
def test_foreign_vat_numbers_are_read(text: str, value: str) -> None:
    """Country letters and the national part, however written."""
    assert ForeignVatNumber.parse(text).value == value


@pytest.mark.parametrize(
    "text", ["", "N1", "123456789", "NL", "NL1", "NL" + "1" * 19, "NL12345\N{FULLWIDTH DIGIT SIX}", "NL1234_5"]
)
def test_what_is_no_vat_number_is_refused(text: str) -> None:
    """A number without a country or of an impossible length is refused."""
    with pytest.raises(ValueError, match="two country letters"):
        ForeignVatNumber.parse(text)


def test_a_belgian_employer_has_an_enterprise_number() -> None:
    """A Belgian VAT number in the foreign field is refused with the name of the right field."""
    with pytest.raises(ValueError, match="enterprise_number"):
        ForeignVatNumber.parse("BE0403019261")


@pytest.mark.parametrize("text", ["1Y1003SQ5VSSZ", "1y1003sq5vssz", " 1Y1003 SQ5VSSZ "])
def test_declarations_are_read(text: str) -> None:
    """Thirteen characters in any case, spaces or not."""
    assert DeclarationNumber.parse(text) == DeclarationNumber("1Y1003SQ5VSSZ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1Y1003SQ5VSS",
        "1Y1003SQ5VSSZZ",
        "1Y1003SQ5VSSO",
        "1Y1003SQ5VSSI",
        "1Y1003-Q5VSSZ",
        "1Y1003SQ5VSS\N{FULLWIDTH DIGIT THREE}",
    ],
)
def test_what_is_no_declaration_is_refused(text: str) -> None:
    """Another length, the letters I and O, and strange characters are refused."""
    with pytest.raises(ValueError, match="13 characters"):
        DeclarationNumber.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "04A2B3C4",
        "04a2b3c4",
        "04:A2:B3:C4",
        "04 a2 b3 c4",
        "uid:04A2B3C4",
        "UID:04:a2:B3:c4",
        " Uid : 04 A2 B3 C4 ",
        "04A2:B3C4",
        "0:4:A:2:B:3:C:4",
        "0 4:A2 B3:C4",
        ":04A2B3C4:",
    ],
)
def test_a_card_is_read_however_it_is_written(text: str) -> None:
    """Kind uid if left out, any case, colons and spaces ignored wherever they stand."""
    assert CardId.parse(text) == CardId("uid", bytes.fromhex("04A2B3C4"))


@pytest.mark.parametrize("length", [4, 7, 8, 10])
def test_cards_have_the_four_lengths(length: int) -> None:
    """Single, double and triple size UIDs and the eight bytes of ISO 15693 and FeliCa are cards."""
    assert length in UID_LENGTHS
    assert CardId.parse("A5" * length).identifier == b"\xa5" * length


@pytest.mark.parametrize("length", [1, 2, 3, 5, 6, 9, 11, 16])
def test_no_card_has_another_length(length: int) -> None:
    """Everything else is refused for its length."""
    with pytest.raises(ValueError, match="4, 7, 8 or 10 bytes"):
        CardId.parse("A5" * length)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "hexadecimal"),
        ("uid:", "hexadecimal"),
        ("04A2B3C", "hexadecimal"),
        ("04A2B3CG", "hexadecimal"),
        ("0x04A2B3C4", "hexadecimal"),
        ("04-A2-B3-C4", "hexadecimal"),
        ("uid:uid:04A2B3C4", "hexadecimal"),
        ("\N{FULLWIDTH DIGIT ZERO}4A2B3C4", "hexadecimal"),
        ("eid:04A2B3C4", "kind of card"),
        ("number:123456", "kind of card"),
    ],
)
def test_what_is_no_card_is_refused(text: str, why: str) -> None:
    """Odd digits, strange characters and kinds that are not known are refused each for its reason."""
    with pytest.raises(ValueError, match=why):
        CardId.parse(text)


@pytest.mark.parametrize("text", ["08:A1:B2:C3", "80A1B2C3", "uid:00000000", "FFFFFFFFFFFFFF", "8804A1B2", "01020304"])
def test_a_number_that_can_be_nobodys_badge_is_read_and_not_enrolled(text: str) -> None:
    """A random, blank, cut or common number is still a card that can be named, and never somebody's badge."""
    assert CardId.parse(text).identifier
    with pytest.raises(ValueError, match=r"another number each time|blank|a part of|many cards"):
        CardId.parse_badge(text)


def test_a_badge_is_read_as_a_card_is() -> None:
    """Where nothing speaks against it, a badge is the card that was written."""
    assert CardId.parse_badge("04:A2:B3:C4") == CardId.parse("04A2B3C4")


@given(st.sampled_from(sorted(UID_LENGTHS)).flatmap(lambda length: st.binary(min_size=length, max_size=length)))
def test_a_card_written_is_the_card_read(identifier: bytes) -> None:
    """Every identifier survives each way of writing it, and is shown by its last four digits only."""
    card = CardId("uid", identifier)
    for text in (identifier.hex(), identifier.hex(":").upper(), identifier.hex(" "), f"uid:{identifier.hex()}"):
        assert CardId.parse(text) == card
    assert card.masked == "*" * (2 * len(identifier) - 4) + identifier.hex().upper()[-4:]
    assert repr(card) == str(card) == f"CardId(uid:{card.masked})"


@given(st.integers(0, 299_999))
def test_numbers_written_are_the_numbers_read(number: int) -> None:
    """Parsing is idempotent, and values are equal and hash alike by their digits."""
    insz = invented_insz(number)
    dotted = f"{insz.digits[:2]}.{insz.digits[2:4]}.{insz.digits[4:6]}-{insz.digits[6:9]}.{insz.digits[9:]}"
    assert Insz.parse(insz.digits) == Insz.parse(dotted) == insz
    assert hash(Insz.parse(dotted)) == hash(insz)
    assert pickle.loads(pickle.dumps(insz)) == insz  # noqa: S301  our own bytes


def test_a_number_cannot_be_changed() -> None:
    """What was checked at the border stays what it was."""
    with pytest.raises(AttributeError):
        CANARY_INSZ.digits = "1"  # type: ignore[misc]  # that it can't be is what is tested


def test_an_identity_card_is_masked_like_its_holders_number() -> None:
    """The last four digits, as in every other list of people; and nobody types one."""
    assert CardId.of_person(Insz.parse("85.07.30-033.28")).masked == "*******3328"
    with pytest.raises(ValueError, match="kind of card"):
        CardId.parse("eid:85073003328")
