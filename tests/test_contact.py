from __future__ import annotations

import pytest

from kiosk.contact import Contact, Pace, ServiceState

_PACE = Pace(backoff_cap_seconds=300, connect_cap_seconds=30, start_jitter_seconds=30, probe_seconds=30)


def _contact() -> Contact:
    return Contact(_PACE, lambda: 0.5, 1000.0)


def test_the_first_contact_waits_a_part_of_the_start_jitter() -> None:
    """A whole site loses power at once, and does not come back in one second."""
    contact = _contact()
    assert (contact.send_from, contact.search_from) == (1015.0, 1015.0)
    assert contact.status.state is ServiceState.UNTRIED
    assert not contact.status.offline


@pytest.mark.parametrize(("reachable", "cap"), [(True, 300), (False, 30)])
def test_waits_double_to_their_cap_and_an_answer_forgets_them(*, reachable: bool, cap: float) -> None:
    """The cap is shorter while nothing can be reached: a site gets its network back and should not wait."""
    contact = _contact()
    contact.answered(6)
    waits = []
    for _ in range(10):
        contact.failed(0, "timeout", reachable=reachable)
        waits.append(contact.send_from)
    drawn = [min(cap, 2.0 * 2**n) / 2 for n in range(10)]
    assert waits == (drawn if reachable else [*drawn[:7], *[cap] * 3])
    assert contact.status.offline
    assert (contact.works, contact.shrunk) == (False, True)
    contact.answered(7)
    assert (contact.works, contact.shrunk) == (True, False)
    assert (contact.status.state, contact.status.last_success_ms, contact.status.last_error) == (ServiceState.UP, 7, None)
    contact.failed(0, "timeout")
    assert contact.send_from == 1.0
    assert contact.status.last_success_ms == 7


def test_a_wrong_configuration_is_probed_ever_more_slowly() -> None:
    """30 s rising to ten minutes; a refusal proves that the service listens."""
    contact = _contact()
    waits = []
    for _ in range(7):
        contact.misconfigured(0, "missingScope")
        waits.append(contact.send_from)
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    assert contact.status.state is ServiceState.CONFIG_FAULT
    assert contact.status.offline
    contact.hold_searches()
    assert contact.search_from == 1015
    contact.refused("badRequest")
    assert contact.works
    assert contact.status.last_error == "badRequest"


def test_a_failed_search_keeps_no_registration_back() -> None:
    """Searches have a pace of their own, and leave the service's state alone."""
    contact = _contact()
    contact.answered(7)
    sends = contact.send_from
    waits = []
    for _ in range(3):
        contact.search_failed(0, "429", None)
        waits.append(contact.search_from)
    contact.searched()
    contact.search_failed(0, "429", 10)
    assert waits == [1, 2, 4]
    assert contact.search_from == 11.25
    assert contact.send_from == sends
    assert contact.status.state is ServiceState.UP


def test_a_search_that_reached_nobody_is_tried_again_as_soon_as_a_call() -> None:
    """After an outage late registrations wait for a search: the cap is the shorter one, as for calls."""
    contact = _contact()
    for _ in range(10):
        contact.search_failed(0, "no route", None, reachable=False)
    unreachable = contact.search_from
    contact.search_failed(0, "timeout", None)
    assert (unreachable, contact.search_from) == (30, 150)


@pytest.mark.parametrize("heard", ["answered", "refused", "searched", "busy"])
def test_until_something_was_reached_the_jitter_of_the_start_is_kept(heard: str) -> None:
    """A router starts more slowly than the boxes behind it: they would all be back in the first seconds after it."""
    contact = _contact()
    contact.failed(0, "no route", reachable=False)
    before = contact.send_from
    match heard:
        case "answered":
            contact.answered(7)
        case "refused":
            contact.refused("badRequest")
        case "searched":
            contact.searched()
        case _:
            contact.failed(0, "503")
    contact.failed(0, "no route", reachable=False)
    assert (before, contact.send_from < 5) == (30, True)


def test_without_jitter_a_start_waits_for_nothing() -> None:
    """Who switched the jitter off gets the waits of any other failure from the first one on."""
    contact = Contact(Pace(start_jitter_seconds=0), lambda: 0.5, 1000.0)
    contact.failed(1000, "no route", reachable=False)
    assert contact.send_from == 1001


def test_a_failed_cancellation_keeps_no_registration_back() -> None:
    """Cancellations have a pace of their own too, and leave that of searches and the service's state alone."""
    contact = _contact()
    contact.answered(7)
    others = (contact.send_from, contact.search_from)
    waits = []
    for _ in range(3):
        contact.cancel_failed(0, "404", None)
        waits.append(contact.cancel_from)
    contact.cancelled()
    contact.cancel_failed(0, "429", 10)
    assert waits == [1, 2, 4]
    assert contact.cancel_from == 11.25
    assert (contact.send_from, contact.search_from) == others
    assert (contact.status.state, contact.status.last_error) == (ServiceState.UP, "429")


def test_a_lost_answer_that_is_found_shows_the_service_and_keeps_the_pace() -> None:
    """What arrived after all proves that the service is there; how soon it is called again stays what the failures made it."""
    contact = _contact()
    for _ in range(3):
        contact.failed(0, "no answer")
    waits = contact.send_from
    contact.arrived(7_000)
    assert (contact.status.state, contact.status.last_success_ms, contact.status.last_error) == (ServiceState.UP, 7_000, None)
    assert (contact.send_from, contact.shrunk) == (waits, True)


def test_a_wrong_configuration_is_not_hidden_by_what_arrived_before() -> None:
    """Somebody still has to put it right."""
    contact = _contact()
    contact.misconfigured(0, "no permission")
    contact.arrived(7_000)
    assert contact.status.state is ServiceState.CONFIG_FAULT
