"""Would the answer be understood? What the document lets the service say against what is read of it, pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, assert_never

from kiosk.contract import VALIDITY_CANCELLED, VALIDITY_GOOD, VALIDITY_PENDING, Field
from kiosk.contract_shapes import Figure, Listing, Member, Record, Text, Value
from kiosk.swagger.differences import Difference, Severity, Spot
from kiosk.swagger.schemas import Nodes, Schema
from kiosk.swagger.sent import allowed, kinds, renamed, unjudged

_IGNORED: Final = "harmless: what is not known in an answer is ignored"


def answered(value: Value, nodes: Nodes, spot: Spot, *, bare: bool = False) -> list[Difference]:
    """Compare what an answer may be with what is read of it.

    Args:
        value: What is read.
        nodes: The schemas of the document that hold for it.
        spot: Where it stands.
        bare: Whether an array is understood in place of an object with ``items``.
    """
    schema = spot.references.folded(spot.references.schema(nodes))
    found = [unjudged(spot, what) for what in sorted(schema.unjudged)]
    match value:
        case Record() if bare and schema.types == frozenset({"array"}):
            found += _bare(value, schema, spot)
        case Record():
            found += _record(value, schema, spot)
        case Listing():
            found += _listing(value, schema, spot)
        case Figure():
            found += () if allowed(schema, "number", "integer") else (spot.differs("a number", kinds(schema)),)
        case Text():
            found += _text(value, schema, spot)
        case other:
            assert_never(other)
    return list(dict.fromkeys(found))


def _bare(value: Record, schema: Schema, spot: Spot) -> Iterator[Difference]:
    (listing,) = (member.value for member in value.members if member.name is Field.ITEMS)
    yield spot.differs("an object with items", "an array", severity=Severity.INFORMATION, consequence="harmless: understood too")
    yield from _listing(listing, schema, spot)


def _record(record: Record, schema: Schema, spot: Spot) -> Iterator[Difference]:
    if not allowed(schema, "object"):
        yield spot.differs("an object", kinds(schema))
        return
    if not schema.properties:
        yield from _unsaid(record, schema, spot)
        return
    if record.some_of and not record.some_of & set(schema.properties):
        yield spot.differs(
            f"any of {', '.join(sorted(record.some_of))}",
            f"only {', '.join(sorted(schema.properties))}",
            severity=Severity.LIMITS,
            consequence=record.without,
        )
    for member in record.members:
        below = _below(member, spot)
        if member.name in schema.properties and not _is_for_requests(schema.properties[member.name], spot):
            yield from answered(member.value, schema.properties[member.name], below)
            if member.needed and member.name not in schema.required | record.one_of:
                yield below.differs("always there", "may be left out", severity=Severity.INFORMATION)
        elif member.name not in record.some_of:
            yield from _missing(record, member, schema, below)
    extra = sorted(set(schema.properties) - record.names)
    if extra:
        yield spot.differs("not read", f"also holds {', '.join(extra)}", severity=Severity.INFORMATION, consequence=_IGNORED)


def _is_for_requests(nodes: Nodes, spot: Spot) -> bool:
    return "writeOnly" in spot.references.schema(nodes).one_way


def _unsaid(record: Record, schema: Schema, spot: Spot) -> Iterator[Difference]:
    if not schema.unjudged:
        yield spot.differs(
            f"an object with {', '.join(sorted(record.names))}",
            "an object of which nothing is said",
            severity=Severity.LIMITS,
            consequence="whether answers are understood shows only against the service: try in simulation",
        )


def _below(member: Member, spot: Spot) -> Spot:
    below = spot.member(member.name)
    return below if member.needed else replace(below, vital=False, consequence=member.without or _IGNORED)


def _missing(record: Record, member: Member, schema: Schema, below: Spot) -> Iterator[Difference]:
    if not member.needed and not member.without:
        return
    wrappers = [
        name
        for name, nodes in schema.properties.items()
        if name not in record.names and member.name in below.references.folded(below.references.schema(nodes)).properties
    ]
    hint = f"; perhaps it is now inside {wrappers[0]}" if wrappers else renamed(member.name, set(schema.properties) - record.names)
    yield below.differs("read", f"not there{hint}")


def _listing(value: Value, schema: Schema, spot: Spot) -> Iterator[Difference]:
    if not allowed(schema, "array"):
        yield spot.differs("an array", kinds(schema))
    elif isinstance(value, Listing) and schema.items:
        yield from answered(value.of, schema.items, spot.element())


def _text(text: Text, schema: Schema, spot: Spot) -> Iterator[Difference]:
    if not allowed(schema, "string"):
        # A remark that is an object is told by its code, or as it came.
        if not (spot.where.endswith(f"{Field.REMARKS}[]") and allowed(schema, "object")):
            yield spot.differs("a string", kinds(schema))
        return
    for name in schema.formats:
        if text.format and name != text.format:
            yield spot.differs(f"format {text.format}", f"format {name}")
    words = [each for each in schema.enum or () if isinstance(each, str)]
    strangers = [word for word in words if text.choices and word.lower() not in {choice.lower() for choice in text.choices}]
    if strangers:
        yield spot.differs(", ".join(text.choices), f"also {', '.join(strangers[:20])}")
    if words and spot.where.endswith(Field.VALIDITY):
        yield from _validity(words, spot)


def _validity(words: list[str], spot: Spot) -> Iterator[Difference]:
    """The final values were not known: say how each would be taken."""
    good = [word for word in words if word.lower() in VALIDITY_GOOD]
    known = VALIDITY_GOOD | VALIDITY_CANCELLED | {VALIDITY_PENDING}
    bad = [word for word in words if word.lower() not in known]
    yield spot.differs(
        f"{VALIDITY_PENDING}, then unknown words",
        ", ".join(words[:20]),
        severity=Severity.INFORMATION,
        consequence=f"taken as good: {', '.join(good) or 'none'}; as bad news, with a task each: {', '.join(bad) or 'none'}",
    )
    if not good:
        yield spot.differs(
            "a word for good news", "none that is known", consequence="every registration that is in order would be a task"
        )
    if VALIDITY_PENDING not in {word.lower() for word in words}:
        yield spot.differs(
            VALIDITY_PENDING, "no such word", severity=Severity.LIMITS, consequence="what is not final yet would be taken as final"
        )
