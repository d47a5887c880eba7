"""kiosk.control lets the daemon's own user ask it anything it knows, and nobody else anything at all."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, Event, Thread

import pytest

from kiosk import control
from kiosk.control import Call, ControlServer, ask
from kiosk.errors import Declined, KioskError, NoDaemon, StoreFull, UsageError
from tests.people import CANARY_INSZ, CANARY_NAME
from tests.stores import NOBODY, PATIENCE_SECONDS, as_nobody, needs_root, until

Params = Mapping[str, object]


def echo(params: Params) -> Params:
    return {"echo": dict(params)}


@contextmanager
def serving(path: Path, **calls: Call) -> Iterator[ControlServer]:
    """Serve these calls, and ``echo``, as the daemon does."""
    server, stop = ControlServer(path, {"echo": echo, **calls}), Event()
    thread = Thread(target=server.run, args=(stop,))
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        server.close()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@contextmanager
def connected(path: Path) -> Iterator[socket.socket]:
    """Speak to the socket without the verbs' own client."""
    with socket.socket(socket.AF_UNIX) as connection, control._short(path) as address:
        connection.settimeout(PATIENCE_SECONDS)
        connection.connect(address)
        yield connection


def said(path: Path, request: bytes) -> object:
    """Send raw bytes and give the answer, or None if there was none."""
    with connected(path) as connection, connection.makefile("rwb") as lines:
        lines.write(request)
        lines.flush()
        line = lines.readline()
    return json.loads(line) if line else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kiosk.sock"


def test_a_question_is_answered(path: Path) -> None:
    """What a call returns comes back as it was, in whatever script, and so does the next."""
    with serving(path):
        for params in ({}, {"name": CANARY_NAME, "lines": [{"id": 1, "none": None}]}, {"half": "\ud800"}):
            assert ask(path, "echo", params) == {"echo": params}


