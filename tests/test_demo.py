"""kiosk.demo shows the main job on one machine: real daemon, real pcscd where there is one, and what becomes of each tap."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hardware.virtual_reader import VirtualReader
from kiosk.demo import play, show, stage
from kiosk.demo.people import STRANGER, WORKERS
from kiosk.demo.play import Options
from kiosk.demo.show import Shown
from kiosk.demo.stage import Stage
from kiosk.errors import KioskError
from kiosk.identifiers import CardId, Insz

PATIENCE_SECONDS = 60


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a virtual reader."""
    monkeypatch.setattr(play, "missing", lambda: "a virtual reader is not installed: apt-get install it")


def played(*, taps: int = 8, offline: bool = False, as_json: bool = False) -> tuple[int, str]:
    """Play into a text that is no terminal: exit code and what was written."""
    out = io.StringIO()
    return play.run(Options(taps=taps, offline=offline, as_json=as_json), out=out), out.getvalue()


def answers(port: int) -> bool:
    """Whether anything listens on this port of this machine."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)


# The invented roster.


def test_everybody_is_invented_and_valid() -> None:
    """Cards and numbers parse, nobody is there twice, and the stranger is nobody's card."""
    cards = [CardId.parse(worker.card) for worker in WORKERS]
    assert len(set(cards)) == len({Insz.parse(worker.insz) for worker in WORKERS}) == len(WORKERS) == 24
    assert CardId.parse(STRANGER) not in cards
    assert {worker.language for worker in WORKERS} == {"nl", "fr", "de", "en"}
    assert WORKERS[0].line() == {
        "card": WORKERS[0].card,
        "insz": WORKERS[0].insz,
        "name": WORKERS[0].name,
        "language": WORKERS[0].language,
    }


# What it looks like.


def row(state: str, validity: str | None = None, reason: str | None = None) -> dict[str, Any]:
    return {"state": state, "validity": validity, "reason": reason}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (None, "not registered: the declaration's QR is the way out"),
        (row("queued"), "● recorded  ○ accepted  ○ checked"),
        (row("in_flight"), "● recorded  ○ accepted  ○ checked"),
        (row("accepted"), "● recorded  ● accepted  ○ checked"),
        (row("accepted", "pending"), "● recorded  ● accepted  ○ checked"),
        (row("accepted", "valid"), "● recorded  ● accepted  ● checked"),
        (row("unknown"), "unknown (being settled)"),
        (row("held", reason="declaration"), "held (declaration)"),
        (row("refused", reason="invalidInput"), "refused (invalidInput)"),
        (row("cancelled"), "cancelled (being settled)"),
    ],
)
def test_three_marks(entry: Mapping[str, Any] | None, expected: str) -> None:
    """A mark is filled only when it is reached; what is stuck is named instead."""
    assert show.marks(entry) == expected


def tap(taken: str, *, number: int | None = 1, offline: bool = False) -> Shown:
    return Shown(who="Amina B.", reader="gate", clock="08:00:00", signal=taken, row=number, offline=offline)


def test_a_line_without_colour() -> None:
    """Time, signal, person, reader and marks, and no escape code in what may go to a file."""
    assert show.line(tap("in"), row("queued"), colour=False) == (
        "08:00:00  IN           Amina B.     gate       ● recorded  ○ accepted  ○ checked"
    )


@pytest.mark.parametrize(
    ("taken", "shade"),
    [("in", "32"), ("out", "32"), ("held", "33"), ("unknown_card", "33"), ("already", "33"), ("revoked", "31"), ("failed", "31")],
)
def test_colour_follows_the_signal(taken: str, shade: str) -> None:
    """Green is for what was recorded, amber for what needs a human, red for the rest; the word stands there as well."""
    told = show.line(tap(taken), row("queued"), colour=True)
    assert told.startswith(f"08:00:00  \x1b[{shade}m{taken.upper()}")
    assert told.count("\x1b[0m") == 1


@pytest.mark.parametrize(
    ("entry", "offline", "said"),
    [(row("queued"), True, True), (row("queued"), False, False), (row("accepted"), True, False), (None, True, False)],
)
def test_saved_is_said_until_it_is_sent(entry: Mapping[str, Any] | None, *, offline: bool, said: bool) -> None:
    """A tap of an outage says so until the service has it."""
    assert ("saved, sent later" in show.line(tap("in", offline=offline), entry, colour=False)) is said


