"""What a row of each table looks like on a page, so that a leaf which no tree leads to any more can still be told what it is of."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kiosk import schema
from kiosk.pages import Value

_TYPES: Final = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "REAL": float}
#: No row of ours has such a number: what carries it is damaged, and would leave no number for the next row.
HIGHEST_ID: Final = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One table.

    Attributes:
        name: As in the schema.
        columns: Their names, in the order of the record.
        kinds: Their declared types.
        nullable: Which may be NULL.
        defaults: What a row has that was written before the column was added.
        least: Columns that the first version of the table had.
        rowid: Whether the first column is the rowid (stored as NULL); False for a table without one.
        counted: Whether its numbers are kept from being used twice by ``sqlite_sequence``.
    """

    name: str
    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    nullable: tuple[bool, ...]
    defaults: tuple[Value, ...]
    least: int
    rowid: bool
    counted: bool

    def row(self, rowid: int | None, values: Sequence[Value]) -> dict[str, Value] | None:
        """The record as a row of this table, or None where it can't be one."""
        if not self.least <= len(values) <= len(self.columns) or self.rowid != (rowid is not None):
            return None
        whole = [*values, *self.defaults[len(values) :]]
        if rowid is not None:
            if whole[0] is not None or not 0 < rowid < HIGHEST_ID:
                return None
            whole[0] = rowid
        if not all(map(_fits, whole, self.kinds, self.nullable)):
            return None
        return dict(zip(self.columns, whole, strict=True))


def _fits(value: Value, kind: str, nullable: bool) -> bool:  # noqa: FBT001  mapped over three rows of equal length
    if value is None:
        return nullable
    return kind not in _TYPES or isinstance(value, _TYPES[kind])


def shapes() -> dict[str, Shape]:
    """Every table of the newest schema, by name, in the order in which they were made."""
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        least: dict[str, int] = {}
        for step in schema.STEPS:
            connection.executescript(step)
            for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"):
                columns = connection.execute("SELECT count(*) FROM pragma_table_info(?)", (name,)).fetchone()[0]
                least.setdefault(name, columns)
        return {name: _shape(connection, name, first) for name, first in least.items()}


def _shape(connection: sqlite3.Connection, name: str, least: int) -> Shape:
    columns = connection.execute('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?)', (name,)).fetchall()
    without_rowid, sql = connection.execute(
        "SELECT wr, sql FROM pragma_table_list JOIN sqlite_schema USING (name) WHERE name = ?", (name,)
    ).fetchone()
    defaults = [None if text is None else connection.execute(f"SELECT {text}").fetchone()[0] for _, _, _, text, _ in columns]
    return Shape(
        name=name,
        columns=tuple(column[0] for column in columns),
        kinds=tuple(column[1] for column in columns),
        nullable=tuple(not column[2] and not column[4] for column in columns),
        defaults=tuple(defaults),
        least=least,
        rowid=not without_rowid,
        counted="AUTOINCREMENT" in sql,
    )
