"""The values that every room shares; words as in the README's glossary. Nothing here reads a clock, a file or a socket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from kiosk.identifiers import CardId, DeclarationNumber, Employer, Insz


class Environment(StrEnum):
    """Against which service the box works; plain green exists in production only."""

    PRODUCTION = "production"
    TRAINING = "training"


class Direction(StrEnum):
    """Whether a tap came or went; the values are the service's own spelling."""

    IN = "in"
    OUT = "out"


class ReaderDirection(StrEnum):
    """How a reader decides: by the holder's state, or always the same."""

    TOGGLE = "toggle"
    IN = "in"
    OUT = "out"


class Press(StrEnum):
    """A button pressed before the tap."""

    IN = "in"
    OUT = "out"
    BREAK = "break"


class Trust(StrEnum):
    """How hard it is to pretend to be the card of a tap: the weakest first.

    A UID is copied in seconds; a key inside the chip is not (facts, hardware, section 6).
    """

    UID = "uid"
    CRYPTO = "crypto"
    EID = "eid"

    def reaches(self, least: Trust) -> bool:
        """Whether it is at least so hard."""
        order = list(Trust)
        return order.index(self) >= order.index(least)


class Signal(StrEnum):
    """What the worker sees and hears at a tap, and what the box shows at rest."""

    IN = "in"
    OUT = "out"
    ALREADY = "already"
    HELD = "held"
    UNKNOWN_CARD = "unknown_card"
    LOCAL = "local"
    ENROLLED = "enrolled"
    REVOKED = "revoked"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    READY = "ready"
    TRAINING = "training"
    ATTENTION = "attention"
    DEAD = "dead"


class State(StrEnum):
    """The state of a registration in the book (design, section 7)."""

    QUEUED = "queued"
    IN_FLIGHT = "in_flight"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    HELD = "held"
    CANCELLED = "cancelled"


class Reason(StrEnum):
    """Why a registration is held, or why a queued one waits."""

    CLOCK = "clock"
    LATE = "late"
    CHANNEL = "channel"
    FENCE = "fence"
    DECLARATION = "declaration"
    EMPLOYER = "employer"
    LINK = "link"
    GROUP = "group"
    SEAL = "seal"


class Capacity(StrEnum):
    """In which capacity a person works here; the law asks for it, and decides whose number ``employer`` carries."""

    EMPLOYEE = "employee"
    SELF_EMPLOYED = "self_employed"
    AGENCY = "agency"
    TRAINEE = "trainee"


class Carried(StrEnum):
    """Whose number ``employer`` carries for the self-employed: the principal's for whom they work, or their own."""

    PRINCIPAL = "principal"
    OWN = "own"


class TaskKind(StrEnum):
    """What only a human may settle."""

    MISSING_OUT = "missing_out"
    MISSING_IN = "missing_in"
    LONG_STAY = "long_stay"
    HELD = "held"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    GROUP_PAUSED = "group_paused"
    REVOKED_OPEN_STAY = "revoked_open_stay"
    UNKNOWN_CARD = "unknown_card"
    UNKNOWN_PERSON = "unknown_person"
    VALIDITY = "validity"
    NOT_CANCELLED = "not_cancelled"
    REMARK = "remark"
    LOST = "lost"
    DUPLICATE = "duplicate"
    DIFFERENT = "different"
    OVERLAP = "overlap"
    JOURNEY = "journey"
    BACKLOG = "backlog"
    MISPLACED = "misplaced"
    SALVAGED = "salvaged"


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A place, WGS 84, decimal degrees: latitude -90 to 90, longitude -180 to 180."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """Where a receiver found the box, how far off that may be, and how old it was at the moment asked about."""

    place: Coordinates
    error_meters: float
    age_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A place of work by its address: what ``placeOfWork.address`` carries. ``box_number`` is None where there is none."""

    post_code: str
    municipality: str
    street: str
    house_number: str
    box_number: str | None = None


class PlaceSource(StrEnum):
    """Where the place of a registration comes from: the configuration, or a GPS receiver."""

    SITE = "site"
    GPS = "gps"


