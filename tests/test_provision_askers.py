"""kiosk.provision.askers asks a person until the answer can be read, and nobody where there is only a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner

from kiosk.provision.askers import Terminal, Unattended
from kiosk.provision.notebook import Notebook
from kiosk.provision.questions import CA_FILE, DECLARATIONS, EMPLOYER, FIRST_REGISTRATION, READER, SITE, TIME_ZONE


@contextmanager
def typed(*lines: str) -> Iterator[list[str]]:
    """Type these lines at a terminal; afterwards the list holds what was shown."""
    shown = list[str]()
    with CliRunner().isolation(input="".join(f"{line}\n" for line in lines)) as streams:
        yield shown
        shown.append(streams[0].getvalue().decode())


def test_an_answer_is_asked_for_until_it_can_be_read(tmp_path: Path) -> None:
    """The mistake is told in a sentence; the good answer is kept on disk, and never asked for again."""
    notebook = Notebook(tmp_path / "answers", {})
    with typed("0206731646", "", "0206.731.645") as shown:
        assert Terminal(notebook).ask(EMPLOYER) == "0206.731.645"
    assert "check digits" in shown[0]
    with typed():
        assert Terminal(Notebook.opened(tmp_path / "answers")).ask(EMPLOYER) == "0206.731.645"


def test_enter_takes_what_is_proposed(tmp_path: Path) -> None:
    """The default, a hint in its place, or nothing at all where that is an answer."""
    with typed("", "", ""):
        terminal = Terminal(Notebook(None, {}))
        assert terminal.ask(TIME_ZONE) == "Europe/Brussels"
        assert terminal.ask(READER, hint="simulated") == "simulated"
        assert terminal.ask(CA_FILE) == ""
    assert list(tmp_path.iterdir()) == []


def test_several_answers_end_with_an_empty_one() -> None:
    """The same twice counts once; a list that was cut is gone on with, one that was ended is not asked for."""
    notebook = Notebook(None, {})
    with typed("1Y1003SQ5VSSZ", "1Y1003SQ5VSSZ", ""):
        assert Terminal(notebook).ask_several(DECLARATIONS) == ["1Y1003SQ5VSSZ"]
    with typed():
        assert Terminal(notebook).ask_several(DECLARATIONS) == ["1Y1003SQ5VSSZ"]
    with typed("1Y102M7NZF7PZ", ""):
        cut = Notebook(None, {"declarations": ["1Y1003SQ5VSSZ", ""]})
        assert Terminal(cut).ask_several(DECLARATIONS) == ["1Y1003SQ5VSSZ", "1Y102M7NZF7PZ"]


def test_a_yes_is_typed_and_a_secret_is_not_shown() -> None:
    """Enter is no; what is typed in secret or once is neither kept nor, the secret, echoed."""
    with typed("", "y", " geheim ", " once ") as shown:
        terminal = Terminal(Notebook(None, {}))
        assert [terminal.agree("Sure?"), terminal.agree("Sure?", key=FIRST_REGISTRATION)] == [False, True]
        assert (terminal.secret("secret"), terminal.type_in("word")) == ("geheim", "once")
    assert "geheim" not in shown[0]


def test_nobody_is_asked_where_nobody_is() -> None:
    """The file's answers and defaults; a yes only where the file says so; no secret comes from it."""
    silent = Unattended(Notebook(None, {"site": " X ", "declarations": ["1Y1003SQ5VSSZ"], FIRST_REGISTRATION: True}))
    assert (silent.ask(SITE), silent.ask(TIME_ZONE), silent.ask(READER, hint="simulated")) == ("X", "Europe/Brussels", "simulated")
    assert silent.ask_several(DECLARATIONS) == ["1Y1003SQ5VSSZ"]
    assert [silent.agree("?", key=FIRST_REGISTRATION), silent.agree("?", key="other"), silent.agree("?")] == [True, False, False]
    assert (silent.type_in("?"), silent.secret("?")) == ("", "")
