"""``python -m kiosk`` is the ``kiosk`` command."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path


def kiosk(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "kiosk", *words], capture_output=True, text=True, timeout=60, check=False)


def test_it_is_the_command() -> None:
    """It knows its version and its name."""
    ran = kiosk("--version")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"kiosk, version {version('ciao-kiosk')}\n"


def test_exit_codes_come_through(tmp_path: Path) -> None:
    """A mistake in the configuration exits 2 with the file's name, and without a traceback."""
    ran = kiosk("--config", str(tmp_path / "none.toml"), "status")
    assert ran.returncode == 2
    assert str(tmp_path / "none.toml") in ran.stderr
    assert "Traceback" not in ran.stderr
