"""The words of an access request lack in no language, and for no place where a person's data lies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kiosk import disclosure
from kiosk.advice import Language
from kiosk.disclosure_words import LABELS, WHY
from kiosk.erasure import PLACES


@pytest.mark.parametrize("words", [*LABELS.values(), *WHY.values()], ids=[*LABELS, *(f"why-{name}" for name in WHY)])
def test_a_text_is_there_in_every_language(words: dict[Language, str]) -> None:
    """And is not empty."""
    assert set(words) == set(Language)
    assert all(each.strip() for each in words.values())


def test_every_place_has_its_heading_and_its_reason() -> None:
    """So that nothing is handed out that nobody explains."""
    assert set(WHY) == {*PLACES, "entries"}
    assert set(WHY) <= set(LABELS)


def test_every_other_text_is_used() -> None:
    """None is left that nobody reads any more."""
    source = Path(disclosure.__file__).read_text()
    assert [name for name in LABELS if name not in WHY and not re.search(rf"[\"']{name}[\"']", source)] == []
