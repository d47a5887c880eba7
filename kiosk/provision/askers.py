"""Who answers the questions: a person at a terminal, or a file of answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, Protocol

import click

from kiosk.config_checks import Wrong
from kiosk.provision.notebook import Notebook
from kiosk.provision.questions import UNFINISHED, Question, kept

#: How Python hands on bytes that are no UTF-8.
_BROKEN: Final = re.compile("[\ud800-\udfff]")


class Asker(Protocol):
    """Says things, and asks for one answer at a time."""

    @property
    def attended(self) -> bool:
        """Whether a person is there."""
        ...

    def say(self, words: str) -> None:
        """Tell something."""
        ...

    def ask(self, question: Question, *, hint: str | None = None) -> str:
        """Return the answer as ``question.read`` keeps it; one that is known already is not asked for."""
        ...

    def ask_several(self, question: Question) -> list[str]:
        """Return every answer to a question that takes several, possibly none."""
        ...

    def agree(self, words: str, *, key: str | None = None) -> bool:
        """Return whether something may be done; nothing is taken for a yes."""
        ...

    def type_in(self, words: str, check: Callable[[str], object] = str) -> str:
        """Return something that is not kept; ``check`` raises ``ValueError`` with a sentence where it can't be that."""
        ...

    def secret(self, words: str, check: Callable[[str], object] = str) -> str:
        """Return something that is neither shown nor kept; ``check`` as above, its sentence without the answer."""
        ...


class Terminal:
    """A person at a terminal."""

    attended = True

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def say(self, words: str) -> None:
        """Tell something."""
        click.echo(words)

    def ask(self, question: Question, *, hint: str | None = None) -> str:
        """Ask until the answer can be read; ``hint`` is proposed."""
        known = self._notebook.text(question.key)
        if known is not None:
            self.say(f"{question.words}: {known}")
            return known
        default = question.default if hint is None else hint
        answer = self._prompt(question, default=default)
        self._notebook.keep(question.key, answer)
        return answer

    def ask_several(self, question: Question) -> list[str]:
        """Ask until an empty answer; each is kept at once, and a list that was cut is gone on with."""
        known = self._notebook.texts(question.key)
        answers = [UNFINISHED] if known is None else list(known)
        if answers[:-1]:
            self.say(f"{question.words}: {', '.join(answers).rstrip(', ')}")
        if answers[-1:] != [UNFINISHED]:
            return answers
        answers.pop()
        while answer := self._prompt(question, default=""):
            answers += [answer] if answer not in answers else []
            self._notebook.keep(question.key, [*answers, UNFINISHED])
            self.say("  one more, or Enter to go on")
        self._notebook.keep(question.key, answers)
        return answers

    def agree(self, words: str, *, key: str | None = None) -> bool:
        """Ask for yes or no; Enter is no."""
        del key
        return bool(click.confirm(words, default=False))

    def type_in(self, words: str, check: Callable[[str], object] = str) -> str:
        """Ask for something that is not kept, until it can be that."""
        return str(click.prompt(words, default="", show_default=False, value_proc=_telling(kept(check))))

    def secret(self, words: str, check: Callable[[str], object] = str) -> str:
        """Ask without echo, until it can be that."""
        while True:
            answer = str(click.prompt(words, hide_input=True, default="", show_default=False))
            try:
                return _telling(kept(check))(answer)
            except click.BadParameter as wrong:
                # click itself would not say what is wrong with something hidden; our sentences repeat no answer.
                self.say(f"Error: {wrong.message}")

    def _prompt(self, question: Question, *, default: str | None) -> str:
        def read(answer: str) -> str:
            # Also a default is read: an empty one means none where the question takes none.
            return "" if not answer.strip() and default == "" else question.read(answer)

        return str(click.prompt(question.words, default=default, value_proc=_telling(read), show_default=bool(default)))


class Unattended:
    """A file of answers; it is complete before the first step is taken."""

    attended = False

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def say(self, words: str) -> None:
        """Tell something."""
        click.echo(words)

    def ask(self, question: Question, *, hint: str | None = None) -> str:
        """Return the file's answer, else the default."""
        answer = self._notebook.text(question.key)
        return (question.default if hint is None else hint) or "" if answer is None else question.read(answer)

    def ask_several(self, question: Question) -> list[str]:
        """Return the file's answers."""
        return self._notebook.texts(question.key) or []

    def agree(self, words: str, *, key: str | None = None) -> bool:
        """Agree to what the file says true to."""
        del words
        return key is not None and self._notebook.flag(key)

    def type_in(self, words: str, check: Callable[[str], object] = str) -> str:
        """Nobody is there to type it."""
        del words, check
        return ""

    def secret(self, words: str, check: Callable[[str], object] = str) -> str:
        """Nobody is there to type it."""
        del words, check
        return ""


def _telling(read: Callable[[str], str]) -> Callable[[str], str]:
    """Turn a sentence of ours into one that click shows before it asks again."""

    def value(answer: str) -> str:
        # A terminal or scanner set to another alphabet sends bytes that are no UTF-8; they could not be written down.
        if _BROKEN.search(answer):
            raise click.BadParameter("this is no UTF-8; set the terminal to UTF-8 and type it again")
        try:
            return read(answer)
        except (ValueError, Wrong) as error:
            raise click.BadParameter(str(error)) from None

    return value
