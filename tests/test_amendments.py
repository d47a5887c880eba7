"""What a human reads and writes in the book touches the rows it names, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import amendments, elsewhere, tasks
from kiosk.amendments import Kept, SealedRow
from kiosk.desk import Desk
from kiosk.model import Direction, Reason, State, TaskKind
from kiosk.outbox import Outbox
from kiosk.records import pack_remarks
from kiosk.vault import Field
from kiosk.verdicts import ServedRegistration
from tests.desks import MORNING_MS, Clock, add_row, draft, holds, open_desk, put
from tests.people import CANARY_INSZ, DECLARATION, OTHER_EMPLOYER, PLACE, invented_insz


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, Clock()) as desk:
        yield desk


def sealed(desk: Desk, row: int) -> SealedRow:
    found = desk.database.read(lambda connection: amendments.sealed_row(connection, book=desk.book, row=row))
    assert found is not None
    return found


def kept(desk: Desk, row: int) -> Kept:
    return amendments.unseal(desk.vault, sealed(desk, row))


def requeue(desk: Desk, row: int, *, released: bool = False) -> None:
    before = sealed(desk, row)
    wanted = draft(employer=OTHER_EMPLOYER)
    desk.database.write(
        lambda connection: amendments.requeue(
            connection, desk.vault, book=desk.book, row=before, draft=wanted, at_ms=1, released=released
        )
    )


def test_a_window_walks_its_own_ids_only(desk: Desk) -> None:
    """A slice of a long book costs what the slice costs: it goes by id, never along an index over the whole book."""
    statements: list[str] = []

    def read(connection: object) -> list[str]:
        connection.set_trace_callback(statements.append)  # type: ignore[attr-defined]  # the store's own connection
        for state in (None, State.HELD):
            amendments.window(connection, book=desk.book, after=0, state=state)  # type: ignore[arg-type]  # likewise
        connection.set_trace_callback(None)  # type: ignore[attr-defined]  # likewise
        return [
            row[3]
            for statement in statements
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")  # type: ignore[attr-defined]  # likewise
        ]

    plan = desk.database.read(read)
    assert len(plan) == 2
    assert all("USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)" in step for step in plan)


def test_windows_follow_each_other(desk: Desk) -> None:
    """A window holds the rows of its ids, of one state on demand, and of its book alone."""
    ids = [add_row(desk, 1, draft(), state) for state in (State.QUEUED, State.HELD, State.QUEUED)]

    def window(after: int, state: State | None = None, book: int = desk.book) -> list[int]:
        rows = desk.database.read(lambda connection: amendments.window(connection, book=book, after=after, state=state))
        return [row.id for row in rows]

    assert window(0) == ids
    assert window(1) == ids[1:]
    assert window(0, State.HELD) == [ids[1]]
    assert window(0, book=desk.book + 1) == []
    assert desk.database.read(amendments.last_id) == ids[-1]


def test_an_empty_book_ends_at_nought(desk: Desk) -> None:
    """Without rows there is no last id, and no row by any id."""
    assert desk.database.read(amendments.last_id) == 0
    assert desk.database.read(lambda connection: amendments.sealed_row(connection, book=desk.book, row=1)) is None


def test_the_services_remarks_are_opened(desk: Desk) -> None:
    """Remarks of the service come out as they were sealed, also after the service cancelled the row."""
    row = add_row(desk, 1, draft(), State.CANCELLED)
    remarks = desk.vault.seal(Field.REMARKS, sealed(desk, row).uid, pack_remarks(("late",)))
    put(desk, row, remarks=remarks, registration_id=17001)
    assert (kept(desk, row).remarks, kept(desk, row).cancelled_because) == (("late",), None)
    put(desk, row, registration_id=None)
    assert (kept(desk, row).remarks, kept(desk, row).cancelled_because) == ((), "late")


def test_what_does_not_open_is_left_out(desk: Desk) -> None:
    """A damaged row still shows what is not sealed."""
    row = add_row(desk, 1, draft(), State.HELD)
    put(desk, row, sealed=bytes(40), remarks=bytes(40))
    found = kept(desk, row)
    assert (found.draft, found.remarks, found.state, found.direction) == (None, (), State.HELD, Direction.IN)


def test_a_requeued_row_begins_anew(desk: Desk) -> None:
    """A row queued again has its new content, no half of a suspect set, no search, and none of the tasks about it."""
    row = add_row(desk, 1, draft(), State.REFUSED)
    other = add_row(desk, 1, draft(), State.REFUSED)
    put(desk, row, split=row, absent_ms=1, search_ms=1, reason="badRequest", called_ms=1)
    for about in (row, other):
        desk.database.write(
            lambda connection, about=about: tasks.open_task(  # type: ignore[misc]  # bound in the loop
                connection, TaskKind.REFUSED, book=desk.book, at_ms=1, registration=about
            )
        )
    requeue(desk, row)
    found = sealed(desk, row)
    assert (found.state, found.reason, found.absent_ms, found.called_ms) == ("queued", None, None, 1)
    assert holds(desk, row) == draft(employer=OTHER_EMPLOYER)
    assert sealed(desk, other).state == "refused"
    still = desk.database.read(lambda connection: tasks.open_tasks(connection, desk.book))
    assert [task.registration for task in still] == [other]
    columns = desk.database.read(
        lambda connection: connection.execute(
            "SELECT split, search_ms, released FROM registrations WHERE id = ?", (row,)
        ).fetchone()
    )
    assert columns == (0, None, 0)


@pytest.mark.parametrize(("trusted", "sent", "reason"), [(True, False, None), (False, False, Reason.CLOCK), (False, True, None)])
def test_a_tap_of_an_untrusted_clock_waits_unless_it_was_sent(
    desk: Desk, *, trusted: bool, sent: bool, reason: Reason | None
) -> None:
    """A row that was never sent keeps waiting for its true time; one that was sent has it."""
    row = add_row(desk, 1, draft(), State.HELD, trusted=trusted)
    if sent:
        put(desk, row, called_ms=1)
    requeue(desk, row, released=True)
    assert sealed(desk, row).reason == reason


def test_the_stay_before_is_the_holders_own_and_open(desk: Desk) -> None:
    """An OUT finds the IN right before it, and nothing after another OUT or of somebody else."""
    add_row(desk, 1, draft(ssin=invented_insz(1)))
    add_row(desk, 2, draft(Direction.OUT))
    first, second = (add_row(desk, 1, draft(Direction.OUT, MORNING_MS + n)) for n in range(2))

    def stay(row: int) -> str | None:
        before = sealed(desk, row)
        found = desk.database.read(lambda connection: amendments.stay_before(connection, desk.vault, book=desk.book, row=before))
        return None if found is None else found.draft.ssin.digits

    assert stay(first) == invented_insz(1).digits
    assert stay(second) is None


def _by_phone(desk: Desk, direction: Direction, at_ms: int, number: int) -> None:
    """Keep what a search showed of holder 1's other channel."""
    served = ServedRegistration(
        registration_id=number,
        ssin=invented_insz(7).digits,
        direction=direction,
        second=at_ms // 1000,
        employer=OTHER_EMPLOYER,
        declaration=DECLARATION,
        validity="valid",
        remarks=(),
        cancelled=False,
    )
    found = elsewhere.Other(holder=1, group=b"group", served=served)
    window = (at_ms - 1, at_ms + 1)
    elsewhere.keep(Outbox(desk.database, desk.vault, desk.book), PLACE, b"group", window, [found], at_ms=at_ms)


