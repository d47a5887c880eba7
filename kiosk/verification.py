"""Whether the chain of evidence is as it was written: recomputed link by link, and every entry that is not so is named.

Pure but for the store key that opens what is sealed; the reading is the caller's, so that a store and an export are judged alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations
from typing import Final

from kiosk.evidence import BEGINNING, NOTHING, Kept, link
from kiosk.signing import Signature

#: Among so many broken entries it is tried whether they only changed places; more are told as changed.
_MOST_TRIED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it was written: the first and last entry that it is about, and what a person is told."""

    first: int
    last: int
    told: str


@dataclass(frozen=True, slots=True)
class _Broken:
    """An entry whose hash does not follow from the one before it."""

    entry: Kept
    previous: bytes


@dataclass(slots=True, kw_only=True)
class Walk:
    """Takes the entries of a chain in the order of their numbers and gathers what is wrong; ``findings`` tells it at the end.

    Args:
        signatures: All that are known.
        matches: Says of an entry with content whether that is what it commits to; raises nothing.

    Attributes:
        entries: How many were taken.
        before_chain: How many of them are older than the chain, and so prove nothing.
        erased: How many lost their content, as the record allows.
        signed_until: The last entry that a good signature covers.
    """

    signatures: Sequence[Signature]
    matches: Callable[[Kept], bool]
    entries: int = 0
    before_chain: int = 0
    erased: int = 0
    signed_until: int = 0
    _found: list[Finding] = field(default_factory=list)
    _broken: list[_Broken] = field(default_factory=list)
    _last: Kept | None = None
    _signed: dict[int, list[Signature]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for each in self.signatures:
            self._signed.setdefault(each.entry, []).append(each)

    def take(self, entry: Kept) -> None:
        """Judge the next entry."""
        self.entries += 1
        gap = self._find_gap(entry)
        if entry.hash is None or entry.commitment is None:
            self._take_unchained(entry)
        else:
            self._take_link(entry, entry.commitment, entry.hash, gap=gap)
        self._last = entry

    def findings(self) -> list[Finding]:
        """Everything that is wrong, by entry; call it once, after the last entry."""
        end = 0 if self._last is None else self._last.id
        for each in self.signatures:
            if each.entry > end:
                told = f"{_range(end + 1, each.entry)} {_are(end + 1, each.entry)} missing: a signature covers up to {each.entry}"
                self._found.append(Finding(first=end + 1, last=each.entry, told=told))
        self._found += _moved_or_changed(self._broken)
        return sorted(self._found, key=lambda each: (each.first, each.last))

    def _find_gap(self, entry: Kept) -> bool:
        after = 0 if self._last is None else self._last.id
        if entry.id == after + 1:
            return False
        first, last = after + 1, entry.id - 1
        self._found.append(Finding(first=first, last=last, told=f"{_range(first, last)} {_are(first, last)} missing"))
        return True

    def _take_unchained(self, entry: Kept) -> None:
        self.before_chain += 1
        if self._last is not None and self._last.hash is not None:
            self._say(entry, "was changed: it has no hash, and those before it have one")

    def _take_link(self, entry: Kept, commitment: bytes, digest: bytes, *, gap: bool) -> None:
        previous = BEGINNING if self._last is None else self._last.hash or BEGINNING
        # After a gap nobody knows what came before: the entry's own hash is all there is.
        if not gap and _link(entry, previous) != digest:
            self._broken.append(_Broken(entry, previous))
        if entry.sealed is not None:
            if not self.matches(entry):
                self._say(entry, "was changed: its content is not what it commits to, or does not open")
        elif commitment != NOTHING + NOTHING:
            self.erased += 1
        for each in self._signed.get(entry.id, ()):
            if not each.is_good:
                self._say(entry, "has a signature that its key did not make")
            elif each.hash != digest:
                self._say(
                    entry, f"has another hash than was signed: of entries {self.signed_until + 1} to {entry.id} one was changed"
                )
            else:
                self.signed_until = entry.id

    def _say(self, entry: Kept, what: str) -> None:
        self._found.append(Finding(first=entry.id, last=entry.id, told=f"{entry.name} {what}"))


def in_order(entries: Iterable[Kept]) -> tuple[list[Kept], list[Finding]]:
    """Put entries of a file in the order of their numbers; also tell which stood out of order or twice."""
    found: list[Finding] = []
    kept: dict[int, Kept] = {}
    highest = 0
    for entry in entries:
        if entry.id in kept:
            found.append(Finding(first=entry.id, last=entry.id, told=f"{entry.name} stands there twice"))
        elif entry.id < highest:
            found.append(Finding(first=entry.id, last=entry.id, told=f"{entry.name} stands out of order"))
        kept.setdefault(entry.id, entry)
        highest = max(highest, entry.id)
    return [kept[number] for number in sorted(kept)], found


def summary(walk: Walk, findings: Iterable[Finding]) -> dict[str, object]:
    """What ``evidence verify`` tells of a chain that was walked through, as JSON values."""
    items = sorted(findings, key=lambda each: (each.first, each.last))
    return {
        "ok": not items,
        "entries": walk.entries,
        "before_chain": walk.before_chain,
        "erased": walk.erased,
        "signed_until": walk.signed_until,
        "unsigned": walk.entries - walk.signed_until,
        "public_keys": sorted({each.key_id.hex() for each in walk.signatures}),
        "items": [{"first": each.first, "last": each.last, "told": each.told} for each in items],
    }


def _moved_or_changed(broken: Sequence[_Broken]) -> Iterator[Finding]:
    moved = set(_moved(broken)) if len(broken) <= _MOST_TRIED else set()
    # A hash that alone was replaced breaks the next link too, which is as it was: it follows from the true hash.
    blameless = {
        after.entry.id
        for before, after in pairwise(broken)
        if before.entry.id + 1 == after.entry.id and _link(after.entry, _link(before.entry, before.previous)) == after.entry.hash
    }
    for each in broken:
        entry = each.entry
        if entry.id in moved:
            told = f"{entry.name} stands out of order"
        elif moved or entry.id in blameless:
            continue  # it follows what stands in a place that is not its own
        else:
            told = f"{entry.name} was changed, or entry {entry.id - 1} before it was, and hashed anew"
        yield Finding(first=entry.id, last=entry.id, told=told)


def _moved(broken: Sequence[_Broken]) -> Iterator[int]:
    """Those whose hash is right for the place of another."""
    digests = {each.previous for each in broken} | {each.entry.hash for each in broken if each.entry.hash is not None}
    for here, there in permutations(broken, 2):
        if any(_link(here.entry, digest, number=there.entry.id) == here.entry.hash for digest in digests):
            yield here.entry.id


def _link(entry: Kept, previous: bytes, *, number: int | None = None) -> bytes:
    return link(
        previous,
        number=entry.id if number is None else number,
        at_ms=entry.at_ms,
        kind=entry.kind,
        subject=entry.subject,
        commitment=entry.commitment or b"",
    )


def _range(first: int, last: int) -> str:
    return f"entry {first}" if first == last else f"entries {first} to {last}"


def _are(first: int, last: int) -> str:
    return "is" if first == last else "are"