#: Where a tap was made, as the service shall have it: coordinates or an address, never both.
Place = Coordinates | Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """One reading of all clocks at the same moment.

    Attributes:
        wall_ms: The time, Unix milliseconds UTC: the best that is known, else the system clock's; may be wrong.
        boot_ns: CLOCK_BOOTTIME nanoseconds; runs on in suspend, restarts with the machine.
        boot_id: The kernel's random id of this boot.
        trusted: Whether ``wall_ms`` may be believed.
        source: What vouches for it: ``kernel``, ``service``, ``rtc``, ``assume`` or ``none``.
        bound_ms: How far off it may be at most, milliseconds; None when nothing is known.
        system_ms: What the system clock says, Unix milliseconds UTC; None where it was not told apart from ``wall_ms``.
        disputed: Whether the service's own time contradicts whoever vouches for the system clock.
    """

    wall_ms: int
    boot_ns: int
    boot_id: str
    trusted: bool
    source: str
    bound_ms: int | None
    system_ms: int | None = None
    disputed: bool = False

    @property
    def at(self) -> datetime:
        """The time, aware, UTC."""
        return moment(self.wall_ms)


def moment(milliseconds: int) -> datetime:
    """Turn Unix milliseconds into an aware UTC datetime."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)


def rfc3339(milliseconds: int) -> str:
    """Write Unix milliseconds as RFC 3339 UTC whole seconds with Z, truncated: the time of a registration."""
    return moment(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The presence registration owed for a tap, as the service shall have it.

    Attributes:
        ssin: The person.
        direction: in or out.
        at_ms: The tap's moment, Unix milliseconds UTC; sent as whole seconds, truncated.
        employer: Whose worker the person is at this stay.
        place: Where the box stood.
        declaration: The declaration of works (contractualRelationshipReference).
    """

    ssin: Insz
    direction: Direction
    at_ms: int
    employer: Employer
    place: Place
    declaration: DeclarationNumber

    @property
    def second(self) -> int:
        """Unix seconds: with person, direction, employer and declaration this is what a lookup matches on."""
        return self.at_ms // 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a row of the book holds: a registration that may still lack an employer or a declaration (then it is held).

    Attributes are those of ``Registration``; ``employer`` and ``declaration`` are None while nothing valid fits.
    """

    ssin: Insz
    direction: Direction
    at_ms: int
    employer: Employer | None
    place: Place
    declaration: DeclarationNumber | None

    def complete(self) -> Registration | None:
        """The registration to send, or None while something lacks."""
        if self.employer is None or self.declaration is None:
            return None
        return Registration(
            ssin=self.ssin,
            direction=self.direction,
            at_ms=self.at_ms,
            employer=self.employer,
            place=self.place,
            declaration=self.declaration,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What the roster knows of a holder at one moment.

    Attributes:
        insz: The number valid now.
        name: Display name, possibly empty.
        language: BCP 47 code for the worker's answer, or None for the site's.
        employer: The holder's own employer, or None for the declaration's or the default.
        declaration: The holder's own declaration, or None to choose at the tap.
        personnel_number: The payroll key, or None.
        capacity: Decides whose number ``employer`` carries.
        local: Nothing is owed for this person: a visitor, own premises, works below the threshold.
    """

    insz: Insz
    name: str = ""
    language: str | None = None
    employer: Employer | None = None
    declaration: DeclarationNumber | None = None
    personnel_number: str | None = None
    capacity: Capacity = Capacity.EMPLOYEE
    local: bool = False

    def __repr__(self) -> str:
        return f"Profile({self.insz.masked})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadgeLine:
    """One line of ``badge add`` or of an import: a card and the person behind it.

    Attributes:
        card: The card.
        profile: The person; what the line leaves out is empty, or stands at its default.
        says_capacity: Whether ``profile.capacity`` was given, also where it is the default.
        says_local: Likewise for ``profile.local``: a "no" must end what an older line began.
    """

    card: CardId
    profile: Profile
    says_capacity: bool = False
    says_local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a tap came to: shown to the worker, returned by ``kiosk tap``.

    Attributes:
        signal: What is shown and sounded.
        ids: The registrations recorded in the book, at most two.
        direction: The direction decided, or None where none was.
        offline: True when the service can't be reached now: recorded, sent later.
        clock: ``ok``, or ``waiting`` while the clock can't be trusted.
        since_ms: For ``already``: the moment of the tap that counts, Unix milliseconds UTC.
        name: The worker's display name, for his own answer only.
        language: The worker's language, BCP 47, or None.
        why: For ``failed``, ``unreadable``, and ``held`` without a registration: for the log and the screen, never personal.
        remarks: What the service found of his earlier registrations, as advice in his language; told once, to him only.
    """

    signal: Signal
    ids: tuple[int, ...] = ()
    direction: Direction | None = None
    offline: bool = False
    clock: str = "ok"
    since_ms: int | None = None
    name: str = ""
    language: str | None = None
    why: str | None = None
    remarks: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Answer({self.signal.value}, ids={self.ids})"
