"""How v1.db was made: the store of a day at a gate, written by the version whose schema was 1.

Run from the project's folder: ``python -m tests.databases.make_v1``. Once a version with this schema has been shipped
the file is never made again: it stands for the stores that lie on boxes.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from kiosk import badges, settling
from kiosk.batches import Row, Terms
from kiosk.claims import Claims
from kiosk.identifiers import ForeignVatNumber
from kiosk.model import BadgeLine, Press, Profile
from kiosk.outbox import Outbox
from kiosk.verdicts import Answered, Created, ItemVerdict, NotCreated
from tests.gatehouse import HOUR, Gatehouse, open_gatehouse
from tests.people import CANARY, CANARY_CARD, DECLARATION, invented_card, invented_insz

HERE = Path(__file__).parent
FOREIGNER = BadgeLine(
    card=invented_card(2),
    profile=Profile(
        insz=invented_insz(2),
        name="Person 2",
        employer=ForeignVatNumber.parse("NL123456789B01"),
        declaration=DECLARATION,
        personnel_number="P-00417",
    ),
)
LEFT = BadgeLine(card=invented_card(3), profile=Profile(insz=invented_insz(3)))
UNKNOWN_CARD = invented_card(99)


def answer_to(row: Row) -> ItemVerdict:
    """Give the service's answer: the third holder is nobody it knows."""
    if row.holder == 3:
        return NotCreated(reason="ssinUnknown")
    return Created(registration_id=17_000 + row.id, validity="pending", remarks=("late",))


def live_a_day(house: Gatehouse) -> None:
    """Come, go, be accepted, be refused, come with a card nobody knows, and lose a badge."""
    for line in (CANARY, FOREIGNER, LEFT):
        house.enrol(line)
    house.tap(CANARY_CARD)
    house.tap(FOREIGNER.card)
    house.tap(LEFT.card)
    house.tap(UNKNOWN_CARD)
    house.clocks.wait(8 * HOUR)
    outbox = Outbox(house.database, house.vault, house.book)
    terms = Terms(now_ms=house.clocks.wall_ms, size=100, order_wait_ms=0)
    claims = Claims(outbox)
    for _ in range(2):
        batch = claims.next(terms)
        assert batch is not None
        items = tuple(answer_to(row) for row in batch.rows)
        settling.answered(outbox, batch, Answered(items=items), at_ms=house.clocks.wall_ms)
    house.tap(CANARY_CARD, press=Press.BREAK)
    house.correct(2, Profile(insz=invented_insz(2), name="Person Two"))
    house.database.write(lambda c: badges.revoke(c, 3, at_ms=house.clocks.wall_ms))
    house.clocks.trusted = False
    house.tap(FOREIGNER.card)


def main() -> None:
    """Write ``v1.db`` beside this file."""
    with TemporaryDirectory() as folder:
        with open_gatehouse(Path(folder)) as house:
            live_a_day(house)
        shutil.copy(Path(folder) / "kiosk.db", HERE / "v1.db")
    (HERE / "v1.db").chmod(0o644)


if __name__ == "__main__":
    main()
