"""The ``evidence`` verbs: an export by the running daemon and without one, read by whoever has it in his hands."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kiosk.cli import main
from kiosk.cli.common import asker
from kiosk.evidence import opened
from kiosk.provisioning import make_evidence_key
from kiosk.vault import Vault
from tests.box import line_fields
from tests.configs import change, write
from tests.daemons import running
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME
from tests.stores import open_store

#: Nothing is sent meanwhile.
TRAINING = change(
    (
        "[store]",
        'start_jitter_seconds = 31_000_000\n\n[clock]\nsource = "assume"\n\n[evidence]\nkey_file = "evidence.key"\n\n[store]',
    )
)
Verb = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    make_evidence_key(tmp_path / "evidence.key")
    return write(tmp_path, TRAINING)


@pytest.fixture
def verb(config: Path, capfd: pytest.CaptureFixture[str]) -> Verb:
    """Run one verb in this process; its exit code and what it wrote."""

    def run(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main(["--config", str(config), *words])
        captured = capfd.readouterr()
        return code, captured.out, captured.err

    return run


def told(ran: tuple[int, str, str]) -> Any:
    """What a verb printed; a daemon in this process writes its log to the other stream."""
    assert ran[0] == 0, ran
    return json.loads(ran[1])


def tapped(config: Path) -> None:
    """Let the daemon take one tap of the canary."""
    with running(config) as daemon:
        daemon.ask("badge add", lines=[json.dumps(line_fields(CANARY))])
        assert daemon.ask("tap", card=CANARY_CARD.identifier.hex())["signal"] == "in"


def test_an_export_by_the_running_daemon_is_whole_and_names_nobody(verb: Verb, config: Path, tmp_path: Path) -> None:
    """The tap of a moment ago is in it, the key vouches for it, both verifiers find it good, and the box's own record too."""
    with running(config) as daemon:
        daemon.ask("badge add", lines=[json.dumps(line_fields(CANARY))])
        daemon.ask("tap", card=CANARY_CARD.identifier.hex())
        folder = tmp_path / "out"
        result = told(verb("evidence", "export", str(folder), "--today", "--lang", "fr", "--json"))
        assert (result["registrations"], result["revealed"], result["folder"]) == (1, False, str(folder))
        assert told(verb("evidence", "verify", "--json"))["ok"]
    assert told(verb("evidence", "verify", str(folder), "--key", result["public_key"].upper(), "--json"))["ok"]
    command = [sys.executable, "-I", str(folder / "verify.py"), str(folder), result["public_key"]]
    assert subprocess.run(command, check=False, timeout=60, stdout=subprocess.DEVNULL).returncode == 0
    for path in folder.iterdir():
        text = path.read_text(encoding="utf-8")
        assert not any(datum in text for datum in (CANARY_INSZ.digits, CANARY_NAME, CANARY_CARD.identifier.hex()))


def test_an_export_without_a_daemon_reveals_with_a_reason(verb: Verb, config: Path, tmp_path: Path) -> None:
    """On the store itself, by person; who asked and why stands sealed in the record."""
    tapped(config)
    folder = tmp_path / "out"
    code, out, _ = verb("evidence", "export", str(folder), "--holder", "1", "--reveal", "--reason", "the inspectorate asked")
    assert (code, f"folder: {folder}" in out) == (0, True)
    assert CANARY_NAME in (folder / "report.html").read_text(encoding="utf-8")
    with open_store(tmp_path, key=bytes(32)) as database:
        uid, sealed = database.read(
            lambda c: c.execute("SELECT uid, sealed FROM evidence WHERE kind = 'exported' AND subject = 'holder:1'").fetchone()
        )
    content = opened(Vault(bytes(32)), uid, sealed)
    assert content.person == {"because": "the inspectorate asked", "user": asker()["user"]}
    assert content.facts is not None
    assert content.facts["uid"] == os.getuid()


def test_a_tampered_export_exits_1_and_is_named(verb: Verb, config: Path, tmp_path: Path) -> None:
    """By the box's own verb, which needs no configuration for it."""
    tapped(config)
    folder = tmp_path / "out"
    told(verb("evidence", "export", str(folder), "--from", "2020-01-01", "--until", "2099-01-01", "--json"))
    lines = (folder / "chain.jsonl").read_text().splitlines(keepends=True)
    (folder / "chain.jsonl").write_text("".join(lines[:1] + lines[2:]))
    config.unlink()
    code, out, _ = verb("evidence", "verify", str(folder))
    assert (code, "entry 2 is missing" in out) == (1, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("export", "{out}", "--reveal"), "--reveal needs --reason"),
        (("export", "{out}", "--from", "yesterday"), "--from"),
        (("export", "{here}"), "is there already and is never overwritten"),
        (("verify", "--key", "00"), "--key goes with the FOLDER"),
        (("verify", "{out}"), "No such file"),
    ],
)
def test_wrong_usage_exits_2_in_words(verb: Verb, tmp_path: Path, words: tuple[str, ...], hint: str) -> None:
    """Each mistake says what is missing or in the way."""
    code, out, err = verb("evidence", *(word.format(out=tmp_path / "out", here=tmp_path) for word in words))
    assert (code, out, hint in err) == (2, "", True)


def test_who_asks_is_the_user_behind_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Root who came by sudo is told as who he was; a variable that anybody could set counts for nobody else."""
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_UID", "65534")
    assert asker() == {"uid": 65534, "user": pwd.getpwuid(65534).pw_name}
    monkeypatch.setenv("SUDO_UID", "4294967")
    assert asker() == {"uid": 4294967, "user": ""}
    monkeypatch.setenv("SUDO_UID", "x")
    assert asker()["uid"] == 0
    monkeypatch.setattr(os, "getuid", lambda: 65534)
    assert asker()["uid"] == 65534
