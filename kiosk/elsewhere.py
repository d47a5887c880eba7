"""All SQL about other channels: what holders of the roster registered by telephone, on the website or at another box.

The service's search shows it; it is kept sealed, never sent, and only says where somebody is (``taps.newest_tap``).
What belongs to a row of this book, in whatever state, is never taken for another channel's: not by its id, and not by
person, direction, second, employer and declaration either, for a row may be unknown or in flight.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from kiosk.identifiers import DeclarationNumber, Employer, Insz
from kiosk.model import Direction, Draft, Place, TaskKind
from kiosk.outbox import Outbox, unseal
from kiosk.records import group_bytes, pack_draft
from kiosk.taps import TIMED
from kiosk.vault import Field, Index, new_uid
from kiosk.verdicts import Found, ServedRegistration

#: Rows looked at in one transaction, so that no tap waits longer than 20 ms on a slower machine.
_SLICE: Final = 100
#: Likewise where each of them may cost a person's whole history, a thousand rows a year.
_HISTORIES: Final = 5
_LAST_ID: Final = 2**63 - 1
_T = TypeVar("_T")

_OURS_SQL: Final = (
    "SELECT 1 FROM registrations WHERE book = ?1 AND registration_id = ?2 UNION ALL"
    " SELECT 1 FROM registrations WHERE holder = ?3 AND +book = ?1 AND direction = ?4 AND at_ms >= ?5 AND at_ms < ?5 + 1000"
    " AND group_index = ?6 LIMIT 1"
)
_ADD_SQL: Final = (
    "INSERT INTO elsewhere (uid, book, holder, direction, at_ms, registration_id, group_index, seen_ms, sealed)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (book, registration_id) DO UPDATE SET gone_ms = NULL"
)
#: The task names the IN of the stay, where the book has it: an OUT elsewhere ends it, unless he came again in between.
_CLOSE_SQL: Final = (
    "UPDATE tasks SET closed_ms = ?1 WHERE closed_ms IS NULL AND book = ?2 AND kind = ?3 AND holder = ?4 AND about_ms < ?5"
    " AND ?5 < ifnull((SELECT at_ms FROM registrations b WHERE b.holder = ?4 AND b.book = ?2 AND b.id > tasks.registration"
    " AND b.state <> 'cancelled' AND b.linked IS NULL ORDER BY b.id LIMIT 1), ?5 + 1)"
)
_FORGET_SQL: Final = (
    "DELETE FROM elsewhere WHERE id IN (SELECT id FROM elsewhere e WHERE book = ?1 AND at_ms < ?2"
    " AND (gone_ms IS NOT NULL OR EXISTS ("
    "SELECT 1 FROM elsewhere WHERE holder = e.holder AND +book = ?1 AND gone_ms IS NULL AND at_ms > e.at_ms)"
    " OR e.at_ms < (SELECT at_ms FROM registrations WHERE holder = e.holder AND +book = ?1 AND linked IS NULL"
    " ORDER BY id DESC LIMIT 1)) LIMIT ?3)"
)
#: When the stays began whose OUT lacks.
_UNCLOSED_SQL: Final = "SELECT min(about_ms) FROM tasks WHERE book = ? AND kind = ? AND closed_ms IS NULL AND opened_ms >= ?"
#: The plus keeps SQLite from sorting the whole book by way of an index: the newest rows are the last ones.
_HERE_SQL: Final = (
    f"SELECT id, {TIMED}, at_ms, holder, direction, group_index, uid, sealed FROM registrations"  # noqa: S608  our own words
    " WHERE id < ? AND +book = ? AND +state <> 'cancelled' AND +linked IS NULL ORDER BY id DESC LIMIT ?"
)
_THERE_SQL: Final = (
    "SELECT at_ms, holder, direction, group_index, uid, sealed FROM elsewhere"
    " WHERE book = ? AND at_ms >= ? AND gone_ms IS NULL ORDER BY at_ms DESC LIMIT ?"
)
#: Two days of a large site: where the clock is never trusted nothing else ends the look.
_MOST_ROWS: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A registration of a holder of the roster that no row of the book owes.

    Attributes:
        holder: The person.
        group: The blind index of its employer and declaration.
        served: As the service holds it.
    """

    holder: int
    group: bytes
    served: ServedRegistration

    @property
    def at_ms(self) -> int:
        """Its moment, Unix milliseconds UTC; the service keeps whole seconds."""
        return self.served.second * 1000


