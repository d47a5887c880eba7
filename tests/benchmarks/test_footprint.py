"""What the running daemon takes of a small machine: what it has imported when the first tap is recorded, and its memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.model import State
from kiosk.simulator import Simulator
from tests.benchmarks.table import Figure, Table
from tests.box import QUICK_SERVICE, Box
from tests.people import invented_card, invented_line
from tests.stores import until

_TAPS = 200
#: Megabytes of 1,048,576 bytes.
_LIMIT_MB = 60
_HEAVY = {"httpx", "jwt", "sqlite_utils"}
_TAPPED = '"event": "tap"'
_IMPORTED = re.compile(r"import time: +\d+ \| +\d+ \| +([\w.]+)$", re.MULTILINE)

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, simulator: Simulator) -> Iterator[Box]:
    """A box whose store exists already: a pending migration may import what it needs."""
    with Box(tmp_path, simulator) as box:
        box.provision().enrol([invented_line(number) for number in range(_TAPS)])
        yield box


def test_the_first_tap_waits_for_nothing_heavy(box: Box, table: Table) -> None:
    """When the first tap is recorded, no part of httpx, jwt or sqlite_utils is imported yet."""
    # Every import is told on stderr as it ends, between our own lines. Chance must not let delivery begin first.
    box.environ = {"PYTHONPROFILEIMPORTTIME": "1"}
    box.service = QUICK_SERVICE.replace("start_jitter_seconds = 0", "start_jitter_seconds = 1000000")
    box.write_config()
    box.start()
    assert box.tap(invented_card(0))["signal"] == "in"
    until(lambda: _TAPPED in box.log.read_text())
    before, _, _ = box.log.read_text().partition(_TAPPED)
    imported = set(_IMPORTED.findall(before))
    assert {"kiosk.intake", "sqlite3"} <= imported
    heavy = {name for name in imported if name.partition(".")[0] in _HEAVY}
    assert not heavy
    table.judge(
        Figure(
            quantity="T12 heavy modules before the first tap",
            measured=len(heavy),
            goal=0,
            limit=0,
            digits=0,
            against=f"{len(imported)} modules in all",
        )
    )


def test_the_daemon_stays_small(box: Box, table: Table) -> None:
    """After 200 taps that were delivered over TLS the daemon takes at most 60 MB."""
    box.environ = {"PYTHONPATH": str(_as_on_a_box(box.folder / "as on a box"))}
    box.start()
    lean = _memory(box)
    for number in range(_TAPS):
        assert box.tap(invented_card(number))["signal"] == "in"
    assert box.settle()[State.ACCEPTED.value] == _TAPS
    busy = _memory(box)
    table.judge(
        Figure(quantity="T13 memory before the first delivery", measured=lean["Rss"], unit=" MB", digits=1, against=_shares(lean))
    )
    table.judge(
        Figure(
            quantity=f"T13 memory after {_TAPS} deliveries",
            measured=busy["Rss"],
            unit=" MB",
            goal=48,
            limit=_LIMIT_MB,
            digits=1,
            against=_shares(busy),
        )
    )


def _as_on_a_box(folder: Path) -> Path:
    """Hide what only the tests bring along: httpx loads rich for its command line wherever it is, and no box has it."""
    folder.mkdir()
    (folder / "rich.py").write_text('raise ImportError("no box has it")\n', encoding="ascii")
    return folder


def _memory(box: Box) -> dict[str, float]:
    """Megabytes by kind, as the kernel sums them up."""
    assert box.daemon is not None
    text = Path(f"/proc/{box.daemon.pid}/smaps_rollup").read_text(encoding="ascii")
    return {kind: int(kilobytes) / 1024 for kind, kilobytes in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}


def _shares(memory: dict[str, float]) -> str:
    return f"shared pages divided: {memory['Pss']:.1f} MB"
