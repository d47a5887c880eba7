"""kiosk.crew starts the daemon's threads, starts again what only asks, and ends the process for what must not fail."""

from __future__ import annotations

import os
import signal
from threading import Event

import pytest

from kiosk import crew
from kiosk.crew import ALARM, Crew
from tests.sites import until


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What would have woken the main thread: a real signal would end the tests."""
    sent: list[int] = []

    def note(process: int, number: int) -> None:
        assert process == os.getpid()
        sent.append(number)

    monkeypatch.setattr(os, "kill", note)
    return sent


def waits(stop: Event) -> None:
    stop.wait(20)


def fails(_stop: Event) -> None:
    raise RuntimeError


def test_all_end_when_they_are_told(alarms: list[int]) -> None:
    """Each part runs until the event is set; nothing hangs and nothing failed."""
    these = Crew()
    these.start(essential={"delivery": waits}, restarted={"followup": waits})
    these.stop.set()
    assert (these.join(), these.failed, alarms) == ([], False, [])


def test_an_essential_part_that_fails_ends_the_process(alarms: list[int]) -> None:
    """The main thread is woken, and knows why."""
    these = Crew()
    these.start(essential={"delivery": fails}, restarted={})
    until(lambda: bool(alarms), "nobody was woken")
    assert (these.failed, alarms) == (True, [ALARM])
    assert these.join() == []


def test_a_part_that_only_asks_is_started_again(alarms: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its failure stops nobody."""
    monkeypatch.setattr(crew, "_AGAIN_SECONDS", 0)
    runs: list[int] = []

    def twice(stop: Event) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise RuntimeError
        stop.wait(20)

    these = Crew()
    these.start(essential={}, restarted={"followup": twice})
    until(lambda: len(runs) == 2, "it was not started again")
    these.stop.set()
    assert (these.join(), these.failed, alarms) == ([], False, [])


def test_a_part_that_hangs_is_named(alarms: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The end waits a bounded time and says who did not come."""
    monkeypatch.setattr(crew, "_JOIN_SECONDS", 0.05)
    end = Event()

    def hangs(_stop: Event) -> None:
        end.wait(20)

    these = Crew()
    these.start(essential={"reader gate": hangs}, restarted={})
    these.stop.set()
    assert these.join() == ["reader gate"]
    end.set()
    assert ALARM == signal.SIGUSR1
    assert alarms == []
