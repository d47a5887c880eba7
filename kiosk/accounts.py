"""What became of a registration, put together from its row and what the record says of it: the content of an evidence report.

Pure. Entries are lines of an export (``testimony``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kiosk.model import rfc3339

#: What of a row goes into the report by its own name.
_OWN: Final = (
    "id", "holder", "direction", "state", "reason", "registration_date", "insz", "reader", "enterprise_number",
    "foreign_vat_number", "declaration", "latitude", "longitude", "address", "validity", "remarks", "remarks_withheld", "advice",
)  # fmt: skip
_OF_THE_TAP: Final = ("signal", "driver", "technology", "trust", "press", "boot_id", "boot_ns")
_MS: Final = 1000


@dataclass(slots=True)
class Course:
    """Gathers from the chain, as its lines go by, what concerns many registrations at once: lost calls and outages."""

    _attempts: list[dict[str, object]] = field(default_factory=list)
    _by_row: defaultdict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _outages: list[dict[str, Any]] = field(default_factory=list)

    def note(self, line: Mapping[str, Any]) -> None:
        """Take the next line of the chain."""
        facts = line.get("facts") or {}
        match line["kind"]:
            case "attempt":
                for row in facts.get("rows", ()):
                    self._by_row[row].append(len(self._attempts))
                self._attempts.append(_attempt(line, facts.get("outcome"), facts.get("why")))
            case "outage" if facts.get("state") == "began":
                self._outages.append({"fault": facts.get("fault"), "why": facts.get("why"), "began_ms": line["at_ms"]})
            case "outage" if self._outages:
                self._outages[-1]["ended_ms"] = line["at_ms"]
            case _:
                pass

    def account(self, row: Mapping[str, Any]) -> dict[str, object]:
        """Tell one registration: what ``evidence registrations`` gives of it, with its attempts and what was out of order."""
        lines = row["entries"]
        tap = next((line.get("facts") or {} for line in lines if line["kind"] == "tap"), {})
        attempts = [self._attempts[index] for index in self._by_row.get(row["id"], ())]
        attempts += [_verdict(line) for line in lines if line["kind"] == "verdict"]
        return {
            **{name: row[name] for name in _OWN},
            "tap": {**row["clock"], "trusted": row["clock_trusted"], **{name: tap.get(name) for name in _OF_THE_TAP}},
            "attempts": sorted(attempts, key=lambda each: int(str(each["entry"]))),
            "receipt": {"registration_id": row["registration_id"], "confirmed_at": row["confirmed_at"]},
            "outages": self._between(row["begun_ms"], row["ended_ms"]),
            "history": [_event(line) for line in lines],
            **({"person": {**row["person"], "card": _card(lines)}} if "person" in row else {}),
        }

    def _between(self, begun_ms: int, ended_ms: int) -> list[dict[str, object]]:
        return [
            {
                "fault": each["fault"],
                "why": each["why"],
                "began_at": rfc3339(each["began_ms"]),
                "ended_at": rfc3339(each["ended_ms"]) if "ended_ms" in each else None,
            }
            for each in self._outages
            if each["began_ms"] <= ended_ms and each.get("ended_ms", ended_ms) >= begun_ms
        ]


def _attempt(line: Mapping[str, Any], outcome: object, why: object) -> dict[str, object]:
    return {"entry": line["id"], "at": rfc3339(line["at_ms"]), "outcome": outcome, "why": why}


def _verdict(line: Mapping[str, Any]) -> dict[str, object]:
    """An answer that settled the registration, or a search that did."""
    facts = line.get("facts") or {}
    outcome = facts.get("state") or next((word for word in ("found", "absent", "not_cancelled") if word in facts), None)
    return _attempt(line, outcome, facts.get("reason") or facts.get("not_cancelled"))


def _event(line: Mapping[str, Any]) -> dict[str, object]:
    told = {"entry": line["id"], "at": rfc3339(line["at_ms"]), "kind": line["kind"], "subject": line["subject"]}
    return {**told, **{name: line[name] for name in ("erased", "facts", "person") if name in line}}


def _card(lines: list[Mapping[str, Any]]) -> object:
    return next((line["person"].get("card") for line in lines if line["kind"] == "tap" and "person" in line), None)