@dataclass(frozen=True, slots=True)
class Presence:
    """A registration that says where somebody is; the fields are the columns of ``_THERE_SQL``."""

    at_ms: int
    holder: int
    direction: str
    group: bytes | None
    uid: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """A group whose registrations by other channels matter now.

    Attributes:
        group: The blind index of employer and declaration.
        employer: Whose workers.
        declaration: For which works.
        last_ms: When its newest registration was made, Unix milliseconds UTC.
    """

    group: bytes
    employer: Employer
    declaration: DeclarationNumber
    last_ms: int


def scopes(outbox: Outbox, *, shift_ms: int, day_ms: int) -> list[Scope]:
    """The groups of everybody who is inside, or tapped today; none while that is nobody.

    Args:
        outbox: The book.
        shift_ms: Whoever came in before this is not inside any more, Unix milliseconds UTC.
        day_ms: When the site's day began, likewise.
    """
    seen = _seen(outbox, min(shift_ms, day_ms))
    newest: dict[int, Presence] = {}
    samples: dict[bytes, Presence] = {}
    for each in sorted(seen, key=lambda each: each.at_ms, reverse=True):
        is_newest = newest.setdefault(each.holder, each) is each
        inside = is_newest and each.direction == Direction.IN and each.at_ms >= shift_ms
        if each.group is not None and (inside or each.at_ms >= day_ms):
            samples.setdefault(each.group, each)
    found = []
    for group, sample in samples.items():
        registration, _ = unseal(outbox, sample.uid, sample.sealed)
        if registration is not None:
            scope = Scope(group=group, employer=registration.employer, declaration=registration.declaration, last_ms=sample.at_ms)
            found.append(scope)
    return found


def unclosed_since_ms(connection: sqlite3.Connection, book: int, *, opened_ms: int) -> int | None:
    """When the first of the stays began whose missing OUT became a task at or after ``opened_ms``; None without one."""
    row = connection.execute(_UNCLOSED_SQL, (book, TaskKind.MISSING_OUT.value, opened_ms)).fetchone()
    return None if row[0] is None else int(row[0])


def others(outbox: Outbox, found: Found) -> list[Other]:
    """Those of a search's registrations that a holder of the roster made by another channel, cancelled ones too.

    A person is known by every INSZ he ever had. Works in slices outside of the caller's transaction.
    """
    holders = holders_of(outbox, {each.ssin for each in found.registrations})
    candidates = [
        Other(holder=holder, group=served_group(outbox, each), served=each)
        for each in found.registrations
        if (holder := holders.get(each.ssin)) is not None
    ]
    kept: list[Other] = []
    for some in _slices(candidates, _HISTORIES):
        kept += outbox.database.read(partial(_not_ours, book=outbox.book, some=some))
    return kept


def keep(outbox: Outbox, place: Place, group: bytes, window: tuple[int, int], shown: Sequence[Other], *, at_ms: int) -> bool:
    """Bring what is known of other channels up to date with a complete search of one group and window.

    Args:
        outbox: The book.
        place: The box's own: whoever goes out by it does so here, and no other place is kept.
        group: The blind index of the employer and declaration searched for.
        window: The first and last moment searched for, Unix milliseconds UTC.
        shown: What ``others`` made of it.
        at_ms: The trusted clock, Unix milliseconds UTC.

    Returns:
        Whether anything was news. Nothing is written otherwise.
    """
    known = outbox.database.read(partial(_known, book=outbox.book, group=group, window=window))
    # A service that narrows less than it was asked to shows other groups too; those have their own searches.
    mine = (each for each in shown if each.group == group and not each.served.cancelled)
    living = {each.served.registration_id: each for each in mine}
    fresh = [each for number, each in living.items() if known.get(number, True)]
    gone = [number for number, is_gone in known.items() if number not in living and not is_gone]
    for some in _slices(fresh):
        outbox.database.write(partial(_add, outbox=outbox, place=place, some=some, at_ms=at_ms))
    for numbers in _slices(gone):
        outbox.database.write(partial(_lose, book=outbox.book, numbers=numbers, at_ms=at_ms))
    return bool(fresh or gone)


