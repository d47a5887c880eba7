"""All SQL about the clock itself: what is remembered of it from one start to the next."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass
from typing import Final, Self

from kiosk import evidence
from kiosk.anchors import Anchor
from kiosk.evidence import Content, Entry
from kiosk.model import ClockReading
from kiosk.taps import TIMED
from kiosk.vault import Vault

#: Names of rows in ``meta``: how the clock stood last; after which rows stored times count; the anchor of each boot.
_STATE: Final = "clock"
_COUNTED: Final = "clock_counted_after"
_ANCHOR: Final = "anchor:"
#: A step of the system clock that is worth an entry, milliseconds.
_STEP_MS: Final = 1000
_TABLES: Final = ("registrations", "taps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the clock stood when it was last looked at.

    Attributes:
        boot_id: In which boot.
        trusted: Whether it was.
        source: By whose word.
        disputed: Whether the service contradicted the system clock.
        offset_ms: The system clock less the boot clock, milliseconds: it changes only when somebody sets the clock.
    """

    boot_id: str
    trusted: bool
    source: str
    disputed: bool
    offset_ms: int

    @classmethod
    def of(cls, now: ClockReading) -> Self:
        """How it stands by this reading."""
        system_ms = now.wall_ms if now.system_ms is None else now.system_ms
        return cls(
            boot_id=now.boot_id,
            trusted=now.trusted,
            source=now.source,
            disputed=now.disputed,
            offset_ms=system_ms - now.boot_ns // 1_000_000,
        )

    def stepped_ms(self, before: Standing | None) -> int:
        """By how much the system clock was set meanwhile, 0 for nothing worth an entry; across a boot nobody knows."""
        if before is None or before.boot_id != self.boot_id:
            return 0
        step_ms = self.offset_ms - before.offset_ms
        return step_ms if abs(step_ms) > _STEP_MS else 0

    def is_news(self, before: Standing | None) -> bool:
        """Whether anything changed that must be known later."""
        if before is None or self.stepped_ms(before):
            return True
        return (self.boot_id, self.trusted, self.source, self.disputed) != (
            before.boot_id,
            before.trusted,
            before.source,
            before.disputed,
        )


def last_standing(connection: sqlite3.Connection) -> Standing | None:
    """How the clock stood when a change was last written down, or None."""
    packed = _meta(connection, _STATE)
    return None if packed is None else Standing(**json.loads(packed))


def write_down(connection: sqlite3.Connection, vault: Vault, now: ClockReading, before: Standing | None) -> None:
    """Write a change of the clock into the record and keep the boot's anchor, inside the caller's transaction."""
    standing = Standing.of(now)
    facts: Content = {
        "trusted": now.trusted,
        "source": now.source,
        "bound_ms": now.bound_ms,
        "disputed": now.disputed,
        "stepped_ms": standing.stepped_ms(before),
        "system_ms": now.system_ms,
        "boot_id": now.boot_id,
    }
    evidence.record(connection, vault, Entry.CLOCK, "box", at_ms=now.wall_ms, facts=facts)
    _remember(connection, _STATE, json.dumps(asdict(standing), separators=(",", ":")))
    if now.trusted and now.bound_ms is not None:
        anchor = Anchor(source=now.source, wall_ms=now.wall_ms, boot_ns=now.boot_ns, bound_ms=now.bound_ms)
        _remember(connection, _ANCHOR + now.boot_id, anchor.pack())


def anchor_of(connection: sqlite3.Connection, boot_id: str) -> Anchor | None:
    """What the true time was at one moment of this boot, if that was ever known."""
    packed = _meta(connection, _ANCHOR + boot_id)
    return None if packed is None else Anchor.unpack(packed)


def forget_anchors(connection: sqlite3.Connection, *, but: str) -> None:
    """Let the anchors of earlier boots go, inside the caller's transaction; ``but`` is this boot's id."""
    connection.execute("DELETE FROM meta WHERE name LIKE ? AND name <> ?", (f"{_ANCHOR}%", _ANCHOR + but))


def newest_trusted_ms(connection: sqlite3.Connection) -> int | None:
    """The newest time that this store holds and that was trusted, Unix milliseconds UTC: no clock before it is believed."""
    after = json.loads(_meta(connection, _COUNTED) or "[0, 0]")
    found = [
        connection.execute(
            f"SELECT max(ifnull(earliest_ms, at_ms)) FROM (SELECT earliest_ms, at_ms FROM {table} WHERE {TIMED} AND id > ?"  # noqa: S608  our own words
            " ORDER BY id DESC LIMIT 1000)",
            (last,),
        ).fetchone()[0]
        for table, last in zip(_TABLES, after, strict=True)
    ]
    anchors = connection.execute("SELECT value FROM meta WHERE name LIKE ?", (f"{_ANCHOR}%",))
    found += [Anchor.unpack(packed).wall_ms for (packed,) in anchors]
    return max((each for each in found if each is not None), default=None)


def overrule(connection: sqlite3.Connection, vault: Vault, now: ClockReading) -> None:
    """Count no stored time any more: the service says that it is earlier than the newest. Inside the caller's transaction."""
    wrong_ms = newest_trusted_ms(connection)
    last = [connection.execute(f"SELECT ifnull(max(id), 0) FROM {table}").fetchone()[0] for table in _TABLES]  # noqa: S608  our own words
    _remember(connection, _COUNTED, json.dumps(last))
    forget_anchors(connection, but="")
    facts: Content = {"overruled_ms": wrong_ms, "source": now.source, "bound_ms": now.bound_ms}
    evidence.record(connection, vault, Entry.CLOCK, "box", at_ms=now.wall_ms, facts=facts)


def _meta(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _remember(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
