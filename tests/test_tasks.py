"""kiosk.tasks asks a human once for each thing, and stops asking when it is settled."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kiosk.database import Database
from kiosk.deadlines import Bounds
from kiosk.model import TaskKind
from kiosk.tasks import (
    Due,
    Task,
    close_holder_tasks,
    close_task,
    close_tasks,
    count_due,
    count_open,
    date_tasks,
    one_open,
    open_once,
    open_task,
    open_tasks,
)
from tests.desks import Clock, add_row, draft, open_desk, put
from tests.stores import open_store

BOOK, OTHER_BOOK = 1, 2
AT_MS = 1_793_602_800_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_store(tmp_path) as opened:
        yield opened


def ask(
    database: Database,
    kind: TaskKind,
    *,
    book: int = BOOK,
    registration: int | None = None,
    holder: int | None = None,
    note: str | None = None,
) -> None:
    database.write(lambda c: open_task(c, kind, book=book, at_ms=AT_MS, registration=registration, holder=holder, note=note))


def asked(database: Database, book: int = BOOK) -> list[Task]:
    return database.read(lambda c: open_tasks(c, book))


def test_a_task_says_what_it_is_about(database: Database) -> None:
    """Kind, registration, holder, moment and note come back as they were asked."""
    ask(database, TaskKind.HELD, registration=17, holder=3, note="no employer")
    assert asked(database) == [
        Task(id=1, kind=TaskKind.HELD, registration=17, holder=3, opened_ms=AT_MS, note="no employer"),
    ]


@pytest.mark.parametrize("about", [{"registration": 17, "holder": 3}, {"holder": 3}, {"note": "card key 0a1b2c3d"}, {}])
def test_the_same_is_asked_once(database: Database, about: dict[str, int]) -> None:
    """While a task is open the same one is not opened again, whatever of it is left out."""
    for _ in range(3):
        ask(database, TaskKind.UNKNOWN, **about)  # type: ignore[arg-type]  # each a keyword with a value of its type
    assert len(asked(database)) == 1


def test_what_differs_in_anything_is_another_task(database: Database) -> None:
    """Another kind, book, registration, holder or note is another question."""
    ask(database, TaskKind.HELD, registration=17, holder=3, note="a")
    ask(database, TaskKind.REFUSED, registration=17, holder=3, note="a")
    ask(database, TaskKind.HELD, registration=18, holder=3, note="a")
    ask(database, TaskKind.HELD, registration=17, holder=4, note="a")
    ask(database, TaskKind.HELD, registration=17, holder=3, note="b")
    ask(database, TaskKind.HELD, registration=17, holder=3)
    ask(database, TaskKind.HELD, registration=17, holder=3, note="a", book=OTHER_BOOK)
    assert len(asked(database)) == 6
    assert len(asked(database, OTHER_BOOK)) == 1


def test_what_was_settled_may_be_asked_again(database: Database) -> None:
    """A closed task is not shown any more, and does not keep the next one from being opened."""
    ask(database, TaskKind.REFUSED, registration=17)
    database.write(lambda c: close_tasks(c, registration=17, kinds=frozenset({TaskKind.REFUSED}), at_ms=AT_MS + 1))
    assert asked(database) == []
    ask(database, TaskKind.REFUSED, registration=17)
    assert [task.id for task in asked(database)] == [2]


def test_only_the_kinds_that_are_settled_close(database: Database) -> None:
    """Closing names registration and kinds: the others' questions stay."""
    for kind in (TaskKind.HELD, TaskKind.REFUSED, TaskKind.MISSING_OUT):
        ask(database, kind, registration=17)
    ask(database, TaskKind.HELD, registration=18)
    database.write(lambda c: close_tasks(c, registration=17, kinds=frozenset({TaskKind.HELD, TaskKind.REFUSED}), at_ms=AT_MS + 1))
    assert [(task.kind, task.registration) for task in asked(database)] == [(TaskKind.MISSING_OUT, 17), (TaskKind.HELD, 18)]


def test_closing_is_dated_once(database: Database) -> None:
    """The moment at which a task was settled is kept, and a second closing does not move it."""
    ask(database, TaskKind.HELD, registration=17)
    for later in (1, 2):
        moment = AT_MS + later
        database.write(lambda c, at=moment: close_tasks(c, registration=17, kinds=frozenset({TaskKind.HELD}), at_ms=at))  # type: ignore[misc]  # a default binds the loop's value
    assert database.read(lambda c: c.execute("SELECT closed_ms FROM tasks").fetchall()) == [(AT_MS + 1,)]


def test_a_holders_tasks_close_by_kind(database: Database) -> None:
    """Settling one holder's kind of task leaves his other kinds, and other holders, as they are."""
    ask(database, TaskKind.REVOKED_OPEN_STAY, holder=3)
    ask(database, TaskKind.LONG_STAY, holder=3)
    ask(database, TaskKind.REVOKED_OPEN_STAY, holder=4)
    database.write(lambda c: close_holder_tasks(c, holder=3, kind=TaskKind.REVOKED_OPEN_STAY, at_ms=AT_MS + 1))
    assert [(task.kind, task.holder) for task in asked(database)] == [(TaskKind.LONG_STAY, 3), (TaskKind.REVOKED_OPEN_STAY, 4)]


