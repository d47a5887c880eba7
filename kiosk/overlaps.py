"""Whether somebody is inside twice at once, pure: here and by another channel, or here for two declarations.

A stay is an IN and the OUT of the same employer and declaration that follows it, by whatever channel: who badges in here and
checks out by telephone has one stay. An IN without an OUT lasts as long as the longest shift; after that it is a missing OUT.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kiosk.model import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One presence of a person.

    Attributes:
        at_ms: Its moment, Unix milliseconds UTC.
        direction: in or out.
        group: What stands for its employer and declaration.
        row: Its row in the book, or None where another channel made it.
        registration_id: The service's id, or None where it has none yet.
        owed: Whether the service has it, or shall: a row that is held or refused ends a stay, and doubles none.
    """

    at_ms: int
    direction: Direction
    group: bytes
    row: int | None = None
    registration_id: int | None = None
    owed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two INs of one person whose stays overlap, in the order of time."""

    first: Mark
    second: Mark


@dataclass(frozen=True, slots=True)
class _Stay:
    began: Mark
    until_ms: int


def overlapping(marks: Iterable[Mark], *, longest_ms: int) -> list[Overlap]:
    """Every two stays of one person that overlap and of which at least one began here.

    Args:
        marks: All that is known of him, in any order.
        longest_ms: How long a stay without an OUT lasts.
    """
    stays = sorted(_stays(marks, longest_ms), key=lambda stay: stay.began.at_ms)
    return [
        Overlap(first=one.began, second=other.began)
        for place, one in enumerate(stays)
        for other in stays[place + 1 :]
        if other.began.at_ms < one.until_ms and _doubles(one.began, other.began)
    ]


def _stays(marks: Iterable[Mark], longest_ms: int) -> list[_Stay]:
    """Pair INs with their OUTs; at the same moment OUT goes first: a change of declaration is no overlap."""
    stays: list[_Stay] = []
    open_: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.at_ms, mark.direction is Direction.IN)):
        if mark.direction is Direction.IN:
            open_.append(mark)
        elif (began := _began(open_, mark)) is not None:
            open_.remove(began)
            stays.append(_Stay(began, min(mark.at_ms, began.at_ms + longest_ms)))
    return stays + [_Stay(each, each.at_ms + longest_ms) for each in open_]


def _began(open_: Sequence[Mark], out: Mark) -> Mark | None:
    """The IN that an OUT ends: of its group, its own channel's first; else, where one was rebuilt, the newest of its channel."""
    same = [each for each in open_ if each.group == out.group]
    near = [each for each in same or open_ if (each.row is None) == (out.row is None)]
    fitting = near or same
    return fitting[-1] if fitting else None


def _doubles(one: Mark, other: Mark) -> bool:
    if not (one.owed and other.owed):
        return False
    both_here = one.row is not None and other.row is not None
    # Two INs here for the same works are a missing OUT, which has its own task.
    return one.group != other.group if both_here else one.row is not None or other.row is not None
