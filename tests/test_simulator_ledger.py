from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from kiosk.model import Direction, rfc3339
from kiosk.simulator.instants import milliseconds
from kiosk.simulator.ledger import Filter, Ledger, Rule, Validity
from kiosk.simulator.problems import IssueType
from tests.people import DECLARATION, EMPLOYER, OTHER_DECLARATION, OTHER_EMPLOYER, invented_insz
from tests.strangers import MovableClock, item

DAY = Filter(from_ms=milliseconds("2026-11-22T00:00:00Z"), to_ms=milliseconds("2026-11-22T23:59:59Z"))


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def ledger(clock: MovableClock) -> Ledger:
    return Ledger(clock=clock, validity_delay_seconds=60, search_lag_seconds=0)


def test_each_item_is_answered_in_order_and_pending(ledger: Ledger) -> None:
    """Answers stand in the order of the items, each with its own id and the validity ``pending``."""
    answers = ledger.register([item(number) for number in range(3)], client_id="someone")
    assert answers == [{"createdPresenceRegistration": {"id": 17611 + i, "validity": "pending", "remarks": []}} for i in range(3)]
    assert [row.item["ssin"] for row in ledger.rows()] == [invented_insz(number).digits for number in range(3)]
    assert {row.client_id for row in ledger.rows()} == {"someone"}


def test_it_never_deduplicates(ledger: Ledger) -> None:
    """The same item sent twice is two rows, and the count of duplicates tells."""
    ledger.register([item()])
    ledger.register([item()])
    ledger.register([item(type="out"), item(1)])
    assert len(ledger.rows()) == 4
    assert ledger.duplicates() == 1


def test_duplicates_are_seen_through_offset_and_fraction(ledger: Ledger) -> None:
    """Two spellings of one second are one presence; coordinates do not count, a cancelled row does not either."""
    place = {"coordinates": {"longitude": 4.0, "latitude": 50.0}}
    ledger.register([item(), item(registrationDate="2026-11-22T08:01:05.5+01:00", placeOfWork=place)])
    assert ledger.duplicates() == 1
    ledger.cancel(17612)
    assert ledger.duplicates() == 0


def test_items_are_kept_as_sent(ledger: Ledger) -> None:
    """What the caller does to his item afterwards changes no row, and what a reader does to the answer neither."""
    sent = item()
    ledger.register([sent])
    sent["employer"]["enterpriseNumber"] = "changed"
    ledger.rows()[0].as_json(ledger.now_ms())["employer"]["enterpriseNumber"] = "changed"
    assert ledger.rows()[0].item == item()


def test_validity_becomes_final_after_its_delay(ledger: Ledger, clock: MovableClock) -> None:
    """A row is pending until the delay has passed, then valid, with the history of both."""
    ledger.register([item()])
    row = ledger.rows()[0]
    clock.forward(59.999)
    assert row.finding(clock()).validity is Validity.PENDING
    clock.forward(0.001)
    shown = row.as_json(clock(), history=True)
    assert shown["validity"] == "valid"
    assert [past["validity"] for past in shown["validationHistory"]] == ["pending", "valid"]
    assert shown["creationDate"] == rfc3339(row.created_ms)


def test_a_rule_decides_validity_and_remarks(ledger: Ledger, clock: MovableClock) -> None:
    """A person for whom it is scripted becomes invalid with remarks; the others become valid."""
    ledger.add_rule(Rule(ssin=invented_insz(1).digits, validity=Validity.INVALID, remarks=("NO_DIMONA",)))
    ledger.register([item(0), item(1)])
    clock.forward(60)
    assert [row.finding(clock()).validity for row in ledger.rows()] == [Validity.VALID, Validity.INVALID]
    assert ledger.rows()[1].as_json(clock())["remarks"] == ["NO_DIMONA"]


def test_pending_can_last_for_ever(ledger: Ledger, clock: MovableClock) -> None:
    """A rule with ``pending`` never comes to a finding."""
    ledger.add_rule(Rule(validity=Validity.PENDING))
    ledger.register([item()])
    clock.forward(1e6)
    assert ledger.rows()[0].finding(clock()).validity is Validity.PENDING


@pytest.mark.parametrize(
    "rule",
    [
        Rule(ssin=invented_insz(1).digits, not_created=IssueType.UNKNOWN_SSIN),
        Rule(declaration=OTHER_DECLARATION.value, not_created=IssueType.UNKNOWN_SSIN),
        Rule(employer=OTHER_EMPLOYER.value, not_created=IssueType.UNKNOWN_SSIN),
    ],
)
def test_an_item_can_be_refused_alone(ledger: Ledger, rule: Rule) -> None:
    """By person, declaration or employer one item is not created, at its place between the others, with the issue scripted."""
    ledger.add_rule(rule)
    bad = item(1, contractualRelationshipReference=OTHER_DECLARATION.value, employer={"enterpriseNumber": OTHER_EMPLOYER.value})
    first, second, third = ledger.register([item(0), bad, item(2)])
    assert "createdPresenceRegistration" in first
    assert "createdPresenceRegistration" in third
    (issue,) = second["notCreatedPresenceRegistration"]["issues"]
    assert (issue["type"], issue["name"]) == (IssueType.UNKNOWN_SSIN.value, "items[1].ssin")
    assert len(ledger.rows()) == 2


