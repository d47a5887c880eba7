"""The roster knows holders by every number they ever had, keeps what it knew, and shows the disk nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kiosk import badges, roster, schema
from kiosk.badges import Taken
from kiosk.errors import SealBroken
from kiosk.identifiers import CardId, Insz
from kiosk.model import BadgeLine, Capacity, Profile
from kiosk.records import card_bytes, card_index
from kiosk.roster import Enrolled
from kiosk.vault import Index, Vault
from tests.people import (
    CANARY,
    CANARY_CARD,
    CANARY_INSZ,
    CANARY_NAME,
    DECLARATION,
    EMPLOYER,
    OTHER_EMPLOYER,
    invented_card,
    invented_insz,
    invented_line,
)

VAULT = Vault(bytes(range(32)))
CARD_INDEX = VAULT.index(Index.CARD, card_bytes(CANARY_CARD))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(tmp_path / "kiosk.db", isolation_level=None)
    schema.migrate(connection, check=b"")
    yield connection
    connection.close()


def enrolled(connection: sqlite3.Connection, line: BadgeLine, at_ms: int = 1000) -> Enrolled:
    came = roster.enrol(connection, VAULT, line, at_ms=at_ms)
    assert isinstance(came, Enrolled)
    return came


def test_a_tap_finds_badge_holder_and_profile_in_one_select(connection: sqlite3.Connection) -> None:
    """What a tap needs is read by one statement that walks no table."""
    came = enrolled(connection, CANARY)
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    found = roster.find(connection, VAULT, CARD_INDEX)
    connection.set_trace_callback(None)
    assert found == roster.Found(
        badge=came.badge, holder=came.holder, revoked=False, profile_id=came.profile_id, profile=CANARY.profile
    )
    assert len(statements) == 1
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {roster._FIND}", (b"",))]
    assert plan
    assert all(step.startswith("SEARCH") for step in plan)


def test_an_unknown_card_is_nobodys(connection: sqlite3.Connection) -> None:
    """A card that was never enrolled is not found by any way."""
    assert roster.find(connection, VAULT, CARD_INDEX) is None
    assert badges.by_card(connection, VAULT, CANARY_CARD) is None
    assert badges.by_id(connection, VAULT, 1) is None
    assert badges.holder_of(connection, VAULT, CANARY_CARD) is None
    assert roster.holder_of_insz(connection, VAULT, CANARY_INSZ) is None
    assert roster.added_ms(connection, 1) is None


def test_the_disk_shows_no_person(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """Neither INSZ, name nor card stands in clear in the file."""
    enrolled(connection, CANARY)
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert len(written) > 4096
    for secret in (CANARY_INSZ.digits, CANARY_NAME, CANARY_CARD.identifier.hex()):
        assert secret.encode() not in written
        assert secret.upper().encode() not in written
    assert CANARY_CARD.identifier not in written


def test_the_same_insz_again_adds_a_badge(connection: sqlite3.Connection) -> None:
    """A second card for the same INSZ is a second badge of the same holder."""
    first = enrolled(connection, CANARY)
    second = enrolled(connection, replace(CANARY, card=invented_card(2)))
    assert second.holder == first.holder
    assert second.badge != first.badge
    assert (first.new_holder, second.new_holder, second.added, second.edited) == (True, False, True, False)
    assert [badge.card for badge in badges.of_holder(connection, VAULT, first.holder)] == [CANARY_CARD, invented_card(2)]


def test_the_same_line_again_changes_nothing(connection: sqlite3.Connection) -> None:
    """Giving the same line again writes no row."""
    first = enrolled(connection, CANARY)
    before = connection.total_changes
    again = enrolled(connection, CANARY, at_ms=2000)
    assert connection.total_changes == before
    assert again == replace(first, added=False, new_badge=False, new_holder=False)


def test_fields_given_again_correct_the_holder_from_now_on(connection: sqlite3.Connection) -> None:
    """New fields make a new dated profile; what is left out stays, and the old profile is kept."""
    first = enrolled(connection, CANARY)
    given = Profile(insz=CANARY_INSZ, employer=EMPLOYER, declaration=DECLARATION, personnel_number="P-7")
    again = enrolled(connection, BadgeLine(card=CANARY_CARD, profile=given), at_ms=2000)
    assert (again.edited, again.added) == (True, False)
    old, new = roster.profiles_of(connection, VAULT, first.holder)
    assert (old.profile, old.current, old.valid_from_ms) == (CANARY.profile, False, 1000)
    assert (new.current, new.valid_from_ms) == (True, 2000)
    assert new.profile == replace(CANARY.profile, employer=EMPLOYER, declaration=DECLARATION, personnel_number="P-7")


def test_no_and_employee_are_said_as_well(connection: sqlite3.Connection) -> None:
    """A visitor who is owed from now on, or one who became an employee, is corrected by a line that says so, not by silence."""
    visitor = replace(CANARY.profile, local=True, capacity=Capacity.SELF_EMPLOYED)
    first = enrolled(connection, replace(CANARY, profile=visitor))
    enrolled(connection, CANARY, at_ms=2000)
    assert roster.current_profile(connection, VAULT, first.holder)[1] == visitor
    enrolled(connection, replace(CANARY, says_capacity=True, says_local=True), at_ms=3000)
    assert roster.current_profile(connection, VAULT, first.holder)[1] == CANARY.profile


def test_a_card_of_another_holder_is_taken(connection: sqlite3.Connection) -> None:
    """A card that belongs to somebody is never passed on, not to a known holder, not to a new one, and nothing is written."""
    owner = enrolled(connection, CANARY)
    enrolled(connection, invented_line(1))
    before = connection.total_changes
    for number in (1, 2):
        other = replace(invented_line(number), card=CANARY_CARD)
        assert roster.enrol(connection, VAULT, other, at_ms=2000) == Taken(owner.holder)
    assert connection.total_changes == before


def test_a_revoked_badge_is_known_as_revoked_until_it_is_given_again(connection: sqlite3.Connection) -> None:
    """A revoked badge is found as revoked; given again to its holder it works again."""
    came = enrolled(connection, CANARY)
    badges.revoke(connection, came.badge, at_ms=5000)
    found = roster.find(connection, VAULT, CARD_INDEX)
    assert found is not None
    assert found.revoked
    badge = badges.by_id(connection, VAULT, came.badge)
    assert badge == badges.by_card(connection, VAULT, CANARY_CARD)
    assert badge is not None
    assert badge.revoked_ms == 5000
    again = enrolled(connection, CANARY, at_ms=6000)
    assert (again.badge, again.added, again.new_badge) == (came.badge, True, False)
    found = roster.find(connection, VAULT, CARD_INDEX)
    assert found is not None
    assert not found.revoked


def test_a_replaced_insz_still_finds_its_holder(connection: sqlite3.Connection) -> None:
    """After a replacement both numbers lead to the holder, and giving the old one again does not bring it back."""
    came = enrolled(connection, CANARY)
    new = invented_insz(7)
    roster.change_profile(connection, VAULT, came.holder, replace(CANARY.profile, insz=new), at_ms=2000)
    for insz in (CANARY_INSZ, new):
        assert roster.holder_of_insz(connection, VAULT, insz) == came.holder
    assert roster.every_insz(connection, VAULT, came.holder) == {CANARY_INSZ.digits, new.digits}
    assert not enrolled(connection, replace(CANARY, card=invented_card(2)), at_ms=3000).edited
    assert roster.current_profile(connection, VAULT, came.holder)[1].insz == new


def test_an_identity_card_finds_its_holder_by_any_number_he_had(connection: sqlite3.Connection) -> None:
    """His profile of today comes back, whichever number the card shows; a stranger's finds nobody."""
    holder = enrolled(connection, CANARY).holder
    roster.change_profile(connection, VAULT, holder, replace(CANARY.profile, insz=invented_insz(5)), at_ms=2)
    for insz in (CANARY.profile.insz, invented_insz(5)):
        found = roster.find_person(connection, VAULT, card_index(VAULT, CardId.of_person(insz)))
        assert found is not None
        assert (found.badge, found.holder, found.revoked, found.profile.insz) == (None, holder, False, invented_insz(5))
    assert roster.find_person(connection, VAULT, card_index(VAULT, CardId.of_person(invented_insz(6)))) is None


