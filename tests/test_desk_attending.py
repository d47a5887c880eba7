"""kiosk.desk.attending gives a month's movements, and nothing that was not asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kiosk import evidence, movements
from kiosk.desk.attending import CALLS
from kiosk.errors import Declined, KioskError, UsageError
from kiosk.model import Address
from tests.desks import add_row, draft, put
from tests.months import ASKER, EVIL, ms, november, told
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME


def test_that_it_was_asked_for_is_in_the_record_first(tmp_path: Path) -> None:
    """Who, which month, and whether with names; before anything was given."""
    with november(tmp_path) as desk:
        begun = CALLS["report"](desk, {"month": "2026-11", "names": True, **ASKER})
        entry = desk.database.read(evidence.head)[0]
        assert begun["export"] == entry
        kept = desk.database.read(lambda c: evidence.window(c, after=entry - 1, size=1))[0]
        assert kept.sealed is not None
        content = evidence.opened(desk.vault, kept.uid, kept.sealed)
        assert content.facts is not None
        assert content.person is not None
        assert {name: content.facts[name] for name in ("what", "uid", "revealed")} == {
            "what": "attendance", "uid": 1000, "revealed": True
        }  # fmt: skip
        assert content.person["user"] == "somebody"


def test_nobodys_number_is_in_it_and_his_name_only_where_it_was_asked_for(tmp_path: Path) -> None:
    """Neither INSZ nor card ever."""
    with november(tmp_path) as desk:
        plain, named = json.dumps(told(desk)), json.dumps(told(desk, names=True), ensure_ascii=False)
    assert not any(word in text for text in (plain, named) for word in (CANARY_INSZ.digits, CANARY_CARD.identifier.hex()))
    assert CANARY_NAME not in plain
    assert "name" not in json.loads(plain)["items"][0]
    assert CANARY_NAME in named
    assert EVIL in named


def test_pages_go_on_where_they_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large site comes in many reads and answers, and is the same report."""
    with november(tmp_path) as desk:
        whole = told(desk)
        monkeypatch.setattr(movements, "WINDOW", 2)  # a store of many thousand rows would take minutes to write
        monkeypatch.setattr("kiosk.desk.attending._ROWS", 3)
        monkeypatch.setattr("kiosk.desk.attending._PEOPLE", 2)
        begun = CALLS["report"](desk, {"month": "2026-11", **ASKER})
        page = CALLS["report marks"](desk, {"export": begun["export"], "place": "registrations"})
        assert page["next"] is not None
        assert CALLS["report people"](desk, {"export": begun["export"]})["next"] == 2
        parts = told(desk)
    assert {name: parts[name] for name in ("items", "days", "sums")} == {name: whole[name] for name in ("items", "days", "sums")}


@pytest.mark.parametrize(
    ("call", "asked", "error", "words"),
    [
        ("report", {"month": "2026-13"}, UsageError, "month must be"),
        ("report", {"month": "2027-01"}, UsageError, "not begun"),
        ("report", {"month": "2026-11", "insz": 1}, UsageError, "parameter"),
        ("report marks", {"export": 1, "place": "taps"}, Declined, "no export"),
        ("report people", {"export": 99}, Declined, "no export"),
    ],
)
def test_what_can_not_be_told_is_refused(
    call: str, asked: dict[str, object], error: type[KioskError], words: str, tmp_path: Path
) -> None:
    """A month that is none or has not begun, and pages of a report that nobody began."""
    with november(tmp_path) as desk, pytest.raises(error, match=words):
        CALLS[call](desk, asked)


def test_a_place_that_is_none_is_refused(tmp_path: Path) -> None:
    """The places that there are, are named."""
    with november(tmp_path) as desk:
        export = CALLS["report"](desk, {"month": "2026-11", **ASKER})["export"]
        with pytest.raises(UsageError, match="registrations, taps, other_channels"):
            CALLS["report marks"](desk, {"export": export, "place": "evidence"})


def test_a_damaged_row_or_person_hides_nobody(tmp_path: Path) -> None:
    """The row is told without its works, the person by his holder's number."""
    with november(tmp_path) as desk:
        put(desk, 1, sealed=bytes(60))
        desk.database.write(lambda c: c.execute("UPDATE profiles SET sealed = zeroblob(60) WHERE holder = 1"))
        first = told(desk)["items"][0]
    assert (first["person"], first["declaration"], first["seconds"]) == ("holder:1", None, 5 * 3600)


def test_a_place_of_work_by_its_address_is_told_as_one(tmp_path: Path) -> None:
    """Where the box has moved since, the row says where it stood."""
    address = Address(post_code="1000", municipality="Brussel", street="Kade", house_number="2", box_number="3")
    with november(tmp_path) as desk:
        add_row(desk, 1, draft(at_ms=ms("2026-11-20T07:00:00"), place=address))
        assert "Kade 2/3, 1000 Brussel" in {item["site"] for item in told(desk)["items"]}
