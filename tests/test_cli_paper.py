"""The verbs that make something to print."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kiosk.advice import Language
from kiosk.cli import main
from kiosk.poster_words import LABELS
from tests.box import Ran, line_fields
from tests.configs import change, write
from tests.daemons import running
from tests.pages import Page
from tests.people import CANARY, CANARY_CARD, CANARY_NAME

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


#: Nothing is sent meanwhile.
TRAINING = change(("[store]", 'start_jitter_seconds = 31_000_000\n\n[clock]\nsource = "assume"\n\n[store]'))


def test_a_month_is_told_by_the_running_daemon_and_without_one(kiosk: Kiosk, tmp_path: Path) -> None:
    """The tap of a moment ago is in it both times, without a name unless it is asked for; the last month has none."""
    config = write(tmp_path, TRAINING)
    with running(config) as daemon:
        daemon.ask("badge add", lines=[json.dumps(line_fields(CANARY))])
        daemon.ask("tap", card=CANARY_CARD.identifier.hex())
        tapped = daemon.ask("present")["items"][0]["since"]
        month = datetime.fromisoformat(tapped).astimezone(ZoneInfo("Europe/Brussels")).isoformat()[:7]
        ran = kiosk("report", "--month", month, "--json", "--names")
    told = json.loads(ran.out)
    assert (ran.code, told["items"][0]["in"], told["items"][0]["name"]) == (0, tapped, CANARY_NAME)
    plain = kiosk("report", "--month", month, "--format", "html", "--lang", "nl")
    assert plain.code == 0
    assert "holder:1" in plain.out
    assert CANARY_NAME not in plain.out
    assert json.loads(kiosk("report", "--json").out)["items"] == []


def test_a_month_is_written_for_its_owner_alone(kiosk: Kiosk, tmp_path: Path) -> None:
    """A workbook wants a file; one that is there is not overwritten, and nothing is left of one that failed."""
    config = write(tmp_path, TRAINING)
    with running(config):
        pass
    out = tmp_path / "month.xlsx"
    assert kiosk("report", "--format", "xlsx").code == 2
    assert kiosk("report", "--format", "xlsx", "--out", str(out)).code == 0
    assert out.stat().st_mode & 0o777 == 0o600
    assert zipfile.is_zipfile(out)
    assert kiosk("report", "--format", "csv", "--out", str(out)).code == 2
    wrong = kiosk("report", "--month", "2026-13", "--out", str(tmp_path / "new.csv"))
    assert (wrong.code, (tmp_path / "new.csv").exists()) == (2, False)
    assert "month must be" in wrong.err
