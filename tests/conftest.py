"""What several test files share: a private, real pcscd with virtual readers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.virtual_card import VirtualReader

# libpcsclite looks at its environment once per process, so this is settled before any test can load it; it also keeps
# every test away from the machine's own pcscd.
_PCSC = VirtualReader(Path(tempfile.gettempdir()) / f"pcsc-{os.getpid()}")
os.environ.update(_PCSC.env)


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
