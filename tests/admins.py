"""An admin who sets boxes up in tests: his answers, and one whose hand slips to Ctrl-C after so many questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from kiosk.cli import kiosk
from kiosk.cli.common import ask
from kiosk.provision import trial
from kiosk.provision.askers import Asker, Terminal
from kiosk.provision.conversation import Setup, prepare
from kiosk.provision.notebook import Notebook
from kiosk.provision.questions import Question, kept
from kiosk.settings import Config
from kiosk.simulator.simulator import Simulator

CLIENT_ID = "self_service_chaman_123456_abcdefghij"
SITE = "Wetstraat 16"


def answers(simulator: Simulator) -> dict[str, str | list[str] | bool]:
    """What sets a box up against this double."""
    return {
        "company": "Invented NV",
        "key": "rsa-2048",
        "client_id": CLIENT_ID,
        "api_url": simulator.api_url,
        "token_url": simulator.token_url,
        "ca_file": str(simulator.ca_file),
        "site": SITE,
        "employer": "0206.731.645",
        "declarations": ["1Y1003SQ5VSSZ", "https://example.org/qr?d=1Y102M7NZF7PZ"],
        "coordinates": "50.8466, 4.3670",
        "reader": "simulated",
        "assume_clock": True,
    }


class Admin(Terminal):
    """Answers like a person at a terminal; ``patience`` is after how many questions he presses Ctrl-C, None never."""

    def __init__(self, notebook: Notebook, given: dict[str, str | list[str] | bool], patience: int | None = None) -> None:
        super().__init__(notebook)
        self.given = given
        self.patience = patience
        self.asked: Counter[str] = Counter()
        self.heard: list[str] = []
        self.secrets: list[str] = []
        self.typed: list[str] = []
        self.agrees: bool | list[bool] = True

    def say(self, words: str) -> None:
        self.heard.append(words)

    def agree(self, words: str, *, key: str | None = None) -> bool:
        self._count(key or words)
        return self.agrees.pop(0) if isinstance(self.agrees, list) else self.agrees

    def secret(self, words: str, check: Callable[[str], object] = str) -> str:
        self._count(words)
        return kept(check)(self.secrets.pop(0))

    def type_in(self, words: str, check: Callable[[str], object] = str) -> str:
        self._count(words)
        return kept(check)(self.typed.pop(0))

    def _prompt(self, question: Question, *, default: str | None) -> str:
        self._count(question.key)
        answer = self.given.get(question.key, default)
        if isinstance(answer, list):
            turn = len([each for each in self._notebook.texts(question.key) or [] if each])
            answer = answer[turn] if turn < len(answer) else ""
        assert isinstance(answer, str), question.key
        return question.read(answer) if answer else ""

    def _count(self, what: str) -> None:
        if self.patience is not None and sum(self.asked.values()) >= self.patience:
            raise click.Abort
        self.asked[what] += 1


def desk_of(config: Config) -> trial.Ask:
    """The desk of a box, as the verbs reach it."""
    return partial(ask, click.Context(kiosk, obj=str(config.path)), writes=True)


def setup(folder: Path, admin: Asker, notebook: Notebook) -> Setup:
    """A run of the conversation in this folder, without a reader plugged in."""
    return Setup(config=folder / "kiosk.toml", asker=admin, notebook=notebook, environ={}, user=None, readers=lambda: ())


def set_up(box: Path, simulator: Simulator, **changes: str | list[str] | bool) -> tuple[Config, Admin]:
    """Go through it with these answers, as a person."""
    notebook = Notebook(None, {})
    admin = Admin(notebook, answers(simulator) | changes)
    return prepare(setup(box, admin, notebook)), admin


def upload(simulator: Simulator, box: Path) -> None:
    """Do what the admin does in Chaman."""
    simulator.add_client(CLIENT_ID, (box / "client.cert.pem").read_bytes())
