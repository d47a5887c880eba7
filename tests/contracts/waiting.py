"""How the contracts wait for other threads, and how they see that a thread sleeps."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from pathlib import Path


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Wait until something that another thread does has come true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def wakes_in(seconds: float, name: str) -> int:
    """Count how often the running thread of that name went to sleep again within this time: a poll shows, a wait does not."""
    (thread,) = [thread for thread in threading.enumerate() if thread.name == name]
    status = Path(f"/proc/self/task/{thread.native_id}/status")

    def count() -> int:
        found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", status.read_text(encoding="ascii"), re.MULTILINE)
        assert found is not None
        return int(found[1])

    time.sleep(0.05)  # whatever it was just told to do
    before = count()
    time.sleep(seconds)
    return count() - before
