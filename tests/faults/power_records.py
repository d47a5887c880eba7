"""Recordings as they lie in a folder: of one scenario, or of many stores that a power cut left and that were opened again.

``record`` is what the recorder wrote and ``before`` what lay in the store's folder at its beginning. ``recorded.json`` lists, for
each store in it, ``scenario``, ``config`` and ``store`` (paths), and ``before``; where there are several, each begins with a
mark ``beginning``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.config import load
from kiosk.settings import Config
from tests.faults.power_disk import Entry, Files, read_record
from tests.faults.power_promises import said_by
from tests.faults.power_scenarios import SCENARIOS, Scenario

_LIST: Final = "recorded.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was asked of the disk for one store.

    Attributes:
        scenario: What was done.
        config: The box's.
        store: The store's folder then.
        before: What lay in it at the beginning.
        entries: All that was recorded.
        said: What entries say, by their place.
    """

    scenario: Scenario
    config: Config
    store: str
    before: Files
    entries: list[Entry]
    said: dict[int, dict[str, Any]]

    def is_moment(self, index: int) -> bool:
        """Whether something was synced or said just before this entry, or is by it."""
        return any(self.entries[each].kind == "S" or each in self.said for each in (index, max(0, index - 1)))


def list_recorded(folder: Path, each: list[dict[str, str]]) -> None:
    """Write down what a recording is made of."""
    (folder / _LIST).write_text(json.dumps(each), encoding="utf-8")


def read_recorded(folder: Path) -> list[Recorded]:
    """Read a recording."""
    listed = json.loads((folder / _LIST).read_text(encoding="utf-8"))
    entries = read_record(folder / "record")
    begins = [index for index, entry in enumerate(entries) if "beginning" in said_by(entry)] if len(listed) > 1 else [0]
    ends = [*begins[1:], len(entries)]
    return [_recorded(one, entries[begin:end]) for one, begin, end in zip(listed, begins, ends, strict=True)]


def _recorded(one: dict[str, str], entries: list[Entry]) -> Recorded:
    return Recorded(
        scenario=SCENARIOS[one["scenario"]],
        config=load(Path(one["config"]), {}),
        store=one["store"],
        before={path.name: path.read_bytes() for path in Path(one["before"]).iterdir()},
        entries=entries,
        said={index: said for index, entry in enumerate(entries) if (said := said_by(entry))},
    )
