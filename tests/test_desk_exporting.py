"""``evidence export`` is recorded before anything is given, shows what it may and nothing else, and leaves taps their time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kiosk import evidence, roster
from kiosk.advice import Language
from kiosk.desk import Desk
from kiosk.desk.book import CALLS as BOOK
from kiosk.desk.exporting import CALLS
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.model import Direction, State
from kiosk.purging import DAY_MS
from kiosk.records import pack_remarks
from kiosk.testimony import examine
from kiosk.vault import Field
from tests.desks import MORNING_MS, add_row, draft, put
from tests.exported import ASKER, LENGTH, export, lines, note, small_site
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME, invented_card, invented_insz

REASON = "asked for by the inspectorate"
OF_CANARY = (CANARY_INSZ.digits, CANARY_NAME, CANARY_CARD.identifier.hex())
OF_THE_OTHER = (invented_insz(1).digits, "Person 1", invented_card(1).identifier.hex())


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with small_site(tmp_path) as each:
        yield each


def everything(folder: Path) -> str:
    """All that an export holds, as one text; JSON spells letters beyond ASCII in its own way."""
    texts = [path.read_text(encoding="utf-8") for path in folder.iterdir() if path.suffix != ".py"]
    return "".join(texts) + "".join(json.dumps(line, ensure_ascii=False) for line in lines(folder))


def report(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "report.json").read_text())["registrations"]
    return found


def newest(desk: Desk) -> tuple[evidence.Kept, evidence.Opened]:
    number, _ = desk.database.read(evidence.head)
    (entry,) = desk.database.read(lambda c: evidence.window(c, after=number - 1, size=1))
    return entry, evidence.opened(desk.vault, entry.uid, entry.sealed or b"")


def remark(desk: Desk, row: int, *remarks: str) -> None:
    """Let the service have remarked something."""
    uid = desk.database.read(lambda c: c.execute("SELECT uid FROM registrations WHERE id = ?", (row,)).fetchone()[0])
    put(desk, row, remarks=desk.vault.seal(Field.REMARKS, uid, pack_remarks(remarks)), validity="ok", registration_id=71)


def test_who_asked_and_for_what_is_recorded_and_signed_first(desk: Desk) -> None:
    """The entry is the last one of what is handed out; its facts name nobody, who and why are sealed with the person's part."""
    told = CALLS["evidence export"](desk, {**ASKER, "holder": 1, "from": "2026-11-02", "reveal": True, "reason": REASON})
    entry, content = newest(desk)
    assert (entry.kind, entry.subject, told["export"]) == (Entry.EXPORTED, "holder:1", entry.id)
    assert content.facts == {
        "what": "evidence", "uid": 1000, "revealed": True, "book": 1, "holder": 1,
        "from_ms": MORNING_MS - 8 * 3_600_000, "until_ms": None,
    }  # fmt: skip
    assert content.person == {"because": REASON, "user": "somebody"}
    signed = desk.database.read(lambda c: c.execute("SELECT max(entry) FROM signatures").fetchone()[0])
    assert signed == entry.id


def test_taps_that_were_not_in_the_record_yet_are_in_the_export(desk: Desk, tmp_path: Path) -> None:
    """Whoever tapped a second ago is in it."""
    add_row(desk, 1, draft(Direction.OUT))
    export(desk, tmp_path / "out")
    assert [line["subject"] for line in lines(tmp_path / "out") if line["kind"] == "tap"][-1] == "registration:3"


@pytest.mark.parametrize("language", list(Language))
def test_a_masked_export_names_nobody(desk: Desk, tmp_path: Path, language: Language) -> None:
    """No number, name, card or word in free text, in none of its files; numbers are masked, and that remarks lack is told."""
    remark(desk, 1, f"NISS {CANARY_INSZ.digits} of {CANARY_NAME}", "replacedSsin")
    BOOK["outbox cancel"](desk, {"id": 2, "reason": f"he is not {CANARY_NAME}"})
    export(desk, tmp_path / "out", reason=f"{CANARY_NAME} asked", language=language)
    text = everything(tmp_path / "out")
    for datum in (*OF_CANARY, *OF_THE_OTHER, CANARY_NAME.split()[1]):
        assert datum not in text
    first, second = report(tmp_path / "out")
    assert (first["insz"], first["remarks"], first["remarks_withheld"]) == (CANARY_INSZ.masked, ["replacedSsin"], 1)
    assert (second["state"], second["reason"], "person" in second) == ("cancelled", None, False)


def test_a_revealed_export_of_one_person_names_nobody_else(desk: Desk, tmp_path: Path) -> None:
    """His number, name, card and the service's words; of the others the bare chain."""
    remark(desk, 1, "a word about him")
    export(desk, tmp_path / "out", holder=1, reveal=True, reason=REASON)
    text = everything(tmp_path / "out")
    for datum in (*OF_CANARY, "a word about him"):
        assert datum in text
    for datum in OF_THE_OTHER:
        assert datum not in text
    (only,) = report(tmp_path / "out")
    assert only["person"] == dict(zip(("insz", "name", "card"), OF_CANARY, strict=True))
    assert examine(tmp_path / "out")["ok"]
    assert [line["subject"] for line in lines(tmp_path / "out") if "person" in line] == ["registration:1", "holder:1"]
    assert len(lines(tmp_path / "out")) == LENGTH