def forget(outbox: Outbox, *, before_ms: int) -> int:
    """Delete a slice of what is older than this and says of nobody any more where he is; returns how many rows went."""
    return outbox.database.write(lambda connection: connection.execute(_FORGET_SQL, (outbox.book, before_ms, _SLICE)).rowcount)


def _seen(outbox: Outbox, since_ms: int) -> list[Presence]:
    """Everything since then, here and by other channels; backwards from the newest, in slices."""
    book = outbox.book
    there = outbox.database.read(lambda c: c.execute(_THERE_SQL, (book, since_ms, _MOST_ROWS)).fetchall())
    seen = [Presence(*row) for row in there]
    before, rows = _LAST_ID, 0
    while rows < _MOST_ROWS:
        some = outbox.database.read(partial(_before, book=book, before=before))
        for number, trusted, *fields in some:
            if trusted and fields[0] < since_ms:
                return seen
            before = number
            seen.append(Presence(*fields))
        rows += len(some)
        if len(some) < _SLICE:
            break
    return seen


def _before(connection: sqlite3.Connection, book: int, before: int) -> list[tuple[Any, ...]]:
    return connection.execute(_HERE_SQL, (before, book, _SLICE)).fetchall()


def holders_of(outbox: Outbox, ssins: Iterable[str]) -> dict[str, int]:
    """Who of the roster has or ever had these INSZ, eleven digits each; in slices, outside of the caller's transaction."""
    by_index = {outbox.vault.index(Index.INSZ, ssin.encode()): ssin for ssin in ssins}
    holders: dict[str, int] = {}
    for some in _slices(list(by_index)):
        holders |= {by_index[index]: holder for index, holder in outbox.database.read(partial(_profiles, some=some))}
    return holders


def _profiles(connection: sqlite3.Connection, some: Sequence[bytes]) -> list[tuple[bytes, int]]:
    marks = ", ".join("?" * len(some))
    return connection.execute(
        f"SELECT insz_index, holder FROM profiles WHERE insz_index IN ({marks})",  # noqa: S608  question marks only
        some,
    ).fetchall()


def served_group(outbox: Outbox, served: ServedRegistration) -> bytes:
    """The blind index of the employer and declaration of what the service shows."""
    return outbox.vault.index(Index.GROUP, group_bytes(served.employer, served.declaration))


def _not_ours(connection: sqlite3.Connection, book: int, some: Sequence[Other]) -> list[Other]:
    return [
        each
        for each in some
        if connection.execute(
            _OURS_SQL,
            (book, each.served.registration_id, each.holder, each.served.direction.value, each.at_ms, each.group),
        ).fetchone()
        is None
    ]


def _known(connection: sqlite3.Connection, book: int, group: bytes, window: tuple[int, int]) -> dict[int, bool]:
    """The service's ids of what is known of this group and window, and whether it is gone."""
    rows = connection.execute(
        "SELECT registration_id, gone_ms IS NOT NULL FROM elsewhere WHERE book = ? AND group_index = ? AND at_ms BETWEEN ? AND ?",
        (book, group, *window),
    )
    return {number: bool(is_gone) for number, is_gone in rows}


def _add(connection: sqlite3.Connection, outbox: Outbox, place: Place, some: Sequence[Other], at_ms: int) -> None:
    for each in some:
        served, uid = each.served, new_uid()
        draft = Draft(
            ssin=Insz(served.ssin),
            direction=served.direction,
            at_ms=each.at_ms,
            employer=served.employer,
            place=place,
            declaration=served.declaration,
        )
        sealed = outbox.vault.seal(Field.REGISTRATION, uid, pack_draft(draft))
        values = (
            uid,
            outbox.book,
            each.holder,
            served.direction.value,
            each.at_ms,
            served.registration_id,
            each.group,
            at_ms,
            sealed,
        )
        connection.execute(_ADD_SQL, values)
        if served.direction is Direction.OUT:
            connection.execute(_CLOSE_SQL, (at_ms, outbox.book, TaskKind.MISSING_OUT.value, each.holder, each.at_ms))


def _lose(connection: sqlite3.Connection, book: int, numbers: Sequence[int], at_ms: int) -> None:
    connection.executemany(
        "UPDATE elsewhere SET gone_ms = ? WHERE book = ? AND registration_id = ?", ((at_ms, book, number) for number in numbers)
    )


def _slices(values: Sequence[_T], size: int = _SLICE) -> list[Sequence[_T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
