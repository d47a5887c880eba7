"""What a call to the service came to, as values: matched exhaustively, never raised (design, section 5).

The one question each answers: may the same thing be sent again without looking first?
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import Address, Direction, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The service stored the item and gave it an id; validity and remarks follow later."""

    registration_id: int
    validity: str
    remarks: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCreated:
    """The service refused the item for good; ``reason`` holds problem or issue types, never a value."""

    reason: str


ItemVerdict = Created | NotCreated


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Every item was answered, in request order."""

    items: tuple[ItemVerdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Nothing left the box, or no token was had: connect error or timeout, token endpoint unreachable.

    ``reachable`` is False where no connection came about at all (the shorter backoff cap applies).
    """

    why: str
    reachable: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNow:
    """The service said: later. ``retry_after`` in seconds is a floor."""

    why: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ambiguous:
    """The call may or may not have been carried out: look before anything is sent again."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRefused:
    """The whole call was refused with a problem body.

    Attributes:
        reason: Problem type, for instance ``badRequest``.
        items: Index and reason of each item that ``issues[].name`` points at; empty means bisect.
    """

    reason: str
    items: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLarge:
    """413: halve the batch and remember the size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Misconfigured:
    """The box is not set up or allowed to do this: keep, alarm, probe slowly.

    Attributes:
        why: What is wrong, without personal data.
        employer_only: Only the call's employer is concerned.
        credential: What is wrong is the client id, its key or its rights, not the way to the service.
    """

    why: str
    employer_only: bool = False
    credential: bool = False


CallVerdict = Answered | NotSent | NotNow | Ambiguous | CallRefused | TooLarge | Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A lookup at the service.

    Attributes:
        from_ms: Start of the window, Unix milliseconds UTC, inclusive.
        to_ms: End of the window, likewise inclusive.
        ssin: Eleven digits, to narrow it to one person.
        employer: To narrow it to one employer.
        declaration: To narrow it to one declaration.
    """

    from_ms: int
    to_ms: int
    ssin: str | None = None
    employer: Employer | None = None
    declaration: DeclarationNumber | None = None

    def __repr__(self) -> str:
        return f"Query({self.from_ms}..{self.to_ms})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedRegistration:
    """A registration as the service holds it. ``second`` is Unix seconds UTC, offset and fraction normalised.

    ``created`` is when the service stored it, likewise, or None; ``place`` is None where it is not shown or not understood.
    """

    registration_id: int
    ssin: str
    direction: Direction
    second: int
    employer: Employer
    declaration: DeclarationNumber
    validity: str
    remarks: tuple[str, ...]
    cancelled: bool
    created: int | None = None
    place: Place | None = None

    def __repr__(self) -> str:
        return f"ServedRegistration({self.registration_id}, {self.validity})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Everything the service holds for a query, all pages."""

    registrations: tuple[ServedRegistration, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFailed:
    """The search did not come about this time (401, 429, 5xx, timeout): it counts for nothing.

    ``reachable`` is False where no connection came about at all (the shorter backoff cap applies); ``credential`` says, as
    in ``Misconfigured``, that the client id, its key or its rights are at fault.
    """

    why: str
    retry_after: float | None = None
    reachable: bool = True
    credential: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchUnavailable:
    """The service answers 400, 403 or 404 to this search: only a human can settle what it was for."""

    why: str


SearchVerdict = Found | SearchFailed | SearchUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class PastFinding:
    """What the service found about a registration once: validity, remarks, and when (Unix seconds UTC, or None)."""

    validity: str
    remarks: tuple[str, ...] = field(default=(), repr=False)
    second: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """One registration as the service holds it, with what it found of it so far, oldest first."""

    registration: ServedRegistration
    history: tuple[PastFinding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NotThere:
    """The service holds no registration with that id."""


ConsultVerdict = Consulted | NotThere | SearchFailed | SearchUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The service cancelled the registration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCancelled:
    """The service did not cancel the registration; ``reason`` holds problem or issue types, never a value."""

    reason: str


CancelItem = Cancelled | NotCancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswered:
    """Every registration to cancel was answered, in request order."""

    items: tuple[CancelItem, ...]


CancelVerdict = CancelAnswered | NotSent | NotNow | Ambiguous | CallRefused | TooLarge | Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The addresses that belong to coordinates, as the service orders them; possibly none."""

    items: tuple[Address, ...]


AddressesVerdict = Addresses | SearchFailed | SearchUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What the service says of itself: ``UP``, ``DEGRADED`` or ``DOWN`` (Belgif); another word is kept as it came."""

    status: str


HealthVerdict = Health | SearchFailed | SearchUnavailable
