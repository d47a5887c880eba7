"""kiosk.trees meets every row that a tree leads to, and the leaves that none leads to any more."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from kiosk.pages import Kind, PageFile
from kiosk.trees import loose, roots, walk

ROWS = 2000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "some.db"
    connection = sqlite3.connect(made)
    connection.execute("PRAGMA page_size = 1024")
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, value TEXT)")
    connection.execute("CREATE INDEX things_by_value ON things (value)")
    connection.executemany("INSERT INTO things (value) VALUES (?)", ((f"thing {number}" * 3,) for number in range(ROWS)))
    connection.commit()
    connection.close()
    return made


def met(pages: PageFile, name: str) -> list[tuple[int, bool]]:
    root = next(root for root in roots(pages) if root.name == name)
    return [(each.cell.rowid or int(str(each.cell.values[-1])), each.placed) for each in walk(pages, root.page)]


def test_every_row_is_met_once_and_in_order(path: Path) -> None:
    """Table and index each lead to every row."""
    with PageFile(path) as pages:
        assert met(pages, "things") == [(number, True) for number in range(1, ROWS + 1)]
        assert sorted(met(pages, "things_by_value")) == [(number, True) for number in range(1, ROWS + 1)]


def test_below_a_lost_inner_page_the_leaves_are_loose(path: Path) -> None:
    """Where an inner page is gone its rows are found all the same, though not by the tree."""
    with PageFile(path) as pages:
        inner = next(n for n in range(2, pages.count + 1) if pages.kind(n) is Kind.TABLE_INNER)
    with path.open("r+b") as file:
        file.seek((inner - 1) * 1024)
        file.write(bytes(1024))
    with PageFile(path) as pages:
        found = {number for number, _ in met(pages, "things")} if any(r.page != inner for r in roots(pages)) else set()
        free = {each.cell.rowid for each in loose(pages, {1}) if each.cell.rowid is not None}
        assert found | free == set(range(1, ROWS + 1))


def test_a_pointer_to_another_leaf_misplaces_its_rows(path: Path) -> None:
    """Rows that a tree leads to in the wrong place are told apart: they may be of anywhere."""
    with PageFile(path) as pages:
        inner = next(n for n in range(2, pages.count + 1) if pages.kind(n) is Kind.TABLE_INNER)
        cells = [cell for cell in pages.cells(inner) if cell is not None]
        data = bytearray(pages.page(inner))
    first = int.from_bytes(data[12:14], "big")
    data[first : first + 4] = (cells[3].below or 0).to_bytes(4, "big")
    with path.open("r+b") as file:
        file.seek((inner - 1) * 1024)
        file.write(data)
    with PageFile(path) as pages:
        assert not all(placed for _, placed in met(pages, "things"))


def test_a_tree_that_bites_its_tail_ends(path: Path) -> None:
    """An inner page that leads to itself is walked once."""
    with PageFile(path) as pages:
        inner = next(n for n in range(2, pages.count + 1) if pages.kind(n) is Kind.TABLE_INNER)
        data = bytearray(pages.page(inner))
    data[8:12] = inner.to_bytes(4, "big")
    with path.open("r+b") as file:
        file.seek((inner - 1) * 1024)
        file.write(data)
    with PageFile(path) as pages:
        assert len(met(pages, "things")) < ROWS
