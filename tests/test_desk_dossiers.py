"""kiosk.desk.dossiers puts together what a task is about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from kiosk import roster, tasks
from kiosk.advice import Language
from kiosk.deadlines import Asker
from kiosk.desk import Desk
from kiosk.desk.dossiers import Dossier, gather
from kiosk.model import BadgeLine, Capacity, ClockReading, Profile, Reason, State, TaskKind
from kiosk.task_advice import ON_REASONS, ON_TASKS
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk, put
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, OTHER_EMPLOYER

DAY_MS = 24 * 3_600_000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with open_desk(tmp_path, clock) as opened:
        yield opened


def _enrol(desk: Desk, line: BadgeLine = CANARY) -> int:
    came = desk.database.write(lambda c: roster.enrol(c, desk.vault, line, at_ms=1))
    assert isinstance(came, roster.Enrolled)
    return came.holder


def _gathered(
    desk: Desk, kind: TaskKind, *, registration: int | None = None, holder: int | None = None, about_ms: int | None = None
) -> Dossier:
    desk.database.write(
        partial(
            tasks.open_task,
            kind=kind,
            book=desk.book,
            at_ms=MORNING_MS,
            registration=registration,
            holder=holder,
            about_ms=about_ms,
        )
    )
    return gather(desk, desk.database.read(lambda c: tasks.open_tasks(c, desk.book))[-1])


def test_it_holds_the_row_and_the_person(desk: Desk) -> None:
    """What is to be sent, and the current profile, opened."""
    holder = _enrol(desk)
    row = add_row(desk, holder, draft())
    found = _gathered(desk, TaskKind.MISSING_OUT, registration=row, holder=holder)
    assert found.kept is not None
    assert (found.kept.draft, found.profile) == (draft(), CANARY.profile)
    assert found.advice(Language.EN) == [ON_TASKS[TaskKind.MISSING_OUT][Language.EN]]


def test_a_held_row_is_advised_by_its_reason(desk: Desk) -> None:
    """While it is held; the task of one that is not any more falls back on what every such task says."""
    row = add_row(desk, 1, draft(), State.HELD, Reason.LATE)
    found = _gathered(desk, TaskKind.HELD, registration=row, holder=1)
    assert found.advice(Language.NL) == [ON_REASONS[Reason.LATE][Language.NL]]
    put(desk, row, state="queued", reason=None)
    assert gather(desk, found.task).advice(Language.NL) == [ON_TASKS[TaskKind.HELD][Language.NL]]


def test_days_are_counted_to_the_last_one(desk: Desk, clock: Clock) -> None:
    """Thirty days from the presence's day; afterwards they are negative; without a trusted clock nobody counts."""
    found = _gathered(desk, TaskKind.HELD, registration=add_row(desk, 1, draft()), holder=1)
    assert (found.until, found.days_left) == (date(2026, 12, 2), 30)
    clock.wall_ms += 33 * DAY_MS
    assert gather(desk, found.task).days_left == -3

    def lost() -> ClockReading:
        return replace(clock(), trusted=False)

    assert gather(replace(desk, clock=lost), found.task).days_left is None


def test_whose_staff_it_is_goes_by_the_registration(desk: Desk) -> None:
    """By the number that it carries, not by what the roster says today."""
    holder = _enrol(desk)
    ours = _gathered(desk, TaskKind.REFUSED, registration=add_row(desk, holder, draft()), holder=holder)
    other = _gathered(desk, TaskKind.REFUSED, registration=add_row(desk, holder, draft(employer=OTHER_EMPLOYER)), holder=holder)
    unknown = _gathered(desk, TaskKind.REFUSED, registration=add_row(desk, holder, draft(employer=None)), holder=holder)
    assert [each.asker for each in (ours, other, unknown)] == [Asker.OURS, Asker.EMPLOYER, Asker.UNKNOWN]


def test_without_a_registration_it_goes_by_the_roster(desk: Desk) -> None:
    """A stay that another channel began; one where nothing is owed is nobody's to correct."""
    profile = Profile(insz=CANARY_INSZ, employer=OTHER_EMPLOYER)
    holder = _enrol(desk, BadgeLine(card=CANARY_CARD, profile=profile))
    assert _gathered(desk, TaskKind.MISSING_OUT, holder=holder, about_ms=MORNING_MS).asker is Asker.EMPLOYER
    assert _gathered(desk, TaskKind.LONG_STAY, holder=holder).asker is None
    assert _gathered(desk, TaskKind.UNKNOWN_CARD, about_ms=MORNING_MS).asker is Asker.UNKNOWN


def test_the_self_employed_ask_themselves(desk: Desk) -> None:
    """Also where the registration carries the number of those for whom they work."""
    profile = Profile(insz=CANARY_INSZ, capacity=Capacity.SELF_EMPLOYED)
    holder = _enrol(desk, BadgeLine(card=CANARY_CARD, profile=profile, says_capacity=True))
    assert _gathered(desk, TaskKind.REFUSED, registration=add_row(desk, holder, draft()), holder=holder).asker is Asker.SELF
