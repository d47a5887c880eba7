"""A box whose clock nobody set: it learns the time from the service over TLS, and every tap arrives with its true second."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from kiosk.simulator.simulator import Simulator
from kiosk.timekeeper import STA_UNSYNC, TIME_ERROR, KernelClock, Timekeeper, wall_clock
from tests.box import Box
from tests.daemons import running
from tests.people import invented_line

#: The time servers are blocked, and nobody set the clock.
UNSYNCED = KernelClock(state=TIME_ERROR, status=STA_UNSYNC, max_error_us=16_000_000)


@pytest.mark.parametrize("off_ms", [-86_400_000, 86_400_000, -30 * 86_400_000])
def test_taps_before_the_time_is_known_arrive_once_with_their_true_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off_ms: int
) -> None:
    """The real daemon on a stand-in kernel, and the double over real TLS: within the bound that status tells, and once."""
    monkeypatch.setattr(
        "kiosk.opening.Timekeeper", partial(Timekeeper, adjtimex=lambda: UNSYNCED, wall=lambda: wall_clock() + off_ms)
    )
    (tmp_path / "box").mkdir()
    with Simulator(tmp_path / "service") as simulator:
        box = Box(tmp_path / "box", simulator).provision()
        text = box.config.read_text(encoding="utf-8").replace('source = "assume"', 'source = "kernel"')
        box.config.write_text(text, encoding="utf-8")
        people = [invented_line(number) for number in range(2)]
        box.enrol(people)
        simulator.stop()
        with running(box.config) as daemon:
            tapped = []
            for person in people:
                answer = daemon.ask("tap", card=person.card.identifier.hex(), reader="gate")
                tapped.append(time.time())
                assert (answer["signal"], answer["clock"]) == ("in", "waiting")
            assert daemon.ask("status")["clock"]["trusted"] is False
            assert daemon.ask("status")["waiting_for_clock"] == 2
            simulator.start()
            end = time.monotonic() + 60
            while daemon.ask("status")["accepted"] < 2:
                assert time.monotonic() < end, daemon.ask("status")
                time.sleep(0.05)
            clock = daemon.ask("status")["clock"]
            assert (clock["trusted"], clock["source"]) == (True, "service")
            shown = daemon.ask("outbox show", id=1)
            assert daemon.ask("evidence verify")["items"] == []
        rows = simulator.ledger.rows()
    assert len(rows) == 2
    for row, at in zip(rows, tapped, strict=True):
        told = datetime.fromisoformat(str(row.item["registrationDate"])).timestamp()
        assert abs(told - at) <= clock["error_bound_seconds"] + 1
    read = datetime.fromisoformat(shown["clock"]["reading"]).astimezone(UTC).timestamp()
    assert abs(read - (tapped[0] + off_ms / 1000)) < 5
    assert shown["clock"]["earliest"] <= shown["registration_date"] <= shown["clock"]["latest"]
