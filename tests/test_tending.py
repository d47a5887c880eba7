"""kiosk.tending keeps one device going by itself; tests/test_entrance.py shows it with a reader."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from hardware.ports import ButtonsLost
from kiosk.tending import Tended
from tests.people import CANARY_INSZ
from tests.stores import PATIENCE_SECONDS


class Bell:
    """A device that says one thing after the other, then does what it is told to."""

    def __init__(self, *says: str, error: Exception | None = None) -> None:
        self.says = says
        self.error = error
        self.woken = 0

    def listen(self, stop: Event) -> Iterator[str]:
        yield from self.says
        if self.error is not None:
            raise self.error
        stop.set()

    def wake(self) -> None:
        self.woken += 1


class Hurried(Event):
    """A stop that notes how long it was to be waited for, and waits not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        return self.is_set()


def tended(*bells: Bell, heard: list[str] | None = None) -> Tended[Bell, str]:
    left = list(bells)
    told = [] if heard is None else heard
    return Tended("bell", "front", lambda: left.pop(0), Bell.listen, told.append)


def test_what_fails_is_opened_again_later_and_later_until_it_says_something() -> None:
    """After 1, 2, 4 seconds; what worked in between is tried again soon."""
    stop, heard = Hurried(), list[str]()
    bells = [Bell(error=OSError()), Bell(error=OSError()), Bell("a", "b", error=OSError()), Bell("c")]
    tended(*bells, heard=heard).run(stop)
    assert heard == ["a", "b", "c"]
    assert stop.waits == [1, 2, 1, 1]


def test_a_failure_is_told_once_by_kind_and_name(caplog: pytest.LogCaptureFixture) -> None:
    """Its own words only where they are written for people: others' may hold what lay on a reader."""
    lost, foreign = ButtonsLost("a cable is loose"), ValueError(CANARY_INSZ.digits)
    bells = [Bell(error=error) for error in (lost, lost, foreign)]
    with caplog.at_level(logging.ERROR):
        tended(*bells, Bell()).run(Hurried())
    assert [(record.getMessage(), record.__dict__["bell"], record.__dict__["why"]) for record in caplog.records] == [
        ("bell dead", "front", "a cable is loose"),
        ("bell dead", "front", "ValueError"),
    ]


def test_it_is_there_only_while_it_is_open() -> None:
    """Who waits for a device gets it as soon as it opens, and waking one that is not there is harmless."""
    opened, go = Event(), Event()

    class Slow(Bell):
        def listen(self, stop: Event) -> Iterator[str]:
            opened.set()
            assert go.wait(PATIENCE_SECONDS)
            return super().listen(stop)

    bell = Slow()
    device: Tended[Bell, str] = Tended("bell", "front", lambda: bell, lambda each, stop: each.listen(stop), print)
    device.wake()
    assert (device.device, device.await_device(0)) == (None, None)
    thread = Thread(target=device.run, args=(Hurried(),))
    thread.start()
    assert device.await_device(PATIENCE_SECONDS) is bell
    device.wake()
    go.set()
    thread.join(PATIENCE_SECONDS)
    assert (device.device, bell.woken) == (None, 1)
