"""kiosk.intake turns what readers see into durable rows and true answers, by the table of directions."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.ports import Unreadable
from kiosk import badges, documents, notices
from kiosk.identifiers import CardId
from kiosk.model import BadgeLine, Direction, Press, Profile, Signal, Trust
from kiosk.obligations import Gate
from kiosk.outbox import Outbox
from kiosk.records import unpack_card
from kiosk.rules import DeclarationTerm, Limits
from kiosk.vault import Field
from tests.gatehouse import (
    ARRIVALS,
    ARRIVALS_ELSEWHERE,
    DEPARTURES,
    ELSEWHERE,
    HOUR,
    MINUTE,
    MORNING_MS,
    SECOND,
    SITE,
    TOGGLE,
    TWO,
    Entered,
    Gatehouse,
    new_book,
    open_gatehouse,
)
from tests.people import (
    CANARY,
    CANARY_CARD,
    CANARY_INSZ,
    CANARY_NAME,
    DECLARATION,
    EMPLOYER,
    OTHER_DECLARATION,
    OTHER_EMPLOYER,
    PLACE,
    invented_card,
    invented_document,
    invented_insz,
    invented_line,
)
from tests.stores import VAULT, descriptor, open_store

MS = 0.001
ONE_CARD = invented_card(1)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Gatehouse]:
    """A site with one declaration; holder 1 has a badge."""
    with open_gatehouse(tmp_path) as opened:
        opened.enrol(invented_line(1))
        yield opened


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Gatehouse]:
    """A site with two declarations: the gate stands for the first, the annex for the second."""
    with open_gatehouse(tmp_path, replace(SITE, declarations=TWO)) as opened:
        opened.enrol(invented_line(1))
        yield opened


HERE = replace(TOGGLE, declaration=DECLARATION)


def book(house: Gatehouse) -> list[str]:
    """Directions of all rows, oldest first."""
    return [row.direction for row in house.rows()]


def _found(house: Gatehouse, row: int, validity: str) -> None:
    house.run("UPDATE registrations SET state = 'accepted', validity = ? WHERE id = ?", validity, row)
    outbox = Outbox(house.database, house.vault, house.book)
    house.database.write(lambda c: notices.spread(c, outbox, row, validity=validity, remarks=(), at_ms=0))


def test_a_worker_hears_at_his_next_tap_what_the_service_found(house: Gatehouse) -> None:
    """In his own language, once, whatever the tap itself comes to, and in the same transaction."""
    house.enrol(replace(invented_line(2), profile=replace(invented_line(2).profile, language="fr")))
    row = house.tap(invented_card(2)).ids[0]
    house.tap(ONE_CARD)
    _found(house, row, "invalid")
    house.clocks.wait(SECOND)
    assert house.tap(ONE_CARD).remarks == ()
    again = house.tap(invented_card(2))
    assert again.signal is Signal.ALREADY
    assert again.remarks == ("Votre enregistrement a été déclaré non valable. Adressez-vous à votre responsable.",)
    assert "enregistrement" not in repr(again)
    assert house.tap(invented_card(2)).remarks == ()


def test_a_tap_that_fails_has_told_nothing(house: Gatehouse) -> None:
    """What was not committed was not told: he hears it when he taps again."""
    row = house.tap(ONE_CARD).ids[0]
    _found(house, row, "invalid")
    house.run("CREATE TRIGGER broken BEFORE INSERT ON registrations BEGIN SELECT RAISE (ABORT, 'no'); END")
    house.clocks.wait(HOUR)
    assert house.tap(ONE_CARD).signal is Signal.FAILED
    house.run("DROP TRIGGER broken")
    assert len(house.tap(ONE_CARD).remarks) == 1


# The table of directions.

OUT_TABLE = [
    (TOGGLE, None, "in", []),
    (TOGGLE, Press.IN, "in", []),
    (TOGGLE, Press.OUT, "out", ["missing_in"]),
    (TOGGLE, Press.BREAK, "out", ["missing_in"]),
    (ARRIVALS, None, "in", []),
    (ARRIVALS, Press.OUT, "in", []),
    (DEPARTURES, None, "out", ["missing_in"]),
    (DEPARTURES, Press.IN, "out", ["missing_in"]),
]


@pytest.mark.parametrize(("gate", "press", "signal", "asked"), OUT_TABLE)
def test_who_is_out(house: Gatehouse, gate: Gate, press: Press | None, signal: str, asked: list[str]) -> None:
    """Everybody starts out: a toggle reader and a fixed IN let him in; an OUT is recorded with a task, for no IN is known."""
    answer = house.tap(ONE_CARD, gate, press)
    (row,) = house.rows()
    assert (answer.signal, answer.ids, answer.direction) == (signal, (row.id,), row.direction)
    assert (row.direction, row.state, row.reason, row.signal) == (signal, "queued", None, signal)
    assert house.asked() == [(kind, row.id) for kind in asked]


IN_TABLE = [
    (TOGGLE, None, 30 * SECOND, "already", []),
    (TOGGLE, None, 5 * MINUTE - MS, "already", []),
    (TOGGLE, None, 5 * MINUTE, "out", []),
    (TOGGLE, None, 10 * HOUR, "out", []),
    (TOGGLE, None, 10 * HOUR + MS, "out", ["long_stay"]),
    (TOGGLE, None, 14 * HOUR, "out", ["long_stay"]),
    (TOGGLE, None, 14 * HOUR + MS, "in", ["missing_out"]),
    (TOGGLE, Press.IN, 30 * SECOND, "already", []),
    (TOGGLE, Press.IN, 11 * HOUR, "already", []),
    (TOGGLE, Press.IN, 14 * HOUR + MS, "in", ["missing_out"]),
    (TOGGLE, Press.OUT, SECOND, "out", []),
    (TOGGLE, Press.OUT, 12 * HOUR, "out", []),
    (TOGGLE, Press.OUT, 15 * HOUR, "out", []),
    (TOGGLE, Press.BREAK, SECOND, "out", []),
    (ARRIVALS, None, 30 * SECOND, "already", []),
    (ARRIVALS, None, 14 * HOUR, "already", []),
    (ARRIVALS, Press.OUT, 8 * HOUR, "already", []),
    (ARRIVALS, None, 14 * HOUR + MS, "in", ["missing_out"]),
    (DEPARTURES, None, SECOND, "out", []),
    (DEPARTURES, Press.IN, 8 * HOUR, "out", []),
    (DEPARTURES, None, 20 * HOUR, "out", []),
]


@pytest.mark.parametrize(("gate", "press", "later", "signal", "asked"), IN_TABLE)
def test_who_is_in(*, house: Gatehouse, gate: Gate, press: Press | None, later: float, signal: str, asked: list[str]) -> None:
    """Each row of the table for somebody inside, to the millisecond; ``already`` records nothing and says since when."""
    house.tap(ONE_CARD, ARRIVALS)
    house.clocks.wait(later)
    answer = house.tap(ONE_CARD, gate, press)
    if signal == "already":
        assert (answer.signal, answer.ids, answer.direction) == (Signal.ALREADY, (), Direction.IN)
        assert answer.since_ms == MORNING_MS
        assert book(house) == ["in"]
    else:
        assert (answer.signal, answer.ids, answer.since_ms) == (signal, (2,), None)
        assert book(house) == ["in", signal]
    # A missing OUT is of the stay that lacks it, what else is asked of the new row.
    assert house.asked() == [(kind, 1 if kind == "missing_out" else 2) for kind in asked]


@pytest.mark.parametrize(
    ("gate", "press", "later", "signal"),
    [
        (TOGGLE, None, MINUTE - MS, "already"),
        (TOGGLE, None, MINUTE, "in"),
        (TOGGLE, Press.IN, SECOND, "in"),
        (TOGGLE, Press.BREAK, SECOND, "already"),
        (ARRIVALS, None, SECOND, "in"),
        (DEPARTURES, None, MINUTE - MS, "already"),
        (DEPARTURES, None, MINUTE, "out"),
    ],
)
def test_who_just_left(house: Gatehouse, gate: Gate, press: Press | None, later: float, signal: str) -> None:
    """Debounce is for the same resulting direction, and on a toggle reader for every tap."""
    house.tap(ONE_CARD, ARRIVALS)
    house.clocks.wait(HOUR)
    house.tap(ONE_CARD, DEPARTURES)
    house.clocks.wait(later)
    answer = house.tap(ONE_CARD, gate, press)
    assert answer.signal == signal
    assert book(house) == ["in", "out"] + ([] if signal == "already" else [signal])
    assert answer.direction == ("out" if signal == "already" else signal)


def test_badges_and_readers_share_their_holder(house: Gatehouse) -> None:
    """Another badge of the same person at another reader is the same person: debounce and state are his."""
    house.enrol(BadgeLine(card=invented_card(50), profile=invented_line(1).profile))
    assert house.tap(ONE_CARD, ARRIVALS).signal is Signal.IN
    house.clocks.wait(30)
    assert house.tap(invented_card(50), TOGGLE).signal is Signal.ALREADY
    house.clocks.wait(HOUR)
    assert house.tap(invented_card(50), DEPARTURES).signal is Signal.OUT
    assert [row.holder for row in house.rows()] == [1, 1]


def test_one_does_not_debounce_another(house: Gatehouse) -> None:
    """Two people in a queue are both recorded in the same second."""
    house.enrol(invented_line(2))
    assert [house.tap(invented_card(number)).ids for number in (1, 2)] == [(1,), (2,)]


def test_over_a_reboot_the_wall_clock_counts(house: Gatehouse) -> None:
    """Across boots the wall clock tells a repeat, and a clock that went back tells none."""
    house.tap(ONE_CARD)
    house.clocks.reboot("second boot", wall_ms=MORNING_MS + 30_000)
    assert house.tap(ONE_CARD).signal is Signal.ALREADY
    house.clocks.reboot("third boot", wall_ms=MORNING_MS - 1000)
    assert house.tap(ONE_CARD).signal is Signal.OUT


# What a row says.


def test_the_time_is_the_cards_not_the_decisions(house: Gatehouse) -> None:
    """A card that waited 3.5 s for the store was tapped 3.5 s ago, whatever the wall clock did meanwhile."""
    house.clocks.wait(3.5)
    house.tap(ONE_CARD, ago_seconds=3.5)
    (row,) = house.rows()
    assert row.at_ms == row.draft.at_ms == MORNING_MS
    kept = house.database.read(lambda c: c.execute("SELECT wall_ms, boot_ns, boot_id FROM registrations").fetchone())
    assert kept == (MORNING_MS, house.clocks.boot_ns - 3_500_000_000, "first boot")


def test_a_repeat_is_measured_from_card_to_card(house: Gatehouse) -> None:
    """Two sightings 59 s apart are a repeat, also when the second is decided later."""
    house.tap(ONE_CARD)
    house.clocks.wait(70)
    assert house.tap(ONE_CARD, ago_seconds=11).signal is Signal.ALREADY


def test_a_registration_is_complete(house: Gatehouse) -> None:
    """Person, moment, place, employer and declaration are what roster and configuration say."""
    house.tap(ONE_CARD)
    (row,) = house.rows()
    assert row.draft.complete() is not None
    assert (row.draft.ssin, row.draft.employer, row.draft.place) == (invented_insz(1), EMPLOYER, PLACE)
    assert row.draft.declaration == DECLARATION
    assert row.grouped


def test_the_button_is_kept(house: Gatehouse) -> None:
    """The presence list must know a break from a leave."""
    house.tap(ONE_CARD, TOGGLE, Press.BREAK)
    kept = house.database.read(lambda c: c.execute("SELECT press, reader, driver, technology FROM registrations").fetchone())
    assert kept == ("break", "gate", "simulated", "test")


def test_how_far_the_card_was_to_be_trusted_is_kept(house: Gatehouse) -> None:
    """With a registration and without one, each tap says whether its card was a mere number or proved something."""
    house.tap(ONE_CARD, trust="crypto")
    house.tap(invented_card(9), trust="eid")
    sql = "SELECT trust FROM registrations UNION ALL SELECT trust FROM taps"
    assert house.database.read(lambda c: c.execute(sql).fetchall()) == [("crypto",), ("eid",)]


@pytest.mark.parametrize(
    ("least", "trust", "signal"),
    [
        (Trust.UID, "uid", Signal.IN),
        (Trust.CRYPTO, "uid", Signal.UNREADABLE),
        (Trust.CRYPTO, "crypto", Signal.IN),
        (Trust.CRYPTO, "eid", Signal.IN),
        (Trust.EID, "crypto", Signal.UNREADABLE),
    ],
)
def test_a_site_may_ask_for_more_than_a_number(tmp_path: Path, least: Trust, trust: str, signal: Signal) -> None:
    """A card that proves less is red with the reason, and nothing is recorded of it."""
    with open_gatehouse(tmp_path, replace(SITE, minimum_trust=least)) as strict:
        strict.enrol(invented_line(1))
        answer = strict.tap(ONE_CARD, trust=trust)
        assert answer.signal is signal
        assert ("can be copied" in (answer.why or "")) is (signal is Signal.UNREADABLE)
        assert len(strict.rows()) == (0 if signal is Signal.UNREADABLE else 1)


def test_an_out_carries_its_in(house: Gatehouse) -> None:
    """Whatever the roster says meanwhile, the OUT has identity, employer and declaration of its IN; the IN after a break is new."""
    holder = house.enrol(invented_line(1))
    house.tap(ONE_CARD)
    house.correct(holder, Profile(insz=invented_insz(90), employer=OTHER_EMPLOYER))
    house.clocks.wait(HOUR)
    house.tap(ONE_CARD, TOGGLE, Press.BREAK)
    house.clocks.wait(HOUR)
    house.tap(ONE_CARD)
    came, left, back = (row.draft for row in house.rows())
    assert (left.ssin, left.employer, left.declaration) == (came.ssin, came.employer, came.declaration)
    assert (left.direction, left.at_ms) == (Direction.OUT, MORNING_MS + HOUR * 1000)
    assert (back.ssin, back.employer, back.direction) == (invented_insz(90), OTHER_EMPLOYER, Direction.IN)


def test_a_declaration_that_ended_at_midnight_still_carries_its_out(tmp_path: Path) -> None:
    """A night shift leaves with the declaration it came with; who comes after midnight, local time, is held."""
    term = DeclarationTerm(number=DECLARATION, valid_until=date(2026, 11, 2))
    with open_gatehouse(tmp_path, replace(SITE, declarations=(term,))) as house:
        for number in (1, 2, 3):
            house.enrol(invented_line(number))
        house.clocks.wait(15 * HOUR + 59 * MINUTE)  # 23:59 at the site
        assert house.tap(ONE_CARD).signal is Signal.IN
        house.clocks.wait(2 * MINUTE)  # 00:01 at the site, 23:01 UTC
        assert house.tap(invented_card(2)).signal is Signal.HELD
        house.clocks.wait(6 * HOUR)
        assert house.tap(ONE_CARD).signal is Signal.OUT
        assert [(row.state, row.draft.declaration) for row in house.rows()] == [
            ("queued", DECLARATION),
            ("held", None),
            ("queued", DECLARATION),
        ]


# Declarations and employers.


def test_a_reader_of_another_declaration_switches(two: Gatehouse) -> None:
    """One tap leaves the old declaration and enters the new in the same second, with both ids, minimum stay or not."""
    two.tap(ONE_CARD, HERE)
    two.clocks.wait(2 * MINUTE)
    answer = two.tap(ONE_CARD, ELSEWHERE)
    assert (answer.signal, answer.ids, answer.direction) == (Signal.IN, (2, 3), Direction.IN)
    came, left, entered = two.rows()
    assert (left.direction, left.draft.declaration) == ("out", came.draft.declaration)
    assert (entered.direction, entered.draft.declaration) == ("in", OTHER_DECLARATION)
    assert left.at_ms == entered.at_ms == MORNING_MS + 120_000
    assert {left.signal, entered.signal} == {"in"}
    assert two.asked() == []
    two.clocks.wait(HOUR)
    assert two.tap(ONE_CARD, ELSEWHERE).signal is Signal.OUT
    assert two.rows()[-1].draft.declaration == OTHER_DECLARATION


def test_a_fixed_reader_of_another_declaration_switches(two: Gatehouse) -> None:
    """An arrivals reader of the annex switches as well; a departures reader there only lets him out of his own stay."""
    two.tap(ONE_CARD, HERE)
    two.clocks.wait(HOUR)
    assert two.tap(ONE_CARD, ARRIVALS_ELSEWHERE).ids == (2, 3)
    two.clocks.wait(HOUR)
    assert two.tap(ONE_CARD, replace(DEPARTURES, declaration=DECLARATION)).ids == (4,)
    assert two.rows()[-1].draft.declaration == OTHER_DECLARATION


def test_inside_the_debounce_nobody_switches(two: Gatehouse) -> None:
    """The same tap again is a repeat at whatever reader, however often, and a minute after the first it is none."""
    two.tap(ONE_CARD, HERE)
    two.clocks.wait(MINUTE - 1)
    assert two.tap(ONE_CARD, ELSEWHERE).signal is Signal.ALREADY
    two.clocks.wait(1)
    assert two.tap(ONE_CARD, ELSEWHERE).ids == (2, 3)


def test_the_holders_own_declaration_beats_the_readers(two: Gatehouse) -> None:
    """Who has a declaration of his own works for it at every reader, and never switches."""
    own = replace(invented_line(2), profile=Profile(insz=invented_insz(2), declaration=DECLARATION))
    two.enrol(own)
    two.tap(own.card, ELSEWHERE)
    two.clocks.wait(HOUR)
    assert two.tap(own.card, ELSEWHERE).signal is Signal.OUT
    assert [row.draft.declaration for row in two.rows()] == [DECLARATION, DECLARATION]


def test_without_a_choice_of_declaration_the_tap_is_held(two: Gatehouse) -> None:
    """Two valid declarations and nothing that chooses: recorded, with a task; its OUT waits for the same answer."""
    first = two.tap(ONE_CARD, TOGGLE)
    two.clocks.wait(HOUR)
    second = two.tap(ONE_CARD, TOGGLE)
    assert [(answer.signal, answer.direction) for answer in (first, second)] == [("held", "in"), ("held", "out")]
    assert [(row.direction, row.state, row.reason, row.grouped) for row in two.rows()] == [
        ("in", "held", "declaration", False),
        ("out", "held", "declaration", False),
    ]
    assert two.asked() == [("held", 1), ("held", 2)]


def test_from_a_held_stay_one_may_switch(two: Gatehouse) -> None:
    """A stay whose declaration nobody knows ends at the annex's reader, where the new one is known."""
    two.tap(ONE_CARD, TOGGLE)
    two.clocks.wait(HOUR)
    answer = two.tap(ONE_CARD, ELSEWHERE)
    assert (answer.signal, answer.ids) == (Signal.HELD, (2, 3))
    assert [(row.direction, row.state) for row in two.rows()] == [("in", "held"), ("out", "held"), ("in", "queued")]
    assert two.asked() == [("held", 1), ("held", 2)]


