"""kiosk.task_advice says what a human can do about each kind of task."""

from __future__ import annotations

import re

import click

from kiosk.advice import Language
from kiosk.cli import kiosk
from kiosk.deadlines import Asker
from kiosk.model import Reason, TaskKind
from kiosk.task_advice import ON_ASKERS, ON_REASONS, ON_TASKS

#: About words of the service, which have their own advice.
_BY_WORDS = {TaskKind.REFUSED, TaskKind.VALIDITY, TaskKind.REMARK}
_TEXTS = (*ON_TASKS.values(), *ON_ASKERS.values(), *ON_REASONS.values())


def test_no_kind_of_task_is_without_advice() -> None:
    """A list of what needs a human that does not say what to do leaves him alone with it."""
    assert set(ON_TASKS) == set(TaskKind) - _BY_WORDS


def test_every_text_is_there_in_every_language() -> None:
    """Nobody is left without advice because of his language, and none was copied."""
    assert (set(ON_ASKERS), set(ON_REASONS)) == (set(Asker), set(Reason) - {Reason.GROUP})
    for text in _TEXTS:
        assert set(text) == set(Language)
        assert len(set(text.values())) == len(Language)
        assert all(sentence[-1] == "." and len(sentence) <= 140 for sentence in text.values())


def test_verbs_that_are_advised_exist() -> None:
    """What a human is told to type is a verb of the kiosk, the second word too."""
    for text in _TEXTS:
        for sentence in text.values():
            for first, second in re.findall(r"kiosk ([a-z]+)(?: ([a-z]+))?", sentence):
                verb = kiosk.commands[first]
                assert not second or (isinstance(verb, click.Group) and second in verb.commands)
