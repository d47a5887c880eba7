"""A loan badge: a card of nobody that is somebody's until his OUT, lent at the gate to whoever showed his identity card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hardware.cards import Document
from hardware.ports import Card, Identity, Sighting
from kiosk import erasure, evidence, loans, tap_entries
from kiosk.afterwards import Afterwards
from kiosk.desk import erasing, lent, linking, people
from kiosk.doorstep import Doorstep
from kiosk.enrolling import Enrolling
from kiosk.errors import Declined
from kiosk.evidence import Entry
from kiosk.identifiers import CardId
from kiosk.lending import WITHIN_SECONDS, Lending
from kiosk.model import Answer, Direction, Signal, Trust
from kiosk.outbox import Outbox
from kiosk.presses import Presses
from tests.gatehouse import ARRIVALS, HOUR, MORNING_MS, TOGGLE, Gatehouse, open_gatehouse
from tests.people import invented_card, invented_insz, invented_line

LOAN = invented_card(60)


class Gate:
    """A gate with a board of cards to lend beside it."""

    def __init__(self, house: Gatehouse) -> None:
        self.house = house
        self.desk = house.desk()
        lending = Lending(house.database, house.vault, house.clocks, max_shift_hours=14)
        self.doorstep = Doorstep(Enrolling(), lending, Presses(), house.intake)
        self.afterwards = Afterwards(Outbox(house.database, house.vault, house.book), house.clocks, confirmed=lambda: None)

    def call(self, name: str, /, **asked: object) -> dict[str, Any]:
        calls = {**lent.CALLS, **linking.CALLS, **people.CALLS}
        told: dict[str, Any] = json.loads(json.dumps(calls[name](self.desk, asked)))
        return told

    def show(self, person: int, *, until: date = date(2030, 1, 1)) -> Answer:
        """Put a person's identity card in."""
        number = invented_insz(person).digits
        document = Document(number=number, kind=1, valid_from=None, valid_until=until, proven=True, technology="eid-1.7")
        return self._take(Identity(document=document, boot_ns=self.house.clocks.boot_ns))

    def lay(self, card: CardId) -> Answer:
        """Lay a card on."""
        return self._take(Card(kind=card.kind, identifier=card.identifier, technology="test", boot_ns=self.house.clocks.boot_ns))

    def _take(self, sighting: Sighting) -> Answer:
        answer = self.doorstep.take(sighting, TOGGLE)
        self.afterwards.step()
        return answer

    def lend_to(self, person: int) -> None:
        self.show(person)
        self.house.clocks.wait(5)
        assert self.lay(LOAN).signal is Signal.ENROLLED
        self.house.clocks.wait(HOUR)

    def loan(self) -> dict[str, Any]:
        (one,) = self.call("badge loans")["items"]
        return dict(one)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    with open_gatehouse(tmp_path) as house:
        built = Gate(house)
        house.enrol(invented_line(1))
        house.enrol(invented_line(2))
        seen = Card(kind=LOAN.kind, identifier=LOAN.identifier, technology="test", boot_ns=1)
        assert lent.loan_enroller(built.desk)(seen)["card"] == LOAN.masked
        yield built


def test_whoever_shows_his_identity_card_may_take_one(gate: Gate) -> None:
    """The identity card is his IN; the card from the board is his badge then, is no tap, and is his OUT in the evening."""
    assert gate.show(1).signal is Signal.IN
    gate.house.clocks.wait(10)
    answer = gate.lay(LOAN)
    assert (answer.signal, answer.name) == (Signal.ENROLLED, invented_line(1).profile.name)
    assert len(gate.house.rows()) == 1
    gate.house.clocks.wait(8 * HOUR)
    assert gate.lay(LOAN).direction is Direction.OUT
    assert [row.holder for row in gate.house.rows()] == [1, 1]


