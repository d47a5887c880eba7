"""kiosk.patterns: no two signals look or sound alike, and green is what it promises to be."""

from __future__ import annotations

from itertools import combinations, groupby

import pytest

from hardware.ports import Pattern
from kiosk.model import Environment, Press, Signal
from kiosk.patterns import hushed, pattern_for, pattern_for_press
from kiosk.presses import COUNTS_FOR_SECONDS

AT_REST = {Signal.READY, Signal.TRAINING, Signal.ATTENTION, Signal.DEAD}
AT_A_TAP = [signal for signal in Signal if signal not in AT_REST]
SUCCESSES = [Signal.IN, Signal.OUT]
GREEN = frozenset({"green"})
AMBER = frozenset({"green", "red"})
RED = frozenset({"red"})
WHITE = frozenset({"white"})
Rhythm = tuple[int, ...]


def every_pattern() -> dict[str, Pattern]:
    """Give every pattern that a box can show, by name, each once."""
    chosen = [
        pattern_for(signal, offline=offline, environment=environment)
        for environment in Environment
        for signal in Signal
        for offline in (False, True)
        # At rest a box in training shows one and the same thing, whichever of the two it is asked for.
        if (signal, environment) != (Signal.READY, Environment.TRAINING)
    ]
    return {pattern.name: pattern for pattern in chosen}


def rhythm(states: list[tuple[bool, int]]) -> Rhythm:
    """Reduce states to the lengths of on, off, on, ... in ms, without the dark after the last one."""
    runs = [(on, sum(length for _, length in run)) for on, run in groupby(states, key=lambda state: state[0])]
    lengths = [length for _, length in runs]
    return tuple(lengths[: -1 if runs and not runs[-1][0] else None])


def light_rhythm(pattern: Pattern) -> Rhythm:
    return rhythm([(bool(beat.light), beat.milliseconds) for beat in pattern.beats])


def sound_rhythm(pattern: Pattern) -> Rhythm:
    return rhythm([(beat.sound, beat.milliseconds) for beat in pattern.beats])


