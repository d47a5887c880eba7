"""The ``tasks`` verb: what needs a human, and that a human has seen to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Final

from kiosk import amendments, evidence, tasks
from kiosk.advice import Language
from kiosk.desk import Call, Desk, params, views
from kiosk.errors import Declined
from kiosk.evidence import Entry
from kiosk.model import TaskKind, rfc3339
from kiosk.task_advice import ON_TASKS

#: Tasks about what the service said of a registration.
_BY_ROW: Final = frozenset({TaskKind.REFUSED, TaskKind.VALIDITY, TaskKind.REMARK})


def tasks_list(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell every open task by ascending id, with advice: ``{"lang"?}``."""
    params.only(asked, ("lang",))
    language = params.language(asked)
    found = desk.database.read(partial(tasks.open_tasks, book=desk.book))
    return {
        "items": [
            {
                "id": task.id,
                "kind": task.kind.value,
                "registration": task.registration,
                "holder": task.holder,
                "opened_at": rfc3339(task.opened_ms),
                "note": task.note,
                "advice": _advice(desk, task, language),
            }
            for task in found
        ]
    }


def _advice(desk: Desk, task: tasks.Task, language: Language) -> list[str]:
    """What to do, where that is known: what the service said lies sealed on the row, never in the note."""
    if task.kind in ON_TASKS:
        return [ON_TASKS[task.kind][language]]
    if task.kind not in _BY_ROW or task.registration is None:
        return []
    row = desk.database.read(partial(amendments.sealed_row, book=desk.book, row=task.registration))
    return [] if row is None else views.row_advice(amendments.unseal(desk.vault, row), language)


def tasks_close(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Note that a human has seen to a task: ``{"id"}``. It changes no registration.

    Raises:
        Declined: There is no such open task.
    """
    params.only(asked, ("id",))
    number = params.number(asked, "id")
    at_ms = desk.clock().wall_ms

    def work(connection: sqlite3.Connection) -> None:
        if not tasks.close_task(connection, number, book=desk.book, at_ms=at_ms):
            raise Declined("there is no such open task", repair="`kiosk tasks` shows all of them")
        evidence.record(connection, desk.vault, Entry.TASK_CLOSED, f"task:{number}", at_ms=at_ms)

    desk.database.write(work)
    return {"id": number, "closed_at": rfc3339(at_ms)}


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"tasks": tasks_list, "tasks close": tasks_close}
