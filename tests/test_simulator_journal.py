from __future__ import annotations

from kiosk.simulator.faults import Fault
from kiosk.simulator.journal import Entry, Journal
from kiosk.simulator.messages import Operation


def test_lines_stay_in_order() -> None:
    """What was written first is read first, and a copy given out does not grow."""
    journal = Journal()
    first = Entry(at_ms=1, operation=Operation.REGISTER, status=200, fault=None)
    journal.add(first)
    copy = journal.entries()
    journal.add(Entry(at_ms=2, operation=None, status=None, fault=Fault.DRIP))
    assert copy == (first,)
    assert [entry.at_ms for entry in journal.entries()] == [1, 2]
