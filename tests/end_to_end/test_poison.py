"""One bad item, or one employer without permission, stops nobody else."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kiosk.identifiers import Insz
from kiosk.simulator.messages import Operation, Request, Response
from kiosk.simulator.problems import Issue, IssueType, bad_request
from kiosk.simulator.simulator import Simulator
from tests.box import Box
from tests.people import EMPLOYER, OTHER_EMPLOYER, invented_card, invented_line
from tests.sites import assert_each_once, book, calls, until

PEOPLE = 200
POISON = 137


class Strict:
    """Makes the service refuse every call that carries one person, as a check does that the box can't know of."""

    def __init__(self, simulator: Simulator, poison: Insz, *, names: bool) -> None:
        self._simulator = simulator
        self._poison = poison
        self._names = names
        self._answer = simulator.exchange._service.answer
        simulator.exchange._service.answer = self.answer  # type: ignore[method-assign]  # the one thing its rules can't say

    def answer(self, request: Request) -> Response:
        if self._simulator.exchange._service.operation(request) is Operation.REGISTER:
            items = Response(status=200, body=request.body or b"{}").json()["items"]
            for index, item in enumerate(items):
                if item["ssin"] == self._poison.digits:
                    return bad_request([self._issue(index)] if self._names else []).response()
        return self._answer(request)

    def _issue(self, index: int) -> Issue:
        return Issue(
            type=IssueType.REPLACED_SSIN, name=f"items[{index}].ssin", detail="replaced by another", value=self._poison.digits
        )


def tap_everybody(box: Box, simulator: Simulator, people: int) -> None:
    """Let everybody tap with the service away, and start a box afresh that has never met a failure: its calls are whole."""
    simulator.stop()
    for number in range(people):
        assert box.tap(invented_card(number))["signal"] == "in"
    assert box.stop() == 0
    simulator.start()
    box.start()


@pytest.mark.parametrize("names", [True, False], ids=["named", "unnamed"])
def test_one_poisoned_item_in_two_hundred_is_refused_alone(box: Box, simulator: Simulator, names: bool) -> None:  # noqa: FBT001
    """199 are accepted with at most 16 calls, whether or not the service says which item it was; the one says why."""
    Strict(simulator, invented_line(POISON).profile.insz, names=names)
    box.start()
    box.enrol([invented_line(number) for number in range(PEOPLE)])
    tap_everybody(box, simulator, PEOPLE)
    status = box.settle()
    print(f"{calls(simulator)} calls for {PEOPLE} registrations with one poisoned among them")  # noqa: T201  the figure of this run
    assert (status["accepted"], status["refused"]) == (PEOPLE - 1, 1)
    assert calls(simulator) <= 16
    rows = book(box)
    (refused,) = [row for row in rows if row["state"] == "refused"]
    assert refused["id"] == POISON + 1
    assert ("replacedSsin" if names else "badRequest") in refused["reason"]
    assert invented_line(POISON).profile.insz.digits not in str(refused)
    assert status["tasks"] == 1
    assert_each_once(simulator, rows)


def test_an_employer_without_permission_holds_up_nobody_else(box: Box, simulator: Simulator) -> None:
    """His rows wait with the reason group and a task; everybody else's flow; once allowed again, his flow too."""
    simulator.settings.denied_employers = frozenset({OTHER_EMPLOYER.value})
    box.start()
    lines = [invented_line(number) for number in range(20)]
    theirs = [replace(line, profile=replace(line.profile, employer=OTHER_EMPLOYER)) for line in lines[:5]]
    box.enrol([*theirs, *lines[5:]])
    for line in lines:
        box.tap(line.card)
    until(lambda: box.status()["accepted"] == 15, "his refusal holds the others up")
    rows = book(box)
    assert [row["state"] for row in rows] == ["queued"] * 5 + ["accepted"] * 15
    assert [row["reason"] for row in rows] == ["group"] * 5 + [None] * 15
    status = box.status()
    assert status["service"]["state"] == "up"
    assert status["tasks"] == 1
    assert {row.item["employer"]["enterpriseNumber"] for row in simulator.ledger.rows()} == {EMPLOYER.value}
    time.sleep(1.1)
    assert box.tap(lines[0].card)["signal"] == "held", "green would promise that it goes by itself"

    simulator.settings.denied_employers = frozenset()
    box.json("outbox", "release", "1", "--group")
    assert box.settle()["accepted"] == 21
    assert box.status()["tasks"] == 0
    assert_each_once(simulator, book(box))
