"""kiosk.provision.place has a person confirm the addresses that the service sees at the site's coordinates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.model import Coordinates
from kiosk.provision.conversation import prepare
from kiosk.provision.notebook import Notebook
from kiosk.provision.place import confirm_place
from kiosk.simulator.simulator import Simulator
from tests.admins import Admin, answers, set_up, setup, upload


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "box"


def test_a_place_that_is_not_meant_is_asked_for_again(box: Path, simulator: Simulator) -> None:
    """Until a person says yes to the addresses that the service sees; the configuration keeps its other lines."""
    notebook = Notebook(box.with_name("answers"), {})
    admin = Admin(notebook, answers(simulator))
    config = prepare(setup(box, admin, notebook))
    upload(simulator, box)
    config.path.write_text(config.path.read_text() + "# mine\n")
    admin.agrees = [False, True]
    admin.given["coordinates"] = "51.2194, 4.4025"
    moved = confirm_place(setup(box, admin, notebook), config)
    assert moved.site.coordinates == Coordinates(51.2194, 4.4025)
    assert admin.heard[-1] == "  Grote Markt 1, 2000 Antwerpen"
    assert config.path.read_text().endswith("# mine\n")
    assert not notebook.kept
    assert confirm_place(setup(box, admin, Notebook(None, {})), moved) == moved


def test_a_place_without_an_address_or_a_network_stops_nothing(box: Path, simulator: Simulator) -> None:
    """Both are told; a place in the sea of fields is confirmed like any other."""
    config, admin = set_up(box, simulator, coordinates="50.5, 5.5")
    upload(simulator, box)
    confirm_place(setup(box, admin, Notebook(None, {})), config)
    assert "knows no address" in admin.heard[-1]
    away = replace(config, service=replace(config.service, api_url="https://127.0.0.1:1/x", token_url="https://127.0.0.1:1/y"))
    confirm_place(setup(box, admin, Notebook(None, {"coordinates": "1, 1"})), away)
    assert "could not be asked for" in admin.heard[-1]
