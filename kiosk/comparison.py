"""What our book and the service's list of the same hours differ in: two lists of values in, one comparison out.

People, employers and declarations are told apart by what stands for them here (a holder's id, a group's blind index), so that
a person counts as the same under every INSZ that he ever had, and nothing need be opened to compare (design, section 5).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, assert_never

from kiosk.model import Direction, State

_PENDING: Final = "pending"


class Kind(StrEnum):
    """What nothing explains: a row that the service does not show, one that we don't have, one twice, one otherwise."""

    ONLY_HERE = "only_here"
    ONLY_THERE = "only_there"
    DUPLICATE = "duplicate"
    DIFFERENT = "different"


class What(StrEnum):
    """In what a pair differs. ``declaration`` stands for employer or declaration: they are kept as one here."""

    PERSON = "person"
    DIRECTION = "direction"
    TIME = "time"
    DECLARATION = "employer_or_declaration"
    VALIDITY = "validity"
    REMARKS = "remarks"
    CANCELLED = "cancelled_there"
    NOT_CANCELLED = "not_cancelled_there"
    REGISTRATION_ID = "registration_id"
    NOT_SENT = "registered_there"


class Why(StrEnum):
    """What explains that something is on one side only."""

    OTHER_CHANNEL = "other_channel"
    NOT_IN_ROSTER = "not_in_roster"
    CANCELLED = "cancelled"
    WAITING = "waiting"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """One row of the book.

    Attributes:
        row: Its id in the book.
        holder: The person.
        direction: in or out.
        second: Unix seconds UTC.
        group: What stands for its employer and declaration; None while one of them lacks.
        state: Its state.
        registration_id: The service's id, or None.
        validity: The service's last known validity, or None.
        remarks: Its last known remarks.
        young: Accepted so short a time ago that the service's search need not show it yet.
        cancelling: Whether the service was asked to cancel it.
    """

    row: int
    holder: int
    direction: Direction
    second: int
    group: bytes | None
    state: State
    registration_id: int | None = None
    validity: str | None = None
    remarks: tuple[str, ...] = field(default=(), repr=False)
    young: bool = False
    cancelling: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """One registration at the service.

    Attributes:
        registration_id: Its id there.
        holder: Who of the roster that is, by any INSZ he ever had; None for somebody who is not in it.
        direction: in or out.
        second: Unix seconds UTC.
        group: What stands for its employer and declaration.
        validity: As the service spells it.
        remarks: Likewise.
        cancelled: Whether it was cancelled there.
        elsewhere: Whether it is known that he registered it by another channel.
    """

    registration_id: int
    holder: int | None
    direction: Direction
    second: int
    group: bytes
    validity: str = _PENDING
    remarks: tuple[str, ...] = field(default=(), repr=False)
    cancelled: bool = False
    elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that nothing explains; ``ours`` or ``theirs`` is None where that side has nothing."""

    kind: Kind
    ours: Ours | None
    theirs: Theirs | None
    what: tuple[What, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two lists came to.

    Attributes:
        equal: Pairs without a difference.
        findings: Everything that nothing explains.
        explained: How much is on one side only, or still on its way, by what explains it.
        stale: Pairs whose validity or remarks have changed at the service since they were kept here.
    """

    equal: int
    findings: tuple[Finding, ...]
    explained: Mapping[Why, int]
    stale: tuple[tuple[Ours, Theirs], ...]


#: Who, in or out, when, and for whom: what makes two registrations the same presence.
_Key = tuple[int | None, Direction, int, bytes | None]


def compare(ours: Iterable[Ours], theirs: Iterable[Theirs]) -> Comparison:
    """Compare the rows of our book with everything that the service shows of the same hours.

    A pair is found by the service's id, then by person, direction, second, employer and declaration, then by person,
    direction and second alone. One registration at the service pairs with one row at most.
    """
    return _Matching(theirs).run(ours)


def differences(ours: Ours, theirs: Theirs) -> tuple[What, ...]:
    """In what a row and a registration that belong together differ; a validity that is only news to us is none."""
    told = {
        What.PERSON: ours.holder != theirs.holder,
        What.DIRECTION: ours.direction is not theirs.direction,
        What.TIME: ours.second != theirs.second,
        What.DECLARATION: ours.group != theirs.group,
        What.REGISTRATION_ID: ours.registration_id not in (None, theirs.registration_id),
        What.CANCELLED: theirs.cancelled
        and ours.state is State.ACCEPTED
        and not ours.cancelling
        and ours.validity not in (_PENDING, theirs.validity),
        What.NOT_CANCELLED: ours.state is State.CANCELLED and not theirs.cancelled,
        What.VALIDITY: ours.state is State.ACCEPTED and not theirs.cancelled and ours.validity not in (_PENDING, theirs.validity),
        What.REMARKS: ours.state is State.ACCEPTED and ours.validity != _PENDING and ours.remarks != theirs.remarks,
        What.NOT_SENT: not theirs.cancelled and ours.state in {State.QUEUED, State.HELD, State.REFUSED},
    }
    return tuple(what for what, true in told.items() if true)


