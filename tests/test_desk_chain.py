"""The ``evidence verify`` verb: the record of a real store, whole, tampered with, and beside a book that was changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk import evidence, roster
from kiosk.desk import Desk
from kiosk.desk.chain import evidence_verify
from kiosk.errors import UsageError
from kiosk.evidence import erase, record
from kiosk.notary import Notary
from kiosk.tap_entries import chain_all
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk, put
from tests.people import CANARY, CANARY_INSZ, CANARY_NAME
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