def test_a_registration_is_told_with_all_that_became_of_it(desk: Desk, tmp_path: Path) -> None:
    """Reading and clock, reader, lost attempt, answer with its id, outage, and what humans did, tasks about it included."""
    put(desk, 1, registration_id=71, confirmed_ms=MORNING_MS + 5000, validity="ok")
    desk.database.write(
        lambda c: c.execute("INSERT INTO tasks (id, kind, book, registration, opened_ms) VALUES (9, 'held', 1, 1, 0)")
    )
    note(desk, Entry.TASK_CLOSED, "task:9", {})
    export(desk, tmp_path / "out", holder=1)
    (told,) = report(tmp_path / "out")
    assert (told["tap"]["reading"], told["tap"]["source"], told["tap"]["driver"]) == ("2026-11-02T07:00:00Z", "kernel", "simulated")
    assert [(each["entry"], each["outcome"]) for each in told["attempts"]] == [(7, "not_sent"), (9, "accepted")]
    assert told["receipt"] == {"registration_id": 71, "confirmed_at": "2026-11-02T07:00:05Z"}
    assert [each["fault"] for each in told["outages"]] == ["network"]
    assert [each["kind"] for each in told["history"]] == ["tap", "verdict", "task_closed"]


def test_today_and_days_are_those_of_the_site(desk: Desk, tmp_path: Path) -> None:
    """From local midnight to local midnight, both days included."""
    put(desk, 2, at_ms=MORNING_MS - DAY_MS)
    for asked, rows in (
        ({"today": True}, [1]),
        ({"from": "2026-11-01", "until": "2026-11-01"}, [2]),
        ({"from": "2026-11-02"}, [1]),
        ({"until": "2026-11-02"}, [1, 2]),
        ({"from": "2026-11-03"}, []),
        ({}, [1, 2]),
    ):
        name = str(sorted(asked.items())).encode().hex()
        export(desk, tmp_path / name, **asked)
        assert [row["id"] for row in report(tmp_path / name)] == rows


@pytest.mark.parametrize(
    "asked",
    [
        {"reveal": True},
        {"reveal": True, "reason": CANARY_INSZ.digits},
        {"from": "yesterday"},
        {"from": "2026-11-03", "until": "2026-11-02"},
        {"today": True, "from": "2026-11-02"},
        {"holder": 0},
        {"whatever": 1},
    ],
)
def test_a_mistake_is_told_and_nothing_is_recorded(desk: Desk, asked: dict[str, object]) -> None:
    """Without a reason nothing personal is given; days and person must be such."""
    before = desk.database.read(evidence.head)
    with pytest.raises(UsageError):
        CALLS["evidence export"](desk, {**ASKER, **asked})
    assert desk.database.read(evidence.head) == before


def test_somebody_who_is_not_there_is_declined(desk: Desk) -> None:
    """A number that was never given, or of a person who was let go."""
    with pytest.raises(Declined, match="no such holder"):
        CALLS["evidence export"](desk, {**ASKER, "holder": 9})


def test_nothing_is_given_for_what_is_no_export(desk: Desk) -> None:
    """A page wants the number of an entry that says what may be shown."""
    for call in ("evidence lines", "evidence registrations", "evidence vouch"):
        for number in (1, 99):
            with pytest.raises(Declined, match="no export"):
                CALLS[call](desk, {"export": number})


def test_only_lists_of_files_are_vouched_for_and_only_with_a_key(desk: Desk) -> None:
    """Without an evidence key the list is unsigned, and the export says so."""
    number = CALLS["evidence export"](desk, dict(ASKER))["export"]
    with pytest.raises(UsageError):
        CALLS["evidence vouch"](desk, {"export": number, "files": "x"})
    assert CALLS["evidence vouch"](replace(desk, signer=None), {"export": number, "files": {}}) == {"files_signature": None}


def test_an_export_of_a_box_without_a_key_verifies_as_far_as_it_can(desk: Desk, tmp_path: Path) -> None:
    """What was signed before is; the rest is told as unsigned."""
    export(replace(desk, signer=None), tmp_path / "out")
    result = examine(tmp_path / "out")
    assert (result["ok"], result["unsigned"]) == (True, 5)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["public_key"] is None


def test_damage_costs_only_what_it_hit(desk: Desk, tmp_path: Path) -> None:
    """A row and an entry whose seals do not open are handed out without content."""
    desk.database.write(lambda c: c.execute("DROP TRIGGER evidence_is_unchanged"))
    desk.database.write(lambda c: c.execute("UPDATE evidence SET sealed = x'00' WHERE id = 4"))
    put(desk, 1, sealed=b"\x00")
    export(desk, tmp_path / "out", reveal=True, reason=REASON)
    first, second = report(tmp_path / "out")
    assert (first["person"], second["state"]) == ({"insz": None, "name": CANARY_NAME, "card": None}, State.QUEUED)


def test_a_person_whose_profile_is_gone_has_no_name(desk: Desk, tmp_path: Path) -> None:
    """The registration still carries its number."""
    assert desk.database.read(lambda c: roster.added_ms(c, 1)) is not None
    desk.database.write(lambda c: c.execute("DELETE FROM profiles WHERE holder = 1"))
    export(desk, tmp_path / "out", reveal=True, reason=REASON)
    assert report(tmp_path / "out")[0]["person"]["name"] is None


def test_no_look_at_the_store_takes_more_than_a_slice(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the record: entries are read a hundred at a time, and rows by windows."""
    sizes: list[int] = []
    real = evidence.window

    def counted(*args: Any, **more: Any) -> list[evidence.Kept]:
        found = real(*args, **more)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(evidence, "window", counted)
    for _ in range(450):
        add_row(desk, 1, draft())
    export(desk, tmp_path / "out")
    assert max(sizes) == 100
    assert len(lines(tmp_path / "out")) == LENGTH + 450
