"""The contract and what differs from it, as plain data for ``--json`` and for tables, pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, assert_never

from kiosk.contract import Evidence
from kiosk.contract_calls import AUTHORISATION, calls
from kiosk.contract_shapes import Call, Figure, Listing, Member, Record, Text, Value
from kiosk.regimes import REGIMES
from kiosk.swagger.comparison import Expected
from kiosk.swagger.description import Description
from kiosk.swagger.differences import Difference, configuration, matters


def contract(expected: Expected) -> dict[str, Any]:
    """Everything that is known and assumed of the service, as this box would use it."""
    return {
        "items": [_call(call, expected) for call in calls(expected.batch, expected.page_size)],
        "limits": {"batch": expected.batch, "page_size": expected.page_size, "evidence": Evidence.ASSUMED.value},
        "authorisation": {"token_url": expected.token_url, **asdict(AUTHORISATION), "evidence": AUTHORISATION.evidence.value},
        "regimes": [
            {
                "regime": regime.sector.value,
                "enabled": regime.enabled,
                "law": regime.law,
                "since": regime.since,
                "owed": regime.owed.value,
                "announced": None if regime.announced is None else regime.announced.value,
                "channel": regime.channel.name,
                "evidence": regime.evidence.value,
                "needs": list(regime.needs),
            }
            for regime in REGIMES
        ],
    }


def differences(description: Description, found: Sequence[Difference]) -> dict[str, Any]:
    """What ``kiosk contract diff`` prints."""
    return {
        "document": description.title,
        "matters": matters(found),
        "items": [
            {
                "severity": each.severity.value,
                "operation": each.operation,
                "where": each.where,
                "assumed": each.assumed,
                "described": each.described,
                "consequence": each.consequence,
                "repair": None if each.repair is None else f"[{each.repair.section}]\n{each.repair.line}",
            }
            for each in found
        ],
        "configuration": configuration(found) or None,
    }


def _call(call: Call, expected: Expected) -> dict[str, Any]:
    known = call.operation.evidence
    rows = [] if call.request is None else list(_rows("request", call.request, known))
    return {
        "operation": call.name,
        "method": call.operation.method,
        "path": getattr(expected.paths, call.name),
        "evidence": known.value,
        "token": call.token,
        "members": [*rows, *_rows("answer", call.answer, known)],
    }


def _rows(where: str, record: Record, around: Evidence) -> Iterator[dict[str, Any]]:
    for member in record.members:
        head, _, path = where.partition(" ")
        place = f"{head} {f'{path}.' if path else ''}{member.name.value}"
        # What hangs on an assumption is no better known than that.
        evidence = Evidence.ASSUMED if Evidence.ASSUMED in {around, member.evidence} else Evidence.KNOWN
        kind, inner, below = _told(member.value, place)
        yield {"member": place, "kind": kind, "needed": _needed(record, member), "evidence": evidence.value}
        if inner is not None:
            yield from _rows(below, inner, evidence)


def _needed(record: Record, member: Member) -> str:
    if member.name in record.one_of:
        return "one of them"
    return "yes" if member.needed else "no"


def _told(value: Value, place: str) -> tuple[str, Record | None, str]:
    """Return a value in words, and the object in it with its place, if there is one."""
    match value:
        case Text():
            words = " or ".join(value.choices) or value.format or value.pattern or "text"
            return words, None, place
        case Figure():
            return f"{'whole number' if value.whole else 'number'} {value.low:.16g} to {value.high:.16g}", None, place
        case Listing():
            inner = value.of if isinstance(value.of, Record) else None
            return "list" if value.most is None else f"list, at most {value.most}", inner, f"{place}[]"
        case Record():
            return "object", value, place
        case other:
            assert_never(other)
