"""The book of the service double: what was registered, when it became final, what was cancelled.

It never de-duplicates: two equal items are two rows, because nothing is known of the real service doing better
(design, section 5). Items are kept exactly as sent. Nothing here knows HTTP, so a test can drive it directly.
"""

from __future__ import annotations

import copy
import threading
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from kiosk.model import Direction, rfc3339
from kiosk.simulator.instants import milliseconds
from kiosk.simulator.messages import Json
from kiosk.simulator.problems import Issue, IssueType, Place


class Validity(StrEnum):
    """What the service says of a registration; only ``pending`` is known, the others are assumed (facts, section 2.3)."""

    PENDING = "pending"
    VALID = "valid"
    INVALID = "invalid"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A validity with its remarks, and since when: Unix milliseconds UTC."""

    validity: Validity
    remarks: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the service decides about the items that fit; a field left None fits every item.

    Attributes:
        ssin: Only this person, eleven digits.
        declaration: Only this declaration of works.
        employer: Only this enterprise or foreign VAT number.
        not_created: Refuse the item with this issue; None creates it.
        bad_request: Refuse the whole call that carries the item, with this issue; such a rule decides nothing else.
        validity: What a created row becomes after the delay; ``pending`` keeps it pending for ever.
        remarks: What is then remarked.
        times: For how many items it holds; None for all.
    """

    ssin: str | None = None
    declaration: str | None = None
    employer: str | None = None
    not_created: IssueType | None = None
    bad_request: IssueType | None = None
    validity: Validity = Validity.VALID
    remarks: tuple[str, ...] = ()
    times: int | None = None

    def __repr__(self) -> str:
        refusal = self.bad_request or self.not_created
        return f"Rule(refusal={refusal}, validity={self.validity.value}, times={self.times})"

    def fits(self, item: Json) -> bool:
        """Tell whether the rule speaks about this item."""
        return (
            self.times != 0
            and self.ssin in (None, item["ssin"])
            and self.declaration in (None, item["contractualRelationshipReference"])
            and self.employer in (None, employer_of(item))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One registration; ``history`` may lie in the future: a finding counts once its moment has come."""

    id: int
    item: Json
    client_id: str
    created_ms: int
    at_ms: int
    history: tuple[Finding, ...]

    def __repr__(self) -> str:
        return f"Row({self.id})"

    @property
    def key(self) -> tuple[str, Direction, int, str, str]:
        """Person, direction, Unix second, declaration, employer: what makes two rows the same presence."""
        declaration = self.item["contractualRelationshipReference"]
        return self.item["ssin"], Direction(self.item["type"]), self.at_ms // 1000, declaration, employer_of(self.item)

    def finding(self, now_ms: int) -> Finding:
        """Return what holds now."""
        return [finding for finding in self.history if finding.at_ms <= now_ms][-1]

    def as_json(self, now_ms: int, *, history: bool = False) -> Json:
        """Write the registration as the service shows it (design, section 5)."""
        now = self.finding(now_ms)
        body = copy.deepcopy(self.item) | {"id": self.id, "validity": now.validity.value, "remarks": list(now.remarks)}
        body["creationDate"] = rfc3339(self.created_ms)
        if history:
            past = [finding for finding in self.history if finding.at_ms <= now_ms]
            body["validationHistory"] = [
                {"validity": finding.validity.value, "remarks": list(finding.remarks), "validationDate": rfc3339(finding.at_ms)}
                for finding in past
            ]
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """A search: the window is inclusive at both ends, Unix milliseconds UTC; None narrows nothing."""

    from_ms: int
    to_ms: int
    ssin: str | None = None
    employer: str | None = None
    declaration: str | None = None

    def __repr__(self) -> str:
        return f"Filter({self.from_ms}..{self.to_ms})"

    def fits(self, row: Row) -> bool:
        """Tell whether a row of the window is asked for."""
        return (
            self.ssin in (None, row.item["ssin"])
            and self.employer in (None, employer_of(row.item))
            and self.declaration in (None, row.item["contractualRelationshipReference"])
        )


def employer_of(holder: Json) -> str:
    """Return the enterprise or foreign VAT number of an item or a search."""
    number: str = next(iter(holder["employer"].values()))
    return number


class Ledger:
    """All registrations, safe to use from several threads.

    Args:
        clock: Returns Unix milliseconds UTC.
        validity_delay_seconds: After how long a row's validity becomes final.
        search_lag_seconds: After how long a row can be found by search; a look at its id finds it at once.
        first_id: The first registration's id.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        validity_delay_seconds: float = 0.0,
        search_lag_seconds: float = 0.0,
        first_id: int = 17611,
    ) -> None:
        self.validity_delay_seconds = validity_delay_seconds
        self.search_lag_seconds = search_lag_seconds
        self._clock = clock
        self._next_id = first_id
        self._rows: dict[int, Row] = {}
        self._by_time: list[tuple[int, int]] = []
        self._rules: list[Rule] = []
        self._lock = threading.RLock()

    def now_ms(self) -> int:
        """Return the ledger's own time, Unix milliseconds UTC."""
        return self._clock()

    def add_rule(self, rule: Rule) -> None:
        """Let a rule speak about the items that follow; of several that fit, the newest decides."""
        with self._lock:
            self._rules.append(rule)

    def clear_rules(self) -> None:
        """Forget every rule: each item is created and becomes valid."""
        with self._lock:
            self._rules.clear()

    def objections(self, items: Sequence[Json]) -> list[Issue]:
        """Return for which items the rules refuse the whole call; empty lets it through."""
        with self._lock:
            decided = [(index, self._decide(item, whole_call=True).bad_request) for index, item in enumerate(items)]
        detail = "The service does not take this registration"
        return [
            Issue(type=kind, name=f"items[{index}].ssin", detail=detail, value=items[index]["ssin"])
            for index, kind in decided
            if kind is not None
        ]

    def register(self, items: Sequence[Json], *, client_id: str = "") -> list[Json]:
        """Decide about valid items, in order, as one commit; returns the answer to each in the same order."""
        with self._lock:
            now_ms = self._clock()
            return [self._register(item, index, client_id, now_ms) for index, item in enumerate(items)]

    def _register(self, item: Json, index: int, client_id: str, now_ms: int) -> Json:
        rule = self._decide(item)
        if rule.not_created is not None:
            detail = "The service does not create this registration"
            issue = Issue(type=rule.not_created, name=f"items[{index}].ssin", detail=detail, place=Place.BODY, value=item["ssin"])
            return {"notCreatedPresenceRegistration": {"issues": [issue.as_json()]}}
        history = [Finding(validity=Validity.PENDING, remarks=(), at_ms=now_ms)]
        if rule.validity is not Validity.PENDING:
            final_ms = now_ms + round(self.validity_delay_seconds * 1000)
            history.append(Finding(validity=rule.validity, remarks=rule.remarks, at_ms=final_ms))
        row = Row(
            id=self._next_id,
            item=copy.deepcopy(item),
            client_id=client_id,
            created_ms=now_ms,
            at_ms=milliseconds(item["registrationDate"]),
            history=tuple(history),
        )
        self._next_id += 1
        self._rows[row.id] = row
        insort(self._by_time, (row.at_ms, row.id))
        # The answer to a registration is always "pending": the checks run afterwards (facts, section 2.3).
        return {"createdPresenceRegistration": {"id": row.id, "validity": Validity.PENDING.value, "remarks": []}}

    def _decide(self, item: Json, *, whole_call: bool = False) -> Rule:
        for index in range(len(self._rules) - 1, -1, -1):
            rule = self._rules[index]
            if (rule.bad_request is not None) == whole_call and rule.fits(item):
                if rule.times is not None:
                    self._rules[index] = replace(rule, times=rule.times - 1)
                return rule
        return Rule()

    def search(self, wanted: Filter) -> list[Row]:
        """Return the rows asked for, by registration date, then id; rows younger than the search lag are not found yet."""
        with self._lock:
            visible_ms = self._clock() - round(self.search_lag_seconds * 1000)
            start = bisect_left(self._by_time, (wanted.from_ms, 0))
            stop = bisect_right(self._by_time, (wanted.to_ms, self._next_id))
            window = (self._rows[number] for _, number in self._by_time[start:stop])
            return [row for row in window if row.created_ms <= visible_ms and wanted.fits(row)]

    def get(self, number: int) -> Row | None:
        """Return the row with this id, or None."""
        with self._lock:
            return self._rows.get(number)

    def rows(self) -> tuple[Row, ...]:
        """Return every row, by ascending id."""
        with self._lock:
            return tuple(self._rows.values())

    def cancel(self, number: int) -> bool:
        """Cancel a registration; False when there is none or it is cancelled already."""
        with self._lock:
            row = self._rows.get(number)
            if row is None or row.finding(self._clock()).validity is Validity.CANCELLED:
                return False
            self.conclude(number, Validity.CANCELLED)
            return True

    def conclude(self, number: int, validity: Validity, remarks: tuple[str, ...] = ()) -> None:
        """Make a finding hold from now on, whatever was still to come; raises ``KeyError`` for an unknown id."""
        with self._lock:
            now_ms, row = self._clock(), self._rows[number]
            past = tuple(finding for finding in row.history if finding.at_ms <= now_ms)
            new = Finding(validity=validity, remarks=remarks, at_ms=now_ms)
            self._rows[number] = replace(row, history=(*past, new))

    def remove(self, number: int) -> None:
        """Make a row disappear, as if the service had lost it; raises ``KeyError`` for an unknown id."""
        with self._lock:
            row = self._rows.pop(number)
            self._by_time.remove((row.at_ms, number))

    def duplicates(self) -> int:
        """Count the rows that repeat another one that is not cancelled: 0 is what a good client leaves behind."""
        now_ms = self._clock()
        living = [row.key for row in self.rows() if row.finding(now_ms).validity is not Validity.CANCELLED]
        return sum(Counter(living).values()) - len(set(living))
