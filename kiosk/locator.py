"""Where the box is: the receiver with its thread, and the newest fix for whoever asks. No tap ever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Final, assert_never

from hardware.ports import Fix, Receiver
from hardware.position import GpsdReceiver
from kiosk.geography import Fence
from kiosk.model import Coordinates, Located
from kiosk.site_settings import Position, PositionSource
from kiosk.tending import Tended

_NS_PER_MS: Final = 1_000_000
#: Decimal places: a tenth of a metre, less than any receiver knows.
_DEGREE_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearing:
    """How the position stands at one moment.

    Attributes:
        ready: Whether the receiver can be asked.
        located: Where the box is, or None while no fix is new and good enough to count.
        age_ms: How old the newest fix is that was ever told, also one that does not count; None before the first.
        error_meters: How far off that one may be.
        inside: Whether the box may be inside one of its fences; None without a fence or a fix that counts.
    """

    ready: bool
    located: Located | None
    age_ms: int | None
    error_meters: float | None
    inside: bool | None

    @property
    def asks(self) -> bool:
        """Whether somebody should look: nobody answers, or the box is not where it should be. A roof over it is no trouble."""
        return not self.ready or self.inside is False


class Locator:
    """The box's receiver; a failure leaves it without a position until it answers again, and keeps nobody from tapping.

    Args:
        position: Its slice of the configuration.
        fences: Every circle in which the box may stand; none: it may stand anywhere.
        build: Opens the receiver; called again after it failed.
        told: Hears of each fix whose error is small enough, in the receiver's thread.
    """

    def __init__(
        self, position: Position, fences: Sequence[Fence], build: Callable[[], Receiver], told: Callable[[Fix], None]
    ) -> None:
        self._max_age_ns = round(position.max_age_seconds * 1000) * _NS_PER_MS
        self._max_error_meters = position.max_error_meters
        self._fences = tuple(fences)
        self._told = told
        self._newest: Fix | None = None
        self._good: Fix | None = None
        self._tended: Tended[Receiver, Fix] = Tended("position", position.source.value, build, _listen, self._note)

    @property
    def ready(self) -> bool:
        """Whether the receiver can be asked."""
        return self._tended.device is not None

    def at(self, boot_ns: int) -> Located | None:
        """Where the box was at a moment (CLOCK_BOOTTIME, nanoseconds); None where no fix of that time counts."""
        fix = self._good
        # A tap that waited for the store is older than the newest fix.
        if fix is None or abs(boot_ns - fix.boot_ns) > self._max_age_ns:
            return None
        return Located(
            place=place_of(fix),
            error_meters=fix.error_meters,
            age_ms=max(0, boot_ns - fix.boot_ns) // _NS_PER_MS,
        )

    def bearing(self, boot_ns: int) -> Bearing:
        """How the position stands at this moment (CLOCK_BOOTTIME, nanoseconds)."""
        located, newest = self.at(boot_ns), self._newest
        return Bearing(
            ready=self.ready,
            located=located,
            age_ms=None if newest is None else max(0, boot_ns - newest.boot_ns) // _NS_PER_MS,
            error_meters=None if newest is None else newest.error_meters,
            inside=None if located is None or not self._fences else is_inside(self._fences, located),
        )

    def run(self, stop: Event) -> None:
        """Take fixes until ``stop`` is set."""
        self._tended.run(stop)

    def wake(self) -> None:
        """Make a blocked receiver look at ``stop``."""
        self._tended.wake()

    def _note(self, fix: Fix) -> None:
        self._newest = fix
        if fix.error_meters <= self._max_error_meters:
            self._good = fix
            self._told(fix)


def locator_of(position: Position, fences: Sequence[Fence], told: Callable[[Fix], None]) -> Locator | None:
    """The locator of this configuration, or None where the configured place is the only one."""
    match position.source:
        case PositionSource.SITE:
            return None
        case PositionSource.GPSD:
            return Locator(position, fences, partial(GpsdReceiver, position.host, position.port), told)
        case _:
            assert_never(position.source)


def place_of(fix: Fix) -> Coordinates:
    """The place of a fix, as registrations name it."""
    return Coordinates(round(fix.latitude, _DEGREE_DIGITS), round(fix.longitude, _DEGREE_DIGITS))


def is_inside(fences: Sequence[Fence], located: Located) -> bool:
    """Whether a place may lie inside one of these fences."""
    return any(fence.holds(located.place, located.error_meters) for fence in fences)


def _listen(receiver: Receiver, stop: Event) -> Iterator[Fix]:
    return receiver.fixes(stop)
