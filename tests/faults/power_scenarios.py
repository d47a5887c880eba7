"""What a power cut interrupts: each scenario prepares a store, and is then recorded in a process of its own.

usage: python -m tests.faults.power_scenarios FOLDER SCENARIO [FLAW]

A flaw spoils a promise on purpose, to prove that the harness sees it.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final

from kiosk import healing, store_file
from kiosk.anchors import Anchor
from kiosk.healing import Bearings
from kiosk.intake import Intake
from kiosk.model import Answer, Registration
from kiosk.obligations import Gate
from kiosk.retention import Caretaker
from kiosk.retention_settings import Retention
from kiosk.settings import Config
from kiosk.taps import Moment
from kiosk.verdicts import Ambiguous, Answered, CallRefused, CallVerdict, Misconfigured, NotCreated, NotNow, NotSent
from tests.faults.power_daemon import daemon
from tests.faults.power_stage import LATE_COMER, MINUTE, Stage, configure, mark
from tests.gatehouse import SITE, TOGGLE
from tests.people import CANARY_CARD, invented_card

V1: Final = Path(__file__).parent.parent / "databases" / "v1.db"
#: What the service had numbered when that was left behind.
_ACCEPTED_IN_V1: Final = frozenset({17_001, 17_002})
#: Of the 2,000 pages after which SQLite carries the log over, nearly all.
_NEARLY_FULL: Final = 1_960 * 1_048
BEARINGS: Final = Bearings(
    zone=SITE.zone,
    limits=SITE.limits,
    readers={TOGGLE.name: TOGGLE.direction},
    declarations=SITE.declarations,
    max_error_ms=60_000,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario.

    Attributes:
        run: What is recorded.
        prepare: What is there before; the power is on until its end.
        share: Its part of all states, in hundredths.
        fresh: Whether what the store holds is made by its opening: there is none, or it is salvaged.
        accepted: The service's numbers of what was accepted before.
        leaves: What else may lie beside the store afterwards.
    """

    run: Callable[[Config], None]
    prepare: Callable[[Config], None] = lambda _: None
    share: int = 10
    fresh: bool = False
    accepted: frozenset[int] = frozenset()
    leaves: str = "kiosk.db"


def people(config: Config) -> None:
    """Twelve people with badges, and one who comes late."""
    with Stage(config) as stage:
        stage.enrol(*range(12), LATE_COMER)


def taps(config: Config) -> None:
    """Come and go, all at once and one by one, also with a card that nobody knows."""
    with Stage(config) as stage:
        for _ in range(2):
            for person in range(4):
                stage.time.pass_seconds(MINUTE)
                stage.tap(person)
            crowd = [Thread(target=stage.tap, args=(person,)) for person in range(4, 12)]
            for each in crowd:
                each.start()
            for each in crowd:
                each.join()
            stage.lay(invented_card(77))
            stage.notary.close()
            stage.time.pass_seconds(30 * MINUTE)


def batches(config: Config) -> None:
    """Calls that are answered, refused in part or whole, not carried out, or lost, carried out or not; then looked up."""
    with Stage(config) as stage:
        service = stage.service

        def carried_out(count: int, verdict: CallVerdict) -> Callable[[Sequence[Registration]], CallVerdict]:
            def answer(registrations: Sequence[Registration]) -> CallVerdict:
                service.carry_out(registrations[:count])
                return verdict

            return answer

        def one_refused(registrations: Sequence[Registration]) -> CallVerdict:
            return Answered(items=(NotCreated(reason="ssinUnknown"), *(service.store(each) for each in registrations[1:])))

        plans: list[list[Callable[[Sequence[Registration]], CallVerdict]]] = [
            [],
            [one_refused],
            [carried_out(3, Ambiguous(why="cut"))],
            [carried_out(0, Ambiguous(why="cut"))],
            [carried_out(0, NotSent(why="no route")), carried_out(0, NotNow(why="503"))],
            [carried_out(0, CallRefused(reason="rejectedInput")), carried_out(0, CallRefused(reason="rejectedInput"))],
            [carried_out(0, Misconfigured(why="missingPermission", employer_only=True))],
        ]
        for number, plan in enumerate(plans):
            for person in range(3):
                stage.time.pass_seconds(MINUTE)
                stage.tap((3 * number + person) % 12)
            service.plan.extend(plan)
            stage.deliver(5 * MINUTE)
        stage.deliver(3 * 60 * MINUTE)


def checkpoint(config: Config) -> None:
    """Fill the log until it is carried over into the store, and begin it anew."""
    log = config.store.path.with_name("kiosk.db-wal")
    with Stage(config) as stage:
        first = 100
        while log.stat().st_size < _NEARLY_FULL:
            stage.enrol(*range(first, first + 50))
            first += 50
        before = config.store.path.stat().st_mtime_ns
        for person in range(100, first):
            stage.time.pass_seconds(1)
            stage.tap(person)
            if config.store.path.stat().st_mtime_ns != before:
                break
        else:
            raise AssertionError("no checkpoint came")
        for person in range(12):
            stage.time.pass_seconds(MINUTE)
            stage.tap(person)


def creation(config: Config) -> None:
    """A new box: its store, its first badges, its first taps."""
    with Stage(config) as stage:
        stage.enrol(*range(3), LATE_COMER)
        for person in range(3):
            stage.tap(person)


