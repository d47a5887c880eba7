"""What every indicator keeps, whatever it is made of; a test class inherits it and gives a bench."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from hardware.ports import Beat, Indicator, Pattern
from tests.contracts.waiting import eventually

GREEN = frozenset({"green"})
RED = frozenset({"red"})
DARK = frozenset[str]()

State = tuple[frozenset[str], bool]


def pattern(*states: State, each_ms: int = 10, repeat: bool = False) -> Pattern:
    """Make a quick pattern of these states."""
    return Pattern(name="a test's", beats=tuple(Beat(each_ms, light, sound) for light, sound in states), repeat=repeat)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorBench:
    """An indicator with a view of what its lamps did.

    Attributes:
        indicator: The one under test.
        story: The states it lived so far, or None where it has no lamps at all.
    """

    indicator: Indicator
    story: Callable[[], list[State]] | None


class IndicatorContract:
    """Inherit, and give a fixture ``bench``."""

    def test_play_returns_at_once(self, bench: IndicatorBench) -> None:
        """A tap never waits for its light: playing a minute-long pattern takes no time."""
        before = time.monotonic()
        bench.indicator.play(pattern((GREEN, True), each_ms=60_000))
        bench.indicator.rest(pattern((RED, False), each_ms=60_000, repeat=True))
        assert time.monotonic() - before < 5

    def test_close_goes_dark_and_may_come_twice(self, bench: IndicatorBench) -> None:
        """A box that ends leaves no lamp burning, even in the middle of a pattern, and what comes later is harmless."""
        bench.indicator.play(pattern((GREEN, True), each_ms=60_000))
        if bench.story is not None:
            story = bench.story
            assert eventually(lambda: story()[-1:] == [(GREEN, True)])
        bench.indicator.close()
        bench.indicator.close()
        bench.indicator.play(pattern((RED, True)))
        bench.indicator.rest(pattern((RED, True)))
        assert bench.story is None or bench.story()[-1] == (DARK, False)


class LampContract(IndicatorContract):
    """What is more to be kept by whatever has lamps to show it with."""

    def told(self, bench: IndicatorBench) -> Callable[[], list[State]]:
        """Give the story that these lamps must have."""
        assert bench.story is not None
        return bench.story

    def test_play_shows_every_beat_and_goes_back_to_rest(self, bench: IndicatorBench) -> None:
        """What is played is seen whole and in order, and then what was shown at rest is shown again."""
        story = self.told(bench)
        bench.indicator.rest(pattern((RED, False), each_ms=60_000, repeat=True))
        assert eventually(lambda: story()[-1:] == [(RED, False)])
        bench.indicator.play(pattern((GREEN, True), (GREEN, False), (DARK, False), (GREEN, False)))
        expected = [(RED, False), (GREEN, True), (GREEN, False), (DARK, False), (GREEN, False), (RED, False)]
        assert eventually(lambda: story()[-6:] == expected), story()

    def test_the_newest_pattern_interrupts(self, bench: IndicatorBench) -> None:
        """The next worker's answer does not wait for the end of the last one's."""
        story = self.told(bench)
        bench.indicator.play(pattern((RED, True), (RED, False), each_ms=60_000))
        assert eventually(lambda: story()[-1:] == [(RED, True)])
        bench.indicator.play(pattern((GREEN, False), each_ms=60_000))
        assert eventually(lambda: story()[-2:] == [(RED, True), (GREEN, False)]), story()

    def test_a_new_rest_pattern_waits_for_the_end_of_what_is_played(self, bench: IndicatorBench) -> None:
        """A change of the box's own state never cuts a worker's answer short."""
        story = self.told(bench)
        bench.indicator.play(pattern((GREEN, True), (GREEN, False), each_ms=50))
        bench.indicator.rest(pattern((RED, False), each_ms=60_000, repeat=True))
        assert eventually(lambda: story()[-3:] == [(GREEN, True), (GREEN, False), (RED, False)]), story()
