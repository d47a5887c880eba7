from __future__ import annotations

import pytest

from kiosk.simulator.failures import COMMITTED, MANNERS, spoilt
from kiosk.simulator.faults import Fault, Order
from kiosk.simulator.messages import Manner, answer

HONEST = answer(200, {"items": [1, 2, 3]})
SILENT = [fault for fault, manner in MANNERS.items() if manner in (Manner.CUT, Manner.HANG)]


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault not in SILENT])
def test_every_fault_that_is_not_silent_shows_something(fault: Fault) -> None:
    """Each such fault has an answer of its own, or spoils the honest one."""
    response = spoilt(Order(fault=fault), HONEST if fault in COMMITTED else None, 0)
    unchanged = fault in (Fault.DRIP, Fault.TRUNCATED_BODY, Fault.EXPIRED_TOKEN)
    assert (response == HONEST) is unchanged


def test_problem_bodies_and_bare_answers() -> None:
    """503 comes bare or with a Belgif problem, and the difference is the body."""
    assert spoilt(Order(fault=Fault.BARE_UNAVAILABLE_BEFORE_COMMIT), None, 0).body == b""
    told = spoilt(Order(fault=Fault.UNAVAILABLE), None, 0)
    assert told.json()["type"] == "urn:problem-type:belgif:serviceUnavailable"
    assert told.header("Retry-After") is None
    assert spoilt(Order(fault=Fault.UNAVAILABLE, retry_after=9), None, 0).header("Retry-After") == "9"


@pytest.mark.parametrize(
    ("fault", "kind"), [(Fault.TOO_MANY_REQUESTS, "tooManyRequests"), (Fault.TOO_MANY_FAILED_REQUESTS, "tooManyFailedRequests")]
)
def test_throttling_has_its_figure(fault: Fault, kind: str) -> None:
    """429 says how long to wait: what was asked, else a second; zero is a figure too."""
    for asked, told in ((None, "1"), (0, "0"), (120, "120")):
        response = spoilt(Order(fault=fault, retry_after=asked), None, 0)
        assert (response.header("Retry-After"), response.json()["type"]) == (told, f"urn:problem-type:belgif:{kind}")


def test_garbage_is_no_json_and_a_portal_is_html() -> None:
    """Garbage claims to be JSON and is not; a portal is a 200 of HTML."""
    with pytest.raises(ValueError, match=r".+"):
        spoilt(Order(fault=Fault.GARBAGE_BODY), HONEST, 0).json()
    portal = spoilt(Order(fault=Fault.CAPTIVE_PORTAL), None, 0)
    assert (portal.status, str(portal.content_type).split(";")[0]) == (200, "text/html")


def test_a_short_answer_lacks_the_last_item() -> None:
    """The other items keep their place; an answer without a list stays as it is."""
    order = Order(fault=Fault.SHORT_ANSWER)
    assert spoilt(order, HONEST, 0).json() == {"items": [1, 2]}
    problem = answer(400, {"type": "about:blank"})
    assert spoilt(order, problem, 0) == problem


def test_nothing_can_be_spoilt_that_is_not_there() -> None:
    """To spoil an answer that nobody gave is a mistake of the caller."""
    with pytest.raises(ValueError, match="there is none"):
        spoilt(Order(fault=Fault.DRIP), None, 0)
