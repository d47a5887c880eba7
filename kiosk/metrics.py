"""The snapshot as metrics, in Prometheus' text format 0.0.4: what ``status`` tells, for whoever watches many boxes.

Pure, and made of the same view, so that both can only say the same. Nothing in it is of a person: labels hold the names of
readers and buttons, the numbers of employers and declarations, and states.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kiosk.contact import ServiceState
from kiosk.locator import Bearing
from kiosk.model import State
from kiosk.status import View, age_seconds

#: What the answer must be called, so that nobody guesses the format.
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_Value = float | int | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value with its label, or without one; a truth is 1 or 0."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All samples of one metric; each is a gauge, for even what only grows starts anew with a fresh book."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def exposition(view: View) -> str:
    """Write the view as Prometheus reads it. What is not known, or not there, has no sample; a metric without one is left out."""
    return "".join(_written(family) for family in families(view) if family.samples)


def families(view: View) -> Iterator[Family]:
    """Every metric of this view, also those that have no sample in it."""
    build = Sample(value=1, labels=(("version", view.version), ("environment", view.environment.value)))
    yield Family(name="kiosk_build_info", help="The version and environment that run; always 1.", samples=(build,))
    yield from _book(view)
    yield from _clock(view)
    yield from _devices(view)
    yield from _service(view)
    yield from _store(view)
    yield from _position(view.position)


def _book(view: View) -> Iterator[Family]:
    counts = ((state.value, view.counts.get(state, 0)) for state in State)
    yield _labelled("kiosk_registrations", "Registrations in the book, by state.", "state", *counts)
    oldest = age_seconds(view.oldest_unsent_ms, view.clock.wall_ms) or 0
    yield _single("kiosk_oldest_unsent_seconds", "Age of the oldest registration that was not sent yet; 0: none waits.", oldest)
    yield _single("kiosk_waiting_for_clock", "Registrations that wait for a clock to be trusted.", view.waiting_for_clock)
    yield _single("kiosk_present", "How many people are here.", view.present)
    yield _single("kiosk_tasks", "Open tasks.", view.tasks)
    yield _single("kiosk_tasks_due_soon", "Open tasks whose last day is near.", view.due.soon)
    yield _single("kiosk_tasks_overdue", "Open tasks whose last day is over.", view.due.overdue)


def _clock(view: View) -> Iterator[Family]:
    clock = view.clock
    bound = None if clock.bound_ms is None else clock.bound_ms / 1000
    off = None if clock.system_ms is None else (clock.system_ms - clock.wall_ms) / 1000
    yield _single("kiosk_clock_trusted", "Whether taps get a time that somebody vouches for.", clock.trusted)
    yield _single("kiosk_clock_disputed", "Whether the sources of the time contradict each other.", clock.disputed)
    yield _single("kiosk_clock_error_bound_seconds", "How far off the clock may be.", bound)
    yield _single("kiosk_clock_system_off_seconds", "The system clock less the time that is believed.", off)


def _devices(view: View) -> Iterator[Family]:
    readers = ((reader.name, reader.state == "ready") for reader in view.readers)
    buttons = ((button.name, button.state == "ready") for button in view.buttons)
    yield _labelled("kiosk_reader_ready", "Whether the reader takes cards.", "reader", *readers)
    yield _labelled("kiosk_button_ready", "Whether the button works.", "button", *buttons)
    yield _single("kiosk_indicator_ready", "Whether the lamps work.", view.light)


def _service(view: View) -> Iterator[Family]:
    """An employer's label is empty where the credential is everybody else's."""
    states = ((state.value, view.service.state is state) for state in ServiceState)
    success = None if view.service.last_success_ms is None else view.service.last_success_ms / 1000
    usable = ((each.employer or "", each.fault is None) for each in view.credentials)
    certificates = ((each.employer or "", each.days_left) for each in view.credentials)
    declarations = ((each.number, each.days_left) for each in view.declarations)
    yield _labelled("kiosk_service_state", "What the last call to the service came to: 1 for that state.", "state", *states)
    yield _single("kiosk_service_last_success_timestamp_seconds", "When the service last answered, Unix time.", success)
    yield _labelled("kiosk_credential_usable", "Whether the employer's client id and key can be used.", "employer", *usable)
    yield _labelled("kiosk_certificate_days_left", "Whole days until the certificate ends.", "employer", *certificates)
    yield _labelled("kiosk_declaration_days_left", "Days until the last one of the declaration.", "declaration", *declarations)


def _store(view: View) -> Iterator[Family]:
    evidence = view.evidence
    yield _single("kiosk_store_ready", "Whether taps can be recorded.", view.store_failure is None)
    yield _single("kiosk_store_used_ratio", "How full the store is, of what it may take.", view.room.used_percent / 100)
    yield _single("kiosk_store_salvaged", "Whether a salvage of the store waits for a human.", view.salvaged is not None)
    yield _single("kiosk_evidence_signed", "Whether there is a key that signs the record.", evidence.public_key is not None)
    yield _single("kiosk_evidence_entries", "The number of the record's newest entry.", evidence.entries)
    yield _single("kiosk_evidence_unsigned_entries", "Entries after the newest signature.", evidence.unsigned_entries)
    yield _single("kiosk_evidence_unchained_taps", "Taps that are not in the record yet.", evidence.unchained_taps)


def _position(bearing: Bearing | None) -> Iterator[Family]:
    """How the receiver stands, never where the box is; nothing where the configured place is the only one."""
    if bearing is None:
        return
    age = None if bearing.age_ms is None else bearing.age_ms / 1000
    yield _single("kiosk_position_ready", "Whether the receiver can be asked.", bearing.ready)
    yield _single("kiosk_position_fix", "Whether a fix counts.", bearing.located is not None)
    yield _single("kiosk_position_age_seconds", "How old the newest fix is.", age)
    yield _single("kiosk_position_error_meters", "How far off that fix may be.", bearing.error_meters)
    yield _single("kiosk_position_inside", "Whether the box may be inside one of its fences.", bearing.inside)


def _single(name: str, help_: str, value: _Value) -> Family:
    return Family(name=name, help=help_, samples=() if value is None else (Sample(value=value),))


def _labelled(name: str, help_: str, label: str, *values: tuple[str, _Value]) -> Family:
    samples = (Sample(value=value, labels=((label, each),)) for each, value in values if value is not None)
    return Family(name=name, help=help_, samples=tuple(samples))


def _written(family: Family) -> str:
    lines = (f"{family.name}{_labels(sample)} {sample.value + 0}\n" for sample in family.samples)
    return f"# HELP {family.name} {family.help}\n# TYPE {family.name} gauge\n{''.join(lines)}"


def _labels(sample: Sample) -> str:
    """Names come from the configuration, and may hold quotes."""
    written = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels)
    return f"{{{written}}}" if written else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