def test_it_comes_back_with_his_out(gate: Gate) -> None:
    """After the OUT it is nobody's: the next morning it registers nobody until it is lent again."""
    gate.lend_to(1)
    assert gate.loan()["holder"] == 1
    gate.lay(LOAN)
    assert (gate.loan()["holder"], gate.loan()["until"]) == (None, None)
    gate.house.clocks.wait(12 * HOUR)
    assert gate.lay(LOAN).signal is Signal.UNKNOWN_CARD
    gate.lend_to(2)
    assert gate.loan()["holder"] == 2


def test_an_out_with_another_badge_ends_it_too(gate: Gate) -> None:
    """He found his own badge: what he borrowed is nobody's all the same."""
    gate.lend_to(1)
    gate.house.clocks.wait(HOUR)
    assert gate.lay(invented_card(1)).direction is Direction.OUT
    assert gate.loan()["holder"] is None


def test_after_a_shift_it_is_nobodys(gate: Gate) -> None:
    """Whoever takes the card that was never brought back is not registered as the one who had it, even before anybody looks."""
    gate.lend_to(1)
    gate.house.clocks.wait(14 * HOUR)
    seen = Card(kind=LOAN.kind, identifier=LOAN.identifier, technology="test", boot_ns=gate.house.clocks.boot_ns)
    assert gate.doorstep.take(seen, TOGGLE).signal is Signal.UNKNOWN_CARD
    assert gate.afterwards.step() is None
    assert gate.loan()["holder"] is None


def test_it_is_looked_after_when_its_time_is_up(gate: Gate) -> None:
    """The thread sleeps until then, and an hour at most."""
    gate.lend_to(1)
    assert gate.afterwards.step() == HOUR
    gate.house.clocks.wait(12.5 * HOUR)
    wait = gate.afterwards.step()
    assert wait is not None
    assert 0 < wait < HOUR


@pytest.mark.parametrize("after", [WITHIN_SECONDS + 1, -1])
def test_only_right_after_the_identity_card(gate: Gate, after: int) -> None:
    """Later, or a card that was laid on before it, is a tap."""
    gate.show(1)
    gate.house.clocks.wait(after)
    assert gate.lay(LOAN).signal is Signal.UNKNOWN_CARD
    assert gate.loan()["holder"] is None


def test_only_at_the_same_reader_and_once(gate: Gate) -> None:
    """Another reader's card is another worker's; one identity card takes one card."""
    gate.show(1)
    seen = Card(kind=LOAN.kind, identifier=LOAN.identifier, technology="test", boot_ns=gate.house.clocks.boot_ns)
    assert gate.doorstep.take(seen, ARRIVALS).signal is Signal.UNKNOWN_CARD
    assert gate.lay(LOAN).signal is Signal.ENROLLED
    assert gate.lay(LOAN).signal is Signal.ALREADY


def test_a_badge_or_an_unknown_card_is_not_lent(gate: Gate) -> None:
    """Only what an admin made a card to lend: a stranger's own card is never given to somebody else."""
    gate.show(1)
    assert gate.lay(invented_card(70)).signal is Signal.UNKNOWN_CARD
    gate.house.clocks.wait(30)
    assert gate.lay(invented_card(2)).signal is Signal.IN
    assert gate.house.count("badges") == 2


def test_an_identity_card_that_counts_for_nobody_lends_nothing(gate: Gate) -> None:
    """Of a stranger, or no longer valid: it has to be settled by a human."""
    assert gate.show(9).signal is Signal.HELD
    assert gate.lay(LOAN).signal is Signal.UNKNOWN_CARD
    assert gate.show(1, until=date(2020, 1, 1)).signal is Signal.UNREADABLE
    assert gate.lay(LOAN).signal is Signal.UNKNOWN_CARD


def test_what_somebody_has_is_his(gate: Gate) -> None:
    """A lent card that another lays on after his own identity card is the tap of the one who has it: two hands, one card."""
    gate.lend_to(1)
    gate.show(2)
    assert gate.lay(LOAN).direction is Direction.OUT
    assert gate.house.rows()[-1].holder == 1


