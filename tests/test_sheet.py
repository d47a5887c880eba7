"""kiosk.sheet writes a task's evidence on one page that needs nothing but itself, and leaves what is missing to a pen."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kiosk.advice import Language
from kiosk.model import TaskKind
from kiosk.report_words import LABELS as REPORT_LABELS
from kiosk.sheet import page
from kiosk.sheet_words import LABELS
from tests.test_report import EVIL, Reader, told

AT = "2026-11-02T07:00:00Z"


def sheet(kind: TaskKind = TaskKind.MISSING_OUT, **changes: Any) -> dict[str, Any]:
    task = {
        "id": 12, "kind": kind.value, "registration": 17, "holder": 3, "opened_at": AT, "until": "2026-12-02", "days_left": 30,
        "note": None, "advice": ["Ask when."], "who": "Own staff: ask the NSSO.",
    }  # fmt: skip
    reference = {"registration_id": 71, "registration_date": AT, "employer": "0206731645", "declaration": "1Y1003SQ5VSSZ"}
    person = {"holder": 3, "insz": "*******3328", "name": None}
    return {"task": task, "revealed": False, "person": person, "reference": reference, "registrations": [told()], **changes}


def written(language: Language = Language.EN, site: str = "Wetstraat 16", **changes: Any) -> str:
    return page(sheet(**changes), site=site, zone=ZoneInfo("Europe/Brussels"), language=language)


@pytest.mark.parametrize("language", list(Language))
def test_it_is_a_whole_page_in_each_language(language: Language) -> None:
    """Every tag is closed, nothing is fetched; what happened, until when, through whom and with which numbers stands on it."""
    text = written(language)
    read = Reader(text)
    assert read.open == []
    assert not read.tags & {"script", "img", "link", "iframe", "a", "input", "form"}
    assert f'lang="{language.value}"' in text
    for name in ("title", "person", "missing", "by_pen", "out", "contact", "reference", "happened", "masked", "signed"):
        assert LABELS[name][language] in read.text
    for words in ("2026-12-02", "Ask when.", "Own staff: ask the NSSO.", "71", "0206731645", "1Y1003SQ5VSSZ", "*******3328"):
        assert words in read.text
    assert REPORT_LABELS["attempts"][language] in read.text


def test_every_text_is_there_in_every_language() -> None:
    """Nobody is left without a heading because of his language."""
    assert all(set(text) == set(Language) and all(text.values()) for text in LABELS.values())


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        (TaskKind.MISSING_OUT, ["out"]),
        (TaskKind.REVOKED_OPEN_STAY, ["out"]),
        (TaskKind.MISSING_IN, ["in"]),
        (TaskKind.UNKNOWN_CARD, ["in", "out"]),
        (TaskKind.REFUSED, []),
    ],
)
def test_what_is_missing_is_an_empty_line_for_a_pen(kind: TaskKind, lines: list[str]) -> None:
    """Arrival or departure, by the kind of the task, and always a remark and a signature; never a time."""
    text = written(kind=kind)
    assert text.count('border-bottom:1px solid #000">&nbsp;</span>') == len(lines) + 2
    assert [name for name in ("in", "out") if f"<p>{LABELS[name][Language.EN]}:" in text] == lines


def test_whatever_it_is_given_is_text() -> None:
    """A name, a note or a site that is markup is shown as it stands, and runs nowhere."""
    task = {**sheet()["task"], "note": EVIL, "who": EVIL, "advice": [EVIL]}
    person = {"holder": 3, "name": EVIL, "insz": EVIL}
    text = written(site=EVIL, task=task, person=person, reference={"employer": EVIL}, revealed=True)
    read = Reader(text)
    assert "script" not in read.tags
    assert read.text.count(EVIL) == 7
    assert LABELS["revealed"][Language.EN] in read.text


def test_a_task_about_nobody_has_a_sheet_too() -> None:
    """What is not known is left out, and said."""
    nobody = {"holder": None, "insz": None, "name": None}
    task = {**sheet()["task"], "who": None, "until": None}
    read = Reader(written(task=task, person=nobody, reference={"employer": None}, registrations=[]))
    assert read.open == []
    assert LABELS["none"][Language.EN] in read.text
    assert "None" not in read.text
