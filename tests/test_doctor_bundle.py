from __future__ import annotations

import io
import json
import stat
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kiosk.check import Grade
from kiosk.config import load
from kiosk.doctor import bundle
from kiosk.doctor.bundle import ask, collect, versions, write
from kiosk.doctor.grading import fine, red
from kiosk.errors import UsageError
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.configs import read
from tests.people import CANARY


def silent(_command: Sequence[str]) -> None:
    """A system without any of its tools."""


def unpacked(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert {(each.uid, each.gid, each.uname, each.gname, each.mode) for each in members} == {(0, 0, "", "", 0o600)}
        opened = {each.name.removeprefix("kiosk-support/"): archive.extractfile(each) for each in members}
        return {name: file.read() for name, file in opened.items() if file is not None}


def documents(files: dict[str, bytes]) -> dict[str, Any]:
    return {name: json.loads(content) for name, content in files.items() if name.endswith(".json")}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    folder = tmp_path / "box"
    folder.mkdir()
    with Simulator(tmp_path / "service") as simulator, Box(folder, simulator) as made:
        yield made.provision()


def test_the_bundle_of_a_running_box_has_everything(box: Box, tmp_path: Path) -> None:
    """Findings, configuration, status, log and versions; only its owner may read it."""
    box.start()
    box.enrol([CANARY])
    box.tap(CANARY.card)
    box.settle()
    path = tmp_path / "bundle.tar.gz"
    ran = box.verb("doctor", "--bundle", str(path), "--log", str(box.log))
    assert ran.code == 0, ran
    assert str(path) in ran.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    files = unpacked(path)
    found = documents(files)
    assert set(files) == {"README.txt", "log.jsonl", *found}
    assert {"token", "health"} <= {each["subject"] for each in found["findings.json"]["items"]}
    assert found["config.json"]["service"]["client_id"] == "...456"
    assert found["status.json"]["accepted"] == 1
    assert found["book.json"] is None
    taps = [line for line in map(json.loads, files["log.jsonl"].decode().splitlines()) if line["event"] == "tap"]
    assert [(line["signal"], line["ids"]) for line in taps] == [("in", [1])]


def test_without_a_daemon_the_book_is_counted(box: Box, tmp_path: Path) -> None:
    """The store is opened for the counts alone; before there is one there are none."""
    config = load(box.config, {})
    assert documents(collect([], config, log=None, run=silent))["book.json"] is None
    box.enrol([CANARY])
    found = documents(collect([], config, log=None, run=silent))
    assert found["status.json"] is None
    assert found["book.json"]["queued"] == 0
    (box.folder / "store.key").write_bytes(bytes(32))
    assert documents(collect([], config, log=None, run=silent))["book.json"] is None


def test_messages_are_masked_and_the_place_stays_on_the_box(tmp_path: Path) -> None:
    """Numbers of employers are cut, folders have names, and what the address search told is left out."""
    config = read(tmp_path)
    findings = [
        red("permission for 0206731645", f"{tmp_path}/kiosk.db: 1Y1003SQ5VSSZ", "y"),
        fine("addresses", "Wetstraat 16"),
        fine("position", "50.8466, 4.367"),
    ]
    (only,) = documents(collect(findings, config, log=None, run=silent))["findings.json"]["items"]
    assert only == {"subject": "permission for ...645", "grade": Grade.WRONG, "told": "<store>/kiosk.db: ...SSZ", "repair": "y"}


def test_a_configuration_that_can_not_be_read_has_its_bundle_too(box: Box, tmp_path: Path) -> None:
    """That is when help is needed most: the mistakes are in it, and the verb exits 2 as always."""
    box.config.write_text("[site]\nnam = 1\n", encoding="utf-8")
    path = tmp_path / "bundle.tar.gz"
    ran = box.verb("doctor", "--bundle", str(path))
    assert ran.code == 2
    found = documents(unpacked(path))
    assert found["config.json"] is None
    assert "site.nam" in found["findings.json"]["items"][0]["told"]


def test_the_journal_is_asked_where_no_log_is_named(tmp_path: Path) -> None:
    """Its last lines, of our unit; a system without one has none."""
    asked: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> str:
        asked.append(command)
        return '{"room": "kiosk.daemon", "event": "tap"}\nfrom somebody else\n'

    files = collect([], read(tmp_path), log=None, run=run)
    assert json.loads(files["log.jsonl"]) == {"room": "kiosk.daemon", "event": "tap"}
    assert [command[0] for command in asked] == ["pcscd", "systemctl", "journalctl"]
    assert collect([], None, log=None, run=silent)["log.jsonl"] == b""


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the option it was named by."""
    with pytest.raises(UsageError, match="--log"):
        collect([], None, log=tmp_path / "none.log", run=silent)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """A file that is there stays as it is; a folder that is not there is told."""
    (tmp_path / "old").write_text("mine", encoding="ascii")
    for path in (tmp_path / "old", tmp_path / "none" / "new"):
        with pytest.raises(UsageError, match="--bundle"):
            write(path, {"a": b""})
    assert (tmp_path / "old").read_text(encoding="ascii") == "mine"


def test_versions_are_told_of_everything_that_counts() -> None:
    """Ours, each part's, and the system's; what is not there is null."""
    found = versions(lambda command: f"{command[0]} 1.2\nmore")
    assert (found["pcscd"], found["systemd"]) == ("pcscd 1.2", "systemctl 1.2")
    packages = found["packages"]
    assert isinstance(packages, dict)
    assert packages["httpx"] is not None
    assert versions(silent)["pcscd"] is None
    assert bundle._packages(("httpx>=0.28.1", 'nfcpy>=1.0.4; extra == "contactless"')) == {"httpx", "nfcpy"}


def test_a_tool_that_is_missing_or_fails_says_nothing() -> None:
    """The bundle goes on without it."""
    assert ask(("echo", "1.2")) == "1.2\n"
    assert ask(("false",)) is None
    assert ask(("no-such-tool-anywhere",)) is None


def test_the_bundle_is_a_plain_archive(tmp_path: Path) -> None:
    """Any tool opens it."""
    write(tmp_path / "b.tar.gz", {"a.txt": b"x"})
    with tarfile.open(fileobj=io.BytesIO((tmp_path / "b.tar.gz").read_bytes()), mode="r:gz") as archive:
        assert archive.getnames() == ["kiosk-support/a.txt"]
