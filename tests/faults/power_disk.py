"""A disk as a power cut leaves it: what a recorder saw is played back, and cut where the power may have gone.

The rules are those that a program may rely on, and no more (store-and-forward, sections 3c and 8): what was synced stays; of what
was not, any sector of 512 bytes may be there or not, in any order, and the new size of a file as well; a name that was given,
changed or taken outlives the cut for certain only once its folder was synced, though names reach the disk in their order.
"""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

SECTOR: Final = 512
_HEAD: Final = struct.Struct("<IBiiqI")

Files = Mapping[str, bytes]


class Cut(StrEnum):
    """What becomes of everything that was not synced."""

    DROPPED = "dropped"
    KEPT = "kept"
    ORDERED = "in order, the last one torn"
    TORN = "torn into sectors"
    REORDERED = "some whole writes"
    SHORT = "written, the size not updated"
    HOLLOW = "the size updated, not written"


#: Those that leave nothing to chance: one state each.
CERTAIN: Final = (Cut.DROPPED, Cut.KEPT)
CHANCY: Final = (Cut.ORDERED, Cut.TORN, Cut.REORDERED, Cut.SHORT, Cut.HOLLOW)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the record; see ``recorder.c``."""

    kind: str
    process: int
    descriptor: int
    number: int
    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class _Write:
    """Data that goes to this place, or with ``data`` None a new size."""

    at: int
    data: bytes | None

    def on(self, content: bytearray) -> None:
        if self.data is None:
            content[self.at :] = bytes(max(0, self.at - len(content)))
            return
        if self.at > len(content):
            content.extend(bytes(self.at - len(content)))
        content[self.at : self.at + len(self.data)] = self.data

    def sectors(self) -> list[_Write]:
        """Cut it where the disk's sectors begin."""
        if self.data is None:
            return [self]
        first = SECTOR - self.at % SECTOR
        starts = [0, *range(first, len(self.data), SECTOR)]
        return [_Write(self.at + start, self.data[start : first + (index * SECTOR)]) for index, start in enumerate(starts)]


@dataclass(slots=True)
class _File:
    """A file by whatever name: what is safe, and what was done to it since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[_Write] = field(default_factory=list)

    def sync(self) -> None:
        for write in self.pending:
            write.on(self.durable)
        self.pending.clear()

    def whole(self) -> bytearray:
        content = bytearray(self.durable)
        for write in self.pending:
            write.on(content)
        return content


@dataclass(frozen=True, slots=True)
class _Renaming:
    """A name that gets a file, or with None loses it."""

    path: str
    file: _File | None

    def on(self, names: dict[str, _File]) -> None:
        if self.file is None:
            names.pop(self.path, None)
        else:
            names[self.path] = self.file


class Disk:
    """Plays a record back. What lay in the folder at its beginning is safe."""

    def __init__(self, folder: str, files: Files) -> None:
        self._folder = folder
        self._safe = {f"{folder}/{name}": _File(bytearray(content)) for name, content in files.items()}
        self._names = dict(self._safe)
        #: Changes of names that belong together (a rename), in their order.
        self._renamings: list[tuple[_Renaming, ...]] = []
        self._open: dict[tuple[int, int], _File | str] = {}

    def play(self, entry: Entry) -> None:
        """Do what an entry says."""
        handle = (entry.process, entry.descriptor)
        match entry.kind:
            case "O":
                self._open[handle] = self._opened(entry)
            case "D":
                self._open[handle] = entry.path
            case "C":
                del self._open[handle]
            case "W":
                self._file(handle).pending.append(_Write(entry.number, entry.data))
            case "T":
                self._file(handle).pending.append(_Write(entry.number, None))
            case "S":
                self._sync(self._open[handle])
            case "R":
                self._rename(_Renaming(entry.data.decode(), self._names.get(entry.path)), _Renaming(entry.path, None))
            case "L":
                self._rename(_Renaming(entry.data.decode(), self._names[entry.path]))
            case "U":
                self._rename(_Renaming(entry.path, None))
            case "M" | "K" | "A":
                pass  # folders are made anew by whoever opens the store; marks are not the disk's
            case other:
                raise AssertionError(other)

    def has_pending(self) -> bool:
        """Whether a power cut could undo anything now."""
        return bool(self._renamings) or any(file.pending for file in self._names.values())

    def cut(self, how: Cut, chance: random.Random) -> dict[str, bytes]:
        """The files that are found after the power came back, by their names below the folder."""
        names = dict(self._safe)
        known = {Cut.DROPPED: 0, Cut.KEPT: len(self._renamings)}.get(how)
        for renamings in self._renamings[: chance.randint(0, len(self._renamings)) if known is None else known]:
            for renaming in renamings:
                renaming.on(names)
        found = {path: bytes(_left(file, how, chance)) for path, file in sorted(names.items())}
        return {path.removeprefix(f"{self._folder}/"): content for path, content in found.items()}

    def _opened(self, entry: Entry) -> _File:
        file = self._names.get(entry.path)
        if file is None:
            file = _File()
            self._rename(_Renaming(entry.path, file))
        elif entry.number & os.O_TRUNC:
            file.pending.append(_Write(0, None))
        return file

    def _file(self, handle: tuple[int, int]) -> _File:
        file = self._open[handle]
        assert isinstance(file, _File)
        return file

    def _rename(self, *renamings: _Renaming) -> None:
        for renaming in renamings:
            renaming.on(self._names)
        self._renamings.append(renamings)

    def _sync(self, what: _File | str) -> None:
        if isinstance(what, _File):
            what.sync()
            return
        within = [renamings for renamings in self._renamings if any(str(Path(each.path).parent) == what for each in renamings)]
        for renamings in within:
            for renaming in renamings:
                renaming.on(self._safe)
            self._renamings.remove(renamings)


def _left(file: _File, how: Cut, chance: random.Random) -> bytearray:
    """What is left of one file."""
    if not file.pending or how is Cut.DROPPED:
        return file.durable
    if how is Cut.KEPT:
        return file.whole()
    if how is Cut.HOLLOW:
        size = len(file.whole())
        return file.durable[:size] + bytes(max(0, size - len(file.durable)))
    content = bytearray(file.durable)
    for write in _some(file.pending, how, chance):
        write.on(content)
    return content[: len(file.durable)] if how is Cut.SHORT else content


def _some(pending: list[_Write], how: Cut, chance: random.Random) -> list[_Write]:
    """Those of the writes, or pieces of them, that reached the disk."""
    density = chance.random()  # few in one state, nearly all in another: both have broken programs
    if how is Cut.ORDERED:
        last = chance.randrange(len(pending))
        return pending[:last] + [piece for piece in pending[last].sectors() if chance.random() < density]
    if how is Cut.TORN:
        return [piece for write in pending for piece in write.sectors() if chance.random() < density]
    return [write for write in pending if chance.random() < density]


def read_record(log: Path) -> list[Entry]:
    """Read what ``recorder.c`` wrote."""
    return list(_entries(log.read_bytes()))


def _entries(record: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(record):
        length, kind, process, descriptor, number, named = _HEAD.unpack_from(record, at)
        begin, end = at + _HEAD.size, at + 4 + length
        path, data = record[begin : begin + named], record[begin + named : end]
        yield Entry(chr(kind), process, descriptor, number, path.decode(), data)
        at = end
