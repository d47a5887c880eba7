"""kiosk.tap_entries takes every tap into the record, once, in slices, also after a crash between two of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kiosk import roster
from kiosk.desk import Desk
from kiosk.evidence import Entry, Kept, about, head, opened, set_mark, window
from kiosk.identifiers import CardId
from kiosk.model import Address, Direction
from kiosk.tap_entries import SLICE, Row, chain_all, chain_slice, chained, overdue, rows_of, unchained, untold
from tests.desks import MORNING_MS, Clock, add_row, draft, open_desk, put, stray
from tests.people import CANARY, CANARY_CARD, CANARY_INSZ, DECLARATION, EMPLOYER


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, Clock()) as each:
        each.database.write(lambda c: roster.enrol(c, each.vault, CANARY, at_ms=MORNING_MS))
        yield each


def take(desk: Desk) -> None:
    chain_all(desk.database, desk.vault, lambda: MORNING_MS)


def entries(desk: Desk) -> list[Kept]:
    found = desk.database.read(lambda c: window(c, after=0, size=10_000))
    return [each for each in found if each.kind == Entry.TAP]


def test_an_entry_holds_the_tap_with_its_circumstances(desk: Desk) -> None:
    """Reader, driver, clocks and decision are facts; who, with which card and for whom lies in the other half."""
    row = add_row(desk, 1, draft(Direction.OUT))
    take(desk)
    (entry,) = entries(desk)
    assert entry.subject == f"registration:{row}"
    assert entry.sealed is not None
    content = opened(desk.vault, entry.uid, entry.sealed)
    assert content.facts is not None
    assert content.person is not None
    assert content.facts["place"] == [50.8466, 4.3670]
    told = {
        name: content.facts[name] for name in ("signal", "direction", "wall_ms", "reader", "driver", "technology", "trust", "press")
    }
    assert told == {
        "signal": "out", "direction": "out", "wall_ms": MORNING_MS, "reader": "gate", "driver": "simulated",
        "technology": "test", "trust": "uid", "press": None,
    }  # fmt: skip
    clock = {name: content.facts[name] for name in ("clock_trusted", "clock_source", "clock_bound_ms", "boot_id", "boot_ns")}
    assert clock == {
        "clock_trusted": 1, "clock_source": "kernel", "clock_bound_ms": 10, "boot_id": "boot", "boot_ns": MORNING_MS * 1_000_000,
    }  # fmt: skip
    assert content.person == {
        "holder": 1,
        "insz": CANARY_INSZ.digits,
        "employer": f"e:{EMPLOYER.value}",
        "declaration": DECLARATION.value,
        "card": CANARY_CARD.identifier.hex(),
    }
    assert CANARY_INSZ.digits not in repr(content.facts)
    assert CANARY_CARD.identifier.hex() not in repr(content.facts)


def test_a_place_may_be_an_address(desk: Desk) -> None:
    """A site known by its address has that in the entry."""
    where = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16")
    add_row(desk, 1, draft(place=where))
    take(desk)
    (entry,) = entries(desk)
    assert entry.sealed is not None
    facts = opened(desk.vault, entry.uid, entry.sealed).facts
    assert facts is not None
    assert facts["place"] == ["Wetstraat", "16", None, "1000", "Brussel"]


def test_a_tap_without_a_registration_is_in_it_too(desk: Desk) -> None:
    """An unknown card's tap stands there with its card, under the number of its own table."""
    stray(desk, CANARY_CARD)
    take(desk)
    (entry,) = entries(desk)
    assert (entry.subject, entry.sealed is None) == ("tap:1", False)
    content = opened(desk.vault, entry.uid, entry.sealed or b"")
    assert content.person == {"holder": None, "card": CANARY_CARD.identifier.hex()}
    assert content.facts is not None
    assert content.facts["signal"] == "unknown_card"


def test_a_tap_of_an_unknown_person_names_him(desk: Desk) -> None:
    """His number stands in the sealed part, as that of everybody else does, so that erasing him finds it."""
    stray(desk, CardId.of_person(CANARY_INSZ))
    take(desk)
    (entry,) = entries(desk)
    assert opened(desk.vault, entry.uid, entry.sealed or b"").person == {"holder": None, "insz": CANARY_INSZ.digits}


