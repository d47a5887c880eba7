"""What one registration costs on its way out, and that a backlog of months drains as fast per row as one of a morning."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kiosk.contact import Pace
from kiosk.delivery import Delivery
from kiosk.line import DeliverySettings
from kiosk.model import State
from kiosk.outbox import Outbox, tally
from tests.benchmarks.eager import Eager
from tests.benchmarks.rounds import Comparison, best, compare, seconds_of
from tests.benchmarks.stage import Stage
from tests.benchmarks.table import Figure, Table

_BATCH = 200
_SMALL = 1_000
_ROUNDS = 20
_GOAL = _LIMIT = 1.2
#: Against the least there is; 6 us a row were wanted, of a queue that seals, chains and looks up nothing.
_UPDATE_LIMIT = 1_500

pytestmark = pytest.mark.benchmark


_NEVER_LATE = 500_000


class _Drain:
    """Delivery on one stage, driven step by step."""

    def __init__(self, stage: Stage) -> None:
        self._service = Eager()
        # None is late: a search for other channels adds the same to each late row, but only the large backlog has many.
        settings = DeliverySettings(batch_size=_BATCH, late_after_minutes=_NEVER_LATE, pace=Pace(start_jitter_seconds=0))
        self._delivery = Delivery(Outbox(stage.database, stage.vault, stage.book), lambda: self._service, stage.clock, settings)

    def take(self, rows: int) -> None:
        """Deliver so many rows, a multiple of the batch."""
        until = self._service.accepted + rows
        while self._service.accepted < until:
            assert self._delivery.step() == 0
        assert self._service.accepted == until


def _filled(folder: Path, rows: int) -> Path:
    """A store with a batch more than these rows: the first batch warms up whoever drains it."""
    folder.mkdir()
    with Stage(folder) as stage:
        stage.fill(rows + _BATCH)
    return folder


def _copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))


def _drained_small(source: Path, scratch: Path) -> float:
    """Seconds for the whole small backlog, in a store made afresh."""
    with Stage(_copied(source, scratch)) as stage:
        drain = _Drain(stage)
        drain.take(_BATCH)
        seconds = seconds_of(lambda: drain.take(_SMALL))
    shutil.rmtree(scratch)
    return seconds


def _slope(small: Path, large: Path, scratch: Path, *, rounds: int, piece: int) -> Comparison:
    """Drain rows of the large backlog in rounds, and between them a small one each."""
    scratch.mkdir()
    with Stage(_copied(large, scratch / "large")) as stage:
        drain = _Drain(stage)
        drain.take(_BATCH)
        ours, floor = [], []
        for _ in range(rounds):
            floor.append(_drained_small(small, scratch / "small"))
            ours.append(seconds_of(lambda: drain.take(piece)))
        counts = stage.database.read(lambda connection: tally(connection, stage.book)).counts
    assert counts[State.ACCEPTED] == rounds * piece + _BATCH
    assert counts[State.IN_FLIGHT] == 0
    shutil.rmtree(scratch)
    return compare(ours, floor, pieces=piece, floor_pieces=_SMALL)


@pytest.mark.parametrize(
    ("rows", "piece"),
    [
        pytest.param(100_000, 1_000, id="100k"),
        # To its end, so that nearly a million sent rows lie ahead of the last ones.
        pytest.param(1_000_000, 50_000, id="1M", marks=[pytest.mark.long, pytest.mark.timeout(3600)]),
    ],
)
def test_a_large_backlog_drains_as_fast_per_row_as_a_small_one(disk: Path, table: Table, rows: int, piece: int) -> None:
    """Claimed, unsealed, accepted and settled in calls of 200: a row of the large backlog costs at most 1.2 times one of 1,000."""
    small, large = _filled(disk / "of-1k", _SMALL), _filled(disk / "of-many", rows)
    found = best(lambda: _slope(small, large, disk / "scratch", rounds=_ROUNDS, piece=piece), goal=_GOAL)
    table.judge(
        Figure(
            quantity=f"T5 drain per row, backlog of {rows:,}",
            measured=found.ratio,
            unit="x",
            goal=_GOAL,
            limit=_LIMIT,
            against=f"backlog of {_SMALL:,}: {found}",
        )
    )


class _Updates:
    """The least that any drain does: one UPDATE a row, in memory, with nothing sealed, asked or synced."""

    def __init__(self, rows: int) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute("CREATE TABLE queue (id INTEGER PRIMARY KEY, state TEXT, sealed BLOB)")
        self._connection.executemany("INSERT INTO queue (state, sealed) VALUES ('queued', ?)", [(bytes(200),)] * rows)
        self._next = 1

    def take(self, rows: int) -> None:
        """Mark so many rows sent, a transaction for each batch."""
        for first in range(self._next, self._next + rows, _BATCH):
            self._connection.execute("BEGIN IMMEDIATE")
            ids = [(number,) for number in range(first, first + _BATCH)]
            self._connection.executemany("UPDATE queue SET state = 'sent' WHERE id = ?", ids)
            self._connection.execute("COMMIT")
        self._next += rows

    def close(self) -> None:
        self._connection.close()


def test_a_row_that_drains_against_a_bare_update(disk: Path, table: Table) -> None:
    """T5: unsealed, claimed, answered and settled durably, told in UPDATEs of one process in memory."""
    rows = 5 * _SMALL
    with Stage(disk) as stage, closing(_Updates(rows)) as updates:
        stage.fill(rows + _BATCH)
        drain = _Drain(stage)
        drain.take(_BATCH)
        ours, floor = [], []
        for _ in range(rows // _SMALL):
            floor.append(seconds_of(lambda: updates.take(_SMALL)))
            ours.append(seconds_of(lambda: drain.take(_SMALL)))
    found = compare(ours, floor, pieces=_SMALL)
    table.judge(
        Figure(
            quantity="T5 drain per row",
            measured=found.ratio,
            unit="x",
            limit=_UPDATE_LIMIT,
            digits=0,
            against=f"UPDATE in memory: {found}",
        )
    )
