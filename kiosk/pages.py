"""Reading a store's file page by page, without SQLite: what of it is still there when SQLite gives the whole up.

SQLite refuses everything below a damaged inner page, and the whole file where the first page is bad; the leaves beyond are intact
on the disk. Format: sqlite.org/fileformat2.html, sections 1 and 2. Only what our own stores use: pages of 1024 bytes, UTF-8.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kiosk.wal import PAGE, Wal, read_wal

#: What stands at the start of every SQLite file.
MAGIC: Final = b"SQLite format 3\x00"
_FILE_HEADER: Final = 100
_LONGEST_RECORD: Final = 16 * 1024 * 1024
_FIXED: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 7: 8, 8: 0, 9: 0}

Value = int | float | str | bytes | None


class Kind(IntEnum):
    """What a page of a tree is."""

    INDEX_INNER = 2
    TABLE_INNER = 5
    INDEX_LEAF = 10
    TABLE_LEAF = 13


class Unreadable(Exception):
    """A page, or something on it, is not what the format asks for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One record on a page.

    Attributes:
        rowid: Of a table's row; None on an index page.
        values: The columns as they were stored; the last ones may lack where the row is older than they are.
        below: The page that an inner cell leads to.
        chain: The pages on which a long record goes on.
    """

    rowid: int | None
    values: tuple[Value, ...]
    below: int | None = None
    chain: tuple[int, ...] = ()


class PageFile:
    """A store's file with its log, opened for reading only."""

    def __init__(self, path: Path) -> None:
        """Open both.

        Raises:
            OSError: One of them can't be opened.
        """
        self.wal: Wal = read_wal(path.with_name(path.name + "-wal"))
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._log = os.open(path.with_name(path.name + "-wal"), os.O_RDONLY | os.O_CLOEXEC) if self.wal.frames else -1
        # What the header says of the size may be what is damaged.
        self.count = self.wal.count or -(-os.fstat(self._file).st_size // PAGE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for descriptor in (self._file, self._log):
            if descriptor >= 0:
                os.close(descriptor)

    def page(self, number: int) -> bytes:
        """The newest committed version of a page.

        Raises:
            Unreadable: There is no such page, or the disk can't read it.
        """
        at = self.wal.frames.get(number)
        try:
            data = os.pread(self._file, PAGE, (number - 1) * PAGE) if at is None else os.pread(self._log, PAGE, at)
        except (OSError, OverflowError, ValueError) as error:
            raise Unreadable(f"page {number}") from error
        if len(data) < PAGE:
            raise Unreadable(f"page {number}")
        return data

    def kind(self, number: int) -> Kind | None:
        """What a page is, or None where it is of no tree or unreadable."""
        try:
            return Kind(self.page(number)[_start(number)])
        except (Unreadable, ValueError):
            return None

    def cells(self, number: int) -> Iterator[Cell | None]:
        """Every record of a page, in the page's order; None for one that can't be read. Nothing for a page of no tree."""
        kind = self.kind(number)
        if kind is None:
            return
        page, start = self.page(number), _start(number)
        (count,) = struct.unpack_from(">H", page, start + 3)
        pointers = start + (12 if kind in {Kind.INDEX_INNER, Kind.TABLE_INNER} else 8)
        for place in range(min(count, (PAGE - pointers) // 2)):
            (at,) = struct.unpack_from(">H", page, pointers + 2 * place)
            try:
                yield self._cell(kind, page, at)
            except (Unreadable, ValueError, IndexError, struct.error):
                yield None

    def last_below(self, number: int) -> int:
        """The page behind the last cell of an inner page."""
        return int(struct.unpack_from(">I", self.page(number), _start(number) + 8)[0])

    def free(self) -> frozenset[int]:
        """The pages that the file says hold nothing; as many as can be read."""
        found: set[int] = set()
        try:
            (trunk,) = struct.unpack_from(">I", self.page(1), 32)
            while trunk and trunk not in found:
                found.add(trunk)
                trunk, count = struct.unpack_from(">2I", page := self.page(trunk))
                found.update(struct.unpack_from(f">{min(count, PAGE // 4 - 2)}I", page, 8))
        except Unreadable:
            pass
        return frozenset(found)

    def _cell(self, kind: Kind, page: bytes, at: int) -> Cell:
        below: int | None = None
        if kind in {Kind.INDEX_INNER, Kind.TABLE_INNER}:
            (below,) = struct.unpack_from(">I", page, at)
            at += 4
        if kind is Kind.TABLE_INNER:
            rowid, _ = varint(page, at)
            return Cell(rowid, (), below)
        size, at = varint(page, at)
        found: int | None = None
        if kind is Kind.TABLE_LEAF:
            found, at = varint(page, at)
        payload, chain = self._payload(page, at, size, leaf=kind is Kind.TABLE_LEAF)
        return Cell(found, record(payload), below, chain)

    def _payload(self, page: bytes, at: int, size: int, *, leaf: bool) -> tuple[bytes, tuple[int, ...]]:
        if not 0 < size <= _LONGEST_RECORD:
            raise Unreadable("a record of this length")
        most = PAGE - 35 if leaf else (PAGE - 12) * 64 // 255 - 23
        if size <= most:
            return _exactly(page, at, size), ()
        least = (PAGE - 12) * 32 // 255 - 23
        here = least + (size - least) % (PAGE - 4)
        here = here if here <= most else least
        parts = [_exactly(page, at, here)]
        (following,) = struct.unpack_from(">I", page, at + here)
        chain: list[int] = []
        while (lacking := size - sum(map(len, parts))) > 0:
            if following in chain:
                raise Unreadable("a chain that bites its tail")
            chain.append(following)
            more = self.page(following)
            (following,) = struct.unpack_from(">I", more)
            parts.append(more[4 : 4 + lacking])
        return b"".join(parts), tuple(chain)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A signed 64-bit integer in one to nine bytes, and where it ends."""
    value = 0
    for place in range(8):
        byte = data[at + place]
        value = value << 7 | byte & 0x7F
        if byte == byte & 0x7F:
            return value, at + place + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


def record(payload: bytes) -> tuple[Value, ...]:
    """The columns of a record; what is not UTF-8 in a text is replaced.

    Raises:
        Unreadable: Its header and its body don't fit.
        IndexError: It is cut short.
    """
    size, at = varint(payload, 0)
    values: list[Value] = []
    body = size
    while at < size:
        kind, at = varint(payload, at)
        value, body = _value(payload, kind, body)
        values.append(value)
    if at != size or body != len(payload):
        raise Unreadable("a record whose columns don't fill it")
    return tuple(values)


def _value(payload: bytes, kind: int, at: int) -> tuple[Value, int]:
    if kind >= 12:  # noqa: PLR2004  blobs are even, texts odd
        data = _exactly(payload, at, (kind - 12) // 2)
        return (data.decode(errors="replace") if kind % 2 else data), at + len(data)
    if kind not in _FIXED:
        raise Unreadable("a column of an unknown type")
    data = _exactly(payload, at, _FIXED[kind])
    end = at + len(data)
    match kind:
        case 0:
            return None, end
        case 7:
            return float(struct.unpack(">d", data)[0]), end
        case 8 | 9:
            return kind - 8, end
        case _:
            return int.from_bytes(data, "big", signed=True), end


def _exactly(data: bytes, at: int, size: int) -> bytes:
    part = data[at : at + size]
    if at < 0 or len(part) != size:
        raise Unreadable("something that ends before its end")
    return part


def _start(number: int) -> int:
    return _FILE_HEADER if number == 1 else 0