class _Matching:
    """One comparison under way: what the service shows is taken away as it is paired."""

    def __init__(self, theirs: Iterable[Theirs]) -> None:
        self._by_id = {each.registration_id: each for each in sorted(theirs, key=lambda each: each.registration_id)}
        self._by_key: defaultdict[_Key, list[Theirs]] = defaultdict(list)
        for each in sorted(self._by_id.values(), key=lambda each: (each.cancelled, each.registration_id)):
            self._by_key[_key_of(each)].append(each)
        self._groups: defaultdict[tuple[int | None, int], set[bytes]] = defaultdict(set)
        for each in self._by_id.values():
            self._groups[each.holder, each.second].add(each.group)
        self._paired: dict[_Key, Ours] = {}
        self._equal = 0
        self._findings: list[Finding] = []
        self._explained: Counter[Why] = Counter()
        self._stale: list[tuple[Ours, Theirs]] = []

    def run(self, ours: Iterable[Ours]) -> Comparison:
        unpaired: list[Ours] = []
        for row in sorted(ours, key=lambda row: row.row):
            found = None if row.registration_id is None else self._by_id.pop(row.registration_id, None)
            if found is None:
                unpaired.append(row)
            else:
                self._pair(row, found)
        # Those that were accepted go first: an equal one at the service is theirs before it is that of a row never sent.
        unpaired.sort(key=lambda row: row.state is not State.ACCEPTED)
        unpaired = [row for row in unpaired if not self._pair_like(row, _key_of(row))]
        for row in unpaired:
            accepted = row.state is State.ACCEPTED
            if not (accepted and any(self._pair_like(row, key) for key in self._alike(row))):
                self._alone_here(row)
        for each in self._by_id.values():
            self._alone_there(each)
        return Comparison(
            equal=self._equal, findings=tuple(self._findings), explained=dict(self._explained), stale=tuple(self._stale)
        )

    def _alike(self, row: Ours) -> list[_Key]:
        """The keys at that second under which another employer's or declaration's registration of him may be."""
        return [(row.holder, row.direction, row.second, group) for group in sorted(self._groups.get((row.holder, row.second), ()))]

    def _pair_like(self, row: Ours, key: _Key) -> bool:
        found = next((each for each in self._by_key.get(key, ()) if each.registration_id in self._by_id), None)
        if found is None or (found.cancelled and row.state is not State.CANCELLED) or (found.elsewhere and row.group != key[3]):
            return False
        del self._by_id[found.registration_id]
        self._pair(row, found)
        return True

    def _pair(self, ours: Ours, theirs: Theirs) -> None:
        if ours.state is not State.CANCELLED and not theirs.cancelled:
            self._paired[_key_of(theirs)] = ours
        if ours.state is State.ACCEPTED and (ours.validity, ours.remarks) != (theirs.validity, theirs.remarks):
            self._stale.append((ours, theirs))
        if what := differences(ours, theirs):
            self._findings.append(Finding(kind=Kind.DIFFERENT, ours=ours, theirs=theirs, what=what))
        elif theirs.cancelled:
            self._explained[Why.CANCELLED] += 1
        elif ours.state in {State.UNKNOWN, State.IN_FLIGHT}:
            self._explained[Why.WAITING] += 1  # the look-up will find it
        else:
            self._equal += 1

    def _alone_here(self, row: Ours) -> None:
        match row.state:
            case State.ACCEPTED if row.young:
                self._explained[Why.WAITING] += 1
            case State.ACCEPTED:
                self._findings.append(Finding(kind=Kind.ONLY_HERE, ours=row, theirs=None))
            case State.QUEUED | State.IN_FLIGHT | State.UNKNOWN:
                self._explained[Why.WAITING] += 1
            case State.HELD:
                self._explained[Why.HELD] += 1
            case State.REFUSED:
                self._explained[Why.REFUSED] += 1
            case State.CANCELLED:
                self._explained[Why.CANCELLED] += 1
            case other:
                assert_never(other)

    def _alone_there(self, each: Theirs) -> None:
        twin = self._paired.get(_key_of(each))
        if each.cancelled:
            self._explained[Why.CANCELLED] += 1
        elif each.holder is None:
            self._explained[Why.NOT_IN_ROSTER] += 1
        elif twin is not None:
            self._findings.append(Finding(kind=Kind.DUPLICATE, ours=twin, theirs=each))
        elif each.elsewhere:
            self._explained[Why.OTHER_CHANNEL] += 1
        else:
            self._findings.append(Finding(kind=Kind.ONLY_THERE, ours=None, theirs=each))


def _key_of(each: Ours | Theirs) -> _Key:
    return each.holder, each.direction, each.second, each.group
