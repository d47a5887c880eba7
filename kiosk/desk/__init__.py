"""What the verbs do, one function a call: run by the daemon for ``control``, or by the verb on a store no daemon holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from kiosk.database import Database
from kiosk.geography import Fence
from kiosk.grounds import Grounds, grounds
from kiosk.identifiers import DeclarationNumber, Employer
from kiosk.model import Carried, ClockReading, Place, Trust
from kiosk.reconciliation import Consultant
from kiosk.rules import DeclarationTerm, Limits
from kiosk.signing import Signer
from kiosk.vault import Vault


class Deliverer(Protocol):
    """What a verb may ask of the running delivery."""

    def nudge(self) -> None:
        """Look for due work now instead of at the end of the wait."""
        ...

    def search_now(self, row: int) -> str:
        """Look one unknown row up at the service now; returns what came of it in a few words."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What every call may use.

    Attributes:
        database: The open store.
        vault: Its keys.
        book: The current book's id.
        clock: Reads all clocks.
        place: Where the box should stand.
        fence: How far from there it may stand, or None: anywhere.
        time_zone: The site's IANA time zone: dates of declarations are local.
        declarations: The configured declarations.
        employer: The default employer, or None.
        reader_declarations: The declaration that a reader stands for, by the reader's name.
        limits: The times that decide a direction, and how long a stay is shown as one.
        self_employed: Whose number ``employer`` carries for the self-employed.
        local_only: Nothing is owed here for anybody.
        link_window_hours: How long after its tap a card may be linked to a person, and he may confirm it.
        max_error_seconds: The largest error bound of a tap's time with which it is sent.
        delivery: The running delivery, or None when the verb opened the store itself.
        service: Builds or returns the way to the service, for questions only.
        minimum_trust: What a card must prove to register anybody here.
        signer: The evidence key, or None where there is none.
    """

    database: Database
    vault: Vault
    book: int
    clock: Callable[[], ClockReading]
    place: Place
    time_zone: str
    declarations: tuple[DeclarationTerm, ...]
    employer: Employer | None
    reader_declarations: Mapping[str, DeclarationNumber] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    fence: Fence | None = None
    self_employed: Carried = Carried.PRINCIPAL
    max_error_seconds: float = 60
    local_only: bool = False
    link_window_hours: float = 24
    minimum_trust: Trust = Trust.UID
    delivery: Deliverer | None = None
    service: Callable[[], Consultant] | None = None
    signer: Signer | None = None

    @property
    def grounds(self) -> Grounds:
        """Where the box should be, by the site and its declarations."""
        return grounds(self.place, self.fence, self.declarations)


#: One call of the desk: JSON values in, JSON values out; raises ``UsageError`` or ``Declined``.
Call = Callable[[Desk, Mapping[str, object]], dict[str, object]]
