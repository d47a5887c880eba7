"""All SQL of the daily comparison: one day of the book as it is compared with the service, and what that came to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from kiosk import elsewhere, findings, notices
from kiosk.amendments import last_id
from kiosk.comparison import Comparison, Finding, Kind, Ours, Theirs, What, Why
from kiosk.days import Done
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import Direction, State, TaskKind
from kiosk.outbox import Outbox, unseal
from kiosk.tasks import close_tasks, open_task, open_tasks
from kiosk.verdicts import ServedRegistration

#: Ids looked at in one read, and rows changed in one transaction: no tap waits longer than 20 ms on a slower machine.
_WINDOW: Final = 250
_SLICE: Final = 25
#: An accepted row younger than this need not be found by the service's search yet.
_YOUNG_MS: Final = 3_600_000
#: What the follow-up's own tasks tell already; everything else that differs is a task of its own.
_TOLD_BY_ROW: Final = frozenset({What.VALIDITY, What.REMARKS, What.CANCELLED})
_OPENED: Final = frozenset({TaskKind.LOST, TaskKind.DUPLICATE, TaskKind.DIFFERENT})
_UNSETTLED: Final = frozenset({Kind.ONLY_HERE, Kind.DUPLICATE, Kind.DIFFERENT})

#: The plus keeps SQLite from walking an index over the whole book instead of these ids.
_DAY_SQL: Final = (
    "SELECT id, holder, direction, at_ms, group_index, state, registration_id, validity, confirmed_ms, uid, remarks,"
    " cancel_requested FROM registrations WHERE id > ? AND id <= ? AND +book = ? AND at_ms >= ? AND at_ms < ?"
)
_DONE_SQL: Final = (
    "INSERT OR REPLACE INTO reconciliations"
    " (book, day, done_ms, equal, only_here, only_there, different, duplicates, unsettled) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_T = TypeVar("_T")
#: Whose workers, for which works.
Term = tuple[Employer, DeclarationNumber]


@dataclass(frozen=True, slots=True)
class DayRow:
    """One row of the day, nothing unsealed; the fields are the columns of ``_DAY_SQL``."""

    id: int
    holder: int
    direction: str
    at_ms: int
    group: bytes | None
    state: str
    registration_id: int | None
    validity: str | None
    confirmed_ms: int | None
    uid: bytes
    remarks: bytes | None
    cancel_requested: int


def rows_between(outbox: Outbox, from_ms: int, to_ms: int) -> list[DayRow]:
    """The book's rows from one moment (inclusive) to another; reads by ids, since taps pay for no index over their times."""
    rows: list[DayRow] = []
    for after in range(0, outbox.database.read(last_id), _WINDOW):
        values = (after, after + _WINDOW, outbox.book, from_ms, to_ms)
        rows += outbox.database.read(partial(_day_rows, values=values))
    return rows


def ours(outbox: Outbox, row: DayRow, now_ms: int) -> Ours:
    """A row as it is compared."""
    return Ours(
        row=row.id,
        holder=row.holder,
        direction=Direction(row.direction),
        second=row.at_ms // 1000,
        group=row.group,
        state=State(row.state),
        registration_id=row.registration_id,
        validity=row.validity,
        # What a cancelled row holds there is a human's reason.
        remarks=notices.remarks_of(outbox.vault, row.uid, row.remarks) if row.state == State.ACCEPTED else (),
        young=row.confirmed_ms is not None and now_ms - row.confirmed_ms < _YOUNG_MS,
        cancelling=bool(row.cancel_requested),
    )


def theirs(outbox: Outbox, shown: Sequence[ServedRegistration]) -> list[Theirs]:
    """What the service shows, as it is compared: people and groups by what stands for them here."""
    holders = elsewhere.holders_of(outbox, {each.ssin for each in shown})
    groups: dict[Term, bytes] = {}
    for each in shown:
        if (each.employer, each.declaration) not in groups:
            groups[each.employer, each.declaration] = elsewhere.served_group(outbox, each)
    known = {number for some in _slices(shown) for number in outbox.database.read(partial(_known, book=outbox.book, some=some))}
    return [
        Theirs(
            registration_id=each.registration_id,
            holder=holders.get(each.ssin),
            direction=each.direction,
            second=each.second,
            group=groups[each.employer, each.declaration],
            validity=each.validity,
            remarks=each.remarks,
            cancelled=each.cancelled,
            elsewhere=each.registration_id in known,
        )
        for each in shown
    ]


def terms_of(outbox: Outbox, rows: Iterable[DayRow]) -> dict[bytes, Term]:
    """The employer and declaration of each group of these rows, one row of each unsealed."""
    samples = {row.group: row.id for row in rows if row.group is not None}
    found = {group: term_of(outbox, row) for group, row in samples.items()}
    return {group: term for group, term in found.items() if term is not None}


def term_of(outbox: Outbox, row: int) -> Term | None:
    """The employer and declaration of a row; None where it lacks one or its seal is broken."""
    sql = "SELECT uid, sealed FROM registrations WHERE id = ? AND book = ?"
    found = outbox.database.read(lambda connection: connection.execute(sql, (row, outbox.book)).fetchone())
    registration = None if found is None else unseal(outbox, *found)[0]
    return None if registration is None else (registration.employer, registration.declaration)


