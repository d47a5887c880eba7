"""What each room receives of the configuration: its own slice in its own units, never the whole."""

from __future__ import annotations

from kiosk.channels import ChannelSettings
from kiosk.contact import Pace
from kiosk.findings import Patience
from kiosk.healing import Bearings
from kiosk.line import DeliverySettings
from kiosk.obligations import Site
from kiosk.reminders import ReminderSettings
from kiosk.settings import Config, LatePolicy


def site(config: Config) -> Site:
    """What the intake knows of the site."""
    return Site(
        place=config.site.place,
        zone=config.site.time_zone,
        declarations=tuple(declaration.term for declaration in config.declarations),
        employer=config.employer,
        limits=config.rules.limits,
        local_only=config.site.local_only,
        self_employed=config.service.self_employed_employer,
        minimum_trust=config.rules.minimum_trust,
        fence=config.site.fence,
    )


def bearings(config: Config) -> Bearings:
    """What decides a tap that is healed, besides its time."""
    return Bearings(
        zone=config.site.time_zone,
        limits=config.rules.limits,
        readers={reader.name: reader.direction for reader in config.readers},
        declarations=tuple(declaration.term for declaration in config.declarations),
        max_error_ms=round(config.clock.max_error_seconds * 1000),
    )


def delivery(config: Config) -> DeliverySettings:
    """How much goes into a call, what waits how long, and what is done about late rows."""
    service, rules = config.service, config.rules
    return DeliverySettings(
        batch_size=service.items_in_a_call,
        settle_seconds=service.settle_seconds,
        order_wait_minutes=service.order_wait_minutes,
        late_after_minutes=rules.late_after_minutes,
        hold_late=rules.late_policy is LatePolicy.HOLD,
        pace=Pace(
            backoff_cap_seconds=service.backoff_cap_seconds,
            connect_cap_seconds=service.connect_cap_seconds,
            start_jitter_seconds=service.start_jitter_seconds,
            probe_seconds=service.probe_seconds,
        ),
    )


def patience(config: Config) -> Patience:
    """How politely follow-up asks."""
    return Patience(first_ms=round(config.service.follow_up_seconds * 1000))


def channels(config: Config) -> ChannelSettings:
    """Where and how often other channels are looked at."""
    return ChannelSettings(
        every_seconds=config.service.channels_seconds,
        max_shift_hours=config.rules.max_shift_hours,
        zone=config.site.time_zone,
        place=config.site.place,
    )


def reminders(config: Config) -> ReminderSettings:
    """When a stay has lasted too long, and when a backlog has."""
    rules = config.rules
    return ReminderSettings(max_shift_hours=rules.max_shift_hours, escalate_after_minutes=rules.escalate_after_minutes)
