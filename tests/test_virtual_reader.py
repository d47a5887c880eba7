from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hardware import virtual_reader
from hardware.virtual_reader import READER_NAME, VirtualReader

ROOT = Path(__file__).parents[1]


def listens(port: int) -> bool:
    """Whether somebody listens there, without calling: a call would be a card."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)


def test_it_starts_quickly_and_leaves_nothing_behind() -> None:
    """Within a few seconds at most pcscd takes clients; at the end process, ports and directory are gone."""
    with VirtualReader() as readers:
        pid, directory = readers.pid, readers.directory
        assert Path(f"/proc/{pid}/comm").read_text() == "pcscd\n"
        assert READER_NAME in readers.log
        assert readers.env == {"PCSCLITE_CSOCK_NAME": str(directory / "run/pcscd/pcscd.comm")}
        assert listens(readers._port)
        readers.insert(b"\x04\x01\x02\x03")
    assert not Path(f"/proc/{pid}").exists()
    assert not directory.exists()
    assert not listens(readers._port)
    readers.close()


def test_two_run_side_by_side() -> None:
    """Each has its own socket and ports, so that test runs may share a machine."""
    with VirtualReader() as one, VirtualReader() as other:
        assert one.socket != other.socket
        assert one._port != other._port
        card = one.insert(b"\x04\x01\x02\x03")
        assert card.powered.wait(5)
        assert one.pid != other.pid


def test_a_taken_port_is_left_to_its_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody took the ports between choice and start, another pair is tried."""
    free = virtual_reader._free_ports
    with socket.socket() as owner:
        owner.bind(("0.0.0.0", 0))
        owner.listen()
        choices = [owner.getsockname()[1]]
        monkeypatch.setattr(virtual_reader, "_free_ports", lambda: choices.pop() if choices else free())
        with VirtualReader() as readers:
            assert readers.insert(b"\x04\x01\x02\x03").powered.wait(5)


def test_no_free_port_shows_the_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where every port is taken it gives up with pcscd's own words, and leaves nothing behind."""
    with socket.socket() as owner:
        owner.bind(("0.0.0.0", 0))
        owner.listen()
        monkeypatch.setattr(virtual_reader, "_free_ports", lambda: owner.getsockname()[1])
        with pytest.raises(RuntimeError, match=r"(?s)no free port.*init failed"), VirtualReader(tmp_path / "pcsc"):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a pair of which both are free will do."""
    roll = random.SystemRandom.randrange
    with socket.socket() as owner:
        owner.bind(("0.0.0.0", 0))
        taken = owner.getsockname()[1]
        choices = [taken, taken - 1]
        monkeypatch.setattr(
            random.SystemRandom, "randrange", lambda dice, *limits: choices.pop() if choices else roll(dice, *limits)
        )
        assert virtual_reader._free_ports() not in {taken, taken - 1}
        assert choices == []


def test_a_tap_is_seen_and_leaves_the_reader_empty() -> None:
    """A tap lasts until pcscd has seen the card; the reader is empty before the next, also on the second reader."""
    with VirtualReader() as readers:
        for slot in (0, 1):
            readers.tap(b"\x04\x01\x02\x03", 0.1, slot=slot)
            assert readers.log.count(f"Card inserted into {READER_NAME} 00 0{slot}") == 1
            assert readers.log.count(f"Card Removed From {READER_NAME} 00 0{slot}") == 1


def test_a_tap_that_pcscd_does_not_see_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test never goes on as if a card had been seen."""
    with VirtualReader() as readers:
        monkeypatch.setattr(virtual_reader, "PATIENCE", 0.2)
        readers.vanish()
        with pytest.raises(RuntimeError, match=r"(?s)did not look at the card.*its log:.*pcsc-lite"):
            readers.tap(b"\x04\x01\x02\x03")


def test_pulled_readers_are_put_back() -> None:
    """Without its plug nobody listens for cards; `reset` repairs that, a dead pcscd and a forgotten card."""
    with VirtualReader() as readers:
        readers.vanish()
        assert not listens(readers._port)
        assert READER_NAME not in readers.log
        readers.return_()
        assert listens(readers._port)
        pid = readers.pid
        readers.reset()
        assert readers.pid == pid
        readers.vanish()
        readers.reset()
        assert listens(readers._port)
        readers.kill_pcscd()
        readers.insert(b"\x04\x01\x02\x03")
        readers.reset()
        assert listens(readers._port)
        assert "Card inserted" not in readers.log


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root may start it as somebody else; the other tests here run as an ordinary user"
)
def test_it_runs_as_another_user() -> None:
    """Started by root for an ordinary user, pcscd is that user's."""
    with VirtualReader(user=65534) as readers:
        assert Path(f"/proc/{readers.pid}").stat().st_uid == 65534
        assert readers.insert(b"\x04\x01\x02\x03").powered.wait(5)


def test_a_killed_pcscd_starts_again_and_finds_its_card() -> None:
    """A card that lies there is powered by the next pcscd as well; one that is dead answers nobody."""
    with VirtualReader() as readers:
        card = readers.insert(b"\x04\x01\x02\x03")
        assert card.powered.wait(5)
        readers.kill_pcscd()
        assert readers.pid is None
        card.powered.clear()
        readers.start_pcscd()
        assert card.powered.wait(5)


def test_a_pcscd_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    """Whoever must repair it reads what pcscd or the shell said."""
    with VirtualReader(tmp_path / "pcsc") as readers:
        readers.kill_pcscd()
        (readers.directory / "run" / "pcscd").rename(readers.directory / "elsewhere")
        (readers.directory / "run").rmdir()
        with pytest.raises(RuntimeError, match=r"(?s)pcscd did not start; its log:.*mount"):
            readers.start_pcscd()


def test_it_ends_with_the_run_that_started_it() -> None:
    """A test run that is killed leaves no pcscd behind."""
    script = (
        "import hardware.virtual_reader as v; r = v.VirtualReader().__enter__(); print(r.pid, r.directory, flush=True); input()"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        pid, directory = run.stdout.readline().split()
        assert Path(f"/proc/{pid}/comm").read_text() == "pcscd\n"
        run.send_signal(signal.SIGKILL)
    end = time.monotonic() + 10
    while running(int(pid)) and time.monotonic() < end:
        time.sleep(0.01)
    assert not running(int(pid))
    subprocess.run(["rm", "-r", directory], check=True)


def running(pid: int) -> bool:
    """Whether this process still runs; an orphan that nobody has reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_without_pcscd_it_fails_with_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without the virtual reader is told what to install, and nothing is skipped."""
    assert virtual_reader.missing() is None
    monkeypatch.setattr(virtual_reader, "DRIVER", tmp_path / "none.so")
    with (
        pytest.raises(RuntimeError, match="apt-get install --no-install-recommends pcscd vsmartcard-vpcd"),
        VirtualReader(tmp_path),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