def test_a_reader_whose_declaration_ended_lets_people_leave(tmp_path: Path) -> None:
    """Its stays are held for want of a declaration, and the next tap there is the way out, not another switch."""
    ended = DeclarationTerm(number=OTHER_DECLARATION, valid_until=date(2026, 11, 1))
    with open_gatehouse(tmp_path, replace(SITE, declarations=(TWO[0], ended))) as house:
        house.enrol(invented_line(1))
        for _ in range(3):
            assert house.tap(ONE_CARD, ELSEWHERE).signal is Signal.HELD
            house.clocks.wait(HOUR)
        assert book(house) == ["in", "out", "in"]


def test_without_an_employer_the_tap_is_held(tmp_path: Path) -> None:
    """No employer is guessed: IN and OUT are recorded, held, with a task each."""
    with open_gatehouse(tmp_path, replace(SITE, employer=None)) as house:
        house.enrol(invented_line(1))
        assert house.tap(ONE_CARD).signal is Signal.HELD
        house.clocks.wait(HOUR)
        assert house.tap(ONE_CARD).signal is Signal.HELD
        assert [(row.direction, row.state, row.reason) for row in house.rows()] == [
            ("in", "held", "employer"),
            ("out", "held", "employer"),
        ]
        assert house.asked() == [("held", 1), ("held", 2)]
        assert [row.draft.declaration for row in house.rows()] == [DECLARATION, DECLARATION]


