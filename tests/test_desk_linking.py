"""A card that nobody knew, linked to its person: his from now on, and for the past only what he confirms himself."""

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
from hardware.ports import Identity
from kiosk import badges, evidence, precautions
from kiosk.afterwards import Afterwards
from kiosk.desk import book, people
from kiosk.desk.linking import CALLS
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.geography import Fence
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Coordinates, Direction, Located, Signal, State, Trust, rfc3339
from kiosk.outbox import Outbox
from kiosk.rules import SAME_PRESENCE_MS, DeclarationTerm
from kiosk.taps import newest_tap, recent
from kiosk.verdicts import Found, ServedRegistration
from tests.gatehouse import ARRIVALS, DEPARTURES, HOUR, MINUTE, MORNING_MS, TOGGLE, Gatehouse, open_gatehouse
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, PLACE, invented_card, invented_insz, invented_line

LOST_CARD = invented_card(50)
DAY_MS = 24 * 3_600_000


class Office:
    """The gate, and the manager at his desk behind it."""

    def __init__(self, house: Gatehouse) -> None:
        self.house = house
        self.outbox = Outbox(house.database, house.vault, house.book)
        self.desk = house.desk()
        self.confirmed = 0
        self.afterwards = Afterwards(self.outbox, house.clocks, confirmed=self._count)
        self.holder = house.enrol(invented_line(1))

    def _count(self) -> None:
        self.confirmed += 1

    def call(self, name: str, /, **asked: object) -> dict[str, Any]:
        calls = {**CALLS, **book.CALLS, **people.CALLS}
        told: dict[str, Any] = json.loads(json.dumps(calls[name](self.desk, asked)))
        return told

    def link(self, *, direction: str | None = "in", holder: int | None = None) -> dict[str, Any]:
        """Link the only card that nobody knows."""
        (tap,) = self.call("badge unknown")["items"]
        return self.call("badge link", tap=tap["id"], holder=holder or self.holder, direction=direction)

    def state(self, row: int) -> tuple[str, str | None]:
        shown = self.call("outbox show", id=row)
        return shown["state"], shown["reason"]

    def open_tasks(self) -> list[str]:
        sql = "SELECT kind FROM tasks WHERE closed_ms IS NULL ORDER BY id"
        return [row[0] for row in self.house.database.read(lambda c: c.execute(sql).fetchall())]

    def settle(self, *shown: ServedRegistration, asked: bool = True) -> None:
        """Let the search before the sending come to this."""
        precaution = precautions.due(self.outbox, after=b"")
        assert precaution is not None
        found = Found(registrations=shown) if asked else None
        precautions.settle(self.outbox, precaution, found, at_ms=self.house.clocks.wall_ms)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_gatehouse(tmp_path) as house:
        yield Office(house)


def served(at_ms: int, direction: Direction = Direction.IN) -> ServedRegistration:
    return ServedRegistration(
        registration_id=99,
        ssin=invented_insz(1).digits,
        direction=direction,
        second=at_ms // 1000,
        employer=EMPLOYER,
        declaration=DECLARATION,
        place=PLACE,
        validity="valid",
        remarks=(),
        cancelled=False,
    )


def test_the_cards_that_nobody_knows_are_listed_masked(office: Office) -> None:
    """Each kept tap with its number, moment, reader and technology; the card's number never whole, a known card not at all."""
    office.house.tap(LOST_CARD, ARRIVALS)
    office.house.tap(invented_card(1))
    (tap,) = office.call("badge unknown")["items"]
    assert tap == {
        "id": 1, "card": LOST_CARD.masked, "tapped_at": rfc3339(MORNING_MS), "reader": "arrivals",
        "technology": "test", "trust": "uid",
    }  # fmt: skip


