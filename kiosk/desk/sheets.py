"""``tasks sheet``: what a human needs beside a task to have it corrected, from book and record. Nothing is filled in for him."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from kiosk import amendments, evidence, tasks, testimony
from kiosk.accounts import Course
from kiosk.amendments import SealedRow
from kiosk.days import RETENTION_DAYS, bounds, day_of
from kiosk.desk import Call, Desk, chores, dossiers, exporting, params
from kiosk.desk.book import because_of
from kiosk.desk.dossiers import Dossier
from kiosk.errors import Declined
from kiosk.model import rfc3339
from kiosk.purging import DAY_MS

#: Entries in one read: no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 100
#: What is handed out, for the record.
_WHAT: Final = "sheet"


def tasks_sheet(desk: Desk, asked: Mapping[str, object]) -> dict[str, object]:
    """Tell a task with its registration, and what else its person tapped that day: ``{"id", "lang"?, "reveal"?, "reason"?}``.

    With ``reveal``, which wants a reason, the INSZ and the name are given too; that is written into the record before.

    Returns:
        ``{"task", "revealed", "person", "reference", "registrations"}``; a registration as an evidence report tells it.

    Raises:
        UsageError: No reason, or one with somebody's number in it.
        Declined: There is no such open task.
    """
    params.only(asked, ("id", "lang", "reveal", "reason", "uid", "user"))
    number, language, reveal = params.number(asked, "id"), params.language(asked), params.flag(asked, "reveal")
    because = because_of(asked) if reveal or asked.get("reason") is not None else None
    task = desk.database.read(partial(tasks.one_open, number=number, book=desk.book))
    if task is None:
        raise Declined("there is no such open task", repair="`kiosk tasks` shows all of them")
    dossier = dossiers.gather(desk, task)
    if reveal:
        facts = {"what": _WHAT, "uid": asked.get("uid"), "revealed": True, "task": task.id, "holder": task.holder}
        exporting.begin(desk, asked, facts=facts, because=because, holder=task.holder)
    until, _ = desk.database.read(evidence.head)
    rows = _rows(desk, dossier)
    course = _course(desk, rows)
    told = (exporting.told(desk, row, until, revealed=reveal, language=language) for row in rows)
    return {
        "task": chores.task_fields(dossier, language),
        "revealed": reveal,
        "person": _person(dossier, revealed=reveal),
        "reference": _reference(dossier),
        "registrations": [course.account(each) for each in told],
    }


def _person(dossier: Dossier, *, revealed: bool) -> dict[str, object]:
    """The INSZ that the registration carries goes before the one of today."""
    kept, profile = dossier.kept, dossier.profile
    insz = kept.draft.ssin if kept is not None and kept.draft is not None else None if profile is None else profile.insz
    return {
        "holder": dossier.task.holder,
        "insz": None if insz is None else insz.digits if revealed else insz.masked,
        "name": profile.name or None if revealed and profile is not None else None,
    }


def _reference(dossier: Dossier) -> dict[str, object]:
    """What whoever asks for the correction must name."""
    kept = dossier.kept
    draft = None if kept is None else kept.draft
    return {
        "registration_id": None if kept is None else kept.row.registration_id,
        "registration_date": None if kept is None or not kept.row.timed else rfc3339(kept.row.at_ms),
        "employer": None if draft is None or draft.employer is None else draft.employer.value,
        "declaration": None if draft is None or draft.declaration is None else draft.declaration.value,
    }


def _rows(desk: Desk, dossier: Dossier) -> list[SealedRow]:
    """The task's own row, and the other taps of its person on the day that it is about."""
    own = [] if dossier.kept is None else [dossier.kept.row]
    task = dossier.task
    if task.holder is None or task.about_ms is None:
        return own
    zone = ZoneInfo(desk.time_zone)
    from_ms, to_ms = bounds(day_of(task.about_ms, zone), zone)
    day = partial(amendments.rows_of, book=desk.book, holder=task.holder, from_ms=from_ms, to_ms=to_ms)
    found = {row.id: row for row in (*desk.database.read(day), *own)}
    return [found[number] for number in sorted(found)]


def _course(desk: Desk, rows: Sequence[SealedRow]) -> Course:
    """The calls that were lost and the outages, as far back as one of them could matter to these rows."""
    course = Course()
    since_ms = min((row.at_ms for row in rows), default=0) - RETENTION_DAYS * DAY_MS
    after = 0
    while rows:
        page = desk.database.read(partial(evidence.about, subject=f"book:{desk.book}", after=after, size=_SLICE))
        for entry in page:
            after = entry.id
            if entry.at_ms >= since_ms:
                course.note(testimony.line(entry, exporting.opened(desk, entry), facts=True, person=False))
        if len(page) < _SLICE:
            break
    return course


#: By the verb's own words.
CALLS: Final[dict[str, Call]] = {"tasks sheet": tasks_sheet}
