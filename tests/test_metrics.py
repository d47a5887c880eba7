"""kiosk.metrics says what ``status`` says, as an independent reader of Prometheus' format understands it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from kiosk.metrics import exposition, families
from kiosk.model import Environment, State
from kiosk.status import ReaderView, View
from tests.test_status import CLOCK, VIEW

RULES = yaml.safe_load((Path(__file__).parent.parent / "deploy" / "alerts.yml").read_text(encoding="utf-8"))
Told = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


def understood(view: View) -> Told:
    """Each value by its name and labels, as prometheus_client reads them; nothing may stand there twice."""
    samples = [sample for family in text_string_to_metric_families(exposition(view)) for sample in family.samples]
    told = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(told) == len(samples)
    return told


def value(told: Told, name: str, **labels: str) -> float | None:
    return told.get((name, frozenset(labels.items())))


def test_the_metrics_say_what_status_says() -> None:
    """Counts, ages, devices, ends and the position, each under its name and in its unit."""
    told = understood(VIEW)
    assert value(told, "kiosk_build_info", version="2026.11.0", environment="training") == 1
    assert [value(told, "kiosk_registrations", state=state) for state in ("queued", "accepted", "refused")] == [3, 17, 0]
    assert {dict(labels)["state"] for name, labels in told if name == "kiosk_registrations"} == set(State)
    assert value(told, "kiosk_oldest_unsent_seconds") == 61
    assert [value(told, f"kiosk_{name}") for name in ("waiting_for_clock", "present", "tasks")] == [1, 5, 2]
    assert [value(told, f"kiosk_tasks_{name}") for name in ("due_soon", "overdue")] == [1, 3]
    assert [value(told, "kiosk_reader_ready", reader=name) for name in ("gate", "back")] == [1, 0]
    assert value(told, "kiosk_button_ready", button="out") == 0
    assert value(told, "kiosk_service_state", state="untried") == 1
    assert value(told, "kiosk_service_state", state="up") == 0
    assert value(told, "kiosk_certificate_days_left", employer="") == 300
    assert value(told, "kiosk_credential_usable", employer=VIEW.credentials[1].employer or "") == 0
    assert value(told, "kiosk_declaration_days_left", declaration="1Y1003SQ5VSSZ") == 7
    assert [value(told, f"kiosk_store_{name}") for name in ("ready", "used_ratio", "salvaged")] == [1, 0.03, 0]
    assert [value(told, f"kiosk_evidence_{name}") for name in ("signed", "entries", "unchained_taps")] == [1, 20, 1]
    assert [value(told, f"kiosk_position_{name}") for name in ("ready", "fix", "age_seconds")] == [1, 0, 61.999]
    assert value(told, "kiosk_clock_trusted") == 1
    assert value(told, "kiosk_clock_error_bound_seconds") == 0.012


def test_what_is_not_known_has_no_value() -> None:
    """A certificate that can't be read, a declaration without an end, a service not yet asked and a box without GPS tell no 0."""
    told = understood(replace(VIEW, position=None, clock=replace(CLOCK, bound_ms=None), oldest_unsent_ms=None))
    names = {name for name, _ in told}
    assert not {name for name in names if name.startswith("kiosk_position")}
    assert not names & {"kiosk_clock_error_bound_seconds", "kiosk_service_last_success_timestamp_seconds"}
    assert value(told, "kiosk_certificate_days_left", employer=VIEW.credentials[1].employer or "") is None
    assert value(told, "kiosk_declaration_days_left", declaration="1Y1003SQ5VSSA") is None
    assert value(told, "kiosk_oldest_unsent_seconds") == 0


@pytest.mark.parametrize(
    ("view", "name"),
    [
        (replace(VIEW, store_failure="full"), "kiosk_store_ready"),
        (replace(VIEW, light=False), "kiosk_indicator_ready"),
        (replace(VIEW, clock=replace(CLOCK, trusted=False)), "kiosk_clock_trusted"),
    ],
)
def test_what_fails_is_nought(view: View, name: str) -> None:
    """A dead store, light or clock is seen."""
    assert value(understood(view), name) == 0


@pytest.mark.parametrize("name", ['a "gate"', "back\\slash", "poort é", "a\nb", "{x=1}"])
def test_any_name_of_a_reader_comes_through(name: str) -> None:
    """Quotes, backslashes and whatever else stands in the configuration break no line."""
    view = replace(VIEW, readers=(ReaderView(name=name, driver="pcsc", state="ready"),), environment=Environment.PRODUCTION)
    assert value(understood(view), "kiosk_reader_ready", reader=name) == 1


def test_every_alert_asks_for_a_metric_that_exists_and_says_what_to_do() -> None:
    """A rule on a metric or label that is renamed would never fire."""
    told = {family.name: {name for sample in family.samples for name, _ in sample.labels} for family in families(VIEW)}
    rules = [rule for group in RULES["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in rules}) == len(rules) > 0
    for rule in rules:
        asked = re.findall(r"kiosk_[a-z_]+", rule["expr"])
        assert asked, rule
        assert set(asked) <= told.keys(), rule
        labels = set(re.findall(r'(\w+)="', rule["expr"])) | set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert labels <= told[asked[0]], rule
        assert re.search(r"`|Free|Extend|Look", rule["annotations"]["summary"]), rule
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_the_alerts_ask_for_states_that_there_are() -> None:
    """A state that is spelt otherwise would never fire."""
    told = {(name, dict(labels)["state"]) for name, labels in understood(VIEW) if "state" in dict(labels)}
    asked = {
        found for group in RULES["groups"] for rule in group["rules"] for found in re.findall(r'(\w+)\{state="(\w+)"', rule["expr"])
    }
    assert asked
    assert asked <= told
