"""kiosk.desk.papers writes the steps of provisioning into the record, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.desk import Desk
from kiosk.desk.papers import CALLS
from kiosk.errors import UsageError
from tests.desks import Clock, open_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_desk(tmp_path, Clock()) as opened:
        yield opened


def test_a_step_is_written_down(desk: Desk) -> None:
    """With its kind, about the box; other kinds of entries can't be made that way."""
    assert CALLS["provision note"](desk, {"entry": "key_switched", "about": "client.cert.pem"}) == {"entry": "key_switched"}
    with pytest.raises(UsageError, match="must be one of"):
        CALLS["provision note"](desk, {"entry": "cancelled", "about": "x"})
    kinds = desk.database.read(lambda c: c.execute("SELECT kind, subject FROM evidence ORDER BY id").fetchall())
    assert kinds[-1] == ("key_switched", "box")
