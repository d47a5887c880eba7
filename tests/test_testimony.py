"""An export is read, judged by the store's own rules, and refused in words where it is none; tampering: ``test_verify``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kiosk.errors import UsageError
from kiosk.evidence import Kept, Opened
from kiosk.testimony import examine, line
from tests.exported import LENGTH, export, lines, rewritten, small_site

CONTENT = Opened(facts={"a": 1}, facts_salt="00", person={"name": "x"}, person_salt="01")


def entry(sealed: bytes | None) -> Kept:
    return Kept(3, b"", 5, "verdict", "registration:1", sealed, CONTENT.commitment, b"\x01" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with small_site(tmp_path) as desk:
        export(desk, tmp_path / "out")
    return tmp_path / "out"


def test_a_line_shows_what_it_may_and_commits_to_the_rest() -> None:
    """Facts and person go each with its salt, or not at all; what was erased is told."""
    bare = line(entry(b"x"), CONTENT, facts=False, person=False)
    assert bare == {
        "id": 3, "at_ms": 5, "kind": "verdict", "subject": "registration:1",
        "commitment": CONTENT.commitment.hex(), "hash": "01" * 32,
    }  # fmt: skip
    assert line(entry(b"x"), CONTENT, facts=True, person=False) == {**bare, "facts": {"a": 1}, "facts_salt": "00"}
    assert line(entry(b"x"), CONTENT, facts=False, person=True) == {**bare, "person": {"name": "x"}, "person_salt": "01"}
    assert line(entry(None), None, facts=True, person=True) == {**bare, "erased": True}


def test_an_old_entry_has_neither_commitment_nor_hash() -> None:
    """It is handed out as it is, and is not taken for one that was erased."""
    told = line(Kept(1, b"", 5, "verdict", "registration:1", None, None, None), None, facts=True, person=True)
    assert (told["commitment"], told["hash"], "erased" in told) == (None, None, False)


def test_a_good_export_is_good_also_by_its_chain_alone(folder: Path) -> None:
    """Without the other files there is no signature, and it is told how far it is signed: not at all."""
    whole, alone = examine(folder), examine(folder / "chain.jsonl")
    assert (whole["ok"], whole["signed_until"], whole["unsigned"]) == (True, LENGTH, 0)
    assert (alone["ok"], alone["signed_until"], alone["unsigned"], alone["public_keys"]) == (True, 0, LENGTH, [])


def test_erased_entries_are_counted(folder: Path) -> None:
    """Content that was let go breaks nothing."""
    rewritten(folder, lambda chain: [{**each, "erased": True} if each["kind"] == "tap" else each for each in chain])
    assert examine(folder / "chain.jsonl")["erased"] == 2


@pytest.mark.parametrize(
    "change",
    [{"id": "3"}, {"id": -3}, {"id": 2**70}, {"at_ms": None}, {"subject": 5}, {"kind": "\ud800"}, {"commitment": "x"}, {"hash": 5}],
)
def test_a_line_that_never_was_an_entry_is_named_by_its_place(folder: Path, change: dict[str, object]) -> None:
    """Whoever broke a copy learns which line it is."""
    rewritten(folder, lambda chain: [{**each, **change} if each["id"] == 3 else each for each in chain])
    with pytest.raises(UsageError, match="line 3 is no entry"):
        examine(folder)


def test_a_salt_that_is_none_is_a_change(folder: Path) -> None:
    """What can't be compared is not what was committed to."""
    rewritten(folder, lambda chain: [{**each, "facts_salt": None} if each["id"] == 4 else each for each in chain])
    assert "entry 4 (tap of registration 1) was changed: its content" in str(examine(folder))


@pytest.mark.parametrize(
    "change",
    [
        {"export": 2**70},
        {"export": None},
        {"signatures": 5},
        {"signatures": [{"key": "00"}]},
        {"files": []},
        {"files_signature": 1},
    ],
)
def test_papers_that_are_none_are_refused(folder: Path, change: dict[str, object]) -> None:
    """In a sentence that names the file."""
    path = folder / "signatures.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UsageError, match=r"signatures\.json: holds no signatures"):
        examine(folder)


def test_a_number_that_no_key_can_have_signed_is_refused(folder: Path) -> None:
    """Rather than a traceback."""
    path = folder / "signatures.json"
    papers = json.loads(path.read_text())
    papers["signatures"][0]["entry"] = -1
    path.write_text(json.dumps(papers))
    with pytest.raises(UsageError, match="holds no signatures"):
        examine(folder)


@pytest.mark.parametrize("name", ["chain.jsonl", "signatures.json"])
def test_a_missing_file_is_told(folder: Path, name: str) -> None:
    """By its name, with what to do."""
    (folder / name).unlink()
    with pytest.raises(UsageError, match=name):
        examine(folder)


def test_a_chain_that_is_no_text_is_told(folder: Path) -> None:
    """A file that was cut out of another is no traceback."""
    (folder / "chain.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        examine(folder)


def test_an_empty_chain_is_a_chain_whose_end_was_cut_off(folder: Path) -> None:
    """The export knows where it was made."""
    rewritten(folder, lambda _: [])
    assert "the export was made at entry 10, and its chain ends at 0" in str(examine(folder))
    assert lines(folder) == []
