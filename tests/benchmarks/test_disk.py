"""What a tap asks of the disk, counted at the C library: on a card every sync is slow and every byte is wear."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.benchmarks.counted_taps import BURST, Calls
from tests.benchmarks.table import Figure, Table

_TAPS = 500
_BURSTS = 10
_BYTES_GOAL, _BYTES_LIMIT = 7_000, 10_000
_ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.benchmark


@dataclass(frozen=True)
class _Counted:
    """Every tap by itself, and every burst as a whole."""

    taps: list[Calls]
    bursts: list[Calls]


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory, compiled: Callable[..., Path]) -> _Counted:
    """Run the taps once, in a process whose calls are counted."""
    library = compiled("storage_calls.c", "-shared", "-fPIC")
    ran = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.counted_taps", tmp_path_factory.mktemp("store"), str(_TAPS), str(_BURSTS)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    found = json.loads(ran.stdout)
    return _Counted(*([Calls(**each) for each in found[kind]] for kind in ("taps", "bursts")))


def _told_apart(each: list[Calls]) -> tuple[list[Calls], list[Calls]]:
    """Those without a checkpoint, and those with one or right after one, where the WAL begins anew with a synced header."""
    plain: list[Calls] = []
    checkpoints: list[Calls] = []
    after = False
    for calls in each:
        (checkpoints if calls.store_syncs or after else plain).append(calls)
        after = calls.store_syncs > 0
    return plain, checkpoints


def test_a_tap_is_durable_by_one_sync(counted: _Counted, table: Table) -> None:
    """Each tap waits for exactly one sync; only a checkpoint adds one of WAL and store, and one of the WAL that begins anew."""
    plain, checkpoints = _told_apart(counted.taps)
    assert {(calls.journal_syncs, calls.store_syncs, calls.other_syncs) for calls in plain} == {(1, 0, 0)}
    for calls in checkpoints:
        assert calls.journal_syncs <= 2
        assert calls.store_syncs <= 1
        assert calls.other_syncs == 0
    rounds = sum(calls.store_syncs for calls in checkpoints)
    assert sum(calls.journal_syncs for calls in counted.taps) <= _TAPS + 2 * rounds
    every = sum(calls.journal_syncs + calls.store_syncs for calls in counted.taps)
    table.judge(
        Figure(
            quantity="T3 syncs per tap, between checkpoints",
            measured=sum(calls.journal_syncs + calls.store_syncs + calls.other_syncs for calls in plain) / len(plain),
            goal=1,
            limit=1,
            against=f"{rounds} checkpoints in {_TAPS} taps; {every / _TAPS:.3f} with theirs",
        )
    )


def test_a_burst_is_committed_together(counted: _Counted, table: Table) -> None:
    """Five taps at once, on a disk as slow as a card: at most two commits."""
    plain, _ = _told_apart(counted.bursts)
    commits = [calls.journal_syncs for calls in plain]
    assert min(commits) >= 1
    mean = sum(commits) / len(commits)
    table.judge(
        Figure(
            quantity=f"T3 syncs per burst of {BURST}, the worst",
            measured=max(commits),
            goal=2,
            limit=2,
            digits=0,
            against=f"{mean:.1f} on average of {len(plain)} bursts",
        )
    )


def test_what_a_tap_writes(counted: _Counted, table: Table) -> None:
    """What the pages of one tap come to, in the WAL and at the checkpoints."""
    journal = sum(calls.journal_bytes for calls in counted.taps) / _TAPS
    store = sum(calls.store_bytes for calls in counted.taps) / _TAPS
    assert journal > 0
    table.judge(
        Figure(
            quantity="T4 bytes written per tap",
            measured=journal + store,
            goal=_BYTES_GOAL,
            limit=_BYTES_LIMIT,
            digits=0,
            against=f"WAL {journal:.0f}, store {store:.0f}",
        )
    )
