"""What is said of a salvage, in the salvaged store itself: an entry of the record, tasks for a human, and what status shows."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk import evidence, tasks
from kiosk.evidence import Entry
from kiosk.model import State, TaskKind, rfc3339
from kiosk.vault import Vault

#: Lost registrations that are named one by one, each with a task.
_NAMED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """A registration that an index still shows and no page holds any more."""

    id: int
    state: str
    holder: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What was carried over; counts by table, only where there are any.

    Attributes:
        kept: Rows.
        broken: Of those, rows whose sealed content does not open (held with reason ``seal`` where they were not settled).
        mended: Rows that were put right from what is sealed in them.
        left_out: Rows that nobody could use.
        lost: Registrations that are known to be gone.
        missing: Numbers between the first and the last registration that no row has; purged ones are among them.
    """

    kept: dict[str, int]
    broken: dict[str, int]
    mended: dict[str, int]
    left_out: dict[str, int]
    lost: tuple[Lost, ...]
    missing: int

    def facts(self) -> dict[str, object]:
        """As status, record and log tell it; nothing personal."""
        return {
            "rows": sum(self.kept.values()),
            "kept": self.kept,
            "broken": self.broken,
            "mended": self.mended,
            "left_out": self.left_out,
            "lost": len(self.lost),
            "lost_unsent": sum(each.state not in (State.ACCEPTED, State.CANCELLED) for each in self.lost),
            "missing_ids": self.missing,
        }


def write_down(
    connection: sqlite3.Connection, vault: Vault, salvaged: Salvaged, *, last_entry: int, at_ms: int, kept_as: str, found: str
) -> None:
    """Say in the new store what happened: an entry of the record, tasks, and what status shows; inside the caller's transaction.

    Args:
        connection: The new store.
        vault: Seals the entry.
        salvaged: What came over.
        last_entry: The number of the last entry of the record that was ever made, as far as it is known.
        at_ms: Now, Unix milliseconds UTC.
        kept_as: The name under which the damaged file is kept.
        found: How the damage was found.
    """
    facts = {**salvaged.facts(), "found": found, "kept_file": kept_as}
    entries = connection.execute("SELECT count(*), coalesce(max(id), 0) FROM evidence").fetchone()
    last = max(entries[1], last_entry)
    evidence.record(
        connection,
        vault,
        Entry.SALVAGED,
        "box",
        at_ms=at_ms,
        facts={**facts, "entries_lost": last - entries[0], "lost_ids": [each.id for each in salvaged.lost[:_NAMED]]},
        after=last,
    )
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('salvaged', ?)", (json.dumps({"at_ms": at_ms, **facts}),))
    book = connection.execute("SELECT max(id) FROM books").fetchone()[0]
    if book is None:
        return
    ask = partial(tasks.open_task, connection, TaskKind.SALVAGED, book=book, at_ms=at_ms)
    ask(note=f"{facts['rows']} rows kept, {facts['lost']} registrations lost; {kept_as}")
    for each in salvaged.lost[:_NAMED]:
        if each.state not in (State.ACCEPTED, State.CANCELLED):
            ask(registration=each.id, holder=each.holder, note=f"was {each.state}, its content is lost")
    damaged = connection.execute(
        "SELECT id, holder FROM registrations WHERE state = 'held' AND reason = 'seal' AND book = ?", (book,)
    ).fetchall()
    for row, holder in damaged:
        tasks.open_task(connection, TaskKind.HELD, book=book, at_ms=at_ms, registration=row, holder=holder)


def told(connection: sqlite3.Connection, book: int) -> dict[str, object] | None:
    """What the last salvage came to, while its task is open; None else."""
    row = connection.execute(
        "SELECT value FROM meta WHERE name = 'salvaged' AND EXISTS"
        " (SELECT 1 FROM tasks WHERE kind = ? AND book = ? AND closed_ms IS NULL)",
        (TaskKind.SALVAGED.value, book),
    ).fetchone()
    if row is None:
        return None
    said: dict[str, object] = json.loads(row[0])
    return {"at": rfc3339(int(str(said.pop("at_ms")))), **said}
