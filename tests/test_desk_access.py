"""``holder export`` tells a person everything that this box holds of him, from the same places that forgetting empties."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk import evidence, taps
from kiosk.desk import Desk
from kiosk.desk.access import CALLS
from kiosk.desk.book import CALLS as BOOK
from kiosk.desk.people import CALLS as PEOPLE
from kiosk.erasure import PLACES
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry, record
from kiosk.model import Direction, Located, Signal
from kiosk.records import card_bytes, pack_draft, pack_remarks
from kiosk.rules import Now
from kiosk.vault import Field, Index, new_uid
from tests.desks import MORNING_MS, draft, put
from tests.exported import ASKER, export, note, small_site
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME, PLACE, invented_card, invented_insz

REASON = "he asked for it"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with small_site(tmp_path) as each:
        yield each


def begin(desk: Desk, holder: int = 1) -> int:
    return int(str(CALLS["holder export"](desk, {**ASKER, "holder": holder, "reason": REASON})["export"]))


def rows(desk: Desk, place: str, number: int) -> list[dict[str, Any]]:
    found = CALLS["holder rows"](desk, {"export": number, "place": place})
    assert found["next"] is None
    items: Any = found["items"]
    return list(items)


def entries(desk: Desk, number: int) -> list[dict[str, Any]]:
    items: Any = CALLS["holder entries"](desk, {"export": number})["items"]
    return list(items)


def fill(desk: Desk) -> None:
    """Put something of him into every place."""
    tap = taps.Moment(
        card=CANARY_CARD, card_index=desk.vault.index(Index.CARD, card_bytes(CANARY_CARD)), reader="gate", driver="simulated",
        technology="test", press=None, now=Now(at_ms=MORNING_MS, boot_ns=1, boot_id="boot"), clock=desk.clock(),
        located=Located(place=PLACE, error_meters=12.5, age_ms=700),
    )  # fmt: skip
    uid = new_uid()
    sealed = desk.vault.seal(Field.REGISTRATION, uid, pack_draft(draft(Direction.OUT)))

    def work(connection: sqlite3.Connection) -> None:
        taps.add_tap(connection, desk.vault, tap, book=desk.book, signal=Signal.UNKNOWN_CARD)
        connection.execute(
            "INSERT INTO elsewhere (uid, book, holder, direction, at_ms, registration_id, group_index, seen_ms, sealed)"
            " VALUES (?, 1, 1, 'out', ?, 99, x'00', ?, ?)",
            (uid, MORNING_MS, MORNING_MS, sealed),
        )
        connection.execute("INSERT INTO tasks (kind, book, registration, holder, opened_ms) VALUES ('held', 1, 1, 1, 5000)")
        connection.execute("INSERT INTO notices (book, holder, registration, opened_ms) VALUES (1, 1, 1, 5000)")

    desk.database.write(work)


def test_every_table_that_names_a_holder_is_a_place(desk: Desk) -> None:
    """What a later version adds is told and erased as well, or this fails."""
    sql = "SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'holder'"
    tables = {name for (name,) in desk.database.read(lambda c: c.execute(sql).fetchall())}
    assert tables == {table for table, _ in PLACES.values()}


def test_everything_of_his_is_told_in_clear(desk: Desk) -> None:
    """From each place, with moments as times, and nothing that only looks rows up."""
    fill(desk)
    uid = desk.database.read(lambda c: c.execute("SELECT uid FROM registrations WHERE id = 1").fetchone()[0])
    put(
        desk,
        1,
        remarks=desk.vault.seal(Field.REMARKS, uid, pack_remarks(("a word about him",))),
        confirmed_ms=MORNING_MS,
        place_age_ms=700,
    )
    number = begin(desk)
    told = {place: rows(desk, place, number) for place in PLACES}
    assert {place: len(items) for place, items in told.items()} == dict.fromkeys(PLACES, 1)
    for place in ("profiles", "registrations", "other_channels"):
        assert told[place][0]["insz"] == CANARY_INSZ.digits
    for place in ("badges", "taps"):
        assert told[place][0]["card"] == CANARY_CARD.identifier.hex()
    assert told["taps"][0]["place"] == {"latitude": PLACE.latitude, "longitude": PLACE.longitude}
    row = told["registrations"][0]
    assert row["place_age_ms"] == 700
    assert (row["at"], row["confirmed_at"], row["remarks"]) == ("2026-11-02T07:00:00Z",) * 2 + (["a word about him"],)
    assert (told["profiles"][0]["name"], told["tasks"][0]["opened_at"]) == (CANARY_NAME, "1970-01-01T00:00:05Z")
    assert told["other_channels"][0]["declaration"] == draft().declaration.value  # type: ignore[union-attr]  # it has one
    assert not {"uid", "sealed", "card_index", "group_index"} & {name for items in told.values() for name in items[0]}


def test_only_moments_are_told_as_times(desk: Desk) -> None:
    """How far off a clock or how old a position was is no moment."""
    put(desk, 1, clock_bound_ms=25, place_age_ms=3000)
    (row,) = rows(desk, "registrations", begin(desk))
    assert (row["clock_bound_ms"], row["place_age_ms"], row["wall_at"]) == (25, 3000, "2026-11-02T07:00:00Z")


def test_nobody_else_is_named(desk: Desk) -> None:
    """Neither the other person nor who asked for the export; exports of everybody are told without who asked for them."""
    PEOPLE["holder edit"](desk, {"holder": 2, "language": "nl"})
    note(desk, Entry.EXPORTED, "box", {"what": "evidence", "revealed": True})
    number = begin(desk)
    text = str([entries(desk, number), *(rows(desk, place, number) for place in PLACES)])
    for datum in (invented_insz(1).digits, "Person 1", invented_card(1).identifier.hex(), "somebody"):
        assert datum not in text
    assert [each["subject"] for each in entries(desk, number) if each["kind"] == "exported"] == ["box", "holder:1"]


def test_what_the_record_says_of_him_is_told(desk: Desk, tmp_path: Path) -> None:
    """Of his rows, also those that were purged, of himself, his badge, and what humans did about them."""
    BOOK["outbox cancel"](desk, {"id": 1, "reason": "a mistake"})
    export(desk, tmp_path / "out", holder=1)
    desk.database.write(lambda c: c.execute("DELETE FROM registrations WHERE id = 1"))
    kinds = [each["kind"] for each in entries(desk, begin(desk))]
    assert kinds == ["tap", "verdict", "cancel_requested", "exported", "exported"]


def test_the_request_is_recorded_before_anything_is_told(desk: Desk) -> None:
    """With who asked and why, under his own number, so that it goes when he is erased."""
    number = begin(desk)
    (entry,) = desk.database.read(lambda c: evidence.window(c, after=number - 1, size=1))
    content = evidence.opened(desk.vault, entry.uid, entry.sealed or b"")
    assert (entry.kind, entry.subject) == (Entry.EXPORTED, "holder:1")
    assert (content.facts or {})["what"] == "person"
    assert content.person == {"because": REASON, "user": "somebody"}


def test_what_is_wrong_is_declined(desk: Desk) -> None:
    """No reason, no such person, no such place, a page of no request, or of an export of evidence."""
    with pytest.raises(UsageError):
        CALLS["holder export"](desk, {**ASKER, "holder": 1})
    with pytest.raises(Declined, match="no such holder"):
        begin(desk, 9)
    with pytest.raises(UsageError, match="place must be one of"):
        rows(desk, "secrets", begin(desk))
    desk.database.write(lambda c: record(c, desk.vault, Entry.EXPORTED, "box", at_ms=1, facts={"what": "evidence"}))
    newest, _ = desk.database.read(evidence.head)
    for number in (1, newest):
        with pytest.raises(Declined, match="no export of this kind"):
            rows(desk, "profiles", number)
        with pytest.raises(Declined, match="no export of this kind"):
            entries(desk, number)


def test_damage_costs_only_what_it_hit(desk: Desk) -> None:
    """A row whose seal does not open is told as damaged, with what is not sealed; so is his profile."""
    put(desk, 1, sealed=b"\x00")
    desk.database.write(lambda c: c.execute("UPDATE profiles SET sealed = x'00' WHERE holder = 1"))
    number = begin(desk)
    assert rows(desk, "profiles", number)[0]["damaged"] is True
    assert [each["kind"] for each in entries(desk, number)] == ["tap", "verdict", "exported"]
    (row,) = rows(desk, "registrations", begin(desk))
    assert (row["damaged"], row["state"]) == (True, "accepted")


def test_more_than_an_answer_holds_goes_on(desk: Desk) -> None:
    """``next`` says where."""

    def many(connection: sqlite3.Connection) -> None:
        connection.executemany(
            "INSERT INTO notices (book, holder, registration, opened_ms) VALUES (1, 1, ?, 0)", ((n,) for n in range(600))
        )

    desk.database.write(many)
    number = begin(desk)
    first = CALLS["holder rows"](desk, {"export": number, "place": "notices"})
    second = CALLS["holder rows"](desk, {"export": number, "place": "notices", "after": first["next"]})
    assert (first["next"], second["next"]) == (500, None)
    assert len(first["items"]) + len(second["items"]) == 600  # type: ignore[arg-type]  # lists