def test_an_out_without_in_that_lacks_something_opens_both_tasks(tmp_path: Path) -> None:
    """A held OUT of somebody who never came is two questions about one row."""
    with open_gatehouse(tmp_path, replace(SITE, employer=None)) as house:
        house.enrol(invented_line(1))
        assert house.tap(ONE_CARD, DEPARTURES).signal is Signal.HELD
        assert house.asked() == [("held", 1), ("missing_in", 1)]


# What waits.


def test_a_paused_group_is_recorded_and_said(house: Gatehouse) -> None:
    """Taps of a paused employer and declaration are queued for it and signal held, without a task for each."""
    house.enrol(invented_line(2))
    house.tap(ONE_CARD)
    house.pause()
    answer = house.tap(invented_card(2))
    assert (answer.signal, answer.ids) == (Signal.HELD, (2,))
    row = house.rows()[-1]
    assert (row.state, row.reason, row.signal) == ("queued", "group", "held")
    assert house.asked() == []


@pytest.mark.parametrize("paused", [False, True])
def test_an_untrusted_clock_loses_nothing(house: Gatehouse, *, paused: bool) -> None:
    """A tap in 1970 is recorded, waits for its true time before anything else, and the worker is told that it waits."""
    house.enrol(invented_line(2))
    house.tap(ONE_CARD)
    if paused:
        house.pause()
    house.clocks.reboot("second boot", wall_ms=5000)
    house.clocks.trusted = False
    answer = house.tap(invented_card(2))
    assert (answer.signal, answer.clock) == (Signal.HELD if paused else Signal.IN, "waiting")
    row = house.rows()[-1]
    assert (row.state, row.reason, row.at_ms) == ("queued", "clock", 5000)
    kept = "SELECT clock_trusted, clock_source, clock_bound_ms FROM registrations WHERE id = 2"
    assert house.database.read(lambda c: c.execute(kept).fetchone()) == (0, "none", None)
    assert house.tap(invented_card(2)).clock == "waiting"
    assert house.tap(invented_card(99)).clock == "waiting"


