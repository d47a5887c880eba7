"""A registration is built again from its tap and today's roster; an OUT follows its IN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from kiosk import amendments
from kiosk.desk import Desk, people, rebuilding
from kiosk.errors import Declined
from kiosk.model import Direction, Draft, State
from kiosk.rules import DeclarationTerm
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk, put
from tests.people import (
    CANARY_CARD,
    CANARY_INSZ,
    DECLARATION,
    OTHER_DECLARATION,
    OTHER_EMPLOYER,
    PLACE,
    invented_card,
    invented_insz,
)

HOUR_MS = 3_600_000
OTHER: dict[str, Any] = {"employer": OTHER_EMPLOYER, "declaration": OTHER_DECLARATION}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A desk with one holder, the canary, without own employer or declaration."""
    with open_desk(tmp_path, Clock(MORNING_MS + 8 * HOUR_MS)) as desk:
        people.badge_add(desk, {"lines": [{"card": CANARY_CARD.identifier.hex(), "insz": CANARY_INSZ.digits}]})
        yield desk


def rebuilt(desk: Desk, row: int) -> Draft:
    """Build one row again, in a transaction."""

    def work(connection: Any) -> Draft:
        found = amendments.sealed_row(connection, book=desk.book, row=row)
        assert found is not None
        return rebuilding.rebuilt(desk, connection, amendments.unseal(desk.vault, found))

    return desk.database.write(work)


def ending(desk: Desk, last: date) -> Desk:
    return replace(desk, declarations=(DeclarationTerm(number=DECLARATION, valid_until=last),))


def test_the_tap_gives_moment_and_place_and_the_roster_the_rest(desk: Desk) -> None:
    """A rebuilt IN keeps the tap's moment and place and takes number, employer and declaration of today."""
    elsewhere = replace(PLACE, latitude=51.0)
    row = add_row(desk, 1, draft(place=elsewhere, ssin=invented_insz(3), **OTHER), State.REFUSED)
    assert rebuilt(desk, row) == draft(place=elsewhere)
    people.holder_edit(desk, {"holder": 1, "enterprise_number": OTHER_EMPLOYER.value})
    assert rebuilt(desk, row) == draft(place=elsewhere, employer=OTHER_EMPLOYER)


def test_an_out_carries_its_in(desk: Desk) -> None:
    """An OUT takes declaration, employer and identity of its IN, whatever the roster says today."""
    add_row(desk, 1, draft(ssin=invented_insz(5), **OTHER), State.ACCEPTED)
    out = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + HOUR_MS), State.REFUSED)
    assert rebuilt(desk, out) == draft(Direction.OUT, MORNING_MS + HOUR_MS, ssin=invented_insz(5), **OTHER)


def test_an_out_without_its_in_is_chosen_afresh(desk: Desk) -> None:
    """An IN that was cancelled, closed by another OUT, later or somebody else's is not carried."""
    people.badge_add(desk, {"lines": [{"card": invented_card(1).identifier.hex(), "insz": invented_insz(1).digits}]})
    add_row(desk, 1, draft(**OTHER), State.ACCEPTED)
    add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 1, **OTHER), State.ACCEPTED)
    add_row(desk, 1, draft(Direction.IN, MORNING_MS + 2, **OTHER), State.CANCELLED)
    add_row(desk, 2, draft(Direction.IN, MORNING_MS + 3, **OTHER), State.ACCEPTED)
    out = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + 4, **OTHER), State.REFUSED)
    add_row(desk, 1, draft(Direction.IN, MORNING_MS + 5, **OTHER), State.ACCEPTED)
    assert rebuilt(desk, out) == draft(Direction.OUT, MORNING_MS + 4)


def test_a_readers_declaration_counts(desk: Desk) -> None:
    """A row of a reader that stands for one declaration is rebuilt for that one; another reader's can't be chosen."""
    both = replace(
        desk,
        declarations=(*desk.declarations, DeclarationTerm(number=OTHER_DECLARATION)),
        reader_declarations={"shed": OTHER_DECLARATION},
    )
    shed, gate = (add_row(desk, 1, draft(), State.REFUSED, reader=reader) for reader in ("shed", "gate"))
    assert rebuilt(both, shed) == draft(declaration=OTHER_DECLARATION)
    with pytest.raises(Declined, match="no declaration can be chosen"):
        rebuilt(both, gate)


def test_the_day_of_a_tap_is_local(desk: Desk) -> None:
    """Half past midnight in Brussels belongs to the new day, though UTC still has the old one."""
    at_ms = int(datetime(2026, 11, 1, 23, 30, tzinfo=UTC).timestamp() * 1000)
    row = add_row(desk, 1, draft(at_ms=at_ms, declaration=None), State.HELD)
    with pytest.raises(Declined, match="valid on the day of the tap"):
        rebuilt(ending(desk, date(2026, 11, 1)), row)
    assert rebuilt(ending(desk, date(2026, 11, 2)), row) == draft(at_ms=at_ms)


def test_an_out_after_midnight_follows_its_held_in(desk: Desk) -> None:
    """An OUT whose IN lacked a declaration is chosen as of the IN's day, with the IN's identity."""
    night = MORNING_MS + 15 * HOUR_MS
    add_row(desk, 1, draft(at_ms=night, declaration=None, ssin=invented_insz(5)), State.HELD)
    left = add_row(desk, 1, draft(Direction.OUT, night + 8 * HOUR_MS, declaration=None), State.HELD)
    owed = rebuilt(ending(desk, date(2026, 11, 2)), left)
    assert owed == draft(Direction.OUT, night + 8 * HOUR_MS, ssin=invented_insz(5))


def test_what_lacks_is_said_with_its_repair(desk: Desk) -> None:
    """Without any employer the sentence says so and names the verb that gives one; nobody's number is in it."""
    row = add_row(desk, 1, draft(employer=None), State.HELD)
    with pytest.raises(Declined, match="no employer is known") as declined:
        rebuilt(replace(desk, employer=None), row)
    assert "kiosk holder edit" in str(declined.value)
    assert CANARY_INSZ.digits not in str(declined.value)


def test_a_damaged_row_is_built_from_what_is_left(desk: Desk) -> None:
    """A row whose seal does not open is built from its clear columns and the site's place; not without the roster."""
    row = add_row(desk, 1, draft(place=replace(PLACE, latitude=51.0)), State.HELD)
    put(desk, row, sealed=bytes(40))
    assert rebuilt(desk, row) == draft()
    desk.database.write(lambda connection: connection.execute("UPDATE profiles SET sealed = zeroblob(40)"))
    with pytest.raises(Declined, match="can't be built again"):
        rebuilt(desk, row)
