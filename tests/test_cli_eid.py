"""The verbs about identity cards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kiosk.advice import Language
from kiosk.cli import main
from tests.box import Ran
from tests.configs import change, write

Kiosk = Callable[..., Ran]


@pytest.fixture
def kiosk(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kiosk:
    """Run one verb in this process."""
    monkeypatch.setenv("KIOSK_CONFIG", str(tmp_path / "kiosk.toml"))

    def run(*words: str) -> Ran:
        code = main(words)
        captured = capfd.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


def test_the_notice_is_printed_in_every_language_or_in_one(kiosk: Kiosk, tmp_path: Path) -> None:
    """What hangs beside the reader names the site and the purpose that the configuration gives."""
    write(tmp_path, change(("[store]", '[eid]\npurpose = "Aanwezigheden"\n[store]')))
    whole = kiosk("eid", "notice")
    assert (whole.code, whole.out.count("Aanwezigheden"), whole.out.count("Wetstraat 16")) == (0, 4, 4)
    assert kiosk("eid", "notice", "--lang", "fr").out.startswith("LECTEUR")
    items = json.loads(kiosk("eid", "notice", "--json").out)["items"]
    assert [item["language"] for item in items] == [language.value for language in Language]


def test_without_a_purpose_there_is_nothing_to_hang(kiosk: Kiosk, tmp_path: Path) -> None:
    """The repair names the key."""
    write(tmp_path)
    ran = kiosk("eid", "notice")
    assert (ran.code, ran.out) == (1, "")
    assert "[eid] purpose" in ran.err