def test_from_now_on_it_is_his_badge(office: Office) -> None:
    """Without a direction nothing of the past is touched; the question about the card is closed, and the record says so."""
    office.house.tap(LOST_CARD)
    assert office.open_tasks() == ["unknown_card"]
    told = office.link(direction=None)
    assert told == {"badge": 2, "holder": office.holder, "card": LOST_CARD.masked, "registration": None, "until": None}
    assert office.open_tasks() == []
    answer = office.house.tap(LOST_CARD)
    assert (answer.signal, office.house.rows()[0].holder) == (Signal.IN, office.holder)
    assert office.call("badge unknown")["items"] == []
    badge = office.house.database.read(lambda c: badges.by_id(c, office.desk.vault, 2))
    assert badge is not None
    assert badge.chip == badges.Chip(technology="test", trust=Trust.UID)
    assert Entry.LINKED in {entry.kind for entry in office.house.database.read(partial(evidence.about, subject="badge:2"))}


def test_the_past_waits_for_its_person(office: Office) -> None:
    """The past tap is owed at its own time, held, with a task; it is not released by anybody else's word."""
    office.house.tap(LOST_CARD, ARRIVALS)
    office.house.clocks.wait(HOUR)
    told = office.link()
    row = told["registration"]
    shown = office.call("outbox show", id=row)
    assert (shown["state"], shown["reason"], shown["direction"]) == ("held", "link", "in")
    assert (shown["registration_date"], shown["reader"]) == (rfc3339(MORNING_MS), "arrivals")
    assert shown["linked"] == {"tap": 1, "until": rfc3339(MORNING_MS + DAY_MS), "confirmed_at": None}
    assert told["until"] == rfc3339(MORNING_MS + DAY_MS)
    assert office.open_tasks() == ["held"]
    with pytest.raises(Declined, match="has not confirmed yet"):
        office.call("outbox release", id=row)
    assert office.afterwards.step() == HOUR
    assert office.state(row) == ("held", "link")


def test_he_confirms_it_by_laying_it_on_again(office: Office) -> None:
    """Then it waits for a search, and is sent where the service shows nothing of his nearby."""
    office.house.tap(LOST_CARD)
    row = office.link()["registration"]
    office.house.clocks.wait(HOUR)
    office.house.tap(LOST_CARD)
    assert office.afterwards.step() is None
    assert (office.state(row), office.confirmed, office.open_tasks()) == (("queued", "link"), 1, [])
    office.settle(served(MORNING_MS + SAME_PRESENCE_MS + 1000), served(MORNING_MS, Direction.OUT))
    assert office.state(row) == ("queued", None)
    entries = [entry.kind for entry in office.house.database.read(partial(evidence.about, subject=f"registration:{row}"))]
    assert entries[:2] == [Entry.LINKED, Entry.LINK_CONFIRMED]


def test_a_registration_nearby_makes_it_a_task(office: Office) -> None:
    """He took his telephone meanwhile: nothing is sent, a human decides."""
    office.house.tap(LOST_CARD)
    row = office.link()["registration"]
    office.house.clocks.wait(HOUR)
    office.house.tap(LOST_CARD)
    office.afterwards.step()
    office.settle(served(MORNING_MS + SAME_PRESENCE_MS - 1000))
    assert (office.state(row), office.open_tasks()) == (("held", "channel"), ["held"])


def test_the_same_presence_at_this_box_makes_it_a_task(office: Office) -> None:
    """He laid the card on again a minute later: that is his IN, and the first one would be a second IN of the same morning."""
    office.house.tap(LOST_CARD)
    row = office.link()["registration"]
    office.house.clocks.wait(MINUTE)
    assert office.house.tap(LOST_CARD).direction is Direction.IN
    office.afterwards.step()
    office.settle()
    assert (office.state(row), office.open_tasks()) == (("held", "link"), ["held"])
    assert office.afterwards.step() is None
    office.call("outbox release", id=row)
    assert (office.state(row), office.open_tasks()) == (("queued", None), [])


