"""kiosk.purging deletes what is finished and old enough, and no other row, each slice with its entry of the record."""

from __future__ import annotations

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk import clockbook, evidence, outbox, purging, taps
from kiosk.evidence import Entry
from kiosk.model import ClockReading, Direction, Reason, Signal, State, TaskKind
from kiosk.purging import DAY_MS, SLICE
from kiosk.rules import Now
from kiosk.tasks import open_task
from tests.people import CANARY_CARD
from tests.shelves import DAYS, OLD_DAYS, chain, finished, ids, put, walk
from tests.worlds import World

REGISTRATIONS = purging.registrations(DAYS)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def entries(world: World) -> list[dict[str, Any]]:
    rows = world.select("SELECT uid, sealed FROM evidence WHERE kind = ? ORDER BY id", Entry.PURGED.value)
    return [dict(evidence.opened(world.vault, uid, sealed).facts or {}) for uid, sealed in rows]  # type: ignore[arg-type]


def local_tap(world: World, *, days: float, person: int | None = None, direction: Direction | None = None) -> None:
    at_ms = world.time.wall_ms - round(days * DAY_MS)
    holder = None if person is None else world.holder(person)
    tap = taps.Moment(
        card=CANARY_CARD,
        card_index=bytes(16),
        reader="gate",
        driver="simulated",
        technology="test",
        press=None,
        now=Now(at_ms=at_ms, boot_ns=0, boot_id="boot"),
        clock=ClockReading(wall_ms=at_ms, boot_ns=0, boot_id="boot", trusted=True, source="kernel", bound_ms=1),
    )
    signal = Signal.UNKNOWN_CARD if holder is None else Signal.LOCAL
    world.database.write(lambda c: taps.add_tap(c, world.vault, tap, book=1, signal=signal, holder=holder, direction=direction))


def test_what_is_finished_and_old_goes_with_an_entry(world: World) -> None:
    """Rows past their days are deleted; the record says which, how many and why."""
    gone = [finished(world), finished(world, direction=Direction.OUT)]
    young = finished(world, days=DAYS - 1)
    assert walk(world, REGISTRATIONS) == 2
    assert ids(world) == [young]
    assert entries(world) == [{"table": "registrations", "ids": gone, "count": 2, "why": "age", "days": DAYS}]
    assert world.database.read(purging.purged_ms) == world.time.wall_ms - OLD_DAYS * DAY_MS


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "queued"},
        {"state": "in_flight"},
        {"state": "unknown"},
        {"state": "refused"},
        {"state": "held", "reason": "clock"},
        {"validity": "pending"},
        {"validity": None},
        {"cancel_requested": 1},
    ],
)
def test_what_is_not_finished_stays(world: World, columns: dict[str, object]) -> None:
    """However old, a row on its way, refused, held, unchecked or to be cancelled is not taken, nor is the IN it belongs to."""
    finished(world)
    row = finished(world, direction=Direction.OUT)
    finished(world, days=1)
    put(world, row, **columns)
    assert walk(world, REGISTRATIONS) == 0
    assert entries(world) == []


def test_where_somebody_is_stays(world: World) -> None:
    """Anybody's newest row that counts stays, and whatever was cancelled after it: his next tap is decided by it."""
    finished(world, 0)
    newest = finished(world, 0)
    cancelled = finished(world, 0, state="cancelled")
    last = finished(world, 1)
    assert walk(world, REGISTRATIONS) == 1
    assert ids(world) == [newest, cancelled, last]
    found = world.database.read(lambda c: taps.newest_tap(c, book=1, holder=world.holder(0)))
    assert found is not None
    assert found.registration == newest


def test_what_was_linked_later_says_of_nobody_where_he_is(world: World) -> None:
    """The row of a past tap, written after his newest one, lets that one not go; it goes itself once he has tapped again."""
    newest = finished(world, 0)
    linked = finished(world, 0, direction=Direction.OUT)
    put(world, linked, linked=1)
    last = finished(world, 1)
    assert walk(world, REGISTRATIONS) == 0
    assert ids(world) == [newest, linked, last]
    later = finished(world, 0, days=1)
    finished(world, 1, days=1)
    assert walk(world, REGISTRATIONS) == 3
    assert later in ids(world)


def test_the_newest_row_of_all_stays(world: World) -> None:
    """A number is given once: the next row never takes that of one that went."""
    row = finished(world, state="cancelled")
    assert walk(world, REGISTRATIONS) == 0
    assert ids(world) == [row]


def test_an_open_task_keeps_its_persons_rows(world: World) -> None:
    """What a human still has to settle needs the rows around it; once it is closed they go."""
    first, second = finished(world, 0), finished(world, 1)
    for person in (0, 1):
        finished(world, person, days=1)
    world.database.write(
        lambda c: open_task(c, TaskKind.MISSING_OUT, book=1, at_ms=0, registration=second + 1, holder=world.holder(0))
    )
    world.database.write(lambda c: open_task(c, TaskKind.DUPLICATE, book=1, at_ms=0, registration=second))
    assert walk(world, REGISTRATIONS) == 0
    world.database.write(lambda c: c.execute("UPDATE tasks SET closed_ms = 1"))
    assert walk(world, REGISTRATIONS) == 2
    assert first not in ids(world)


