"""Badges and holders over the desk: all or nothing, dated, recorded, and masked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kiosk import badges, tasks
from kiosk.desk import Desk
from kiosk.desk.people import CALLS
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.model import Direction, TaskKind
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk
from tests.people import (
    CANARY_CARD,
    CANARY_INSZ,
    CANARY_NAME,
    DECLARATION,
    EMPLOYER,
    OTHER_EMPLOYER,
    invented_card,
    invented_insz,
)

CARD = CANARY_CARD.identifier.hex()
LINE = {"card": CARD, "insz": CANARY_INSZ.digits, "name": CANARY_NAME, "language": "fr"}


def line(number: int, **more: object) -> dict[str, object]:
    return {"card": invented_card(number).identifier.hex(), "insz": invented_insz(number).digits, **more}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    with open_desk(tmp_path, clock) as desk:
        yield desk


def call(desk: Desk, name: str, /, **asked: object) -> dict[str, Any]:
    """Make a call as the control socket would: JSON in, JSON out."""
    answer: dict[str, Any] = json.loads(json.dumps(CALLS[name](desk, json.loads(json.dumps(asked)))))
    return answer


def entries(desk: Desk) -> list[str]:
    rows = desk.database.read(lambda connection: connection.execute("SELECT kind, subject FROM evidence ORDER BY id").fetchall())
    return [f"{kind} {subject}" for kind, subject in rows if kind != Entry.BOOK_OPENED]


def count(desk: Desk, table: str) -> int:
    found: int = desk.database.read(lambda connection: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
    return found


def kinds(desk: Desk) -> list[TaskKind]:
    return [task.kind for task in desk.database.read(lambda connection: tasks.open_tasks(connection, desk.book))]


def test_a_badge_is_added_and_listed(desk: Desk) -> None:
    """What was added stands in the list, with the name and with numbers masked."""
    added = call(desk, "badge add", lines=[LINE, json.dumps(line(1, enterprise_number=OTHER_EMPLOYER.value))])
    assert added == {
        "items": [
            {"id": 1, "holder": 1, "card": CANARY_CARD.masked, "line": 1, "added": True},
            {"id": 2, "holder": 2, "card": invented_card(1).masked, "line": 2, "added": True},
        ]
    }
    first, second = call(desk, "badge list")["items"]
    assert first == {
        "id": 1,
        "holder": 1,
        "card": CANARY_CARD.masked,
        "technology": None,
        "trust": None,
        "added_at": "2026-11-02T07:00:00Z",
        "revoked_at": None,
        "insz": CANARY_INSZ.masked,
        "name": CANARY_NAME,
        "language": "fr",
        "enterprise_number": None,
        "foreign_vat_number": None,
        "declaration": None,
        "personnel_number": None,
        "capacity": "employee",
        "local": False,
        "damaged": False,
    }
    assert (second["id"], second["name"], second["enterprise_number"]) == (2, None, OTHER_EMPLOYER.value)
    assert entries(desk) == ["badge_added badge:1", "badge_added badge:2"]


def test_the_same_line_again_is_fine_and_changes_nothing(desk: Desk) -> None:
    """The same card for the same holder succeeds with nothing added and nothing recorded."""
    call(desk, "badge add", lines=[LINE])
    again = call(desk, "badge add", lines=[LINE, LINE])
    assert [(item["id"], item["added"]) for item in again["items"]] == [(1, False), (1, False)]
    assert entries(desk) == ["badge_added badge:1"]


def test_one_bad_line_and_nothing_is_added(desk: Desk) -> None:
    """A mistake in one line keeps every line out."""
    with pytest.raises(UsageError, match="line 2, insz"):
        call(desk, "badge add", lines=[LINE, line(1, insz="1")])
    assert count(desk, "holders") == 0


def test_a_taken_card_keeps_every_line_out(desk: Desk) -> None:
    """Cards of other holders are all named by their lines, masked, and no line is applied."""
    call(desk, "badge add", lines=[LINE])
    with pytest.raises(Declined) as refused:
        call(desk, "badge add", lines=[line(1), line(2, card=CARD), line(3), line(4, card=CARD)])
    assert [sentence.partition(":")[0] for sentence in refused.value.message.split("\n")] == ["line 2", "line 4"]
    assert CARD.upper() not in str(refused.value).upper()
    assert (count(desk, "holders"), count(desk, "badges"), len(entries(desk))) == (1, 1, 1)


@pytest.mark.parametrize("asked", [{}, {"lines": {}}, {"lines": []}, {"lines": ["", None]}, {"lines": [LINE], "lins": 1}])
def test_a_call_without_badges_is_wrong_usage(desk: Desk, asked: Mapping[str, object]) -> None:
    """No lines, or a parameter that is not known, is wrong usage."""
    with pytest.raises(UsageError):
        call(desk, "badge add", **asked)


def test_a_damaged_holder_is_named_by_the_line(desk: Desk) -> None:
    """A line about a holder whose seal does not open says which line it is, and changes nothing."""
    call(desk, "badge add", lines=[LINE])
    desk.database.write(lambda connection: connection.execute("UPDATE profiles SET sealed = zeroblob(40)"))
    with pytest.raises(Declined, match="line 2: a sealed profile"):
        call(desk, "badge add", lines=[line(1), {**LINE, "name": "Other"}])
    assert count(desk, "holders") == 1
    assert call(desk, "badge list")["items"][0]["damaged"] is True
    assert call(desk, "holder show", holder=1)["profiles"][0]["damaged"] is True


def test_a_badge_is_revoked_by_card_or_id(desk: Desk, clock: Clock) -> None:
    """A lost badge is revoked at once, recorded once, and stays revoked since then."""
    call(desk, "badge add", lines=[LINE, {**LINE, "card": line(1)["card"]}])
    clock.wall_ms += 1000
    assert call(desk, "badge revoke", card=f"UID:{CARD.upper()}")["revoked_at"] == "2026-11-02T07:00:01Z"
    clock.wall_ms += 1000
    assert call(desk, "badge revoke", id=1)["revoked_at"] == "2026-11-02T07:00:01Z"
    assert call(desk, "badge revoke", id=2)["revoked_at"] == "2026-11-02T07:00:02Z"
    assert entries(desk)[2:] == ["badge_revoked badge:1", "badge_revoked badge:2"]
    assert kinds(desk) == []


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"id": 9}, Declined),
        ({"card": "04000000"}, Declined),
        ({}, UsageError),
        ({"id": 1, "card": CARD}, UsageError),
        ({"id": True}, UsageError),
        ({"id": 0}, UsageError),
        ({"card": "xyz"}, UsageError),
    ],
)
def test_a_badge_to_revoke_must_be_named_and_known(desk: Desk, asked: Mapping[str, object], error: type[Exception]) -> None:
    """An unknown badge is declined, a badge that is not or wrongly named is wrong usage."""
    with pytest.raises(error):
        call(desk, "badge revoke", **asked)


def test_a_revoked_badge_leaves_the_stay_open_with_a_task(desk: Desk) -> None:
    """Revoking the last badge of somebody inside opens a task and closes no stay; a new badge closes the task."""
    call(desk, "badge add", lines=[LINE, {**LINE, "card": line(1)["card"]}])
    row = add_row(desk, 1, draft())
    call(desk, "badge revoke", card=CARD)
    assert kinds(desk) == []
    call(desk, "badge revoke", id=2)
    assert kinds(desk) == [TaskKind.REVOKED_OPEN_STAY]
    assert [task.about_ms for task in desk.database.read(lambda c: tasks.open_tasks(c, desk.book))] == [MORNING_MS]
    assert call(desk, "holder show", holder=1)["open_stay"] == {"registration": row, "since": "2026-11-02T07:00:00Z"}
    call(desk, "badge add", lines=[LINE])
    assert kinds(desk) == []
    assert call(desk, "badge list")["items"][0]["revoked_at"] is None
    assert entries(desk)[-1] == "badge_added badge:1"


def test_somebody_outside_leaves_no_task(desk: Desk) -> None:
    """Revoking the badge of somebody who left opens no task."""
    call(desk, "badge add", lines=[LINE])
    add_row(desk, 1, draft())
    add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 1000))
    call(desk, "badge revoke", id=1)
    assert kinds(desk) == []
    assert call(desk, "holder show", holder=1)["open_stay"] is None


def test_a_holder_is_shown_by_id_card_or_any_insz(desk: Desk, clock: Clock) -> None:
    """The same holder is told by every way to name him, with his history and badges."""
    call(desk, "badge add", lines=[LINE])
    clock.wall_ms += 60_000
    call(desk, "holder replace-insz", holder=1, insz=invented_insz(9).digits)
    shown = call(desk, "holder show", holder=1)
    assert shown["insz"] == invented_insz(9).masked
    assert [(past["insz"], past["valid_from"]) for past in shown["profiles"]] == [
        (CANARY_INSZ.masked, "2026-11-02T07:00:00Z"),
        (invented_insz(9).masked, "2026-11-02T07:01:00Z"),
    ]
    assert [badge["card"] for badge in shown["badges"]] == [CANARY_CARD.masked]
    for who in ({"card": CARD}, {"insz": CANARY_INSZ.digits}, {"insz": invented_insz(9).digits}):
        assert call(desk, "holder show", **who) == shown
    assert entries(desk)[-1] == "insz_replaced holder:1"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"holder": 9}, Declined),
        ({"card": "04000000"}, Declined),
        ({"insz": invented_insz(5).digits}, Declined),
        ({"insz": "1"}, UsageError),
        ({}, UsageError),
        ({"holder": 1, "card": CARD}, UsageError),
    ],
)
def test_a_holder_to_show_must_be_named_and_known(desk: Desk, asked: Mapping[str, object], error: type[Exception]) -> None:
    """An unknown holder is declined, one that is not or wrongly named is wrong usage."""
    with pytest.raises(error):
        call(desk, "holder show", **asked)


def test_an_edit_holds_from_now_on(desk: Desk, clock: Clock) -> None:
    """A field given is set, an empty one cleared, one left out stays; the old profile is kept, the change recorded."""
    call(desk, "badge add", lines=[{**LINE, "enterprise_number": EMPLOYER.value, "personnel_number": "P-7"}])
    clock.wall_ms += 60_000
    changed = call(desk, "holder edit", card=CARD, language="nl", declaration=DECLARATION.value, personnel_number="")
    assert changed["changed"] is True
    assert {name: changed[name] for name in ("name", "language", "enterprise_number", "declaration", "personnel_number")} == {
        "name": CANARY_NAME,
        "language": "nl",
        "enterprise_number": EMPLOYER.value,
        "declaration": DECLARATION.value,
        "personnel_number": None,
    }
    cleared = call(desk, "holder edit", holder=1, name=None, language=None, enterprise_number=None, declaration=None)
    assert [cleared[name] for name in ("name", "language", "enterprise_number", "declaration")] == [None] * 4
    assert len(cleared["profiles"]) == 3
    assert entries(desk)[1:] == ["holder_edited holder:1"] * 2


def test_an_edit_to_what_already_is_changes_nothing(desk: Desk) -> None:
    """An edit that changes nothing makes no profile and no entry."""
    call(desk, "badge add", lines=[LINE])
    same = call(desk, "holder edit", holder=1, name=CANARY_NAME)
    assert same["changed"] is False
    assert len(same["profiles"]) == 1
    assert len(entries(desk)) == 1


def test_an_employer_is_replaced_whole(desk: Desk) -> None:
    """A foreign employer takes the place of a Belgian one."""
    call(desk, "badge add", lines=[{**LINE, "enterprise_number": EMPLOYER.value}])
    changed = call(desk, "holder edit", holder=1, foreign_vat_number="NL809083001")
    assert (changed["enterprise_number"], changed["foreign_vat_number"]) == (None, "NL809083001")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"holder": 1}, "nothing to change"),
        ({"name": "x"}, "name one of holder, card"),
        ({"holder": 1, "insz": "1"}, "not known"),
        ({"holder": 1, "language": "?", "declaration": "1"}, "language.*\n.*declaration"),
    ],
)
def test_a_wrong_edit_is_told(desk: Desk, asked: Mapping[str, object], told: str) -> None:
    """An edit that names nobody, changes nothing or has bad fields is wrong usage, with all bad fields at once."""
    call(desk, "badge add", lines=[LINE])
    with pytest.raises(UsageError, match=told):
        call(desk, "holder edit", **asked)


def test_an_insz_of_another_holder_is_never_taken(desk: Desk) -> None:
    """A number that is or was another holder's is declined, also after that one got a new number; one's own old one is fine."""
    call(desk, "badge add", lines=[LINE, line(1)])
    with pytest.raises(Declined, match="another holder"):
        call(desk, "holder replace-insz", holder=1, insz=invented_insz(1).digits)
    call(desk, "holder replace-insz", holder=2, insz=invented_insz(3).digits)
    with pytest.raises(Declined, match="another holder"):
        call(desk, "holder replace-insz", holder=1, insz=invented_insz(1).digits)
    assert call(desk, "holder replace-insz", holder=2, insz=invented_insz(1).digits)["changed"] is True
    assert call(desk, "holder replace-insz", holder=2, insz=invented_insz(1).digits)["changed"] is False
    with pytest.raises(UsageError, match="insz"):
        call(desk, "holder replace-insz", holder=1, insz="123")


def test_the_record_keeps_no_name_in_clear(desk: Desk) -> None:
    """Whatever is recorded of a change, subjects are ids and details are sealed."""
    call(desk, "badge add", lines=[LINE])
    call(desk, "holder edit", holder=1, name="Other")
    rows = desk.database.read(lambda connection: connection.execute("SELECT * FROM evidence").fetchall())
    told = repr(rows)
    for secret in (CANARY_NAME, CANARY_INSZ.digits, CARD, "Other"):
        assert secret not in told


def test_any_holder_is_found_by_the_tap(desk: Desk) -> None:
    """What the desk added, a tap finds."""
    call(desk, "badge add", lines=[LINE])
    holder = desk.database.read(lambda connection: badges.holder_of(connection, desk.vault, CANARY_CARD))
    assert holder == 1