def test_two_kept_taps_of_one_presence_are_owed_once(office: Office) -> None:
    """Both linked and confirmed, one goes, and a human is asked about the other."""
    office.house.tap(LOST_CARD)
    office.house.clocks.wait(MINUTE)
    office.house.tap(LOST_CARD)
    rows = [office.call("badge link", tap=tap, holder=office.holder, direction="in")["registration"] for tap in (1, 2)]
    office.house.clocks.wait(HOUR)
    office.house.tap(LOST_CARD)
    office.afterwards.step()
    office.settle()
    assert sorted(office.state(row) for row in rows) == [("held", "link"), ("queued", None)]


def test_without_a_search_it_is_a_task(office: Office) -> None:
    """Where the service can't be asked nobody knows: it is held, and now that he confirmed it a human may let it go."""
    office.house.tap(LOST_CARD)
    row = office.link()["registration"]
    office.house.clocks.wait(HOUR)
    office.house.tap(LOST_CARD)
    office.afterwards.step()
    office.settle(asked=False)
    assert (office.state(row), office.open_tasks()) == (("held", "link"), ["held"])
    assert office.afterwards.step() is None
    office.call("outbox release", id=row)
    assert (office.state(row), office.open_tasks()) == (("queued", None), [])


def test_another_badge_of_his_confirms_nothing(office: Office) -> None:
    """That the card was his only the card can show, or his identity card."""
    office.house.tap(LOST_CARD)
    row = office.link()["registration"]
    office.house.clocks.wait(HOUR)
    office.house.tap(invented_card(1))
    office.afterwards.step()
    assert office.state(row) == ("held", "link")
    office.house.clocks.wait(HOUR)
    office.house.tap(invented_card(1), trust="eid")
    office.afterwards.step()
    assert office.state(row) == ("queued", "link")


def test_too_late_it_is_not_confirmed_any_more(office: Office) -> None:
    """Beyond the window the further tap is a tap and nothing else."""
    office.house.tap(LOST_CARD)
    row = office.link()["registration"]
    office.house.clocks.wait(25 * HOUR)
    office.house.tap(LOST_CARD)
    office.afterwards.step()
    assert office.state(row) == ("held", "link")


def test_today_is_not_changed(office: Office) -> None:
    """Neither while it is held nor once it is confirmed does the past tap say where he is: his next tap is decided as before."""
    house = office.house
    house.tap(LOST_CARD)
    house.clocks.wait(HOUR)
    assert house.tap(invented_card(1)).direction is Direction.IN
    house.clocks.wait(HOUR)
    office.link(direction="out")
    newest = house.database.read(lambda c: newest_tap(c, book=house.book, holder=office.holder))
    assert newest is not None
    assert newest.last.direction is Direction.IN
    assert house.tap(LOST_CARD).direction is Direction.OUT
    office.afterwards.step()
    house.clocks.wait(HOUR)
    assert house.tap(invented_card(1)).direction is Direction.IN


def test_a_past_out_carries_the_in_before_it(office: Office) -> None:
    """The declaration and employer of the stay that was open then, whatever came since."""
    house = office.house
    house.tap(invented_card(1))
    house.clocks.wait(HOUR)
    house.tap(LOST_CARD, DEPARTURES)
    house.clocks.wait(HOUR)
    row = office.link(direction="out")["registration"]
    shown, came = office.call("outbox show", id=row), office.call("outbox show", id=1)
    assert (shown["declaration"], shown["enterprise_number"]) == (came["declaration"], came["enterprise_number"])
    assert shown["declaration"] == DECLARATION.value


def test_an_unknown_card_stays_on_the_list_until_its_person_taps(office: Office) -> None:
    """Whoever came in with it may be inside: linking alone takes nobody off the evacuation list."""
    house = office.house

    def listed() -> list[tuple[int | None, Direction | None]]:
        found = house.database.read(partial(recent, book=house.book, since_ms=MORNING_MS))
        return [(each.holder, each.direction) for each in found]

    house.tap(LOST_CARD)
    office.link()
    assert listed() == [(None, None)]
    house.clocks.wait(MINUTE)
    house.tap(LOST_CARD)
    assert listed() == [(office.holder, Direction.IN)]


