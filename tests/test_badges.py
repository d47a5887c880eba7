"""kiosk.badges: a card is one holder's, known again by id and by number. How badges come with people: tests/test_roster.py."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk import badges, roster, schema
from kiosk.badges import Chip, Taken
from kiosk.model import Trust
from kiosk.roster import Enrolled
from kiosk.vault import Vault
from tests.people import invented_card, invented_line

VAULT = Vault(bytes(range(32)))
CHIP = Chip(technology="desfire", trust=Trust.CRYPTO)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A roster of two people, each with one badge."""
    connection = sqlite3.connect(tmp_path / "kiosk.db", isolation_level=None)
    schema.migrate(connection, check=b"")
    for number in (1, 2):
        assert isinstance(roster.enrol(connection, VAULT, invented_line(number), at_ms=1), Enrolled)
    yield connection
    connection.close()


def test_a_card_of_nobody_becomes_a_badge_with_what_its_reader_said(connection: sqlite3.Connection) -> None:
    """By its id and by its number it is the same badge, of this holder alone."""
    given = badges.give(connection, VAULT, 1, invented_card(9), at_ms=5, chip=CHIP)
    assert isinstance(given, int)
    badge = badges.by_id(connection, VAULT, given)
    assert badge is not None
    assert (badge.holder, badge.card, badge.added_ms, badge.chip) == (1, invented_card(9), 5, CHIP)
    assert badge == badges.by_card(connection, VAULT, invented_card(9))
    assert badges.holder_of(connection, VAULT, invented_card(9)) == 1
    assert [each.id for each in badges.of_holder(connection, VAULT, 1)] == [1, given]


def test_his_own_that_was_revoked_may_be_used_again(connection: sqlite3.Connection) -> None:
    """Given once more it is the same badge, and no loan any more."""
    badges.revoke(connection, 1, at_ms=3)
    connection.execute("UPDATE badges SET loan_until_ms = 9")
    assert badges.give(connection, VAULT, 1, invented_card(1), at_ms=5, chip=CHIP) == 1
    row = connection.execute("SELECT added_ms, revoked_ms, loan_until_ms FROM badges WHERE id = 1").fetchone()
    assert row == (1, None, None)


def test_anothers_stays_his(connection: sqlite3.Connection) -> None:
    """Whose it is is told, and nothing changes."""
    before = connection.execute("SELECT * FROM badges").fetchall()
    assert badges.give(connection, VAULT, 1, invented_card(2), at_ms=5, chip=CHIP) == Taken(2)
    assert connection.execute("SELECT * FROM badges").fetchall() == before


def test_a_broken_seal_hides_no_other(connection: sqlite3.Connection) -> None:
    """The badge stays with its holder; only its number is unknown."""
    connection.execute("UPDATE badges SET sealed = x'00' WHERE id = 1")
    broken, whole = (badges.by_id(connection, VAULT, number) for number in (1, 2))
    assert broken is not None
    assert whole is not None
    assert (broken.holder, broken.card, whole.card) == (1, None, invented_card(2))
