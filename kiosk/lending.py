"""A loan badge for whoever left his own at home: he shows his identity card, then lays a card to lend on the same reader."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Final

from hardware.ports import Card, Identity
from kiosk import badges, loans, roster
from kiosk.badges import Chip, Taken
from kiosk.claims import HOUR_MS
from kiosk.database import Database
from kiosk.errors import SealBroken, StoreError
from kiosk.identifiers import CardId, Insz
from kiosk.intake import TOO_WEAK
from kiosk.model import Answer, ClockReading, Signal, Trust
from kiosk.records import card_index
from kiosk.vault import Vault

#: From the light after his identity card until he has taken a card from the board and laid it on.
WITHIN_SECONDS: Final = 60
_WITHIN_NS: Final = WITHIN_SECONDS * 1_000_000_000
#: A loan lasts until a moment; one that began in 1970 would be over, and one that began in 2040 never end.
_NO_TIME: Final = "no card can be lent while the box does not know the time; your identity card counts until then"
_SHOWN: Final = frozenset({Signal.IN, Signal.ALREADY, Signal.LOCAL, Signal.HELD})


class Lending:
    """Gives a card to lend to whoever showed his identity card just before, at the same reader. Safe from any thread.

    Args:
        database: The open store.
        vault: Its keys.
        clock: Reads all clocks.
        max_shift_hours: How long he has it at most.
        minimum_trust: What a card must prove to register anybody here: what proves less is not lent.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        clock: Callable[[], ClockReading],
        *,
        max_shift_hours: float,
        minimum_trust: Trust = Trust.UID,
    ) -> None:
        self._database = database
        self._vault = vault
        self._clock = clock
        self._shift_ms = round(max_shift_hours * HOUR_MS)
        self._minimum_trust = minimum_trust
        self._lock = Lock()
        # By reader: whose identity card it was, as its blind index, and when.
        self._shown: dict[str, tuple[bytes, int]] = {}

    def note(self, identity: Identity, reader: str, answer: Answer) -> None:
        """Remember who showed his identity card, where his tap counted."""
        if answer.signal not in _SHOWN:
            return
        try:
            person = CardId.of_person(Insz.parse(identity.document.number))
        except ValueError:
            return
        with self._lock:
            self._shown[reader] = (card_index(self._vault, person), identity.boot_ns)

    def take(self, card: Card, reader: str) -> Answer | None:
        """Lend this card if it is one to lend and somebody just showed who he is; None: it is a tap."""
        with self._lock:
            person, shown_ns = self._shown.get(reader, (b"", 0))
            if not person or not 0 <= card.boot_ns - shown_ns <= _WITHIN_NS:
                return None
        try:
            answer = self._database.write(partial(self._lend, card=card, person=person))
        except (StoreError, SealBroken):
            return None  # the tap path meets the same store, and shows it
        if answer is not None and answer.signal is Signal.ENROLLED:
            with self._lock:
                self._shown.pop(reader, None)
        return answer

    def _lend(self, connection: sqlite3.Connection, card: Card, person: bytes) -> Answer | None:
        identity = CardId(card.kind, card.identifier)
        if not loans.is_loan_card(connection, card_index(self._vault, identity)):
            return None
        found = roster.find_person(connection, self._vault, person)
        if found is None:
            return None
        now = self._clock()
        trust = Trust(card.trust)
        if badges.holder_of(connection, self._vault, identity) is None:
            # What somebody has is his tap all the same, and judged as one.
            refusal = TOO_WEAK if not trust.reaches(self._minimum_trust) else None if now.trusted else _NO_TIME
            if refusal is not None:
                return Answer(signal=Signal.UNREADABLE, why=refusal, language=found.profile.language)
        lent = loans.lend(
            connection,
            self._vault,
            found.holder,
            identity,
            until_ms=now.wall_ms + self._shift_ms,
            at_ms=now.wall_ms,
            chip=Chip(technology=card.technology, trust=trust),
        )
        if isinstance(lent, Taken):
            return None  # somebody has it, and it is his tap; or it was lost, and the light says so
        return Answer(signal=Signal.ENROLLED, name=found.profile.name, language=found.profile.language)
