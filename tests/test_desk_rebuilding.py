"""A registration is built again from its tap and today's roster; an OUT follows its IN."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from kiosk import amendments
from kiosk.desk import Desk, book, people, rebuilding
from kiosk.errors import Declined
from kiosk.model import Direction, Draft, Reason, State
from kiosk.rules import DeclarationTerm
from tests.desks import MORNING_MS, Clock, add_row, draft, holds, open_desk, put
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
    """A row of a reader that stands for one declaration is rebuilt for that one; elsewhere what was chosen at the tap stays."""
    both = replace(
        desk,
        declarations=(*desk.declarations, DeclarationTerm(number=OTHER_DECLARATION)),
        reader_declarations={"shed": OTHER_DECLARATION},
    )
    shed, gate = (add_row(desk, 1, draft(), State.REFUSED, reader=reader) for reader in ("shed", "gate"))
    pressed = add_row(desk, 1, draft(declaration=OTHER_DECLARATION), State.REFUSED)
    lacking = add_row(desk, 1, draft(declaration=None), State.HELD, Reason.DECLARATION)
    assert rebuilt(both, shed) == rebuilt(both, pressed) == draft(declaration=OTHER_DECLARATION)
    assert rebuilt(both, gate) == draft()
    assert rebuilt(desk, pressed) == draft()  # what was chosen is no longer configured
    with pytest.raises(Declined, match="no declaration can be chosen"):
        rebuilt(both, lacking)


def test_the_day_of_a_tap_is_local(desk: Desk) -> None:
    """Half past midnight in Brussels belongs to the new day, though UTC still has the old one."""
    at_ms = int(datetime(2026, 11, 1, 23, 30, tzinfo=UTC).timestamp() * 1000)
    row = add_row(desk, 1, draft(at_ms=at_ms, declaration=None), State.HELD)
    with pytest.raises(Declined, match="valid on the day of the tap"):
        rebuilt(ending(desk, date(2026, 11, 1)), row)
    assert rebuilt(ending(desk, date(2026, 11, 2)), row) == draft(at_ms=at_ms)


def test_an_out_after_midnight_follows_its_held_in(desk: Desk) -> None:
    """An OUT whose IN lacked a declaration is chosen as of the IN's day, as the IN itself will be."""
    night = MORNING_MS + 15 * HOUR_MS
    came = add_row(desk, 1, draft(at_ms=night, declaration=None, ssin=invented_insz(5)), State.HELD, Reason.DECLARATION)
    left = add_row(desk, 1, draft(Direction.OUT, night + 8 * HOUR_MS, declaration=None), State.HELD, Reason.DECLARATION)
    two = ending(desk, date(2026, 11, 2))
    assert rebuilt(two, came) == draft(at_ms=night)
    assert rebuilt(two, left) == draft(Direction.OUT, night + 8 * HOUR_MS)


@pytest.mark.parametrize(
    ("state", "reason", "anew"),
    [
        (State.REFUSED, None, True),
        (State.HELD, Reason.LINK, True),
        (State.HELD, Reason.LATE, False),
        (State.HELD, Reason.CHANNEL, False),
        (State.HELD, Reason.CLOCK, False),
        *((state, None, False) for state in (State.QUEUED, State.IN_FLIGHT, State.UNKNOWN, State.ACCEPTED)),
    ],
)
def test_it_does_not_matter_which_of_a_stay_is_built_again_first(
    desk: Desk,
    state: State,
    reason: Reason | None,
    anew: bool,  # noqa: FBT001  a row of the table
) -> None:
    """Where an IN will be built again itself, its OUT follows what it will be; else it follows what it is."""
    as_it_was: dict[str, Any] = {"ssin": invented_insz(5), "employer": OTHER_EMPLOYER}
    add_row(desk, 1, draft(**as_it_was), state, reason)
    left = add_row(desk, 1, draft(Direction.OUT, MORNING_MS + HOUR_MS, **as_it_was), State.REFUSED)
    assert rebuilt(desk, left) == draft(Direction.OUT, MORNING_MS + HOUR_MS, **({} if anew else as_it_was))


REPLACED = "badRequest, cbss:input-validation:replacedSsin"


@pytest.mark.parametrize("first", ["in", "out"])
@pytest.mark.parametrize(
    ("came", "left", "changed"),
    [
        (State.REFUSED, State.REFUSED, ("in", "out")),
        (State.ACCEPTED, State.REFUSED, ("out",)),
        (State.REFUSED, State.ACCEPTED, ("in",)),
    ],
)
def test_a_replaced_number_is_put_right_once_it_is_known(
    desk: Desk, came: State, left: State, changed: tuple[str, ...], first: str
) -> None:
    """What the service refused under the old number goes under the new one, an OUT also where its IN was taken under the old."""
    rows = {
        name: add_row(desk, 1, draft(Direction(name), MORNING_MS + n), state, None)
        for n, (name, state) in enumerate({"in": came, "out": left}.items())
    }
    for name in changed:
        put(desk, rows[name], reason=REPLACED)
        with pytest.raises(Declined, match="was replaced by another one") as declined:
            rebuilt(desk, rows[name])
        assert "kiosk holder replace-insz 1" in str(declined.value)
        assert CANARY_INSZ.digits not in str(declined.value)
    people.holder_replace_insz(desk, {"holder": 1, "insz": invented_insz(8).digits})
    for name in sorted(changed, key=lambda name: name != first):
        book.CALLS["outbox retry"](desk, {"id": rows[name]})
        assert holds(desk, rows[name]).ssin == invented_insz(8)


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
