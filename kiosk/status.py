"""One snapshot of the box, for light, screen, verbs and alerts (design, section 6, ``status``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kiosk.contact import ServiceStatus
from kiosk.expiry import level_of
from kiosk.locator import Bearing
from kiosk.model import ClockReading, Environment, Signal, State, rfc3339
from kiosk.room import Standing
from kiosk.tasks import Due


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderView:
    """One reader: its name, driver and ``ready``, ``absent`` or ``dead``."""

    name: str
    driver: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonView:
    """One button: its name, and ``ready`` or ``dead``."""

    name: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialView:
    """One client id with its key.

    Attributes:
        employer: Whose calls go out under it; None: everybody else's.
        days_left: Of its certificate, or None where that is not known.
        fault: What keeps it from being used, as its last call showed, or None.
    """

    employer: str | None
    days_left: int | None
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationView:
    """One declaration of works: its number and name, and the days until its last one; None where it has no end."""

    number: str
    name: str | None
    days_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView:
    """How the record stands.

    Attributes:
        public_key: The evidence key's public half, hexadecimal; None: there is no key, and the chain stays unsigned.
        entries: The number of the newest entry.
        last_signed_ms: When the newest signature was made, Unix milliseconds UTC, or None.
        unsigned_entries: How many entries came after it.
        unchained_taps: How many taps are not in the record yet.
    """

    public_key: str | None
    entries: int
    last_signed_ms: int | None
    unsigned_entries: int
    unchained_taps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that the snapshot is made of."""

    version: str
    environment: Environment
    service_host: str
    counts: Mapping[State, int]
    oldest_unsent_ms: int | None
    waiting_for_clock: int
    present: int
    tasks: int
    due: Due
    clock: ClockReading
    readers: Sequence[ReaderView]
    service: ServiceStatus
    credentials: Sequence[CredentialView]
    declarations: Sequence[DeclarationView]
    buttons: Sequence[ButtonView]
    store_failure: str | None
    room: Standing
    salvaged: Mapping[str, object] | None
    light: bool
    position: Bearing | None
    resting: Signal
    evidence: EvidenceView


def snapshot(view: View) -> dict[str, object]:
    """Write the view as ``status --json`` prints it: counts are integers, times RFC 3339 UTC with Z, absent is null."""
    clock = view.clock
    return {
        "version": view.version,
        "environment": view.environment.value,
        **{state.value: view.counts.get(state, 0) for state in State},
        "oldest_unsent_seconds": age_seconds(view.oldest_unsent_ms, clock.wall_ms),
        "waiting_for_clock": view.waiting_for_clock,
        "present": view.present,
        "tasks": view.tasks,
        "tasks_due_soon": view.due.soon,
        "tasks_overdue": view.due.overdue,
        "clock": {
            "trusted": clock.trusted,
            "source": clock.source,
            "error_bound_seconds": None if clock.bound_ms is None else clock.bound_ms / 1000,
            "disputed": clock.disputed,
            "system_off_seconds": None if clock.system_ms is None else (clock.system_ms - clock.wall_ms) / 1000,
        },
        "readers": [{"name": reader.name, "driver": reader.driver, "state": reader.state} for reader in view.readers],
        "service": {
            "state": view.service.state.value,
            "host": view.service_host,
            "last_success": None if view.service.last_success_ms is None else rfc3339(view.service.last_success_ms),
            "last_error": view.service.last_error,
        },
        "certificate": _ending(next((each.days_left for each in view.credentials if each.employer is None), None)),
        "credentials": [{"employer": each.employer, **_ending(each.days_left), "fault": each.fault} for each in view.credentials],
        "declarations": [{"number": each.number, "name": each.name, **_ending(each.days_left)} for each in view.declarations],
        "buttons": [{"name": button.name, "state": button.state} for button in view.buttons],
        "store": {
            "state": "ready" if view.store_failure is None else "failed",
            "why": view.store_failure,
            "used_percent": view.room.used_percent,
            "level": view.room.level.value,
            "salvaged": view.salvaged,
        },
        "evidence": {
            "signed": view.evidence.public_key is not None,
            "public_key": view.evidence.public_key,
            "entries": view.evidence.entries,
            "last_signed": None if view.evidence.last_signed_ms is None else rfc3339(view.evidence.last_signed_ms),
            "unsigned_entries": view.evidence.unsigned_entries,
            "unchained_taps": view.evidence.unchained_taps,
        },
        "position": _position(view.position),
        "indicator": {"state": "ready" if view.light else "absent"},
        "signal": view.resting.value,
    }


def resting_signal(*, environment: Environment, readers: Sequence[str], troubled: bool, store_failed: bool) -> Signal:
    """What the box shows when nobody taps.

    Args:
        environment: In training the light says so, whatever else a manager should see on the screen.
        readers: Every reader's state; without one that is ready nobody can register, in training too.
        troubled: A human is asked for: a task, an untrusted clock, a fault of configuration, an end that is near.
        store_failed: Nothing can be recorded.
    """
    if store_failed:
        return Signal.FAILED
    if "ready" not in readers:
        return Signal.ATTENTION
    if environment is Environment.TRAINING:
        return Signal.TRAINING
    if troubled or set(readers) != {"ready"}:
        return Signal.ATTENTION
    return Signal.READY


def age_seconds(since_ms: int | None, now_ms: int) -> int | None:
    """How long ago a moment was, whole seconds and never below 0; None where there is no such moment. Unix milliseconds."""
    return None if since_ms is None else max(0, (now_ms - since_ms) // 1000)


def _position(bearing: Bearing | None) -> dict[str, object]:
    """Tell how the position stands, never where the box is; None: it is the configured one."""
    if bearing is None:
        return {"source": "site", "state": None, "fix": False, "age_seconds": None, "error_meters": None, "inside": None}
    return {
        "source": "gpsd",
        "state": "ready" if bearing.ready else "dead",
        "fix": bearing.located is not None,
        "age_seconds": None if bearing.age_ms is None else bearing.age_ms // 1000,
        "error_meters": None if bearing.error_meters is None else round(bearing.error_meters),
        "inside": bearing.inside,
    }


def _ending(days_left: int | None) -> dict[str, object]:
    return {"days_left": days_left, "level": None if days_left is None else level_of(days_left).value}
