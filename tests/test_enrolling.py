"""kiosk.enrolling: a card becomes a badge instead of a tap only while somebody waits for it, there, and once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardware.ports import Card, Identity, Sighting, Unreadable
from kiosk import badges
from kiosk.badges import Chip
from kiosk.desk import Desk
from kiosk.desk.people import CALLS
from kiosk.enrolling import Enrolling
from kiosk.errors import Declined, UsageError
from kiosk.model import Signal, Trust
from tests.desks import Clock, open_desk
from tests.people import invented_card, invented_document, invented_insz
from tests.sites import until

READERS = ["gate", "back door"]


def card(number: int) -> Card:
    seen = invented_card(number)
    return Card(kind=seen.kind, identifier=seen.identifier, technology="desfire", boot_ns=1, trust="crypto")


def person(number: int, **more: object) -> dict[str, object]:
    return {"insz": invented_insz(number).digits, **more}


class Office:
    """An admin at his terminal, and the readers."""

    def __init__(self, desk: Desk, *, seconds: float = 20) -> None:
        self.desk = desk
        self.enrolling = Enrolling(seconds=seconds)
        self.threads = ThreadPoolExecutor()

    def ask(self, **params: object) -> Future[Mapping[str, object]]:
        return self.threads.submit(self.enrolling.calls(self.desk, READERS)["badge enrol"], params)

    def lay(self, seen: Sighting, reader: str = "gate") -> Signal:
        """Lay something on until somebody has waited for it; what the light says then."""
        answers: list[Signal] = []

        def taken() -> bool:
            answer = self.enrolling.take(seen, reader)
            answers.extend([] if answer is None else [answer.signal])
            return bool(answers)

        until(taken, "nobody waits for a card")
        return answers[0]

    def badges(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(json.dumps(CALLS["badge list"](self.desk, {})))["items"]
        return items


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_desk(tmp_path, Clock()) as desk:
        built = Office(desk)
        yield built
        built.enrolling.give_up()
        built.threads.shutdown()


def test_the_card_that_is_waited_for_becomes_a_badge(office: Office) -> None:
    """It is told masked, with its technology and trust, kept with both, and the light says enrolled, which is not green."""
    asked = office.ask(**person(1, name="An"))
    assert office.lay(card(1)) is Signal.ENROLLED
    told = asked.result()
    assert told == {
        "id": 1, "holder": 1, "card": invented_card(1).masked, "added": True,
        "kind": "uid", "technology": "desfire", "trust": "crypto",
    }  # fmt: skip
    (badge,) = office.badges()
    assert (badge["name"], badge["technology"], badge["trust"]) == ("An", "desfire", "crypto")
    found = office.desk.database.read(lambda c: badges.by_card(c, office.desk.vault, invented_card(1)))
    assert found is not None
    assert found.chip == Chip(technology="desfire", trust=Trust.CRYPTO)


def test_nobody_waits_and_it_is_a_tap(office: Office) -> None:
    """Before, after, and at another reader than the named one, a card is left to the tap path."""
    assert office.enrolling.take(card(1), "gate") is None
    asked = office.ask(**person(1), reader="back door")
    office.lay(card(1), "back door")
    asked.result()
    assert office.enrolling.take(card(2), "back door") is None


def test_another_reader_goes_on_taking_taps(office: Office) -> None:
    """While one reader waits for a card the other is a gate."""
    asked = office.ask(**person(1), reader="back door")
    until(lambda: office.enrolling.busy, "nobody waits for a card")
    assert office.enrolling.take(card(2), "gate") is None
    assert office.lay(card(1), "back door") is Signal.ENROLLED
    assert asked.result()["id"] == 1


def test_a_card_of_another_is_refused_and_is_no_tap(office: Office) -> None:
    """The admin is told whose it is, the light is red, nothing is changed, and the next card is a tap again."""
    first = office.ask(**person(1))
    office.lay(card(1))
    first.result()
    second = office.ask(**person(2))
    assert office.lay(card(1)) is Signal.UNREADABLE
    with pytest.raises(Declined, match="the badge of holder 1"):
        second.result()
    assert len(office.badges()) == 1
    assert office.enrolling.take(card(1), "gate") is None


def test_a_further_badge_of_the_same_person_is_added(office: Office) -> None:
    """Several badges lead to one holder; one that is his already says so."""
    for number, added in ((1, True), (2, True), (2, False)):
        asked = office.ask(**person(1))
        assert office.lay(card(number)) is Signal.ENROLLED
        assert (asked.result()["holder"], asked.result()["added"]) == (1, added)


def test_what_can_not_be_read_is_no_badge(office: Office) -> None:
    """The admin hears why, and nothing is enrolled."""
    asked = office.ask(**person(1))
    assert office.lay(Unreadable(why="the card's number is blank", boot_ns=1)) is Signal.UNREADABLE
    with pytest.raises(Declined, match="the card's number is blank"):
        asked.result()
    assert office.badges() == []


def test_an_identity_card_is_no_badge(office: Office) -> None:
    """It counts without being anybody's badge; who it is of is not said."""
    asked = office.ask(**person(1))
    assert office.lay(Identity(document=invented_document(invented_insz(2)), boot_ns=1)) is Signal.UNREADABLE
    with pytest.raises(Declined, match="nobody's badge"):
        asked.result(20)
    assert office.badges() == []