def test_nobody_else_may_touch_the_socket(path: Path) -> None:
    """Under the usual umask the socket is its owner's alone, and the umask is as it was before."""
    mask = os.umask(0o022)
    try:
        with serving(path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert os.umask(0o022) == 0o022
    finally:
        os.umask(mask)


@pytest.mark.parametrize(("folder", "name"), [("f" * 100, "kiosk.sock"), ("f" * 200, "s" * 200), ("", "s" * 255)])
def test_every_path_works(tmp_path: Path, folder: str, name: str) -> None:
    """A path longer than a Unix address may be, in its folders or in its last part, serves like a short one."""
    path = tmp_path / folder / name
    path.parent.mkdir(exist_ok=True)
    assert len(bytes(path)) > 108
    with serving(path):
        assert ask(path, "echo", {"a": 1}) == {"echo": {"a": 1}}
    assert list(path.parent.iterdir()) == []


def test_nothing_is_left_behind(path: Path) -> None:
    """After close the socket is gone, a second close is harmless, and a verb is told that no daemon answers."""
    with serving(path) as server:
        assert [file.name for file in path.parent.iterdir()] == ["kiosk.sock"]
    server.close()
    assert list(path.parent.iterdir()) == []
    with pytest.raises(NoDaemon, match="no daemon answers") as nobody:
        ask(path, "echo", {})
    assert "kiosk run" in str(nobody.value)


def test_the_socket_of_a_dead_daemon_is_replaced(path: Path) -> None:
    """What a killed daemon left answers nobody, and does not keep the next one from starting."""
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    with pytest.raises(NoDaemon, match="Connection refused"):
        ask(path, "echo", {})
    with serving(path):
        assert ask(path, "echo", {}) == {"echo": {}}


def test_a_file_in_its_place_is_kept(path: Path) -> None:
    """A mistyped path that names the store, or any file that is no socket, is refused and the file is as it was."""
    path.write_text("precious")
    with pytest.raises(UsageError, match=r"\[control\] socket: .*kiosk.sock: something else lies there"):
        ControlServer(path, {})
    assert path.read_text() == "precious"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """A socket that can't be made is a mistake of configuration, told with key, path and reason."""
    with pytest.raises(UsageError, match=r"\[control\] socket: .*nowhere/kiosk.sock: No such file or directory"):
        ControlServer(tmp_path / "nowhere" / "kiosk.sock", {})


@needs_root
def test_a_folder_that_is_not_ours_is_named() -> None:
    """Likewise where the daemon's user may not write."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with as_nobody(), pytest.raises(UsageError, match="Permission denied"):
            ControlServer(Path(folder) / "kiosk.sock", {})


STRANGER = (
    "import os, sys; from pathlib import Path; from kiosk.control import ask; from kiosk.errors import KioskError\n"
    f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
    "try:\n"
    "    print(ask(Path(sys.argv[1]), 'echo', {}))\n"
    "except KioskError as error:\n"
    "    print(type(error).__name__, str(error))\n"
)


def asked_by_a_stranger(path: Path) -> str:
    """Ask from a process of another user."""
    done = subprocess.run([sys.executable, "-c", STRANGER, path], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_root
@pytest.mark.parametrize(
    ("mode", "words"),
    [(0o600, r"UsageError .*this user may not speak to the daemon\n"), (0o666, r"NoDaemon .*the daemon closed the connection\n")],
)
def test_another_user_gets_no_answer(mode: int, words: str) -> None:
    """By the socket's mode, and were that loosened by the kernel's word on who asks, another user is refused, with the repair."""
    asked: list[Params] = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "kiosk.sock"
        with serving(path, echo=lambda params: asked.append(params) or {}):  # type: ignore[func-returns-value]  # append gives None
            path.chmod(mode)
            answer = asked_by_a_stranger(path)
    assert asked == []
    assert re.match(words + "  repair: run the verb as the daemon's user", answer)


@pytest.mark.parametrize(
    "request_line",
    [
        b"\n",
        b"status\n",
        b"{\n",
        b"null\n",
        b"5\n",
        b'"call"\n',
        b"[]\n",
        b"{}\n",
        b'{"call": "echo"}\n',
        b'{"params": {}}\n',
        b"\xff\xfe\n",
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_garbage_is_answered_as_wrong_usage(path: Path, request_line: bytes) -> None:
    """What is no call is told so, by the kind of error that a verb ends with 2 on; the next is served."""
    with serving(path):
        answer = said(path, request_line)
        assert isinstance(answer, dict)
        assert answer["error"]["kind"] == "usage"
        assert "one JSON object a line" in answer["error"]["message"]
        assert ask(path, "echo", {}) == {"echo": {}}


@pytest.mark.parametrize(
    "request_line",
    [
        b'{"call": "drop tables", "params": {}}\n',
        b'{"call": ["echo"], "params": {}}\n',
        b'{"call": null, "params": {}}\n',
        b'{"call": "echo", "params": []}\n',
        b'{"call": "echo", "params": null}\n',
    ],
)
def test_an_unknown_call_is_answered_as_wrong_usage(path: Path, request_line: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A call that this daemon does not know (a verb of another version) is told so, and is no trouble of the daemon's."""
    with serving(path):
        answer = said(path, request_line)
    assert isinstance(answer, dict)
    assert answer["error"]["kind"] == "usage"
    assert "installed version" in answer["error"]["repair"]
    assert caplog.records == []


def test_json_too_deep_for_python_is_no_end(path: Path) -> None:
    """A line that nests deeper than any reader goes is refused, and the next is served."""
    with serving(path):
        answer = said(path, b"[" * 200_000 + b"\n")
        assert isinstance(answer, dict)
        assert "error" in answer
        assert ask(path, "echo", {}) == {"echo": {}}


def test_an_endless_line_is_cut_off(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line longer than any verb's is not kept in memory: the connection is closed without an answer, the next is served."""
    monkeypatch.setattr(control, "_LONGEST_LINE", 100_000)
    with serving(path):
        with connected(path) as connection, pytest.raises(OSError, match=r"Broken pipe|reset by peer"):
            send_for_ever(connection)
        with pytest.raises(NoDaemon):
            ask(path, "echo", {"long": "x" * 10_000_000})
        assert ask(path, "echo", {"long": "x" * 50_000}) == {"echo": {"long": "x" * 50_000}}


def send_for_ever(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"x" * 65536)


def test_a_long_line_arrives_whole(path: Path) -> None:
    """An import of many badges is one line of megabytes, and so may be an answer."""
    params = {"lines": "é" * 1_000_000}
    with serving(path):
        assert ask(path, "echo", params) == {"echo": params}


def test_a_verb_that_leaves_early_harms_nobody(path: Path) -> None:
    """A verb that goes before it asked, in the middle of asking, or before its answer, is no trouble to the next."""
    inside, leave = Event(), Event()

    def slow(_: Params) -> Params:
        inside.set()
        assert leave.wait(PATIENCE_SECONDS)
        return {"long": "x" * 10_000_000}

    with serving(path, slow=slow):
        with connected(path):
            pass
        with connected(path) as connection:
            connection.sendall(b'{"call": "ec')
        with connected(path) as connection:
            connection.sendall(b'{"call": "slow", "params": {}}\n')
            assert inside.wait(PATIENCE_SECONDS)
        leave.set()
        for _ in range(40):
            assert ask(path, "echo", {}) == {"echo": {}}


def test_sixteen_are_served_at_once_and_more_in_turn(path: Path) -> None:
    """Sixteen calls that wait for each other all come through together, and those beyond wait their turn and are served."""
    together = Barrier(16)
    most: list[int] = []
    running: list[int] = []

    def meet(_: Params) -> Params:
        running.append(1)
        most.append(len(running))
        together.wait(PATIENCE_SECONDS)
        running.pop()
        return {"met": True}

    answers: list[object] = []
    with serving(path, meet=meet):
        verbs = [Thread(target=lambda: answers.append(ask(path, "meet", {}))) for _ in range(48)]
        for verb in verbs:
            verb.start()
        for verb in verbs:
            verb.join(PATIENCE_SECONDS)
    assert answers == [{"met": True}] * 48
    assert max(most) <= 16


def test_who_finds_no_place_in_time_is_turned_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While sixteen calls hang, the next is refused after a while instead of hanging too; when one ends there is room again."""
    monkeypatch.setattr(control, "_PATIENCE_SECONDS", 0.05)
    leave = Event()
    waiting: list[int] = []

    def hang(_: Params) -> Params:
        waiting.append(1)
        assert leave.wait(PATIENCE_SECONDS)
        return {}

    with serving(path, hang=hang):
        verbs = [Thread(target=ask, args=(path, "hang", {})) for _ in range(16)]
        for verb in verbs:
            verb.start()
        until(lambda: len(waiting) == 16)
        with pytest.raises(NoDaemon):
            ask(path, "echo", {})
        leave.set()
        for verb in verbs:
            verb.join(PATIENCE_SECONDS)
        assert ask(path, "echo", {}) == {"echo": {}}


@pytest.mark.parametrize(
    ("raised", "arrives"),
    [
        (UsageError("no such file", repair="name another"), UsageError),
        (Declined("in flight", repair="try again"), Declined),
        (StoreFull("no room", repair="free space"), KioskError),
        (KioskError("broken", repair=None), KioskError),
    ],
)
def test_an_error_travels_with_its_kind(path: Path, raised: KioskError, arrives: type[KioskError]) -> None:
    """A verb ends with the code that the daemon's error stands for, and shows its words and its repair."""

    def fail(_: Params) -> Params:
        raise raised

    with serving(path, fail=fail), pytest.raises(KioskError) as caught:
        ask(path, "fail", {})
    assert type(caught.value) is arrives
    assert (caught.value.message, caught.value.repair) == (raised.message, raised.repair)


def test_the_words_of_a_foreign_exception_stay_inside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of an exception that is not ours only the kind leaves, since its words may hold a person; the daemon goes on."""

    def fail(_: Params) -> Params:
        raise ValueError(f"cannot parse {CANARY_INSZ.digits}")

    with serving(path, fail=fail):
        answer = said(path, b'{"call": "fail", "params": {}}\n')
        assert CANARY_INSZ.digits not in json.dumps(answer)
        with pytest.raises(KioskError, match=r"the call failed in the daemon \(ValueError\)") as caught:
            ask(path, "fail", {})
        assert type(caught.value) is KioskError
        assert ask(path, "echo", {}) == {"echo": {}}
    assert [record.getMessage() for record in caplog.records] == ["a call failed", "a call failed"]


def test_an_answer_that_is_no_json_is_the_calls_failure(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A call that returns what can't be written is told as failed like any other, without what it returned."""
    with (
        serving(path, odd=lambda _: {"person": CANARY_INSZ}),
        pytest.raises(KioskError, match=r"failed in the daemon \(TypeError\)"),
    ):
        ask(path, "odd", {})
    assert len(caplog.records) == 1


@pytest.mark.parametrize("line", [b"220 mail ready\r\n", b"[]\n", b"{}\n", b'{"error": 5}\n', b'{"error": {"kind": []}}\n'])
def test_another_program_on_the_socket_is_named(path: Path, line: bytes) -> None:
    """When something else answers there, the verb says so instead of failing on its words."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(line)

        thread = Thread(target=answer)
        thread.start()
        with pytest.raises(NoDaemon, match="another program answers there"):
            ask(path, "echo", {})
        thread.join(PATIENCE_SECONDS)


def test_a_daemon_that_hangs_is_not_waited_for(path: Path) -> None:
    """A verb waits as long as it said, and says that the time is up."""
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(path))
        deaf.listen()
        with pytest.raises(NoDaemon, match="time is up"):
            ask(path, "echo", {}, timeout=0.05)


def test_a_socket_that_fails_ends_the_serving(path: Path) -> None:
    """Without stop, a socket that can't accept any more is raised: the daemon must not live on deaf."""
    server = ControlServer(path, {})
    server._socket.shutdown(socket.SHUT_RDWR)
    with pytest.raises(OSError, match="Invalid argument"):
        server.run(Event())
    server.close()
