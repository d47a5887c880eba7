"""Badge lines into the roster: all of them in one transaction, or none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk import evidence, loans, roster, tasks
from kiosk.badge_lines import Numbered
from kiosk.badges import Badge, Chip, Taken
from kiosk.desk import Desk
from kiosk.errors import Declined, SealBroken, UsageError
from kiosk.evidence import Entry
from kiosk.model import TaskKind
from kiosk.records import card_index
from kiosk.roster import DatedProfile, Enrolled

#: Rows a read: some 2 ms under the store's lock, while taps wait.
_PAGE: Final = 500
_SEVERAL: Final = 2


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of one line."""

    numbered: Numbered
    came: Enrolled


class _Preview(Exception):  # no error: it undoes the transaction and carries what would have happened
    def __init__(self, applied: list[Applied]) -> None:
        super().__init__()
        self.applied = applied


def apply(desk: Desk, read: list[Numbered], *, preview: bool = False, chip: Chip | None = None) -> list[Applied]:
    """Enrol all lines, or with ``preview`` only find out what would come of them; ``chip``: what a reader says of the card.

    Raises:
        Declined: Cards of other holders, all of them; nothing was changed.
    """
    at_ms = desk.clock().wall_ms

    def work(connection: sqlite3.Connection) -> list[Applied]:
        applied = _enrol(desk, connection, read, at_ms, chip)
        for one in applied:
            _note(desk, connection, one.came, at_ms)
        if preview:
            raise _Preview(applied)
        return applied

    try:
        # One transaction, however long the list: all or nothing outweighs the 20 ms that taps may otherwise wait.
        return desk.database.write(work)
    except _Preview as would:
        return would.applied


def _enrol(desk: Desk, connection: sqlite3.Connection, read: list[Numbered], at_ms: int, chip: Chip | None) -> list[Applied]:
    applied, taken = [], []
    for numbered in read:
        if loans.is_loan_card(connection, card_index(desk.vault, numbered.line.card)):
            taken.append(f"line {numbered.number}: this card, {numbered.line.card.masked}, is one to lend, and nobody's for good")
            continue
        try:
            came = roster.enrol(connection, desk.vault, numbered.line, at_ms=at_ms, chip=chip)
        except SealBroken as error:
            raise Declined(f"line {numbered.number}: {error.message}; nothing was changed") from None
        if isinstance(came, Taken):
            taken.append(f"line {numbered.number}: this card, {numbered.line.card.masked}, is the badge of holder {came.holder}")
        else:
            applied.append(Applied(numbered, came))
    if taken:
        raise Declined(
            "\n".join(taken), repair="nothing was changed; `kiosk holder show` tells who that is; a badge is never passed on"
        )
    return applied


def _note(desk: Desk, connection: sqlite3.Connection, came: Enrolled, at_ms: int) -> None:
    """Keep evidence of what changed: ids only, since the profile rows keep the content until the holder is forgotten."""
    if came.added:
        facts: dict[str, object] = {"holder": came.holder, "profile": came.profile_id}
        evidence.record(connection, desk.vault, Entry.BADGE_ADDED, f"badge:{came.badge}", at_ms=at_ms, facts=facts)
    if came.new_badge:
        note = tasks.card_note(came.card_index)
        tasks.close_noted(connection, TaskKind.UNKNOWN_CARD, note, at_ms=at_ms)
    if came.edited:
        facts = {"profile": came.profile_id}
        evidence.record(connection, desk.vault, Entry.HOLDER_EDITED, f"holder:{came.holder}", at_ms=at_ms, facts=facts)
    if came.added and not came.new_holder:
        # With a badge he can close his stay himself.
        tasks.close_holder_tasks(connection, holder=came.holder, kind=TaskKind.REVOKED_OPEN_STAY, at_ms=at_ms)


def fields(applied: Applied, *, preview: bool = False) -> dict[str, object]:
    """Tell what came of a line; in a preview, what would be new has no id yet."""
    came = applied.came
    return {
        "id": None if preview and came.new_badge else came.badge,
        "holder": None if preview and came.new_holder else came.holder,
        "card": applied.numbered.line.card.masked,
        "line": applied.numbered.number,
        "added": came.added,
    }


def refuse_guessed_employers(desk: Desk, read: list[Numbered]) -> None:
    """Refuse empty employers once several are known: which one was meant would be guessed; for visitors none is meant."""
    owed = [numbered for numbered in read if not numbered.line.profile.local]
    empty = [numbered.number for numbered in owed if numbered.line.profile.employer is None]
    known = {numbered.line.profile.employer for numbered in read}
    known |= {desk.employer, *(term.employer for term in desk.declarations)}
    if not empty:
        return
    if len(known - {None}) < _SEVERAL:
        known |= {dated.profile.employer for _, dated in everybody(desk) if dated.profile is not None}
    if len(known - {None}) < _SEVERAL:
        return
    raise UsageError(
        "\n".join(f"line {number}: the employer is empty, and several employers are known" for number in empty),
        repair="nothing was changed; fill in enterprise_number or foreign_vat_number",
    )


def everybody(desk: Desk) -> Iterator[tuple[Badge, DatedProfile]]:
    """Read the whole roster, a badge with its holder's current profile at a time, by ascending badge id."""
    after = 0
    while rows := desk.database.read(partial(roster.page, after=after, limit=_PAGE)):
        # Opened outside the store's lock: taps go on meanwhile.
        yield from (roster.open_entry(desk.vault, row) for row in rows)
        after = rows[-1].badge[0]
