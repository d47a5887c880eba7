"""The files of an access request: for their owner alone, whole or not there, readable by people and by programs."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kiosk.advice import Language
from kiosk.calls import DESK_CALLS
from kiosk.desk import Desk
from kiosk.desk.people import CALLS as PEOPLE
from kiosk.disclosure import export_person
from kiosk.disclosure_words import LABELS
from kiosk.erasure import PLACES
from kiosk.errors import Declined, UsageError
from kiosk.retention_settings import Retention
from tests.desks import add_row, draft
from tests.exported import ASKER, small_site
from tests.people import CANARY_INSZ, CANARY_NAME
from tests.test_report import Reader

REASON = "he asked for it"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with small_site(tmp_path) as each:
        yield each


def disclose(desk: Desk, stem: Path, language: Language = Language.EN, holder: int = 1) -> dict[str, Any]:
    def ask(call: str, asked: Mapping[str, object]) -> Mapping[str, Any]:
        return DESK_CALLS[call](desk, asked)

    asked = {**ASKER, "holder": holder, "reason": REASON}
    export_person(stem, ask, asked, retention=Retention(), language=language)
    found: dict[str, Any] = json.loads(stem.with_name(f"{stem.name}.json").read_text())
    return found


@pytest.mark.parametrize("language", list(Language))
def test_a_person_reads_it_in_his_language(desk: Desk, tmp_path: Path, language: Language) -> None:
    """Every place has its heading, the reasons are there, every tag is closed, and nothing is fetched from anywhere."""
    disclose(desk, tmp_path / "out", language)
    page = Reader((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert page.open == []
    for name in ("title", "purpose", "recipients", "rights", "kept", "nothing", *PLACES, "entries"):
        assert LABELS[name][language] in page.text
    assert CANARY_INSZ.digits in page.text


def test_it_is_for_its_owner_alone_and_never_overwrites(desk: Desk, tmp_path: Path) -> None:
    """0600; where one of both files is there, neither is written and nothing is recorded."""
    disclose(desk, tmp_path / "out")
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("out.html", "out.json")} == {0o600}
    (tmp_path / "out.html").rename(tmp_path / "kept.html")
    with pytest.raises(UsageError, match="never overwritten"):
        disclose(desk, tmp_path / "out")
    assert not (tmp_path / "out.html").exists()
    with pytest.raises(Declined):
        disclose(desk, tmp_path / "other", holder=9)
    assert not (tmp_path / "other.json").exists()
    assert desk.database.read(lambda c: c.execute("SELECT count(*) FROM evidence WHERE kind = 'exported'").fetchone()[0]) == 1


def test_until_when_things_are_kept_is_told(desk: Desk, tmp_path: Path) -> None:
    """By the configured terms, counted from the last of what is there; what has no term stays until he is erased."""
    kept = {each["what"]: each["until"] for each in disclose(desk, tmp_path / "out")["kept"]}
    assert kept["registrations"] == "90 days; the last of it until 2027-01-31"
    assert kept["entries"] == "1825 days; the last of it until 2031-11-01"
    assert kept["taps"] == "30 days; the last of it until -"
    assert kept["profiles"] == kept["badges"] == LABELS["forgotten"][Language.EN]


def test_more_than_a_page_is_all_there(desk: Desk, tmp_path: Path) -> None:
    """Rows and entries come in pages, and none is lost or twice between them."""
    for _ in range(1100):
        add_row(desk, 1, draft())
    told = disclose(desk, tmp_path / "out")
    assert [row["id"] for row in told["registrations"]] == [1, *range(3, 1103)]
    assert sum(1 for each in told["entries"] if each["kind"] == "tap") == 1101


def test_a_name_is_text_and_never_markup(desk: Desk, tmp_path: Path) -> None:
    """Whatever an import brought in."""
    PEOPLE["holder edit"](desk, {"holder": 1, "name": "<script>alert(1)</script>"})
    disclose(desk, tmp_path / "out")
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert CANARY_NAME in Reader(page).text
