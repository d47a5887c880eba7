"""Ends work by SIGKILL before each of its changes of the disk in turn, as a power cut or an impatient admin would."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHANGES = ("fsync", "replace", "rename", "link", "unlink", "mkdir")


def cut_everywhere(scenario: str, folder: Path) -> list[Path]:
    """Run a scenario in one folder after the other, each time killed one change later, until it comes to its end.

    Args:
        scenario: ``module:function``; the function is given its own empty folder. It runs in a process of its own, which
            has no threads, so that it may be forked.
        folder: Where the folders are made.

    Returns:
        The folder of each run that was killed.
    """
    module, function = scenario.split(":")
    code = f"import sys; from tests.cuts import run; from {module} import {function}; run({function}, sys.argv[1])"
    ran = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    *cut, whole = sorted(folder.iterdir())
    assert len(cut) > 3, "nothing was cut"
    assert whole.name == f"{len(cut) + 1:03d}"
    return cut


def run(scenario: Callable[[Path], None], folder: str) -> None:
    """Fork a child for each cut; ends with the first that is not killed."""
    for count in range(1, 1000):
        own = Path(folder) / f"{count:03d}"
        own.mkdir()
        child = os.fork()
        if child == 0:
            _arm(count)
            scenario(own)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


def _arm(count: int) -> None:
    """Kill this process before its ``count``-th change."""
    left = count

    def armed(change: Callable[..., object]) -> Callable[..., object]:
        def instead(*args: object, **kwargs: object) -> object:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*args, **kwargs)

        return instead

    for name in CHANGES:
        setattr(os, name, armed(getattr(os, name)))