def test_a_rule_can_object_to_the_whole_call(ledger: Ledger) -> None:
    """Such a rule names the item that it fits, as often as asked, and decides nothing about an item that is let through."""
    ledger.add_rule(Rule(ssin=invented_insz(1).digits, bad_request=IssueType.OUT_OF_RANGE, times=1))
    items = [item(0), item(1)]
    assert [(issue.name, issue.type) for issue in ledger.objections(items)] == [("items[1].ssin", IssueType.OUT_OF_RANGE)]
    assert ledger.objections(items) == []
    assert all("createdPresenceRegistration" in each for each in ledger.register(items))


def test_a_rule_can_hold_for_a_few_items_only(ledger: Ledger) -> None:
    """A rule for one item refuses the first and lets the second pass; clearing forgets the rest; the newest rule wins."""
    refuse = Rule(not_created=IssueType.REJECTED_INPUT)
    ledger.add_rule(Rule(not_created=IssueType.REJECTED_INPUT, times=1))
    assert [next(iter(answer)) for answer in ledger.register([item(), item()])] == [
        "notCreatedPresenceRegistration",
        "createdPresenceRegistration",
    ]
    ledger.add_rule(refuse)
    ledger.add_rule(Rule(ssin=invented_insz(5).digits))
    assert [next(iter(answer)) for answer in ledger.register([item(), item(5)])] == [
        "notCreatedPresenceRegistration",
        "createdPresenceRegistration",
    ]
    ledger.clear_rules()
    assert "createdPresenceRegistration" in ledger.register([item()])[0]


def test_search_narrows_by_each_field(ledger: Ledger) -> None:
    """Window (both ends inclusive), person, employer and declaration each narrow the search."""
    dates = ["2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z", "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"]
    ledger.register([item(number, registrationDate=date) for number, date in enumerate(dates)])
    assert [row.id for row in ledger.search(DAY)] == [17612, 17613]
    assert [row.id for row in ledger.search(replace(DAY, ssin=invented_insz(2).digits))] == [17613]
    assert ledger.search(replace(DAY, employer=OTHER_EMPLOYER.value)) == []
    assert len(ledger.search(replace(DAY, employer=EMPLOYER.value, declaration=DECLARATION.value))) == 2
    assert ledger.search(replace(DAY, declaration=OTHER_DECLARATION.value)) == []


def test_search_is_ordered_by_registration_date(ledger: Ledger) -> None:
    """Rows come by registration date, whatever the order in which they were sent."""
    ledger.register([item(0, registrationDate="2026-11-22T09:00:00Z"), item(1, registrationDate="2026-11-22T08:00:00Z"), item(2)])
    assert [row.id for row in ledger.search(DAY)] == [17613, 17612, 17611]


def test_search_lags(ledger: Ledger, clock: MovableClock) -> None:
    """A row is found only once the lag has passed, though a look at its id finds it at once."""
    ledger.search_lag_seconds = 90
    ledger.register([item()])
    clock.forward(89.999)
    assert ledger.search(DAY) == []
    row = ledger.get(17611)
    assert row is not None
    clock.forward(0.001)
    assert ledger.search(DAY) == [row]


def test_cancel_once(ledger: Ledger, clock: MovableClock) -> None:
    """A registration is cancelled once, stays visible as cancelled for good, and an unknown id is not cancelled."""
    ledger.register([item()])
    assert ledger.cancel(17611)
    assert not ledger.cancel(17611)
    assert not ledger.cancel(1)
    clock.forward(3600)
    assert [row.finding(clock()).validity for row in ledger.search(DAY)] == [Validity.CANCELLED]


def test_a_finding_can_be_forced_and_a_row_lost(ledger: Ledger, clock: MovableClock) -> None:
    """A test may decide a validity now, or let the service lose a row; unknown ids are KeyErrors."""
    ledger.register([item(), item(1)])
    ledger.conclude(17611, Validity.INVALID, ("LATE",))
    assert ledger.rows()[0].finding(clock()).remarks == ("LATE",)
    ledger.remove(17612)
    assert ledger.get(17612) is None
    assert [row.id for row in ledger.search(DAY)] == [17611]
    with pytest.raises(KeyError):
        ledger.remove(17612)
    with pytest.raises(KeyError):
        ledger.conclude(17612, Validity.VALID)


def test_many_threads_lose_nothing(ledger: Ledger) -> None:
    """Registrations from several threads all get a row and an id of their own."""
    threads = [threading.Thread(target=lambda: [ledger.register([item(n)]) for n in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({row.id for row in ledger.rows()}) == 400
    assert ledger.duplicates() == 350


def test_nothing_personal_is_shown_by_accident(ledger: Ledger) -> None:
    """No representation of a row, rule or search contains a person's number."""
    ledger.register([item()])
    digits = invented_insz(0).digits
    shown = repr((ledger.rows(), Rule(ssin=digits), Filter(from_ms=0, to_ms=1, ssin=digits)))
    assert digits not in shown
    assert ledger.rows()[0].key == (digits, Direction.IN, 1_795_330_865, DECLARATION.value, EMPLOYER.value)
