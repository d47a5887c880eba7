"""Power cuts at every sync of the real store: what was acknowledged is there, nothing is sent again, the next tap is taken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from random import Random

import pytest

from tests.faults import power_again
from tests.faults.power_checks import Report
from tests.faults.power_disk import Cut, Disk, Entry
from tests.faults.power_records import list_recorded, read_recorded
from tests.faults.power_scenarios import SCENARIOS
from tests.faults.power_stage import configure

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_PARTS = 2
#: The power goes a second time, while a store recovers: of each scenario so many cuts are gone on with.
AGAIN, _EACH, _SHARE_AGAIN = "again", 3, 15

Record = Callable[..., Path]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Record]:
    """Record a scenario once, in memory where there is room."""
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc: what a store asks of the disk is recorded by a small C library")
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    options = ("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread")
    subprocess.run(["gcc", *options, "-o", library, _HERE / "recorder.c"], check=True)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory, prefix="kiosk-records-") as folder:
        once = cache(partial(_record, Path(folder), library))
        again = cache(partial(_record_again, once, Path(folder), library))
        yield lambda scenario, flaw="", each=_EACH: again(each) if scenario == AGAIN else once(scenario, flaw)


def _record(place: Path, library: Path, scenario: str, flaw: str = "") -> Path:
    """Prepare a scenario, run it before the eyes of the recorder, and keep what lay there at its beginning."""
    folder = place / f"{scenario} {flaw}"
    (folder / "box").mkdir(parents=True)
    config = configure(folder / "box")
    store = config.store.path.parent
    SCENARIOS[scenario].prepare(config)
    shutil.copytree(store, folder / "before")
    subprocess.run(
        [sys.executable, "-m", "tests.faults.power_scenarios", folder / "box", scenario, *([flaw] if flaw else [])],
        env=_recording(library, store, folder / "record"),
        cwd=_ROOT,
        check=True,
    )
    own = {"scenario": scenario, "config": config.path, "before": folder / "before", "store": store}
    list_recorded(folder, [{word: str(value) for word, value in own.items()}])
    return folder


def _record_again(record: Record, place: Path, library: Path, each: int) -> Path:
    """Cut every scenario but a few times, open what is left before the eyes of the recorder, and take a tap with it."""
    folder = place / f"again {each}"
    power_again.prepare([record(scenario, "") for scenario in SCENARIOS], folder, each)
    subprocess.run(
        [sys.executable, "-m", "tests.faults.power_again", folder],
        env=_recording(library, folder / "stores", folder / "record"),
        cwd=_ROOT,
        check=True,
    )
    return folder


def _recording(library: Path, folder: Path, log: Path) -> dict[str, str]:
    return _environment() | {"LD_PRELOAD": str(library), "RECORDER_FOLDER": str(folder), "RECORDER_LOG": str(log)}


def _environment() -> dict[str, str]:
    """Without what measures coverage: nothing runs there that the other tests don't measure, and it takes twice as long."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")} | {"PYTHONPATH": str(_ROOT)}


