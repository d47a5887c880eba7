"""``holder forget`` lets go of all that there is of a person, or of nothing, and the record still verifies."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk import erasure, evidence, tap_entries
from kiosk.desk import Desk, chain
from kiosk.desk.erasing import CALLS
from kiosk.desk.people import CALLS as PEOPLE
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.identifiers import CardId
from kiosk.model import Direction, State
from kiosk.purging import DAY_MS
from tests.desks import Clock, add_row, draft, open_desk, stray
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME, invented_card, invented_insz

LINE = {"card": CANARY_CARD.identifier.hex(), "insz": CANARY_INSZ.digits, "name": CANARY_NAME}
OTHER = {"card": invented_card(1).identifier.hex(), "insz": invented_insz(1).digits}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[Desk]:
    """A site with two people, each in and out, forty days ago; the newest row is the other one's."""
    with open_desk(tmp_path, clock) as desk:
        PEOPLE["badge add"](desk, {"lines": [json.dumps(LINE), json.dumps(OTHER)]})
        for holder in (1, 2):
            for direction in (Direction.IN, Direction.OUT):
                add_row(desk, holder, draft(direction), State.ACCEPTED)
        tap_entries.chain_all(desk.database, desk.vault, lambda: clock.wall_ms)
        clock.wall_ms += 40 * DAY_MS
        yield desk


def forget(desk: Desk, holder: int = 1, **more: object) -> dict[str, Any]:
    return CALLS["holder forget"](desk, {"holder": holder, "reason": "the term has ended", **more})


def count(desk: Desk, sql: str) -> int:
    return int(desk.database.read(lambda c: c.execute(f"SELECT count(*) FROM {sql}").fetchone()[0]))  # noqa: S608  our own words


def test_nothing_is_left_of_him_and_everything_of_the_others(desk: Desk) -> None:
    """Profile, badge, registrations and what the record says of him are gone; his number and the other person stay."""
    told = forget(desk)
    assert told["forgotten"] is True
    assert (told["rows"]["profiles"], told["rows"]["badges"], told["rows"]["registrations"]) == (1, 1, 2)
    for table in ("profiles", "badges", "registrations"):
        assert count(desk, f"{table} WHERE holder = 1") == 0
        assert count(desk, f"{table} WHERE holder = 2") > 0
    assert count(desk, "holders WHERE id = 1 AND forgotten_ms IS NOT NULL") == 1
    of_him = "evidence WHERE sealed IS NOT NULL AND subject IN ('holder:1', 'badge:1', 'registration:1', 'registration:2')"
    assert count(desk, of_him) == 0
    assert count(desk, "evidence WHERE sealed IS NOT NULL AND subject = 'registration:3'") == 1


def test_the_taps_of_his_identity_card_go_too(desk: Desk, clock: Clock) -> None:
    """Those from before anybody knew him name no holder; his number finds them, in the store and in the record."""
    for insz in (CANARY_INSZ, invented_insz(9)):
        stray(desk, CardId.of_person(insz))
    tap_entries.chain_all(desk.database, desk.vault, lambda: clock.wall_ms)
    assert forget(desk)["rows"]["taps"] == 1
    assert count(desk, "taps") == 1
    assert count(desk, "evidence WHERE subject = 'tap:1' AND sealed IS NOT NULL") == 0
    assert count(desk, "evidence WHERE subject = 'tap:2' AND sealed IS NOT NULL") == 1


def test_the_record_still_verifies_and_says_what_was_done(desk: Desk) -> None:
    """The chain has no gap: what is erased is counted, what went is explained, and one entry tells of it without a name."""
    forget(desk)
    told = chain.CALLS["evidence verify"](desk, {})
    assert (told["ok"], told["items"]) == (True, [])
    sql = "SELECT uid, sealed FROM evidence WHERE kind = ?"
    uid, sealed = desk.database.read(lambda c: c.execute(sql, (Entry.ERASED.value,)).fetchone())
    kept = evidence.opened(desk.vault, uid, sealed)
    assert dict(kept.facts or {})["counts"]["registrations"] == 2  # type: ignore[index]
    assert kept.person == {"because": "the term has ended"}


def test_no_ciphertext_of_his_is_left_in_any_file(desk: Desk, tmp_path: Path) -> None:
    """Free pages are overwritten and the log is cut: what was sealed for him is nowhere in the files any more."""
    sql = (
        "SELECT sealed FROM profiles WHERE holder = 1 UNION ALL SELECT sealed FROM badges WHERE holder = 1"
        " UNION ALL SELECT sealed FROM registrations WHERE holder = 1"
        " UNION ALL SELECT sealed FROM evidence WHERE subject IN ('registration:1', 'registration:2') AND sealed IS NOT NULL"
    )
    ciphertexts = [bytes(row[0]) for row in desk.database.read(lambda c: c.execute(sql).fetchall())]
    assert len(ciphertexts) >= 6
    desk.database.checkpoint()
    # What is longer than a page goes on in others; its first bytes stand in one piece.
    assert all(any(each[:40] in path.read_bytes() for path in tmp_path.iterdir()) for each in ciphertexts)
    forget(desk)
    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert not any(each[:40] in content for each in ciphertexts), path.name


