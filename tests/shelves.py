"""A world whose rows are as old and as finished as a test wants them."""

from __future__ import annotations

from typing import Any

from kiosk import purging, tap_entries
from kiosk.model import Direction, State
from kiosk.purging import DAY_MS, Term
from tests.worlds import World

#: Longer than any default of ``[retention]`` for rows.
OLD_DAYS = 100
DAYS = 90


def finished(world: World, person: int = 0, direction: Direction = Direction.IN, *, days: float = OLD_DAYS, **columns: Any) -> int:
    """Write a registration of so many days ago that is accepted and found valid, or as the columns say."""
    row = world.tap(person, direction, state=State.ACCEPTED, ago_seconds=days * 86_400)
    put(world, row, **{"validity": "valid", "registration_id": 50_000 + row, **columns})
    return row


def put(world: World, row: int, **columns: Any) -> None:
    names = ", ".join(f"{name} = ?" for name in columns)
    world.database.write(lambda c: c.execute(f"UPDATE registrations SET {names} WHERE id = ?", (*columns.values(), row)))  # noqa: S608


def walk(world: World, term: Term, *, days: float = DAYS, most: int = purging.SLICE) -> int:
    """Take every step of a walk; how many rows went."""
    chain(world)
    now_ms, after, gone = world.time.wall_ms, 0, 0
    while True:
        step = purging.purge(world.outbox, term, after=after, cutoff_ms=now_ms - round(days * DAY_MS), now_ms=now_ms, most=most)
        gone += step.gone
        if step.after is None:
            return gone
        after = step.after


def chain(world: World) -> None:
    """Take every tap into the record, as the notary does."""
    tap_entries.chain_all(world.database, world.outbox.vault, lambda: world.time.wall_ms)


def ids(world: World, table: str = "registrations") -> list[int]:
    return [int(str(row[0])) for row in world.select(f"SELECT id FROM {table} ORDER BY id")]  # noqa: S608  our own word
