"""What one thread sleeps by and all others may wake it with."""

from __future__ import annotations

from threading import Condition


class Bell:
    """Rung while nobody sleeps, it wakes the next sleep at once, so that nothing is missed between a look and a sleep."""

    def __init__(self) -> None:
        self._condition = Condition()
        self._rung = False

    def ring(self) -> None:
        """Wake the sleeper; safe from any thread."""
        with self._condition:
            self._rung = True
            self._condition.notify_all()

    def wait(self, seconds: float | None = None) -> bool:
        """Sleep until it is rung, or for ``seconds``; for one thread. Returns whether it was rung since the last sleep."""
        with self._condition:
            rung = self._condition.wait_for(lambda: self._rung, seconds)
            self._rung = False
            return rung
