"""kiosk.status puts the whole box into one snapshot, and its worst news into one light."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from kiosk.contact import ServiceState, ServiceStatus
from kiosk.locator import Bearing
from kiosk.model import ClockReading, Environment, Signal, State
from kiosk.room import Level, Standing
from kiosk.status import ButtonView, CredentialView, DeclarationView, EvidenceView, ReaderView, View, resting_signal, snapshot
from kiosk.tasks import Due
from tests.people import OTHER_EMPLOYER

NOW_MS = 1_795_331_704_987
CLOCK = ClockReading(wall_ms=NOW_MS, boot_ns=1, boot_id="boot", trusted=True, source="kernel", bound_ms=12)
VIEW = View(
    version="2026.11.0",
    environment=Environment.TRAINING,
    service_host="localhost",
    counts={State.QUEUED: 3, State.ACCEPTED: 17},
    oldest_unsent_ms=NOW_MS - 61_999,
    waiting_for_clock=1,
    present=5,
    tasks=2,
    due=Due(soon=1, overdue=3),
    clock=CLOCK,
    readers=(ReaderView(name="gate", driver="simulated", state="ready"), ReaderView(name="back", driver="pcsc", state="dead")),
    service=ServiceStatus(),
    credentials=(
        CredentialView(employer=None, days_left=300, fault=None),
        CredentialView(employer=OTHER_EMPLOYER.value, days_left=None, fault="invalid_client"),
    ),
    declarations=(
        DeclarationView(number="1Y1003SQ5VSSZ", name="Offices", days_left=7),
        DeclarationView(number="1Y1003SQ5VSSA", name=None, days_left=None),
    ),
    buttons=(ButtonView(name="out", state="dead"),),
    store_failure=None,
    room=Standing(used_percent=3, level=Level.OK),
    salvaged=None,
    light=True,
    position=Bearing(ready=True, located=None, age_ms=61_999, error_meters=17.1, inside=None),
    resting=Signal.TRAINING,
    evidence=EvidenceView(public_key="ab", entries=20, last_signed_ms=NOW_MS, unsigned_entries=3, unchained_taps=1),
)


def test_the_snapshot_has_what_other_programs_rely_on() -> None:
    """Every field of the design's status has its place and its type: counts are integers, times have a Z, absent is null."""
    told = snapshot(VIEW)
    expected = {
        "version": "2026.11.0",
        "environment": "training",
        "queued": 3,
        "in_flight": 0,
        "unknown": 0,
        "accepted": 17,
        "refused": 0,
        "held": 0,
        "cancelled": 0,
        "oldest_unsent_seconds": 61,
        "waiting_for_clock": 1,
        "present": 5,
        "tasks": 2,
        "tasks_due_soon": 1,
        "tasks_overdue": 3,
        "clock": {
            "trusted": True,
            "source": "kernel",
            "error_bound_seconds": 0.012,
            "disputed": False,
            "system_off_seconds": None,
        },
        "readers": [
            {"name": "gate", "driver": "simulated", "state": "ready"},
            {"name": "back", "driver": "pcsc", "state": "dead"},
        ],
        "service": {"state": "untried", "host": "localhost", "last_success": None, "last_error": None},
        "certificate": {"days_left": 300, "level": "ok"},
        "credentials": [
            {"employer": None, "days_left": 300, "level": "ok", "fault": None},
            {"employer": OTHER_EMPLOYER.value, "days_left": None, "level": None, "fault": "invalid_client"},
        ],
        "declarations": [
            {"number": "1Y1003SQ5VSSZ", "name": "Offices", "days_left": 7, "level": "last"},
            {"number": "1Y1003SQ5VSSA", "name": None, "days_left": None, "level": None},
        ],
        "buttons": [{"name": "out", "state": "dead"}],
        "store": {"state": "ready", "why": None, "used_percent": 3, "level": "ok", "salvaged": None},
        "evidence": {
            "signed": True,
            "public_key": "ab",
            "entries": 20,
            "last_signed": "2026-11-22T07:15:04Z",
            "unsigned_entries": 3,
            "unchained_taps": 1,
        },
        "position": {
            "source": "gpsd",
            "state": "ready",
            "fix": False,
            "age_seconds": 61,
            "error_meters": 17,
            "inside": None,
        },
        "indicator": {"state": "ready"},
        "signal": "training",
    }
    assert {name: told[name] for name in expected} == expected
    assert json.loads(json.dumps(told)) == told


def test_where_no_receiver_is_used_the_position_says_so() -> None:
    """The configured coordinates go out; nothing is known of a fix or a fence."""
    absent = {"source": "site", "state": None, "fix": False, "age_seconds": None, "error_meters": None, "inside": None}
    assert snapshot(replace(VIEW, position=None))["position"] == absent


