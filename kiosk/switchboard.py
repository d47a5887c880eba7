"""The calls that only a running daemon can answer, beside those of the desk: ``status`` and ``tap``."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from hardware.indicator import boot_clock
from hardware.ports import ReaderLost
from hardware.simulated import SimulatedReader
from kiosk import aftermath, outbox, signing, tap_entries, tasks
from kiosk.books import Book
from kiosk.calls import DESK_CALLS
from kiosk.certificate import Certificate, read_certificate
from kiosk.contact import ServiceState, ServiceStatus
from kiosk.control import Call
from kiosk.days import day_of
from kiosk.deadlines import bounds_on
from kiosk.desk import Desk, presence
from kiosk.enrolling import Enrolling
from kiosk.entrance import Answers, Entrance
from kiosk.errors import Declined, UsageError
from kiosk.expiry import certificate_asks, days_until, declaration_asks
from kiosk.identifiers import CardId, DeclarationNumber, Employer
from kiosk.locator import Locator
from kiosk.model import Answer, ClockReading, Press, Signal, rfc3339
from kiosk.panel import Panel
from kiosk.presses import NOTHING, Pending, Presses, Wish
from kiosk.room import Room
from kiosk.settings import Declaration, Driver
from kiosk.status import (
    ButtonView,
    CredentialView,
    DeclarationView,
    EvidenceView,
    ReaderView,
    View,
    resting_signal,
    snapshot,
)

#: A tap waits for the disk only; this long a wait means that the reader's thread hangs.
_TAP_SECONDS: Final = 20.0
#: A reader opens in milliseconds, but the daemon answers before.
_OPEN_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Switchboard:
    """What the calls need of the running daemon.

    Attributes:
        desk: The desk with the running delivery.
        book: The current book.
        entrances: All readers.
        answers: Where a tap's answer turns up.
        service: How the service stands.
        light: Whether the indicator works.
        certificates: Each credential's certificate file or None, by its employer; None: everybody else's.
        faults: What keeps a credential from being used, likewise.
        presses: Where a press waits for its tap.
        declarations: The configured declarations.
        panel: The buttons, or None.
        room: How full the store is.
        enrolling: Where a card is waited for.
        locator: The receiver, or None where the site's coordinates are the only ones.
    """

    desk: Desk
    book: Book
    entrances: Sequence[Entrance]
    answers: Answers
    service: Callable[[], ServiceStatus]
    light: Callable[[], bool]
    certificates: Mapping[Employer | None, Path | None]
    faults: Callable[[], Mapping[Employer | None, str]]
    presses: Presses
    declarations: Sequence[Declaration]
    panel: Panel | None
    room: Room
    enrolling: Enrolling
    locator: Locator | None = None

    def calls(self) -> dict[str, Call]:
        """Everything that ``control`` may be asked, by the verb's words."""
        return {
            **{name: partial(call, self.desk) for name, call in DESK_CALLS.items()},
            "status": self.status,
            "tap": self.tap,
            **self.enrolling.calls(self.desk, [door.gate.name for door in self.entrances]),
        }

    def status(self, params: Mapping[str, object]) -> dict[str, object]:
        """The snapshot that ``kiosk status`` prints; no parameters are taken."""
        del params
        return snapshot(self.view())

    def view(self) -> View:
        """Look at everything once."""
        desk = self.desk
        tally = desk.database.read(partial(outbox.tally, book=desk.book))
        clock = desk.clock()
        failure = desk.database.dead or desk.database.full or self.room.refusal
        return View(
            version=version("ciao-kiosk"),
            environment=self.book.environment,
            service_host=self.book.host,
            counts=tally.counts,
            oldest_unsent_ms=tally.oldest_unsent_ms,
            waiting_for_clock=tally.waiting_for_clock,
            present=presence.count_here(desk),
            tasks=desk.database.read(partial(tasks.count_open, book=desk.book)),
            due=self._due(clock),
            clock=clock,
            readers=[ReaderView(name=door.gate.name, driver=door.gate.driver, state=door.state.value) for door in self.entrances],
            service=self.service(),
            credentials=self._credentials(clock.at),
            declarations=self._declarations(clock.at),
            buttons=[ButtonView(name=name, state="ready" if self.panel.ready else "dead") for name in self.panel.names]
            if self.panel
            else [],
            store_failure=None if failure is None else failure.message,
            room=self.room.standing,
            salvaged=desk.database.read(partial(aftermath.told, book=desk.book)),
            light=self.light(),
            position=None if self.locator is None else self.locator.bearing(boot_clock()),
            resting=self.resting(),
            evidence=self._evidence(),
        )

    def _due(self, clock: ClockReading) -> tasks.Due:
        """Which tasks must be settled soon; none can be told by a clock that nobody vouches for."""
        if not clock.trusted:
            return tasks.Due(soon=0, overdue=0)
        zone = ZoneInfo(self.desk.time_zone)
        bounds = bounds_on(day_of(clock.wall_ms, zone), zone)
        return self.desk.database.read(partial(tasks.count_due, book=self.desk.book, bounds=bounds))

    def _evidence(self) -> EvidenceView:
        desk = self.desk
        standing = desk.database.read(signing.standing)
        return EvidenceView(
            public_key=None if desk.signer is None else desk.signer.public.hex(),
            entries=standing.entries,
            last_signed_ms=standing.last_signed_ms,
            unsigned_entries=standing.unsigned_entries,
            unchained_taps=desk.database.read(tap_entries.unchained),
        )

    def _credentials(self, now: datetime) -> list[CredentialView]:
        faults = self.faults()
        return [
            CredentialView(
                employer=None if employer is None else employer.value,
                days_left=None if certificate is None else days_left(certificate, now),
                fault=faults.get(employer),
            )
            for employer, certificate in self.certificates.items()
        ]

    def _declarations(self, now: datetime) -> list[DeclarationView]:
        today = now.astimezone(ZoneInfo(self.desk.time_zone)).date()
        return [
            DeclarationView(number=each.number.value, name=each.name, days_left=days_until(each.valid_until, today))
            for each in self.declarations
        ]

    def resting(self) -> Signal:
        """What the light shows when nobody taps; cheap enough to be asked every few seconds."""
        desk = self.desk
        clock = desk.clock()
        return resting_signal(
            environment=self.book.environment,
            readers=[door.state.value for door in self.entrances],
            # Full is no standing red: it ends with the next change that finds room, and nobody would tap at a red light.
            troubled=not clock.trusted
            or any(certificate_asks(each.days_left) for each in self._credentials(clock.at))
            or any(declaration_asks(each.days_left) for each in self._declarations(clock.at))
            or desk.database.full is not None
            or self.room.standing.asks
            or self.service().state is ServiceState.CONFIG_FAULT
            or len(self.faults()) > 0
            or (self.panel is not None and not self.panel.ready)
            or (self.locator is not None and self.locator.bearing(boot_clock()).asks)
            or desk.database.read(partial(_waits_for_somebody, book=desk.book)),
            store_failed=desk.database.dead is not None,
        )

    def tap(self, params: Mapping[str, object]) -> dict[str, object]:
        """Lay a card on a simulated reader and wait for its signal.

        Args:
            params: ``card``, ``reader`` where there are several simulated ones, and ``press`` or ``declaration`` for a
                button that is pressed before.
        """
        try:
            card = CardId.parse(str(params.get("card", "")))
        except ValueError as error:
            raise UsageError(f"CARD: {error}") from None
        wish = self._wish(params)
        name, reader = self._simulated(params.get("reader"))
        if wish != NOTHING:
            self.presses.note(Pending(wish=wish, reader=name, boot_ns=boot_clock()))
        try:
            sighting = reader.tap(card.kind, card.identifier)
        except ReaderLost as error:
            raise Declined(str(error)) from None
        answer = self.answers.wait(sighting, _TAP_SECONDS)
        if answer is None:
            raise Declined("the reader gave no answer", repair="see `kiosk status` and the daemon's log")
        return answer_json(answer)

    def _wish(self, params: Mapping[str, object]) -> Wish:
        """What the button that goes before this tap stands for; raises ``UsageError``."""
        press, declaration = params.get("press"), params.get("declaration")
        if press is not None and declaration is not None:
            raise UsageError("--press and --declaration: one tap follows one button; leave one of them out")
        if press is not None:
            if press not in list(Press):
                raise UsageError(f"--press: no such button; there are: {', '.join(Press)}")
            return Wish(press=Press(str(press)))
        if declaration is None:
            return NOTHING
        try:
            number = DeclarationNumber.parse(str(declaration))
        except ValueError as error:
            raise UsageError(f"--declaration: {error}") from None
        if number not in {each.number for each in self.declarations}:
            raise UsageError("--declaration: is the number of no [[declaration]] here; add it or correct the number")
        return Wish(declaration=number)

    def _simulated(self, name: object) -> tuple[str, SimulatedReader]:
        doors = {door.gate.name: door for door in self.entrances if door.gate.driver == Driver.SIMULATED}
        door = next(iter(doors.values())) if name is None and len(doors) == 1 else doors.get(str(name))
        if door is None:
            told = ", ".join(sorted(doors)) or "none"
            raise UsageError(f"--reader: name a simulated reader of this daemon ({told})", repair='add one: driver = "simulated"')
        reader = door.await_reader(_OPEN_SECONDS)
        if not isinstance(reader, SimulatedReader):
            raise Declined("the reader is not open", repair="see `kiosk status` and the daemon's log")
        return door.gate.name, reader