def test_a_lost_one_stays_lost(gate: Gate) -> None:
    """Revoked while it was lent: it is lent to nobody, and says so."""
    gate.lend_to(1)
    gate.call("badge revoke", card=LOAN.identifier.hex())
    gate.lay(invented_card(1))
    assert (gate.loan()["lost"], gate.loan()["holder"]) == (True, 1)
    gate.show(2)
    assert gate.lay(LOAN).signal is Signal.REVOKED


def test_a_manager_lends_by_link(gate: Gate) -> None:
    """Without an eID reader: the kept tap of the card, linked for a shift; a card to lend is never given for good."""
    gate.lay(LOAN)
    gate.lay(invented_card(71))
    for tap, loan in ((1, False), (2, True)):
        gate.call("badge link", tap=tap, holder=1, loan=loan)
    sql = "SELECT loan_until_ms FROM badges WHERE loan_until_ms IS NOT NULL"
    assert gate.house.database.read(lambda c: c.execute(sql).fetchall()) == [(MORNING_MS + 14 * HOUR * 1000,)] * 2


def test_a_badge_is_no_card_to_lend(gate: Gate) -> None:
    """Somebody's badge is declined; one that is a card to lend already says so again."""
    own = invented_card(1)
    with pytest.raises(Declined, match="the badge of holder 1"):
        lent.loan_enroller(gate.desk)(Card(kind="uid", identifier=own.identifier, technology="test", boot_ns=1))
    again = lent.loan_enroller(gate.desk)(Card(kind="uid", identifier=LOAN.identifier, technology="test", boot_ns=1))
    assert again["id"] == gate.loan()["id"]


def test_his_own_badge_is_not_lent_to_him(gate: Gate) -> None:
    """A manager who lends what is his already would take it from him at his next OUT."""
    gate.lay(invented_card(71))
    gate.call("badge link", tap=1, holder=1)
    with pytest.raises(Declined, match="the badge of holder 1"):
        gate.call("badge link", tap=1, holder=1, loan=True)
    assert gate.house.database.read(loans.next_end_ms) is None


def test_a_card_to_lend_becomes_nobodys_badge_for_good(gate: Gate) -> None:
    """An admin who adds it by its number is told what it is, also while it is lent."""
    line = {"card": LOAN.identifier.hex(), "insz": invented_insz(1).digits}
    with pytest.raises(Declined, match="is one to lend"):
        gate.call("badge add", lines=[line])
    gate.lend_to(1)
    with pytest.raises(Declined, match="is one to lend"):
        gate.call("badge add", lines=[line])
    assert gate.loan()["holder"] == 1


def test_a_broken_seal_is_listed_and_hides_no_other(gate: Gate) -> None:
    """The card is null, the rest is told."""
    gate.house.run("UPDATE loan_cards SET sealed = x'00'")
    assert gate.loan()["card"] is None


def test_a_store_that_fails_lends_nothing(gate: Gate) -> None:
    """The tap path meets the same store, and shows it; a damaged profile is not lent to either."""
    gate.show(1)
    gate.house.run("UPDATE profiles SET sealed = x'00'")
    assert gate.lay(LOAN).signal is Signal.UNKNOWN_CARD
    assert gate.house.database.read(loans.next_end_ms) is None


def test_without_the_time_nothing_is_lent(gate: Gate) -> None:
    """A loan lasts until a moment: by a clock in 2040 it would never end, and the next one's taps would be the last one's."""
    gate.house.clocks.trusted = False
    assert gate.show(1).signal is Signal.IN
    gate.house.clocks.wait(5)
    answer = gate.lay(LOAN)
    assert (answer.signal, gate.house.count("taps")) == (Signal.UNREADABLE, 0)
    assert "your identity card counts" in (answer.why or "")
    gate.house.clocks.trusted = True
    gate.house.clocks.wait(5)
    assert gate.lay(LOAN).signal is Signal.ENROLLED
    gate.house.clocks.trusted = False
    gate.lay(invented_card(71))
    with pytest.raises(Declined, match="does not know the time"):
        gate.call("badge link", tap=1, holder=2, loan=True)


