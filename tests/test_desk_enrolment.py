"""Badge lines go into the roster all together or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.badge_lines import Numbered
from kiosk.desk import Desk, enrolment
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.model import BadgeLine, Profile
from tests.desks import Clock, open_desk
from tests.people import CANARY, EMPLOYER, OTHER_EMPLOYER, invented_insz, invented_line


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, Clock()) as desk:
        yield desk


def numbered(*lines: BadgeLine) -> list[Numbered]:
    return [Numbered(number, line) for number, line in enumerate(lines, 1)]


def employed(number: int, employer: object) -> BadgeLine:
    return BadgeLine(
        card=invented_line(number).card,
        profile=Profile(insz=invented_insz(number), employer=employer),  # type: ignore[arg-type]  # an employer or None
    )


def entries(desk: Desk) -> list[str]:
    rows = desk.database.read(lambda connection: connection.execute("SELECT kind FROM evidence ORDER BY id").fetchall())
    return [kind for (kind,) in rows if kind != Entry.BOOK_OPENED]


def test_all_lines_are_applied_and_each_change_is_recorded(desk: Desk) -> None:
    """Every new badge and every corrected holder leaves one entry; a line that changes nothing leaves none."""
    applied = enrolment.apply(desk, numbered(CANARY, invented_line(1)))
    assert [one.came.badge for one in applied] == [1, 2]
    enrolment.apply(desk, numbered(CANARY, employed(1, EMPLOYER)))
    assert entries(desk) == [Entry.BADGE_ADDED, Entry.BADGE_ADDED, Entry.HOLDER_EDITED]
    assert [badge.card for badge, _ in enrolment.everybody(desk)] == [CANARY.card, invented_line(1).card]


def test_a_preview_leaves_no_trace(desk: Desk) -> None:
    """A preview says what would come of each line, and neither roster nor record knows of it."""
    (one,) = enrolment.apply(desk, numbered(CANARY), preview=True)
    assert one.came.new_holder
    assert list(enrolment.everybody(desk)) == []
    assert entries(desk) == []


def test_one_taken_card_undoes_every_line(desk: Desk) -> None:
    """With one card of another holder, none of the lines before or after it is applied."""
    enrolment.apply(desk, numbered(CANARY))
    taken = BadgeLine(card=CANARY.card, profile=invented_line(2).profile)
    with pytest.raises(Declined, match=r"line 2: this card, \*+AD80, is the badge of holder 1"):
        enrolment.apply(desk, numbered(invented_line(1), taken, invented_line(3)))
    assert len(list(enrolment.everybody(desk))) == 1
    assert len(entries(desk)) == 1


def test_a_holder_that_does_not_open_is_told_by_its_line(desk: Desk) -> None:
    """A damaged holder names the line, and undoes the others."""
    enrolment.apply(desk, numbered(CANARY))
    desk.database.write(lambda connection: connection.execute("UPDATE profiles SET sealed = zeroblob(40)"))
    with pytest.raises(Declined, match="line 2"):
        enrolment.apply(desk, numbered(invented_line(1), CANARY))
    assert len(list(enrolment.everybody(desk))) == 1


def test_an_empty_employer_is_a_guess_once_there_are_two(desk: Desk) -> None:
    """One known employer is no question; with two, in file or roster, each empty line is named."""
    enrolment.refuse_guessed_employers(desk, numbered(employed(1, EMPLOYER), employed(2, None)))
    with pytest.raises(UsageError, match="line 2: the employer is empty"):
        enrolment.refuse_guessed_employers(desk, numbered(employed(1, OTHER_EMPLOYER), employed(2, None)))
    enrolment.apply(desk, numbered(employed(1, OTHER_EMPLOYER)))
    with pytest.raises(UsageError, match="line 1"):
        enrolment.refuse_guessed_employers(desk, numbered(employed(2, None)))
    enrolment.refuse_guessed_employers(desk, numbered(employed(2, EMPLOYER)))
    visitor = employed(2, None)
    enrolment.refuse_guessed_employers(desk, numbered(replace(visitor, profile=replace(visitor.profile, local=True))))