def test_an_identity_card_alone_puts_a_person_on_the_roster(connection: sqlite3.Connection) -> None:
    """He has no other badge; a card that he lost can be revoked, and given again when it was found."""
    own = BadgeLine(card=CardId.of_person(CANARY_INSZ), profile=Profile(insz=CANARY_INSZ))
    came = enrolled(connection, own)
    index = card_index(VAULT, own.card)
    found = roster.find_person(connection, VAULT, index)
    assert found is not None
    assert (found.badge, found.holder, found.revoked) == (came.badge, came.holder, False)
    badges.revoke(connection, came.badge, at_ms=2)
    assert (lost := roster.find_person(connection, VAULT, index)) is not None
    assert lost.revoked
    assert enrolled(connection, own).added
    assert (again := roster.find_person(connection, VAULT, index)) is not None
    assert not again.revoked


def test_the_same_profile_is_not_written_again(connection: sqlite3.Connection) -> None:
    """A change to what already is makes no new profile."""
    came = enrolled(connection, CANARY)
    assert roster.change_profile(connection, VAULT, came.holder, CANARY.profile, at_ms=2000) == came.profile_id
    changed = replace(CANARY.profile, employer=OTHER_EMPLOYER)
    assert roster.change_profile(connection, VAULT, came.holder, changed, at_ms=2000) != came.profile_id


