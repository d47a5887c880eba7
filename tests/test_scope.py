"""An export is about some people and days: which rows, purged ones too, and which entries of the record belong to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import evidence
from kiosk.desk import Desk
from kiosk.evidence import Entry
from kiosk.purging import DAY_MS
from kiosk.scope import Scope, shown, span
from kiosk.vault import Field
from tests.desks import MORNING_MS, put
from tests.exported import note, small_site

TODAY = (MORNING_MS, MORNING_MS + DAY_MS)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with small_site(tmp_path) as each:
        yield each


def subjects(desk: Desk, wanted: Scope) -> set[str]:
    """Of which subjects the facts are shown."""

    def look(connection: sqlite3.Connection) -> set[str]:
        entries = evidence.window(connection, after=0, size=100)
        return {entry.subject for entry in entries if shown(connection, desk.vault, wanted, entry)[0]}

    return desk.database.read(look)


def of(desk: Desk, holder: int | None = None, window: tuple[int, int] | tuple[None, None] = (None, None)) -> Scope:
    return Scope(book=desk.book, holder=holder, from_ms=window[0], until_ms=window[1])


@pytest.mark.parametrize(
    ("earliest", "latest", "covered"),
    [
        (5, 5, True),
        (10, 10, False),
        (4, 4, False),
        (1, 5, True),
        (9, 20, True),
        (None, None, True),
        (None, 4, False),
        (10, None, False),
    ],
)
def test_a_moment_or_an_interval_is_covered_where_it_may_lie_inside(
    earliest: int | None,
    latest: int | None,
    covered: bool,  # noqa: FBT001  a column of the table
) -> None:
    """The first moment is, the one after the last is not; of what nobody knows nothing is left out."""
    assert Scope(book=1, from_ms=5, until_ms=10).covers(1, earliest, latest) is covered


def test_another_person_is_not_covered() -> None:
    """Nor is what has no person."""
    wanted = Scope(book=1, holder=3)
    assert [wanted.covers(holder, 5, 5) for holder in (3, 4, None)] == [True, False, False]


def test_a_tap_lies_at_its_moment_or_between_what_is_known() -> None:
    """Untrusted readings decide nothing."""
    assert span(7, timed=True, earliest_ms=1, latest_ms=9) == (7, 7)
    assert span(7, timed=False, earliest_ms=1, latest_ms=None) == (1, None)


def test_what_names_nobody_is_always_shown_and_its_words_never(desk: Desk) -> None:
    """The box, its book, its groups: facts, but not what a human wrote there."""
    assert {"box", "book:1"} <= subjects(desk, of(desk, 9))
    entry = desk.database.read(lambda c: evidence.window(c, after=0, size=1))[0]
    assert desk.database.read(lambda c: shown(c, desk.vault, of(desk), entry)) == (True, False)


def test_one_person_is_shown_and_nobody_else(desk: Desk) -> None:
    """By the rows that are his, and what is told of him, his badges and his tasks; by no other."""
    for subject in ("holder:1", "holder:2", "badge:1", "badge:2", "task:9", "thing:1"):
        note(desk, Entry.HOLDER_EDITED, subject, {"profile": 1})
    desk.database.write(lambda c: c.execute("INSERT INTO tasks (id, kind, book, holder, opened_ms) VALUES (9, 'held', 1, 1, 0)"))
    assert subjects(desk, of(desk, 1)) - {"box", "book:1"} == {"registration:1", "holder:1", "badge:1", "task:9"}
    assert subjects(desk, of(desk, 2)) - {"box", "book:1"} == {"registration:2", "holder:2", "badge:2"}


def test_only_the_days_that_were_asked_for_are_shown(desk: Desk) -> None:
    """By the moment of the tap; a row whose time is not known stays in."""
    put(desk, 2, at_ms=MORNING_MS + 3 * DAY_MS)
    assert subjects(desk, of(desk, window=TODAY)) >= {"registration:1"}
    assert "registration:2" not in subjects(desk, of(desk, window=TODAY))
    put(desk, 2, clock_trusted=0)
    assert "registration:2" in subjects(desk, of(desk, window=TODAY))


def test_a_row_of_another_book_is_not_shown(desk: Desk) -> None:
    """What was tried in training is no evidence of production."""
    assert subjects(desk, Scope(book=desk.book + 1)) == {"box", "book:1"}


def test_a_row_that_was_purged_is_known_by_its_tap(desk: Desk) -> None:
    """By whose it was and when, healed or as the trusted clock said; where the record can't be opened it is not shown."""
    desk.database.write(lambda c: c.execute("DELETE FROM registrations"))
    assert subjects(desk, of(desk, 1, TODAY)) - {"box", "book:1"} == {"registration:1"}
    note(desk, Entry.HEALED, "registration:1", {"at_ms": MORNING_MS + 3 * DAY_MS})
    assert "registration:1" not in subjects(desk, of(desk, 1, TODAY))
    desk.database.write(lambda c: evidence.erase(c, [4]))
    assert "registration:1" not in subjects(desk, of(desk))


def test_damage_in_the_record_shows_nothing(desk: Desk) -> None:
    """A seal that does not open is never taken for the person asked for."""
    desk.database.write(lambda c: c.execute("DROP TRIGGER evidence_is_unchanged"))
    sealed = desk.vault.seal(Field.EVIDENCE, bytes(16), b"[]")
    desk.database.write(lambda c: c.execute("UPDATE evidence SET sealed = ? WHERE id = 4", (sealed,)))
    desk.database.write(lambda c: c.execute("DELETE FROM registrations"))
    assert "registration:1" not in subjects(desk, of(desk))
