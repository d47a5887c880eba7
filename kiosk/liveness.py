"""When a part that should go round is taken to hang. Pure: moments are arguments.

No wait of ours is unbounded, but a card that never answers, a driver or a lock can hold a thread for ever (SCardTransmit knows
no timeout); then only a new process helps (design, section 4).
"""

from __future__ import annotations

from typing import Final

#: A reader's loop goes round at least once a minute, and no card holds one up longer than some seconds.
READER_SECONDS: Final = 120
#: A call ends within its deadline of seconds; a search of many pages on a slow line is many of them.
DELIVERY_SECONDS: Final = 900
#: A reader that hangs again and again must not keep the other readers from ever working.
BETWEEN_RESTARTS_SECONDS: Final = 600
_NS: Final = 1_000_000_000


def hangs(turned_ns: int, now_ns: int, seconds: int) -> bool:
    """Whether what last turned then hangs now; both boot time in nanoseconds, 0 for what does not run."""
    return turned_ns > 0 and now_ns - turned_ns > seconds * _NS


def may_restart(last: tuple[str, int] | None, boot_id: str, now_ns: int) -> bool:
    """Whether the process may end for a hung reader: at most once in ten minutes of a boot.

    Args:
        last: The boot id and boot time in nanoseconds of the last such end, or None.
        boot_id: This boot's.
        now_ns: Boot time, nanoseconds.
    """
    return last is None or last[0] != boot_id or now_ns - last[1] > BETWEEN_RESTARTS_SECONDS * _NS