def test_the_roster_is_read_page_by_page(connection: sqlite3.Connection) -> None:
    """Pages follow each other by badge id and end; each entry opens to the badge and its holder's current profile."""
    lines = [invented_line(number) for number in range(5)]
    for line in lines:
        enrolled(connection, line)
    seen, after = [], 0
    while page := roster.page(connection, after=after, limit=2):
        assert len(page) <= 2
        seen += [roster.open_entry(VAULT, entry) for entry in page]
        after = seen[-1][0].id
    assert [(badge.card, dated.profile) for badge, dated in seen] == [(line.card, line.profile) for line in lines]
    assert [dated.current for _, dated in seen] == [True] * 5


def test_a_damaged_seal_stops_its_own_holder_only(connection: sqlite3.Connection) -> None:
    """What does not open is told as such; the badges beside it still read."""
    came = enrolled(connection, CANARY)
    enrolled(connection, invented_line(1))
    connection.execute("UPDATE profiles SET sealed = zeroblob(40) WHERE holder = ?", (came.holder,))
    connection.execute("UPDATE badges SET sealed = zeroblob(40) WHERE id = ?", (came.badge,))
    with pytest.raises(SealBroken):
        roster.find(connection, VAULT, CARD_INDEX)
    with pytest.raises(SealBroken):
        roster.every_insz(connection, VAULT, came.holder)
    (bad, bad_profile), (good, good_profile) = (
        roster.open_entry(VAULT, entry) for entry in roster.page(connection, after=0, limit=9)
    )
    assert (bad.card, bad_profile.profile) == (None, None)
    assert (good.card, good_profile.profile) == (invented_line(1).card, invented_line(1).profile)
    # By its blind index the holder is still found, so a lost badge can still be revoked.
    assert badges.holder_of(connection, VAULT, CANARY_CARD) == came.holder


def test_cards_of_other_lengths_never_meet(connection: sqlite3.Connection) -> None:
    """A short card that begins like a long one is another card."""
    enrolled(connection, CANARY)
    short = CardId("uid", CANARY_CARD.identifier[:4])
    assert roster.find(connection, VAULT, VAULT.index(Index.CARD, card_bytes(short))) is None


def test_no_repr_shows_a_person(connection: sqlite3.Connection) -> None:
    """What might be logged shows neither number nor name."""
    enrolled(connection, CANARY)
    (entry,) = roster.page(connection, after=0, limit=1)
    told = repr(roster.find(connection, VAULT, CARD_INDEX)) + repr(roster.open_entry(VAULT, entry))
    for secret in (Insz(CANARY_INSZ.digits).digits, CANARY_NAME, CANARY_CARD.identifier.hex()):
        assert secret not in told.lower()