def test_the_oldest_question_comes_first(database: Database) -> None:
    """A list of tasks begins with the one that has waited longest."""
    for number in (5, 3, 9):
        ask(database, TaskKind.HELD, registration=number)
    assert [task.registration for task in asked(database)] == [5, 3, 9]


def test_how_much_is_asked(database: Database) -> None:
    """The open tasks of a book are counted, those of another book are not."""

    def waiting() -> int:
        return database.read(lambda c: count_open(c, BOOK))

    ask(database, TaskKind.HELD, registration=1, book=OTHER_BOOK)
    assert waiting() == 0
    ask(database, TaskKind.HELD, registration=1)
    ask(database, TaskKind.HELD, registration=2)
    assert waiting() == 2
    database.write(lambda c: close_tasks(c, registration=1, kinds=frozenset({TaskKind.HELD}), at_ms=AT_MS))
    assert waiting() == 1


def test_a_human_closes_one_open_task_of_his_book(database: Database) -> None:
    """It is closed once; a closed one, one of another book and one that never was are none."""
    ask(database, TaskKind.UNKNOWN_CARD, registration=1, book=OTHER_BOOK)
    ask(database, TaskKind.UNKNOWN_CARD, registration=1)
    closed = [database.write(lambda c, n=number: close_task(c, n, book=BOOK, at_ms=AT_MS)) for number in (1, 2, 2, 3)]  # type: ignore[misc]  # the default binds the number
    assert closed == [False, True, False, False]


def test_what_a_human_has_seen_to_is_asked_once_only(database: Database) -> None:
    """What closed by itself may be asked again; what he closed may not; a note tells one question from another."""

    def once(note: str | None = None) -> bool:
        return database.write(
            lambda c: open_once(c, TaskKind.MISSING_OUT, book=BOOK, at_ms=AT_MS, holder=3, registration=17, note=note)
        )

    assert (once(), once()) == (True, False)
    database.write(lambda c: close_tasks(c, registration=17, kinds=frozenset({TaskKind.MISSING_OUT}), at_ms=AT_MS))
    assert once()
    database.write(lambda c: close_task(c, 2, book=BOOK, at_ms=AT_MS))
    assert (once(), once("another stay")) == (False, True)


def test_a_task_is_dated_by_the_presence_that_it_is_about(tmp_path: Path) -> None:
    """Not by a clock that nobody vouched for; once the time of the tap is healed, by that."""
    with open_desk(tmp_path, Clock()) as desk:
        row = add_row(desk, 1, draft(), trusted=False)
        ask(desk.database, TaskKind.MISSING_IN, book=desk.book, registration=row, holder=1)
        assert [task.about_ms for task in asked(desk.database, desk.book)] == [None]
        put(desk, row, healed_ms=AT_MS, at_ms=AT_MS - 5000)
        desk.database.write(lambda c: date_tasks(c, registration=row))
        assert [task.about_ms for task in asked(desk.database, desk.book)] == [AT_MS - 5000]


def test_what_is_due_is_counted_by_the_day_of_its_presence(database: Database) -> None:
    """Overdue, soon, later and undated each go where they belong; a closed one, another book's and a pause count nowhere."""
    moments = (AT_MS - 1, AT_MS, AT_MS + 9, AT_MS + 10, None)
    kinds = (
        *((TaskKind.HELD, BOOK, moment) for moment in moments),
        (TaskKind.GROUP_PAUSED, BOOK, 0),
        (TaskKind.HELD, OTHER_BOOK, 0),
    )
    for number, (kind, book, about_ms) in enumerate(kinds, 1):
        database.write(partial(open_task, kind=kind, book=book, at_ms=AT_MS, registration=number, about_ms=about_ms))
    bounds = Bounds(overdue_ms=AT_MS, soon_ms=AT_MS + 10)
    assert database.read(partial(count_due, book=BOOK, bounds=bounds)) == Due(soon=2, overdue=1)
    database.write(lambda c: close_task(c, 1, book=BOOK, at_ms=AT_MS))
    assert database.read(partial(count_due, book=BOOK, bounds=bounds)) == Due(soon=2, overdue=0)


def test_one_task_is_found_by_its_number_while_it_is_open(database: Database) -> None:
    """Not in another book, and not once it is closed."""
    ask(database, TaskKind.HELD, registration=17)
    assert database.read(partial(one_open, number=1, book=BOOK)) == asked(database)[0]
    assert database.read(partial(one_open, number=1, book=OTHER_BOOK)) is None
    database.write(lambda c: close_task(c, 1, book=BOOK, at_ms=AT_MS))
    assert database.read(partial(one_open, number=1, book=BOOK)) is None


def test_closing_tasks_reads_those_of_its_registration_only(database: Database) -> None:
    """A site with ten thousand open remarks closes a task as fast as one with none: taps wait meanwhile."""
    statements: list[str] = []

    def work(connection: sqlite3.Connection) -> list[str]:
        connection.set_trace_callback(statements.append)
        close_tasks(connection, registration=1, kinds=frozenset({TaskKind.HELD, TaskKind.REMARK}), at_ms=AT_MS)
        connection.set_trace_callback(None)
        return [str(step[3]) for step in connection.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]

    assert database.write(work) == ["SEARCH tasks USING INDEX tasks_about (registration=?)"]
