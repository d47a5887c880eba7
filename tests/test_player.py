"""hardware.player: one thread plays, the newest pattern wins, and a lamp that fails never reaches the tap."""

from __future__ import annotations

import logging
import time
from threading import Event

import pytest

from hardware.player import LAMPS, Player, lit
from hardware.ports import Beat, Pattern
from tests.contracts.indicator import DARK, GREEN, RED, State, pattern
from tests.contracts.waiting import eventually, wakes_in

AMBER = frozenset({"green", "red"})
WHITE = frozenset({"white"})
RGB = frozenset({"red", "green", "blue"})


class Notebook:
    """Lines that note what they are asked, and fail or hang when told to."""

    def __init__(self) -> None:
        self.states: list[State] = []
        self.released = 0
        self.fail_with: OSError | None = None
        self.hang: Event | None = None

    def show(self, light: frozenset[str], *, sound: bool) -> None:
        if self.fail_with is not None:
            raise self.fail_with
        if self.hang is not None:
            self.hang.wait(30)
        self.states.append((light, sound))

    def release(self) -> None:
        self.released += 1
        if self.fail_with is not None:
            raise self.fail_with


@pytest.mark.parametrize(
    ("wired", "asked", "shown"),
    [
        (LAMPS, AMBER, AMBER),
        (RGB, WHITE, RGB),
        (RGB, AMBER, AMBER),
        (RGB, RED, RED),
        (RGB - GREEN, WHITE, RED),
        (AMBER | {"blue"}, GREEN, GREEN),
        (frozenset({"blue"}), GREEN, DARK),
        (LAMPS, WHITE, WHITE),
        (AMBER, WHITE, AMBER),
        (AMBER, GREEN, GREEN),
        (GREEN, GREEN, GREEN),
        (GREEN, AMBER, DARK),
        (GREEN, RED, DARK),
        (GREEN, WHITE, DARK),
        (RED, AMBER, RED),
        (RED, WHITE, RED),
        (RED, GREEN, DARK),
        (WHITE, GREEN, WHITE),
        (WHITE, AMBER, WHITE),
        (WHITE | GREEN, AMBER, WHITE),
        (WHITE | GREEN, RED, WHITE),
        (DARK, GREEN, DARK),
        (GREEN, DARK, DARK),
        (WHITE, DARK, DARK),
    ],
)
def test_a_box_that_lacks_a_lamp_shows_what_it_can(wired: frozenset[str], asked: frozenset[str], shown: frozenset[str]) -> None:
    """A missing lamp is replaced by white, white by all there are, and nothing is lit that would promise too much."""
    assert lit(asked, wired) == shown


def test_a_missing_lamp_never_makes_plain_green() -> None:
    """No false green: whichever lamps a box has, green alone is lit only where green alone was asked for."""
    subsets = [frozenset(lamp for bit, lamp in enumerate(sorted(LAMPS)) if number >> bit & 1) for number in range(16)]
    for wired in subsets:
        for asked in subsets:
            assert lit(asked, wired) <= wired
            assert lit(asked, wired) != GREEN or asked == GREEN


def test_the_same_rest_pattern_again_does_not_start_it_over() -> None:
    """Whoever refreshes the state of the box every second does not hold its heartbeat back."""
    lines = Notebook()
    player = Player(lines)
    beating = pattern((GREEN, False), (DARK, False), each_ms=60_000, repeat=True)
    player.rest(beating)
    assert eventually(lambda: lines.states[-1:] == [(GREEN, False)])
    count = len(lines.states)
    player.rest(pattern((GREEN, False), (DARK, False), each_ms=60_000, repeat=True))
    assert wakes_in(0.1, "indicator") == 0
    assert len(lines.states) == count
    player.play(pattern((RED, False)))
    assert eventually(lambda: lines.states[count:] == [(RED, False), (GREEN, False)]), lines.states
    player.close()


def test_a_rest_pattern_with_repeat_goes_round() -> None:
    """What is shown at rest starts again when it ends."""
    lines = Notebook()
    player = Player(lines)
    player.rest(pattern((GREEN, False), (RED, False), repeat=True))
    assert eventually(lambda: lines.states[-5:-1] in ([(GREEN, False), (RED, False)] * 2, [(RED, False), (GREEN, False)] * 2))
    player.close()


@pytest.mark.parametrize("resting", [pattern((GREEN, True)), Pattern(name="empty", beats=(), repeat=True)])
def test_a_rest_pattern_without_repeat_ends_dark_and_costs_nothing(resting: Pattern) -> None:
    """After its last beat the box is dark and silent, and its thread sleeps until somebody calls."""
    lines = Notebook()
    player = Player(lines)
    player.rest(resting)
    assert eventually(lambda: lines.states[-1:] == [(DARK, False)] and len(lines.states) >= 1 + len(resting.beats))
    assert wakes_in(0.3, "indicator") <= 2
    assert lines.states[-1] == (DARK, False)
    player.close()


def test_a_beat_of_no_length_does_not_spin() -> None:
    """A beat shorter than ten milliseconds is played as ten: a mistake in a table never burns the processor."""
    lines = Notebook()
    player = Player(lines)
    player.rest(Pattern(name="mistake", beats=(Beat(0, GREEN, False), Beat(0, DARK, False)), repeat=True))
    time.sleep(0.2)
    player.close()
    assert 2 <= len(lines.states) <= 30


def test_a_line_that_fails_is_told_once_and_never_to_the_tap(caplog: pytest.LogCaptureFixture) -> None:
    """A GPIO error leaves a dead indicator and one message; playing goes on being harmless."""
    lines = Notebook()
    player = Player(lines)
    assert player.alive
    lines.fail_with = OSError(5, "Input/output error")
    with caplog.at_level(logging.DEBUG):
        player.play(pattern((GREEN, True)))
        assert eventually(lambda: not player.alive)
        player.play(pattern((RED, True)))
        player.rest(pattern((RED, True)))
        player.close()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "Input/output error" in caplog.text
    assert lines.released == 1


def test_close_waits_only_so_long_for_a_line_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that never returns does not keep the box from ending."""
    monkeypatch.setattr("hardware.player._JOIN_SECONDS", 0.05)
    lines = Notebook()
    player = Player(lines)
    assert eventually(lambda: lines.states == [(DARK, False)])
    lines.hang = Event()
    player.play(pattern((GREEN, True)))
    before = time.monotonic()
    player.close()
    assert time.monotonic() - before < 5
    lines.hang.set()
    assert eventually(lambda: lines.released == 1)


def test_close_lets_the_lines_go_once() -> None:
    """The lines are given back dark and exactly once, however often it is closed."""
    lines = Notebook()
    player = Player(lines)
    player.rest(pattern((GREEN, True), each_ms=60_000))
    player.close()
    player.close()
    assert (lines.states[-1], lines.released, player.alive) == ((DARK, False), 1, False)