def _check(folder: Path, states: int, *, of: int = _PARTS) -> Report:
    """Cut a recording, on as many cores as the smallest box that runs these tests has; two of ``of`` parts are looked at."""
    command = [sys.executable, "-m", "tests.faults.power_checks", str(folder), str(states)]
    parts = [
        subprocess.Popen([*command, str(part), str(of)], env=_environment(), cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        for part in range(_PARTS)
    ]
    told = [each.communicate()[0] for each in parts]
    codes = [each.returncode for each in parts]
    assert codes == [0] * _PARTS, codes
    whole = Report()
    for found in map(json.loads, told):
        whole.add(Report(**found | {"states": Counter(found["states"]), "broken": Counter(found["broken"])}))
    return whole


@pytest.mark.parametrize("scenario", [*SCENARIOS, AGAIN])
def test_nothing_is_missing_in_a_record(record: Record, scenario: str) -> None:
    """Played back to its end, a record gives the files that really lie there, byte for byte."""
    for recorded in read_recorded(record(scenario)):
        disk = Disk(recorded.store, recorded.before)
        for entry in recorded.entries:
            disk.play(entry)
        there = {path.name: path.read_bytes() for path in Path(recorded.store).iterdir()}
        assert disk.cut(Cut.KEPT, Random(0)) == there  # noqa: S311  leaves nothing to chance


@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("states", [3_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_no_power_cut_takes_an_acknowledged_tap(record: Record, states: int) -> None:
    """Whatever the disk keeps of what was not synced: all promises hold, and the store is one commit or the next."""
    began, whole = time.monotonic(), Report()
    for name, share in {**{name: scenario.share for name, scenario in SCENARIOS.items()}, AGAIN: _SHARE_AGAIN}.items():
        report = _check(record(name, each=max(_EACH, states // 5_000)), states * share // 100)
        print(f"power cuts, {name}: {report.states.total()} states, {report.taps} taps looked for, broken: {dict(report.broken)}")  # noqa: T201  the figures of this run
        whole.add(report)
    print(  # noqa: T201  the figures of this run
        f"power cuts: {whole.states.total()} states at {whole.points} moments {dict(whole.states)}, {whole.taps} taps looked for,"
        f" {whole.lost} lost, {whole.broken.total()} broken promises, {time.monotonic() - began:.0f} s"
    )
    assert whole.broken == Counter(), "\n".join(whole.complaints)
    assert whole.states.total() >= states
    assert all(whole.states[how] for how in Cut)
    assert whole.taps > states


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("flaw", "scenario", "broken", "of"),
    [
        ("normal", "taps", "lost", 12),
        ("early", "taps", "lost", 12),
        pytest.param("normal", "batches", "again", 4, marks=pytest.mark.long),
    ],
)
def test_a_flaw_is_seen(record: Record, flaw: str, scenario: str, broken: str, of: int) -> None:
    """With commits that don't wait for the disk, or green before the commit, the harness complains."""
    report = _check(record(scenario, flaw), 300, of=of)
    print(f"power cuts with the flaw {flaw!r}, {scenario}: {report.states.total()} states, broken: {dict(report.broken)}")  # noqa: T201  the figures of this run
    assert report.broken[broken]


def _played(*entries: tuple[str, int, int, str, bytes]) -> Disk:
    disk = Disk("/box", {"old": b"o" * 1024})
    for kind, descriptor, number, path, data in entries:
        disk.play(Entry(kind, 1, descriptor, number, path, data))
    return disk


def test_what_was_synced_stays() -> None:
    """A synced write is in every state; a name that its folder was not synced for may be gone with all that was written there."""
    made = ("O", 3, os.O_CREAT, "/box/new", b""), ("W", 3, 0, "", b"n" * 10), ("S", 3, 0, "", b"")
    written = ("O", 4, 0, "/box/old", b""), ("W", 4, 0, "", b"w" * 1024), ("S", 4, 0, "", b"")
    folder = ("D", 5, 0, "/box", b""), ("S", 5, 0, "", b"")
    for how in Cut:
        left = _played(*made, *written).cut(how, Random(1))  # noqa: S311  the same in every run
        assert left["old"] == b"w" * 1024
        assert left.get("new") in (None, b"n" * 10)
        assert _played(*made, *folder).cut(how, Random(1))["new"] == b"n" * 10  # noqa: S311  the same in every run
    assert "new" not in _played(*made).cut(Cut.DROPPED, Random(1))  # noqa: S311  the same in every run


def test_what_was_not_synced_is_torn_at_sectors() -> None:
    """Of an unsynced write any sector may be there without the others, and a new size without its data, or these without that."""
    disk = _played(("O", 4, 0, "/box/old", b""), ("W", 4, 256, "", b"w" * 1024))
    torn = {disk.cut(Cut.TORN, Random(seed))["old"] for seed in range(300)}  # noqa: S311  the same in every run
    pieces = {(left[256:512].count(b"w"), left[512:1024].count(b"w"), left[1024:].count(b"w")) for left in torn}
    assert pieces == {(first, second, third) for first in (0, 256) for second in (0, 512) for third in (0, 256)}
    assert disk.cut(Cut.HOLLOW, Random(1))["old"] == b"o" * 1024 + bytes(256)  # noqa: S311  the same in every run
    assert {len(disk.cut(Cut.SHORT, Random(seed))["old"]) for seed in range(9)} == {1024}  # noqa: S311  the same in every run
    assert disk.cut(Cut.DROPPED, Random(1))["old"] == b"o" * 1024  # noqa: S311  the same in every run
    assert disk.cut(Cut.KEPT, Random(1))["old"] == b"o" * 256 + b"w" * 1024  # noqa: S311  the same in every run
