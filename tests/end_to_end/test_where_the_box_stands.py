"""The real daemon with a real gpsd: the place of each tap, a box that is carried away, and one that goes to another site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiosk import control
from kiosk.model import Coordinates
from kiosk.simulator.simulator import Simulator
from tests.box import SIMULATED_GATE, Box
from tests.people import PLACE, invented_card, invented_line
from tests.sky import Sky
from tests.stores import until

AWAY = Coordinates(50.8556, 4.3670)
POSITION = '\n[position]\nsource = "gpsd"\nport = {}\nmax_age_seconds = 3\n'


@pytest.fixture
def sky() -> Iterator[Sky]:
    with Sky() as sky:
        yield sky


def ask(box: Box, call: str, row: int) -> Any:
    """What a verb about a row says, without a process for it."""
    return control.ask(box.folder / "kiosk.sock", call, {"id": row})


def test_a_box_that_is_carried_away_holds_its_taps_and_comes_back(tmp_path: Path, simulator: Simulator, sky: Sky) -> None:
    """At home the fix goes out; a kilometre off a tap is held until a human lets it go; under a roof the site's place goes out."""
    readers = SIMULATED_GATE + POSITION.format(sky.port)
    with Box(tmp_path, simulator, readers=readers, site="fence_meters = 200").provision() as box:
        box.enrol([invented_line(number) for number in range(3)])
        box.start()

        def inside() -> object:
            return box.status()["position"]["inside"]

        until(lambda: inside() is True)
        assert box.tap(invented_card(0))["signal"] == "in"
        sky.place = AWAY
        until(lambda: inside() is False)
        away = box.tap(invented_card(1))
        assert (away["signal"], ask(box, "outbox show", away["ids"][0])["reason"]) == ("held", "fence")
        released = ask(box, "outbox release", away["ids"][0])
        assert (released["latitude"], released["place"]["source"]) == (pytest.approx(AWAY.latitude, abs=1e-4), "gps")
        sky.seen = False
        until(lambda: not box.status()["position"]["fix"])
        roofed = box.tap(invented_card(2))
        shown = ask(box, "outbox show", roofed["ids"][0])
        assert (roofed["signal"], shown["latitude"], shown["place"]["source"]) == ("in", PLACE.latitude, "site")
        assert box.settle()["accepted"] == 3
    places = [row.item["placeOfWork"]["coordinates"]["latitude"] for row in simulator.ledger.rows()]
    assert sorted(places) == pytest.approx([PLACE.latitude, PLACE.latitude, AWAY.latitude], abs=1e-4)


def test_a_box_goes_to_another_site_by_a_verb(tmp_path: Path, simulator: Simulator) -> None:
    """From its next start on it registers the new place."""
    with Box(tmp_path, simulator).provision() as box:
        box.enrol([invented_line(0)])
        moved = box.verb("site", "move", "50.8556, 4.3670")
        assert (moved.code, "from its next start on" in moved.out) == (0, True)
        box.start()
        box.tap(invented_card(0))
        assert box.settle()["accepted"] == 1
    (row,) = simulator.ledger.rows()
    assert row.item["placeOfWork"]["coordinates"] == {"longitude": 4.367, "latitude": 50.8556}
