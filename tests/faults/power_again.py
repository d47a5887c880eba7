"""The power goes again while a store recovers from a cut: what a cut left is opened before the eyes of the recorder.

usage: python -m tests.faults.power_again FOLDER

Opens every store of a folder that ``prepare`` made, and takes a tap with each.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from kiosk.config import load
from tests.faults.power_disk import CHANCY, Disk
from tests.faults.power_records import Recorded, list_recorded, read_recorded
from tests.faults.power_stage import LATE_COMER, Stage, at, mark
from tests.worlds import Time

_SEED: Final = 20261125
#: After everything that was recorded, and before whoever looks at it in the end.
_LATER_SECONDS: Final = 15 * 86_400
_SAID: Final = "said.json"


def prepare(recordings: Sequence[Path], folder: Path, each: int) -> None:
    """Cut each of these recordings at so many moments, and lay down what is left, with what was promised until then."""
    (folder / "stores").mkdir(parents=True)
    listed: list[dict[str, str]] = []
    promised: list[list[dict[str, Any]]] = []
    for recording in recordings:
        (recorded,) = read_recorded(recording)
        name = json.loads((recording / "recorded.json").read_text())[0]["scenario"]
        moments = [index for index in range(len(recorded.entries)) if recorded.is_moment(index)]
        chance = Random(f"{_SEED} {name}")  # noqa: S311  the same cuts in every run
        for index in sorted(chance.sample(moments, min(each, len(moments)))):
            number = str(len(listed))
            before, store = folder / "before" / number, folder / "stores" / number
            _lay_down(recorded, index, chance, before)
            shutil.copytree(before, store)
            listed.append({"scenario": name, "config": str(recorded.config.path), "before": str(before), "store": str(store)})
            promised.append(_promised(recorded, index))
    list_recorded(folder, listed)
    (folder / _SAID).write_text(json.dumps(promised), encoding="utf-8")


def _lay_down(recorded: Recorded, index: int, chance: Random, into: Path) -> None:
    disk = Disk(recorded.store, recorded.before)
    for entry in recorded.entries[:index]:
        disk.play(entry)
    into.mkdir(parents=True)
    for name, content in disk.cut(chance.choice(CHANCY), chance).items():
        (into / name).write_bytes(content)


def _promised(recorded: Recorded, index: int) -> list[dict[str, Any]]:
    """All that was said until a moment, but for what a commit left: that is looked at anew."""
    foreseen = [each for each in recorded.said.values() if each.get("foreseen")]
    said = [each for place, each in recorded.said.items() if place < index]
    return [{word: value for word, value in each.items() if word != "holds"} for each in (*foreseen, *said)]


def main(folder: Path) -> None:
    """Open each store as the daemon does, and take a tap."""
    logging.disable(logging.CRITICAL)  # a salvaged store says so each time
    listed = json.loads((folder / "recorded.json").read_text())
    for one, promised in zip(listed, json.loads((folder / _SAID).read_text()), strict=True):
        mark(beginning=promised, foreseen=True)
        time = Time()
        time.pass_seconds(_LATER_SECONDS)
        with Stage(at(load(Path(one["config"]), {}), Path(one["store"]) / "kiosk.db"), time=time) as stage:
            stage.enrol(LATE_COMER)
            stage.tap(LATE_COMER)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
