"""kiosk.provision.notebook keeps answers durably, and reports every mistake of a file at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kiosk.errors import UsageError
from kiosk.provision.notebook import Notebook, missing, read_answers


def test_answers_outlive_a_cut(tmp_path: Path) -> None:
    """Each answer is on disk before the next question, for the owner alone; the notebook is gone when it is closed."""
    path = tmp_path / ".answers"
    notebook = Notebook.opened(path)
    notebook.keep("company", 'Quote "and" \\ NV')
    notebook.keep("declarations", ["1Y1003SQ5VSSZ"])
    again = Notebook.opened(path)
    assert (again.text("company"), again.texts("declarations")) == ('Quote "and" \\ NV', ["1Y1003SQ5VSSZ"])
    assert (again.text("declarations"), again.texts("company"), again.text("site")) == (None, None, None)
    assert path.stat().st_mode & 0o777 == 0o600
    again.close()
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_answer_can_be_struck(tmp_path: Path) -> None:
    """On disk as well, so that the next run asks for it anew."""
    notebook = Notebook.opened(tmp_path / ".answers", {"site": "X"})
    assert not notebook.kept
    notebook.keep("company", "Y")
    notebook.forget("company", "reader")
    again = Notebook.opened(tmp_path / ".answers")
    assert (again.kept, again.text("company"), again.text("site")) == (True, None, "X")


def test_every_mistake_of_a_file_of_answers_is_told_at_once(tmp_path: Path) -> None:
    """Unknown keys, wrong kinds and answers that can't be, without repeating what stands there."""
    path = tmp_path / "answers.toml"
    path.write_text(
        'compny = "X"\nemployer = "0206731646"\ndeclarations = "1Y1003SQ5VSSZ"\nsite = ["a"]\ncoordinates = "4.36, 50.84"\n'
        'first_registration = "yes"\nreader = 1\nkey = "dsa"\nca_file = "/nowhere.pem"\n"85073003328 odd" = 1\n'
    )
    with pytest.raises(UsageError) as caught:
        read_answers(path)
    told = caught.value.message
    assert told.count(f"{path}: ") == 10
    for words in ("compny: nobody asks", "employer: the check digits", "declarations: write an array", "site: write a string",
                  "coordinates: latitude and longitude are exchanged", "first_registration: write true", "reader: write strings",
                  "key: write one of", "ca_file: there is no such file", "a key: nobody asks"):  # fmt: skip
        assert words in told, words
    assert "85073003328" not in str(caught.value)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    """A missing file and one that is no TOML."""
    with pytest.raises(UsageError, match="No such file"):
        read_answers(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("company = ")
    with pytest.raises(UsageError, match="no TOML"):
        read_answers(tmp_path / "broken.toml")


def test_what_lacks_is_named() -> None:
    """Without a person every answer that has no default must be there; the client id comes with a second run."""
    assert missing(Notebook(None, {})) == ["company", "site", "coordinates"]
    assert missing(Notebook(None, {"declarations": ["1Y1003SQ5VSSZ"], "company": "X", "site": "Y"})) == ["employer", "coordinates"]
