"""The least that any durable record costs on this disk: ``append_and_sync.c``, running beside what is measured."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_NS: Final = 1e9


class Floor:
    """The C program, waiting for the next count."""

    def __init__(self, program: Path, file: Path) -> None:
        self._process = subprocess.Popen([program, file], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate(timeout=10)

    def seconds(self, count: int) -> float:
        """Append so many records, each with its fsync; how long that took, by its own clock."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()) / _NS
