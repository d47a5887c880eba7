"""Which light and sound stand for which signal (design, section 6): a pure table.

Each pattern is written as two rows of the same length, light above and sound below, 100 ms to the character,
``#`` on and ``.`` off. Every pattern can be told from every other without seeing its colour, and every tap pattern
without seeing it at all. The families, to be learnt once:

* recorded (in, out, local): steady light, and as many beeps as flashes;
* enrolled: steady white with one beep and one flash more; nothing was registered;
* needs a human (already, held, unknown card): blips, then a long one;
* not recorded (revoked, unreadable, failed): a long one first; the store's failure rings like an alarm clock;
* training: no steady light, and a tick before the beeps. Plain green exists in production only (design, section 2).

No light flashes more than three times in any second (WCAG 2.2, 2.3.1), and no tap takes longer than 2.5 s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, groupby
from typing import Final

from hardware.ports import Beat, Pattern
from kiosk.model import Environment, Press, Signal
from kiosk.presses import COUNTS_FOR_SECONDS

_STEP_MS: Final = 100
_TICK_MS: Final = 30
_DARK: Final = frozenset[str]()
_GREEN: Final = frozenset({"green"})
_AMBER: Final = frozenset({"green", "red"})
_RED: Final = frozenset({"red"})
_WHITE: Final = frozenset({"white"})


@dataclass(frozen=True, slots=True)
class _Score:
    lamps: frozenset[str]
    light: str
    sound: str
    repeat: bool = False


_PRODUCTION: Final = {
    Signal.IN: _Score(
        _GREEN,
        "##########",
        "##........",
    ),
    Signal.OUT: _Score(
        _GREEN,
        "####...####",
        "##.##......",
    ),
    Signal.LOCAL: _Score(
        _WHITE,
        "####..####..####",
        "##.##.##........",
    ),
    Signal.ENROLLED: _Score(
        _WHITE,
        "##########....##",
        "##............##",
    ),
    Signal.ALREADY: _Score(
        _AMBER,
        "##..##########",
        "#.#####.......",
    ),
    Signal.HELD: _Score(
        _AMBER,
        "##..##..##########",
        "#.#.#####.........",
    ),
    Signal.UNKNOWN_CARD: _Score(
        _AMBER,
        "##..##..##..##########",
        "#.#.#.#####...........",
    ),
    Signal.REVOKED: _Score(
        _RED,
        "##########..##########",
        "########..########....",
    ),
    Signal.UNREADABLE: _Score(
        _RED,
        "##########..##..##",
        "########.#.#......",
    ),
    Signal.FAILED: _Score(
        _RED,
        "#######.#######.#######",
        "#.#.#.#.#.#.#.#.#.#.#.#",
    ),
    Signal.READY: _Score(
        _GREEN,
        "#" + 39 * ".",
        40 * ".",
        repeat=True,
    ),
    Signal.TRAINING: _Score(
        _WHITE,
        "##..##" + 24 * ".",
        30 * ".",
        repeat=True,
    ),
    Signal.ATTENTION: _Score(
        _AMBER,
        "#####...............",
        20 * ".",
        repeat=True,
    ),
    Signal.DEAD: _Score(
        _DARK,
        ".",
        ".",
    ),
}
#: What differs in training: everything that would be green, and everything at rest, so that the rhythm is never away.
_TRAINING: Final = {
    Signal.IN: _Score(
        _GREEN,
        "##..##..##..##..##",
        "#....##...........",
    ),
    Signal.OUT: _Score(
        _GREEN,
        "##..##.....##..##",
        "#....##.##.......",
    ),
    Signal.READY: _PRODUCTION[Signal.TRAINING],
    Signal.ATTENTION: _Score(
        _AMBER,
        "##..##......##########..........",
        32 * ".",
        repeat=True,
    ),
}
#: Appended to a recorded tap that the service can't have yet: a short flash with a tick.
_OFFLINE_TICK: Final = _Score(_GREEN, "...#", "...#")
_SUCCESSES: Final = frozenset({Signal.IN, Signal.OUT})


#: A button was pressed: a second of the ten for which it counts, white in both environments since nothing is recorded.
_PRESSED: Final = {
    Press.IN: "##........",
    Press.OUT: "##.##.....",
    Press.BREAK: "##.##.##..",
    None: "####.##.##",
}


@cache
def pattern_for_press(press: Press | None) -> Pattern:
    """Choose the pattern that goes round from a press to its tap, for as long as it counts: a beep, and a tick at the end.

    Args:
        press: The direction pressed; None for a declaration.
    """
    light = COUNTS_FOR_SECONDS * _PRESSED[press] + "#"
    sound = "##" + (len(light) - 3) * "." + "#"
    return Pattern(name=f"pressed-{press.value if press else 'declaration'}", beats=_beats(_Score(_WHITE, light, sound)))


def hushed(pattern: Pattern) -> Pattern:
    """The same for the night: each sound is a tick of 30 ms, so that rhythms stay what they are. A failed store is not hushed."""
    if pattern.name == Signal.FAILED.value:
        return pattern
    return replace(pattern, name=f"{pattern.name}-hushed", beats=tuple(chain.from_iterable(map(_ticked, pattern.beats))))


def _ticked(beat: Beat) -> tuple[Beat, ...]:
    if not beat.sound or beat.milliseconds <= _TICK_MS:
        return (beat,)
    tick = replace(beat, milliseconds=_TICK_MS)
    return tick, replace(beat, milliseconds=beat.milliseconds - _TICK_MS, sound=False)


@cache
def pattern_for(signal: Signal, *, offline: bool = False, environment: Environment) -> Pattern:
    """Choose the pattern for a signal.

    Args:
        signal: What is to be told.
        offline: The tap is recorded but the service can't be reached: ``in`` and ``out`` end with one tick more.
        environment: Against which service the box works; green in training never looks or sounds like production.
    """
    score = _PRODUCTION[signal]
    name = signal.value
    if environment is not Environment.PRODUCTION and signal in _TRAINING:
        score, name = _TRAINING[signal], f"training-{name}"
    beats = _beats(score)
    if offline and signal in _SUCCESSES:
        beats, name = beats + _beats(_OFFLINE_TICK), f"{name}-offline"
    return Pattern(name=name, beats=beats, repeat=score.repeat)


def _beats(score: _Score) -> tuple[Beat, ...]:
    """Read the rows column by column; equal columns that touch are one beat."""
    runs = groupby(zip(score.light, score.sound, strict=True))
    return tuple(
        Beat(milliseconds=_STEP_MS * len(list(run)), light=score.lamps if light == "#" else _DARK, sound=sound == "#")
        for (light, sound), run in runs
    )