def test_an_identity_card_of_nobody_known_is_its_persons(office: Office) -> None:
    """It was kept; once its person is on the roster the past tap is his, and his next look with that card confirms it."""
    house, insz = office.house, invented_insz(3)
    document = Document(
        number=insz.digits, kind=1, valid_from=None, valid_until=date(2030, 1, 1), proven=True, technology="eid-1.7"
    )
    identity = partial(Identity, document=document)
    assert house.intake.take(identity(boot_ns=house.clocks.boot_ns), TOGGLE).signal is Signal.HELD
    assert office.open_tasks() == ["unknown_person"]
    with pytest.raises(Declined, match="not with that of holder 1"):
        office.link()
    holder = house.enrol(invented_line(3))
    told = office.link(holder=holder)
    assert (told["badge"], office.open_tasks()) == (None, ["held"])
    house.clocks.wait(HOUR)
    assert house.intake.take(identity(boot_ns=house.clocks.boot_ns), TOGGLE).signal is Signal.IN
    office.afterwards.step()
    assert office.state(told["registration"]) == ("queued", "link")


def test_one_tap_is_owed_once(office: Office) -> None:
    """A second link of the same tap is declined, and changes nothing."""
    office.house.tap(LOST_CARD)
    office.link()
    with pytest.raises(Declined, match="in the book already"):
        office.call("badge link", tap=1, holder=office.holder, direction="in")
    assert len(office.house.rows()) == 1


def test_a_card_of_another_is_not_linked(office: Office) -> None:
    """Once it is somebody's, it is nobody else's; the whole call is undone."""
    office.house.tap(LOST_CARD)
    office.link()
    stranger = office.house.enrol(invented_line(2))
    with pytest.raises(Declined, match=f"the badge of holder {office.holder}"):
        office.call("badge link", tap=1, holder=stranger, direction="in")


def test_what_can_not_be_settled_is_declined_whole(office: Office) -> None:
    """An unknown time, too long ago, a visitor, nobody, no such tap, a broken seal: each says why, and gives no badge."""
    house = office.house
    house.clocks.trusted = False
    house.tap(LOST_CARD)
    house.clocks.trusted = True
    with pytest.raises(Declined, match="the time of tap 1 is not known"):
        office.link()
    house.run("UPDATE taps SET clock_trusted = 1")
    house.clocks.wait(24 * HOUR + MINUTE)
    with pytest.raises(Declined, match="more than 24 hours ago"):
        office.link()
    house.clocks.wait(-24 * HOUR)
    with pytest.raises(Declined, match="no such holder"):
        office.link(holder=9)
    with pytest.raises(Declined, match="no card was kept under 7"):
        office.call("badge link", tap=7, holder=office.holder)
    with pytest.raises(UsageError, match="direction must be one of in, out"):
        office.link(direction="break")
    house.run("UPDATE profiles SET sealed = x'00'")
    with pytest.raises(Declined, match="a sealed profile is damaged"):
        office.link()
    house.run("UPDATE taps SET sealed = x'00'")
    with pytest.raises(Declined, match="no card was kept under 1"):
        office.call("badge link", tap=1, holder=office.holder)
    assert (house.count("badges"), house.rows()) == (1, [])


def test_nothing_is_owed_where_nothing_is(office: Office) -> None:
    """A visitor's card may be linked, his past tap owes nothing."""
    visitor = office.house.enrol(replace(invented_line(2), profile=replace(invented_line(2).profile, local=True)))
    office.house.tap(LOST_CARD)
    with pytest.raises(Declined, match="nothing is owed"):
        office.link(holder=visitor)
    assert office.link(holder=visitor, direction=None)["badge"] == 3


