"""kiosk.desk.chores shows what needs a human, and notes that one has seen to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from kiosk import tasks
from kiosk.advice import Language
from kiosk.deadlines import Asker
from kiosk.desk import Desk
from kiosk.desk.chores import CALLS
from kiosk.errors import Declined, UsageError
from kiosk.model import TaskKind
from kiosk.records import pack_remarks
from kiosk.task_advice import ON_ASKERS, ON_TASKS
from kiosk.vault import Field
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk, put
from tests.people import OTHER_EMPLOYER


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, Clock()) as opened:
        yield opened


def test_tasks_are_told_and_closed(desk: Desk) -> None:
    """Every open task with its kind and what it is about; a closed one is gone from the list and in the record."""
    desk.database.write(lambda c: tasks.open_task(c, TaskKind.HELD, book=desk.book, at_ms=MORNING_MS, registration=7, holder=3))
    desk.database.write(lambda c: tasks.open_task(c, TaskKind.UNKNOWN_CARD, book=desk.book, at_ms=MORNING_MS, note="card key 1a2b"))
    first = {
        "id": 1,
        "kind": "held",
        "registration": 7,
        "holder": 3,
        "opened_at": "2026-11-02T07:00:00Z",
        "until": None,
        "days_left": None,
        "note": None,
        "advice": [ON_TASKS[TaskKind.HELD][Language.EN]],
        "who": ON_ASKERS[Asker.UNKNOWN][Language.EN],
    }
    told = CALLS["tasks"](desk, {})["items"]
    assert isinstance(told, list)
    assert told[0] == first
    assert [task["note"] for task in told] == [None, "card key 1a2b"]
    assert CALLS["tasks close"](desk, {"id": 1}) == {"id": 1, "closed_at": "2026-11-02T07:00:00Z"}
    left = CALLS["tasks"](desk, {})["items"]
    assert isinstance(left, list)
    assert [task["id"] for task in left] == [2]
    kept = desk.database.read(lambda c: c.execute("SELECT kind, subject FROM evidence ORDER BY id DESC LIMIT 1").fetchone())
    assert kept == ("task_closed", "task:1")


@pytest.mark.parametrize(
    ("kind", "columns", "advice"),
    [
        (TaskKind.VALIDITY, {"state": "accepted", "validity": "invalid"}, "Der Dienst hält diese Meldung für ungültig."),
        (TaskKind.REFUSED, {"state": "refused", "reason": "replacedSsin"}, "Diese INSZ wurde ersetzt."),
        (TaskKind.REMARK, {"state": "accepted", "validity": "valid", "remarks": ("NEW-1",)}, "Der Dienst sagt: NEW-1."),
        (TaskKind.DUPLICATE, {"state": "accepted"}, "Der Dienst zeigt diese Meldung zweimal."),
    ],
)
def test_a_task_says_what_to_do_in_the_managers_language(
    desk: Desk, kind: TaskKind, columns: dict[str, object], advice: str
) -> None:
    """By what the service said of its row, which lies sealed there."""
    row = add_row(desk, 1, draft())
    uid = desk.database.read(lambda c: c.execute("SELECT uid FROM registrations").fetchone()[0])
    if "remarks" in columns:
        columns = {**columns, "remarks": desk.vault.seal(Field.REMARKS, uid, pack_remarks(("NEW-1",)))}
    put(desk, row, **columns)
    desk.database.write(lambda c: tasks.open_task(c, kind, book=desk.book, at_ms=MORNING_MS, registration=row, holder=1))
    told: Any = CALLS["tasks"](desk, {"lang": "de"})["items"]
    assert [sentence[: len(advice)] for task in told for sentence in task["advice"]] == [advice]
    with pytest.raises(UsageError, match="lang"):
        CALLS["tasks"](desk, {"lang": "xx"})


def test_a_task_says_until_when_and_through_whom(desk: Desk) -> None:
    """By the day of the presence and the employer of its registration, in the manager's language."""
    row = add_row(desk, 1, draft(employer=OTHER_EMPLOYER))
    desk.database.write(
        lambda c: tasks.open_task(c, TaskKind.MISSING_OUT, book=desk.book, at_ms=MORNING_MS, registration=row, holder=1)
    )
    (told,) = cast("list[dict[str, object]]", CALLS["tasks"](desk, {"lang": "nl"})["items"])
    who = ON_ASKERS[Asker.EMPLOYER][Language.NL]
    assert (told["until"], told["days_left"], told["who"]) == ("2026-12-02", 30, who)


def test_a_task_that_is_not_there_is_declined(desk: Desk) -> None:
    """Closing twice, or closing nothing, says so; a wrong call is wrong usage."""
    with pytest.raises(Declined, match="no such open task"):
        CALLS["tasks close"](desk, {"id": 1})
    with pytest.raises(UsageError):
        CALLS["tasks close"](desk, {"number": 1})
    with pytest.raises(UsageError):
        CALLS["tasks"](desk, {"state": "open"})
