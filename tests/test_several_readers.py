"""Several readers on one box: each has its own thread, direction and name, and one that is dead leaves the others working."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from hardware.ports import ReaderLost, Sighting
from hardware.simulated import SimulatedReader
from kiosk import daemon, readers
from kiosk.device_settings import Eid
from kiosk.model import Environment, Signal
from kiosk.settings import Reader
from kiosk.status import resting_signal
from tests.box import line_fields
from tests.configs import change, write
from tests.daemons import Running, running
from tests.people import invented_card, invented_line
from tests.sites import until

THREE = """
[[reader]]
name = "in"
driver = "simulated"
direction = "in"

[[reader]]
name = "out"
driver = "simulated"
direction = "out"

[[reader]]
name = "broken"
driver = "simulated"
"""
OTHERS = '[[reader]]\nname = "gate"\ndriver = "simulated"\n'


class Broken(SimulatedReader):
    """A reader whose chip fell silent: it opens, and fails as soon as it is read."""

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        if stop.is_set():
            yield from ()
        raise ReaderLost("the chip gives no answer")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write(
        tmp_path, change(("[store]", 'start_jitter_seconds = 31_000_000\n\n[clock]\nsource = "assume"\n\n[store]'), (OTHERS, THREE))
    )


def states(run: Running) -> dict[str, str]:
    return {reader["name"]: reader["state"] for reader in run.ask("status")["readers"]}


def tap(run: Running, person: int, reader: str) -> object:
    return run.ask("tap", card=invented_card(person).identifier.hex(), reader=reader)["direction"]


def test_one_dead_reader_leaves_the_others_working(
    config: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The others read on with their own directions; light and status show the dead one, and the log tells it once."""
    build = readers.open_reader

    def opened(reader: Reader, cards: Eid, claim: Callable[[str, int], bool]) -> object:
        return Broken() if reader.name == "broken" else build(reader, cards, claim)

    monkeypatch.setattr(readers, "open_reader", opened)
    assert daemon._LOOK_SECONDS <= 5, "the light must show it within 5 s"
    with running(config) as run:
        run.ask("badge add", lines=[json.dumps(line_fields(invented_line(person))) for person in range(2)])
        until(lambda: states(run) == {"in": "ready", "out": "ready", "broken": "dead"}, "the dead one is not shown")
        assert (tap(run, 0, "in"), tap(run, 1, "in"), tap(run, 1, "out")) == ("in", "in", "out")
        shown = resting_signal(
            environment=Environment.PRODUCTION, readers=list(states(run).values()), troubled=False, store_failed=False
        )
        assert shown is Signal.ATTENTION, "in training the light has one thing to say"
        assert [row["direction"] for row in run.ask("outbox list")["items"]] == ["in", "in", "out"]
        assert run.stop() == 0
    events = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    dead = [event for event in events if event.get("reader") == "broken" and event["level"] == "error"]
    assert [event["event"] for event in dead] == ["reader dead"]
