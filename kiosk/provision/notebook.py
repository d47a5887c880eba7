"""The answers so far: read from a file or from options, and kept on disk until the configuration stands."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from kiosk.config_checks import Wrong
from kiosk.durable import write_whole
from kiosk.errors import UsageError
from kiosk.provision.questions import (
    ASSUME_CLOCK,
    CLIENT_ID,
    DECLARATIONS,
    EMPLOYER,
    FIRST_REGISTRATION,
    QUESTIONS,
    UNFINISHED,
    Question,
)
from kiosk.provision.template import literal

#: By the questions' keys.
Answers = Mapping[str, str | list[str] | bool]


class Notebook:
    """The answers given so far, durable after each: a run that is cut asks none of them again.

    Args:
        path: Where they are kept; None keeps them in memory.
        given: What is known already.
    """

    def __init__(self, path: Path | None, given: Answers) -> None:
        self.path = path
        self._given = dict(given)

    @property
    def kept(self) -> bool:
        """Whether a run before this one left answers on disk."""
        return self.path is not None and self.path.exists()

    @classmethod
    def opened(cls, path: Path, given: Answers | None = None) -> Notebook:
        """Take up the answers of a run that was cut, and others; raises ``UsageError`` if the file holds anything else."""
        return cls(path, (read_answers(path) if path.exists() else {}) | dict(given or {}))

    def text(self, key: str) -> str | None:
        """Return an answer, or None where none was given."""
        answer = self._given.get(key)
        return answer if isinstance(answer, str) else None

    def texts(self, key: str) -> list[str] | None:
        """Return the answers to a question that takes several."""
        answer = self._given.get(key)
        return answer if isinstance(answer, list) else None

    def flag(self, key: str) -> bool:
        """Return whether something was agreed to."""
        return self._given.get(key) is True

    def keep(self, key: str, answer: str | list[str]) -> None:
        """Write an answer down."""
        self._given[key] = answer
        self._write()

    def _write(self) -> None:
        if self.path is not None:
            lines = (f"{name} = {literal(value)}\n" for name, value in self._given.items() if not isinstance(value, bool))
            write_whole(self.path, "".join(lines), mode=0o600)

    def forget(self, *keys: str) -> None:
        """Strike answers that turned out to be wrong: they are asked for anew."""
        for key in keys:
            self._given.pop(key, None)
        self._write()

    def close(self) -> None:
        """Throw the notebook away: everything in it stands in the configuration now."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def read_answers(path: Path) -> dict[str, str | list[str] | bool]:
    """Read a file of answers.

    Raises:
        UsageError: It can't be read, or names what nobody asks, or holds an answer that can't be: all of it at once.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {os.strerror(error.errno or 0)}", repair="name a file of answers") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{path}: is no TOML", repair='write lines like company = "Example NV"') from None
    return checked(found, called=lambda key: f"{path}: {key}")


def checked(found: Mapping[str, object], *, called: Callable[[str], str]) -> dict[str, str | list[str] | bool]:
    """Hold answers against their questions.

    Args:
        found: By their keys.
        called: How a key is called where the answer was given.

    Raises:
        UsageError: One or several can't be: all of it at once.
    """
    known = {question.key: question for question in QUESTIONS}
    wrong = {key: sentence for key, answer in found.items() if (sentence := _wrong(known.get(key), key, answer))}
    if wrong:
        lines = (f"{called(key if key.isidentifier() else 'a key')}: {sentence}" for key, sentence in wrong.items())
        raise UsageError("\n".join(lines), repair=f"known are: {', '.join((*known, ASSUME_CLOCK, FIRST_REGISTRATION))}")
    return {key: answer for key, answer in found.items() if isinstance(answer, str | list | bool)}


def _wrong(question: Question | None, key: str, answer: object) -> str | None:
    if question is None:
        if key in {FIRST_REGISTRATION, ASSUME_CLOCK}:
            return None if isinstance(answer, bool) else "write true or false"
        return "nobody asks for this"
    if question.several != isinstance(answer, list):
        return f"write {'an array of strings' if question.several else 'a string'}"
    for each in answer if isinstance(answer, list) else [answer]:
        if not isinstance(each, str):
            return "write strings, in quotes"
        if question.several and each == UNFINISHED:
            continue
        try:
            question.read(each)
        except (ValueError, Wrong) as error:
            return str(error)
    return None


def missing(notebook: Notebook) -> list[str]:
    """Name the answers that a run without a person still needs."""
    return [
        question.key
        for question in QUESTIONS
        if question.default is None
        and not question.several
        and question is not CLIENT_ID  # Chaman shows it only when it has the certificate, which a first run makes
        and notebook.text(question.key) is None
        and not (question is EMPLOYER and not notebook.texts(DECLARATIONS.key))
    ]
