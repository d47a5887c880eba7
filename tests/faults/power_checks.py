"""Opens what a power cut left, by the way on which the daemon opens it, and holds it against what was promised before.

usage: python -m tests.faults.power_checks RECORDING STATES PART PARTS

Checks its part of the states of one recording, and prints a ``Report`` as JSON.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kiosk.database import Database
from kiosk.opening import House
from kiosk.records import unpack_draft
from kiosk.vault import Field
from tests.faults.power_disk import CERTAIN, CHANCY, Cut, Disk
from tests.faults.power_promises import Promises
from tests.faults.power_records import Recorded, read_recorded
from tests.faults.power_scenarios import Scenario
from tests.faults.power_stage import LATE_COMER, Stage, at, open_watched
from tests.worlds import START_MS, Time

_SEED: Final = 20261125
#: In one of so many states the store is opened once more, to see that the next tap is durable too.
_OPENED_AGAIN: Final = 8
#: Moments that are neither before nor after a sync, in one playing of a record.
_ELSEWHERE: Final = 20
#: A record with few moments gives the same states again and again: that many playings are enough.
_MOST_ROUNDS: Final = 4_000
_MONTH_SECONDS: Final = 30 * 86_400
#: Of the ways in which a moment is cut, so many in one playing: those that are certain, and others in turn.
_WAYS: Final = 4
_COMPLAINTS_KEPT: Final = 5
_ROWS_OF_V1: Final = 5


class Broken(AssertionError):
    """A promise that was not kept; the first word says which."""


@dataclass
class Report:
    """What came of the states.

    Attributes:
        states: How many by the way in which they were cut.
        points: The moments at which the power went.
        taps: Acknowledged taps that were looked for, over all states.
        lost: Those that were not there.
        broken: Broken promises by their first word.
        complaints: The first of them in full.
    """

    states: Counter[str] = field(default_factory=Counter)
    points: int = 0
    taps: int = 0
    lost: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def add(self, other: Report) -> None:
        """Take another part in."""
        self.states += other.states
        self.points += other.points
        self.taps += other.taps
        self.lost += other.lost
        self.broken += other.broken
        self.complaints += other.complaints


class Checker:
    """Checks the states of one recording.

    Args:
        recorded: The recording.
        place: Where states are made; best in memory.
    """

    def __init__(self, recorded: Sequence[Recorded], place: Path) -> None:
        self._all = recorded
        self._place = place
        self._thinned = 1.0
        self.report = Report()

    def run(self, wanted: int, part: int, parts: int) -> Report:
        """Check this part of so many states. Every moment of a scenario is cut at least once, of many openings some moments."""
        if len(self._all) > 1:
            moments = sum(each.is_moment(index) for each in self._all for index in range(len(each.entries)))
            self._thinned = wanted / (_WAYS * moments)
        rounds = 0
        while self.report.states.total() < wanted / parts and rounds < _MOST_ROUNDS:
            for recorded in self._all:
                self._round(recorded, rounds, wanted / parts, part, parts)
            rounds += 1
        return self.report

    def _round(self, recorded: Recorded, number: int, wanted: float, part: int, parts: int) -> None:
        """Play a record once, and cut it at every sync, before and after, and at some moment in between."""
        entries, said = recorded.entries, recorded.said
        disk, promises = Disk(recorded.store, recorded.before), Promises()
        chance = random.Random(f"{_SEED} {number} {recorded.store[-2:]} moments")  # noqa: S311  the same moments in every run
        commits = iter([*((at, each["holds"]) for at, each in said.items() if "holds" in each), (len(entries), None)])
        due, promises.coming = next(commits)
        promises.holds = None if recorded.scenario.fresh else promises.coming
        # What a salvage saves the first time it must save whenever it is cut and begun again.
        for each in said.values():
            if each.get("foreseen"):
                promises.hear(each)
        for index, entry in enumerate(entries):
            elsewhere = chance.random() < _ELSEWHERE / len(entries)
            wished = (recorded.is_moment(index) or elsewhere) and chance.random() < self._thinned
            if wished and index % parts == part:
                if number and self.report.states.total() >= wanted:
                    return
                self.report.points += not number
                self._cut(recorded, disk, promises, index, number)
            promises.hear(said.get(index, {}))
            if index == due:
                due, promises.coming = next(commits)
            disk.play(entry)

    def _cut(self, recorded: Recorded, disk: Disk, promises: Promises, index: int, number: int) -> None:
        turn = index % len(CHANCY)
        ways: tuple[Cut, ...] = CHANCY if number else (*CERTAIN, *(CHANCY[turn:] + CHANCY[:turn])[: _WAYS - len(CERTAIN)])
        if not disk.has_pending():
            ways = () if number else (Cut.KEPT,)
        seen = set()
        for how in ways:
            files = disk.cut(how, random.Random(f"{_SEED} {index} {how} {number}"))  # noqa: S311  the same cuts in every run
            found = hash(tuple(sorted(files.items())))
            if found not in seen:
                seen.add(found)
                self.report.states[how.value] += 1
                self._judge(recorded, files, promises, f"{recorded.store}, entry {index}, {how}, round {number}")

    def _judge(self, recorded: Recorded, files: dict[str, bytes], promises: Promises, where: str) -> None:
        self.report.taps += len(promises.tapped)
        try:
            self._check(recorded, files, promises, again=self.report.states.total() % _OPENED_AGAIN == 0)
        except Exception as error:  # noqa: BLE001  whatever goes wrong when a store is opened is what is looked for
            word = str(error).split(":")[0] if isinstance(error, Broken) else "unusable"
            self.report.broken[word] += 1
            if len(self.report.complaints) < _COMPLAINTS_KEPT:
                told = str(error) if isinstance(error, Broken) else traceback.format_exc()
                self.report.complaints.append(f"{where}: {told}")

    def _check(self, recorded: Recorded, files: dict[str, bytes], promises: Promises, *, again: bool) -> None:
        left = [name for name, content in files.items() if any(secret in content for secret in promises.gone)]
        _demand(not left, f"forgotten: a person was let go, and {left} still hold what was known of him")
        with tempfile.TemporaryDirectory(dir=self._place) as folder:
            for name, content in files.items():
                (Path(folder) / name).write_bytes(content)
            self._expect_kept(recorded.scenario, Path(folder))
            config = at(recorded.config, Path(folder) / "kiosk.db")
            time = Time()
            newest_ms = max([START_MS, *(wall_ms for _, wall_ms in promises.tapped.values())])
            time.pass_seconds((newest_ms - START_MS) // 1000 + _MONTH_SECONDS)
            with open_watched() as found, Stage(config, time=time) as stage:
                _expect_whole(stage.house.database)
                self._expect_promised(stage, recorded.scenario, promises)
                _expect_held(found[0], promises)
                number = _tap(stage, promises)
            names = {path.name for path in Path(folder).iterdir()} - {"kiosk.db", "kiosk.db.lock"}
            strange = {name for name in names if not name.startswith(recorded.scenario.leaves)}
            _demand(not strange, f"strange: {strange}")
            if again:
                with Stage(config, time=time) as stage:
                    _demand(number in _rows(stage.house), "next: the tap after the cut is gone")

    def _expect_kept(self, scenario: Scenario, folder: Path) -> None:
        """What a store was before it took a step of the schema lies beside it, whole, as soon as the step counts."""
        if not (scenario.accepted and (folder / "kiosk.db").exists()):
            return
        for name in ("kiosk.db", "kiosk.db-wal"):
            if (folder / name).exists():
                shutil.copy(folder / name, self._place / name)
        kept = folder / "kiosk.db.schema-1"
        if _asked(self._place / "kiosk.db", "PRAGMA user_version") > 1:
            _demand(kept.exists(), "kept: a store took a step, and what it was before is gone")
            _demand(_asked(kept, "SELECT count(*) FROM registrations") == _ROWS_OF_V1, "kept: what a store was before is not whole")

    def _expect_promised(self, stage: Stage, scenario: Scenario, promises: Promises) -> None:
        rows = _rows(stage.house)
        for number, (_, key, state, registration_id) in rows.items():
            if state == "accepted":
                known = registration_id in (promises.accepted.get(key), *scenario.accepted)
                _demand(known, f"false: registration {number} is accepted and nobody said so")
            _demand(key not in promises.sent or state == "unknown", f"again: registration {number} was sent and is {state}")
        missing = [number for number, told in promises.tapped.items() if rows.get(number, [None])[0] != told]
        self.report.lost += len(missing)
        _demand(not missing, f"lost: acknowledged registrations {missing}")


def _expect_held(found: str, promises: Promises) -> None:
    if promises.holds is not None:
        _demand(found in (promises.holds, promises.coming), "mixed: the store holds neither the last commit nor the next")


def _asked(path: Path, sql: str) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(sql).fetchone()[0])


def _demand(kept: object, promise: str) -> None:
    if not kept:
        raise Broken(promise)


def _rows(house: House) -> dict[int, tuple[tuple[str, int], str, str, int | None]]:
    """Every registration by its number: what was acknowledged, what the service knows it by, its state, the service's number."""
    sql = "SELECT id, direction, wall_ms, uid, sealed, state, registration_id FROM registrations ORDER BY id"
    found: dict[int, tuple[tuple[str, int], str, str, int | None]] = {}
    for number, direction, wall_ms, uid, sealed, state, registration_id in house.database.read(lambda c: c.execute(sql).fetchall()):
        draft = unpack_draft(house.vault.open(Field.REGISTRATION, uid, sealed))
        key = f"{draft.ssin.digits} {draft.direction.value} {draft.at_ms // 1000}"
        found[number] = ((direction, wall_ms), key, state, registration_id)
    return found


def _expect_whole(database: Database) -> None:
    def work(connection: sqlite3.Connection) -> Iterator[object]:
        yield from connection.execute("PRAGMA quick_check").fetchall()
        yield from connection.execute("PRAGMA foreign_key_check").fetchall()

    said = database.read(lambda c: list(work(c)))
    _demand(said == [("ok",)], f"damaged: {said}")


def _tap(stage: Stage, promises: Promises) -> int:
    """The next tap is taken, under a number that nobody ever had."""
    stage.enrol(LATE_COMER)
    answer = stage.tap(LATE_COMER)
    _demand(answer.ids, f"next: a tap after the cut is {answer.signal}")
    _demand(answer.ids[0] > max(promises.newest, *promises.tapped, 0), f"number: {answer.ids[0]} was given before")
    return answer.ids[0]


def main(folder: Path, wanted: int, part: int, parts: int) -> None:
    """Check one part."""
    logging.disable(logging.CRITICAL)  # a salvaged store says so, thousands of times
    place = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place, prefix="kiosk-cuts-") as states:
        json.dump(vars(Checker(read_recorded(folder), Path(states)).run(wanted, part, parts)), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
