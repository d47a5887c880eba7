"""kiosk.desk.sheets tells a task with what proves it, masked unless somebody says why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk import evidence, tasks
from kiosk.desk import Desk
from kiosk.desk.chores import CALLS as CHORES
from kiosk.desk.sheets import CALLS
from kiosk.errors import Declined, UsageError
from kiosk.model import Direction, TaskKind
from tests.desks import MORNING_MS, add_row, draft, put
from tests.exported import ASKER, small_site
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME, DECLARATION, EMPLOYER

REASON = "asked for by the inspectorate"
PERSONAL = (CANARY_INSZ.digits, CANARY_NAME, CANARY_CARD.identifier.hex())
HOUR_MS = 3_600_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with small_site(tmp_path) as each:
        yield each


def _sheet(desk: Desk, **asked: object) -> dict[str, Any]:
    number = desk.database.read(lambda c: tasks.open_tasks(c, desk.book))[-1].id
    return json.loads(json.dumps(CALLS["tasks sheet"](desk, {"id": number, **ASKER, **asked})))  # type: ignore[no-any-return]


def _ask(desk: Desk, kind: TaskKind = TaskKind.MISSING_OUT, **about: Any) -> None:
    desk.database.write(lambda c: tasks.open_task(c, kind, book=desk.book, at_ms=MORNING_MS, **about))


def _entries(desk: Desk) -> list[str]:
    return [entry.kind for entry in desk.database.read(lambda c: evidence.window(c, after=0, size=1000))]


def test_it_holds_what_happened_and_what_must_be_named(desk: Desk) -> None:
    """The tap with its clock, the lost call and the outage, the answer, the task as listed, and the numbers for the NSSO."""
    put(desk, 1, registration_id=71, confirmed_ms=MORNING_MS + 5000)
    _ask(desk, registration=1, holder=1)
    told = _sheet(desk)
    assert told["task"] == CHORES["tasks"](desk, {})["items"][0]  # type: ignore[index]  # JSON
    assert told["reference"] == {
        "registration_id": 71,
        "registration_date": "2026-11-02T07:00:00Z",
        "employer": EMPLOYER.value,
        "declaration": DECLARATION.value,
    }
    (row,) = told["registrations"]
    assert (row["tap"]["source"], row["tap"]["error_bound_seconds"], row["reader"]) == ("kernel", 0.01, "gate")
    assert [(each["outcome"], each["why"]) for each in row["attempts"]] == [("not_sent", "no route"), ("accepted", None)]
    assert [each["fault"] for each in row["outages"]] == ["network"]


def test_it_is_masked_unless_somebody_says_why_not(desk: Desk) -> None:
    """Without --reveal nothing personal and no entry; with it INSZ and name, after an entry with who asked and why."""
    _ask(desk, registration=1, holder=1)
    before = _entries(desk)
    masked = _sheet(desk)
    assert masked["person"] == {"holder": 1, "insz": CANARY_INSZ.masked, "name": None}
    assert [each for each in PERSONAL if each in json.dumps(masked, ensure_ascii=False)] == []
    assert _entries(desk) == before
    told = _sheet(desk, reveal=True, reason=REASON)
    assert told["person"] == {"holder": 1, "insz": CANARY_INSZ.digits, "name": CANARY_NAME}
    assert _entries(desk) == [*before, "exported"]
    newest = desk.database.read(lambda c: evidence.window(c, after=len(before), size=1))[0]
    content = evidence.opened(desk.vault, newest.uid, newest.sealed or b"")
    assert (newest.subject, content.facts) == (
        "holder:1",
        {"what": "sheet", "uid": 1000, "revealed": True, "task": 1, "holder": 1},
    )
    assert content.person == {"because": REASON, "user": "somebody"}


def test_what_else_its_person_tapped_that_day_is_on_it(desk: Desk) -> None:
    """The whole local day, of him alone."""
    out = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 9 * HOUR_MS))
    add_row(desk, 1, draft(at_ms=MORNING_MS + 24 * HOUR_MS))
    _ask(desk, TaskKind.MISSING_IN, registration=out, holder=1)
    assert [row["id"] for row in _sheet(desk)["registrations"]] == [1, out]


def test_a_row_whose_time_nobody_knows_names_no_moment(desk: Desk) -> None:
    """What the clock said is on the sheet; as the moment to be named it would be a guess."""
    row = add_row(desk, 1, draft(), trusted=False)
    _ask(desk, TaskKind.HELD, registration=row, holder=1)
    told = _sheet(desk)
    assert told["reference"]["registration_date"] is None
    assert [each["id"] for each in told["registrations"]] == [row]


def test_a_task_about_nobody_has_a_sheet_too(desk: Desk) -> None:
    """An unknown card: no person, no row."""
    _ask(desk, TaskKind.UNKNOWN_CARD, note="card key 1a2b", about_ms=MORNING_MS)
    told = _sheet(desk)
    assert (told["person"], told["registrations"]) == ({"holder": None, "insz": None, "name": None}, [])
    assert told["task"]["until"] == "2026-12-02"


def test_what_is_wrongly_asked_is_refused(desk: Desk) -> None:
    """No such open task, no reason, a time: nobody can have one typed in."""
    with pytest.raises(Declined, match="no such open task"):
        CALLS["tasks sheet"](desk, {"id": 9})
    _ask(desk, registration=1, holder=1)
    for asked in ({"reveal": True}, {"reveal": True, "reason": CANARY_INSZ.digits}, {"out": "17:00"}, {"lang": "xx"}):
        with pytest.raises(UsageError):
            _sheet(desk, **asked)
    assert "exported" not in _entries(desk)
