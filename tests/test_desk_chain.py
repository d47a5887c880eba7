"""The ``evidence verify`` verb: the record of a real store, whole, tampered with, and beside a book that was changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kiosk import evidence, roster
from kiosk.desk import Desk
from kiosk.desk.chain import evidence_verify
from kiosk.errors import UsageError
from kiosk.evidence import Entry, erase, record
from kiosk.notary import Notary
from kiosk.records import pack_draft
from kiosk.tap_entries import chain_all
from kiosk.vault import Field
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk, put, stray
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, CANARY_NAME
from tests.test_notary import SIGNER

UNGUARDED = ("evidence_is_kept", "evidence_is_unchanged")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, Clock()) as each:
        each.database.write(lambda c: roster.enrol(c, each.vault, CANARY, at_ms=MORNING_MS))
        for _ in range(3):
            add_row(each, 1, draft())
        notary = Notary(database=each.database, vault=each.vault, signer=SIGNER, clock=each.clock, configuration={})
        notary.begin()
        notary.close()
        yield each


class Silent:
    """A delivery that runs and does nothing."""

    def nudge(self) -> None: ...

    def search_now(self, row: int) -> str:
        return str(row)


def tamper(desk: Desk, sql: str) -> None:
    """Change the record as somebody with the file in his hands can."""
    for trigger in UNGUARDED:
        desk.database.write(lambda c, name=trigger: c.execute(f"DROP TRIGGER IF EXISTS {name}"))  # type: ignore[misc]  # a default binds the loop's value
    desk.database.write(lambda c: c.execute(sql))


def verify(desk: Desk) -> Any:
    return evidence_verify(desk, {})


def told(desk: Desk) -> str:
    result = verify(desk)
    assert not result["ok"]
    return "; ".join(item["told"] for item in result["items"])


def test_a_record_as_it_was_written_is_whole(desk: Desk) -> None:
    """All entries are counted, the signature covers them, and its key is named."""
    result = verify(desk)
    entries = result.pop("entries")
    assert result == {
        "ok": True, "before_chain": 0, "erased": 0, "signed_until": entries, "unsigned": 0,
        "public_keys": [SIGNER.public.hex()], "unchained_taps": 0, "items": [],
    }  # fmt: skip
    with pytest.raises(UsageError):
        evidence_verify(desk, {"file": "x"})


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE evidence SET subject = 'registration:9' WHERE id = 5", "entry 5 (tap of registration 9) was changed"),
        ("UPDATE evidence SET at_ms = at_ms + 60000 WHERE id = 5", "entry 5 (tap of registration 2) was changed"),
        ("UPDATE evidence SET sealed = x'00' WHERE id = 5", "entry 5 (tap of registration 2) was changed: its content"),
        ("DELETE FROM evidence WHERE id = 5", "entry 5 is missing"),
        ("DELETE FROM evidence WHERE id BETWEEN 2 AND 3", "entries 2 to 3 are missing"),
        ("DELETE FROM evidence WHERE id > 3", "a signature covers up to 6"),
        ("UPDATE evidence SET hash = x'00' WHERE id = 6", "entry 6 (tap of registration 3) has another hash than was signed"),
    ],
)
def test_every_tampering_is_named(desk: Desk, sql: str, words: str) -> None:
    """The entry, its kind and its subject are told, and nobody's name or number."""
    tamper(desk, sql)
    words_told = told(desk)
    assert words in words_told
    assert CANARY_NAME not in words_told
    assert CANARY_INSZ.digits not in words_told


def test_the_book_is_compared_with_the_record(desk: Desk) -> None:
    """A row whose time or direction was changed, and one that is gone without a purge, are told; a purged one is not."""
    put(desk, 1, wall_ms=MORNING_MS + 1)
    put(desk, 2, direction="out")
    desk.database.write(lambda c: c.execute("DELETE FROM registrations WHERE id = 3"))
    result = verify(desk)
    assert [item["first"] for item in result["items"]] == [4, 5, 6]
    assert "the book has lost it" in result["items"][2]["told"]


def heal(desk: Desk, row: int, at_ms: int, *, told_ms: int | None = None) -> None:
    """Give a row its true time as healing does; ``told_ms`` is what the record says of it."""
    uid = desk.database.read(lambda c: c.execute("SELECT uid FROM registrations WHERE id = ?", (row,)).fetchone()[0])
    put(desk, row, at_ms=at_ms, healed_ms=at_ms, sealed=desk.vault.seal(Field.REGISTRATION, uid, pack_draft(draft(at_ms=at_ms))))
    facts = {"at_ms": at_ms if told_ms is None else told_ms}
    desk.database.write(lambda c: record(c, desk.vault, Entry.HEALED, f"registration:{row}", at_ms=MORNING_MS, facts=facts))


