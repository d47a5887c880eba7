"""Every word of the poster is there in every language."""

from __future__ import annotations

from string import Formatter

import pytest

from kiosk.advice import Language
from kiosk.model import Signal
from kiosk.poster_words import LABELS, SIGNALS


def blanks(words: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(words)} - {None}


@pytest.mark.parametrize("label", LABELS)
def test_every_language_has_the_label_with_the_same_blanks(label: str) -> None:
    """What is filled in in one language is filled in in all."""
    words = LABELS[label]
    assert set(words) == set(Language)
    assert all(words[language].strip() for language in Language)
    assert len({frozenset(blanks(each)) for each in words.values()}) == 1


def test_every_signal_of_a_tap_is_explained() -> None:
    """Only what no tap makes is left out: the lights at rest, and an enrolment."""
    resting = {Signal.READY, Signal.TRAINING, Signal.ATTENTION, Signal.DEAD, Signal.ENROLLED}
    assert set(SIGNALS) == set(Signal) - resting
    assert all(set(words) == set(Language) and len(set(words.values())) == len(Language) for words in SIGNALS.values())