def test_by_a_wrong_clock_a_lent_card_registers_nobody(gate: Gate) -> None:
    """After a start in 1970 a loan may be long over and the card in other hands: it is kept as unknown until the time is known."""
    gate.lend_to(1)
    gate.house.clocks.trusted = False
    gate.house.clocks.reboot("second boot", wall_ms=0)
    assert gate.lay(LOAN).signal is Signal.UNKNOWN_CARD
    assert len(gate.house.rows()) == 1


def test_by_a_wrong_clock_no_loan_ends(gate: Gate) -> None:
    """Nobody's time is up before the clock is believed, and the thread does not turn for it meanwhile; an OUT ends it always."""
    gate.lend_to(1)
    gate.house.clocks.trusted = False
    gate.house.clocks.wall_ms += 20 * HOUR * 1000
    assert gate.afterwards.step() == 60
    assert gate.loan()["holder"] == 1
    assert gate.lay(invented_card(1)).direction is Direction.OUT
    assert gate.loan()["holder"] is None


def test_a_card_that_proves_too_little_is_not_lent(gate: Gate) -> None:
    """It would be green now, and red at every tap."""
    lending = Lending(gate.house.database, gate.house.vault, gate.house.clocks, max_shift_hours=14, minimum_trust=Trust.CRYPTO)
    gate.doorstep = replace(gate.doorstep, lending=lending)
    gate.show(1)
    answer = gate.lay(LOAN)
    assert answer.signal is Signal.UNREADABLE
    assert "minimum_trust" in (answer.why or "")
    assert gate.loan()["holder"] is None


def test_what_others_did_with_it_is_not_his(gate: Gate) -> None:
    """Whoever has the card now is told, and let go with, his own taps: not those of a visitor who had it before."""
    visitor = invented_line(1)
    gate.house.enrol(replace(visitor, profile=replace(visitor.profile, local=True), says_local=True))
    gate.lend_to(1)
    assert gate.lay(LOAN).signal is Signal.LOCAL
    gate.lay(LOAN)
    gate.house.clocks.wait(HOUR)
    gate.lend_to(2)
    tap_entries.chain_all(gate.house.database, gate.house.vault, lambda: gate.house.clocks.wall_ms)
    taps = [gate.house.database.read(partial(erasure.page, place="taps", holder=who, after=0, size=9)) for who in (1, 2)]
    assert [[(row["holder"], row["signal"]) for row in each] for each in taps] == [[(1, "local"), (1, "local")], []]
    assert [each for each in erasing.subjects(gate.desk, 2) if each.startswith("tap:")] == []


def test_what_was_linked_to_him_is_his(gate: Gate) -> None:
    """The kept tap of a card to lend goes with the one to whom it was linked, also after the loan; so does that he had it."""
    gate.lay(LOAN)
    gate.house.clocks.wait(HOUR)
    gate.call("badge link", tap=1, holder=1, direction="in")
    gate.lay(LOAN)
    gate.house.clocks.wait(HOUR)
    assert gate.lay(LOAN).direction is Direction.OUT
    assert gate.loan()["holder"] is None
    tap_entries.chain_all(gate.house.database, gate.house.vault, lambda: gate.house.clocks.wall_ms)
    assert {"tap:1", "badge:3"} <= erasing.subjects(gate.desk, 1)
    kinds = {entry.kind for entry in gate.house.database.read(partial(evidence.about, subject="badge:3"))}
    assert {Entry.LENT, Entry.LINKED, Entry.LOAN_ENDED} <= kinds
    while gate.house.database.write(partial(erasure.next_slice, vault=gate.house.vault, holder=1, at_ms=1)):
        pass
    assert (gate.house.count("taps"), gate.house.count("registrations")) == (0, 0)
