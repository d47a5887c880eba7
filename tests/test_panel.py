"""kiosk.panel turns what is pressed into what the next tap shall be, and keeps going when the buttons fail."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import pytest

from hardware.buttons import SimulatedButtons, Wiring
from hardware.indicator import boot_clock
from hardware.ports import ButtonsLost
from kiosk.device_settings import Button
from kiosk.model import Press
from kiosk.panel import Panel, wirings
from kiosk.presses import NOTHING, Presses, Wish
from tests.people import OTHER_DECLARATION
from tests.stores import PATIENCE_SECONDS, until

BUTTONS = (
    Button(name="leave", line=5, press=Press.OUT),
    Button(name="annex", line=6, declaration=OTHER_DECLARATION, reader="back", chip="other", active_low=False),
)


@contextmanager
def running(panel: Panel) -> Iterator[None]:
    """Drive the panel by a thread of its own, as the daemon does."""
    stop = Event()
    thread = Thread(target=panel.run, args=(stop,))
    thread.start()
    try:
        until(lambda: panel.ready)
        yield
    finally:
        stop.set()
        panel.wake()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def taken(presses: Presses, reader: str) -> Wish:
    """What the next tap at this reader is asked to be, once the press got through."""
    found: list[Wish] = []

    def look() -> bool:
        found.append(presses.take(reader, boot_clock()))
        return found[-1] != NOTHING

    until(look)
    return found[-1]


def test_each_button_asks_for_what_it_stands_for() -> None:
    """A direction at any reader, a declaration at its own reader only; the lamps are told each time."""
    presses, buttons = Presses(), SimulatedButtons({"leave", "annex"})
    shown: list[Press | None] = []
    with running(Panel(BUTTONS, lambda: buttons, presses, shown.append)):
        buttons.press("leave")
        assert taken(presses, "gate") == Wish(press=Press.OUT)
        buttons.press("annex")
        assert taken(presses, "back") == Wish(declaration=OTHER_DECLARATION)
        until(lambda: shown == [Press.OUT, None])


def test_buttons_that_fail_are_dead_and_come_back(caplog: pytest.LogCaptureFixture) -> None:
    """Lines that can't be opened are told once with all names, and are opened as soon as that is possible."""
    presses, buttons = Presses(), SimulatedButtons({"leave", "annex"})
    troubles: list[Exception] = [ButtonsLost("no buttons: why"), ButtonsLost("no buttons: why")]

    def build() -> SimulatedButtons:
        if troubles:
            raise troubles.pop()
        return buttons

    class Hurried(Event):
        def wait(self, timeout: float | None = None) -> bool:
            assert not panel.ready
            return self.is_set()

    panel, stop = Panel(BUTTONS, build, presses), Hurried()
    assert not panel.ready
    with caplog.at_level(logging.ERROR):
        thread = Thread(target=panel.run, args=(stop,))
        thread.start()
        until(lambda: panel.ready)
        stop.set()
        panel.wake()
        thread.join(PATIENCE_SECONDS)
    assert [(record.getMessage(), record.__dict__["buttons"], record.__dict__["why"]) for record in caplog.records] == [
        ("buttons dead", "leave, annex", "no buttons: why")
    ]


def test_a_button_without_a_chip_is_on_the_lamps_chip() -> None:
    """Most boxes have one header."""
    assert wirings(BUTTONS, "pinctrl-rp1") == {
        "leave": Wiring(chip="pinctrl-rp1", line=5),
        "annex": Wiring(chip="other", line=6, active_low=False),
    }
