"""kiosk.payroll puts a month together, says what may be missing, and writes it as a file of any kind."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from kiosk.advice import Language
from kiosk.model import Direction, Environment, State
from kiosk.payroll import Format, last_month, written
from tests.desks import add_row, draft, put
from tests.months import EVIL, FRAME, ZONE, ms, november, told
from tests.pages import Page
from tests.people import CANARY_NAME, DECLARATION, OTHER_DECLARATION

HOUR = 3600


@pytest.fixture
def month(tmp_path: Path) -> dict[str, Any]:
    """The November with names."""
    with november(tmp_path) as desk:
        return told(desk, names=True)


def codes(month: dict[str, Any]) -> list[str]:
    return [note["note"] for note in month["notes"]]


def test_every_stay_is_told_with_its_states_and_every_gap_as_one(month: dict[str, Any]) -> None:
    """In, out, length, break, what became of each registration, and by which channel it came."""
    columns = ("holder", "day", "in", "out", "in_state", "out_state", "out_channel", "seconds", "break_seconds", "gap")
    assert [tuple(item[name] for name in columns) for item in month["items"]] == [
        (1, "2026-11-02", "2026-11-02T06:00:00Z", "2026-11-02T11:00:00Z", "accepted", "accepted", "box", 5 * HOUR, 1800, None),
        (1, "2026-11-02", "2026-11-02T11:30:00Z", "2026-11-02T14:30:00Z", "accepted", "refused", "box", 3 * HOUR, None, None),
        (1, "2026-11-03", "2026-11-03T21:00:00Z", "2026-11-04T05:00:00Z", "accepted", "unknown", "box", 8 * HOUR, None, None),
        (1, "2026-11-05", "2026-11-05T06:00:00Z", None, "accepted", None, None, None, None, "no_out"),
        (2, "2026-11-02", "2026-11-02T07:00:00Z", "2026-11-02T15:00:00Z", "accepted", "accepted", "other", 8 * HOUR, None, None),
        (2, "2026-11-06", "2026-11-06T07:00:00Z", "2026-11-06T08:00:00Z", "held", "held", "box", HOUR, None, None),
        (3, "2026-11-09", "2026-11-09T08:00:00Z", "2026-11-09T09:00:00Z", "local", "local", "box", HOUR, None, None),
    ]  # fmt: skip
    assert [item["person"] for item in month["items"]] == [*(4 * ["P-7"]), "holder:2", "holder:2", "holder:3"]


def test_sums_are_by_person_site_and_declaration(month: dict[str, Any]) -> None:
    """Whoever was at two places has two sums, and both months of the store are apart."""
    columns = ("holder", "site", "declaration", "count", "seconds", "break_seconds", "gaps")
    assert [tuple(each[name] for name in columns) for each in month["sums"]] == [
        (1, "Wetstraat 16", DECLARATION.value, 3, 16 * HOUR, 1800, 1),
        (2, "Wetstraat 16", DECLARATION.value, 1, 8 * HOUR, 0, 0),
        (2, "51.2172, 4.4211", OTHER_DECLARATION.value, 1, HOUR, 0, 0),
        (3, "Wetstraat 16", None, 1, HOUR, 0, 0),
    ]
    shares = {(each["holder"], each["day"]): each["seconds"] for each in month["days"]}
    assert shares[1, "2026-11-03"] == 2 * HOUR
    assert shares[1, "2026-11-04"] == 6 * HOUR
    assert sum(shares.values()) == sum(each["seconds"] for each in month["sums"])


def test_what_was_purged_is_said(tmp_path: Path) -> None:
    """Rows of the book by when they were, other kinds by how long they are kept; nothing of it where the month is whole."""
    with november(tmp_path) as desk:
        assert codes(told(desk)) == ["nothing_filled_in", "purged_local", "purged_elsewhere"]
        kept = replace(FRAME, retention=replace(FRAME.retention, local_days=90, elsewhere_days=90))
        assert codes(told(desk, kept)) == ["nothing_filled_in"]
        desk.database.write(
            lambda c: c.execute("INSERT INTO meta (name, value) VALUES ('purged_ms', ?)", (ms("2026-11-03T10:00:00"),))
        )
        note = told(desk, kept)["notes"][1]
        assert (note["note"], note["date"]) == ("purged", "2026-11-03")
        assert note["text"].startswith("Rows before 2026-11-03 were purged")
        desk.database.write(lambda c: c.execute("UPDATE meta SET value = 1 WHERE name = 'purged_ms'"))
        assert codes(told(desk, kept)) == ["nothing_filled_in"]


def test_a_training_book_and_a_month_that_goes_on_say_so(tmp_path: Path) -> None:
    """Nobody pays by an exercise, or by half a month."""
    with november(tmp_path) as desk:
        month = told(desk, replace(FRAME, environment=Environment.TRAINING), month="2026-12")
    assert codes(month) == ["nothing_filled_in", "training", "not_over"]
    assert month["items"] == []


def test_a_tap_whose_time_is_not_known_is_told_without_one(tmp_path: Path) -> None:
    """It may be of this month; no time is made up for it, and it is counted in a note."""
    with november(tmp_path) as desk:
        add_row(desk, 1, draft(Direction.OUT, 1), State.HELD, trusted=False)
        month = told(desk)
    undated = [item for item in month["items"] if item["gap"] == "no_time"]
    assert [(item["day"], item["out"], item["out_state"], item["seconds"]) for item in undated] == [(None, None, "held", None)]
    assert month["notes"][-1]["count"] == 1


def test_a_linked_tap_counts_once_it_is_confirmed(tmp_path: Path) -> None:
    """Before that it is told by itself; after it it is marked as linked."""
    with november(tmp_path) as desk:
        row = add_row(desk, 1, draft(Direction.OUT, ms("2026-11-05T15:00:00")), State.HELD)
        put(desk, row, linked=1, link_until_ms=1)
        assert [item["gap"] for item in told(desk)["items"][3:5]] == ["no_out", "not_confirmed"]
        put(desk, row, link_confirmed_ms=1)
        line = told(desk)["items"][3]
    assert (line["gap"], line["seconds"], line["out_linked"]) == (None, 8 * HOUR, True)


def test_a_file_of_values_holds_everything_and_no_formula(month: dict[str, Any]) -> None:
    """Notes, stays, days and sums by what they are, seconds as numbers, local times with their offset; names disarmed."""
    text = written(month, Format.CSV, FRAME).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    kinds = [row["record"] for row in rows]
    assert [kinds.count(kind) for kind in ("note", "stay", "day", "sum")] == [
        len(month[name]) for name in ("notes", "items", "days", "sums")
    ]
    stay = next(row for row in rows if row["record"] == "stay")
    assert (stay["in"], stay["seconds"], stay["break_seconds"]) == ("2026-11-02T07:00:00+01:00", "18000", "1800")
    assert {row["name"] for row in rows if row["holder"] == "2"} == {f"'{EVIL}"}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


@pytest.mark.parametrize("language", Language)
def test_a_page_is_whole_in_each_language_and_runs_nothing(month: dict[str, Any], language: Language) -> None:
    """It loads nothing, and a name is text."""
    frame = replace(FRAME, language=language)
    read = Page(written(month, Format.HTML, frame).decode())
    assert read.loads == []
    assert "script" not in read.tags
    assert EVIL in read.text
    assert CANARY_NAME in read.text
    assert "16:00:00" in read.text
    assert "2026-11-03 22:00:00+01:00" in read.text


def test_a_workbook_holds_texts_and_numbers_and_no_formula(month: dict[str, Any]) -> None:
    """Four sheets; what it holds is what the page holds."""
    with zipfile.ZipFile(io.BytesIO(written(month, Format.XLSX, FRAME))) as book:
        sheets = [book.read(name).decode() for name in sorted(book.namelist()) if "worksheets/sheet" in name]
        texts = book.read("xl/sharedStrings.xml").decode()
        names = book.read("xl/workbook.xml").decode()
    assert len(sheets) == 4
    assert not any("<f" in sheet for sheet in sheets)
    assert "<t>'=HYPERLINK(1)&lt;script&gt;&amp;</t>" in texts
    assert all(f'name="{title}"' in names for title in ("Stays", "Days", "Sums", "To know"))
    assert f"<v>{5 * HOUR / 86_400:.16G}</v>" in sheets[0]


def test_the_file_for_programs_is_the_report(month: dict[str, Any]) -> None:
    """One JSON document."""
    assert json.loads(written(month, Format.JSON, FRAME)) == month


@pytest.mark.parametrize(("now", "month"), [("2026-01-01T00:30:00", "2025-12"), ("2026-03-31T23:59:59", "2026-02")])
def test_the_last_month_is_the_one_that_is_over(now: str, month: str) -> None:
    """By the site's clock."""
    assert last_month(datetime.fromisoformat(now).replace(tzinfo=ZONE)) == month
