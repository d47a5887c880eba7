"""An export is a new folder for its owner alone, whole or not there; what it holds: ``test_desk_exporting``, ``test_verify``."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import exports
from kiosk.advice import Language
from kiosk.desk import Desk
from kiosk.errors import Declined, KioskError, UsageError
from kiosk.testimony import examine
from tests.desks import add_row, draft
from tests.exported import ZONE, export, lines, small_site
from tests.stores import as_nobody, needs_root

FILES = ["chain.jsonl", "report.html", "report.json", "signatures.json", "verify.py"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with small_site(tmp_path) as each:
        yield each


def test_it_is_for_its_owner_alone(desk: Desk, tmp_path: Path) -> None:
    """Whatever the umask: folder 0700, files 0600, and nothing beside them."""
    before = os.umask(0)
    try:
        told = export(desk, tmp_path / "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}
    assert (told["entries"], told["registrations"], told["revealed"]) == (10, 2, False)


def test_what_is_there_is_never_overwritten(desk: Desk, tmp_path: Path) -> None:
    """A folder of that name is refused before anything is recorded."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("mine")
    with pytest.raises(UsageError, match="never overwritten"):
        export(desk, tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_text() == "mine"
    assert desk.database.read(lambda c: c.execute("SELECT count(*) FROM evidence WHERE kind = 'exported'").fetchone()[0]) == 0


def test_nothing_is_left_of_an_export_that_failed(desk: Desk, tmp_path: Path) -> None:
    """Half of one would look like one that somebody tampered with."""
    with pytest.raises(Declined):
        export(desk, tmp_path / "out", holder=9)
    assert not (tmp_path / "out").exists()


@needs_root
def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    """In a sentence, with the place."""
    with as_nobody(), pytest.raises(KioskError, match="Permission denied"):
        exports.export_evidence(tmp_path / "out", lambda _call, _asked: {}, {}, site="", zone=ZONE, language=Language.EN)


def test_more_than_a_page_is_all_there(desk: Desk, tmp_path: Path) -> None:
    """Entries and registrations come in pages, and none is lost or twice between them."""
    for _ in range(1200):
        add_row(desk, 1, draft())
    told = export(desk, tmp_path / "out")
    assert (told["entries"], told["registrations"]) == (1210, 1202)
    assert [line["id"] for line in lines(tmp_path / "out")] == list(range(1, 1211))
    rows = json.loads((tmp_path / "out" / "report.json").read_text())["registrations"]
    assert [row["id"] for row in rows] == list(range(1, 1203))
    assert (tmp_path / "out" / "report.html").read_text().count("<section>") == 1202
    assert examine(tmp_path / "out")["ok"]


def test_half_a_character_stops_no_export(desk: Desk, tmp_path: Path) -> None:
    """A name that no text can hold, as a broken client may give it, is written in a form that can be."""
    told = exports.Sheet(tmp_path / "sheet")
    with told:
        told.write("a\ud800b")
    assert (tmp_path / "sheet").read_bytes() == b"a\\ud800b"
    assert export(desk, tmp_path / "out", user="\ud800")["registrations"] == 2
