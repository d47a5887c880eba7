"""How long to wait before the service is asked again: pure figures, the dice are an argument (design, section 4).

Full jitter spreads a whole site that lost power at once; see "Exponential Backoff And Jitter" (AWS Architecture
Blog, 2015) and facts, store-and-forward, section 7.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

#: Returns a number from 0 (inclusive) to 1 (exclusive), like ``random.random``.
Dice = Callable[[], float]

BASE_SECONDS: Final = 2.0
#: A service that asks for more is asked again anyway: a wrong Retry-After must not silence a box for a day.
_LONGEST_ASKED_SECONDS: Final = 3600.0
_SLOWEST_PROBE_SECONDS: Final = 600.0
_MOST_DOUBLINGS: Final = 32
#: After so many waits drawn from the whole cap the moment of the next try is anything, also where a try takes long to fail.
_WAITS_THAT_SPREAD: Final = 3


def backoff(failures: int, *, cap_seconds: float, asked_seconds: float | None, dice: Dice) -> float:
    """Seconds to wait after failures in a row: evenly from 0 to min(cap, 2 s doubled that often).

    Args:
        failures: How many came before this one, from 0.
        cap_seconds: The longest wait by our own choice.
        asked_seconds: The service's Retry-After, a floor of at most an hour; up to a quarter is added so that not
            all boxes come back at that very second.
        dice: Chance.
    """
    wait = dice() * min(cap_seconds, math.ldexp(BASE_SECONDS, min(failures, _MOST_DOUBLINGS)))
    if asked_seconds is None:
        return wait
    return max(wait, min(max(asked_seconds, 0.0), _LONGEST_ASKED_SECONDS) * (1 + dice() / 4))


def reconnect_wait(failures: int, *, cap_seconds: float, dice: Dice) -> float:
    """Seconds until a service that could not be reached is tried again: as ``backoff``, and after three capped waits the cap.

    What chance has spread stays spread. When the network is back, the rest of an even wait is anything from 0 to the cap;
    the rest of one that was drawn anew at each try is most often short, and more than half of all boxes would come back in
    the first third of the cap. A box also asks half as often while the network is away.

    Args:
        failures: How many came before this one, from 0.
        cap_seconds: The longest wait.
        dice: Chance.
    """
    earlier = failures - _WAITS_THAT_SPREAD
    spread = earlier >= 0 and math.ldexp(BASE_SECONDS, min(earlier, _MOST_DOUBLINGS)) >= cap_seconds
    return cap_seconds if spread else backoff(failures, cap_seconds=cap_seconds, asked_seconds=None, dice=dice)


def probe_wait(failures: int, *, probe_seconds: float) -> float:
    """Seconds until a wrong configuration is tried again: doubling from ``probe_seconds`` to ten minutes.

    A first wait configured longer than that is kept.
    """
    return min(math.ldexp(probe_seconds, min(failures, _MOST_DOUBLINGS)), max(probe_seconds, _SLOWEST_PROBE_SECONDS))
