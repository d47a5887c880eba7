"""The ``tasks`` verb: what needs a human, and that a human has seen to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Final

from kiosk import evidence, tasks
from kiosk.advice import Language
from kiosk.desk import Call, Desk, dossiers, params
from kiosk.desk.dossiers import Dossier
from kiosk.errors import Declined
from kiosk.evidence import Entry
from kiosk.model import rfc3339
from kiosk.task_advice import ON_ASKERS


def tasks_list(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell every open task by ascending id, with advice, until when and through whom it can be corrected: ``{"lang"?}``."""
    params.only(asked, ("lang",))
    language = params.language(asked)
    found = desk.database.read(partial(tasks.open_tasks, book=desk.book))
    return {"items": [task_fields(dossiers.gather(desk, task), language) for task in found]}


def task_fields(dossier: Dossier, language: Language) -> dict[str, object]:
    """Tell a task as ``tasks`` does; dates are local to the site."""
    task = dossier.task
    return {
        "id": task.id,
        "kind": task.kind.value,
        "registration": task.registration,
        "holder": task.holder,
        "opened_at": rfc3339(task.opened_ms),
        "until": None if dossier.until is None else dossier.until.isoformat(),
        "days_left": dossier.days_left,
        "note": task.note,
        "advice": dossier.advice(language),
        "who": None if dossier.asker is None else ON_ASKERS[dossier.asker][language],
    }


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
