"""What works again and still waits: a store that was salvaged, for a human, and taps whose time was in doubt, for the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kiosk.check import Finding
from kiosk.doctor.grading import advice, fine, red
from kiosk.model import Reason

_MIB: Final = 1024 * 1024
_TIMES: Final = "time of the taps"


def salvaged(told: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Say what a salvage came to, as long as nobody has closed its task.

    Args:
        told: What ``status`` says of it; None where its task is closed or nothing was ever salvaged.
    """
    if told is not None:
        yield red(
            "salvaged store",
            f"on {told['at']}, since {told['found']}: {told['rows']} rows kept, {told['lost']} registrations lost,"
            f" {told['lost_unsent']} of them not sent yet; the damaged file is {told['kept_file']}",
            "`kiosk tasks` names who must be asked; replace the card or disk, then close its task: `kiosk tasks close ID`",
        )


def kept_files(store: Path) -> Iterator[Finding]:
    """Name the damaged files that lie beside the store: nothing but a human takes them away."""
    found = sorted(store.parent.glob(f"{store.name}.corrupt.*"))
    if found:
        size = sum(file.stat().st_size for file in found) // _MIB
        yield advice(
            "kept damaged files",
            f"{', '.join(file.name for file in found)}: {size} MiB beside the store, with people's data that neither [retention]"
            " nor `holder forget` reaches",
            "delete them once the card or disk is replaced and the salvage's task is closed",
        )


def times(status: Mapping[str, Any], held: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Say whose taps wait for their true time, and whose time stayed in doubt.

    Args:
        status: What ``status`` says.
        held: The held rows, as ``outbox list`` tells them.
    """
    clock, waiting = status["clock"], status["waiting_for_clock"]
    doubtful = [str(row["id"]) for row in held if row["reason"] == Reason.CLOCK]
    if clock["disputed"]:
        off = clock["system_off_seconds"]
        told = "the service tells another time than the system clock" + ("" if off is None else f", which is {off:g} s off")
        yield advice(_TIMES, told, "taps get the service's time; see the lines about the clock, and set it right")
    if waiting:
        told = f"{waiting} registrations wait until somebody vouches for the time; none of them is sent before"
        yield red(_TIMES, told, "see the line `clock`: once it is well they get their true time by themselves")
    if doubtful:
        told = f"held, since their time is not known well enough: registration {', '.join(doubtful)}"
        repair = (
            "ask each person when he came or left (`kiosk outbox show ID` tells between when it was); then send it as it stands"
        )
        yield red(_TIMES, told, f"{repair}, `kiosk outbox release ID`, or let him register by phone and `kiosk outbox cancel ID`")
    if not (clock["disputed"] or waiting or doubtful):
        yield fine(_TIMES, "none is in doubt")
