from __future__ import annotations

import pytest

from kiosk.simulator.faults import Fault, Faults, Order
from kiosk.simulator.messages import Operation
from tests.strangers import dice


@pytest.fixture
def faults() -> Faults:
    return Faults(dice(7))


def test_queued_faults_come_in_order_and_as_often_as_asked(faults: Faults) -> None:
    """A queued fault meets exactly the number of requests asked, before the one behind it."""
    faults.script(Order(fault=Fault.DRIP, times=2))
    faults.script(Order(fault=Fault.CAPTIVE_PORTAL))
    met = [faults.take(Operation.REGISTER) for _ in range(4)]
    assert [order and order.fault for order in met] == [Fault.DRIP, Fault.DRIP, Fault.CAPTIVE_PORTAL, None]


def test_a_fault_waits_for_its_operation(faults: Faults) -> None:
    """A fault for one operation leaves the others alone, and stays pending until its own comes."""
    faults.script(Order(fault=Fault.CUT_AFTER_COMMIT, operation=Operation.REGISTER))
    assert faults.take(Operation.SEARCH) is None
    assert [order.fault for order in faults.pending()] == [Fault.CUT_AFTER_COMMIT]
    order = faults.take(Operation.REGISTER)
    assert order is not None
    assert faults.pending() == ()


def test_a_fault_meets_only_what_it_can_happen_to(faults: Faults) -> None:
    """``invalid_client`` is for the token endpoint, an expired token is not, health needs none, a short answer needs items."""
    faults.script(Order(fault=Fault.INVALID_CLIENT))
    faults.script(Order(fault=Fault.EXPIRED_TOKEN))
    faults.script(Order(fault=Fault.SHORT_ANSWER))
    assert faults.take(Operation.HEALTH) is None
    token, register, search, cancel = (
        faults.take(operation) for operation in (Operation.TOKEN, Operation.SEARCH, Operation.SHOW, Operation.CANCEL)
    )
    assert token is not None
    assert token.fault is Fault.INVALID_CLIENT
    assert register is not None
    assert register.fault is Fault.EXPIRED_TOKEN
    assert search is None
    assert cancel is not None
    assert cancel.fault is Fault.SHORT_ANSWER


@pytest.mark.parametrize(
    "order",
    [
        Order(fault=Fault.INVALID_CLIENT, operation=Operation.SEARCH),
        Order(fault=Fault.MISSING_PERMISSION, operation=Operation.TOKEN),
        Order(fault=Fault.DRIP, times=0),
    ],
)
def test_what_can_never_happen_is_refused(faults: Faults, order: Order) -> None:
    """A fault that could never strike is told at once, queued or by chance."""
    with pytest.raises(ValueError, match=r"can't happen|at least one"):
        faults.script(order)
    with pytest.raises(ValueError, match=r"can't happen|at least one"):
        faults.chance(order, 0.5)


@pytest.mark.parametrize("probability", [-0.1, 1.1])
def test_a_probability_lies_between_0_and_1(faults: Faults, probability: float) -> None:
    """Any other figure is refused."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        faults.chance(Order(fault=Fault.DRIP), probability)


def test_chance_is_repeatable_and_near_its_probability() -> None:
    """The same seed gives the same faults, about as many as the probability says."""
    runs = []
    for _ in range(2):
        faults = Faults(dice(3))
        faults.chance(Order(fault=Fault.CUT_AFTER_COMMIT, operation=Operation.REGISTER), 0.2)
        runs.append([faults.take(Operation.REGISTER) is not None for _ in range(2000)])
    assert runs[0] == runs[1]
    assert 300 < sum(runs[0]) < 500


def test_clear_forgets_everything(faults: Faults) -> None:
    """After clearing, neither queue nor chance strikes; and a queued fault goes before chance."""
    faults.chance(Order(fault=Fault.DRIP), 1)
    faults.script(Order(fault=Fault.REDIRECT, times=9))
    order = faults.take(Operation.REGISTER)
    assert order is not None
    assert order.fault is Fault.REDIRECT
    faults.clear()
    assert faults.take(Operation.REGISTER) is None


def test_pauses() -> None:
    """A hang lasts longer than any client waits, a drip half a second per byte, unless said otherwise."""
    assert Order(fault=Fault.HANG_BEFORE_COMMIT).pause >= 600
    assert Order(fault=Fault.DRIP).pause == 0.5
    assert Order(fault=Fault.DRIP, seconds=0).pause == 0
