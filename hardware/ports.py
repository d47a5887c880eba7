"""The ports of the hardware edge: what readers, buttons, receivers and indicators can do, and the values they hand over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event
from typing import Protocol

from hardware.cards import Document


class DeviceLost(Exception):
    """A device can't go on by itself; its words are for people and hold nothing that was read from it."""


class ReaderLost(DeviceLost):
    """The reader can't go on by itself: its thread is restarted with backoff and it is shown as dead.

    A reader that heals itself (a restarted pcscd, a plug pulled and put back) does not raise this;
    it says ``attached = False`` meanwhile.
    """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Card:
    """A card at the reader; compared by identity, so that an answer finds its tap.

    Attributes:
        kind: The kind of identifier, one of ``hardware.cards.LENGTHS``: ``uid`` where a radio chip told it.
        identifier: Its bytes, as many as its kind may have.
        technology: What the reader says of the chip, for the record only, for instance ``mifare-classic-1k``.
        boot_ns: CLOCK_BOOTTIME in nanoseconds when the card was first seen.
        trust: How hard it is to be this card: ``uid`` (a number that anybody can copy), ``crypto`` (it proved a key of its own),
            ``eid`` (an identity document).
    """

    kind: str
    identifier: bytes
    technology: str
    boot_ns: int
    trust: str = "uid"

    def __repr__(self) -> str:
        return f"Card({self.kind}, {len(self.identifier)} bytes, {self.technology})"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Unreadable:
    """Something lay on the reader that gave no usable identifier.

    Attributes:
        why: Why not, in a few words without any card datum, for instance ``no answer from the card``.
        boot_ns: CLOCK_BOOTTIME in nanoseconds when it was first seen.
    """

    why: str
    boot_ns: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identity:
    """An identity document at the reader; it names a person, so that no badge needs to be known.

    Attributes:
        document: What was read of it; its number is nowhere kept in clear.
        boot_ns: CLOCK_BOOTTIME in nanoseconds when it was first seen.
    """

    document: Document
    boot_ns: int

    @property
    def trust(self) -> str:
        """``eid`` where the issuer's signature was checked, else ``uid``: anybody can write such a chip."""
        return "eid" if self.document.proven else "uid"

    def __repr__(self) -> str:
        return f"Identity({self.document.technology}, {self.trust})"


Sighting = Card | Identity | Unreadable


class Reader(Protocol):
    """A source of cards. One thread drives it."""

    @property
    def attached(self) -> bool:
        """Whether the device is there and answering, at this moment."""
        ...

    @property
    def turned_ns(self) -> int:
        """When its loop last went round, CLOCK_BOOTTIME in nanoseconds; 0 before it runs.

        It goes round at least once a minute; one that does not hangs, and only a new process frees it.
        """
        ...

    def sightings(self, stop: Event) -> Iterator[Sighting]:
        """Yield each card once per insertion; return soon after ``stop`` is set and ``wake`` was called.

        Raises:
            ReaderLost: The device can't be used any more by this object.
        """
        ...

    def wake(self) -> None:
        """Make a blocked ``sightings`` look at ``stop`` at once; safe from any thread, any number of times."""
        ...


class ButtonsLost(DeviceLost):
    """The buttons can't be used any more by this object: their thread is restarted with backoff and they are shown as dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A button was pressed: its name, and CLOCK_BOOTTIME in nanoseconds."""

    name: str
    boot_ns: int


class Buttons(Protocol):
    """Push buttons. One thread drives them."""

    def presses(self, stop: Event) -> Iterator[Pressed]:
        """Yield each press once; return soon after ``stop`` is set and ``wake`` was called.

        Raises:
            ButtonsLost: They can't be used any more by this object.
        """
        ...

    def wake(self) -> None:
        """Make a blocked ``presses`` look at ``stop`` at once; safe from any thread, any number of times."""
        ...


class PositionLost(DeviceLost):
    """The receiver can't be asked any more by this object: its thread is restarted with backoff, and nobody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Where the box was, as a receiver found it.

    Attributes:
        latitude: Decimal degrees, WGS 84, -90 to 90.
        longitude: Likewise, -180 to 180.
        error_meters: How far off that may be, by the receiver's own estimate.
        boot_ns: When it was found, CLOCK_BOOTTIME in nanoseconds.
    """

    latitude: float
    longitude: float
    error_meters: float
    boot_ns: int


class Receiver(Protocol):
    """A source of positions. One thread drives it."""

    def fixes(self, stop: Event) -> Iterator[Fix]:
        """Yield each new fix, no repeated one; return soon after ``stop`` is set and ``wake`` was called.

        Raises:
            PositionLost: It can't be used any more by this object.
        """
        ...

    def wake(self) -> None:
        """Make a blocked ``fixes`` look at ``stop`` at once; safe from any thread, any number of times."""
        ...


@dataclass(frozen=True, slots=True)
class Beat:
    """One step of a pattern.

    Attributes:
        milliseconds: How long it lasts, at least 10.
        light: Which lamps are lit, any of ``green``, ``red``, ``white``; green with red is amber.
        sound: Whether the buzzer sounds.
    """

    milliseconds: int
    light: frozenset[str]
    sound: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A light rhythm with its sound, told apart by shape even without colour.

    Attributes:
        name: What it stands for, for instance ``in``.
        beats: Its steps, in order.
        repeat: Whether it goes round until another pattern replaces it (what a box shows at rest).
    """

    name: str
    beats: tuple[Beat, ...]
    repeat: bool = False


class Indicator(Protocol):
    """Lamps and a buzzer. ``play`` and ``rest`` return at once; the newest pattern wins."""

    def play(self, pattern: Pattern) -> None:
        """Play a pattern once over whatever is shown, then go back to rest."""
        ...

    def rest(self, pattern: Pattern) -> None:
        """Set what is shown when nothing is played."""
        ...

    def close(self) -> None:
        """Go dark and let the lines go; may be called twice."""
        ...
