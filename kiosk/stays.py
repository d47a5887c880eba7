"""All SQL about stays that nobody ended: the OUT is asked for once for each stay, and never made up.

The task names the IN of the stay, so that a person who taps again later is not asked about twice.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from kiosk.model import Direction, TaskKind, rfc3339
from kiosk.taps import Newest, Source, newest_tap
from kiosk.tasks import is_asked, open_once

#: People looked at in one transaction, three indexes each, so that no tap waits longer than 20 ms on a slower machine.
SLICE: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStay:
    """Somebody who is inside: the holder, and the IN that began it."""

    holder: int
    began: Newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at some holders.

    Attributes:
        over: The stays that are over and were not asked about yet.
        next_ms: When the oldest of the others began, Unix milliseconds UTC, or None without one.
        after: After which holder to go on; None at the end.
    """

    over: tuple[OpenStay, ...]
    next_ms: int | None
    after: int | None


def look(connection: sqlite3.Connection, *, book: int, after: int, over_ms: int) -> Look:
    """Look at the next ``SLICE`` holders after this one.

    Args:
        connection: The store.
        book: The current book.
        after: The last holder of the look before, 0 for the first.
        over_ms: A stay that began before this is over, Unix milliseconds UTC.
    """
    holders = [row[0] for row in connection.execute("SELECT id FROM holders WHERE id > ? ORDER BY id LIMIT ?", (after, SLICE))]
    stays = [stay for holder in holders if (stay := _stay(connection, book, holder)) is not None]
    over = (stay for stay in stays if stay.began.last.at_ms < over_ms and not _is_asked(connection, book, stay))
    return Look(
        over=tuple(over),
        next_ms=min((stay.began.last.at_ms for stay in stays if stay.began.last.at_ms >= over_ms), default=None),
        after=holders[-1] if len(holders) == SLICE else None,
    )


def ask_if_open(connection: sqlite3.Connection, stay: OpenStay, *, book: int, at_ms: int) -> bool:
    """Ask for the OUT of a stay as ``ask_for_out`` does, unless its person has tapped since it was looked at."""
    now = _stay(connection, book, stay.holder)
    return now == stay and ask_for_out(connection, stay.began, book=book, holder=stay.holder, at_ms=at_ms)


def ask_for_out(connection: sqlite3.Connection, began: Newest, *, book: int, holder: int, at_ms: int) -> bool:
    """Ask a human for the OUT of the stay that began so, inside the caller's transaction; once for each stay.

    Returns:
        Whether that was new.
    """
    return open_once(
        connection,
        TaskKind.MISSING_OUT,
        book=book,
        at_ms=at_ms,
        holder=holder,
        registration=began.registration,
        note=_note(began),
        about_ms=began.presence_ms,
    )


def ended(connection: sqlite3.Connection, began: Newest, *, book: int, holder: int, at_ms: int) -> bool:
    """Take the question back, inside the caller's transaction: the person tapped OUT after all; whether it was open."""
    closed = connection.execute(
        "UPDATE tasks SET closed_ms = ? WHERE closed_ms IS NULL AND holder = ? AND kind = ? AND book = ? AND registration IS ?"
        " AND note IS ?",
        (at_ms, holder, TaskKind.MISSING_OUT.value, book, began.registration, _note(began)),
    )
    return closed.rowcount > 0


def _stay(connection: sqlite3.Connection, book: int, holder: int) -> OpenStay | None:
    """The stay of somebody inside; None also where nobody vouches for its beginning: it is asked about once that is healed."""
    newest = newest_tap(connection, book=book, holder=holder)
    if newest is None or not newest.trusted or newest.last.direction is not Direction.IN:
        return None
    return OpenStay(holder=holder, began=newest)


def _is_asked(connection: sqlite3.Connection, book: int, stay: OpenStay) -> bool:
    began = stay.began
    return is_asked(
        connection,
        TaskKind.MISSING_OUT,
        book=book,
        holder=stay.holder,
        registration=began.registration,
        note=_note(began),
    )


def _note(began: Newest) -> str | None:
    """What tells stays apart that no row of the book began."""
    if began.source is Source.BOOK:
        return None
    where = "by another channel" if began.source is Source.ELSEWHERE else "where nothing is owed"
    return f"in since {rfc3339(began.last.at_ms)} {where}"
