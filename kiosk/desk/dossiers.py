"""What a task is about, put together for a human: its row, its person, until when it can be corrected, and who must ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from kiosk import amendments, roster, rules, tasks
from kiosk.advice import Language
from kiosk.amendments import Kept
from kiosk.days import day_of
from kiosk.deadlines import UNDATED, Asker, asker, until
from kiosk.desk import Desk, views
from kiosk.expiry import days_until
from kiosk.model import Profile, State, TaskKind
from kiosk.task_advice import ON_TASKS

#: Tasks about why a registration stands in one of these states.
_BY_ROW: Final[Mapping[TaskKind, frozenset[State]]] = {
    TaskKind.REFUSED: frozenset(State),
    TaskKind.VALIDITY: frozenset(State),
    TaskKind.REMARK: frozenset(State),
    TaskKind.HELD: frozenset({State.HELD}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A task with what belongs to it.

    Attributes:
        task: The task.
        kept: The registration that it is about, or None.
        profile: What the roster knows of its person now, or None.
        until: The last local day on which it can be corrected, or None.
        days_left: Days until then, negative afterwards; None without one, or while nobody vouches for the clock.
        asker: Who must ask for the correction, or None where none is to be asked for.
    """

    task: tasks.Task
    kept: Kept | None
    profile: Profile | None
    until: date | None
    days_left: int | None
    asker: Asker | None

    def advice(self, language: Language) -> list[str]:
        """What to do: by why its row stands where it does (what the service said lies sealed on it), or by the task's kind."""
        kind = self.task.kind
        by_row = kind in _BY_ROW and self.kept is not None and self.kept.state in _BY_ROW[kind]
        if by_row and self.kept is not None:
            return views.row_advice(self.kept, language)
        return [ON_TASKS[kind][language]] if kind in ON_TASKS else []


def gather(desk: Desk, task: tasks.Task) -> Dossier:
    """Put together what belongs to a task. Seals are opened outside the store's lock."""
    kept = _kept(desk, task)
    profile = _profile(desk, task)
    last = until(task.kind, task.about_ms, ZoneInfo(desk.time_zone))
    now = desk.clock()
    today = day_of(now.wall_ms, ZoneInfo(desk.time_zone))
    return Dossier(
        task=task,
        kept=kept,
        profile=profile,
        until=last,
        days_left=days_until(last, today) if now.trusted else None,
        asker=_asker(desk, task, kept, profile),
    )


def _kept(desk: Desk, task: tasks.Task) -> Kept | None:
    if task.registration is None:
        return None
    row = desk.database.read(partial(amendments.sealed_row, book=desk.book, row=task.registration))
    return None if row is None else amendments.unseal(desk.vault, row)


def _profile(desk: Desk, task: tasks.Task) -> Profile | None:
    if task.holder is None:
        return None
    dated = desk.database.read(partial(roster.profiles_of, vault=desk.vault, holder=task.holder))
    return next((each.profile for each in dated if each.current), None)


def _asker(desk: Desk, task: tasks.Task, kept: Kept | None, profile: Profile | None) -> Asker | None:
    # A stay where nothing is owed has neither: the service knows nothing of it.
    if task.kind in UNDATED or (task.registration is None and task.about_ms is None):
        return None
    employer = None if kept is None or kept.draft is None else kept.draft.employer
    if task.registration is None and profile is not None:
        employer = rules.carried_employer(profile.employer, profile.capacity, desk.self_employed) or desk.employer
    return asker(employer=employer, own=desk.employer, capacity=None if profile is None else profile.capacity)
