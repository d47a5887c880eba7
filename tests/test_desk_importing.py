"""A list is imported whole or not at all, and not before it is clear how another system wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kiosk.desk import Desk, importing, people
from kiosk.errors import Declined, UsageError
from kiosk.identifiers import CardId
from kiosk.model import Signal
from kiosk.records import card_bytes
from kiosk.rules import DeclarationTerm, Now
from kiosk.taps import Moment, add_tap
from kiosk.vault import Index
from tests.desks import MORNING_MS, Clock, open_desk
from tests.people import (
    CANARY_CARD,
    CANARY_INSZ,
    CANARY_NAME,
    EMPLOYER,
    OTHER_DECLARATION,
    OTHER_EMPLOYER,
    invented_card,
    invented_insz,
)

CARD = CANARY_CARD.identifier.hex()
LINE = {"card": CARD, "insz": CANARY_INSZ.digits, "name": CANARY_NAME, "language": "fr"}


def line(number: int, **more: object) -> dict[str, object]:
    return {"card": invented_card(number).identifier.hex(), "insz": invented_insz(number).digits, **more}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with open_desk(tmp_path, clock) as desk:
        yield desk


def call(desk: Desk, name: str, /, **asked: object) -> dict[str, Any]:
    """Make a call as the control socket would: JSON in, JSON out."""
    answer: dict[str, Any] = json.loads(json.dumps({**people.CALLS, **importing.CALLS}[name](desk, json.loads(json.dumps(asked)))))
    return answer


def count(desk: Desk, table: str) -> int:
    found: int = desk.database.read(lambda connection: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
    return found


def csv(*rows: str, delimiter: str = ";") -> str:
    return "\n".join(["card;insz;name;enterprise_number", *rows]).replace(";", delimiter) + "\n"


def row(number: int, employer: str = "") -> str:
    return f"{invented_card(number).identifier.hex()};{invented_insz(number).digits};Person {number};{employer}"


def test_an_import_can_be_previewed(desk: Desk) -> None:
    """A preview tells what would happen and changes nothing; the import then does exactly that."""
    call(desk, "badge add", lines=[line(2)])
    text = csv(row(1), row(2), delimiter=",")
    before = count(desk, "evidence")
    preview = call(desk, "badge import", text=text, preview=True)
    assert preview["preview"] is True
    assert sorted((item["line"], item["id"], item["holder"], item["added"]) for item in preview["items"]) == [
        (2, None, None, True),
        (3, 1, 1, False),
    ]
    assert (count(desk, "holders"), count(desk, "profiles"), count(desk, "evidence")) == (1, 1, before)
    done = call(desk, "badge import", text=text)
    assert [(item["line"], item["id"], item["added"]) for item in done["items"]] == [(3, 1, False), (2, 2, True)]
    assert [item["name"] for item in call(desk, "badge list")["items"]] == ["Person 2", "Person 1"]


def test_a_preview_finds_taken_cards(desk: Desk) -> None:
    """What the import would decline, the preview declines."""
    call(desk, "badge add", lines=[line(1)])
    text = csv(row(1).replace(invented_insz(1).digits, CANARY_INSZ.digits))
    for preview in (True, False):
        with pytest.raises(Declined, match="line 2"):
            call(desk, "badge import", text=text, preview=preview)


def test_no_employer_is_guessed_once_several_are_known(desk: Desk) -> None:
    """Empty employers are fine with one known employer, and named by line once the file or the roster knows several."""
    call(desk, "badge import", text=csv(row(1), row(2, EMPLOYER.value)))
    with pytest.raises(UsageError) as refused:
        call(desk, "badge import", text=csv(row(3), row(4, OTHER_EMPLOYER.value), row(5)))
    assert [sentence.partition(":")[0] for sentence in refused.value.message.split("\n")] == ["line 2", "line 4"]
    call(desk, "badge import", text=csv(row(4, OTHER_EMPLOYER.value)))
    with pytest.raises(UsageError, match="line 2"):
        call(desk, "badge import", text=csv(row(3)))
    assert count(desk, "badges") == 3


def test_configured_employers_count_as_known(desk: Desk) -> None:
    """An employer that only a declaration names is known too."""
    term = DeclarationTerm(number=OTHER_DECLARATION, employer=OTHER_EMPLOYER)
    several = replace(desk, declarations=(*desk.declarations, term))
    with pytest.raises(UsageError, match="the employer is empty"):
        call(several, "badge import", text=csv(row(1)))
    call(several, "badge import", text=csv(row(1, OTHER_EMPLOYER.value)))


@pytest.mark.parametrize("asked", [{}, {"text": ""}, {"text": 1}, {"text": "card;insz", "preview": "yes"}])
def test_an_import_needs_a_text(desk: Desk, asked: Mapping[str, object]) -> None:
    """An import without text, or with a preview that is neither true nor false, is wrong usage."""
    with pytest.raises(UsageError):
        call(desk, "badge import", **asked)


def test_a_large_import_is_listed_whole(desk: Desk) -> None:
    """A list longer than one page of the store is told whole and in order."""
    call(desk, "badge import", text=csv(*(row(number) for number in range(1201))))
    assert [item["id"] for item in call(desk, "badge list")["items"]] == list(range(1, 1202))


SEVEN = [bytes((0x04, 0xA1, *number.to_bytes(4, "big"), 0x80)) for number in range(0x11223344, 0x11223344 + 40)]


def listed(*cards: str) -> str:
    return csv(*(f"{card};{invented_insz(number).digits};;" for number, card in enumerate(cards)))


def test_a_reversed_list_is_refused_and_the_preview_shows_what_it_becomes(desk: Desk) -> None:
    """Before anything changes the admin is told what it is, what it would become and the option that takes it."""
    text = listed(*(uid[::-1].hex() for uid in SEVEN[:37]), "A5A5A5A5", "B5B5B5B5", "C5C5C5C5")
    with pytest.raises(UsageError) as refused:
        call(desk, "badge import", text=text)
    assert "byte-reversed: 37 of 40 numbers begin with 04 (NXP) when they are read so, 0 as they stand" in refused.value.message
    assert "--written reversed" in str(refused.value.repair)
    preview = call(desk, "badge import", text=text, preview=True)
    assert (preview["written"], "byte-reversed" in preview["doubt"], len(preview["items"])) == ("reversed", True, 40)
    assert preview["items"][0]["card"] == CardId("uid", SEVEN[0]).masked
    assert count(desk, "badges") == 0
    done = call(desk, "badge import", text=text, written="reversed")
    assert (done["written"], done["doubt"], len(done["items"])) == ("reversed", None, 40)
    assert call(desk, "holder show", card=SEVEN[0].hex())["id"] == 1


def test_whoever_says_how_his_list_is_written_is_believed(desk: Desk) -> None:
    """A list that looks reversed and is not is imported as it stands, once that was said."""
    text = listed(*(uid[::-1].hex() for uid in SEVEN[:5]))
    assert len(call(desk, "badge import", text=text, written="hex")["items"]) == 5
    assert call(desk, "holder show", card=SEVEN[0][::-1].hex())["id"] == 1


def test_a_list_that_fits_two_ways_is_not_guessed(desk: Desk) -> None:
    """Ten decimal digits may be three things: the preview says so and shows nothing, the import refuses."""
    text = listed("3735928559", "0305419897", "2596069104")
    preview = call(desk, "badge import", text=text, preview=True)
    assert (preview["items"], preview["written"]) == ([], None)
    assert "nothing tells which" in preview["doubt"]
    with pytest.raises(UsageError, match="decimal, decimal-reversed, em4100, 8h10d") as refused:
        call(desk, "badge import", text=text)
    assert "--written hex" in str(refused.value.repair)
    assert len(call(desk, "badge import", text=text, written="8h10d")["items"]) == 3


def test_cards_that_were_laid_on_tell_how_a_list_is_written(desk: Desk) -> None:
    """Unknown cards and badges that the store has decide what the look of a list leaves open."""
    seen = [CardId("uid", bytes.fromhex(digits)) for digits in ("DEADBEEF", "12345679")]
    call(desk, "badge add", lines=[{"card": "DEADBEEF", "insz": invented_insz(0).digits}])
    now = Now(at_ms=MORNING_MS, boot_ns=1, boot_id="b")
    moment = Moment(
        card=seen[1],
        card_index=desk.vault.index(Index.CARD, card_bytes(seen[1])),
        reader="gate",
        driver="simulated",
        technology="simulated",
        press=None,
        now=now,
        clock=desk.clock(),
    )
    desk.database.write(lambda store: add_tap(store, desk.vault, moment, book=desk.book, signal=Signal.UNKNOWN_CARD))
    preview = call(desk, "badge import", text=listed("4022250974", "2035692562", "2596069104"), preview=True)
    assert preview["written"] == "decimal-reversed"
    assert "2 of 3 numbers are cards that this box has seen" in preview["doubt"]
    assert [item["added"] for item in preview["items"]] == [False, True, True]


def test_a_bad_line_is_told_in_the_way_that_was_said(desk: Desk) -> None:
    """Each line that does not fit is named, without its number; nothing is imported."""
    with pytest.raises(UsageError) as refused:
        call(desk, "badge import", text=listed("3735928559", "zz99887766", "0145863363"), written="decimal")
    assert "line 3, card: this is no number that is written in that way" in refused.value.message
    assert "line 4, card: this card shows another number each time" in refused.value.message
    assert "zz99887766" not in refused.value.message


@pytest.mark.parametrize("written", ["hexadecimal", "", 7, ["hex"]])
def test_an_unknown_way_of_writing_is_wrong_usage(desk: Desk, written: object) -> None:
    """The ways that there are are told."""
    with pytest.raises(UsageError, match="written must be one of hex, reversed, decimal"):
        call(desk, "badge import", text=listed("DEADBEEF"), written=written)
