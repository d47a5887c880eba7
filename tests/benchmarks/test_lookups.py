"""What a growing store costs the two looks that everything waits for: a tap's for its badge, delivery's for what is due."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from kiosk import claims, roster
from kiosk.batches import Terms
from kiosk.records import card_bytes
from kiosk.vault import Field, Index, new_uid
from tests.benchmarks.rounds import Comparison, best, compare, seconds_of
from tests.benchmarks.stage import HOLDERS, Stage
from tests.benchmarks.table import Figure, Table
from tests.people import invented_card

_ROUNDS = 15
#: Badges of the small roster; the same are looked up in the large one.
_FEW = 1_000
_DUE = 200
#: Each limit leaves room for a machine that others use; without an index it would be hundreds.
_BADGES_GOAL, _BADGES_LIMIT = 1.3, 1.6
_BARE_GOAL, _BARE_LIMIT = 4.0, 8.0
_DUE_GOAL, _DUE_LIMIT = 1.25, 1.6

pytestmark = pytest.mark.benchmark


def _add_badges(connection: sqlite3.Connection, wanted: int) -> None:
    """Badges of nobody in particular: only the size of table and index counts."""
    connection.execute(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?)"
        " INSERT INTO badges (uid, card_index, holder, added_ms, sealed)"
        " SELECT randomblob(16), randomblob(16), 1 + n % ?, 0, randomblob(60) FROM number",
        (wanted, HOLDERS),
    )


def _find_all(stage: Stage) -> None:
    def work(connection: sqlite3.Connection) -> None:
        for holder in range(_FEW):
            card = invented_card(holder)
            found = roster.find(connection, stage.vault, stage.vault.index(Index.CARD, card_bytes(card)))
            assert found is not None

    stage.database.read(work)


def _bare(stage: Stage, uid: bytes, sealed: bytes) -> None:
    """What cryptography alone takes of as many looks: a keyed hash and a seal opened."""
    for holder in range(_FEW):
        stage.vault.index(Index.CARD, card_bytes(invented_card(holder)))
        stage.vault.open(Field.PROFILE, uid, sealed)


def test_a_badge_is_found_as_fast_among_a_hundred_thousand(disk: Path, table: Table) -> None:
    """T10: looked up and opened, at most 1.3 times what it takes among a thousand, and told against cryptography alone."""
    (disk / "few").mkdir()
    (disk / "many").mkdir()
    with Stage(disk / "few") as few, Stage(disk / "many") as many:
        few.database.write(lambda connection: connection.execute("DELETE FROM badges WHERE holder > ?", (_FEW,)))
        many.database.write(lambda connection: _add_badges(connection, 100_000 - HOLDERS))
        uid = new_uid()
        sealed = few.vault.seal(Field.PROFILE, uid, bytes(60))

        def measure() -> Comparison:
            ours, floor = [], []
            for _ in range(_ROUNDS):
                floor.append(seconds_of(lambda: _find_all(few)))
                ours.append(seconds_of(lambda: _find_all(many)))
            return compare(ours, floor, pieces=_FEW)

        def against_bare() -> Comparison:
            ours, floor = [], []
            for _ in range(_ROUNDS):
                floor.append(seconds_of(lambda: _bare(many, uid, sealed)))
                ours.append(seconds_of(lambda: _find_all(many)))
            return compare(ours, floor, pieces=_FEW)

        growth, bare = best(measure, goal=_BADGES_GOAL), best(against_bare, goal=_BARE_GOAL)
    table.judge(
        Figure(
            quantity="T10 badge among 100,000",
            measured=growth.ratio,
            unit="x",
            goal=_BADGES_GOAL,
            limit=_BADGES_LIMIT,
            against=f"among {_FEW:,}: {growth}",
        )
    )
    table.judge(
        Figure(
            quantity="T10 badge found and opened",
            measured=bare.ratio,
            unit="x",
            goal=_BARE_GOAL,
            limit=_BARE_LIMIT,
            against=f"keyed hash and AES-GCM alone: {bare}",
        )
    )


def _filled(folder: Path, sent: int) -> Stage:
    folder.mkdir()
    stage = Stage(folder)
    stage.fill(sent + _DUE)
    stage.database.write(
        lambda connection: connection.execute(
            "UPDATE registrations SET state = 'accepted', registration_id = id, confirmed_ms = at_ms, validity = 'valid'"
            " WHERE id <= ?",
            (sent,),
        )
    )
    return stage


def _choose(stage: Stage) -> None:
    """Look for the next two hundred and put the marks back, as a call that was not carried out does."""
    terms = Terms(now_ms=0, size=_DUE, order_wait_ms=0, late_after_ms=10**15, hold_late=False)

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("SAVEPOINT look")
        look = claims._look(stage.book, terms, claims._Place(), connection)
        assert len(look.rows) == _DUE
        connection.execute("ROLLBACK TO look")
        connection.execute("RELEASE look")

    stage.database.write(work)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(100_000, id="100k"),
        pytest.param(1_000_000, id="1M", marks=[pytest.mark.long, pytest.mark.timeout(1800)]),
    ],
)
def test_what_was_sent_is_in_nobodys_way(disk: Path, table: Table, sent: int) -> None:
    """T6: the next 200 are found and marked as fast behind so many sent rows as in a book that holds nothing else."""
    empty, full = _filled(disk / "empty", 0), _filled(disk / "full", sent)
    try:

        def measure() -> Comparison:
            ours, floor = [], []
            for _ in range(_ROUNDS):
                floor.append(seconds_of(lambda: _choose(empty)))
                ours.append(seconds_of(lambda: _choose(full)))
            return compare(ours, floor, pieces=1)

        found = best(measure, goal=_DUE_GOAL)
    finally:
        empty.database.close()
        full.database.close()
    table.judge(
        Figure(
            quantity=f"T6 next {_DUE} behind {sent:,} sent rows",
            measured=found.ratio,
            unit="x",
            goal=_DUE_GOAL,
            limit=_DUE_LIMIT,
            against=f"an empty book: {found}",
        )
    )
