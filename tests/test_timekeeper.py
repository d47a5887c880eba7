"""kiosk.timekeeper believes the clock only when somebody vouches for it and it can't be plainly wrong."""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk import timekeeper
from kiosk.anchors import Anchor
from kiosk.errors import KioskError
from kiosk.settings import ClockSource
from kiosk.timekeeper import CEILING_MS, FLOOR_MS, STA_UNSYNC, TIME_ERROR, KernelClock, Timekeeper, ask_kernel, kernel_boot_id

NOW_MS = 1_780_000_000_000  # a day in 2026
SYNCED = KernelClock(state=0, status=0x2001, max_error_us=12_000)


UNSYNCED = KernelClock(state=TIME_ERROR, status=STA_UNSYNC, max_error_us=16_000_000)
SECOND_NS = 1_000_000_000
BOOT_NS = 5 * SECOND_NS
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS


def by_service(wall_ms: int, boot_ns: int = BOOT_NS) -> Anchor:
    """What the service's answer says when the boot clock stands there."""
    return Anchor(source="service", wall_ms=wall_ms, boot_ns=boot_ns, bound_ms=1040)


@dataclass
class Machine:
    """A machine whose clocks run only as a test lets them; ``true_ms`` is what nobody on it knows."""

    kernel: KernelClock = UNSYNCED
    true_ms: int = NOW_MS
    off_ms: int = 0
    boot_ns: int = BOOT_NS

    def keeper(
        self, *, source: str = "kernel", newest_trusted_ms: int | None = None, rtc: Callable[[], int | None] | None = None
    ) -> Timekeeper:
        return Timekeeper(
            source=source,
            max_error_seconds=60,
            newest_trusted_ms=newest_trusted_ms,
            rtc=rtc,
            adjtimex=lambda: self.kernel,
            wall=lambda: self.true_ms + self.off_ms,
            boot=lambda: self.boot_ns,
            boot_id=lambda: "a-boot",
        )

    def wait(self, seconds: float) -> None:
        """Let time pass, awake or suspended: CLOCK_BOOTTIME counts both."""
        self.true_ms += round(seconds * 1000)
        self.boot_ns += round(seconds * 1000) * 1_000_000

    def word(self) -> Anchor:
        """The service's, now."""
        return by_service(self.true_ms, self.boot_ns)


def keeper(
    kernel: KernelClock | OSError = SYNCED,
    *,
    wall_ms: int = NOW_MS,
    source: str = ClockSource.KERNEL,
    max_error_seconds: float = 60,
    newest_trusted_ms: int | None = None,
) -> Timekeeper:
    """Make a timekeeper whose clocks stand still."""

    def adjtimex() -> KernelClock:
        if isinstance(kernel, OSError):
            raise kernel
        return kernel

    return Timekeeper(
        source=source,
        max_error_seconds=max_error_seconds,
        newest_trusted_ms=newest_trusted_ms,
        adjtimex=adjtimex,
        wall=lambda: wall_ms,
        boot=lambda: 5_000_000_000,
        boot_id=lambda: "a-boot",
    )


def test_a_synchronised_kernel_is_believed_within_its_bound() -> None:
    """A clock that the kernel calls synchronised is trusted, with all clocks and the kernel's own error bound."""
    reading = keeper().read()
    assert (reading.wall_ms, reading.boot_ns, reading.boot_id) == (NOW_MS, 5_000_000_000, "a-boot")
    assert (reading.trusted, reading.source, reading.bound_ms) == (True, "kernel", 12)


@pytest.mark.parametrize(
    "kernel",
    [
        KernelClock(state=0, status=0x2000 | STA_UNSYNC, max_error_us=12_000),
        KernelClock(state=TIME_ERROR, status=0x2001, max_error_us=12_000),
        KernelClock(state=TIME_ERROR, status=STA_UNSYNC, max_error_us=16_000_000),
    ],
)
def test_an_unsynchronised_kernel_is_not_believed(kernel: KernelClock) -> None:
    """Either word of the kernel against its clock is enough, and no bound is made up for it."""
    reading = keeper(kernel).read()
    assert (reading.trusted, reading.source, reading.bound_ms) == (False, "kernel", None)


