"""How far the clock can be trusted: every tap carries one reading of all clocks and what vouches for them.

The kernel keeps the verdict of whichever time service runs (timesyncd, chrony, ntpd; a GPS receiver comes through
chrony); it is asked by ``adjtimex``, which works everywhere and without D-Bus (facts, hardware, section 5). Beside it stand
the ``Date`` of the service's answers, a battery-backed clock that the admin vouches for, and what of these was known
earlier in this boot. The word with the smallest bound counts; the service's own is the judge between two that differ.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from kiosk.anchors import Anchor, stored_anchor
from kiosk.errors import KioskError
from kiosk.model import ClockReading
from kiosk.settings import ClockSource

#: 2026-01-01, the year this was written: an earlier clock is one that was never set.
FLOOR_MS: Final = 1_767_225_600_000
#: 2100-01-01: a later clock is broken.
CEILING_MS: Final = 4_102_444_800_000
#: From linux/timex.h.
STA_UNSYNC: Final = 0x40
TIME_ERROR: Final = 5
#: Said of the source where nobody could be asked.
_NOBODY: Final = "none"
#: What is told of a battery-backed clock: whole seconds, and one more for the time that reading it takes.
_RTC_BOUND_MS: Final = 2000
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
#: Wall and boot clock are read within this; the pause of a busy machine is tried again, a few times.
_TOGETHER_NS: Final = 1_000_000
_TRIES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelClock:
    """What the kernel says of its clock: the state and status bits of adjtimex(2), and its error bound in microseconds."""

    state: int
    status: int
    max_error_us: int


class _Timex(ctypes.Structure):
    """``struct timex`` of a 64-bit Linux, 208 bytes; 32-bit systems are not supported."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 164),
    )


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def ask_kernel() -> KernelClock:
    """Ask adjtimex(2) without changing anything; raises ``OSError`` where it is missing or forbidden."""
    timex = _Timex(modes=0)
    try:
        state = _libc().adjtimex(ctypes.byref(timex))
    except AttributeError as error:
        raise OSError("the C library has no adjtimex") from error
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return KernelClock(state=state, status=timex.status, max_error_us=timex.maxerror)


def wall_clock() -> int:
    """Read the system clock, Unix milliseconds UTC."""
    return time.time_ns() // 1_000_000


