from __future__ import annotations

from pathlib import Path

from kiosk import findings
from kiosk.findings import Patience
from tests.people import OTHER_DECLARATION
from tests.worlds import World


def test_a_check_covers_one_group_within_half_a_day_and_waits_its_turn(tmp_path: Path) -> None:
    """Due ``first_ms`` after the acceptance; rows of another group or day are another check."""
    world = World(tmp_path)
    first = world.tap()
    world.tap(1, declaration=OTHER_DECLARATION)
    world.tap(2, ago_seconds=14 * 3600)
    world.run()
    patience = Patience(first_ms=1000)
    assert findings.due(world.outbox, world.time.wall_ms + 999, patience) is None
    assert world.database.read(lambda c: findings.next_due_ms(c, 1, patience)) == world.time.wall_ms + 1000
    checks = []
    at_ms = world.time.wall_ms + 1000
    while check := findings.due(world.outbox, at_ms, patience):
        checks.append([row.id for row in check.rows])
        findings.postpone(world.outbox, check, patience, at_ms=at_ms, dice=lambda: 0.0)
    assert sorted(checks) == [[first], [first + 1], [first + 2]]
    assert findings.due(world.outbox, at_ms + 1000, patience) is not None
