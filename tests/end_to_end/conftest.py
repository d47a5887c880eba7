"""What the end-to-end tests share: the service double over true TLS, and a provisioned box that talks to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.simulator.simulator import Simulator
from tests.box import Box


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    """Run a service of its own for the test."""
    with Simulator(tmp_path / "service") as running:
        yield running


@pytest.fixture
def box(tmp_path: Path, simulator: Simulator) -> Iterator[Box]:
    """Provide a box, ready to be started; a test may still change its configuration by ``write_config``."""
    folder = tmp_path / "box"
    folder.mkdir()
    with Box(folder, simulator) as provisioned:
        yield provisioned.provision()
