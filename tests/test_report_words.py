"""The report's words lack in no language; how they are used: ``test_report``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kiosk import accounts, report
from kiosk.advice import Language
from kiosk.report_words import LABELS, WORDS


@pytest.mark.parametrize("name", [*LABELS, *WORDS])
def test_a_word_is_there_in_every_language(name: str) -> None:
    """And is not empty."""
    words = {**WORDS, **LABELS}[name]
    assert set(words) == set(Language)
    assert all(each.strip() for each in words.values())


def test_every_heading_is_used() -> None:
    """None is left that nobody reads any more."""
    source = "".join(Path(str(module.__file__)).read_text() for module in (report, accounts))
    assert [name for name in LABELS if not re.search(rf"[\"']{name}[\"']", source)] == []