def boot_clock() -> int:
    """Read CLOCK_BOOTTIME, nanoseconds: unlike the monotonic clock it runs on in suspend."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def kernel_boot_id(path: Path = _BOOT_ID) -> str:
    """Read the random id of this boot.

    Raises:
        KioskError: It can't be read; without it a tap could not be healed, or be healed by another boot's clock.
    """
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise KioskError(
            f"the id of this boot can't be read: {error}", repair="give the service /proc/sys; a unit must not set ProcSubset=pid"
        ) from error


class Timekeeper:
    """Reads all clocks together and says how far they can be believed. Safe from any thread; a reading takes microseconds.

    Args:
        source: A ``ClockSource``: ``kernel``, or ``assume`` where the admin vouches for the clock.
        max_error_seconds: The largest error bound at which a clock is believed; with ``assume`` the bound itself.
        newest_trusted_ms: The latest trusted time the store knows, Unix milliseconds UTC, or None; nothing older is believed
            but the service's word.
        rtc: Reads a battery-backed clock, Unix milliseconds UTC, or None where it can't tell; called once. None: there is
            none, or nobody vouches for it.
        adjtimex: Asks the kernel; may raise ``OSError``.
        wall: Reads the system clock, Unix milliseconds UTC.
        boot: Reads CLOCK_BOOTTIME, nanoseconds.
        boot_id: Reads the kernel's id of this boot; called once.
    """

    def __init__(
        self,
        *,
        source: str,
        max_error_seconds: float,
        newest_trusted_ms: int | None = None,
        rtc: Callable[[], int | None] | None = None,
        adjtimex: Callable[[], KernelClock] = ask_kernel,
        wall: Callable[[], int] = wall_clock,
        boot: Callable[[], int] = boot_clock,
        boot_id: Callable[[], str] = kernel_boot_id,
    ) -> None:
        self._source = ClockSource(source)
        self._max_error_ms = round(max_error_seconds * 1000)
        self._newest_ms = FLOOR_MS if newest_trusted_ms is None else max(FLOOR_MS, newest_trusted_ms)
        self._adjtimex, self._wall, self._boot = adjtimex, wall, boot
        self._boot_id = boot_id()
        # Each is replaced whole: a reader sees the old word or the new one.
        self._service: Anchor | None = None
        self._system: Anchor | None = None
        self._rtc = None if rtc is None or newest_trusted_ms is None else self._ask_rtc(rtc)
        self._overruled = False

    @property
    def overruled(self) -> bool:
        """Whether the service's word was older than the newest trusted time of the store: then that one was wrong."""
        return self._overruled

    def note(self, anchor: Anchor) -> None:
        """Learn the time of the service's answer (``anchors.service_anchor``); it goes before a stored time and every clock."""
        if not FLOOR_MS <= anchor.wall_ms < CEILING_MS:
            return
        known = self._service
        if known is None or anchor.contradicts(known) or anchor.bound_ms <= known.bound_at(anchor.boot_ns):
            self._service = anchor
        if anchor.wall_ms + anchor.bound_ms < self._newest_ms:
            self._newest_ms = FLOOR_MS
            self._overruled = True

    def read(self) -> ClockReading:
        """Read all clocks at the same moment; never raises."""
        # The verdict first: a clock set between the two is then called untrusted once too often. The other way
        # round, a wall time from before it was set would go out with the kernel's word for it.
        source, bound_ms = self._verdict()
        system_ms, boot_ns = self._together()
        said = None if bound_ms is None else Anchor(source=source, wall_ms=system_ms, boot_ns=boot_ns, bound_ms=bound_ms)
        best = self._best(said, boot_ns)
        return ClockReading(
            wall_ms=system_ms if best is None else best.wall_ms,
            boot_ns=boot_ns,
            boot_id=self._boot_id,
            trusted=best is not None and best.bound_ms <= self._max_error_ms,
            source=source if best is None else best.source,
            bound_ms=None if best is None else best.bound_ms,
            system_ms=system_ms,
            disputed=said is not None and self._service is not None and self._service.contradicts(said),
        )

    def _best(self, said: Anchor | None, boot_ns: int) -> Anchor | None:
        """Choose among what is said of the system clock now and what was known earlier in this boot."""
        now, kept = self._agreeing(said), self._agreeing(self._system)
        if now is not None and not self._newest_ms <= now.wall_ms < CEILING_MS:
            now = None
        if now is not None and kept is not None and self._went_back(now, kept):
            # One of the two is wrong, and nobody judges.
            now = kept = None
        if now is not None and now.bound_ms <= self._max_error_ms:
            self._system = kept = now
        if now is not None and self._source is ClockSource.ASSUME:
            return now
        older = (kept, self._service, self._agreeing(self._rtc))
        known = [each.moved(boot_ns) for each in (now, *older) if each is not None]
        return min(known, key=lambda each: each.bound_ms, default=None)

    def _agreeing(self, anchor: Anchor | None) -> Anchor | None:
        """This word, unless the service's contradicts it."""
        return None if anchor is None or (self._service is not None and self._service.contradicts(anchor)) else anchor

    def _went_back(self, now: Anchor, kept: Anchor) -> bool:
        """Whether the kernel vouches for a time that is older than the one it vouched for: only the service may say so."""
        if self._source is ClockSource.ASSUME or self._service is not None:
            return False
        return now.wall_ms < kept.at(now.boot_ns) - self._max_error_ms

    def _verdict(self) -> tuple[str, int | None]:
        """Say who vouches for the system clock, and for how many milliseconds; None is no word for it at all."""
        if self._source is ClockSource.ASSUME:
            return ClockSource.ASSUME.value, self._max_error_ms
        try:
            kernel = self._adjtimex()
        except OSError:
            return _NOBODY, None
        if kernel.status & STA_UNSYNC or kernel.state == TIME_ERROR:
            return ClockSource.KERNEL.value, None
        return ClockSource.KERNEL.value, -(-kernel.max_error_us // 1000)

    def _ask_rtc(self, rtc: Callable[[], int | None]) -> Anchor | None:
        """The battery-backed clock's word, which is worth less the longer nobody checked it; none before a stored time."""
        told_ms, boot_ns = rtc(), self._boot()
        if told_ms is None or not self._newest_ms <= told_ms < CEILING_MS:
            return None
        age_ms = told_ms - self._newest_ms
        return stored_anchor(source="rtc", wall_ms=told_ms, boot_ns=boot_ns, bound_ms=_RTC_BOUND_MS, age_ms=age_ms)

    def _together(self) -> tuple[int, int]:
        """Read wall and boot clock as a pair; of several tries the tightest counts."""
        tightest = self._pair()
        for _ in range(_TRIES - 1):
            if tightest[0] <= _TOGETHER_NS:
                break
            tightest = min(tightest, self._pair())
        _, wall_ms, boot_ns = tightest
        return wall_ms, boot_ns

    def _pair(self) -> tuple[int, int, int]:
        """Read the wall clock between two readings of the boot clock: how far those lie apart, wall, the middle of the two."""
        before, wall_ms, after = self._boot(), self._wall(), self._boot()
        return after - before, wall_ms, before + (after - before) // 2
