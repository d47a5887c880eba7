"""A desk on a real store in a test's own folder, with a clock that the test sets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from kiosk import outbox, taps
from kiosk.books import open_book
from kiosk.database import open_database
from kiosk.desk import Desk
from kiosk.identifiers import CardId, Employer
from kiosk.model import ClockReading, Direction, Draft, Environment, Reason, Signal, State
from kiosk.records import card_index, unpack_draft
from kiosk.rules import DeclarationTerm, Now
from kiosk.vault import Field, Vault
from tests.people import CANARY_CARD, CANARY_INSZ, DECLARATION, EMPLOYER, PLACE

#: 2026-11-02 07:00:00 UTC, a Monday morning.
MORNING_MS: Final = 1_793_602_800_000


@dataclass
class Clock:
    """All clocks, standing still until told otherwise."""

    wall_ms: int = MORNING_MS

    def __call__(self) -> ClockReading:
        return ClockReading(
            wall_ms=self.wall_ms, boot_ns=self.wall_ms * 1_000_000, boot_id="boot", trusted=True, source="kernel", bound_ms=10
        )


@contextmanager
def open_desk(folder: Path, clock: Clock, *, employer: Employer | None = EMPLOYER) -> Iterator[Desk]:
    """Open a desk on a new training book in ``folder``."""
    vault = Vault(bytes(range(32)))
    database = open_database(folder / "kiosk.db", vault, create=True)
    try:
        book = database.write(
            lambda connection: open_book(connection, vault, host="localhost", environment=Environment.TRAINING, at_ms=clock.wall_ms)
        )
        yield Desk(
            database=database,
            vault=vault,
            book=book.id,
            clock=clock,
            place=PLACE,
            time_zone="Europe/Brussels",
            declarations=(DeclarationTerm(number=DECLARATION),),
            employer=employer,
        )
    finally:
        database.close()


def stray(desk: Desk, card: CardId) -> None:
    """Write the tap of a card, or of an identity card, that nobody knows."""
    tap = taps.Moment(
        card=card,
        card_index=card_index(desk.vault, card),
        reader="gate",
        driver="pcsc",
        technology="test",
        press=None,
        now=Now(at_ms=MORNING_MS, boot_ns=1, boot_id="boot"),
        clock=desk.clock(),
    )
    desk.database.write(lambda c: taps.add_tap(c, desk.vault, tap, book=desk.book, signal=Signal.UNKNOWN_CARD))


def add_row(
    desk: Desk,
    holder: int,
    draft: Draft,
    state: State = State.QUEUED,
    reason: Reason | None = None,
    *,
    reader: str = "gate",
    trusted: bool = True,
) -> int:
    """Write a tap with its registration in any state; returns the row's id."""
    tap = taps.Moment(
        card=CANARY_CARD,
        card_index=card_index(desk.vault, CANARY_CARD),
        reader=reader,
        driver="simulated",
        technology="test",
        press=None,
        now=Now(at_ms=draft.at_ms, boot_ns=draft.at_ms * 1_000_000, boot_id="boot"),
        clock=replace(desk.clock(), trusted=trusted),
    )
    return desk.database.write(
        lambda connection: outbox.add_registration(
            connection,
            desk.vault,
            tap=tap,
            book=desk.book,
            holder=holder,
            draft=draft,
            state=state,
            reason=reason,
            group_index=outbox.group_of(desk.vault, draft),
            signal=Signal(draft.direction.value),
        )
    )


def draft(direction: Direction = Direction.IN, at_ms: int = MORNING_MS, **changes: object) -> Draft:
    """Make what the canary's tap owes, with these fields changed."""
    whole = Draft(ssin=CANARY_INSZ, direction=direction, at_ms=at_ms, employer=EMPLOYER, place=PLACE, declaration=DECLARATION)
    return replace(whole, **changes)  # type: ignore[arg-type]  # the fields of a Draft, by name


def put(desk: Desk, row: int, **columns: object) -> None:
    """Set columns of a row as the rest of the kiosk would have left them."""
    names = ", ".join(f"{name} = ?" for name in columns)
    desk.database.write(
        lambda connection: connection.execute(f"UPDATE registrations SET {names} WHERE id = ?", (*columns.values(), row))  # noqa: S608
    )


def holds(desk: Desk, row: int) -> Draft:
    """What the row would send."""
    uid, sealed = desk.database.read(
        lambda connection: connection.execute("SELECT uid, sealed FROM registrations WHERE id = ?", (row,)).fetchone()
    )
    return unpack_draft(desk.vault.open(Field.REGISTRATION, uid, sealed))