def days_done(connection: sqlite3.Connection, book: int) -> dict[str, Done]:
    """The days that were compared, by their dates."""
    rows = connection.execute("SELECT day, done_ms, unsettled FROM reconciliations WHERE book = ?", (book,))
    return {day: Done(at_ms=done_ms, unsettled=unsettled) for day, done_ms, unsettled in rows}


def opened_ms(connection: sqlite3.Connection, book: int) -> int:
    """When the book was begun, Unix milliseconds UTC: before that day there is nothing to compare."""
    return int(connection.execute("SELECT opened_ms FROM books WHERE id = ?", (book,)).fetchone()[0])


def write(outbox: Outbox, rows: Sequence[DayRow], told: Comparison, shown: dict[int, ServedRegistration], *, at_ms: int) -> None:
    """Keep what a day's comparison came to: fresh findings on their rows, a task for what only a human may settle.

    A task of an earlier comparison whose cause is gone is closed.

    Args:
        outbox: The book.
        rows: Every row of that day.
        told: What it came to.
        shown: What the service showed, by its id, for the rows in ``told.stale``.
        at_ms: The trusted clock, Unix milliseconds UTC.
    """
    _each(outbox, told.stale, lambda c, pair: findings.keep(c, outbox, pair[0].row, shown[pair[1].registration_id], at_ms=at_ms))
    causes = {each.ours.row: kind for each in told.findings if each.ours is not None and (kind := _kind(each)) is not None}
    ids = {row.id for row in rows}
    for task in outbox.database.read(partial(open_tasks, book=outbox.book)):
        number = task.registration
        if number is not None and number in ids and task.kind in _OPENED and causes.get(number) is not task.kind:
            kinds = frozenset({task.kind})
            outbox.database.write(partial(close_tasks, registration=number, kinds=kinds, at_ms=at_ms))
    _each(outbox, told.findings, lambda c, finding: _open(c, outbox, finding, at_ms))


def unsettled(told: Comparison) -> int:
    """How much of a day may still be sent or differs, so that it is worth another comparison."""
    on_its_way = sum(told.explained.get(why, 0) for why in (Why.WAITING, Why.HELD, Why.REFUSED))
    return on_its_way + sum(finding.kind in _UNSETTLED for finding in told.findings)


def record(outbox: Outbox, day: str, told: Comparison, *, at_ms: int) -> None:
    """Note that a day was compared, and what it came to; ``day`` is the site's date, ``at_ms`` Unix milliseconds UTC."""
    counts = [sum(finding.kind is kind for finding in told.findings) for kind in (Kind.ONLY_HERE, Kind.ONLY_THERE, Kind.DIFFERENT)]
    duplicates = sum(finding.kind is Kind.DUPLICATE for finding in told.findings)
    values = (outbox.book, day, at_ms, told.equal, *counts, duplicates, unsettled(told))
    outbox.database.write(lambda connection: connection.execute(_DONE_SQL, values))


def _kind(finding: Finding) -> TaskKind | None:
    """Which task a finding is; None where it is nobody's: known elsewhere, or told by the row's own finding."""
    match finding.kind:
        case Kind.ONLY_HERE:
            return TaskKind.LOST
        case Kind.DUPLICATE:
            return TaskKind.DUPLICATE
        case Kind.DIFFERENT if not set(finding.what) <= _TOLD_BY_ROW:
            return TaskKind.DIFFERENT
        case _:
            return None


def _open(connection: sqlite3.Connection, outbox: Outbox, finding: Finding, at_ms: int) -> None:
    kind, row, other = _kind(finding), finding.ours, finding.theirs
    if kind is None or row is None:
        return
    if kind is TaskKind.LOST:
        findings.lose(connection, outbox, row.row, at_ms=at_ms)
        return
    there = "" if other is None else f"registration {other.registration_id} at the service"
    note = there if kind is TaskKind.DUPLICATE else f"{', '.join(finding.what)}: {there}"
    open_task(connection, kind, book=outbox.book, at_ms=at_ms, registration=row.row, holder=row.holder, note=note)


def _each(outbox: Outbox, values: Sequence[_T], work: Callable[[sqlite3.Connection, _T], object]) -> None:
    def some_of(some: Sequence[_T], connection: sqlite3.Connection) -> None:
        for value in some:
            work(connection, value)

    for some in _slices(values):
        outbox.database.write(partial(some_of, some))


def _day_rows(connection: sqlite3.Connection, values: tuple[int, ...]) -> list[DayRow]:
    return [DayRow(*row) for row in connection.execute(_DAY_SQL, values)]


def _known(connection: sqlite3.Connection, book: int, some: Sequence[ServedRegistration]) -> list[int]:
    sql = "SELECT 1 FROM elsewhere WHERE book = ? AND registration_id = ?"
    return [each.registration_id for each in some if connection.execute(sql, (book, each.registration_id)).fetchone()]


def _slices(values: Sequence[_T]) -> list[Sequence[_T]]:
    return [values[start : start + _SLICE] for start in range(0, len(values), _SLICE)]
