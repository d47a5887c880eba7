"""Walking the trees of a damaged store: what a tree still leads to, in which page it lies, and the leaves that none leads to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kiosk.pages import Cell, Kind, PageFile, Unreadable
from kiosk.shapes import HIGHEST_ID

#: sqlite_schema: type, name, table, first page, SQL.
_SCHEMA_COLUMNS: Final = 5


@dataclass(frozen=True, slots=True)
class Met:
    """One record met on the way; ``placed`` is False for a row whose number does not belong where it lies."""

    page: int
    cell: Cell
    placed: bool = True


@dataclass(frozen=True, slots=True)
class Root:
    """One tree of the schema: ``table`` is what it is of, ``name`` its own."""

    table: str
    name: str
    page: int
    index: bool


def roots(pages: PageFile) -> list[Root]:
    """The trees that the schema names, as far as it can be read."""
    found: list[Root] = []
    for met in walk(pages, 1):
        if len(met.cell.values) != _SCHEMA_COLUMNS:
            continue
        kind, name, table, page, _ = met.cell.values
        if isinstance(name, str) and isinstance(table, str) and isinstance(page, int) and kind in {"table", "index"}:
            found.append(Root(table, name, page, kind == "index"))
    return found


def walk(pages: PageFile, root: int) -> Iterator[Met]:
    """Every record that the tree leads to, in its order; what lies below a damaged inner page is not met."""
    yield from _below(pages, root, 0, HIGHEST_ID, set())


def _below(pages: PageFile, number: int, low: int, high: int, seen: set[int]) -> Iterator[Met]:
    """Records below one page; rows of a table must carry a number above ``low``, up to ``high``."""
    if number in seen or not 0 < number <= pages.count:
        return
    seen.add(number)
    inner = pages.kind(number) in {Kind.TABLE_INNER, Kind.INDEX_INNER}
    for cell in list(pages.cells(number)):
        if cell is None:
            continue
        if not inner:
            placed = cell.rowid is None or low < cell.rowid <= high
            yield Met(number, cell, placed)
            if placed and cell.rowid is not None:
                low = cell.rowid
            continue
        key = high if cell.rowid is None else cell.rowid
        yield from _below(pages, cell.below or 0, low, key, seen)
        if cell.rowid is None:  # an index keeps records on its inner pages too
            yield Met(number, cell)
        else:
            low = max(low, min(key, high))
    if inner:
        try:
            last = pages.last_below(number)
        except Unreadable:
            return
        yield from _below(pages, last, low, high, seen)


def loose(pages: PageFile, reached: set[int]) -> Iterator[Met]:
    """Every record of a page that was not reached and does not count as free."""
    free = pages.free()
    for number in range(1, pages.count + 1):
        if number not in reached and number not in free and pages.kind(number) is not Kind.TABLE_INNER:
            for cell in pages.cells(number):
                if cell is not None:
                    yield Met(number, cell, placed=False)
