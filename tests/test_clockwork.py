"""kiosk.clockwork writes changes of the clock down once each, and has what waited healed as soon as the time is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from kiosk import clockbook, evidence
from kiosk.anchors import Anchor
from kiosk.clockwork import Clockwork
from kiosk.outbox import Outbox
from kiosk.timekeeper import STA_UNSYNC, TIME_ERROR, KernelClock, Timekeeper
from tests.gatehouse import MORNING_MS, Gatehouse, open_gatehouse
from tests.people import invented_card, invented_line
from tests.stores import until
from tests.test_healing import BEARINGS, columns

SYNCED = KernelClock(state=0, status=0x2001, max_error_us=12_000)
UNSYNCED = KernelClock(state=TIME_ERROR, status=STA_UNSYNC, max_error_us=16_000_000)
DAY_MS = 86_400_000


@dataclass
class Box:
    """A front door with a timekeeper on clocks that a test turns; the house's own clocks are the machine's."""

    house: Gatehouse
    kernel: KernelClock = UNSYNCED
    nudges: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start the daemon's part anew: a new process of the same machine."""
        clocks, database = self.house.clocks, self.house.database
        self.timekeeper = Timekeeper(
            source="kernel",
            max_error_seconds=60,
            newest_trusted_ms=database.read(clockbook.newest_trusted_ms),
            adjtimex=lambda: self.kernel,
            wall=lambda: clocks.wall_ms,
            boot=lambda: clocks.boot_ns,
            boot_id=lambda: clocks.boot_id,
        )
        outbox = Outbox(database, self.house.vault, self.house.book)
        self.work = Clockwork(outbox, self.timekeeper, BEARINGS, healed=lambda: self.nudges.append(1))
        self.work._before = database.read(clockbook.last_standing)
        self.house.intake._clock = self.timekeeper.read

    def word(self, true_ms: int) -> Anchor:
        return Anchor(source="service", wall_ms=true_ms, boot_ns=self.house.clocks.boot_ns, bound_ms=1040)

    def entries(self) -> list[dict[str, Any]]:
        """The facts of every entry about the clock."""
        sql = "SELECT uid, sealed FROM evidence WHERE kind = 'clock' ORDER BY id"
        rows = self.house.database.read(lambda c: c.execute(sql).fetchall())
        return [dict(evidence.opened(self.house.vault, *row).facts or {}) for row in rows]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with open_gatehouse(tmp_path) as house:
        house.enrol(invented_line(0))
        yield Box(house)


def test_every_change_is_written_down_once(box: Box) -> None:
    """Trust gained, the kernel's word lost while it goes on, a step, a dispute; and nothing while nothing changes."""
    box.work.look()
    box.work.look()
    box.kernel = SYNCED
    box.work.look()
    box.house.clocks.wall_ms += 86_400_000
    box.kernel = UNSYNCED
    box.work.look()
    box.house.clocks.wait(500)
    box.work.look()
    box.kernel = SYNCED
    box.work.note(box.word(MORNING_MS + 500_000))
    box.work.look()
    told = [(each["trusted"], each["source"], each["stepped_ms"], each["disputed"]) for each in box.entries()]
    assert told == [
        (False, "kernel", 0, False),
        (True, "kernel", 0, False),
        (True, "kernel", 86_400_000, False),
        (True, "kernel", 0, True),
    ]


def test_a_new_process_of_the_same_boot_writes_nothing_new_down(box: Box) -> None:
    """A restart of the daemon is no change of the clock; a restart of the machine is."""
    box.kernel = SYNCED
    box.work.look()
    box.start()
    box.work.look()
    assert len(box.entries()) == 1
    box.house.clocks.reboot("second boot")
    box.start()
    box.work.look()
    assert len(box.entries()) == 2


def test_what_waited_is_healed_as_soon_as_the_service_tells_the_time(box: Box) -> None:
    """And delivery is nudged, once."""
    box.house.clocks.wall_ms = 0
    box.house.tap(invented_card(0))
    box.work.look()
    assert box.nudges == []
    box.house.clocks.wait(60)
    box.work.note(box.word(MORNING_MS))
    box.work.look()
    box.work.look()
    assert (box.house.rows()[0].state, box.house.rows()[0].reason, box.house.rows()[0].at_ms) == (
        "queued",
        None,
        MORNING_MS - 60_000,
    )
    assert box.nudges == [1]


def test_a_boot_that_was_dated_once_heals_after_a_crash(box: Box) -> None:
    """The anchor of a boot outlives it: a tap that the crash left unhealed is dated by it, not held."""
    box.kernel = SYNCED
    box.work.look()
    box.house.clocks.wait(100)
    box.house.clocks.trusted = False
    box.house.intake._clock = box.house.clocks  # a tap that this process did not heal any more
    box.house.tap(invented_card(0))
    box.house.clocks.reboot("second boot", wall_ms=MORNING_MS + DAY_MS)
    box.start()
    box.work.look()
    assert columns(box.house, 1, "state", "reason", "at_ms") == ("queued", None, MORNING_MS + 100_000)


def test_a_boot_that_nobody_dated_is_held_once_the_time_is_known(box: Box) -> None:
    """Between the last trusted tap, here none, and the start of this boot."""
    box.house.tap(invented_card(0))
    box.work.look()
    box.house.clocks.reboot("second boot", wall_ms=MORNING_MS)
    box.house.clocks.wait(600)
    box.kernel = SYNCED
    box.start()
    box.work.look()
    state, reason, earliest_ms, latest_ms = columns(box.house, 1, "state", "reason", "earliest_ms", "latest_ms")
    assert (state, reason, earliest_ms) == ("held", "clock", None)
    assert MORNING_MS <= latest_ms <= MORNING_MS + 200


def test_a_stored_time_that_the_service_overrules_counts_no_more(box: Box) -> None:
    """One tap under a wrong year: the entry says so, and at the next start the clock is believed at once."""
    box.kernel = SYNCED
    box.house.clocks.wall_ms = MORNING_MS + 365 * DAY_MS
    box.house.tap(invented_card(0))
    box.house.clocks.reboot("second boot", wall_ms=MORNING_MS)
    box.start()
    assert not box.timekeeper.read().trusted
    box.work.note(box.word(MORNING_MS))
    box.work.look()
    assert box.timekeeper.read().trusted
    assert [each["overruled_ms"] for each in box.entries() if "overruled_ms" in each] == [MORNING_MS + 365 * DAY_MS]
    box.start()
    assert box.timekeeper.read().trusted


def test_the_thread_looks_when_it_is_nudged_and_ends_when_it_is_told(box: Box) -> None:
    """A word of the service wakes it; it never waits for its next look."""
    box.house.tap(invented_card(0))
    stop = Event()
    thread = Thread(target=box.work.run, args=(stop,))
    thread.start()
    until(lambda: len(box.entries()) == 1)
    box.work.note(box.word(MORNING_MS))
    until(lambda: box.nudges)
    stop.set()
    box.work.nudge()
    thread.join(5)
    assert not thread.is_alive()
    assert box.house.rows()[0].reason is None


def test_a_standing_is_remembered_whole(box: Box) -> None:
    """What the next process compares with is what this one saw."""
    box.kernel = SYNCED
    box.work.look()
    kept = box.house.database.read(clockbook.last_standing)
    assert kept == clockbook.Standing.of(box.timekeeper.read())
    sql = "SELECT value FROM meta WHERE name = 'clock'"
    assert json.loads(box.house.database.read(lambda c: c.execute(sql).fetchone())[0])["boot_id"] == "first boot"