def test_a_profile_that_is_damaged_keeps_nobody(desk: Desk) -> None:
    """What of him does not open goes like the rest."""
    desk.database.write(lambda c: c.execute("UPDATE profiles SET sealed = x'00' WHERE holder = 1"))
    assert forget(desk)["forgotten"] is True
    assert count(desk, "profiles WHERE holder = 1") == 0


def test_a_preview_changes_nothing(desk: Desk) -> None:
    """It tells what would go."""
    changes = desk.database.read(lambda c: c.total_changes)
    told = forget(desk, preview=True)
    assert (told["forgotten"], told["rows"]["registrations"]) == (False, 2)
    assert desk.database.read(lambda c: c.total_changes) == changes


@pytest.mark.parametrize("state", [State.QUEUED, State.IN_FLIGHT, State.UNKNOWN, State.HELD])
def test_what_is_not_finished_keeps_him(desk: Desk, state: State) -> None:
    """The message names the registration; nothing has changed."""
    desk.database.write(lambda c: c.execute("UPDATE registrations SET state = ? WHERE id = 2", (state.value,)))
    with pytest.raises(Declined, match="not finished: registration 2"):
        forget(desk)
    assert count(desk, "registrations WHERE holder = 1") == 2


def test_a_wish_to_cancel_keeps_him(desk: Desk) -> None:
    """The service has not agreed yet."""
    desk.database.write(lambda c: c.execute("UPDATE registrations SET cancel_requested = 1 WHERE id = 2"))
    with pytest.raises(Declined, match="not finished: registration 2"):
        forget(desk)


def test_an_open_stay_keeps_him(desk: Desk) -> None:
    """Somebody who is inside must be able to tap out; every reason is told at once."""
    add_row(desk, 1, draft(Direction.IN, at_ms=desk.clock().wall_ms), State.ACCEPTED)
    with pytest.raises(Declined) as declined:
        forget(desk)
    for why in ("he is inside", "the newest of the book", "--although-recent"):
        assert why in str(declined.value)


def test_a_registration_that_can_still_be_corrected_keeps_him_unless_told_otherwise(desk: Desk, clock: Clock) -> None:
    """Thirty days, within which RSZ asks for proof."""
    clock.wall_ms -= 30 * DAY_MS
    with pytest.raises(Declined, match="although-recent"):
        forget(desk)
    assert forget(desk, recent=True)["forgotten"] is True


def test_a_cut_in_the_middle_is_gone_on_with(desk: Desk) -> None:
    """Asked again, the rest goes, and it is told once; his card may be given to somebody else, and his number never."""
    desk.database.write(lambda c: erasure.revoke(c, holder=1, at_ms=1))
    desk.database.write(lambda c: erasure.next_slice(c, desk.vault, holder=1, at_ms=1))
    assert PEOPLE["holder show"](desk, {"holder": 1})["id"] == 1
    forget(desk)
    assert count(desk, "registrations WHERE holder = 1") == 0
    assert count(desk, "evidence WHERE kind = 'erased'") == 1
    PEOPLE["badge add"](desk, {"lines": [json.dumps({**LINE, "insz": invented_insz(5).digits})]})
    assert count(desk, "badges WHERE holder = 3") == 1
    for call in (lambda: forget(desk), lambda: PEOPLE["holder show"](desk, {"holder": 1})):
        with pytest.raises(Declined, match="no such holder"):
            call()


def test_what_was_purged_before_is_let_go_of_in_the_record_too(desk: Desk) -> None:
    """A row that went long ago still stands in the record, and is found there by his number."""
    desk.database.write(lambda c: c.execute("DELETE FROM registrations WHERE id = 1"))
    forget(desk)
    assert count(desk, "evidence WHERE subject = 'registration:1'") > 0
    assert count(desk, "evidence WHERE subject = 'registration:1' AND sealed IS NOT NULL") == 0


def test_a_check_out_that_was_forgotten_does_not_keep_him(desk: Desk, clock: Clock) -> None:
    """Nobody is inside for a month: what can't be closed any more must not bind him for ever."""
    add_row(desk, 1, draft(Direction.IN, at_ms=clock.wall_ms), State.ACCEPTED)
    add_row(desk, 2, draft(Direction.IN, at_ms=clock.wall_ms), State.ACCEPTED)
    clock.wall_ms += 31 * DAY_MS
    assert forget(desk)["forgotten"] is True


def test_copies_that_still_hold_his_data_are_named(desk: Desk, tmp_path: Path) -> None:
    """A copy from before a migration, or of a damaged store, is a human's to delete."""
    for name in ("kiosk.db.schema-2", "kiosk.db.corrupt.20261102T070000Z", "kiosk.db.other"):
        (tmp_path / name).touch()
    assert forget(desk, preview=True)["copies"] == ["kiosk.db.corrupt.20261102T070000Z", "kiosk.db.schema-2"]


def test_nobody_and_no_reason_are_told(desk: Desk) -> None:
    """A number that was never given is declined; a reason is asked for, without anybody's number in it."""
    with pytest.raises(Declined, match="no such holder"):
        forget(desk, 9)
    for reason in ("", CANARY_INSZ.digits):
        with pytest.raises(UsageError):
            CALLS["holder forget"](desk, {"holder": 1, "reason": reason})