@pytest.mark.parametrize("state", ["accepted", "refused", "unknown", "in_flight", "held"])
def test_what_became_of_a_row_does_not_move_the_body(house: Gatehouse, state: str) -> None:
    """A refused or held IN still means that somebody went in."""
    house.tap(ONE_CARD)
    house.run("UPDATE registrations SET state = ?", state)
    house.clocks.wait(HOUR)
    assert house.tap(ONE_CARD).signal is Signal.OUT


def test_a_cancelled_row_counts_no_more(house: Gatehouse) -> None:
    """From the next tap on the holder stands as if it had not been: debounce included."""
    house.tap(ONE_CARD)
    house.clocks.wait(HOUR)
    house.tap(ONE_CARD)
    house.run("UPDATE registrations SET state = 'cancelled' WHERE id = 2")
    house.clocks.wait(1)
    assert house.tap(ONE_CARD).signal is Signal.OUT
    house.run("UPDATE registrations SET state = 'cancelled'")
    assert house.tap(ONE_CARD).signal is Signal.IN


def test_another_book_knows_nobody(house: Gatehouse) -> None:
    """Who was in training inside is not inside in production."""
    house.tap(ONE_CARD)
    fresh = Gatehouse(house.database, VAULT, new_book(house.database), SITE, house.clocks)
    house.clocks.wait(HOUR)
    assert fresh.tap(ONE_CARD).signal is Signal.IN
    assert [row.id for row in fresh.rows()] == [2]


