"""kiosk.provision.handover gives what root made to the daemon's user, whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kiosk.errors import UsageError
from kiosk.provision.conversation import prepare
from kiosk.provision.handover import hand_over, is_handed_over
from kiosk.provision.notebook import Notebook
from kiosk.simulator.simulator import Simulator
from tests.admins import Admin, answers, setup


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def box(tmp_path: Path) -> Path:
    return tmp_path / "box"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root gives files to another user")
def test_handing_over_that_was_cut_is_gone_on_with(box: Path, simulator: Simulator) -> None:
    """Root may not use what is half another's: it gives him the rest, and has no more to do here."""
    notebook = Notebook(None, {})
    given = replace(setup(box, Admin(notebook, answers(simulator)), notebook), user="nobody")
    assert not is_handed_over(given)
    prepare(given)
    assert not is_handed_over(given)
    os.chown(box / "store.key", 65534, 65534)
    assert is_handed_over(given)
    assert not is_handed_over(replace(given, user=None))
    hand_over(given)
    assert {path.stat().st_uid for path in (box, *box.iterdir())} == {65534}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root gives files to another user")
def test_root_hands_everything_over(box: Path, simulator: Simulator) -> None:
    """The folder, the keys and the configuration belong to the daemon's user; a user that does not exist is told."""
    notebook = Notebook(None, {})
    given = setup(box, Admin(notebook, answers(simulator)), notebook)
    prepare(given)
    with pytest.raises(UsageError, match="no user"):
        hand_over(replace(given, user="nobody-of-that-name"))
    hand_over(given)
    assert {path.stat().st_uid for path in box.iterdir()} == {0}
    hand_over(replace(given, user="nobody"))
    assert {path.stat().st_uid for path in (box, *box.iterdir())} == {65534}
