"""Every word of the monthly report is there in every language."""

from __future__ import annotations

from string import Formatter

import pytest

from kiosk.advice import Language, Text
from kiosk.attendance import NOT_OWED, Channel, Gap
from kiosk.attendance_table import DAYS, STAYS, SUMS
from kiosk.attendance_words import CHANNELS, GAPS, LABELS, NOTES, STATES
from kiosk.model import State

EVERY = [words for table in (LABELS, GAPS, STATES, CHANNELS, NOTES) for words in table.values()]


def test_each_word_of_a_closed_set_has_its_translation() -> None:
    """Every gap, state, channel and column."""
    assert set(GAPS) == set(Gap)
    assert set(STATES) == {*State, NOT_OWED}
    assert set(CHANNELS) == set(Channel)
    assert {*STAYS, *DAYS, *SUMS} <= set(LABELS)


@pytest.mark.parametrize("words", EVERY)
def test_no_language_lacks_a_word_or_a_blank(words: Text) -> None:
    """What is filled in in one language is filled in in all."""
    assert set(words) == set(Language)
    assert all(each.strip() for each in words.values())
    assert len({frozenset(name for _, name, _, _ in Formatter().parse(each) if name) for each in words.values()}) == 1


@pytest.mark.parametrize("language", Language)
def test_a_sheet_of_a_workbook_can_have_its_title(language: Language) -> None:
    """At most 31 characters, none of which a spreadsheet refuses, and each another."""
    titles = [LABELS[name][language] for name in ("stays", "days", "sums", "notes")]
    assert len(set(titles)) == len(titles)
    assert all(len(title) <= 31 and not set(title) & set("[]:*?/\\'") for title in titles)