# Cards without a holder, and badges that may not.


def test_an_unknown_card_is_kept_and_asked_about_once(house: Gatehouse) -> None:
    """Each tap of it is kept, sealed, to be linked later; the task is one a card and says nothing of it."""
    for card in (invented_card(7), invented_card(7), invented_card(8)):
        answer = house.tap(card)
        assert (answer.signal, answer.ids, answer.direction) == (Signal.UNKNOWN_CARD, (), None)
    assert house.count("registrations") == 0
    kept = house.database.read(lambda c: c.execute("SELECT uid, sealed, signal FROM taps ORDER BY id").fetchall())
    assert [unpack_card(VAULT.open(Field.TAP, uid, sealed)) for uid, sealed, _ in kept] == [
        invented_card(7),
        invented_card(7),
        invented_card(8),
    ]
    assert house.asked() == [("unknown_card", None), ("unknown_card", None)]
    notes = house.database.read(lambda c: c.execute("SELECT note FROM tasks").fetchall())
    assert all(invented_card(number).identifier.hex() not in str(notes) for number in (7, 8))


# Identity cards.

ONE_DOCUMENT = invented_document(invented_insz(1))


def test_an_identity_card_counts_as_its_holders_badge(house: Gatehouse) -> None:
    """In by the card, out by the badge, each registered for the same person; how hard each was to copy is kept."""
    assert house.show(ONE_DOCUMENT).signal is Signal.IN
    house.clocks.wait(HOUR)
    assert house.tap(ONE_CARD).signal is Signal.OUT
    coming, going = house.rows()
    assert coming.draft.ssin == going.draft.ssin == invented_insz(1)
    assert (coming.holder, coming.state, coming.draft.employer, coming.draft.declaration) == (1, "queued", EMPLOYER, DECLARATION)
    kept = house.database.read(lambda c: c.execute("SELECT trust, technology FROM registrations ORDER BY id").fetchall())
    assert kept == [("eid", "beid-1.8"), ("uid", "test")]


def test_an_identity_card_that_proves_nothing_is_trusted_like_a_number(house: Gatehouse) -> None:
    """Without installed roots anybody could have written the chip."""
    assert house.show(replace(ONE_DOCUMENT, proven=False)).signal is Signal.IN
    assert house.database.read(lambda c: c.execute("SELECT trust FROM registrations").fetchone()) == ("uid",)


def test_a_badge_and_an_identity_card_are_debounced_together(house: Gatehouse) -> None:
    """Whoever shows both within a minute has come once."""
    house.tap(ONE_CARD)
    house.clocks.wait(10 * SECOND)
    assert house.show(ONE_DOCUMENT).signal is Signal.ALREADY
    assert book(house) == ["in"]


def test_an_identity_card_with_an_older_number_finds_its_holder(house: Gatehouse) -> None:
    """A number was replaced: the card that still has the old one is his, and the registration carries the new one."""
    house.correct(1, Profile(insz=invented_insz(2)))
    assert house.show(ONE_DOCUMENT).signal is Signal.IN
    assert house.rows()[0].draft.ssin == invented_insz(2)
    house.clocks.wait(HOUR)
    assert house.show(invented_document(invented_insz(2))).signal is Signal.OUT


