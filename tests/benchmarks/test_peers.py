"""One durable record of 200 bytes: this kiosk's whole tap, and what well-known Python queues take for a bare put, as shipped.

Some of them are not durable as shipped: with synchronous=NORMAL a power cut takes what was acknowledged last. That is told
beside their figure, since a ratio below the floor of one sync can mean nothing else.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils

from kiosk.model import Signal
from tests.benchmarks.floor import Floor
from tests.benchmarks.rounds import compare, seconds_of
from tests.benchmarks.stage import Stage
from tests.benchmarks.table import Figure, Table

_ROUNDS, _PIECES = 5, 60
_RECORD = bytes(200)
#: T2: a tap against sqlite-utils as shipped. The build fails past the second.
_GOAL, _LIMIT = 0.20, 0.60

Put = Callable[[], object]

pytestmark = pytest.mark.benchmark


def _sqlite_utils(folder: Path, stack: ExitStack) -> Put:
    database = stack.enter_context(closing(sqlite_utils.Database(folder / "queue.db")))
    queue = database.table("queue")
    return lambda: queue.insert({"record": _RECORD})


def _persist_queue(folder: Path, stack: ExitStack) -> Put:
    library: Any = importlib.import_module("persistqueue")
    queue = library.SQLiteAckQueue(str(folder), auto_commit=True)
    stack.callback(queue.close)
    return lambda: queue.put(_RECORD)


def _huey(folder: Path, stack: ExitStack) -> Put:
    library: Any = importlib.import_module("huey.storage")
    queue = library.SqliteStorage("queue", filename=str(folder / "queue.db"))
    stack.callback(queue.close)
    return lambda: queue.enqueue(_RECORD)


def _litequeue(folder: Path, stack: ExitStack) -> Put:
    library: Any = importlib.import_module("litequeue")
    queue = library.LiteQueue(str(folder / "queue.db"))
    stack.callback(queue.conn.close)
    text = _RECORD.hex()[:200]
    return lambda: queue.put(text)


def _diskcache(folder: Path, stack: ExitStack) -> Put:
    library: Any = importlib.import_module("diskcache")
    queue = library.Deque(directory=str(folder))
    stack.callback(queue.cache.close)
    return lambda: queue.append(_RECORD)


#: Name, module, how to build it, and what its documentation or source says of a power cut.
_PEERS: tuple[tuple[str, str, Callable[[Path, ExitStack], Put], str], ...] = (
    ("sqlite-utils", "sqlite_utils", _sqlite_utils, "DELETE journal"),
    ("persist-queue", "persistqueue", _persist_queue, "WAL, synchronous by the build"),
    ("huey", "huey", _huey, "WAL, synchronous by the build"),
    ("litequeue", "litequeue", _litequeue, "NOT durable: synchronous=NORMAL"),
    ("diskcache", "diskcache", _diskcache, "NOT durable: synchronous=NORMAL"),
)


@contextmanager
def _contestants(disk: Path) -> Iterator[dict[str, Put]]:
    """Whoever is installed, each with a store of its own, and the kiosk with one tap after the other."""
    with ExitStack() as stack:
        stage = stack.enter_context(Stage(disk))
        holders = iter(range(_ROUNDS * _PIECES))

        def tap() -> None:
            assert stage.tap(next(holders)).signal is Signal.IN

        puts: dict[str, Put] = {"kiosk": tap}
        for name, module, build, _ in _PEERS:
            if importlib.util.find_spec(module) is not None:
                folder = disk / name
                folder.mkdir()
                puts[name] = build(folder, stack)
        yield puts


def test_a_tap_against_bare_queues(disk: Path, compiled: Callable[..., Path], table: Table) -> None:
    """T2: looked up, decided, sealed and durable in less time than sqlite-utils as shipped takes for one bare insert."""
    times: dict[str, list[float]] = {}
    floor = []
    with _contestants(disk) as puts, Floor(compiled("append_and_sync.c"), disk / "floor") as bare:
        for _ in range(_ROUNDS):
            floor.append(bare.seconds(_PIECES))
            for name, put in puts.items():
                seconds = seconds_of(lambda put=put: [put() for _ in range(_PIECES)])  # type: ignore[misc]  # a default binds the loop's value
                times.setdefault(name, []).append(seconds)
    for name, _, _, promise in (("kiosk", "", None, "the whole tap, durable"), *_PEERS):
        if name not in times:
            table.judge(Figure(quantity=f"peer {name}", measured=float("nan"), against="not installed: not measured"))
            continue
        found = compare(times[name], floor, pieces=_PIECES)
        table.judge(
            Figure(quantity=f"put, {name}", measured=found.ratio, unit="x", against=f"{promise}; C append + fsync: {found}")
        )
    found = compare(times["kiosk"], times["sqlite-utils"], pieces=_PIECES)
    table.judge(
        Figure(
            quantity="T2 tap against sqlite-utils as shipped",
            measured=found.ratio,
            unit="x",
            goal=_GOAL,
            limit=_LIMIT,
            against=str(found),
        )
    )