def test_a_wrong_clock_is_as_old_as_its_neighbours(world: World) -> None:
    """A tap that says 1970 and is of yesterday stays; one that says 2038 and is old goes, and keeps nothing else."""
    future = finished(world, 0, at_ms=2_145_916_800_000)
    old = finished(world, 0)
    finished(world, 0, days=1)
    young = finished(world, 0, at_ms=0, clock_trusted=0, state="cancelled")
    finished(world, 0, days=0.5)
    assert walk(world, REGISTRATIONS) == 2
    assert young in ids(world)
    assert not {future, old} & set(ids(world))
    assert world.database.read(purging.purged_ms) == world.time.wall_ms - OLD_DAYS * DAY_MS


def test_too_many_go_before_their_time(world: World) -> None:
    """The oldest go until as many are left as may be, and the record says that it was their number."""
    rows = [finished(world, days=20) for _ in range(5)]
    chain(world)
    now_ms = world.time.wall_ms
    step = purging.purge(
        world.outbox, purging.surplus(DAYS), after=0, cutoff_ms=now_ms - purging.YOUNGEST_MS, now_ms=now_ms, most=3
    )
    assert (step.gone, step.after) == (3, rows[2])
    assert ids(world) == rows[3:]
    assert entries(world)[0]["why"] == "number"
    assert world.database.read(purging.count_finished) == 2


def test_no_slice_takes_more_than_its_share(world: World) -> None:
    """A book of thousands goes in slices: whoever taps waits for a hundred rows, not for all."""
    world.add([(world.holder(0), draft) for draft in _drafts(world, 2 * SLICE + 10)], state=State.ACCEPTED)
    world.database.write(lambda c: c.execute("UPDATE registrations SET validity = 'valid'"))
    assert walk(world, REGISTRATIONS) == 2 * SLICE + 9
    assert [entry["count"] for entry in entries(world)] == [SLICE, SLICE, 9]


def _drafts(world: World, count: int) -> list[Any]:
    from tests.desks import draft  # noqa: PLC0415

    return [draft(at_ms=world.time.wall_ms - OLD_DAYS * DAY_MS + number) for number in range(count)]


def test_a_row_whose_cancellation_was_asked_for_meanwhile_stays(world: World) -> None:
    """What was chosen is looked at again in the transaction that deletes it."""
    row = finished(world)
    finished(world, days=1)
    read = world.database.read

    def read_and_ask(work: Any) -> Any:
        found = read(work)
        put(world, row, cancel_requested=1)
        return found

    object.__setattr__(world.database, "read", read_and_ask)
    assert walk(world, REGISTRATIONS) == 0


def test_taps_that_owe_nothing_go_by_their_own_terms(world: World) -> None:
    """Unknown cards and people for whom nothing is owed each have their days; where somebody is stays."""
    for days in (50, 20):
        local_tap(world, days=days)
        local_tap(world, days=days, person=1, direction=Direction.IN)
    local_tap(world, days=1)
    assert walk(world, purging.unknown_cards(30), days=30) == 1
    assert ids(world, "taps") == [2, 3, 4, 5]
    assert walk(world, purging.local_taps(7), days=7) == 1
    assert ids(world, "taps") == [3, 4, 5]
    assert [(entry["table"], entry["ids"]) for entry in entries(world)] == [("taps", [1]), ("taps", [2])]
    assert world.database.read(purging.purged_ms) is None


def test_closed_tasks_and_told_notices_go(world: World) -> None:
    """What is open stays, however old; a notice about a row that is gone tells nothing any more."""
    row = finished(world)
    sql = "INSERT INTO tasks (kind, book, opened_ms, closed_ms) VALUES ('held', 1, 0, ?)"
    told = "INSERT INTO notices (book, holder, registration, opened_ms, told_ms) VALUES (1, 1, ?, 0, ?)"
    world.database.write(lambda c: c.executemany(sql, [(None,), (10,), (30,)]))
    world.database.write(lambda c: c.executemany(told, [(row, None), (row, 10), (row, 30), (row + 1, None)]))
    world.database.write(lambda c: c.execute("INSERT INTO reconciliations VALUES (1, '2026-08-01', 0, 0, 0, 0, 0, 0, 0)"))
    assert world.database.write(lambda c: purging.expire(c, before_ms=20)) == 3
    assert world.database.write(lambda c: purging.expire(c, before_ms=20)) == 0
    assert (ids(world, "tasks"), ids(world, "notices")) == ([1, 3], [1, 3])
    assert world.database.write(lambda c: purging.expire_days(c, before="2026-08-01")) == 0
    assert world.database.write(lambda c: purging.expire_days(c, before="2026-08-02")) == 1


