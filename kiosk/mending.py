"""What of a salvaged row can be proven, put right from what is sealed in it, or must be left to a human."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from kiosk.errors import SealBroken
from kiosk.model import Reason, Signal, State, TaskKind
from kiosk.outbox import group_of
from kiosk.pages import Value
from kiosk.records import card_index, unpack_card, unpack_draft, unpack_profile
from kiosk.vault import Field, Index, Vault

Row = dict[str, Value]
#: What was settled once stays so, also where its content is lost.
_SETTLED: Final = frozenset({State.ACCEPTED, State.CANCELLED})
_WAITS: Final = frozenset(Reason)


@dataclass(slots=True)
class Tally:
    """What came of the rows: how many of each table were kept, did not open, were put right, were left out."""

    kept: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    opened: int = 0


class Mender:
    """Looks at each row before it goes into the new store."""

    def __init__(self, vault: Vault, tally: Tally) -> None:
        self._vault = vault
        self._tally = tally
        self._by_table: dict[str, Callable[[Row], Row | None]] = {
            "registrations": self._registration,
            "taps": self._tap,
            "badges": self._badge,
            "profiles": self._profile,
            "elsewhere": self._elsewhere,
            "evidence": self._evidence,
            "tasks": self._task,
        }

    def mend(self, table: str, row: Row, *, doubtful: bool) -> Row | None:
        """The row as it shall be kept, or None where nobody could use it.

        Args:
            table: Its table.
            row: As it lies on the page.
            doubtful: An older version of it may have been met: what seems to be unsent may have been sent.
        """
        look = self._by_table.get(table)
        kept = row if look is None else look(row)
        if kept is None:
            self._tally.left_out[table] += 1
        elif doubtful and kept.get("state") == State.QUEUED:
            kept["state"] = State.UNKNOWN.value
        return kept

    def _open(self, table: str, sealed_as: Field, row: Row) -> bytes | None:
        uid, sealed = row["uid"], row["sealed"]
        if not isinstance(uid, bytes) or not isinstance(sealed, bytes):
            return None
        try:
            plain = self._vault.open(sealed_as, uid, sealed)
        except SealBroken:
            self._tally.broken[table] += 1
            return None
        self._tally.opened += 1
        return plain

    def _put(self, table: str, row: Row, **values: Value) -> None:
        """Write what the sealed content says over what stands beside it."""
        if any(row[name] != value for name, value in values.items()):
            self._tally.mended[table] += 1
            row.update(values)

    def _registration(self, row: Row) -> Row:
        states = list(State)
        if row["state"] not in states or row["state"] == State.IN_FLIGHT:
            row["state"] = State.UNKNOWN.value
        if row["state"] in {State.QUEUED, State.HELD} and row["reason"] is not None and row["reason"] not in _WAITS:
            row["reason"] = Reason.SEAL.value
        if row["signal"] not in list(Signal):
            row["signal"] = Signal.HELD.value
        plain = self._open("registrations", Field.REGISTRATION, row)
        try:
            draft = None if plain is None else unpack_draft(plain)
        except SealBroken:
            draft = None
        if draft is None:
            if row["state"] not in _SETTLED:
                row.update(state=State.HELD.value, reason=Reason.SEAL.value, split=0)
            return row
        group = group_of(self._vault, draft)
        self._put(
            "registrations",
            row,
            direction=draft.direction.value,
            at_ms=draft.at_ms,
            group_index=row["group_index"] if group is None or row["group_index"] is None else group,
        )
        return row

    def _tap(self, row: Row) -> Row:
        plain = self._open("taps", Field.TAP, row)
        if plain is not None:
            self._put("taps", row, card_index=card_index(self._vault, unpack_card(plain)))
        return row

    def _badge(self, row: Row) -> Row | None:
        plain = self._open("badges", Field.BADGE, row)
        if plain is None:
            return None
        self._put("badges", row, card_index=card_index(self._vault, unpack_card(plain)))
        return row

    def _profile(self, row: Row) -> Row | None:
        plain = self._open("profiles", Field.PROFILE, row)
        if plain is None:
            return None
        insz = unpack_profile(plain).insz
        self._put("profiles", row, insz_index=self._vault.index(Index.INSZ, insz.digits.encode()))
        return row

    def _elsewhere(self, row: Row) -> Row | None:
        return None if self._open("elsewhere", Field.REGISTRATION, row) is None else row

    def _evidence(self, row: Row) -> Row:
        if row["sealed"] is not None:
            self._open("evidence", Field.EVIDENCE, row)
        return row

    def _task(self, row: Row) -> Row | None:
        return row if row["kind"] in list(TaskKind) else None


def insert(connection: sqlite3.Connection, table: str, row: Row) -> str | None:
    """Put a row into the new store; the name of SQLite's constraint where it does not let it in, else None."""
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    try:
        connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))  # noqa: S608  names of our own schema
    except sqlite3.IntegrityError as error:
        return error.sqlite_errorname
    return None
