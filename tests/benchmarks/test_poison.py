"""What one bad registration among many costs in calls: the others wait for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from kiosk.contact import Pace
from kiosk.line import DeliverySettings
from kiosk.model import Registration
from kiosk.verdicts import CallRefused, CallVerdict
from tests.benchmarks.table import Figure, Table
from tests.people import invented_insz
from tests.worlds import World

_BATCH = 200
_GOAL = _LIMIT = 16

pytestmark = pytest.mark.benchmark


def test_a_bad_one_is_found_in_few_calls(tmp_path: Path, table: Table) -> None:
    """T14: refused as a whole and without names, 200 with one bad among them take at most 16 calls; 199 are accepted."""
    calls = []
    for place in (63, 128):
        folder = tmp_path / str(place)
        folder.mkdir()
        world = World(folder, settings=DeliverySettings(batch_size=_BATCH, pace=Pace(start_jitter_seconds=0)))
        bad = invented_insz(place)

        def judge(registrations: Sequence[Registration], world: World = world, bad: object = bad) -> CallVerdict:
            if any(each.ssin == bad for each in registrations):
                return CallRefused(reason="badRequest")
            return world.service.carry_out(registrations)

        for person in range(_BATCH):
            world.tap(person)
        world.service.always = judge
        world.run()
        assert sorted(world.states()) == ["accepted"] * (_BATCH - 1) + ["refused"]
        calls.append(len(world.service.calls))
    table.judge(
        Figure(
            quantity=f"T14 calls, 1 bad in {_BATCH}, the worst place",
            measured=max(calls),
            goal=_GOAL,
            limit=_LIMIT,
            digits=0,
            against=f"at two places: {calls}",
        )
    )
