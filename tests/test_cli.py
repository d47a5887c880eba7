from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from kiosk import control
from kiosk.cli import entry, main
from kiosk.desk import presence
from kiosk.model import State, TaskKind
from kiosk.provisioning import make_client_key
from kiosk.settings import Driver
from kiosk.simulator.run import Options
from kiosk.simulator.simulator import Simulator
from kiosk.tasks import open_task
from tests.box import Ran, line_fields
from tests.configs import change, write
from tests.daemons import Running, running
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME, invented_card, invented_insz, invented_line
from tests.sites import until
from tests.stores import open_store
from tests.strangers import item
from tests.wedges import Wedge

Kiosk = Callable[..., Ran]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
#: Nothing is sent meanwhile: what a verb finds in the book stays as it is.
TRAINING = change(("[store]", 'start_jitter_seconds = 31_000_000\n\n[clock]\nsource = "assume"\n\n[store]'))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write(tmp_path, TRAINING)


@pytest.fixture
def kiosk(config: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Kiosk:
    """Run one verb in this process, as the command would."""

    def run(*words: str, stdin: str | bytes = "") -> Ran:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        capfd.readouterr()
        code = main(["--config", str(config), *words])
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        # A daemon in this process logs whenever it likes; what the verb says is no JSON.
        said = "".join(line for line in captured.err.splitlines(keepends=True) if not line.startswith('{"time": '))
        return Ran(code, captured.out, said)

    return run


@pytest.fixture
def box(config: Path) -> Iterator[Running]:
    with running(config) as run:
        yield run


def told(ran: Ran) -> Any:
    assert (ran.code, ran.err) == (0, ""), ran
    return json.loads(ran.out)


def add(kiosk: Kiosk, *numbers: int) -> Any:
    lines = "\n".join(json.dumps(line_fields(invented_line(number))) for number in numbers)
    return told(kiosk("badge", "add", "--json", stdin=lines))


def card(number: int) -> str:
    return invented_card(number).identifier.hex()


# --- the command itself


def test_every_verb_explains_itself(kiosk: Kiosk) -> None:
    """Each verb and each group has a help of its own, and the version is the package's."""
    top = kiosk("--help")
    assert top.code == 0
    verbs = ["run", "check", "status", "tap", "present", "simulator", "badge", "holder", "outbox"]
    for verb in verbs:
        assert f"  {verb}" in top.out
        assert kiosk(verb, "--help").code == 0
    for group, names in (
        ("badge", ("add", "import", "list", "revoke")),
        ("holder", ("show", "edit", "replace-insz", "export", "forget")),
        ("outbox", ("list", "show", "retry", "release", "cancel", "resolve")),
    ):
        for name in names:
            ran = kiosk(group, name, "-h")
            assert (ran.code, "Usage:" in ran.out) == (0, True)
    assert version("ciao-kiosk") in kiosk("--version").out


@pytest.mark.parametrize(
    "words", [("nonsense",), ("tap",), ("outbox", "show", "none"), ("outbox", "show", "0"), ("status", "--no")]
)
def test_wrong_usage_exits_2(kiosk: Kiosk, words: tuple[str, ...]) -> None:
    """What is no verb, or lacks something, is told on standard error."""
    ran = kiosk(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "Error:" in ran.err


def test_the_configuration_is_found_by_option_or_environment(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config goes before $KIOSK_CONFIG; a missing file exits 2 and names it."""
    monkeypatch.setenv("KIOSK_CONFIG", str(config))
    assert main(["badge", "list"]) == 2
    assert "no store yet" in capsys.readouterr().err
    assert main(["--config", str(config.parent / "gone.toml"), "status"]) == 2
    assert "gone.toml" in capsys.readouterr().err


def test_a_mistake_in_the_configuration_is_told_by_every_verb(kiosk: Kiosk, config: Path) -> None:
    """Also by those that only talk to the daemon; all mistakes at once."""
    config.write_text(change(("latitude = 50.8466", "latitude = 150"), ('name = "gate"', "nmae = 3")), encoding="utf-8")
    for words in (("status",), ("tap", card(0)), ("badge", "list"), ("check",), ("run",)):
        ran = kiosk(*words)
        assert ran.code == 2
        assert "site.latitude" in ran.err
        assert "reader[1]" in ran.err


def test_a_reader_of_our_output_that_goes_away_ends_the_verb_quietly(config: Path) -> None:
    """`kiosk badge list | head` leaves no traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "kiosk", "--config", str(config), "check"],
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_the_command_exits_with_the_verbs_code(monkeypatch: pytest.MonkeyPatch, config: Path) -> None:
    """What the shell sees is what the verb returned."""
    monkeypatch.setattr(sys, "argv", ["kiosk", "--config", str(config), "status"])
    with pytest.raises(SystemExit) as ended:
        entry()
    assert ended.value.code == 1


# --- status and tap: the running daemon


def test_status_needs_a_daemon(kiosk: Kiosk) -> None:
    """Without one it exits 1 and says how to start it."""
    ran = kiosk("status", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "no daemon answers" in ran.err
    assert "kiosk run" in ran.err
    assert kiosk("tap", card(0)).code == 1


def test_status_prints_every_promised_field(kiosk: Kiosk, box: Running) -> None:
    """Design, section 6, to the letter; as text the same names."""
    status = told(kiosk("status", "--json"))
    assert {state.value for state in State} | {
        "environment",
        "oldest_unsent_seconds",
        "present",
        "tasks",
        "clock",
        "readers",
        "service",
        "certificate",
    } <= set(status)
    assert set(status["clock"]) >= {"trusted", "source", "error_bound_seconds"}
    assert status["readers"] == [{"name": "gate", "driver": "simulated", "state": "ready"}]
    assert set(status["service"]) >= {"state", "last_success", "last_error"}
    assert status["certificate"] == {"days_left": None, "level": None}
    assert status["environment"] == "training"
    text = kiosk("status").out
    for line in ("environment: training", "queued: 0", "  trusted: yes", "  - name gate, driver simulated, state ready"):
        assert line in text


def test_tap_prints_its_signal(kiosk: Kiosk, box: Running) -> None:
    """Recorded, repeated, unknown: each with its fields, and exit 0 for every signal but failed."""
    add(kiosk, 0)
    first = told(kiosk("tap", card(0), "--json"))
    assert {name: first[name] for name in ("signal", "ids", "direction", "offline", "clock")} == {
        "signal": "in",
        "ids": [1],
        "direction": "in",
        "offline": False,
        "clock": "ok",
    }
    again = kiosk("tap", card(0), "--reader", "gate")
    assert again.code == 0
    assert re.fullmatch(r"already - since \S+Z\n", again.out)
    assert kiosk("tap", card(9)).out == "unknown_card\n"
    assert kiosk("tap", "01020304AA").code == 2
    assert kiosk("tap", card(0), "--reader", "cellar").code == 2
    assert told(kiosk("tap", card(0), "--press", "out", "--json"))["signal"] == "out"
    assert kiosk("tap", card(0), "--press", "pause").code == 2
    assert kiosk("tap", card(0), "--press", "in", "--declaration", "1Y1003SQ5VSSZ").code == 2


@pytest.mark.parametrize(
    ("number", "why"),
    [("08A1B2C3", "use your badge"), ("FFFFFFFF", "blank"), ("8804A1B2", "a part of"), ("01020304", "many cards")],
)
def test_a_number_that_is_nobodys_is_refused_at_the_tap_and_at_enrolment(number: str, why: str, kiosk: Kiosk, box: Running) -> None:
    """A phone, a blank and a cut number become no badge and no unknown card, with the reason and without the number."""
    given = kiosk("badge", "add", stdin=json.dumps({"card": number, "insz": CANARY_INSZ.digits}))
    assert given.code == 2
    assert "line 1, card: " in given.err
    assert why in given.err
    told_why = told(kiosk("tap", number, "--json"))
    assert told_why["signal"] == "unreadable"
    assert why in str(told_why["why"])
    assert number not in given.err + str(told_why)
    assert told(kiosk("status", "--json"))["tasks"] == 0


def test_a_visitors_tap_owes_nothing_and_says_so(kiosk: Kiosk, box: Running) -> None:
    """Signal local with the direction and no registration; on the presence list and in the roster he stands like anybody."""
    line = json.dumps({**line_fields(invented_line(0)), "local": True})
    told(kiosk("badge", "add", "--json", stdin=line))
    came = told(kiosk("tap", card(0), "--json"))
    assert (came["signal"], came["ids"], came["direction"]) == ("local", [], "in")
    assert told(kiosk("present", "--json"))["here"] == 1
    assert told(kiosk("outbox", "list", "--json"))["items"] == []
    assert told(kiosk("badge", "list", "--json"))["items"][0]["local"] is True
    told(kiosk("badge", "add", "--json", stdin=json.dumps({**line_fields(invented_line(1)), "local": "yes"})))
    assert kiosk("tap", card(1)).out == "local - in, nothing is owed\n"


def test_tap_tells_what_is_particular(kiosk: Kiosk, box: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """As text: the registration, that it is sent later, that it waits for the clock, and why it failed with exit 1."""
    answer = {"signal": "in", "ids": [4, 5], "offline": True, "clock": "waiting", "since": None, "why": None}
    monkeypatch.setattr("kiosk.control.ask", lambda *_: answer)
    assert kiosk("tap", card(0)).out == "in - registration 4, 5 - saved, sent later - waits for a trusted clock\n"
    failed = {"signal": "failed", "ids": [], "offline": False, "clock": "ok", "since": None, "why": "no room"}
    monkeypatch.setattr("kiosk.control.ask", lambda *_: failed)
    ran = kiosk("tap", card(0))
    assert (ran.code, ran.out) == (1, "failed - no room\n")
    heard = {**answer, "ids": [], "offline": False, "clock": "ok", "remarks": ["One.", "Two."]}
    monkeypatch.setattr("kiosk.control.ask", lambda *_: heard)
    assert kiosk("tap", card(0)).out == "in\nOne.\nTwo.\n"


# --- the roster


def test_badges_are_added_from_standard_input(kiosk: Kiosk) -> None:
    """One JSON object a line, all or nothing; the same again is no mistake; somebody else's card is; a bad line names itself."""
    items = add(kiosk, 0, 1)["items"]
    assert [(item["line"], item["holder"], item["added"]) for item in items] == [(1, 1, True), (2, 2, True)]
    assert add(kiosk, 0)["items"][0]["added"] is False
    stolen = json.dumps({"card": card(0), "insz": invented_insz(5).digits})
    ran = kiosk("badge", "add", stdin=stolen)
    assert (ran.code, "line 1" in ran.err) == (1, True)
    good = json.dumps(line_fields(invented_line(2)))
    ran = kiosk("badge", "add", stdin=f"{good}\n{{}}\n")
    assert (ran.code, "line 2" in ran.err) == (2, True)
    assert len(told(kiosk("badge", "list", "--json"))["items"]) == 2
    text = kiosk("badge", "add", stdin=good)
    assert text.out.splitlines()[0].split() == ["line", "id", "holder", "card", "added"]
    assert kiosk("badge", "add", stdin=b"\xff\xfe").code == 2


def test_badges_are_imported_from_csv(kiosk: Kiosk, tmp_path: Path) -> None:
    """From a file or standard input, with a preview that changes nothing; what can't be read is told."""
    file = tmp_path / "people.csv"
    insz = [invented_insz(number).digits for number in range(3)]
    file.write_text(f"\ufeffcard;insz;name\n{card(0)};{insz[0]};Person 0\n{card(1)};{insz[1]};Person 1\n", encoding="utf-8")
    preview = told(kiosk("badge", "import", str(file), "--preview", "--json"))
    assert preview["preview"] is True
    assert told(kiosk("badge", "list", "--json"))["items"] == []
    assert told(kiosk("badge", "import", str(file), "--json"))["items"][1]["id"] == 2
    ran = kiosk("badge", "import", "-", stdin=f"card,insz\n{card(2)},{insz[2]}\n")
    assert (ran.code, len(ran.out.splitlines())) == (0, 2)
    assert kiosk("badge", "import", str(tmp_path / "gone.csv")).code == 2
    assert kiosk("badge", "import", "-", stdin="card;insz\nnone\n").code == 2


def test_the_roster_is_listed_with_masked_numbers(kiosk: Kiosk) -> None:
    """Names are shown, card and INSZ never whole; an empty roster says how to fill it."""
    assert kiosk("badge", "list").code == 2
    add(kiosk, 0)
    told(kiosk("badge", "add", "--json", stdin=json.dumps(line_fields(CANARY))))
    (_, row) = told(kiosk("badge", "list", "--json"))["items"]
    assert (row["name"], row["language"], row["insz"]) == (CANARY_NAME, "fr", CANARY_INSZ.masked)
    text = kiosk("badge", "list").out
    assert CANARY_NAME in text
    for secret in (CANARY_INSZ.digits, CANARY_CARD.identifier.hex(), CANARY_CARD.identifier.hex().upper()):
        assert secret not in text


def test_a_badge_is_revoked_by_id_or_card(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the list's id, by the card's number, and by a card that is asked for out of sight."""
    add(kiosk, 0, 1, 2)
    assert RFC3339.fullmatch(told(kiosk("badge", "revoke", "1", "--json"))["revoked_at"])
    assert "revoked at: 2" in kiosk("badge", "revoke", card(1)).out
    assert told(kiosk("badge", "revoke", "-", "--json", stdin=f"{card(2)}\n"))["id"] == 3
    assert kiosk("badge", "revoke", "99").code == 1
    assert kiosk("badge", "revoke", "zz").code == 2
    assert "no badges yet" not in kiosk("badge", "list").out


def test_a_person_is_told_what_is_held_of_him(kiosk: Kiosk, tmp_path: Path) -> None:
    """In two files for him alone; without a reason it is wrong usage, and a second time they are not overwritten."""
    add(kiosk, 0)
    words = ("holder", "export", "1", "--out", str(tmp_path / "out"))
    assert kiosk(*words).code == 2
    result = told(kiosk(*words, "--reason", "asked for access", "--lang", "de", "--json"))
    assert result["files"] == [str(tmp_path / "out.html"), str(tmp_path / "out.json")]
    assert json.loads((tmp_path / "out.json").read_text())["profiles"][0]["insz"] == invented_insz(0).digits
    again = kiosk(*words, "--reason", "asked for access")
    assert (again.code, "never overwritten" in again.err) == (2, True)


def test_the_store_is_written_anew(kiosk: Kiosk) -> None:
    """What is in it stays; before there is one, that is told."""
    assert kiosk("store", "compact").code == 2
    add(kiosk, 0)
    assert told(kiosk("store", "compact", "--json"))["bytes_after"] > 0
    assert "bytes after: " in kiosk("store", "compact").out
    assert len(told(kiosk("badge", "list", "--json"))["items"]) == 1


def test_a_holder_is_let_go_of(kiosk: Kiosk) -> None:
    """A preview tells what would go; then it is gone, and the roster knows nobody of that number any more."""
    add(kiosk, 0)
    add(kiosk, 1)
    would = kiosk("holder", "forget", "1", "--reason", "left the company", "--preview").out
    assert would.startswith("would go: 1 profiles, 1 badges")
    told(kiosk("holder", "forget", "1", "--reason", "left the company", "--json"))
    assert [item["holder"] for item in told(kiosk("badge", "list", "--json"))["items"]] == [2]
    assert kiosk("holder", "forget", "9", "--reason", "left the company").code == 1


def test_a_holder_is_shown_and_corrected(kiosk: Kiosk) -> None:
    """Edits hold from now on and come as one JSON object; a new INSZ is read from standard input, never an argument."""
    add(kiosk, 0)
    assert (
        told(kiosk("holder", "edit", "1", "--json", stdin='{"language": "fr", "name": "New"}'))["profiles"][-1]["language"] == "fr"
    )
    shown = kiosk("holder", "show", "1").out
    assert "New" in shown
    new = invented_insz(77)
    told(kiosk("holder", "replace-insz", "1", "--json", stdin=f"{new.digits}\n"))
    assert new.masked in kiosk("holder", "show", "1").out
    for stdin in ("[]", "no json", '{"card": "x"}'):
        assert kiosk("holder", "edit", "1", stdin=stdin).code == 2
    assert kiosk("holder", "show", "9").code == 1


def on_a_terminal(config: Path, words: list[str], answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Run a verb on a terminal of its own and answer its questions; its exit code and all that the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "kiosk", "--config", str(config), *words])  # noqa: S606  the arguments are the test's own
    seen = b""
    for question, answer in answers:
        while question.encode() not in seen.split(b"\n")[-1]:
            seen += os.read(terminal, 1000)
        os.write(terminal, answer.encode() + b"\n")
    try:
        while piece := os.read(terminal, 1000):
            seen += piece
    except OSError:
        pass  # Linux's way to say that the other side closed the terminal
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()


def test_badge_add_asks_on_a_terminal_and_does_not_show_the_number(config: Path, kiosk: Kiosk) -> None:
    """Card, INSZ, name, language, employer are asked for one after the other; the INSZ is typed blind."""
    answers = [
        ("card", CANARY_CARD.identifier.hex()),
        ("INSZ", CANARY_INSZ.digits),
        ("name", "Typed"),
        ("language", "fr"),
        ("enterprise number", ""),
    ]
    code, seen = on_a_terminal(config, ["badge", "add"], answers)
    assert code == 0, seen
    assert CANARY_CARD.identifier.hex() in seen, "a terminal echoes what it is not told to hide"
    assert CANARY_INSZ.digits not in seen
    (row,) = told(kiosk("badge", "list", "--json"))["items"]
    assert (row["name"], row["language"], row["insz"]) == ("Typed", "fr", CANARY_INSZ.masked)


def test_a_limosa_number_on_a_terminal_gets_the_way_out(config: Path, kiosk: Kiosk) -> None:
    """Who types one where the INSZ is asked for is told to ask for a BIS number, and nobody is enrolled."""
    limosa = "12345678901234567"
    answers = [("card", CANARY_CARD.identifier.hex()), ("INSZ", limosa), ("name", ""), ("language", ""), ("enterprise number", "")]
    code, seen = on_a_terminal(config, ["badge", "add"], answers)
    assert (code, limosa in seen) == (2, False)
    assert "BIS number" in seen
    assert "QR code" in seen
    assert told(kiosk("badge", "list", "--json"))["items"] == []


def test_other_numbers_are_typed_blind_too(config: Path, kiosk: Kiosk) -> None:
    """A replaced INSZ and a lost card's number are asked for without echo; a wrong card ends with 2, ^C with 1."""
    add(kiosk, 0)
    new = invented_insz(78).digits
    code, seen = on_a_terminal(config, ["holder", "replace-insz", "1"], [("INSZ", new)])
    assert (code, new in seen) == (0, False)
    code, seen = on_a_terminal(config, ["badge", "revoke", "-"], [("card", card(0))])
    assert (code, card(0) in seen) == (0, False)
    blank = [("INSZ", CANARY_INSZ.digits), ("name", ""), ("language", ""), ("enterprise number", "")]
    code, seen = on_a_terminal(config, ["badge", "add"], [("card", "zz"), *blank])
    assert code == 2
    code, seen = on_a_terminal(config, ["badge", "add"], [("card", "\x03")])
    assert (code, "Traceback" in seen) == (1, False)


def test_a_list_of_another_system_is_previewed_before_anything_changes(kiosk: Kiosk, tmp_path: Path) -> None:
    """The doubt stands on standard error, what the list would become on standard output; the option then takes it."""
    file = tmp_path / "list.csv"
    rows = (f"{invented_card(number).identifier[::-1].hex()};{invented_insz(number).digits}" for number in range(3))
    file.write_text("\n".join(["card;insz", *rows]))
    refused = kiosk("badge", "import", str(file))
    assert (refused.code, "byte-reversed" in refused.err, "--written reversed" in refused.err) == (2, True, True)
    preview = kiosk("badge", "import", str(file), "--preview")
    assert preview.code == 0
    assert "byte-reversed: 3 of 3" in preview.err
    assert invented_card(2).masked in preview.out
    assert told(kiosk("badge", "list", "--json"))["items"] == []
    done = kiosk("badge", "import", str(file), "--written", "reversed", "--json")
    assert [item["card"] for item in told(done)["items"]] == [invented_card(number).masked for number in range(3)]


def test_badge_enrol_takes_the_next_card(config: Path, kiosk: Kiosk, box: Running) -> None:
    """Told who it is for, it waits for a card; the one that is laid on then is his badge, and was no tap."""
    words = [sys.executable, "-m", "kiosk", "--config", str(config), "badge", "enrol", "--reader", "gate", "--json"]
    person = json.dumps({"insz": CANARY_INSZ.digits, "name": "Typed"}).encode()
    verb = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert verb.stdin is not None
    verb.stdin.write(person)
    verb.stdin.close()
    until(lambda: box.ask("tap", card=CANARY_CARD.identifier.hex())["signal"] == "enrolled", "no card is waited for")
    assert verb.stdout is not None
    enrolled = json.loads(verb.stdout.read())
    verb.stdout.close()
    assert verb.wait(30) == 0
    assert (enrolled["id"], enrolled["card"], enrolled["technology"]) == (1, CANARY_CARD.masked, "simulated")
    assert told(kiosk("outbox", "list", "--json"))["items"] == []
    assert told(kiosk("tap", CANARY_CARD.identifier.hex(), "--json"))["signal"] == "in"
    assert CANARY_CARD.masked in kiosk("badge", "list").out


def test_badge_enrol_needs_a_daemon(kiosk: Kiosk) -> None:
    """Without a daemon nobody reads cards: it says so."""
    ran = kiosk("badge", "enrol", stdin=json.dumps({"insz": CANARY_INSZ.digits}))
    assert (ran.code, "no daemon answers" in ran.err) == (1, True)


def test_an_enrolment_that_is_broken_off_leaves_no_trap(kiosk: Kiosk, box: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ^C the daemon waits for no card: the next worker's card is a tap."""
    ask, asked = control.ask, list[str]()

    def broken_off(path: Path, call: str, params: Mapping[str, object], **more: float) -> dict[str, object]:
        asked.append(call)
        if call == "badge enrol":
            raise KeyboardInterrupt
        return ask(path, call, params, **more)

    monkeypatch.setattr(control, "ask", broken_off)
    assert kiosk("badge", "enrol", stdin=json.dumps({"insz": CANARY_INSZ.digits})).code == 1
    assert asked == ["badge enrol", "badge enrol-stop"]


def test_doctor_card_explains_the_next_card(config: Path, kiosk: Kiosk, box: Running) -> None:
    """Through the running daemon: masked, known or not, and no tap; the number in full only where it is asked for."""
    add(kiosk, 0)
    words = [sys.executable, "-m", "kiosk", "--config", str(config), "doctor", "card", "--json", "--reveal"]
    verb = subprocess.Popen(words, stdout=subprocess.PIPE)
    until(lambda: box.ask("tap", card=card(0))["signal"] == "unreadable", "no card is waited for")
    assert verb.stdout is not None
    explained = json.loads(verb.stdout.read())
    verb.stdout.close()
    assert verb.wait(30) == 0
    assert (explained["known"], explained["holder"], explained["technology"]) == ("yes", 1, "simulated")
    assert explained["written"]["reversed"] == invented_card(0).identifier[::-1].hex().upper()


def test_doctor_card_without_a_daemon_needs_a_reader(kiosk: Kiosk) -> None:
    """A simulated reader alone has nothing that a card can be laid on: it says so."""
    ran = kiosk("doctor", "card")
    assert (ran.code, "no card can be laid on a simulated reader" in ran.err) == (2, True)


def test_an_explanation_that_is_broken_off_leaves_no_trap(kiosk: Kiosk, box: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ^C the daemon waits for no card: the next worker's card is a tap."""
    ask, asked = control.ask, list[str]()

    def broken_off(path: Path, call: str, params: Mapping[str, object], **more: float) -> dict[str, object]:
        asked.append(call)
        if call == "doctor card":
            raise KeyboardInterrupt
        return ask(path, call, params, **more)

    monkeypatch.setattr(control, "ask", broken_off)
    assert kiosk("doctor", "card").code == 1
    assert asked == ["doctor card", "badge enrol-stop"]


@pytest.mark.parametrize("laid", [True, False])
def test_doctor_card_without_a_daemon_reads_by_the_reader_itself(
    config: Path, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, *, laid: bool
) -> None:
    """Where no daemon runs the configured reader is opened for one card, before and after there is a store."""
    text = config.read_text().replace('driver = "simulated"', 'driver = "keyboard"\nmatch = "/dev/input/by-id/x"')
    config.write_text(text)
    wedge = Wedge()
    monkeypatch.setattr("hardware.keyboard.grab", wedge.open)
    monkeypatch.setattr("kiosk.cli.doctor._CARD_SECONDS", 20.0 if laid else 0.1)
    for known in (None, "yes") if laid else ():
        wedge.insert(invented_card(0).identifier)
        explained = told(kiosk("doctor", "card", "--json"))
        assert (explained["card"], explained["known"]) == (invented_card(0).masked, known)
        add(kiosk, 0)
    if not laid:
        ran = kiosk("doctor", "card")
        assert (ran.code, "no card was laid on within 0.1 s" in ran.err) == (1, True)
    wedge.close()


def test_doctor_card_says_what_is_wrong_with_the_reader(config: Path, kiosk: Kiosk) -> None:
    """A device that is no keyboard is told by its reader's name."""
    config.write_text(config.read_text().replace('driver = "simulated"', 'driver = "keyboard"\nmatch = "/dev/null"'))
    ran = kiosk("doctor", "card")
    assert ran.code == 1
    assert "reader gate: /dev/null: is no input device" in ran.err


# --- the book


ROW = {
    "id", "state", "direction", "tapped_at", "registration_date", "registration_id",
    "confirmed_at", "validity", "remarks", "reason", "attempts",
}  # fmt: skip


def test_the_book_is_listed_and_shown(kiosk: Kiosk, box: Running) -> None:
    """Each row has the promised fields, times with Z, INSZ masked; a state narrows the list."""
    add(kiosk, 0)
    assert kiosk("outbox", "list").out == "nothing in the book\n"
    kiosk("tap", card(0))
    (row,) = told(kiosk("outbox", "list", "--json"))["items"]
    assert set(row) >= ROW
    assert (row["id"], row["state"], row["direction"], row["registration_id"], row["remarks"]) == (1, "queued", "in", None, [])
    assert RFC3339.fullmatch(row["tapped_at"])
    assert row["tapped_at"] == row["registration_date"]
    assert told(kiosk("outbox", "list", "--state", "queued", "--json"))["items"] == [row]
    assert told(kiosk("outbox", "list", "--state", "held", "--json"))["items"] == []
    assert kiosk("outbox", "list", "--state", "lost").code == 2
    shown = told(kiosk("outbox", "show", "1", "--json"))
    assert set(shown) >= ROW
    assert invented_insz(0).digits not in json.dumps(shown)
    assert kiosk("outbox", "show", "1").out.startswith("id: 1\nstate: queued\n")
    assert kiosk("outbox", "show", "2").code == 1


def test_a_long_book_is_listed_whole(kiosk: Kiosk, box: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the daemon tells in pieces is put together."""
    monkeypatch.setattr("kiosk.desk.book._MOST", 2)
    add(kiosk, *range(5))
    for number in range(5):
        kiosk("tap", card(number))
    listed = told(kiosk("outbox", "list", "--json"))
    assert [row["id"] for row in listed["items"]] == [1, 2, 3, 4, 5]
    assert len(kiosk("outbox", "list", "--state", "queued").out.splitlines()) == 6


def test_the_book_is_amended_only_where_the_rules_allow(kiosk: Kiosk, box: Running) -> None:
    """A queued row can be cancelled with a reason and nothing else; a cancelled one is final."""
    add(kiosk, 0)
    kiosk("tap", card(0))
    for words in ("retry 1", "release 1", "release 1 --group", "resolve 1 --absent", "resolve 1 --found 7"):
        ran = kiosk("outbox", *words.split())
        assert (ran.code, ran.out) == (1, ""), words
    assert kiosk("outbox", "cancel", "1").code == 2
    cancelled = told(kiosk("outbox", "cancel", "1", "--reason", "tapped by mistake", "--json"))
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "tapped by mistake")
    assert kiosk("outbox", "cancel", "1", "--reason", "again").code == 1
    for words in ("resolve 1", "resolve 1 --absent --found 7"):
        assert kiosk("outbox", *words.split()).code == 2


def test_present_says_who_is_here_and_what_it_can_not_know(kiosk: Kiosk, box: Running) -> None:
    """Name, where, since when, which reader; nobody is said too."""
    add(kiosk, 0)
    assert "nobody" in kiosk("present").out
    kiosk("tap", card(0))
    here = told(kiosk("present", "--json"))
    ((one,), count) = here["items"], here["here"]
    assert (one["name"], one["standing"], one["reader"], count) == ("Person 0", "here", "gate", 1)
    text = kiosk("present").out
    assert text.startswith("1 here\n")
    assert presence.CANNOT_KNOW in text


# --- without a daemon


def test_verbs_do_the_same_without_a_daemon(kiosk: Kiosk, config: Path) -> None:
    """Roster and book are there for the verbs also while the daemon is down, and the daemon then knows what they did."""
    add(kiosk, 0)
    with running(config) as run:
        assert run.ask("tap", card=card(0))["signal"] == "in"
    before = told(kiosk("outbox", "list", "--json"))
    assert before["items"][0]["state"] == "queued"
    told(kiosk("badge", "revoke", "1", "--json"))
    with running(config) as run:
        assert run.ask("tap", card=card(0))["signal"] == "revoked"


def test_what_is_urgent_is_read_first(kiosk: Kiosk, config: Path) -> None:
    """Overdue, then the shortest time left, then what has no last day; as JSON by ascending id."""
    add(kiosk, 0)
    with running(config):
        pass
    now_ms = time.time_ns() // 1_000_000
    with open_store(config.parent, key=bytes(32)) as database:
        for row, days in enumerate((None, 10, 25, 40), 1):
            about_ms = None if days is None else now_ms - days * 24 * 3_600_000
            work = partial(open_task, kind=TaskKind.MISSING_OUT, book=1, at_ms=now_ms, registration=row, about_ms=about_ms)
            database.write(work)
    lines = kiosk("tasks").out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "4", "3", "2", "1"]
    assert [line.count("OVERDUE") for line in lines] == [0, 1, 0, 0, 0]
    assert [task["id"] for task in told(kiosk("tasks", "--json"))["items"]] == [1, 2, 3, 4]


def test_a_sheet_is_written_for_its_owner_alone(kiosk: Kiosk, config: Path) -> None:
    """A page or JSON, printed or in a new file with mode 0600; masked, unless a reason says why not."""
    add(kiosk, 0)
    with running(config) as run:
        run.ask("tap", card=card(0))
    with open_store(config.parent, key=bytes(32)) as database:
        database.write(partial(open_task, kind=TaskKind.MISSING_OUT, book=1, at_ms=1, registration=1, holder=1))
    assert kiosk("tasks", "sheet", "1", "--lang", "fr").out.startswith('<!DOCTYPE html>\n<html lang="fr">')
    out = config.parent / "sheet.html"
    assert kiosk("tasks", "sheet", "1", "--out", str(out)).code == 0
    assert (out.stat().st_mode & 0o777, out.read_text().startswith("<!DOCTYPE html>")) == (0o600, True)
    assert invented_insz(0).digits not in out.read_text()
    again = kiosk("tasks", "sheet", "1", "--out", str(out))
    assert (again.code, "is there already" in again.err) == (2, True)
    assert kiosk("tasks", "sheet", "1", "--reveal").code == 2
    shown = told(kiosk("tasks", "sheet", "1", "--reveal", "--reason", "asked for by the inspectorate", "--json"))
    assert shown["person"] == {"holder": 1, "insz": invented_insz(0).digits, "name": "Person 0"}
    assert kiosk("tasks", "sheet", "2").code == 1


def test_a_reading_verb_makes_no_store(kiosk: Kiosk, config: Path) -> None:
    """Only what writes may begin a store; looking says how one comes about."""
    for words in (("badge", "list"), ("outbox", "list"), ("present",), ("holder", "show", "1")):
        ran = kiosk(*words)
        assert (ran.code, "no store yet" in ran.err) == (2, True)
    assert not (config.parent / "kiosk.db").exists()


def test_a_store_that_somebody_holds_who_does_not_answer_is_told(kiosk: Kiosk, config: Path) -> None:
    """Neither daemon nor store can be had: both are said, exit 1."""
    add(kiosk, 0)
    with open_store(config.parent, key=bytes(32)):
        ran = kiosk("badge", "list")
    assert ran.code == 1
    assert "another process holds this store" in ran.err
    assert "no daemon answers" in ran.err


def test_a_socket_that_nobody_serves_is_no_daemon(kiosk: Kiosk, config: Path) -> None:
    """What a killed daemon left behind does not keep the verbs from the store."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(config.parent / "kiosk.sock"))
    assert add(kiosk, 0)["items"][0]["id"] == 1


# --- check, run, simulator


def test_check_tells_what_is_wrong_with_its_repair(kiosk: Kiosk) -> None:
    """As text and as JSON: a key that is none is wrong, exit 2."""
    ran = kiosk("check", "--json")
    assert ran.code == 2
    report = json.loads(ran.out)
    assert report["ok"] is False
    assert {"subject", "grade", "told", "repair"} == set(report["items"][0])
    text = kiosk("check")
    assert text.code == 2
    assert "wrong   client key" in text.out
    assert "repair: " in text.out


def test_check_passes_a_good_box(kiosk: Kiosk, config: Path) -> None:
    """With a true key pair there is nothing wrong: exit 0."""
    key, certificate = config.parent / "client.key.pem", config.parent / "client.cert.pem"
    key.unlink()
    make_client_key(key, certificate, company="Invented NV", now=datetime.now(UTC))
    named = change(('"client.key.pem"', '"client.key.pem"\ncertificate = "client.cert.pem"'), text=TRAINING)
    config.write_text(named, encoding="utf-8")
    assert told(kiosk("check", "--json"))["ok"] is True
    assert kiosk("check").code == 0


def test_run_is_the_daemon(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exit code is the verb's."""
    monkeypatch.setattr("kiosk.daemon.run", lambda config, _environ: 1 if config.readers[0].driver is Driver.SIMULATED else 0)
    assert kiosk("run").code == 1


def test_the_simulator_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """It prints where it is, as JSON, with the authority to trust, and ends with 0."""
    make_client_key(tmp_path / "key.pem", tmp_path / "cert.pem", company="Invented NV", now=datetime.now(UTC))
    words = ["--state", str(tmp_path), "--client", f"x={tmp_path / 'cert.pem'}", "--fault", "cut_after_commit=0.5", "--json"]
    with subprocess.Popen([sys.executable, "-m", "kiosk", "simulator", *words], stdout=subprocess.PIPE) as serving:
        assert serving.stdout is not None
        where = json.loads(serving.stdout.readline())
        assert where["api_url"].startswith("https://127.0.0.1:")
        assert Path(where["ca_file"]).exists()
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 0


def test_a_double_that_is_started_anew_gives_out_no_id_again(kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its rows are gone; in the book of the kiosk that it served, an id that came twice would stay unknown for ever."""
    first_ids: list[int] = []

    def run(options: Options) -> int:
        with Simulator(options.state_dir, behaviour=options.behaviour) as simulator:
            answer = simulator.ledger.register([item()])[0]
        first_ids.append(answer["createdPresenceRegistration"]["id"])
        return 0

    monkeypatch.setattr("kiosk.simulator.run.run", run)
    for _ in range(2):
        assert kiosk("simulator", "--state", str(tmp_path)).code == 0
    assert 0 < first_ids[0] < first_ids[1]


@pytest.mark.parametrize(
    "words",
    [
        ("--client", "x"),
        ("--client", "=file"),
        ("--client", "x=/nowhere.pem"),
        ("--fault", "earthquake=1"),
        ("--fault", "drip=often"),
        ("--fault", "drip=2"),
        (),
    ],
)
def test_the_simulator_says_what_it_can_not_use(kiosk: Kiosk, words: tuple[str, ...]) -> None:
    """A client, a fault or a chance in another form, or no folder: exit 2."""
    with tempfile.TemporaryDirectory() as folder:
        assert kiosk("simulator", *words, *(["--state", folder] if words else [])).code == 2


def test_a_clock_behind_is_lifted_to_the_newest_trusted_tap(config: Path, kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a daemon, to that second, and never again once it stands there; the one who sets it is a stand-in."""
    lifted: list[int] = []
    monkeypatch.setattr("kiosk.lifting.set_system_clock", lifted.append)
    assert json.loads(kiosk("clock", "lift", "--json").out)["lifted"] is False
    kiosk("badge", "add", stdin=json.dumps(line_fields(invented_line(0))))
    with running(config) as daemon:
        daemon.ask("tap", card=invented_card(0).identifier.hex())
    assert json.loads(kiosk("clock", "lift", "--json").out)["lifted"] is False
    monkeypatch.setattr("kiosk.timekeeper.wall_clock", lambda: 0)
    told = json.loads(kiosk("clock", "lift", "--json").out)
    assert (told["lifted"], told["from"], len(lifted)) == (True, "1970-01-01T00:00:00Z", 1)
    assert "lifted from 1970-01-01T00:00:00Z" in kiosk("clock", "lift").out


def test_a_site_is_moved_in_words_and_in_json(kiosk: Kiosk, config: Path) -> None:
    """A place that can't be meant and a number that is none change nothing; what was moved is told, with what to do next."""
    for words, told in (
        (("4.3670, 50.8466",), "PLACE: latitude and longitude are exchanged"),
        (("Brussels",), "PLACE: write latitude and longitude in decimal degrees"),
        (("51.2, 4.4", "--declaration", "1Y"), "--declaration: "),
    ):
        refused = kiosk("site", "move", *words)
        assert (refused.code, told in refused.err) == (2, True), refused
    assert "latitude = 50.8466" in config.read_text()
    moved = kiosk("site", "move", "51.2172, 4.4211", "--declaration", "1Y102M7NZF7PZ")
    assert (moved.code, "It registers for 1Y102M7NZF7PZ" in moved.out) == (0, True)
    told = json.loads(kiosk("site", "move", "50.8466, 4.3670", "--json").out)
    assert told == {
        "from": {"latitude": 51.2172, "longitude": 4.4211},
        "to": {"latitude": 50.8466, "longitude": 4.367},
        "declaration": None,
        "open_stays": [],
    }
