"""kiosk.pages reads what SQLite wrote, page by page, and never trusts a byte of it."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.pages import Kind, PageFile, Unreadable, record, varint

VALUES = [None, 0, 1, -1, 127, -129, 40_000, 1 << 22, -(1 << 30), 1 << 40, -(1 << 62), 1.5, "", "Zoë", b"", bytes(700), "x" * 5000]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "some.db"
    connection = sqlite3.connect(made)
    connection.execute("PRAGMA page_size = 1024")
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, value)")
    connection.execute("CREATE INDEX things_by_value ON things (value)")
    connection.executemany("INSERT INTO things (value) VALUES (?)", ((value,) for value in VALUES * 20))
    connection.commit()
    connection.close()
    return made


def test_every_value_is_read_as_it_was_written(path: Path) -> None:
    """Every kind of value, short and long, comes back from the leaves as SQLite was given it."""
    with PageFile(path) as pages:
        rows = {
            cell.rowid: cell.values[1]
            for number in range(2, pages.count + 1)
            if pages.kind(number) is Kind.TABLE_LEAF
            for cell in pages.cells(number)
            if cell is not None
        }
    assert [rows[number + 1] for number in range(len(VALUES) * 20)] == VALUES * 20


def test_a_long_record_names_the_pages_it_goes_on(path: Path) -> None:
    """What lies on a chain is known to, so that a damaged link costs its own record only."""
    with PageFile(path) as pages:
        chains = [cell.chain for number in range(2, pages.count + 1) for cell in pages.cells(number) if cell and cell.chain]
        assert chains
        assert len({page for chain in chains for page in chain}) == sum(map(len, chains))


def test_a_page_that_is_not_there_is_unreadable(path: Path) -> None:
    """A page beyond the end is told as such, and has no records."""
    with PageFile(path) as pages:
        with pytest.raises(Unreadable):
            pages.page(pages.count + 1)
        assert list(pages.cells(pages.count + 1)) == []
        with pytest.raises(Unreadable):
            pages.page(0)


def test_freed_pages_are_known(path: Path) -> None:
    """What SQLite let go is never taken for rows."""
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM things WHERE id > 10")
    connection.commit()
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    connection.close()
    with PageFile(path) as pages:
        assert len(pages.free()) == free > 0


@given(st.binary(max_size=1024))
def test_no_damage_ends_in_anything_but_a_lost_record(junk: bytes) -> None:
    """Whatever a page holds, reading it ends, and with nothing worse than None for a record."""
    page = (bytes((13, 0, 0, 0)) + junk).ljust(1024, b"\x0d")[:1024]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "junk.db"
        path.write_bytes(page * 3)
        with PageFile(path) as pages:
            for number in range(1, 4):
                list(pages.cells(number))


@given(st.binary(max_size=40))
def test_a_record_is_whole_or_refused(payload: bytes) -> None:
    """Bytes that are no record are refused as such."""
    with suppress(Unreadable, IndexError):
        assert isinstance(record(payload), tuple)


@pytest.mark.parametrize(
    ("data", "value"), [(b"\x00", 0), (b"\x7f", 127), (b"\x81\x00", 128), (b"\xff" * 9, -1), (b"\x80" * 8 + b"\x01", 1)]
)
def test_integers_of_variable_length(data: bytes, value: int) -> None:
    """One to nine bytes, the last of nine whole; nine of them are a signed number."""
    assert varint(data + b"\x55", 0) == (value, len(data))