def test_without_a_declaration_it_says_so(office: Office) -> None:
    """What lacks is put right first: no declaration is guessed."""
    office.desk = replace(office.desk, declarations=())
    office.house.tap(LOST_CARD, TOGGLE)
    with pytest.raises(Declined, match="no declaration can be chosen"):
        office.link()
    assert office.house.rows() == []


def test_a_cancelled_one_is_not_confirmed(office: Office) -> None:
    """A human's word to drop it stands."""
    office.house.tap(LOST_CARD)
    row = office.link()["registration"]
    office.call("outbox cancel", id=row, reason="wrong person")
    office.house.clocks.wait(HOUR)
    office.house.tap(LOST_CARD)
    office.afterwards.step()
    assert office.state(row)[0] == State.CANCELLED


def test_an_enrolled_card_is_asked_about_no_more(office: Office) -> None:
    """Whichever way the card becomes a badge, the question whose it is is closed."""
    office.house.tap(LOST_CARD)
    line = {"card": LOST_CARD.identifier.hex(), "insz": invented_insz(3).digits}
    office.call("badge add", lines=[line])
    assert office.open_tasks() == []


AWAY = Coordinates(50.8556, 4.3670)


def test_the_past_is_registered_where_the_box_was_then(office: Office) -> None:
    """The receiver's place is kept with a card that nobody knew; it may be another one by the time that it is linked."""
    office.desk = replace(office.desk, fence=Fence(PLACE, 200))
    there = Coordinates(50.8470, 4.3671)
    office.house.located = Located(place=there, error_meters=12.5, age_ms=700)
    office.house.tap(LOST_CARD, ARRIVALS)
    office.house.located = None
    shown = office.call("outbox show", id=office.link()["registration"])
    assert (shown["latitude"], shown["longitude"]) == (there.latitude, there.longitude)
    assert shown["place"] == {"source": "gps", "error_meters": 13, "age_seconds": 0.7}


def test_the_past_of_a_box_that_was_elsewhere_is_not_owed(office: Office) -> None:
    """Nobody worked for these works there; from now on the card is his all the same."""
    office.desk = replace(office.desk, fence=Fence(PLACE, 200))
    office.house.located = Located(place=AWAY, error_meters=12.5, age_ms=700)
    office.house.tap(LOST_CARD, ARRIVALS)
    with pytest.raises(Declined, match="the box was not where these works are at tap 1"):
        office.link()
    assert office.house.rows() == []
    assert office.link(direction=None)["badge"] is not None


@pytest.mark.parametrize(("place", "chosen"), [(PLACE, DECLARATION), (AWAY, OTHER_DECLARATION)])
def test_the_past_of_a_box_that_travels_is_for_the_works_where_it_was(
    office: Office, place: Coordinates, chosen: DeclarationNumber
) -> None:
    """As at the tap itself: the declaration in whose fence the box stood."""
    own = DeclarationTerm(number=OTHER_DECLARATION, fence=Fence(AWAY, 200))
    office.desk = replace(office.desk, fence=Fence(PLACE, 200), declarations=(*office.desk.declarations, own))
    office.house.located = Located(place=place, error_meters=12.5, age_ms=700)
    office.house.tap(LOST_CARD, ARRIVALS)
    assert office.call("outbox show", id=office.link()["registration"])["declaration"] == chosen.value


def test_where_the_box_stood_for_none_of_its_works_that_is_said(office: Office) -> None:
    """No declaration is guessed for a past tap either."""
    own = DeclarationTerm(number=OTHER_DECLARATION, fence=Fence(AWAY, 200))
    office.desk = replace(office.desk, fence=Fence(PLACE, 200), declarations=(*office.desk.declarations, own))
    office.house.located = Located(place=Coordinates(50.9, 4.367), error_meters=12.5, age_ms=700)
    office.house.tap(LOST_CARD, ARRIVALS)
    with pytest.raises(Declined, match="the box stood where nobody works for any of the declarations"):
        office.link()