def test_the_stay_before_may_have_begun_by_another_channel(desk: Desk) -> None:
    """Where that is known to be the last thing before the OUT: not before a tap here, not by a clock that was not trusted."""
    add_row(desk, 1, draft(ssin=invented_insz(1)))
    here = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 100_000))
    _by_phone(desk, Direction.IN, MORNING_MS + 300_000, 18)
    phone = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 400_000))
    doubtful = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 450_000), trusted=False)
    _by_phone(desk, Direction.OUT, MORNING_MS + 500_000, 19)
    twice = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 600_000))

    def stay(row: int) -> str | None:
        before = sealed(desk, row)
        found = desk.database.read(lambda connection: amendments.stay_before(connection, desk.vault, book=desk.book, row=before))
        return None if found is None else found.draft.ssin.digits

    assert [stay(row) for row in (here, phone, doubtful, twice)] == [invented_insz(1).digits, invented_insz(7).digits, None, None]


def test_a_cancelled_row_says_why_and_hides_it_on_disk(desk: Desk) -> None:
    """The human's words come back from the row, and are sealed in it."""
    row = add_row(desk, 1, draft(), State.HELD, Reason.DECLARATION)
    before = sealed(desk, row)
    desk.database.write(lambda connection: amendments.cancel(connection, desk.vault, row=before, because="a visitor", at_ms=1))
    found = kept(desk, row)
    assert (found.state, found.cancelled_because, found.row.reason) == (State.CANCELLED, "a visitor", "declaration")
    assert b"visitor" not in (found.row.remarks or b"")
    assert found.draft is not None
    assert found.draft.ssin == CANARY_INSZ


def test_absence_needs_a_search_or_a_task(desk: Desk) -> None:
    """A row may be said to be absent after one search without it, or while a task says that none is to be had."""
    row, other = (add_row(desk, 1, draft(), State.UNKNOWN) for _ in range(2))

    def may(about: int) -> bool:
        found = sealed(desk, about)
        return desk.database.read(lambda connection: amendments.may_be_absent(connection, found))

    assert not may(row)
    desk.database.write(lambda connection: tasks.open_task(connection, TaskKind.UNKNOWN, book=desk.book, at_ms=1, registration=row))
    assert (may(row), may(other)) == (True, False)
    put(desk, other, absent_ms=1)
    assert may(other)
