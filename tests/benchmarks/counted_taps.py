"""Taps in a process of its own, with ``storage_calls.c`` before libc: prints what each tap and each burst asked of the disk.

usage: python -m tests.benchmarks.counted_taps FOLDER TAPS BURSTS
"""

from __future__ import annotations

import ctypes
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Barrier, Thread
from typing import Final

from tests.benchmarks.stage import Stage

BURST: Final = 5
#: As slow as a card's sync: long enough that every tap of a burst stands in line when the first is durable.
_SLOW_US: Final = 50_000


class _Counts(ctypes.Structure):
    _fields_ = (("syncs", ctypes.c_longlong), ("writes", ctypes.c_longlong), ("bytes", ctypes.c_longlong))


@dataclass(frozen=True)
class Calls:
    """What was asked of the disk.

    Attributes:
        journal_syncs: Of the WAL, which every commit waits for.
        store_syncs: Of the database file: one at each checkpoint.
        other_syncs: Of anything else.
        journal_bytes: Written to the WAL.
        store_bytes: Written to the database file.
    """

    journal_syncs: int
    store_syncs: int
    other_syncs: int
    journal_bytes: int
    store_bytes: int

    def since(self, before: Calls) -> Calls:
        """The difference."""
        return Calls(*(now - then for now, then in zip(asdict(self).values(), asdict(before).values(), strict=True)))


def _calls() -> Calls:
    journal, store, other = (_Counts * 3).in_dll(ctypes.CDLL(None), "storage_calls")
    return Calls(journal.syncs, store.syncs, other.syncs, journal.bytes, store.bytes)


def _slow(microseconds: int) -> None:
    ctypes.c_int.in_dll(ctypes.CDLL(None), "storage_delay_us").value = microseconds


def _tap(stage: Stage, holder: int) -> Calls:
    before = _calls()
    assert stage.tap(holder).ids
    return _calls().since(before)


def _burst(stage: Stage, first: int) -> Calls:
    together = Barrier(BURST)

    def tap(holder: int) -> None:
        together.wait()
        assert stage.tap(holder).ids

    threads = [Thread(target=tap, args=(first + each,)) for each in range(BURST)]
    before = _calls()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return _calls().since(before)


def main(folder: Path, taps: int, bursts: int) -> None:
    """Tap one by one, then in bursts on a slow disk; every holder once."""
    with Stage(folder) as stage:
        alone = [_tap(stage, holder) for holder in range(taps)]
        _slow(_SLOW_US)
        together = [_burst(stage, taps + BURST * each) for each in range(bursts)]
        _slow(0)
    json.dump({"taps": [asdict(each) for each in alone], "bursts": [asdict(each) for each in together]}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