def test_the_board_shows_the_newest() -> None:
    """Banner, note and figures first, then the last fourteen taps, newest last; a row that is not known yet is not invented."""
    status = {
        "present": 3,
        "queued": 1,
        "in_flight": 2,
        "unknown": 4,
        "accepted": 5,
        "service": {"state": "down"},
        "oldest_unsent_seconds": None,
    }
    taps = [Shown(who=f"P{number}", reader="gate", clock="08:00:00", signal="in", row=number) for number in range(20)]
    told = show.board(taps, {19: row("accepted", "valid")}, status, note="a note")
    assert told.startswith("\x1b[H\x1b[2JTRAINING - nothing here reaches the real service\na note\n")
    assert "present 3   waiting 7   accepted 5   service down   oldest unsent 0 s" in told
    lines = told.splitlines()[5:]
    assert [re.findall(r"P\d+", line) for line in lines] == [[f"P{number}"] for number in range(6, 20)]
    assert lines[-1].endswith("● checked")
    assert lines[0].endswith("the way out")


# The play.


def test_eight_taps_of_which_the_first_are_real() -> None:
    """Everything is accepted once, three taps come through pcscd, and the only output is one JSON object."""
    code, text = played(as_json=True)
    assert text.endswith("}\n")
    result = json.loads(text)
    assert list(result) == ["taps", "accepted", "duplicates", "seconds"]
    assert (code, result["taps"], result["accepted"], result["duplicates"]) == (0, 8, 8, 0)
    assert 0 < result["seconds"] < PATIENCE_SECONDS


def test_an_outage_costs_nothing(no_card: None) -> None:
    """Taps of an outage are recorded, wait and are accepted once, and the text says when it was."""
    code, text = played(offline=True)
    lines = text.splitlines()
    away, back = (next(n for n, line in enumerate(lines) if part in line) for part in ("goes away", "is back"))
    taps = [n for n, line in enumerate(lines) if "● recorded" in line]
    assert len(taps) == 8
    assert sum(n < away for n in taps) == 2
    assert sum(n < back for n in taps) == 5
    assert code == 0
    assert re.fullmatch(r"8 taps, 8 accepted, 0 twice, \d+\.\d s", lines[-1])


def test_without_a_virtual_reader_all_taps_are_simulated(no_card: None) -> None:
    """The same play on any machine: the first line says what is missing, and nothing in it is for a terminal."""
    code, text = played(taps=2)
    assert code == 0
    assert text.splitlines()[0] == (
        "no virtual card reader here (a virtual reader is not installed: apt-get install it):"
        " all taps come through the simulated reader"
    )
    assert stage.REAL not in text
    assert "\x1b" not in text
    assert text.splitlines()[-1].startswith("2 taps, 2 accepted, 0 twice, ")


def test_a_virtual_reader_that_may_not_start_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where namespaces are forbidden the play goes on with the simulated reader, and says why."""

    def refuse(self: VirtualReader) -> VirtualReader:
        raise RuntimeError("pcscd did not start; its log:\nunshare: Operation not permitted")

    monkeypatch.setattr(VirtualReader, "__enter__", refuse)
    code, text = played(taps=1)
    assert code == 0
    assert text.startswith("no virtual card reader here (pcscd did not start): all taps")


def test_a_worker_comes_back_after_his_debounce(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more taps than people everybody's second tap waits until it is none too early, and is his OUT."""
    monkeypatch.setattr(play, "WORKERS", WORKERS[:1])
    code, text = played(taps=3)
    assert code == 0
    assert re.findall(r"  (IN|OUT) ", text) == ["IN", "OUT", "IN"]


# When it goes wrong.


