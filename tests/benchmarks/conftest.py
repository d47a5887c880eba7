"""What the benchmarks share: a folder on a real disk, the C compiler, and the table that is printed at the end."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.benchmarks.table import Table

_TABLE = pytest.StashKey[Table]()
_HERE = Path(__file__).parent


@pytest.fixture
def table(pytestconfig: pytest.Config) -> Table:
    """Where a benchmark puts its figures."""
    return pytestconfig.stash.setdefault(_TABLE, Table())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print all figures of the run, whatever became of the tests."""
    table = config.stash.get(_TABLE, None)
    if table is None:
        return
    terminalreporter.section("figures")
    for line in table.lines():
        terminalreporter.write_line(line)
    terminalreporter.write_line(
        "A ratio is the median of interleaved rounds, the best of at most three attempts. No time is judged."
    )


@pytest.fixture
def disk() -> Iterator[Path]:
    """Give a folder that a power cut would not empty: the usual temporary one may lie in memory, where a sync costs nothing."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="kiosk-benchmark-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compile a C file of this folder."""
    folder = tmp_path_factory.mktemp("compiled")
    if shutil.which("gcc") is None:
        pytest.skip("there is no C compiler to build the floor with")

    def build(source: str, *options: str) -> Path:
        target = folder / Path(source).stem
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-Werror", *options, "-o", target, _HERE / source], check=True)
        return target

    return build
