"""Where the box should be, and what that says of a tap: its place, and for which works it can be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kiosk.geography import Fence
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Address, Located, Place
from kiosk.rules import DeclarationTerm


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """Where the box should be.

    Attributes:
        place: Where no receiver says it: the coordinates or the address of the site.
        fence: Where the box may stand, or None: anywhere.
        own: The fence of each declaration that has a place of its own.
    """

    place: Place
    fence: Fence | None
    own: Mapping[DeclarationNumber, Fence]

    def place_of(self, declaration: DeclarationNumber | None, located: Located | None) -> Place:
        """What a registration names: where the receiver found the box, else where it should be; an address goes before both."""
        # Most boxes have no declaration with a place of its own, and every tap comes this way.
        own = self.own.get(declaration) if self.own and declaration is not None else None
        configured = self.place if own is None else own.centre
        return configured if located is None or isinstance(configured, Address) else located.place

    def is_outside(self, declaration: DeclarationNumber, located: Located | None) -> bool:
        """Whether the box is known to stand where nobody works for this declaration."""
        if located is None:
            return False
        fence = self.own.get(declaration, self.fence)
        return fence is not None and not fence.holds(located.place, located.error_meters)

    def fitting(self, declarations: Iterable[DeclarationTerm], located: Located | None) -> frozenset[DeclarationNumber] | None:
        """The declarations whose place this may be; None where nobody knows where the box stands."""
        if located is None:
            return None
        return frozenset(term.number for term in declarations if not self.is_outside(term.number, located))


def grounds(place: Place, fence: Fence | None, declarations: Iterable[DeclarationTerm]) -> Grounds:
    """Put together where the box should be, by the site and its declarations."""
    return Grounds(place=place, fence=fence, own={term.number: term.fence for term in declarations if term.fence is not None})
