"""The next card at a reader becomes a badge or is explained, instead of a tap, while an admin waits for it; one at a time.

Meanwhile no card at that reader is a tap: whoever lays his own badge on sees red, and lays it on again. Otherwise an admin with
the wrong card in his hand would register its owner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock
from typing import Final

from hardware.ports import Card, Identity, Sighting, Unreadable
from kiosk.control import Call
from kiosk.desk import Desk, params
from kiosk.desk.explaining import explainer
from kiosk.desk.lent import loan_enroller
from kiosk.desk.people import badge_enroller
from kiosk.errors import Declined, KioskError, UsageError
from kiosk.model import Answer, Signal

#: A card that was seen is enrolled in milliseconds; this long a wait means that the disk hangs.
_DISK_SECONDS: Final = 20.0
_NOT_ENROLLED: Final = "this card was not enrolled, and this was no tap"
_LOOKED_AT: Final = "this card was looked at for the admin, and this was no tap"

#: Makes a badge of a card; returns what the verb tells of it, raises ``KioskError``.
Enrol = Callable[[Card], dict[str, object]]
#: Deals with whatever was laid on, likewise.
Handle = Callable[[Sighting], dict[str, object]]


@dataclass(slots=True)
class _Wanted:
    reader: str | None
    handle: Handle
    shown: Answer
    done: Event = field(default_factory=Event)
    told: dict[str, object] | KioskError | None = None


class Enrolling:
    """Hands the next card to whoever waits for it. Safe from any thread.

    Args:
        seconds: How long an admin has to lay a card on that shall be a badge.
    """

    def __init__(self, *, seconds: float = 30.0) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._wanted: _Wanted | None = None

    @property
    def busy(self) -> bool:
        """Whether a card is waited for."""
        return self._wanted is not None

    def calls(self, desk: Desk, readers: Sequence[str]) -> dict[str, Call]:
        """What ``control`` may be asked: to wait for a card at one of these readers, for either end, and to give it up."""
        return {
            "badge enrol": partial(self._asked, desk, readers),
            "badge enrol-stop": self._stopped,
            "doctor card": partial(self._looked, desk, readers),
        }

    def _asked(self, desk: Desk, readers: Sequence[str], given: Mapping[str, object]) -> Mapping[str, object]:
        """Make a badge of the next card: at ``reader``, where one is named, with the fields of ``badge add`` but ``card``.

        With ``"loan": true`` it becomes a card to lend instead.
        """
        reader = _one_of(readers, given)
        if "card" in given:
            raise UsageError("card: is laid on the reader", repair="with its number in hand use `kiosk badge add`")
        person = {name: value for name, value in given.items() if name not in {"reader", "loan"}}
        if given.get("loan") is True:
            if person:
                raise UsageError("loan: a card to lend belongs to nobody; leave the person's fields out")
            enrol = loan_enroller(desk)
        else:
            enrol = badge_enroller(desk, person)
        return self.wait(enrol, reader=reader, seconds=self._seconds)

    def _looked(self, desk: Desk, readers: Sequence[str], given: Mapping[str, object]) -> Mapping[str, object]:
        """Explain whatever is laid on next: at ``reader``, where one is named; with ``reveal`` also its whole number."""
        params.only(given, ("reader", "reveal"))
        explain = explainer(desk, reveal=params.flag(given, "reveal"))
        shown = Answer(signal=Signal.UNREADABLE, why=_LOOKED_AT)
        return self._wait(_Wanted(_one_of(readers, given), explain, shown), self._seconds)

    def _stopped(self, params: Mapping[str, object]) -> dict[str, object]:
        del params
        self.give_up()
        return {}

    def wait(self, enrol: Enrol, *, reader: str | None, seconds: float) -> Mapping[str, object]:
        """Wait for the next card and have it enrolled.

        Args:
            enrol: What to do with the card.
            reader: At this reader only, or at any.
            seconds: How long to wait for it.

        Raises:
            Declined: No card came, another admin waits already, it was given up, or the card gave no usable number.
            KioskError: What ``enrol`` raised.
        """
        return self._wait(_Wanted(reader, partial(_enrolled, enrol), Answer(signal=Signal.ENROLLED)), seconds)

    def _wait(self, mine: _Wanted, seconds: float) -> Mapping[str, object]:
        with self._lock:
            if self.busy:
                raise Declined("a card is being waited for already", repair="finish that one, or wait until its time is up")
            self._wanted = mine
        if not mine.done.wait(seconds) and self._let_go(mine):
            raise Declined(f"no card was laid on within {seconds:g} s", repair="run it again and lay the card on the reader")
        if not mine.done.wait(_DISK_SECONDS) or mine.told is None:
            raise Declined("nothing came of the card", repair="see `kiosk status` and the daemon's log")
        if isinstance(mine.told, KioskError):
            raise mine.told
        return mine.told

    def give_up(self) -> None:
        """Wait for no card any more: the next one is a tap again."""
        with self._lock:
            mine, self._wanted = self._wanted, None
        if mine is not None:
            mine.told = Declined("given up before a card was laid on")
            mine.done.set()

    def take(self, sighting: Sighting, reader: str) -> Answer | None:
        """Enrol what a reader saw, if it is waited for there; None: nobody waits, it is a tap."""
        with self._lock:
            mine = self._wanted
            if mine is None or mine.reader not in (None, reader):
                return None
            self._wanted = None
        try:
            mine.told = mine.handle(sighting)
        except KioskError as error:
            mine.told = error
            return Answer(signal=Signal.UNREADABLE, why=_NOT_ENROLLED)
        finally:
            mine.done.set()
        return mine.shown

    def _let_go(self, mine: _Wanted) -> bool:
        with self._lock:
            if self._wanted is not mine:
                return False  # a card came at the last moment
            self._wanted = None
            return True


def _enrolled(enrol: Enrol, sighting: Sighting) -> dict[str, object]:
    """Make a badge of it; raises ``KioskError``."""
    if isinstance(sighting, Unreadable):
        raise Declined(f"the card can't be a badge: {sighting.why}", repair="take another card")
    if isinstance(sighting, Identity):
        raise Declined("an identity card is nobody's badge", repair="take a badge; its holder's identity card counts anyway")
    return enrol(sighting)


def _one_of(readers: Sequence[str], given: Mapping[str, object]) -> str | None:
    """The reader that was named, or None; raises ``UsageError`` for one that is not there."""
    reader = given.get("reader")
    if reader is not None and reader not in readers:
        raise UsageError(f"--reader: no such reader; there are: {', '.join(readers)}")
    return None if reader is None else str(reader)