@pytest.mark.parametrize("state", [0, 1, 2, 3, 4])
def test_a_leap_second_is_no_reason_for_doubt(state: int) -> None:
    """The states around a leap second are synchronised ones."""
    assert keeper(KernelClock(state=state, status=0x11, max_error_us=1)).read().trusted


@pytest.mark.parametrize(("max_error_us", "trusted"), [(60_000_000, True), (60_000_001, False), (60_001_000, False)])
def test_a_bound_over_the_limit_is_not_believed(max_error_us: int, trusted: bool) -> None:  # noqa: FBT001 - pytest hands it over
    """A clock that may be further off than max_error_seconds is not trusted, but its bound is told."""
    reading = keeper(KernelClock(state=0, status=1, max_error_us=max_error_us)).read()
    assert reading.trusted is trusted
    assert reading.bound_ms == -(-max_error_us // 1000)


@given(max_error_us=st.integers(0, 60_000_000))
def test_a_bound_is_never_rounded_down(max_error_us: int) -> None:
    """The bound in milliseconds covers the kernel's microseconds, by less than one millisecond more."""
    bound = keeper(KernelClock(state=0, status=1, max_error_us=max_error_us)).read().bound_ms
    assert bound is not None
    assert 0 <= bound * 1000 - max_error_us < 1000


def test_a_kernel_that_can_not_be_asked_is_nobody() -> None:
    """A refused system call never raises into a tap: the clock is untrusted and nobody vouches for it."""
    reading = keeper(PermissionError("forbidden")).read()
    assert (reading.trusted, reading.source, reading.bound_ms) == (False, "none", None)
    assert reading.wall_ms == NOW_MS


def test_the_admin_may_vouch_for_the_clock() -> None:
    """With source assume the kernel is not asked, and the admin's word is worth max_error_seconds."""
    reading = keeper(OSError("never asked"), source=ClockSource.ASSUME, max_error_seconds=2.5).read()
    assert (reading.trusted, reading.source, reading.bound_ms) == (True, "assume", 2500)


def test_the_source_may_be_told_as_text_but_must_be_a_known_one() -> None:
    """The configuration's own spelling is taken, and a source that nobody knows is refused instead of ignored."""
    assert keeper(OSError("never asked"), source="assume").read().trusted
    with pytest.raises(ValueError, match="gps"):
        keeper(source="gps")


@pytest.mark.parametrize("source", ClockSource)
@pytest.mark.parametrize("wall_ms", [0, 315_532_800_000, FLOOR_MS - 1, CEILING_MS, CEILING_MS * 2, -1])
def test_an_absurd_wall_clock_is_never_believed(source: ClockSource, wall_ms: int) -> None:
    """A clock in 1970, in 1980, before this was written or after 2100 is wrong, whoever vouches for it."""
    reading = keeper(source=source, wall_ms=wall_ms).read()
    assert (reading.trusted, reading.source, reading.bound_ms) == (False, source, None)
    assert reading.wall_ms == wall_ms


@pytest.mark.parametrize("wall_ms", [FLOOR_MS, CEILING_MS - 1])
def test_the_edges_of_the_believable_are_believed(wall_ms: int) -> None:
    """The floor itself and the last moment before the ceiling are fine."""
    assert keeper(wall_ms=wall_ms).read().trusted


def test_floor_and_ceiling_are_the_years_they_are_said_to_be() -> None:
    """The floor is the beginning of 2026, the ceiling that of 2100."""
    assert datetime.fromtimestamp(FLOOR_MS / 1000, UTC) == datetime(2026, 1, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(CEILING_MS / 1000, UTC) == datetime(2100, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("source", ClockSource)
def test_nothing_older_than_the_newest_stored_time_is_believed(source: ClockSource) -> None:
    """Neither the admin's word nor the kernel's: a clock that stands before a trusted tap is wrong, or that tap was."""
    assert not keeper(source=source, newest_trusted_ms=NOW_MS + 1).read().trusted
    assert keeper(source=source, newest_trusted_ms=NOW_MS).read().trusted


@pytest.mark.parametrize("source", ClockSource)
def test_the_services_word_goes_before_a_stored_time(source: ClockSource) -> None:
    """One tap under a wrong year does not silence the box for that long: the service says what the time is, and it goes on."""
    clock = keeper(source=source, newest_trusted_ms=NOW_MS + YEAR_MS)
    assert [clock.overruled, clock.read().trusted] == [False, False]
    clock.note(by_service(NOW_MS))
    assert [clock.overruled, clock.read().trusted] == [True, True]


@pytest.mark.parametrize("wall_ms", [315_532_800_000, FLOOR_MS - 1, CEILING_MS])
def test_not_even_the_service_is_believed_in_another_century(wall_ms: int) -> None:
    """An absurd date of the service's is no word at all: it lifts no stored time and disputes nobody."""
    clock = keeper(newest_trusted_ms=NOW_MS)
    clock.note(by_service(wall_ms))
    assert not clock.overruled
    assert (clock.read().source, clock.read().disputed) == ("kernel", False)


def test_a_stored_time_below_the_floor_does_not_lower_it() -> None:
    """The floor holds also for a store that remembers an older time."""
    assert not keeper(source=ClockSource.ASSUME, wall_ms=FLOOR_MS - 1, newest_trusted_ms=FLOOR_MS - 1000).read().trusted


def test_the_loss_of_ntp_is_survived() -> None:
    """What the kernel vouched for goes on by the boot clock, worth 200 parts in a million less each moment, for days."""
    machine = Machine(kernel=SYNCED)
    clock = machine.keeper()
    assert clock.read().bound_ms == 12
    machine.kernel = UNSYNCED
    machine.wait(3600)
    later = clock.read()
    assert (later.trusted, later.source, later.bound_ms, later.wall_ms) == (True, "kernel", 12 + 721, machine.true_ms)
    machine.wait(4 * 86_400)
    assert (clock.read().trusted, clock.read().source) == (False, "kernel")


@pytest.mark.parametrize("step_ms", [-DAY_MS, DAY_MS, -3_600_000, 3_600_000, 2001, -NOW_MS])
def test_a_step_of_the_system_clock_moves_no_time(step_ms: int) -> None:
    """Set by hand by a day, by the hour of summer time, or to 1970, which ends the kernel's word: the time goes on as it was."""
    machine = Machine(kernel=SYNCED)
    clock = machine.keeper()
    clock.read()
    machine.kernel, machine.off_ms = UNSYNCED, step_ms
    machine.wait(1)
    reading = clock.read()
    assert (reading.trusted, reading.wall_ms) == (True, machine.true_ms)
    assert reading.system_ms == machine.true_ms + step_ms


def test_suspend_moves_no_time() -> None:
    """Eight hours asleep, with a system clock that stood still meanwhile: the boot clock ran on."""
    machine = Machine(kernel=SYNCED)
    clock = machine.keeper()
    clock.read()
    machine.kernel, machine.off_ms = UNSYNCED, -8 * 3_600_000
    machine.wait(8 * 3600)
    assert (clock.read().trusted, clock.read().wall_ms) == (True, machine.true_ms)


def test_a_network_without_time_servers_is_no_deadlock() -> None:
    """A clock that nobody set, off by months: one answer of the service, and the time is known to a second."""
    machine = Machine(off_ms=-100 * DAY_MS)
    clock = machine.keeper()
    assert not clock.read().trusted
    clock.note(machine.word())
    machine.wait(10)
    reading = clock.read()
    assert (reading.trusted, reading.source, reading.wall_ms) == (True, "service", machine.true_ms)
    assert reading.bound_ms == 1040 + 3


def test_the_word_with_the_smallest_bound_counts() -> None:
    """The kernel's twelve milliseconds before the service's second; the service's second before a kernel's ninety."""
    machine = Machine(kernel=SYNCED)
    clock = machine.keeper()
    clock.note(machine.word())
    assert (clock.read().source, clock.read().bound_ms) == ("kernel", 12)
    machine.kernel = KernelClock(state=0, status=1, max_error_us=90_000_000)
    coarse = machine.keeper()
    assert (coarse.read().trusted, coarse.read().bound_ms) == (False, 90_000)
    coarse.note(machine.word())
    assert (coarse.read().trusted, coarse.read().source) == (True, "service")


def test_of_two_words_of_the_service_the_sharper_counts_and_the_newer_where_they_differ() -> None:
    """A slow answer does not blur what a quick one said, unless it says that the quick one was wrong."""
    machine = Machine()
    clock = machine.keeper()
    clock.note(machine.word())
    clock.note(Anchor(source="service", wall_ms=machine.true_ms + 500, boot_ns=BOOT_NS, bound_ms=9000))
    assert clock.read().bound_ms == 1040
    clock.note(Anchor(source="service", wall_ms=machine.true_ms + 60_000, boot_ns=BOOT_NS, bound_ms=9000))
    assert (clock.read().bound_ms, clock.read().wall_ms) == (9000, machine.true_ms + 60_000)


@pytest.mark.parametrize("off_ms", [-DAY_MS, DAY_MS, 1053, -1053, 1024 * 7 * DAY_MS])
@pytest.mark.parametrize("source", ["kernel", "assume"])
def test_a_clock_that_the_service_contradicts_is_not_believed(source: str, off_ms: int) -> None:
    """A time server that lies, a GPS receiver whose week count rolled over: the service is the judge, beyond both bounds."""
    machine = Machine(kernel=SYNCED, off_ms=off_ms)
    clock = machine.keeper(source=source)
    assert clock.read().trusted
    clock.note(machine.word())
    reading = clock.read()
    within = source == "assume" and abs(off_ms) < 61_000
    assert reading.disputed is not within
    assert (reading.trusted, reading.source) == (True, "assume" if within else "service")
    assert within or reading.wall_ms == machine.true_ms


def test_what_both_bounds_allow_is_no_dispute() -> None:
    """A service that is a second off does not shake a kernel that is right."""
    machine = Machine(kernel=SYNCED, off_ms=1052)
    clock = machine.keeper()
    clock.note(machine.word())
    assert (clock.read().disputed, clock.read().source) == (False, "kernel")


def test_a_gps_receiver_that_says_1980_changes_nothing() -> None:
    """Before its first fix it says so with the kernel's blessing; what was known of this boot goes on, without it nothing is."""
    machine = Machine(kernel=SYNCED, off_ms=315_964_800_000 - NOW_MS)
    clock = machine.keeper()
    assert not clock.read().trusted
    machine.off_ms = 0
    assert clock.read().trusted
    machine.off_ms = 315_964_800_000 - NOW_MS
    assert (clock.read().trusted, clock.read().wall_ms) == (True, machine.true_ms)


def test_a_kernel_that_goes_back_leaves_nobody_to_believe_until_the_service_judges() -> None:
    """Synchronised before and after, and a day apart: one of the two was a lie, and a tap must have neither as its time."""
    machine = Machine(kernel=SYNCED, off_ms=DAY_MS)
    clock = machine.keeper()
    assert clock.read().trusted
    machine.off_ms = 0
    machine.wait(5)
    assert not clock.read().trusted
    clock.note(machine.word())
    assert (clock.read().trusted, clock.read().source, clock.read().wall_ms) == (True, "kernel", machine.true_ms)


@pytest.mark.parametrize("off_ms", [-59_000, 59_000, 3_600_000])
def test_a_kernel_that_sets_itself_right_is_believed(off_ms: int) -> None:
    """A step of its own back by less than the tolerated error, as after a leap second, or forward: its newest word counts."""
    machine = Machine(kernel=SYNCED)
    clock = machine.keeper()
    clock.read()
    machine.off_ms = off_ms
    machine.wait(1)
    assert (clock.read().trusted, clock.read().wall_ms, clock.read().bound_ms) == (True, machine.true_ms + off_ms, 12)


@pytest.mark.parametrize("state", [1, 2, 3, 4])
def test_a_leap_second_costs_no_trust(state: int) -> None:
    """Announced, inserted (the clock stands a second), deleted or just over: trusted before, in it and after it."""
    machine = Machine(kernel=SYNCED)
    clock = machine.keeper()
    assert clock.read().trusted
    machine.kernel, machine.off_ms = KernelClock(state=state, status=0x2011, max_error_us=12_000), -1000
    assert clock.read().trusted
    machine.wait(2)
    assert (clock.read().trusted, clock.read().wall_ms) == (True, machine.true_ms - 1000)


@pytest.mark.parametrize("moment", [datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC), datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)])
def test_2038_is_a_year_like_any_other(moment: datetime) -> None:
    """The last second of 32 bits and the next."""
    machine = Machine(kernel=SYNCED, true_ms=int(moment.timestamp() * 1000))
    clock = machine.keeper()
    reading = clock.read()
    assert (reading.trusted, reading.at) == (True, moment)
    machine.kernel = UNSYNCED
    machine.wait(2)
    assert clock.read().at.timestamp() == moment.timestamp() + 2


def test_a_battery_backed_clock_is_believed_within_its_drift() -> None:
    """Two seconds and 200 parts in a million of the time since the newest stored time; the system clock does not matter."""
    machine = Machine(off_ms=-YEAR_MS)
    reading = machine.keeper(newest_trusted_ms=NOW_MS - DAY_MS, rtc=lambda: machine.true_ms).read()
    assert (reading.trusted, reading.source, reading.wall_ms) == (True, "rtc", machine.true_ms)
    assert reading.bound_ms == 2000 + 17_280
    old = machine.keeper(newest_trusted_ms=NOW_MS - 4 * DAY_MS, rtc=lambda: machine.true_ms).read()
    assert (old.trusted, old.source, old.bound_ms) == (False, "rtc", 2000 + 69_120)


@pytest.mark.parametrize("told", [None, 0, NOW_MS - DAY_MS - 1, CEILING_MS])
def test_a_battery_backed_clock_that_lost_its_time_is_not_believed(told: int | None) -> None:
    """It can't tell, begins at 1970 again, or stands before what the store knows: its cell was flat."""
    assert not Machine().keeper(newest_trusted_ms=NOW_MS - DAY_MS, rtc=lambda: told).read().trusted


def test_a_battery_backed_clock_is_nothing_without_a_stored_time() -> None:
    """Nobody knows since when it ran alone."""
    assert not Machine().keeper(rtc=lambda: NOW_MS).read().trusted


def test_the_service_judges_a_battery_backed_clock_too() -> None:
    """One that stood still for a week goes when the service has spoken."""
    machine = Machine()
    clock = machine.keeper(newest_trusted_ms=NOW_MS - 8 * DAY_MS, rtc=lambda: machine.true_ms - 7 * DAY_MS)
    clock.note(machine.word())
    assert (clock.read().source, clock.read().wall_ms) == ("service", machine.true_ms)


def test_the_kernel_is_asked_before_the_wall_clock_is_read() -> None:
    """A wall time from before the clock was set never goes out with the kernel's later word for it."""
    asked = list[str]()

    def adjtimex() -> KernelClock:
        asked.append("kernel")
        return SYNCED

    def wall() -> int:
        asked.append("wall")
        return NOW_MS

    Timekeeper(source=ClockSource.KERNEL, max_error_seconds=60, adjtimex=adjtimex, wall=wall, boot_id=lambda: "b").read()
    assert asked[:2] == ["kernel", "wall"]


def ticking(boot: list[int], wall: list[int]) -> tuple[Timekeeper, Iterator[int], Iterator[int]]:
    """Make a timekeeper whose clocks give these values in turn."""
    boots, walls = iter(boot), iter(wall)
    clock = Timekeeper(
        source=ClockSource.ASSUME, max_error_seconds=1, wall=lambda: next(walls), boot=lambda: next(boots), boot_id=lambda: "a-boot"
    )
    return clock, boots, walls


def test_wall_and_boot_belong_together() -> None:
    """The wall clock is read between two boot readings, and the moment given is the middle of them."""
    clock, boots, walls = ticking([1_000, 3_000], [NOW_MS])
    reading = clock.read()
    assert (reading.boot_ns, reading.wall_ms) == (2_000, NOW_MS)
    assert (list(boots), list(walls)) == ([], [])


def test_a_pause_between_the_clocks_is_tried_again() -> None:
    """Put to sleep between the readings, it reads again and takes the pair that lies close together."""
    second = 1_000_000_000
    clock, *_ = ticking([0, second, 2 * second, 2 * second + 500], [NOW_MS, NOW_MS + 2000])
    reading = clock.read()
    assert (reading.boot_ns, reading.wall_ms) == (2 * second + 250, NOW_MS + 2000)


def test_on_a_machine_that_never_hurries_the_tightest_pair_counts() -> None:
    """It never tries for ever: after five pairs the best one is given."""
    boot = [
        value for begin, gap in ((0, 9), (20, 7), (40, 3), (60, 5), (80, 8)) for value in (begin * 10**9, (begin + gap) * 10**9)
    ]
    clock, boots, _ = ticking(boot, [NOW_MS + number for number in range(5)])
    assert (clock.read().wall_ms, list(boots)) == (NOW_MS + 2, [])


def test_the_boot_id_is_read_once(tmp_path: Path) -> None:
    """A boot has one id: it is read when the timekeeper is made and never on the tap path."""
    path = tmp_path / "boot_id"
    path.write_text("d3adbeef\n", encoding="ascii")
    clock = Timekeeper(source=ClockSource.ASSUME, max_error_seconds=1, boot_id=lambda: kernel_boot_id(path))
    path.unlink()
    assert clock.read().boot_id == "d3adbeef"


def test_a_boot_without_an_id_is_told_with_its_repair(tmp_path: Path) -> None:
    """Where /proc/sys is hidden the daemon says which line of its unit to change."""
    with pytest.raises(KioskError, match="ProcSubset"):
        kernel_boot_id(tmp_path / "hidden")


def test_this_machine_can_be_read() -> None:
    """The real kernel answers: the clocks are this machine's, and the verdict is one of the known ones."""
    before_boot, before_wall = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns() // 1_000_000
    reading = Timekeeper(source=ClockSource.KERNEL, max_error_seconds=60).read()
    after_boot, after_wall = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns() // 1_000_000
    assert before_boot <= reading.boot_ns <= after_boot
    assert before_wall <= reading.wall_ms <= after_wall
    assert reading.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert reading.source == "kernel"


def test_the_real_kernel_is_only_asked_never_told() -> None:
    """The structure is the kernel's own size, and asking twice gives plausible values both times."""
    assert ctypes.sizeof(timekeeper._Timex) == 208
    for kernel in (ask_kernel(), ask_kernel()):
        assert 0 <= kernel.state <= TIME_ERROR
        assert 0 <= kernel.max_error_us <= 16_000_000
        assert 0 <= kernel.status < 0x10000


def test_a_failing_system_call_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the C library refuses, or does not have, leaves as OSError."""

    class Refusing:
        def adjtimex(self, _timex: object) -> int:
            ctypes.set_errno(1)
            return -1

    monkeypatch.setattr(timekeeper, "_libc", Refusing)
    with pytest.raises(PermissionError):
        ask_kernel()
    monkeypatch.setattr(timekeeper, "_libc", object)
    with pytest.raises(OSError, match="adjtimex"):
        ask_kernel()


def test_a_reading_is_cheap_enough_for_the_tap_path() -> None:
    """A reading costs microseconds: far less than the fsync that follows it."""
    clock = Timekeeper(source=ClockSource.KERNEL, max_error_seconds=60)

    def once() -> int:
        before = time.perf_counter_ns()
        clock.read()
        return time.perf_counter_ns() - before

    assert statistics.median(once() for _ in range(200)) < 1_000_000
