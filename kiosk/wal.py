"""The write-ahead log as it lies on disk: which frames are whole, and whether one in its middle is damaged.

SQLite takes the first frame whose checksum is wrong for the end of the log, whatever stands behind it: right after a power cut,
where that is the transaction that was never synced, and a silent loss of acknowledged taps where a byte has rotted. The two can
be told apart: each commit is synced before the next is written, so a whole frame that follows from a commit behind a bad frame
proves that the bad one was on disk once. What only stands there proves nothing: after a power cut SQLite writes on in the same
log, over the remains of the transaction that was lost. Format: sqlite.org/fileformat2.html, section 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: Bytes of a page; ``kiosk.store_file`` keeps every store at it.
PAGE: Final = 1024
_HEADER: Final = struct.Struct(">8I")
_FRAME: Final = struct.Struct(">6I")
_FRAME_BYTES: Final = _FRAME.size + PAGE
#: Magic numbers: checksums over words of this byte order.
_ORDERS: Final = {0x377F0682: "<", 0x377F0683: ">"}
_VERSION: Final = 3007000
_WORD: Final = 0xFFFFFFFF

Sums = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wal:
    """What a log holds.

    Attributes:
        frames: Where the newest committed version of each page begins in the file.
        count: Pages of the store after the last commit, or None where the log holds none.
        damaged: A frame, or the header, is bad although it was synced once.
        suspects: Pages whose newest version lies in a damaged frame.
        doubt: A damaged frame does not say which page it is of: that one's newest version is missing.
    """

    frames: dict[int, int] = field(default_factory=dict)
    count: int | None = None
    damaged: bool = False
    suspects: frozenset[int] = frozenset()
    doubt: bool = False


@dataclass(slots=True)
class _Frame:
    at: int
    page: int
    size: int
    salts: tuple[int, int]
    stored: Sums
    head: bytes
    body: bytes
    seed: Sums = (0, 0)
    computed: Sums = (0, 0)
    whole: bool = False
    plain: bool = False


def read_wal(path: Path) -> Wal:
    """Read the log beside a store; a missing or empty one holds nothing.

    Raises:
        OSError: It can't be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Wal()
    if len(data) < _HEADER.size + _FRAME_BYTES:
        return Wal()
    magic, version, page, _, *salts, first, second = _HEADER.unpack_from(data)
    order = _ORDERS.get(magic, "<")
    computed = _sums(data[:24], (0, 0), order)
    healthy = magic in _ORDERS and version == _VERSION and page == PAGE and computed == (first, second)
    frames = list(_frames(data))
    generation = (salts[0], salts[1]) if healthy else frames[0].salts
    _prove(frames, list(dict.fromkeys(((first, second), computed))), generation, order)
    # The header is synced before the first frame: none that is whole stands behind a bad one.
    begun = _last_begun(frames, generation)
    damaged = bool(begun) or (not healthy and any(frame.whole and frame.size for frame in frames))
    count = next((frame.size for frame in reversed(frames) if frame.whole and frame.size), 0)
    if damaged:
        for frame in frames:
            if not frame.whole and frame.salts == generation and not 0 < frame.page <= count:
                _mend(frame, order)
    return _content(frames, begun=begun, damaged=damaged)


def _frames(data: bytes) -> Iterator[_Frame]:
    for at in range(_HEADER.size, len(data) - _FRAME_BYTES + 1, _FRAME_BYTES):
        page, size, salt, pepper, first, second = _FRAME.unpack_from(data, at)
        body = data[at + _FRAME.size : at + _FRAME_BYTES]
        yield _Frame(at + _FRAME.size, page, size, (salt, pepper), (first, second), data[at : at + 8], body)


def _prove(frames: list[_Frame], seeds: list[Sums], generation: tuple[int, int], order: str) -> None:
    """Find the frames that are whole: each by the one before, whose own checksum is either what it says or what it should say."""
    before: _Frame | None = None
    for frame in frames:
        # A frame of an older generation follows from the one before it as well, but not from one of this generation.
        if frame.salts == generation or (before is not None and before.whole):
            for seed in seeds:
                frame.seed = seed
                frame.computed = _sums(frame.body, _sums(frame.head, seed, order), order)
                if frame.computed == frame.stored:
                    frame.whole = True
                    frame.plain = frame.salts == generation and seed == seeds[0]
                    if before is not None and seed == before.computed:
                        before.whole = True
                    break
        before, seeds = frame, list(dict.fromkeys((frame.stored, frame.computed)))


def _mend(frame: _Frame, order: str) -> None:
    """Where a frame names a page that can't be, try whether one wrong byte there explains its checksum: it is whole then."""
    for place in range(4):
        for byte in range(256):
            head = frame.head[:place] + bytes((byte,)) + frame.head[place + 1 :]
            if _sums(frame.body, _sums(head, frame.seed, order), order) == frame.stored:
                frame.page = int.from_bytes(head[:4], "big")
                frame.whole = True
                return


def _first_bad(frames: list[_Frame]) -> int:
    """Where SQLite takes the log to end."""
    return next((place for place, frame in enumerate(frames) if not frame.plain), len(frames))


def _last_begun(frames: list[_Frame], generation: tuple[int, int]) -> int:
    """Where the last transaction begins of which the one before was synced, behind the first bad frame; 0 where there is none."""
    begun = 0
    for place in range(_first_bad(frames) + 1, len(frames)):
        before = frames[place - 1]
        # What a bad frame says of itself may be what stood there before it was written.
        if frames[place].whole and before.size and (before.whole or before.salts == generation):
            begun = place
    return begun


def _end(frames: list[_Frame], begun: int) -> int:
    """The last frame that was synced, given where the last such transaction begins: its own commit, or the one before it."""
    for place in range(begun, len(frames)):
        if not frames[place].whole:
            break
        if frames[place].size:
            return place
    return begun - 1


def _content(frames: list[_Frame], *, begun: int, damaged: bool) -> Wal:
    """Put the committed frames together; behind a damaged one they count as well, but not the remains of what was lost."""
    ends = [place for place, frame in enumerate(frames) if frame.size and frame.whole]
    if begun or not damaged:
        last = _end(frames, begun) if begun else _first_bad(frames) - 1
        ends = [place for place in ends if place <= last]
    if not ends:
        return Wal(damaged=damaged)
    count = frames[ends[-1]].size
    newest: dict[int, int] = {}
    suspects: set[int] = set()
    doubt = False
    for frame in frames[: ends[-1] + 1]:
        if not frame.whole and not 0 < frame.page <= count:
            doubt = True
            continue
        newest[frame.page] = frame.at
        (suspects.discard if frame.whole else suspects.add)(frame.page)
    return Wal(frames=newest, count=count, damaged=damaged, suspects=frozenset(suspects), doubt=doubt)


def _sums(data: bytes, seed: Sums, order: str) -> Sums:
    """The checksum of the format: two words, each the sum of the data's words and of the other so far."""
    first, second = seed
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for even in words:
        first = (first + even + second) & _WORD
        second = (second + next(words) + first) & _WORD
    return first, second