def tellable(one: Rhythm, other: Rhythm) -> bool:
    """Tell whether a person can: another count, or some length at least half as long again and 100 ms longer."""
    if len(one) != len(other):
        return True
    return any(max(a, b) >= 1.5 * min(a, b) and abs(a - b) >= 100 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("environment", Environment)
@pytest.mark.parametrize("offline", [False, True])
def test_every_signal_has_a_pattern(environment: Environment, offline: bool) -> None:  # noqa: FBT001 - pytest hands it over
    """No signal leaves the box without a light, and patterns are proper ones."""
    for signal in Signal:
        pattern = pattern_for(signal, offline=offline, environment=environment)
        assert signal.value in pattern.name
        assert pattern.beats
        assert all(beat.milliseconds >= 10 for beat in pattern.beats)
        assert all(beat.light <= {"green", "red", "white"} for beat in pattern.beats)


def test_no_two_patterns_have_the_same_light_rhythm() -> None:
    """Whoever can't see colours tells every pattern from every other by its light."""
    for one, other in combinations(every_pattern().values(), 2):
        assert tellable(light_rhythm(one), light_rhythm(other)), (one.name, other.name)


def test_no_two_taps_have_the_same_sound_rhythm() -> None:
    """Whoever looks away tells every answer from every other by its sound."""
    sounding = [pattern for pattern in every_pattern().values() if sound_rhythm(pattern)]
    assert len(sounding) == len(AT_A_TAP) + 2 * 3
    for one, other in combinations(sounding, 2):
        assert tellable(sound_rhythm(one), sound_rhythm(other)), (one.name, other.name)


@pytest.mark.parametrize("signal", AT_A_TAP)
def test_a_tap_is_answered_by_sound_and_light_at_once_and_within_two_and_a_half_seconds(signal: Signal) -> None:
    """Every answer begins with light and sound together, ends by itself, and is short enough for a queue."""
    for environment in Environment:
        for offline in (False, True):
            pattern = pattern_for(signal, offline=offline, environment=environment)
            assert pattern.beats[0].light
            assert pattern.beats[0].sound
            assert not pattern.repeat
            assert sum(beat.milliseconds for beat in pattern.beats) <= 2500


@pytest.mark.parametrize("signal", sorted(AT_REST))
def test_at_rest_the_box_is_silent_and_goes_round(signal: Signal) -> None:
    """What a box shows at rest makes no noise and goes on, save a dead one, which costs nothing."""
    for environment in Environment:
        pattern = pattern_for(signal, environment=environment)
        assert not any(beat.sound for beat in pattern.beats)
        assert pattern.repeat is (signal is not Signal.DEAD)


@pytest.mark.parametrize(
    ("signal", "lamps"),
    [
        (Signal.IN, GREEN),
        (Signal.OUT, GREEN),
        (Signal.ENROLLED, WHITE),
        (Signal.ALREADY, AMBER),
        (Signal.HELD, AMBER),
        (Signal.UNKNOWN_CARD, AMBER),
        (Signal.LOCAL, WHITE),
        (Signal.REVOKED, RED),
        (Signal.UNREADABLE, RED),
        (Signal.FAILED, RED),
        (Signal.READY, GREEN),
        (Signal.TRAINING, WHITE),
        (Signal.ATTENTION, AMBER),
    ],
)
def test_each_signal_keeps_its_colour(signal: Signal, lamps: frozenset[str]) -> None:
    """A lit lamp of a signal in production always has the colour that the design gives it."""
    pattern = pattern_for(signal, environment=Environment.PRODUCTION)
    assert {beat.light for beat in pattern.beats if beat.light} == {lamps}


def test_dead_is_dark() -> None:
    """A dead box shows nothing at all."""
    assert {beat.light for beat in pattern_for(Signal.DEAD, environment=Environment.PRODUCTION).beats} == {frozenset()}


@pytest.mark.parametrize("signal", SUCCESSES)
@pytest.mark.parametrize("environment", Environment)
def test_offline_is_success_and_one_tick(signal: Signal, environment: Environment) -> None:
    """Saved but not sent yet begins exactly as a success and ends with one short flash and tick more."""
    online = pattern_for(signal, environment=environment)
    offline = pattern_for(signal, offline=True, environment=environment)
    assert offline.beats[: len(online.beats)] == online.beats
    pause, tick = offline.beats[len(online.beats) :]
    assert (pause.light, pause.sound) == (frozenset(), False)
    assert (tick.milliseconds, tick.light, tick.sound) == (100, GREEN, True)


@pytest.mark.parametrize("signal", [signal for signal in Signal if signal not in SUCCESSES])
def test_offline_changes_nothing_but_a_success(signal: Signal) -> None:
    """Only what will be sent by itself is marked as saved."""
    for environment in Environment:
        assert pattern_for(signal, offline=True, environment=environment) == pattern_for(signal, environment=environment)


def test_training_green_is_never_production_green() -> None:
    """No false green: against any other host nothing green looks or sounds like anything green in production."""
    green = {
        environment: [
            pattern
            for pattern in {
                pattern_for(signal, offline=offline, environment=environment) for signal in Signal for offline in (False, True)
            }
            if any(beat.light == GREEN for beat in pattern.beats)
        ]
        for environment in Environment
    }
    assert len(green[Environment.TRAINING]) == 4
    for training in green[Environment.TRAINING]:
        for production in green[Environment.PRODUCTION]:
            assert tellable(light_rhythm(training), light_rhythm(production)), (training.name, production.name)
            assert tellable(sound_rhythm(training), sound_rhythm(production)), (training.name, production.name)


def test_training_at_rest_shows_its_own_rhythm_whatever_is_asked() -> None:
    """A box in training never shows the heartbeat of production, also when it is asked for ready."""
    ready = pattern_for(Signal.READY, environment=Environment.TRAINING)
    assert ready.beats == pattern_for(Signal.TRAINING, environment=Environment.TRAINING).beats
    assert not any(beat.light == GREEN for beat in ready.beats)


def test_no_light_flashes_more_than_three_times_in_a_second() -> None:
    """Nobody is harmed by a flicker: at most three flashes begin in any second (WCAG 2.2, 2.3.1), also going round."""
    for pattern in every_pattern().values():
        onsets, now, lit = list[int](), 0, False
        for beat in pattern.beats * (3 if pattern.repeat else 1):
            if beat.light and not lit:
                onsets.append(now)
            now, lit = now + beat.milliseconds, bool(beat.light)
        for begin in onsets:
            assert sum(begin <= onset < begin + 1000 for onset in onsets) <= 3, pattern.name


PRESSES = [None, *Press]


@pytest.mark.parametrize("press", PRESSES)
def test_a_press_is_shown_for_as_long_as_it_counts(press: Press | None) -> None:
    """White, never green: nothing is recorded yet. A beep at once, and a tick when its time is over."""
    pattern = pattern_for_press(press)
    assert {beat.light for beat in pattern.beats if beat.light} == {WHITE}
    assert (pattern.beats[0].sound, pattern.beats[-1].sound, pattern.repeat) == (True, True, False)
    length = sum(beat.milliseconds for beat in pattern.beats)
    assert COUNTS_FOR_SECONDS * 1000 <= length <= COUNTS_FOR_SECONDS * 1000 + 200


def test_presses_are_told_apart_and_from_every_answer() -> None:
    """By rhythm alone, without colour."""
    shown = [pattern_for_press(press) for press in PRESSES]
    for one, other in combinations([*shown, *every_pattern().values()], 2):
        assert tellable(light_rhythm(one), light_rhythm(other)), (one.name, other.name)


@pytest.mark.parametrize("pattern", [*every_pattern().values(), *map(pattern_for_press, PRESSES)], ids=lambda pattern: pattern.name)
def test_a_hushed_pattern_differs_by_the_length_of_its_sounds_alone(pattern: Pattern) -> None:
    """Light, rhythm and length stay; each sound is a tick; the alarm of a failed store stays an alarm."""
    quiet = hushed(pattern)
    assert light_rhythm(quiet) == light_rhythm(pattern)
    assert sum(beat.milliseconds for beat in quiet.beats) == sum(beat.milliseconds for beat in pattern.beats)
    if pattern.name == "failed":
        assert quiet == pattern
    else:
        assert all(beat.milliseconds == 30 for beat in quiet.beats if beat.sound)
        assert len([beat for beat in quiet.beats if beat.sound]) == len([beat for beat in pattern.beats if beat.sound])