def test_a_tap_that_is_not_green_ends_it(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected signal is an error that names it, with the end of the daemon's log."""
    monkeypatch.setattr(play, "WORKERS", WORKERS[:1])
    monkeypatch.setattr(play, "_REST_SECONDS", 0.0)
    with pytest.raises(KioskError, match=r'(?s)answered already\n.*\{"'):
        played(taps=2)


def test_a_card_that_is_not_seen_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A virtual card that the daemon does not report in time is an error, not a tap."""
    monkeypatch.setattr(play, "_REAL_SECONDS", 0.0)
    with pytest.raises(KioskError, match="the card on the virtual reader was not seen"):
        played(taps=1)


def test_a_daemon_that_dies_shows_the_end_of_its_log(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle, it is told in a sentence with the daemon's own last words, and nothing is left running."""
    stages: list[Stage] = []

    class Deadly(Stage):
        def ask(self, call: str, params: Mapping[str, object] | None = None) -> dict[str, Any]:
            stages.append(self)
            daemon = self._daemon
            if [call for call in asked if call == "tap"] == ["tap"] * 3 and daemon is not None:
                daemon.kill()
                daemon.wait()
            asked.append(call)
            return super().ask(call, params)

    asked: list[str] = []
    monkeypatch.setattr(play, "Stage", Deadly)
    with pytest.raises(KioskError) as ended:
        played()
    assert "no daemon answers" in ended.value.message
    assert '"reader": "gate"' in ended.value.message
    assert len(ended.value.message.splitlines()) <= 11
    assert all(worker.insz not in ended.value.message and worker.name not in ended.value.message for worker in WORKERS)
    assert not answers(int(stages[0].simulator.root_url.rpartition(":")[2]))
    assert stages[0]._daemon is None


def test_a_daemon_that_does_not_start_shows_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its complaint is passed on, and the service double is taken down."""
    monkeypatch.setattr(stage, "_CONFIG", stage._CONFIG.replace("debounce_seconds = 1", "debounce_seconds = 0"))
    built = Stage(tmp_path)
    with pytest.raises(KioskError, match=r"(?s)the daemon did not start\n.*debounce_seconds"), built:
        raise AssertionError("it must not start")
    assert built._daemon is None
    assert not answers(int(built.simulator.root_url.rpartition(":")[2]))


def test_a_daemon_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that does not answer SIGTERM does not outlive the play."""
    monkeypatch.setattr(stage, "_STOP_SECONDS", 0.1)
    with Stage(tmp_path) as built:
        daemon = built._daemon
        assert daemon is not None
        daemon.send_signal(signal.SIGSTOP)
    assert daemon.returncode == -signal.SIGKILL
    built.close()


def test_a_play_that_is_killed_leaves_no_daemon(tmp_path: Path) -> None:
    """However the play ends, a closed terminal included, its daemon ends with it."""
    command = [sys.executable, "-m", "kiosk", "demo", "--taps", "1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": str(tmp_path)}) as run:
        assert run.stdout is not None
        assert run.stdout.readline()
        (daemon,) = [pid for pid in children(run.pid) if "kiosk" in Path(f"/proc/{pid}/cmdline").read_text()]
        run.kill()
    end = time.monotonic() + PATIENCE_SECONDS
    while runs(daemon):
        assert time.monotonic() < end, "the daemon lives on"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def runs(pid: int) -> bool:
    """Whether this process still runs; an orphan that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_is_never_accepted_is_no_success(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the service stays away the result says how many are missing, and the exit code is 1."""
    monkeypatch.setattr(play, "_SETTLE_SECONDS", 0.5)
    monkeypatch.setattr(play._Play, "_back", lambda _self: None)
    code, text = played(taps=3, offline=True, as_json=True)
    result = json.loads(text)
    assert code == 1
    assert (result["taps"], result["duplicates"]) == (3, 0)
    assert result["accepted"] < 3


def test_ctrl_c_amid_an_outage_brings_the_service_back(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who ends the play early still sees everything accepted."""
    tapping = play._Play._tap

    def interrupted(self: play._Play, worker: Any) -> None:
        if self._cut and self._made == 4:
            os.kill(os.getpid(), signal.SIGINT)
        tapping(self, worker)

    monkeypatch.setattr(play._Play, "_tap", interrupted)
    code, text = played(taps=9, offline=True)
    assert code == 0
    assert "the service is back" in text
    assert text.splitlines()[-1].startswith("5 taps, 5 accepted, 0 twice")


# On a terminal.


class Terminal:
    """A terminal of its own with a program on it, as a user sits before it."""

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.text = ""
        self.program = subprocess.Popen(
            ["setsid", "--ctty", sys.executable, "-m", "kiosk", *words], stdin=slave, stdout=slave, stderr=slave
        )
        os.close(slave)

    def read(self) -> bool:
        """Read what was written next; False once the program has let the terminal go."""
        try:
            self.text += os.read(self._master, 65536).decode(errors="replace")
        except OSError:
            return False
        return True

    def until(self, pattern: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not re.search(pattern, self.text):
            assert self.read(), self.text[-2000:]
            assert time.monotonic() < end, self.text[-2000:]

    def press(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self) -> int:
        while self.read():
            pass
        os.close(self._master)
        return self.program.wait(PATIENCE_SECONDS)


def test_the_live_board_ends_with_ctrl_c() -> None:
    """It shows the banner, real and simulated taps and a stranger; Ctrl-C ends the taps, and all three marks are still reached."""
    terminal = Terminal("demo")
    terminal.until("UNKNOWN_CARD")
    terminal.press(b"\x03")
    assert terminal.end() == 0
    assert "TRAINING - nothing here reaches the real service" in terminal.text
    assert re.search(r"IN\s+\S+ .*real gate", terminal.text)
    board = terminal.text.rpartition("\x1b[2J")[2]
    assert "not registered: the declaration's QR is the way out" in board
    lines = [line for line in board.splitlines() if "● recorded" in line]
    assert len(lines) >= 4
    assert all("● checked" in line for line in lines)
    assert re.search(r"(\d+) taps, \1 accepted, 0 twice", board)


def test_json_on_a_terminal_is_json_only() -> None:
    """Whoever asks for JSON gets nothing else, wherever it is written to."""
    terminal = Terminal("demo", "--taps", "1", "--json")
    assert terminal.end() == 0
    assert list(json.loads(terminal.text)) == ["taps", "accepted", "duplicates", "seconds"]
