"""What end-to-end tests do at a site, and how they hold the service's ledger against the box's own book."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from kiosk.identifiers import CardId
from kiosk.simulator.ledger import Row
from kiosk.simulator.messages import Operation
from kiosk.simulator.simulator import Simulator
from tests.box import Box

#: One gate for coming and one for going: nobody has to wait for the debounce between the two.
TWO_GATES = """\
[[reader]]
name = "arrivals"
driver = "simulated"
direction = "in"

[[reader]]
name = "departures"
driver = "simulated"
direction = "out"
"""
#: To the service, two taps of one person in one direction differ by their second only.
APART_SECONDS = 1.05
GATES = {"in": "arrivals", "out": "departures"}


def book(box: Box) -> list[Any]:
    """Every row of the box's book, as ``outbox list`` tells it."""
    items: list[Any] = box.json("outbox", "list")["items"]
    return items


def sent(simulator: Simulator) -> list[tuple[str, str, str]]:
    """Person, type and time of everything the service holds, in the order of its arrival."""
    return [(row.item["ssin"], row.item["type"], row.item["registrationDate"]) for row in simulator.ledger.rows()]


def calls(simulator: Simulator, operation: Operation = Operation.REGISTER) -> int:
    """How often the service was asked for this."""
    return sum(entry.operation is operation for entry in simulator.journal.entries())


def assert_each_once(simulator: Simulator, rows: Sequence[Mapping[str, Any]]) -> None:
    """The book's accepted rows and the service's registrations are the same, one to one, with the same times and directions."""
    held = {row.id: row for row in simulator.ledger.rows()}
    accepted = [row for row in rows if row["state"] == "accepted"]
    assert Counter(row["registration_id"] for row in accepted) == Counter(held.keys()), "lost or sent twice"
    assert simulator.ledger.duplicates() == 0
    for row in accepted:
        item = held[row["registration_id"]].item
        assert (item["type"], item["registrationDate"]) == (row["direction"], row["registration_date"])
        assert row["registration_date"] == row["tapped_at"]


def assert_in_order(rows: Sequence[Row]) -> None:
    """Each person's registrations reached the service as they were tapped: in, out, in, ..., with times that never go back."""
    people: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        people[row.item["ssin"]].append(row)
    for own in people.values():
        types = [row.item["type"] for row in own]
        assert types == ["in", "out"] * (len(own) // 2) + ["in"] * (len(own) % 2)
        times = [row.at_ms for row in own]
        assert times == sorted(times)


def until(true: Callable[[], object], what: str, *, seconds: float = 20) -> None:
    """Wait for something that another process does; ``what`` is said when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


class Tapper:
    """People who come and go in turn, each at most once a second in the same direction."""

    def __init__(self, box: Box, cards: Sequence[CardId]) -> None:
        self.box = box
        self.cards = cards
        self.answers: list[Any] = []
        self._last: dict[tuple[CardId, str], float] = {}

    def tap(self) -> Any:
        """Let whoever's turn it is tap; returns the answer."""
        lap, place = divmod(len(self.answers), len(self.cards))
        card, direction = self.cards[place], "out" if lap % 2 else "in"
        # The same person, the same direction: a second apart, or the two would be one to the service.
        time.sleep(max(0.0, self._last.get((card, direction), 0.0) + APART_SECONDS - time.monotonic()))
        answer = self.box.tap(card, reader=GATES[direction])
        self._last[card, direction] = time.monotonic()
        self.answers.append(answer)
        return answer

    @contextmanager
    def tapping(self, *, pause: float) -> Iterator[None]:
        """Go on tapping in a thread of its own, with this pause in seconds before each tap."""
        stop, errors = Event(), []

        def run() -> None:
            try:
                while not stop.wait(pause):
                    self.tap()
            except BaseException as error:  # noqa: BLE001  raised below, in the test's own thread
                errors.append(error)

        thread = Thread(target=run, name="tapper")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if errors:
            raise errors[0]
