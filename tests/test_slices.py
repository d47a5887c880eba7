"""kiosk.slices gives each room its own figures of the configuration, in its own units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kiosk import slices
from kiosk.contact import Pace
from kiosk.geography import Fence
from kiosk.line import DeliverySettings
from kiosk.model import Carried, ReaderDirection
from kiosk.reminders import ReminderSettings
from kiosk.settings import Config, LatePolicy
from tests.configs import change, read


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return read(tmp_path, change(("[store]", "start_jitter_seconds = 7\nfollow_up_seconds = 90\n\n[store]")))


def test_delivery_gets_its_slice_of_the_configuration(config: Config) -> None:
    """Every figure of [service] and [rules] that concerns it arrives."""
    pace = Pace(backoff_cap_seconds=300, connect_cap_seconds=30, start_jitter_seconds=7, probe_seconds=30)
    usual = DeliverySettings(
        batch_size=100, settle_seconds=60, order_wait_minutes=10, late_after_minutes=10, hold_late=False, pace=pace
    )
    assert slices.delivery(config) == usual
    strict = replace(config, rules=replace(config.rules, late_policy=LatePolicy.HOLD, late_after_minutes=7))
    assert slices.delivery(strict) == replace(usual, late_after_minutes=7, hold_late=True)


def test_what_decides_a_tap_is_the_same_at_the_card_and_when_it_is_healed(config: Config) -> None:
    """Site, limits and declarations reach both; the readers and the largest bound only the healing."""
    site, bearings = slices.site(config), slices.bearings(config)
    assert (site.zone, site.limits, site.declarations) == (bearings.zone, bearings.limits, bearings.declarations)
    assert (site.zone.key, [str(term.number.value) for term in site.declarations]) == ("Europe/Brussels", ["1Y1003SQ5VSSZ"])
    assert (site.place, site.employer, site.local_only) == (config.site.place, config.employer, False)
    assert (site.self_employed, site.fence) == (Carried.PRINCIPAL, None)
    fenced = replace(config, site=replace(config.site, fence_meters=150))
    assert slices.site(fenced).fence == Fence(config.site.coordinates, 150)
    assert (bearings.readers, bearings.max_error_ms) == ({"gate": ReaderDirection.TOGGLE}, 60_000)


def test_those_who_ask_later_get_theirs(config: Config) -> None:
    """Follow-up counts in milliseconds, other channels and reminders hear how long a shift may last."""
    assert slices.patience(config).first_ms == 90_000
    channels = slices.channels(config)
    assert (channels.every_seconds, channels.max_shift_hours) == (config.service.channels_seconds, 14)
    assert (channels.zone, channels.place) == (config.site.time_zone, config.site.place)
    assert slices.reminders(config) == ReminderSettings(max_shift_hours=14, escalate_after_minutes=60)
