from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kiosk.config_checks import (
    Choice,
    Listen,
    Mistake,
    Number,
    Parsed,
    Wrong,
    converter,
    mistakes,
    required_keys,
    service_url,
    sha256_list,
    text,
    unknown_keys,
    url_path,
    web_address,
    zone,
)
from kiosk.identifiers import EnterpriseNumber
from tests.people import EMPLOYER


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    colour: Colour
    lit: bool = False
    day: date | None = None
    file: Path = Path("x")


@pytest.mark.parametrize(("value", "given"), [(0, 0.0), (5, 5.0), (2.5, 2.5), (-0.0, 0.0)])
def test_a_number_may_be_written_as_an_integer(value: float, given: float) -> None:
    """Durations take 5 as well as 5.0, both ends of the range included."""
    found = Number(0, 5)(value)
    assert found == given
    assert isinstance(found, float)


@pytest.mark.parametrize("value", [-1, 5.1, math.nan, math.inf, -math.inf, 10**400, True, False, "5", [], {}, None])
def test_what_is_no_number_in_the_range_is_refused(value: object) -> None:
    """Booleans, strings, nan, and integers beyond any float are told, never a traceback."""
    with pytest.raises(Wrong, match="write a number from 0 to 5"):
        Number(0, 5)(value)


def test_a_whole_number_takes_no_fraction() -> None:
    """A batch of 1.0 is refused like one of 1.5; an integer stays one."""
    assert isinstance(Number(1, 5, whole=True)(3), int)
    for value in (3.0, True, "3", 0, 6):
        with pytest.raises(Wrong, match="write an integer from 1 to 5"):
            Number(1, 5, whole=True)(value)


def test_a_choice_names_what_may_be_written() -> None:
    """Spelling counts, and a refusal tells every word there is."""
    assert Choice(Colour)("red") is Colour.RED
    others: tuple[object, ...] = ("RED", "", 3, ["red"], {})
    for value in others:
        with pytest.raises(Wrong, match=r"means nothing here; write one of: red, blue$"):
            Choice(Colour)(value)


def test_a_parsed_value_keeps_the_parsers_sentence() -> None:
    """The class that knows the number says what is wrong with it."""
    rule = Parsed(EnterpriseNumber)
    assert rule("BE 0206.731.645") == EMPLOYER
    with pytest.raises(Wrong, match="is a digit mistyped"):
        rule("0206731646")
    with pytest.raises(Wrong, match="is an integer; write a string in quotes"):
        rule(206731645)


@pytest.mark.parametrize("value", ["x", "Chaussée\xa0d'Ixelles", "x" * 1000, "  a"])
def test_text_stays_as_written(value: str) -> None:
    """Names are theirs who write them."""
    assert text(value) == value


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "\x00", "a\x85b", "x" * 1001, 3, True, ["x"], date(2026, 1, 1), 1.5])
def test_text_that_could_break_a_line_or_a_path_is_refused(value: object) -> None:
    """Neither blanks nor control characters nor another type."""
    with pytest.raises(Wrong, match=";"):
        text(value)


@pytest.mark.parametrize(
    "url", ["https://h", "https://h.example:8443/a/b", "https://[::1]:1/", "https://127.0.0.1/x%20y", "HTTPS://H/"]
)
def test_a_service_address_is_kept_verbatim(url: str) -> None:
    """The token server compares it with the audience letter by letter."""
    assert service_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "...",
        "h",
        "http://h/",
        "https://",
        "https:///x",
        "https://:443/",
        "https://h:port/",
        "https://h:99999/",
        "https://h:/",
        "https://[::1/",
        "https://[x]/",
        "https://[1::2::3]/",
        "https://u:p@h/",
        "https://u@h/",
        "https://h/?",
        "https://h/?a=b",
        "https://h/#",
        "https://h/a b",
        "https://h\t.example/",
        "https://services.socialsecurity.be\\@example.org/",
        "https://services%2esocialsecurity.be/",
        "https://hé/",
        "https://h..x/",
        "https://-h/",
        3,
    ],
)
def test_an_address_that_could_be_read_in_two_ways_is_refused(url: object) -> None:
    """Production is told from training by the host, so there must be no doubt about it."""
    with pytest.raises(Wrong, match=";"):
        service_url(url)


def test_a_link_for_people_stays_as_it_is() -> None:
    """The service's own link may have a query or an accent; only what a phone could run or misread is refused."""
    for link in ("https://h/x?declaration=1#top", "https://h/é", "https://..."):
        assert web_address(link) == link
    for other in ("javascript:alert(1)", "http://h/", "https://h/a b", "https://"):
        with pytest.raises(Wrong, match="no https link"):
            web_address(other)