def test_an_identity_card_registers_whoever_lost_his_badge(house: Gatehouse) -> None:
    """The badge is refused, its holder is not."""
    house.database.write(lambda c: badges.revoke(c, 1, at_ms=house.clocks.wall_ms))
    assert house.tap(ONE_CARD).signal is Signal.REVOKED
    assert house.show(ONE_DOCUMENT).signal is Signal.IN


def test_a_person_may_have_nothing_but_his_identity_card(house: Gatehouse) -> None:
    """Put on the roster with it he is registered by it; one that was reported lost is refused like a badge."""
    house.enrol(BadgeLine(card=CardId.of_person(invented_insz(7)), profile=invented_line(7).profile))
    assert house.show(invented_document(invented_insz(7))).signal is Signal.IN
    house.database.write(lambda c: badges.revoke(c, 2, at_ms=house.clocks.wall_ms))
    house.clocks.wait(HOUR)
    assert house.show(invented_document(invented_insz(7))).signal is Signal.REVOKED


def test_a_visitors_identity_card_owes_nothing(house: Gatehouse) -> None:
    """He is here, and nothing is sent."""
    house.correct(1, Profile(insz=invented_insz(1), local=True))
    assert house.show(ONE_DOCUMENT).signal is Signal.LOCAL
    assert (house.count("registrations"), house.count("taps")) == (0, 1)


def test_a_press_counts_for_an_identity_card(house: Gatehouse) -> None:
    """As for a badge."""
    assert house.show(ONE_DOCUMENT, press=Press.OUT).signal is Signal.OUT


def test_an_identity_card_of_nobody_we_know_is_held(house: Gatehouse) -> None:
    """Kept sealed, asked about once a person, and no employer is guessed: nothing goes to the book."""
    for number in (7, 7, 8):
        answer = house.show(invented_document(invented_insz(number)))
        assert (answer.signal, answer.ids, answer.direction, answer.why) == (Signal.HELD, (), None, documents.UNKNOWN_PERSON)
    assert house.count("registrations") == 0
    kept = house.database.read(lambda c: c.execute("SELECT uid, sealed, signal, holder FROM taps ORDER BY id").fetchall())
    cards = [unpack_card(VAULT.open(Field.TAP, uid, sealed)) for uid, sealed, _, _ in kept]
    assert cards == [CardId.of_person(invented_insz(number)) for number in (7, 7, 8)]
    assert [row[2:] for row in kept] == [("held", None)] * 3
    assert house.asked() == [("unknown_person", None), ("unknown_person", None)]


def test_an_identity_card_counts_as_soon_as_its_holder_is_on_the_roster(house: Gatehouse) -> None:
    """By the badge that he is given he becomes known, and his next tap with either counts."""
    assert house.show(invented_document(invented_insz(7))).signal is Signal.HELD
    house.enrol(invented_line(7))
    assert house.show(invented_document(invented_insz(7))).signal is Signal.IN


def test_a_document_that_does_not_count_records_nothing(house: Gatehouse) -> None:
    """Expired, of a child, with a wrong number: unreadable with its reason, whoever it is of."""
    for document, why in (
        (replace(ONE_DOCUMENT, valid_until=date(2026, 11, 1)), documents.EXPIRED),
        (replace(ONE_DOCUMENT, kind=6), documents.CHILDREN),
        (replace(ONE_DOCUMENT, number="85073003329"), documents.CHECK_DIGITS),
    ):
        answer = house.show(document)
        assert (answer.signal, answer.why) == (Signal.UNREADABLE, why)
    assert (house.count("registrations"), house.count("taps"), house.count("tasks")) == (0, 0, 0)


def test_a_cards_last_day_is_the_sites(house: Gatehouse) -> None:
    """Half an hour before midnight in Brussels it counts, half an hour later, in UTC still the same day, it does not."""
    last = replace(ONE_DOCUMENT, valid_until=date(2026, 11, 2))
    house.clocks.wait(15 * HOUR + 30 * MINUTE)
    assert house.show(last).signal is Signal.IN
    house.clocks.wait(HOUR)
    assert house.show(last).signal is Signal.UNREADABLE


def test_an_untrusted_clock_judges_no_document(house: Gatehouse) -> None:
    """The box stands in 1970, and the card is not refused for it; the row waits for the time like any other."""
    house.clocks.trusted = False
    house.clocks.wall_ms = 0
    assert house.show(ONE_DOCUMENT).signal is Signal.IN
    assert [(row.state, row.reason) for row in house.rows()] == [("queued", "clock")]


def test_a_revoked_badge_records_nothing(house: Gatehouse) -> None:
    """It is refused in red; the stay stays open, and the holder's other badge closes it."""
    house.enrol(BadgeLine(card=invented_card(50), profile=invented_line(1).profile))
    house.tap(ONE_CARD)
    house.database.write(lambda c: badges.revoke(c, 1, at_ms=house.clocks.wall_ms))
    house.clocks.wait(HOUR)
    answer = house.tap(ONE_CARD)
    assert (answer.signal, answer.ids, answer.name) == (Signal.REVOKED, (), "")
    assert (house.count("registrations"), house.count("taps")) == (1, 0)
    assert house.tap(invented_card(50)).signal is Signal.OUT


def test_what_can_not_be_read_is_said(house: Gatehouse) -> None:
    """Something without an identifier is no tap, and the reason is for the screen."""
    answer = house.intake.take(Unreadable(why="no answer from the card", boot_ns=1), TOGGLE)
    assert (answer.signal, answer.why, answer.ids) == (Signal.UNREADABLE, "no answer from the card", ())
    assert (house.count("registrations"), house.count("taps")) == (0, 0)


