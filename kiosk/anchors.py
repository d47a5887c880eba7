"""What the true time was at one moment of a boot, and what that says of every other moment of it. No clock, file or socket.

The boot clock runs on whatever becomes of the system clock (a step, the loss of NTP, suspend), so one moment at which
both are known dates all taps of that boot: earlier ones too, which is how they are healed (facts, hardware, section 5).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from typing import Final, Self

_NS_PER_MS: Final = 1_000_000
_MS: Final = 1000
#: How far the boot clock may go wrong when nobody steers it, milliseconds in a million: a crystal of the usual kind errs by
#: less than 100 over its whole range of temperature.
DRIFT_PPM: Final = 200
_MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The true time at one moment of a boot.

    Attributes:
        source: By whose word: ``kernel``, ``service``, ``rtc`` or ``assume``.
        wall_ms: The time, Unix milliseconds UTC.
        boot_ns: CLOCK_BOOTTIME at that moment, nanoseconds.
        bound_ms: How far off ``wall_ms`` may be at most, milliseconds, 0 or more.
    """

    source: str
    wall_ms: int
    boot_ns: int
    bound_ms: int

    def at(self, boot_ns: int) -> int:
        """The most likely time at another moment of this boot, Unix milliseconds UTC."""
        return self.wall_ms + (boot_ns - self.boot_ns) // _NS_PER_MS

    def bound_at(self, boot_ns: int) -> int:
        """How far off ``at`` may be, milliseconds, rounded up: more the further away the moment is, before or after."""
        apart_ms = abs(boot_ns - self.boot_ns) // _NS_PER_MS + 1 if boot_ns != self.boot_ns else 0
        return self.bound_ms - (-apart_ms * DRIFT_PPM // _MILLION)

    def moved(self, boot_ns: int) -> Anchor:
        """The same knowledge, told of another moment."""
        return Anchor(source=self.source, wall_ms=self.at(boot_ns), boot_ns=boot_ns, bound_ms=self.bound_at(boot_ns))

    def contradicts(self, other: Anchor) -> bool:
        """Whether both can't be right: they lie further apart than both bounds together."""
        here = self.moved(other.boot_ns)
        return abs(here.wall_ms - other.wall_ms) > here.bound_ms + other.bound_ms

    def pack(self) -> str:
        """Write it down, for a later start of the daemon."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def unpack(cls, packed: str) -> Self:
        """Read what ``pack`` wrote."""
        return cls(**json.loads(packed))


def service_anchor(headers: Mapping[str, str], *, sent_ns: int, received_ns: int) -> Anchor | None:
    """The time by the ``Date`` of an answer that came over verified TLS, or None where it says none.

    RFC 9110, section 6.6.1: the date is that of the answer's origination, in whole seconds, so when the answer was here the
    time lay between it and one second plus the round trip later. The middle is taken and the bound is one second plus the
    round trip: half of it is left for a server that is careless about its own clock. An answer out of a cache (``Age``,
    section 5.1 of RFC 9111) says nothing.

    Args:
        headers: Of the answer, lower-case names.
        sent_ns: CLOCK_BOOTTIME before the request was sent.
        received_ns: CLOCK_BOOTTIME when its headers had arrived.
    """
    if headers.get("age", "0").strip() != "0":
        return None
    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return None
    if date.tzinfo is None:
        # "-0000": whoever wrote it does not know his own time zone.
        return None
    slack_ms = _MS - (sent_ns - received_ns) // _NS_PER_MS
    return Anchor(source="service", wall_ms=round(date.timestamp()) * _MS + slack_ms // 2, boot_ns=received_ns, bound_ms=slack_ms)


def stored_anchor(*, source: str, wall_ms: int, boot_ns: int, bound_ms: int, age_ms: int) -> Anchor:
    """The time by a clock that ran on unsteered for ``age_ms`` since it was last known to be right."""
    return Anchor(source=source, wall_ms=wall_ms, boot_ns=boot_ns, bound_ms=bound_ms - (-max(0, age_ms) * DRIFT_PPM // _MILLION))
