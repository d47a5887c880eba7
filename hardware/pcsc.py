"""Badge readers by PC/SC: one thread that waits for cards, reads each afresh, and outlives pcscd and the plug.

pyscard's own monitors end for good, silently, when pcscd dies, and take two badges of one make for the same
card (facts, hardware, section 1.2); so this waits by itself, at the lowest layer. Each rule below was somebody's
lost badge: one fresh connection per attempt, none kept after it; a card is read again while it lies there, since
an exchange within 50 ms raises no event; after every error of the service a new context, for old ones stay dead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Final

from hardware import badge
from hardware.apdu import Manner
from hardware.cards import Failed
from hardware.pcsc_codes import NOT_ALLOWED, POLKIT_REPAIR, Denied, Outage
from hardware.ports import ReaderLost, Sighting
from hardware.presence import Presence

if TYPE_CHECKING:
    from hardware.winscard import Session

_log: Final = logging.getLogger("hardware.pcsc")

#: The pseudo reader whose event says that a reader came or went.
_PLUG: Final = r"\\?PnP?\Notification"
#: Longest blocking wait: a cancel that comes just before the wait begins is lost, so ``stop`` is looked at this often.
_LOOK_MS: Final = 900
#: Pause before a new context, seconds: pcscd needs 0.3 s to come back.
_RETRY_SECONDS: Final = 0.5
#: The same where the service refuses this user: it writes each refusal in the system's log.
_REFUSED_SECONDS: Final = 5.0
#: So many refusals in a row are meant; one alone is what libpcsclite makes of a pcscd that was killed.
_MEANT: Final = 2
#: Once its holder has his answer, a card rests this many times as long as it took to answer: no command can be cancelled,
#: so a slow card must not own the thread.
_REST: Final = 4
#: A card that goes into a slot can't be exchanged without an event: once its holder has his answer it is not read again.
_LEFT_IN_PEACE_NS: Final = 10**18

_NO_SERVICE: Final = "the PC/SC service does not answer ({}); repair: systemctl enable --now pcscd.socket, then look at its log"
_DENIED: Final = f"the PC/SC service refuses this user (SCARD_W_SECURITY_VIOLATION); repair: {POLKIT_REPAIR}"
_NOT_INSTALLED: Final = "PC/SC is not installed; repair: apt install pcscd libpcsclite1"

_CHANGED: Final = 0x0002
_EMPTY: Final = 0x0010
_PRESENT: Final = 0x0020


@dataclass(slots=True)
class _Slot:
    """A reader: what lies on it, its state as last told, and when to read next (boot time, nanoseconds)."""

    presence: Presence = field(default_factory=Presence)
    state: int = 0
    due_ns: int = 0

    def lost(self) -> None:
        self.presence.lost()
        self.state = 0

    def noted(self, event: int, now_ns: int) -> Sighting | None:
        before, self.state = self.state, event & ~_CHANGED
        if not event & (_EMPTY | _PRESENT):
            self.presence.lost()  # the reader is going; its state is kept, or the next wait would end at once
            return None
        if event & _PRESENT and (not before & _PRESENT or before >> 16 != event >> 16):
            self.due_ns = now_ns
        return self.presence.status(present=bool(event & _PRESENT), counter=event >> 16 & 0xFFFF, now_ns=now_ns)


class PcscReader:
    """All PC/SC readers whose name contains ``match``; a source of cards (``hardware.ports.Reader``).

    Args:
        match: Part of the readers' name, case ignored; None takes every reader.
        probe_seconds: How often a card that lies there is read again, from 0.01.
        manner: How it speaks to the cards: by default a badge reader's.
        boot_ns: CLOCK_BOOTTIME in nanoseconds.
    """

    def __init__(
        self,
        match: str | None = None,
        probe_seconds: float = 0.15,
        *,
        manner: Manner = badge.MANNER,
        boot_ns: Callable[[], int] | None = None,
    ) -> None:
        self._match = match
        self._manner = manner
        self._probe_ns = int(probe_seconds * 1e9)
        self._boot_ns = boot_ns or _boot_time
        self._slots: dict[str, _Slot] = {}
        self._plug = 0
        self._session: Session | None = None
        self._attached = False
        self._barred = 0
        self._told = ""
        self._turned_ns = 0

    @property
    def attached(self) -> bool:
        """Whether a matching reader is there and the service lets us use it, as far as was seen last."""
        return self._attached and self._barred < _MEANT

    @property
    def turned_ns(self) -> int:
        """When the loop last went round, boot time in nanoseconds; 0 before the first time.

        It goes round at least once a second, unless a card holds the reader up or the caller a sighting.
        """
        return self._turned_ns

    def wake(self) -> None:
        """End a blocking wait, so that ``stop`` is looked at now; safe from any thread, any number of times."""
        session = self._session
        if session is not None:
            session.cancel()

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        """Yield each card once per insertion, until ``stop`` is set; a dead service or a pulled plug is waited out.

        Raises:
            ReaderLost: PC/SC is not installed.
        """
        refusals = 0
        while not stop.is_set():
            self._turned_ns = self._boot_ns()
            try:
                with self._connected() as session:
                    while not stop.is_set():
                        yield from self._turn(session)
                        refusals = 0
            except Outage as outage:
                refusals = self._barred = 0
                self._tell(logging.WARNING, _NO_SERVICE.format(outage))
            except Denied:
                refusals += 1
                self._complain(refusals)
            stop.wait(_RETRY_SECONDS if refusals < _MEANT else _REFUSED_SECONDS)

    @contextmanager
    def _connected(self) -> Iterator[Session]:
        session = self._session = _open()
        try:
            yield session
        finally:
            self._session, self._attached, self._plug = None, False, 0
            for slot in self._slots.values():
                slot.lost()
            session.close()

    def _turn(self, session: Session) -> Iterator[Sighting]:
        slots = self._plugged(session)
        known = {name: slot.state for name, slot in slots.items()}
        events = session.changes({_PLUG: self._plug, **known}, self._wait_ms(slots))
        self._turned_ns = now = self._boot_ns()
        self._plug = events.pop(_PLUG, self._plug) & ~_CHANGED
        told = [slots[name].noted(event, now) for name, event in events.items()]
        yield from (sighting for sighting in told if sighting is not None)
        for name, slot in slots.items():
            if slot.presence.present and slot.due_ns <= self._boot_ns():
                sighting = self._read(session, name, slot)
                if sighting is not None:
                    yield sighting

    def _plugged(self, session: Session) -> dict[str, _Slot]:
        wanted = (self._match or "").casefold()
        names = [name for name in session.readers() if wanted in name.casefold()]
        for name in self._slots.keys() - names:
            self._slots[name].lost()
        self._attached = bool(names)
        if names and self._barred < _MEANT:
            self._tell(logging.INFO, f"ready: {', '.join(names)}")
        elif not names:
            self._tell(
                logging.WARNING, "no badge reader is plugged in" + (f" whose name contains {self._match!r}" if wanted else "")
            )
        return {name: self._slots.setdefault(name, _Slot()) for name in names}

    def _wait_ms(self, slots: dict[str, _Slot]) -> int:
        now = self._boot_ns()
        waits = [(slot.due_ns - now) // 1_000_000 + 1 for slot in slots.values() if slot.presence.present]
        return max(0, min([_LOOK_MS, *waits]))

    def _read(self, session: Session, name: str, slot: _Slot) -> Sighting | None:
        began = self._boot_ns()
        outcome = session.read(name, self._manner)
        now = self._boot_ns()
        self._barred = self._barred + 1 if outcome == Failed(NOT_ALLOWED) else 0
        self._complain(self._barred)
        sighting = slot.presence.read(outcome, began_ns=began, now_ns=now)
        slot.due_ns = now + self._rest_ns(slot, now - began)
        return sighting

    def _rest_ns(self, slot: _Slot, took_ns: int) -> int:
        if slot.presence.awaited:
            return self._probe_ns
        return _LEFT_IN_PEACE_NS if self._manner.alone else max(self._probe_ns, _REST * took_ns)

    def _complain(self, refusals: int) -> None:
        if refusals >= _MEANT:
            self._tell(logging.ERROR, _DENIED)

    def _tell(self, level: int, text: str) -> None:
        if text != self._told:
            self._told = text
            _log.log(level, text)


def listing() -> tuple[str, ...]:
    """Name the PC/SC readers plugged in now, possibly none.

    Raises:
        ReaderLost: PC/SC is not installed, its service does not answer or refuses this user; says the repair.
    """
    return _ask(lambda session: session.readers())


def refusing(names: Sequence[str]) -> tuple[str, ...]:
    """Name those of these readers that this user may list but not use: polkit decides the two apart.

    A list alone misses that (facts, hardware, section 1.7). What lies on a reader is not kept.

    Raises:
        ReaderLost: As ``listing``.
    """
    # Twice, since a pcscd that dies at this moment looks like a refusal.
    return _ask(lambda session: tuple(name for name in names if all(_refuses(session, name) for _ in range(_MEANT))))


def _refuses(session: Session, name: str) -> bool:
    return session.read(name) == Failed(NOT_ALLOWED)


def _ask(question: Callable[[Session], tuple[str, ...]]) -> tuple[str, ...]:
    try:
        session = _open()
        try:
            return question(session)
        finally:
            session.close()
    except Outage as outage:
        raise ReaderLost(_NO_SERVICE.format(outage)) from None
    except Denied:
        raise ReaderLost(_DENIED) from None


def _open() -> Session:
    # Not at the top: pyscard takes some 15 ms, and the simulated reader needs none of it.
    try:
        from hardware.winscard import Session  # noqa: PLC0415 -- see above
    except ImportError as error:
        raise ReaderLost(_NOT_INSTALLED) from error
    return Session()


def _boot_time() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