def test_every_tap_once_in_slices(desk: Desk) -> None:
    """More taps than a slice holds are all there, in their order, none twice, and what comes later follows."""
    rows = [add_row(desk, 1, draft()) for _ in range(2 * SLICE + 1)]
    assert desk.database.read(unchained) == len(rows)
    assert chain_slice(desk.database, desk.vault, at_ms=MORNING_MS)
    assert len(entries(desk)) == SLICE
    assert desk.database.read(lambda c: chained(c, "registrations")) == SLICE
    take(desk)
    take(desk)
    rows.append(add_row(desk, 1, draft()))
    take(desk)
    assert [entry.subject for entry in entries(desk)] == [f"registration:{row}" for row in rows]
    assert desk.database.read(unchained) == 0
    assert not chain_slice(desk.database, desk.vault, at_ms=MORNING_MS)


def test_a_lost_mark_makes_none_twice(desk: Desk) -> None:
    """Where a damaged page took the note of how far it had come, what is in the record already stays there once."""
    add_row(desk, 1, draft())
    take(desk)
    desk.database.write(lambda c: set_mark(c, "chained_registrations", 0))
    add_row(desk, 1, draft())
    take(desk)
    assert [entry.subject for entry in entries(desk)] == ["registration:1", "registration:2"]


def test_a_damaged_row_keeps_nobody_waiting(desk: Desk) -> None:
    """A tap whose content does not open is in the record with what is known, said to be damaged; the next one is whole."""
    add_row(desk, 1, draft())
    put(desk, 1, sealed=b"no seal")
    stray(desk, CANARY_CARD)
    desk.database.write(lambda c: c.execute("UPDATE taps SET sealed = x'00'"))
    take(desk)
    for entry in entries(desk):
        content = opened(desk.vault, entry.uid, entry.sealed or b"")
        assert content.facts is not None
        assert content.facts["damaged"] is True


def test_entries_are_found_by_their_subject(desk: Desk) -> None:
    """What the record says of one registration is found without reading the rest, up to a given entry."""
    for _ in range(2):
        add_row(desk, 1, draft())
    take(desk)
    number, _ = desk.database.read(head)
    assert [each.id for each in desk.database.read(lambda c: about(c, "registration:2"))] == [number]
    assert desk.database.read(lambda c: about(c, "registration:2", until=number - 1)) == []


def test_rows_are_given_as_the_store_has_them_now(desk: Desk) -> None:
    """With what would be sent; one that is gone is left out, and a seal that does not open hides nothing else."""
    first, second = add_row(desk, 1, draft()), add_row(desk, 1, draft(Direction.OUT))
    put(desk, second, sealed=b"\x00", healed_ms=1)
    stray(desk, CANARY_CARD)
    rows = rows_of(desk.database, desk.vault, [f"registration:{first}", f"registration:{second}", "registration:99", "tap:1"])
    assert rows == {
        f"registration:{first}": Row(MORNING_MS, "in", MORNING_MS, False, draft()),
        f"registration:{second}": Row(MORNING_MS, "out", MORNING_MS, True, None),
        "tap:1": Row(MORNING_MS, None, MORNING_MS, False, None),
    }


def test_rows_without_an_entry_are_found_as_far_as_the_record_has_come(desk: Desk) -> None:
    """In windows of ids; what came after is only overdue, within this boot."""
    for _ in range(3):
        add_row(desk, 1, draft())
    take(desk)
    desk.database.write(lambda c: c.execute("UPDATE registrations SET id = 40 WHERE id = 2"))
    assert desk.database.read(lambda c: untold(c, "registrations", after=0, size=50)) == []
    desk.database.write(lambda c: set_mark(c, "chained_registrations", 40))
    assert desk.database.read(lambda c: untold(c, "registrations", after=0, size=50)) == [40]
    assert desk.database.read(lambda c: untold(c, "registrations", after=0, size=39)) == []
    row = add_row(desk, 1, draft())
    made_ns = MORNING_MS * 1_000_000
    look = partial(overdue, table="registrations", boot_id="boot", before_ns=made_ns + 1)
    assert desk.database.read(look) == [row]
    assert desk.database.read(partial(overdue, table="registrations", boot_id="other", before_ns=made_ns + 1)) == []
    assert desk.database.read(partial(overdue, table="registrations", boot_id="boot", before_ns=made_ns)) == []