def healing_time(config: Config) -> None:
    """Taps under a clock in 1970; then the time becomes known."""
    with Stage(config) as stage:
        true_ms = stage.time.wall_ms
        stage.time.wall_ms, stage.time.trusted = 0, False
        for person in range(12):
            stage.time.pass_seconds(MINUTE)
            stage.tap(person)
        stage.lay(invented_card(77))
        stage.time.pass_seconds(MINUTE)
        stage.time.wall_ms, stage.time.trusted = true_ms + stage.time.wall_ms, True
        anchor = Anchor(source="service", wall_ms=stage.time.wall_ms, boot_ns=stage.time.boot_ns, bound_ms=500)
        heal = partial(healing.heal, outbox=stage.book, boot_id="boot", anchor=anchor, bearings=BEARINGS, now_ms=stage.time.wall_ms)
        while stage.write(heal):
            pass
        stage.deliver(MINUTE)


def purge(config: Config) -> None:
    """A quarter of a year later what was accepted goes, while people tap."""
    with Stage(config) as stage:
        stage.service.checked = True
        for _ in range(2):
            for person in range(12):
                stage.time.pass_seconds(MINUTE)
                stage.tap(person)
            stage.lay(invented_card(77))
            stage.deliver(MINUTE)
        stage.notary.close()
        stage.time.pass_seconds(400 * 86_400)
        mark(let_go=True)
        gone = 0
        for person, rows in enumerate(Caretaker(stage.book, Retention(), stage.time, zone=SITE.zone).sweep()):
            gone += rows
            stage.tap(person % 12)
        assert gone > 12, "nothing was purged"
        stage.house.database.checkpoint()
        stage.tap(0)


def damaged(config: Config) -> None:
    """A store of whose pages one lost its content."""
    people(config)
    with Stage(config) as stage:
        for person in range(12):
            stage.time.pass_seconds(MINUTE)
            stage.tap(person)
        root = stage.house.database.read(
            lambda c: c.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'registrations_holder'").fetchone()[0]
        )
    with config.store.path.open("r+b") as file:
        file.seek((root - 1) * 1024)
        file.write(bytes(1024))
    config.store.path.with_name("kiosk.db.suspect").write_text("SQLITE_CORRUPT", encoding="utf-8")


def salvaging(config: Config) -> None:
    """The damaged store is salvaged at its opening, and people tap."""
    with Stage(config) as stage:
        stage.promise_all()
        for person in range(4):
            stage.time.pass_seconds(MINUTE)
            stage.tap(person)


def old_store(config: Config) -> None:
    """The store of a box that ran the first version."""
    shutil.copyfile(V1, config.store.path)


def migration(config: Config) -> None:
    """A new version opens an old store, and people tap."""
    with Stage(config) as stage:
        stage.enrol(LATE_COMER)
        for _ in range(2):
            stage.lay(CANARY_CARD)
            stage.time.pass_seconds(30 * MINUTE)


def killed(config: Config) -> None:
    """A store whose process was killed: all that it did lies in its log."""
    people(config)
    folder = config.store.path.parent
    aside = folder.with_name("aside")
    with Stage(config) as stage:
        for person in range(12):
            stage.time.pass_seconds(MINUTE)
            stage.tap(person)
        stage.delivery.step()
        shutil.copytree(folder, aside)
    shutil.rmtree(folder)
    aside.rename(folder)


def forgetting(config: Config) -> None:
    """Somebody whose term is over is let go, while others tap; from the answer on no file holds anything of him."""
    with Stage(config) as stage:
        stage.service.checked = True
        for _ in range(2):
            for person in range(6):
                stage.time.pass_seconds(MINUTE)
                stage.tap(person)
            stage.time.pass_seconds(30 * MINUTE)
            stage.deliver(MINUTE)
        stage.notary.close()
        stage.forget(0)
        for person in range(1, 6):
            stage.tap(person)


SCENARIOS: Final = {
    "taps": Scenario(run=taps, prepare=people, share=12),
    "batches": Scenario(run=batches, prepare=people, share=16),
    "checkpoint": Scenario(run=checkpoint, prepare=people, share=12),
    "creation": Scenario(run=creation, share=8, fresh=True, leaves="kiosk.db.schema-"),
    "migration": Scenario(run=migration, prepare=old_store, share=8, accepted=_ACCEPTED_IN_V1, leaves="kiosk.db.schema-"),
    "healing": Scenario(run=healing_time, prepare=people, share=5),
    "purge": Scenario(run=purge, prepare=people, share=8),
    "salvage": Scenario(run=salvaging, prepare=damaged, share=8, fresh=True, leaves="kiosk.db.corrupt."),
    "after a kill": Scenario(run=taps, prepare=killed, share=5),
    "forgetting": Scenario(run=forgetting, prepare=people, share=8),
    "daemon": Scenario(run=daemon, share=10, fresh=True),
}


def flaw_normal() -> None:
    """As most programs open SQLite: a commit does not wait for the disk."""
    store_file._PRAGMAS = tuple((name, 1 if name == "synchronous" else value) for name, value in store_file._PRAGMAS)  # type: ignore[misc,assignment]  # spoiled on purpose


def flaw_early() -> None:
    """Green before the commit."""
    record = Intake._record

    def early(self: Intake, tap: Moment, gate: Gate, connection: sqlite3.Connection) -> Answer:
        answer = record(self, tap, gate, connection)
        if answer.direction is not None:
            mark(tapped=list(answer.ids), direction=answer.direction.value, wall_ms=tap.clock.wall_ms)
        return answer

    Intake._record = early  # type: ignore[method-assign]  # spoiled on purpose


FLAWS: Final = {"normal": flaw_normal, "early": flaw_early}


def main(folder: Path, scenario: str, flaw: str | None) -> None:
    """Run one scenario on its prepared folder."""
    if flaw is not None:
        FLAWS[flaw]()
    SCENARIOS[scenario].run(configure(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