def test_what_is_absent_is_null() -> None:
    """Without a backlog, a certificate, a clock's bound or lamps the fields are there and say so."""
    clock = replace(CLOCK, trusted=False, source="none", bound_ms=None)
    told = snapshot(replace(VIEW, oldest_unsent_ms=None, credentials=(), clock=clock, light=False, readers=()))
    unsigned = EvidenceView(public_key=None, entries=0, last_signed_ms=None, unsigned_entries=0, unchained_taps=0)
    assert snapshot(replace(VIEW, evidence=unsigned))["evidence"] == {
        "signed": False,
        "public_key": None,
        "entries": 0,
        "last_signed": None,
        "unsigned_entries": 0,
        "unchained_taps": 0,
    }
    assert told["oldest_unsent_seconds"] is None
    assert told["certificate"] == {"days_left": None, "level": None}
    view = told["clock"]
    assert isinstance(view, dict)
    assert (view["trusted"], view["source"], view["error_bound_seconds"]) == (False, "none", None)
    assert told["indicator"] == {"state": "absent"}
    assert told["readers"] == []


@pytest.mark.parametrize("state", ServiceState)
def test_the_service_is_told_as_it_stands(state: ServiceState) -> None:
    """How the last contact went, when it last went well, and what went wrong are told in the words that others rely on."""
    told = snapshot(replace(VIEW, service=ServiceStatus(state=state, last_success_ms=NOW_MS, last_error="no connection")))
    assert told["service"] == {
        "state": state.value,
        "host": "localhost",
        "last_success": "2026-11-22T07:15:04Z",
        "last_error": "no connection",
    }
    assert {each.value for each in ServiceState} == {"untried", "up", "down", "config_fault"}


def test_a_clock_that_went_back_makes_no_negative_age() -> None:
    """An unsent row from the future, as the clock has it, is nought seconds old."""
    assert snapshot(replace(VIEW, oldest_unsent_ms=NOW_MS + 5000))["oldest_unsent_seconds"] == 0


def test_a_store_that_failed_says_why() -> None:
    """What keeps the box from recording stands in the snapshot in words."""
    assert snapshot(replace(VIEW, store_failure="no room"))["store"] == {
        "state": "failed",
        "why": "no room",
        "used_percent": 3,
        "level": "ok",
        "salvaged": None,
    }


READY, ABSENT, DEAD = "ready", "absent", "dead"


@pytest.mark.parametrize(
    ("environment", "readers", "troubled", "store_failed", "expected"),
    [
        (Environment.PRODUCTION, [READY], False, False, Signal.READY),
        (Environment.PRODUCTION, [READY, READY], False, False, Signal.READY),
        (Environment.PRODUCTION, [READY], True, False, Signal.ATTENTION),
        (Environment.PRODUCTION, [READY, ABSENT], False, False, Signal.ATTENTION),
        (Environment.PRODUCTION, [DEAD, READY], False, False, Signal.ATTENTION),
        (Environment.TRAINING, [READY], False, False, Signal.TRAINING),
        (Environment.TRAINING, [READY, DEAD], True, False, Signal.TRAINING),
        (Environment.TRAINING, [ABSENT], False, False, Signal.ATTENTION),
        (Environment.TRAINING, [READY], False, True, Signal.FAILED),
    ],
)
def test_the_light_at_rest(
    environment: Environment, readers: list[str], expected: Signal, *, troubled: bool, store_failed: bool
) -> None:
    """A store that can't record is worst, then that nobody can tap, then training's own rhythm, then a remark, then all is well."""
    told = resting_signal(environment=environment, readers=readers, troubled=troubled, store_failed=store_failed)
    assert told is expected


@pytest.mark.parametrize("readers", [list(states) for size in range(4) for states in product([READY, ABSENT, DEAD], repeat=size)])
@pytest.mark.parametrize("troubled", [False, True])
def test_training_never_rests_like_production(readers: list[str], *, troubled: bool) -> None:
    """Whatever else is so: in training the light never says ready, and in production it never says training."""
    for store_failed in (False, True):
        states = {
            environment: resting_signal(environment=environment, readers=readers, troubled=troubled, store_failed=store_failed)
            for environment in Environment
        }
        assert states[Environment.TRAINING] is not Signal.READY
        assert states[Environment.PRODUCTION] is not Signal.TRAINING
        assert store_failed is (Signal.FAILED in states.values())
        if READY not in readers and not store_failed:
            assert set(states.values()) == {Signal.ATTENTION}