def test_what_a_human_has_seen_to_is_kept_as_long_as_its_row(world: World) -> None:
    """Else he would be asked about a forgotten check-out again, once the answer is old."""
    row = world.tap()
    sql = "INSERT INTO tasks (kind, book, opened_ms, closed_ms, registration, by_hand) VALUES ('missing_out', 1, 0, 10, ?, ?)"
    world.database.write(lambda c: c.executemany(sql, [(row, 1), (row, 0), (row + 1, 1), (None, 1)]))
    assert world.database.write(lambda c: purging.expire(c, before_ms=20)) == 3
    assert world.select("SELECT registration, by_hand FROM tasks") == [(row, 1)]


def test_old_entries_lose_what_they_say_of_people(world: World) -> None:
    """Content goes, the entry stands; what the box did by itself stays told, and so does what is young."""

    def record(connection: sqlite3.Connection, subject: str, at_ms: int) -> None:
        evidence.record(connection, world.vault, Entry.RETRIED, subject, at_ms=at_ms, facts={"a": 1})

    for subject, at_ms in (("holder:3", 5), ("box", 6), ("registration:1", 900), ("tap:1", 7), ("holder:4", 50), ("holder:5", 5)):
        world.database.write(partial(record, subject=subject, at_ms=at_ms))
    step = world.database.write(lambda c: purging.fade(c, after=0, cutoff_ms=10, now_ms=100))
    assert (step.gone, step.after) == (3, None)
    kept = world.select("SELECT subject FROM evidence WHERE sealed IS NOT NULL ORDER BY id")
    assert kept == [("box",), ("holder:4",), ("holder:5",)]
    assert world.database.write(lambda c: purging.fade(c, after=0, cutoff_ms=10, now_ms=100)).gone == 0


#: A row of a book: whose, which way, in what state, how many days ago, by a trusted clock or not.
ROWS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from(Direction),
        st.sampled_from([*State, "pending", "cancelling"]),
        st.integers(0, 200),
        st.booleans(),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(rows=ROWS, days=st.integers(35, 150), tasks=st.sets(st.integers(0, 3)))
def test_no_book_loses_what_must_stay(tmp_path_factory: pytest.TempPathFactory, rows: Any, days: int, tasks: set[int]) -> None:
    """Whatever the book: nothing unfinished, young, newest or asked about goes, and whoever was inside still is."""
    world = World(tmp_path_factory.mktemp("book"))
    for person, direction, state, ago, trusted in sorted(rows, key=lambda row: -row[3]):
        row = finished(world, person, direction, days=ago, clock_trusted=int(trusted))
        put(world, row, **_columns(state))
    for person in tasks:
        world.database.write(partial(open_task, kind=TaskKind.LONG_STAY, book=1, at_ms=0, holder=world.holder(person)))
    before = {
        int(str(row[0])): row
        for row in world.select("SELECT id, holder, state, validity, cancel_requested, at_ms FROM registrations")
    }
    stood = _standing(world)
    gone = walk(world, purging.registrations(days), days=days, most=7)
    left = set(ids(world))
    lost = [before[number] for number in before.keys() - left]
    assert len(lost) == gone
    assert _standing(world) == stood
    assert not lost or max(before) in left
    for _, holder, state, validity, cancelling, at_ms in lost:
        assert state == "cancelled" or (state == "accepted" and validity == "valid" and not cancelling)
        assert holder not in {world.holder(person) for person in tasks}
        assert world.time.wall_ms - int(str(at_ms)) >= days * DAY_MS
    assert sum(entry["count"] for entry in entries(world)) == gone
    assert sorted(number for entry in entries(world) for number in entry["ids"]) == sorted(int(str(row[0])) for row in lost)
    assert walk(world, purging.registrations(days), days=days) == 0
    world.database.close()


def _columns(state: State | str) -> dict[str, object]:
    match state:
        case "pending":
            return {"validity": "pending"}
        case "cancelling":
            return {"cancel_requested": 1}
        case _:
            return {"state": state, "reason": Reason.LATE.value if state is State.HELD else None}


def _standing(world: World) -> dict[int, object]:
    found: dict[int, object] = {}
    for person in range(4):
        newest = world.database.read(partial(taps.newest_tap, book=1, holder=world.holder(person)))
        found[person] = None if newest is None else newest.last
    return found


def test_the_sums_of_the_book_still_hold(world: World) -> None:
    """Status counts what is left, and the newest trusted time is the newest row's."""
    finished(world)
    finished(world, days=1)
    newest = world.database.read(clockbook.newest_trusted_ms)
    walk(world, REGISTRATIONS)
    assert world.database.read(lambda c: outbox.tally(c, 1)).counts[State.ACCEPTED] == 1
    assert world.database.read(clockbook.newest_trusted_ms) == newest


def test_what_the_record_has_not_taken_in_stays(world: World) -> None:
    """A tap that vanished before it stood in the chain would leave no trace."""
    old, _ = finished(world), finished(world)
    now_ms = world.time.wall_ms
    step = purging.purge(world.outbox, REGISTRATIONS, after=0, cutoff_ms=now_ms, now_ms=now_ms)
    assert (step.gone, old in ids(world)) == (0, True)
    assert walk(world, REGISTRATIONS) == 1
