"""The verbs that make something to print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.advice import Language
from kiosk.cli import main
from kiosk.poster_words import LABELS
from tests.box import Ran
from tests.configs import change, write
from tests.pages import Page

Kiosk = Callable[..., Ran]
NUMBER = 'number = "1Y1003SQ5VSSZ"'


@pytest.fixture
def kiosk(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kiosk:
    """Run one verb in this process."""
    monkeypatch.setenv("KIOSK_CONFIG", str(tmp_path / "kiosk.toml"))

    def run(*words: str) -> Ran:
        code = main(words)
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def test_the_poster_is_printed_or_written_for_its_owner_alone(kiosk: Kiosk, tmp_path: Path) -> None:
    """In all languages or in those asked for, once each; a file that is there is not overwritten."""
    write(tmp_path, change((NUMBER, f'{NUMBER}\nurl = "https://www.example.org/declaration"')))
    ran = kiosk("poster")
    assert (ran.code, ran.err) == (0, "")
    assert all(LABELS["title"][language] in Page(ran.out).text for language in Language)
    out = tmp_path / "poster.html"
    assert kiosk("poster", "--out", str(out), "--lang", "fr", "--lang", "fr").code == 0
    assert (out.stat().st_mode & 0o777, out.read_text().count('<section class="sheet"')) == (0o600, 1)
    again = kiosk("poster", "--out", str(out))
    assert again.code == 2
    assert str(out) in again.err


def test_the_poster_shows_declarations_that_have_not_ended(kiosk: Kiosk, tmp_path: Path) -> None:
    """And the identity cards' notice only where a reader takes them; whom to ask is who the configuration names."""
    more = '\n\n[[declaration]]\nnumber = "1Y102M7NZF7PZ"\nvalid_until = 2020-01-01'
    eid = '[eid]\npurpose = "no badge needed"\n\n[store]'
    changes = ((NUMBER, NUMBER + more), ("[store]", eid), ("[site]", '[site]\nprivacy_contact = "Office 7"'))
    write(tmp_path, change(*changes))
    text = Page(kiosk("poster", "--lang", "en").out).text
    assert ("1Y1003SQ5VSSZ" in text, "1Y102M7NZF7PZ" in text) == (True, False)
    assert "Office 7" in text
    assert "no badge needed" not in text
    write(tmp_path, change(*changes, ('driver = "simulated"', 'driver = "eid"')))
    assert "no badge needed" in Page(kiosk("poster", "--lang", "en").out).text
