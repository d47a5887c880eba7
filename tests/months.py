"""A November at a small site, with something of everything that a monthly report has to tell, on a real store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from kiosk import payroll, roster, taps
from kiosk.advice import Language
from kiosk.calls import DESK_CALLS
from kiosk.desk import Desk
from kiosk.model import BadgeLine, Coordinates, Direction, Environment, Reason, Signal, State
from kiosk.payroll import Frame
from kiosk.records import card_index, pack_draft
from kiosk.retention_settings import Retention
from kiosk.rules import Now
from kiosk.vault import Field, new_uid
from tests.desks import Clock, add_row, draft, open_desk, put
from tests.people import CANARY, CANARY_INSZ, OTHER_DECLARATION, invented_card, invented_insz, invented_line

ZONE: Final = ZoneInfo("Europe/Brussels")
#: Whoever has this name must not have a spreadsheet do his work.
EVIL: Final = "=HYPERLINK(1)<script>&"
FRAME: Final = Frame(
    site="Wetstraat 16", zone=ZONE, environment=Environment.PRODUCTION, retention=Retention(), language=Language.EN
)
ASKER: Final = {"uid": 1000, "user": "somebody"}


def ms(local: str) -> int:
    """The moment of a local time, Unix milliseconds."""
    return round(datetime.fromisoformat(local).replace(tzinfo=ZONE).timestamp() * 1000)


def local_tap(desk: Desk, holder: int, direction: Direction, at_ms: int) -> None:
    """A tap of somebody for whom nothing is owed."""
    moment = taps.Moment(
        card=invented_card(holder),
        card_index=card_index(desk.vault, invented_card(holder)),
        reader="gate",
        driver="simulated",
        technology="test",
        press=None,
        now=Now(at_ms=at_ms, boot_ns=at_ms * 1_000_000, boot_id="boot"),
        clock=desk.clock(),
    )
    desk.database.write(
        lambda c: taps.add_tap(c, desk.vault, moment, book=desk.book, signal=Signal.LOCAL, holder=holder, direction=direction)
    )


def by_telephone(desk: Desk, holder: int, direction: Direction, at_ms: int) -> None:
    """A registration that the service showed and this box did not make."""
    uid = new_uid()
    sealed = desk.vault.seal(Field.REGISTRATION, uid, pack_draft(draft(direction, at_ms, ssin=invented_insz(holder - 1))))
    sql = (
        "INSERT INTO elsewhere (uid, book, holder, direction, at_ms, registration_id, group_index, seen_ms, sealed)"
        " VALUES (?, ?, ?, ?, ?, ?, x'00', ?, ?)"
    )
    values = (uid, desk.book, holder, direction.value, at_ms, at_ms // 1000, at_ms, sealed)
    desk.database.write(lambda c: c.execute(sql, values))


@contextmanager
def november(folder: Path) -> Iterator[Desk]:
    """Three people, looked at in the middle of December.

    The first has a personnel number: a day with a break, a night shift, a forgotten OUT. The second has an evil name and
    none: an IN at the box and an OUT by telephone, a held one elsewhere for other works. For the third nothing is owed.
    """
    with open_desk(folder, Clock(ms("2026-12-15T12:00:00"))) as desk:
        people = [
            BadgeLine(card=CANARY.card, profile=replace(CANARY.profile, personnel_number="P-7")),
            BadgeLine(card=invented_card(1), profile=replace(invented_line(1).profile, name=EVIL)),
            invented_line(2),
        ]
        for line in people:
            desk.database.write(lambda c, line=line: roster.enrol(c, desk.vault, line, at_ms=1))  # type: ignore[misc]  # a default binds the loop's value

        def row(holder: int, way: Direction, at: str, state: State = State.ACCEPTED, **more: Any) -> int:
            insz = CANARY_INSZ if holder == 1 else invented_insz(holder - 1)
            reason = Reason.LATE if state is State.HELD else None
            return add_row(desk, holder, draft(way, ms(at), ssin=insz, **more), state, reason)

        row(1, Direction.IN, "2026-11-02T07:00:00")
        put(desk, row(1, Direction.OUT, "2026-11-02T12:00:00"), press="break")
        row(1, Direction.IN, "2026-11-02T12:30:00")
        row(1, Direction.OUT, "2026-11-02T15:30:00", State.REFUSED)
        row(1, Direction.IN, "2026-11-03T22:00:00")
        row(1, Direction.OUT, "2026-11-04T06:00:00", State.UNKNOWN)
        row(1, Direction.IN, "2026-11-05T07:00:00")
        row(2, Direction.IN, "2026-11-02T08:00:00")
        by_telephone(desk, 2, Direction.OUT, ms("2026-11-02T16:00:00"))
        there = {"declaration": OTHER_DECLARATION, "place": Coordinates(51.2172, 4.4211)}
        row(2, Direction.IN, "2026-11-06T08:00:00", State.HELD, **there)
        row(2, Direction.OUT, "2026-11-06T09:00:00", State.HELD, **there)
        row(2, Direction.OUT, "2026-10-05T09:00:00")
        local_tap(desk, 3, Direction.IN, ms("2026-11-09T09:00:00"))
        local_tap(desk, 3, Direction.OUT, ms("2026-11-09T10:00:00"))
        yield desk


def told(desk: Desk, frame: Frame = FRAME, **asked: object) -> dict[str, Any]:
    """Put the November together as the verb does, straight from the desk."""

    def ask(call: str, params: Mapping[str, object]) -> Mapping[str, Any]:
        return DESK_CALLS[call](desk, params)

    return payroll.gather(ask, {"month": "2026-11", **ASKER, **asked}, frame)