def _waits_for_somebody(connection: sqlite3.Connection, book: int) -> bool:
    """Whether there is a task, or a row whose time is not known; both in one look, since each waits for the store."""
    return tasks.count_open(connection, book) > 0 or outbox.count_waiting(connection, book) > 0


def answer_json(answer: Answer) -> dict[str, object]:
    """Write an answer as ``kiosk tap --json`` prints it: no name, no number."""
    return {
        "signal": answer.signal.value,
        "ids": list(answer.ids),
        "direction": None if answer.direction is None else answer.direction.value,
        "offline": answer.offline,
        "clock": answer.clock,
        "since": None if answer.since_ms is None else rfc3339(answer.since_ms),
        "why": answer.why if answer.signal in {Signal.FAILED, Signal.UNREADABLE} else None,
        "remarks": list(answer.remarks),
    }


def days_left(certificate: Path, now: datetime) -> int | None:
    """Whole days until the certificate ends, or None when it can't be read (``kiosk check`` says why)."""
    try:
        return _certificate(certificate, certificate.stat().st_mtime_ns).days_left(now)
    except (UsageError, OSError):
        return None


@lru_cache(maxsize=16)
def _certificate(path: Path, changed_ns: int) -> Certificate:
    """Read once for each state of the file: a certificate that was replaced shows its own days."""
    del changed_ns
    return read_certificate(path)