def test_without_a_card_it_ends(tmp_path: Path) -> None:
    """When the time is up nobody waits any more: the next card is a tap."""
    with open_desk(tmp_path, Clock()) as desk:
        office = Office(desk, seconds=0.01)
        with pytest.raises(Declined, match="no card was laid on"):
            office.ask(**person(1)).result()
        assert office.enrolling.take(card(1), "gate") is None
        office.threads.shutdown()


def test_it_can_be_given_up(office: Office) -> None:
    """An admin who changes his mind leaves no trap for the next worker's card."""
    asked = office.ask(**person(1))
    until(lambda: office.enrolling.busy, "nobody waits for a card")
    office.enrolling.calls(office.desk, READERS)["badge enrol-stop"]({})
    with pytest.raises(Declined, match="given up"):
        asked.result()
    assert office.enrolling.take(card(1), "gate") is None


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"reader": "roof", "insz": "x"}, "no such reader; there are: gate, back door"),
        ({"card": "04A1B2C3", "insz": "x"}, "is laid on the reader"),
        ({"insz": "12345678901", "language": "?"}, "language"),
        ({"name": "An"}, "insz: is missing"),
    ],
)
def test_mistakes_are_told_before_a_card_is_waited_for(office: Office, params: dict[str, object], said: str) -> None:
    """A wrong field, an unknown reader or a card's number ends it at once, without a word of a person."""
    with pytest.raises(UsageError, match=said):
        office.enrolling.calls(office.desk, READERS)["badge enrol"](params)
    assert office.enrolling.take(card(1), "gate") is None


def test_a_mistake_of_ours_is_told_to_both(office: Office) -> None:
    """The light is red (the entrance sees to it), and the verb does not wait for ever."""

    def broken(_card: Card) -> dict[str, object]:
        raise RuntimeError

    asked = office.threads.submit(office.enrolling.wait, broken, reader=None, seconds=20)
    with pytest.raises(RuntimeError):
        office.lay(card(1))
    with pytest.raises(Declined, match="nothing came of the card"):
        asked.result()


def test_a_card_that_proves_too_little_is_no_badge_here(office: Office) -> None:
    """It could never register anybody: better told now than by a red light at the gate."""
    office.desk = replace(office.desk, minimum_trust=Trust.EID)
    asked = office.ask(**person(1))
    assert office.lay(card(1)) is Signal.UNREADABLE
    with pytest.raises(Declined, match="asks for more"):
        asked.result()
    assert office.badges() == []


def test_one_admin_at_a_time(office: Office) -> None:
    """Whose card it is must never depend on who asked first: the second is told to wait."""
    asked = office.ask(**person(1))
    until(lambda: office.enrolling.busy, "nobody waits for a card")
    with pytest.raises(Declined, match="waited for already"):
        office.ask(**person(2)).result()
    office.lay(card(1))
    assert asked.result()["holder"] == 1


def explained(office: Office, seen: Sighting, **params: object) -> Mapping[str, Any]:
    asked = office.threads.submit(office.enrolling.calls(office.desk, READERS)["doctor card"], params)
    assert office.lay(seen) is Signal.UNREADABLE
    return asked.result()


def test_a_card_that_is_explained_is_no_tap_and_no_badge(office: Office) -> None:
    """The admin is told what it is; the worker sees that nothing was recorded, and the next card is a tap again."""
    told = explained(office, card(1))
    assert (told["card"], told["known"], told["written"]) == (invented_card(1).masked, "no", None)
    assert office.badges() == []
    assert office.enrolling.take(card(1), "gate") is None


def test_a_card_is_told_in_full_only_where_that_was_asked_for(office: Office) -> None:
    """Its whole number is for whoever compares lists, and says so."""
    assert explained(office, card(1), reveal=True)["written"]["hex"] == invented_card(1).identifier.hex().upper()


def test_what_can_not_be_read_is_explained_as_well(office: Office) -> None:
    """The reason that the worker sees is what the admin asked about."""
    told = explained(office, Unreadable(why="a reason", boot_ns=1), reader="gate")
    assert (told["readable"], told["why"], told["card"]) == (False, "a reason", None)


def test_an_explanation_names_its_parameters(office: Office) -> None:
    """A reader that is not there and a parameter that is not known are wrong usage."""
    for params in ({"reader": "cellar"}, {"card": "04A1B2C3"}, {"reveal": "yes"}):
        with pytest.raises(UsageError):
            office.enrolling.calls(office.desk, READERS)["doctor card"](params)