def test_a_time_that_was_healed_is_the_one_that_the_record_tells(desk: Desk) -> None:
    """Healed before or after its tap came into the record; another time, in the column or under the seal, is told."""
    heal(desk, 1, MORNING_MS + 5000)
    row = add_row(desk, 1, draft())
    heal(desk, row, MORNING_MS + 7000)
    chain_all(desk.database, desk.vault, lambda: MORNING_MS)
    assert verify(desk)["ok"]
    put(desk, 1, at_ms=MORNING_MS + 6000)
    assert "entry 7 (healed of registration 1) says otherwise than the book: the healed time was changed" in told(desk)
    put(desk, 1, at_ms=MORNING_MS + 5000)
    heal(desk, 2, MORNING_MS + 9000, told_ms=MORNING_MS + 8000)
    assert "(healed of registration 2) says otherwise than the book" in told(desk)


def test_a_time_that_was_changed_without_a_healing_is_told(desk: Desk) -> None:
    """Whether the row says that it was healed or not; a row that does not open is told by its own state."""
    put(desk, 1, at_ms=MORNING_MS + 5000)
    put(desk, 2, healed_ms=MORNING_MS)
    put(desk, 3, sealed=b"\x00")
    words = told(desk)
    assert "entry 4 (tap of registration 1) says otherwise than the book: the time to be sent was changed" in words
    assert "entry 5 (tap of registration 2) was dated anew in the book, and no healing is in the record" in words
    assert "registration 3" not in words


def test_a_row_for_an_earlier_tap_has_the_time_that_tap_was_healed_to(desk: Desk) -> None:
    """The record tells of the healing under the tap's own name; without it the row was dated anew."""
    put(desk, 1, healed_ms=MORNING_MS, linked=7)
    assert "entry 4 (tap of registration 1) was dated anew" in told(desk)
    desk.database.write(lambda c: record(c, desk.vault, Entry.HEALED, "tap:7", at_ms=MORNING_MS, facts={"at_ms": MORNING_MS}))
    assert verify(desk)["ok"]


def test_a_time_that_was_changed_under_the_seal_is_told(desk: Desk) -> None:
    """By somebody who has the store key: the column alone says nothing."""
    uid = desk.database.read(lambda c: c.execute("SELECT uid FROM registrations WHERE id = 1").fetchone()[0])
    put(desk, 1, sealed=desk.vault.seal(Field.REGISTRATION, uid, pack_draft(draft(at_ms=MORNING_MS + 5000))))
    assert "the time to be sent was changed" in told(desk)


def test_a_row_that_no_tap_made_is_told(desk: Desk) -> None:
    """One that was put in between, and one that a running daemon has not taken in after a minute; before, it may be on its way."""
    clock = Clock()
    desk.database.write(lambda c: c.execute("UPDATE registrations SET id = 30 WHERE id = 3"))
    desk.database.write(lambda c: evidence.set_mark(c, "chained_registrations", 30))
    assert "registration 30: the record has no tap of it" in told(desk)
    row = add_row(desk, 1, draft())
    waiting = replace(desk, delivery=Silent(), clock=clock)
    assert f"registration {row}" not in str(evidence_verify(waiting, {})["items"])
    clock.wall_ms += 61_000
    assert f"registration {row}: the record has no tap of it yet, a minute after" in str(evidence_verify(waiting, {})["items"])
    assert f"registration {row}" not in str(evidence_verify(replace(desk, clock=clock), {})["items"])


def test_a_local_tap_is_compared_as_well(desk: Desk) -> None:
    """By its time and direction; what is sealed of it is a card."""
    stray(desk, CANARY_CARD)
    chain_all(desk.database, desk.vault, lambda: MORNING_MS)
    assert verify(desk)["ok"]
    desk.database.write(lambda c: c.execute("UPDATE taps SET at_ms = at_ms + 1"))
    assert "(tap of tap 1) says otherwise" in told(desk)


def test_a_purge_that_is_in_the_record_explains_what_is_gone(desk: Desk) -> None:
    """The ids that a purge names are not missed."""
    desk.database.write(lambda c: c.execute("DELETE FROM registrations WHERE id = 1"))
    assert "the book has lost it" in told(desk)
    facts = {"table": "registrations", "ids": [1]}
    desk.database.write(lambda c: record(c, desk.vault, evidence.Entry.PURGED, "box", at_ms=MORNING_MS, facts=facts))
    assert verify(desk)["ok"]


def test_an_erased_person_leaves_a_record_that_verifies(desk: Desk) -> None:
    """What was let go is counted and breaks nothing."""
    desk.database.write(lambda c: erase(c, [4, 5]))
    result = verify(desk)
    assert (result["ok"], result["erased"]) == (True, 2)


def test_a_long_record_is_read_in_slices(desk: Desk) -> None:
    """More entries than a slice holds are all there, and taps that are not yet in it are counted, not missed."""
    for _ in range(300):
        add_row(desk, 1, draft())
    result = verify(desk)
    assert (result["ok"], result["unchained_taps"]) == (True, 300)
    chain_all(desk.database, desk.vault, lambda: MORNING_MS)
    result = verify(desk)
    assert (result["ok"], result["entries"], result["unsigned"]) == (True, 306, 300)
