"""The account of a registration has every attempt, answer, outage and change that the record tells of it."""

from __future__ import annotations

from typing import Any

from kiosk.accounts import Course

AT_MS = 1_793_602_800_000
AT = "2026-11-02T07:00:00Z"


def line(number: int, kind: str, subject: str = "book:1", seconds: int = 0, **content: Any) -> dict[str, Any]:
    return {"id": number, "at_ms": AT_MS + seconds * 1000, "kind": kind, "subject": subject, **content}


def row(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    names = (
        "id", "holder", "direction", "state", "reason", "registration_date", "insz", "reader", "enterprise_number",
        "foreign_vat_number", "declaration", "latitude", "longitude", "address", "validity", "remarks", "remarks_withheld",
        "advice", "registration_id", "confirmed_at", "clock_trusted",
    )  # fmt: skip
    return {**dict.fromkeys(names), "id": 1, "clock": {"reading": AT}, "entries": list(entries), "begun_ms": AT_MS,
            "ended_ms": AT_MS + 60_000, **changes}  # fmt: skip


def course(*lines: dict[str, Any]) -> Course:
    made = Course()
    for each in lines:
        made.note(each)
    return made


def outage(state: str, seconds: int, number: int = 1, fault: str = "network") -> dict[str, Any]:
    return line(number, "outage", seconds=seconds, facts={"state": state, "fault": fault, "why": "no route"})


def test_lost_calls_and_answers_stand_in_their_order() -> None:
    """Each with its moment and entry; those of other rows do not."""
    lost = line(3, "attempt", facts={"rows": [1, 2], "outcome": "not_sent", "why": "no route"})
    others = line(4, "attempt", facts={"rows": [2], "outcome": "unknown", "why": "x"})
    entries = [
        line(2, "verdict", "registration:1", facts={"state": "refused", "reason": "unknownSsin"}),
        line(5, "verdict", "registration:1", facts={"found": 71}),
        line(6, "verdict", "registration:1", facts={"not_cancelled": "too late"}),
        line(7, "verdict", "registration:1"),
    ]
    attempts: Any = course(lost, others).account(row(*entries))["attempts"]
    assert [(each["entry"], each["outcome"], each["why"]) for each in attempts] == [
        (2, "refused", "unknownSsin"),
        (3, "not_sent", "no route"),
        (5, "found", None),
        (6, "not_cancelled", "too late"),
        (7, None, None),
    ]
    assert attempts[1]["at"] == AT


def test_only_outages_between_tap_and_receipt_are_told() -> None:
    """Also one that lasts; one that ended before, or began after, is no excuse."""
    lines = [
        outage("began", -90),
        outage("ended", -60),
        outage("began", -1),
        outage("ended", 5),
        outage("began", 30, fault="token"),
    ]
    told: Any = course(*lines).account(row())["outages"]
    assert [(each["fault"], each["ended_at"]) for each in told] == [("network", "2026-11-02T07:00:05Z"), ("token", None)]
    assert course(*lines[:4]).account(row(begun_ms=AT_MS + 6000))["outages"] == []
    assert course(outage("ended", 5)).account(row())["outages"] == []


def test_who_changed_what_is_told_with_its_entry() -> None:
    """As the record has it: kind, moment, facts; what was erased is told to be."""
    entries = [
        line(4, "tap", "registration:1", facts={"driver": "pcsc", "signal": "in"}),
        line(6, "cancelled", "registration:1", erased=True),
    ]
    told: Any = course().account(row(*entries))
    assert [(each["entry"], each["kind"], each.get("erased")) for each in told["history"]] == [
        (4, "tap", None),
        (6, "cancelled", True),
    ]
    assert (told["tap"]["driver"], told["tap"]["signal"], told["tap"]["reading"]) == ("pcsc", "in", AT)
    assert "person" not in told


def test_a_person_is_told_where_the_export_gives_him() -> None:
    """With the card of the tap, where the record still has it."""
    tap = line(4, "tap", "registration:1", facts={}, person={"card": "04aa"})
    assert course().account(row(tap, person={"insz": "1"}))["person"] == {"insz": "1", "card": "04aa"}
    assert course().account(row(person={"insz": "1"}))["person"] == {"insz": "1", "card": None}