# When the store can't.


def test_a_damaged_profile_fails_alone(house: Gatehouse) -> None:
    """Without his number nothing can be recorded for its holder, and the next person is."""
    house.enrol(invented_line(2))
    house.run("UPDATE profiles SET sealed = zeroblob(60) WHERE holder = 1")
    answer = house.tap(ONE_CARD)
    assert (answer.signal, answer.ids) == (Signal.FAILED, ())
    assert "damaged" in (answer.why or "")
    assert (house.count("registrations"), house.count("taps"), house.count("tasks")) == (0, 0, 0)
    assert house.tap(invented_card(2)).signal is Signal.IN


def test_a_damaged_in_does_not_trap_its_holder(house: Gatehouse) -> None:
    """Its OUT is held for a human, for nobody can say what it carries; then the holder comes and goes as ever."""
    house.tap(ONE_CARD)
    house.run("UPDATE registrations SET sealed = zeroblob(60)")
    house.clocks.wait(HOUR)
    assert house.tap(ONE_CARD, ELSEWHERE).signal is Signal.HELD
    assert house.asked() == [("held", 2)]
    house.clocks.wait(HOUR)
    assert house.tap(ONE_CARD).signal is Signal.IN
    states = house.database.read(lambda c: c.execute("SELECT direction, state, reason FROM registrations").fetchall())
    assert states == [("in", "queued", None), ("out", "held", "seal"), ("in", "queued", None)]


def test_a_damaged_in_of_yesterday_is_not_needed(house: Gatehouse) -> None:
    """A new IN after the longest shift is chosen afresh: what it does not carry can't hold it up."""
    house.tap(ONE_CARD)
    house.run("UPDATE registrations SET sealed = zeroblob(60)")
    house.clocks.wait(20 * HOUR)
    assert house.tap(ONE_CARD).signal is Signal.IN
    assert house.asked() == [("missing_out", 1)]


def test_a_full_disk_fails_and_heals(house: Gatehouse) -> None:
    """Without room the tap is red and nothing of it is kept or changes the state; with room the next one counts."""
    house.tap(ONE_CARD)
    house.clocks.wait(HOUR)
    house.run("CREATE TABLE ballast (x BLOB)")
    pages = house.database.read(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    house.database.read(lambda c: c.execute(f"PRAGMA max_page_count = {pages}"))
    answers = [house.tap(invented_card(number)) for number in range(100, 150)]
    failed = [answer for answer in answers if answer.signal is Signal.FAILED]
    assert failed
    assert all("no room" in (answer.why or "") for answer in failed)
    assert house.count("taps") == len(answers) - len(failed)
    before = house.nudges.copy()
    seen = {house.tap(ONE_CARD).signal for _ in range(3)}
    assert seen <= {Signal.FAILED, Signal.OUT, Signal.ALREADY}
    house.database.read(lambda c: c.execute("PRAGMA max_page_count = 1000000"))
    if seen == {Signal.FAILED}:
        assert (book(house), house.nudges) == (["in"], before)
        assert house.tap(ONE_CARD).signal is Signal.OUT
    assert book(house) == ["in", "out"]
    assert house.tap(invented_card(200)).signal is Signal.UNKNOWN_CARD


def test_a_dead_store_fails_for_ever(house: Gatehouse) -> None:
    """After an I/O error no tap of this process is green again, and none is half recorded."""
    house.tap(ONE_CARD)
    house.clocks.wait(HOUR)
    broken = os.open("/dev/null", os.O_RDONLY)
    os.dup2(broken, descriptor(f"{house.database.path}-wal"), inheritable=False)
    os.close(broken)
    for card in (ONE_CARD, ONE_CARD, invented_card(9)):
        answer = house.tap(card)
        assert (answer.signal, answer.ids) == (Signal.FAILED, ())
        assert "can't be trusted" in (answer.why or "")
    assert house.database.dead is not None


# What the worker and the others hear.


def test_green_comes_after_the_commit(house: Gatehouse) -> None:
    """When delivery is called the row is there already, and it is called for recorded rows only."""
    house.tap(ONE_CARD)
    house.tap(ONE_CARD)
    house.tap(invented_card(9))
    assert house.nudges == [1]


def test_offline_marks_only_what_was_recorded(house: Gatehouse) -> None:
    """Saved, do not register again by phone: said of rows only."""
    house.away = True
    assert [house.tap(card).offline for card in (ONE_CARD, ONE_CARD, invented_card(9))] == [True, False, False]
    house.away = False
    house.clocks.wait(HOUR)
    assert house.tap(ONE_CARD).offline is False


def test_the_name_is_for_the_workers_own_answer(house: Gatehouse) -> None:
    """Name and language come with it, also for a repeat, and never in what a log could print."""
    house.enrol(CANARY)
    for _ in range(2):
        answer = house.tap(CANARY_CARD)
        assert (answer.name, answer.language) == (CANARY_NAME, "fr")
        assert CANARY_NAME not in repr(answer)
        assert CANARY_INSZ.digits not in repr(answer)


def test_nothing_personal_lies_on_disk(house: Gatehouse) -> None:
    """Neither number, name nor card of a tap is found in the files of the store."""
    house.enrol(CANARY)
    house.tap(CANARY_CARD)
    house.tap(invented_card(9))
    folder = house.database.path.parent
    bytes_on_disk = b"".join(path.read_bytes() for path in folder.iterdir())
    assert len(bytes_on_disk) > 10_000
    for secret in (CANARY_INSZ.digits.encode(), CANARY_NAME.encode(), CANARY_CARD.identifier, invented_card(9).identifier):
        assert secret not in bytes_on_disk
        assert secret.hex().encode() not in bytes_on_disk.lower()


def test_many_readers_at_once(tmp_path: Path) -> None:
    """Of 200 taps from eight threads every answered row is in the book, and each person goes in and out in turn."""
    site = replace(SITE, limits=Limits(debounce_seconds=0, minimum_stay_minutes=0))
    cards = [invented_card(number) for number in range(5)]
    with open_gatehouse(tmp_path, site) as house:
        for number in range(5):
            house.enrol(invented_line(number))
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda number: house.tap(cards[number % 5]), range(200)))
        rows = {row.id: row for row in house.rows()}
        assert sorted(row for answer in answers for row in answer.ids) == sorted(rows) == list(range(1, 201))
        for answer in answers:
            (number,) = answer.ids
            assert rows[number].direction == answer.direction
            assert rows[number].signal == answer.signal == rows[number].direction
        for holder in range(1, 6):
            assert [row.direction for row in rows.values() if row.holder == holder] == ["in", "out"] * 20