def test_a_path_of_the_service_begins_with_a_slash() -> None:
    """It is put behind the base address as it stands."""
    assert url_path("/presenceRegistrations/{id}") == "/presenceRegistrations/{id}"
    for value in ("x", "//h?", "/a b", "/a?b", "https://h/", 3):
        with pytest.raises(Wrong, match=";"):
            url_path(value)


@pytest.mark.parametrize(
    ("value", "listen"), [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:80", ("::1", 80)), ("box.lan:65535", ("box.lan", 65535))]
)
def test_an_address_to_listen_on_has_host_and_port(value: str, listen: tuple[str, int]) -> None:
    """IPv6 in brackets, as in a URL; port 0 lets the system choose."""
    assert Listen.parse(value) == Listen(*listen)


@pytest.mark.parametrize("value", ["", "8080", ":8080", "h:", "h:x", "h:65536", "::1:80", "h:-1", "[::1]", "[x]:1", "h:٣", "a b:1"])
def test_half_an_address_to_listen_on_is_refused(value: str) -> None:
    """Nothing is guessed: an empty host would be every network."""
    with pytest.raises(Wrong, match="HOST:PORT"):
        Listen.parse(value)


def test_fingerprints_are_taken_as_people_copy_them() -> None:
    """With colons, blanks and capitals; each is kept in one form."""
    assert sha256_list(["AB:" * 31 + "AB", "cd " * 32]) == ("ab" * 32, "cd" * 32)
    assert sha256_list([]) == ()


@pytest.mark.parametrize("value", ["ab" * 32, ["ab" * 20], ["xy" * 32], [7], None])
def test_what_is_no_list_of_fingerprints_is_refused(value: object) -> None:
    """A fingerprint alone, a SHA-1, no hexadecimal digits, no text."""
    with pytest.raises(Wrong, match=";"):
        sha256_list(value)


def test_a_time_zone_is_one_of_the_database() -> None:
    """Folders, absolute paths, wrong case and overlong names are told like any unknown name."""
    assert zone("Europe/Brussels") == ZoneInfo("Europe/Brussels")
    for value in ("Europe", "Europe/Brussel", "/etc/localtime", "../x", "x" * 900, "CEST+1"):
        with pytest.raises(Wrong, match="no known time zone"):
            zone(value)
    with pytest.raises(Wrong, match="is an integer"):
        zone(1)


def test_types_are_taken_strictly() -> None:
    """Nothing is converted in silence: no string for a flag, no time for a day."""
    strict = converter(Path("/base"))
    good = {"colour": "blue", "lit": True, "day": date(2026, 1, 1), "file": "y"}
    assert strict.structure(good, Thing) == Thing(colour=Colour.BLUE, lit=True, day=date(2026, 1, 1), file=Path("/base/y"))
    noon = datetime(2026, 1, 1, 12)  # noqa: DTZ001  # as TOML gives it
    bad: list[tuple[str, Any]] = [("lit", 1), ("lit", "true"), ("day", noon), ("day", "2026-01-01"), ("file", 3), ("colour", "x")]
    for key, value in bad:
        with pytest.raises(Exception, match="Thing") as caught:
            strict.structure({**good, key: value}, Thing)
        (found,) = mistakes(caught.value, "thing")
        assert found.key == f"thing.{key}"


def test_a_value_where_a_table_belongs_is_told() -> None:
    """Also where the value could be searched like a table."""
    for value in ("colour", ["colour"], 3):
        with pytest.raises(Wrong, match="write it as a table"):
            converter(Path("/base")).structure(value, Thing)


def test_everything_wrong_in_a_table_is_told() -> None:
    """Wrong, missing and unknown keys come in one go."""
    with pytest.raises(Exception, match="Thing") as caught:
        converter(Path("/base")).structure({"lit": 3, "dya": 1, "zz": 2}, Thing)
    assert [str(found) for found in mistakes(caught.value, "thing")] == [
        "thing.colour: is missing; add it",
        "thing.lit: is an integer; write true or false without quotes",
        "thing.dya: is an unknown key; did you mean day?",
        "thing.zz: is an unknown key; remove it, or take the # before its own heading away too; known here: colour, day, file, lit",
    ]


def test_an_error_that_is_not_the_files_fault_is_not_taken_for_a_mistake() -> None:
    """A fault of the program stays visible as one."""
    with pytest.raises(ZeroDivisionError):
        list(mistakes(ZeroDivisionError(), "x"))


def test_a_key_that_is_no_word_is_shown_quoted_and_cut() -> None:
    """A line end in a quoted key can't forge a line of the message, a pasted key does not show whole."""
    (found,) = unknown_keys(["a\nb" + "x" * 100], ["name"])
    assert found == Mistake('"a\\nb' + "x" * 17 + '"', "is an unknown key; remove it; known here: name")


def test_a_section_knows_what_it_can_not_do_without() -> None:
    """Only keys without any default are required."""
    assert required_keys(Thing) == ["colour"]
