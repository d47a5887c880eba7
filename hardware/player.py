"""The thread that plays light and sound patterns, over whatever lines it is given.

The thread is alone in touching the lines: a gpiod request may not be shared between threads without a lock.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from threading import Condition, Thread
from typing import Final, Protocol

from hardware.ports import Beat, Pattern

_log: Final = logging.getLogger(__name__)
_DARK: Final = Pattern(name="dark", beats=())
#: The lamps a box may have.
LAMPS: Final = frozenset({"green", "red", "blue", "white"})
#: The three in one housing make white.
_RGB: Final = frozenset({"green", "red", "blue"})
_SHORTEST_MS: Final = 10
_JOIN_SECONDS: Final = 2.0


class Lines(Protocol):
    """What the player needs of the metal. Only the player's thread calls it."""

    def show(self, light: frozenset[str], *, sound: bool) -> None:
        """Light exactly these lamps and sound or silence the buzzer; raises ``OSError``."""
        ...

    def release(self) -> None:
        """Let the lines go; nothing can be shown after it."""
        ...


def lit(asked: frozenset[str], wired: frozenset[str]) -> frozenset[str]:
    """Choose the lamps that show ``asked`` on a box that may lack some of them.

    A missing lamp must never turn amber into plain green, nor white: green alone says "recorded" and
    is lit only where green alone was asked for. The rhythm and the sound carry the rest.
    """
    if asked <= wired:
        return asked
    if "white" in wired:
        return frozenset({"white"})
    if asked == {"white"} and wired >= _RGB:
        return _RGB
    wired -= {"blue"}
    if asked == {"white"}:
        return wired if wired >= {"green", "red"} else wired - {"green"}
    return (asked & wired) - {"green"}


class Player:
    """Plays patterns on lines: the newest ``play`` interrupts the one before, then what is shown at rest comes back.

    Every wait is a blocking one, and a rest pattern without repeat costs nothing at all. A line that
    fails is logged once and leaves the indicator dead: whoever taps must not wait for a lamp.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._changed = Condition()
        self._turn = 0
        self._closing = False
        self._alive = True
        self._playing: Pattern | None = None
        self._resting = _DARK
        self._thread = Thread(target=self._run, name="indicator", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False after a line failed or after ``close``: nothing is shown any more."""
        return self._alive

    def play(self, pattern: Pattern) -> None:
        """Play a pattern once over whatever is shown, then go back to rest; returns at once and never raises."""
        with self._changed:
            self._playing = pattern
            self._turn += 1
            self._changed.notify_all()

    def rest(self, pattern: Pattern) -> None:
        """Set what is shown when nothing is played; the same pattern again does not start it over."""
        with self._changed:
            if pattern == self._resting:
                return
            self._resting = pattern
            if self._playing is None:
                self._turn += 1
                self._changed.notify_all()

    def close(self) -> None:
        """Go dark and let the lines go, within two seconds; may be called twice."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._one_turn()
            self._lines.show(frozenset(), sound=False)
        except OSError as error:
            _log.error("the light is dead: its GPIO lines failed (%s); restart the service after a look at the wiring", error)
        finally:
            self._alive = False
            with suppress(OSError):
                self._lines.release()

    def _one_turn(self) -> None:
        with self._changed:
            turn, playing = self._turn, self._playing
            pattern = playing or self._resting
        if not self._perform(pattern.beats, turn):
            return
        with self._changed:
            if self._overtaken(turn):
                return
            if playing is not None:
                self._playing = None
                return
        if not pattern.repeat or not pattern.beats:
            self._lines.show(frozenset(), sound=False)
            with self._changed:
                self._changed.wait_for(lambda: self._overtaken(turn))

    def _perform(self, beats: Sequence[Beat], turn: int) -> bool:
        """Show beat after beat; False if something newer came in between."""
        for beat in beats:
            self._lines.show(beat.light, sound=beat.sound)
            with self._changed:
                if self._changed.wait_for(lambda: self._overtaken(turn), max(beat.milliseconds, _SHORTEST_MS) / 1000):
                    return False
        return True

    def _overtaken(self, turn: int) -> bool:
        return self._closing or self._turn != turn