# Anything that may happen at a gate.

GATES = st.sampled_from([TOGGLE, HERE, ARRIVALS, DEPARTURES, ELSEWHERE, ARRIVALS_ELSEWHERE])
GAPS = st.sampled_from([0, 1, 59, 60, 299, 300, 3600, 10 * HOUR, 10 * HOUR + 1, 14 * HOUR, 14 * HOUR + 1]) | st.floats(0, 60_000)
#: Card 0 and 1 are the same person's; 2 is of one with a declaration of his own; 3 of one who must rely on the reader; 4 nobody's.
STEP = st.tuples(GAPS, st.integers(0, 4), GATES, st.none() | st.sampled_from(Press), st.booleans(), st.booleans())
Step = tuple[float, int, Gate, Press | None, bool, bool]


@pytest.fixture(scope="module")
def crowd() -> Iterator[Gatehouse]:
    """Three people with four badges at two declarations; each example begins a book of its own."""
    with TemporaryDirectory() as folder, open_store(Path(folder)) as database:
        house = Gatehouse(database, VAULT, new_book(database), replace(SITE, declarations=TWO))
        house.enrol(BadgeLine(card=invented_card(0), profile=Profile(insz=invented_insz(0))))
        house.enrol(BadgeLine(card=invented_card(1), profile=Profile(insz=invented_insz(0))))
        house.enrol(BadgeLine(card=invented_card(2), profile=Profile(insz=invented_insz(2), declaration=DECLARATION)))
        house.enrol(BadgeLine(card=invented_card(3), profile=Profile(insz=invented_insz(3), employer=OTHER_EMPLOYER)))
        yield house


@given(steps=st.lists(STEP, max_size=25))
def test_whatever_happens_the_book_makes_sense(crowd: Gatehouse, steps: list[Step]) -> None:
    """Answered rows exist, repeats write nothing, and no direction follows itself without a human being asked."""
    house = Gatehouse(crowd.database, VAULT, new_book(crowd.database), crowd.site)
    answered: list[int] = []
    for number, (gap, card, gate, press, trusted, reboots) in enumerate(steps):
        house.clocks.wait(gap)
        if reboots:
            house.clocks.reboot(f"boot {number}")
        house.clocks.trusted = trusted
        answer = house.tap(invented_card(card), gate, press)
        assert answer.clock == ("ok" if trusted else "waiting")
        assert bool(answer.ids) == (answer.signal in {Signal.IN, Signal.OUT, Signal.HELD})
        assert answer.signal is not Signal.FAILED
        answered += answer.ids
    rows = house.rows()
    assert [row.id for row in rows] == answered
    asked = set(house.asked())
    people: dict[int, list[Entered]] = defaultdict(list)
    for row in rows:
        people[row.holder].append(row)
        assert row.state == ("queued" if row.draft.complete() else "held")
        assert (("held", row.id) in asked) == (row.state == "held")
        if row.state == "queued":
            assert row.reason == (None if row.trusted else "clock")
    for own in people.values():
        _assert_sensible(own, asked)


def _assert_sensible(own: list[Entered], asked: set[tuple[str, int | None]]) -> None:
    """One person's rows: INs and OUTs in turn, or a task that says which one is missing; an OUT as its IN."""
    assert (("missing_in", own[0].id) in asked) == (own[0].direction == "out")
    for before, after in pairwise(own):
        assert (("missing_out", before.id) in asked) == (before.direction == after.direction == "in")
        assert (("missing_in", after.id) in asked) == (before.direction == after.direction == "out")
        assert before.at_ms <= after.at_ms
        if before.direction == "in" and after.direction == "out":
            assert replace(before.draft, direction=Direction.OUT, at_ms=after.at_ms) == after.draft


def test_before_the_clock_is_set_no_declaration_has_ended(tmp_path: Path) -> None:
    """In 1970 the day is not known: the only declaration is taken and the row waits for the clock, not for a human."""
    term = DeclarationTerm(number=DECLARATION, valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 31))
    with open_gatehouse(tmp_path, replace(SITE, declarations=(term,))) as house:
        house.enrol(invented_line(1))
        house.clocks.wall_ms, house.clocks.trusted = 0, False
        answer = house.tap(ONE_CARD)
        assert (answer.signal, answer.clock) == (Signal.IN, "waiting")
        assert [(row.state, row.reason) for row in house.rows()] == [("queued", "clock")]
