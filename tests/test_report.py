"""The evidence report reads in four languages, needs nothing but itself, and lets nothing through that it did not write."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kiosk.advice import Language
from kiosk.diary import Fault
from kiosk.model import Direction, State
from kiosk.report import Report
from kiosk.report_words import LABELS, WORDS

EVIL = "<script>alert('x')</script>&\""
EXPORT = {
    "export": 10, "at": "2026-11-02T07:00:00Z", "holder": None, "from": None, "until": None, "revealed": False, "public_key": None
}  # fmt: skip
AT = "2026-11-02T07:00:00Z"


def told(**changes: Any) -> dict[str, Any]:
    """One registration, with something of everything."""
    tap = {
        "reading": AT, "source": "none", "error_bound_seconds": None, "healed_at": AT, "earliest": AT, "latest": AT,
        "trusted": False, "signal": "in", "driver": "pcsc", "technology": None, "trust": "uid", "press": None,
        "boot_id": "b", "boot_ns": 1,
    }  # fmt: skip
    return {
        "id": 17, "holder": 3, "direction": "in", "state": "accepted", "reason": None, "registration_date": AT,
        "insz": "*******3328", "reader": "gate", "enterprise_number": "0206731645", "foreign_vat_number": None,
        "declaration": "1Y1003SQ5VSSZ",
        "validity": "ok", "remarks": [], "remarks_withheld": 0, "advice": [], "tap": tap,
        "receipt": {"registration_id": 71, "confirmed_at": AT},
        "attempts": [{"entry": 7, "at": AT, "outcome": "not_sent", "why": "no route"}],
        "outages": [{"fault": "network", "why": "no route", "began_at": AT, "ended_at": None}],
        "history": [{"entry": 4, "at": AT, "kind": "tap", "subject": "registration:17", "facts": {"reader": "gate"}},
                    {"entry": 5, "at": AT, "kind": "odd_kind", "subject": "registration:17", "erased": True}],
        **changes,
    }  # fmt: skip


def page(language: Language = Language.EN, *rows: dict[str, Any], site: Any = "Wetstraat 16", **export: Any) -> str:
    report = Report(language, ZoneInfo("Europe/Brussels"))
    return report.head({**EXPORT, **export}, site=site) + "".join(map(report.registration, rows)) + report.tail(len(rows))


class Reader(HTMLParser):
    """Gathers the tags, the addresses that they name, and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onload", "onclick"}
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", list(Language))
def test_it_is_a_whole_page_in_each_language(language: Language) -> None:
    """Every tag is closed, nothing is fetched from anywhere, and heading, state and outcome are in that language."""
    text = page(language, told())
    read = Reader(text)
    assert read.open == []
    assert not read.tags & {"script", "img", "link", "iframe", "a"}
    assert f'lang="{language.value}"' in text
    for words in (
        LABELS["title"],
        LABELS["masked"],
        LABELS["proof"],
        LABELS["unsigned"],
        WORDS["accepted"],
        WORDS["not_sent"],
        LABELS["lasts"],
    ):
        assert words[language] in read.text


def test_what_happened_is_all_there() -> None:
    """Local time with its offset, clock quality and interval, receipt, attempts, outage, history; what has no word as it is."""
    text = Reader(page(Language.EN, told())).text
    for words in (
        "Registration 17: IN, 2026-11-02 08:00:00+01:00", "*******3328", "none; error at most (s): ?", "Lies between", "gate, pcsc",
        "71", "no route", '{"reader": "gate"}', "odd kind (erased)", "everything that is kept", "everybody",
    ):  # fmt: skip
        assert words in text


@pytest.mark.parametrize(
    "path", [("reader",), ("reason",), ("validity",), ("insz",), ("tap", "source"), ("tap", "signal"), ("tap", "driver")]
)
def test_nothing_strange_gets_through(path: tuple[str, ...]) -> None:
    """Whatever stands in reader, reason, remark, note or name is text, never markup."""
    row = told(remarks=[EVIL], person={"insz": None, "name": EVIL, "card": EVIL}, history=[
        {"entry": 4, "at": AT, "kind": EVIL, "subject": "x", "facts": {EVIL: EVIL}, "person": {"name": EVIL}}
    ], attempts=[{"entry": 7, "at": AT, "outcome": EVIL, "why": EVIL}])  # fmt: skip
    (row if len(path) == 1 else row[path[0]])[path[-1]] = EVIL
    text = page(Language.FR, row, site=EVIL, public_key=EVIL, revealed=True)
    assert "<script" not in text
    assert Reader(text).open == []
    assert LABELS["revealed"][Language.FR] in Reader(text).text


def test_days_person_and_withheld_remarks_are_told() -> None:
    """What the report is about, and that something was left out."""
    text = Reader(page(Language.EN, told(remarks_withheld=2), **{"from": "2026-11-02", "until": None, "holder": 3})).text
    assert "2026-11-02 - …" in text
    assert "left out: 2" in text


def test_an_empty_report_says_so() -> None:
    """Rather than nothing at all."""
    assert "No registrations." in page()


def test_every_state_direction_and_fault_has_its_word() -> None:
    """None is shown to an inspector as the program spells it."""
    assert {*State, *Direction, *Fault} <= WORDS.keys()
