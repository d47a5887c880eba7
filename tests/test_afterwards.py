"""kiosk.afterwards: the thread looks after each tap and at its start, and sleeps otherwise; for the rest see the rooms it asks."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.box import line_fields
from tests.configs import change, write
from tests.daemons import running
from tests.people import invented_card, invented_line
from tests.sites import until

LOST_CARD = invented_card(50).identifier.hex()
QUIET = change(("[store]", '[clock]\nsource = "assume"\n\n[rules]\ndebounce_seconds = 1\nminimum_stay_minutes = 0\n\n[store]'))


def test_the_running_daemon_lets_go_what_was_confirmed(tmp_path: Path) -> None:
    """Unknown card, linked, laid on again: the past tap waits for its search, also when the daemon was away in between."""
    config = write(tmp_path, QUIET)
    with running(config) as run:
        run.ask("badge add", lines=[json.dumps(line_fields(invented_line(1)))])
        assert run.ask("tap", card=LOST_CARD)["signal"] == "unknown_card"
        row = run.ask("badge link", tap=1, holder=1, direction="in")["registration"]
        assert run.ask("outbox show", id=row)["state"] == "held"
        assert run.ask("tap", card=LOST_CARD)["signal"] == "in"
        until(lambda: run.ask("outbox show", id=row)["state"] == "queued", "the tap confirms nothing")
        assert run.ask("outbox show", id=row)["reason"] == "link"
    with running(config) as again:
        assert again.ask("outbox show", id=row)["reason"] == "link"


def test_what_was_missed_is_done_at_the_next_start(tmp_path: Path) -> None:
    """A confirming tap that the daemon could not look at any more counts when it starts."""
    config = write(tmp_path, QUIET)
    with running(config) as run:
        run.ask("badge add", lines=[json.dumps(line_fields(invented_line(1)))])
        run.ask("tap", card=LOST_CARD)
        row = run.ask("badge link", tap=1, holder=1, direction="in")["registration"]
        run.ask("tap", card=LOST_CARD)
        until(lambda: run.ask("outbox show", id=row)["state"] == "queued", "the tap confirms nothing")
    _take_back(config.parent / "kiosk.db", row)
    with running(config) as again:
        until(lambda: again.ask("outbox show", id=row)["state"] == "queued", "the start looks at nothing")


def _take_back(store: Path, row: int) -> None:
    """Leave the row as a kill right after the tap would have left it."""
    connection = sqlite3.connect(store)
    with connection:
        sql = "UPDATE registrations SET state = 'held', link_confirmed_ms = NULL WHERE id = ?"
        assert connection.execute(sql, (row,)).rowcount == 1
    connection.close()
