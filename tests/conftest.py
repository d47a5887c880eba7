"""What several test files share: how hypothesis runs, and a private, real pcscd with virtual readers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from hardware.virtual_reader import VirtualReader
from tests.worlds import close_worlds

# No deadline: a shared two-core machine stalls for longer than any example takes. In CI the same examples each time, so
# that red means a change broke something; everywhere else new ones, so that somebody finds what nobody thought of.
settings.register_profile("kiosk", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("kiosk")

# libpcsclite looks at its environment once per process, so this is settled before any test can load it; it also keeps
# every test away from the machine's own pcscd.
_PCSC = VirtualReader(Path(tempfile.gettempdir()) / f"pcsc-{os.getpid()}")
os.environ.update(_PCSC.env)


@pytest.fixture(autouse=True)
def _worlds_end() -> Iterator[None]:
    """No store outlives its test, since Python 3.13 counts a connection that is left to the collector as a mistake."""
    yield
    close_worlds()


@pytest.fixture(scope="session")
def private_pcscd() -> Iterator[VirtualReader]:
    """Run one pcscd for all tests of this process."""
    with _PCSC as readers:
        yield readers


@pytest.fixture
def virtual_reader(private_pcscd: VirtualReader) -> Iterator[VirtualReader]:
    """Give a test two plugged-in, empty virtual readers, reached from this process and by ``env`` from any other."""
    private_pcscd.reset()
    yield private_pcscd
    private_pcscd.reset()
