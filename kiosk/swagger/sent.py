"""Would the service take what is sent? A request's shape against the schema of the document, pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, assert_never

from kiosk.contract import Field
from kiosk.contract_shapes import Figure, Listing, Record, Text, Value
from kiosk.swagger.differences import Difference, Setting, Severity, Spot
from kiosk.swagger.schemas import Node, Nodes, Schema

_HARMLESS: Final = "harmless"
_DEEPEST: Final = 8
_SOMETIMES: Final = "this happens to some of what is sent"
#: What OpenAPI and JSON Schema define; other formats are names only.
_FORMATS: Final = frozenset({"date", "date-time", "time", "duration", "email", "uuid", "uri", "byte", "binary", "ipv4", "ipv6"})
#: A pattern with a repeated group, or with so many repetitions, might take for ever on a value that almost fits.
_REPEATED_GROUP: Final = re.compile(r"\)(?:[*+]|\{\d*,)")
_MOST_REPETITIONS: Final = 8
_LONGEST_PATTERN: Final = 500
_ROWS: Final = (Severity.BREAKS, Severity.LIMITS)


def sent(value: Value, nodes: Nodes, spot: Spot) -> list[Difference]:
    """Compare what is sent with what the document takes, all alternatives of both included."""
    if isinstance(value, Record):
        found = [each for variant in _variants(value) for each in _object(value, variant, nodes, spot)]
    else:
        schema = spot.references.schema(nodes)
        found = [unjudged(spot, what) for what in sorted(schema.unjudged)]
        found += _plain(value, schema, spot)
        for group in schema.choices:
            found += _best(group, lambda branch: sent(value, (branch,), spot.branch()), spot)
    return list(dict.fromkeys(found))


def _plain(value: Text | Figure | Listing, schema: Schema, spot: Spot) -> Iterator[Difference]:
    match value:
        case Text():
            return _text(value, schema, spot)
        case Figure():
            return _figure(value, schema, spot)
        case Listing():
            return _listing(value, schema, spot)
        case other:
            assert_never(other)


def _object(
    record: Record,
    variant: frozenset[str],
    nodes: Nodes,
    spot: Spot,
    around: frozenset[str] = frozenset(),
) -> list[Difference]:
    """Compare one set of members that is sent; ``around`` are the members described outside of this alternative."""
    schema = spot.references.schema(nodes)
    known = around | frozenset(spot.references.folded(schema).properties)
    found = [unjudged(spot, what) for what in sorted(schema.unjudged)]
    found += _record(record, variant, schema, spot, known)
    here = around | frozenset(schema.properties)
    for group in schema.choices:
        found += _best(group, lambda branch: _object(record, variant, (branch,), spot.branch(), here), spot)
    return found


def _best(group: Nodes, compare: Callable[[Node], list[Difference]], spot: Spot) -> list[Difference]:
    """Of alternatives the one that fits best counts."""
    if spot.depth >= _DEEPEST:
        return [unjudged(spot, "alternatives without end")]
    return min((compare(branch) for branch in group), key=lambda found: [sum(d.severity is row for d in found) for row in _ROWS])


def unjudged(spot: Spot, what: str) -> Difference:
    """Note that a part of the document could not be taken into account."""
    return spot.differs(
        "-", what, severity=Severity.LIMITS, consequence="what it says is not compared here; look at it yourself, by hand"
    )


def renamed(name: str, candidates: Iterable[str]) -> str:
    """Guess under which other name a member goes on, as the end of a sentence; empty where nothing resembles it."""
    lower = {candidate.lower(): candidate for candidate in sorted(candidates)}
    longer = [each for each in lower if each.endswith(name.lower())]
    near = longer or difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    return f"; perhaps it is now {lower[near[0]]}" if near else ""


def kinds(schema: Schema) -> str:
    """The JSON types of a schema in words."""
    return " or ".join(sorted(schema.types or ())) or "nothing at all"


def allowed(schema: Schema, *types: str) -> bool:
    """Whether one of these JSON types may stand there."""
    return schema.types is None or bool(schema.types & set(types))


def _variants(record: Record) -> list[frozenset[str]]:
    """The sets of members that are sent: the fewest and the most, each with every alternative."""
    options: Sequence[Field | None] = sorted(record.one_of) or [None]
    always = {member.name for member in record.members if member.needed} - record.one_of
    every = {member.name for member in record.members} - record.one_of
    return [frozenset(base | ({option} if option else set())) for option in options for base in (always, every)]


def _record(record: Record, variant: frozenset[str], schema: Schema, spot: Spot, known: frozenset[str]) -> Iterator[Difference]:
    if not allowed(schema, "object"):
        yield spot.differs("an object", kinds(schema))
        return
    for name in sorted(schema.required - variant):
        # A schema that serves both ways demands in a request only what is not for answers alone (OpenAPI 3.0, Schema Object).
        if "readOnly" in spot.references.schema(schema.properties.get(name, ())).one_way:
            continue
        told = "left out at times" if name in record.names else "never sent"
        yield spot.member(name).differs(
            told, "required", consequence=f"{spot.consequence}: a required member is missing", severity=Severity.BREAKS
        )
    for name in sorted(variant - known) if known or schema.closed else ():
        guess = renamed(name, known - record.names)
        if schema.opened and not guess:
            yield spot.member(name).differs(
                "sent", "not described, and not forbidden", severity=Severity.INFORMATION, consequence=_HARMLESS
            )
        else:
            yield spot.member(name).differs("sent", f"unknown{guess}", consequence=f"{spot.consequence} (unknownInput)")
    extra = sorted(set(schema.properties) - record.names - schema.required)
    if extra:
        yield spot.differs("not sent", f"may also hold {', '.join(extra)}", severity=Severity.INFORMATION, consequence=_HARMLESS)
    for member in record.members:
        if member.name in variant and member.name in schema.properties:
            yield from sent(member.value, schema.properties[member.name], spot.member(member.name))


def _listing(listing: Listing, schema: Schema, spot: Spot) -> Iterator[Difference]:
    if not allowed(schema, "array"):
        yield spot.differs("an array", kinds(schema))
        return
    most, least = schema.bounds.get("maxItems"), schema.bounds.get("minItems", 0)
    if most is not None and listing.most is not None and most < listing.most:
        yield spot.differs(
            f"at most {listing.most} items",
            f"at most {most:g}",
            severity=Severity.LIMITS if most >= 1 else Severity.BREAKS,
            consequence="longer calls would be refused, and halved until they are taken",
            repair=Setting(section="service.limits", key="batch", value=int(most)) if most >= 1 else None,
        )
    if least > 1:
        yield spot.differs("1 item or more", f"at least {least:g}", severity=Severity.LIMITS)
    if schema.items:
        yield from sent(listing.of, schema.items, spot.element())


def _figure(figure: Figure, schema: Schema, spot: Spot) -> Iterator[Difference]:
    if not allowed(schema, "number", *(("integer",) if figure.whole else ())):
        yield spot.differs("a whole number" if figure.whole else "a number", kinds(schema))
        return
    if schema.enum is not None:
        yield spot.differs(f"{figure.low:g} to {figure.high:g}", f"only {_listed(schema.enum)}", severity=Severity.LIMITS)
    low, high = schema.bounds.get("minimum", figure.low), schema.bounds.get("maximum", figure.high)
    above, below = schema.bounds.get("exclusiveMinimum", figure.low - 1), schema.bounds.get("exclusiveMaximum", figure.high + 1)
    if low > figure.low or above >= figure.low:
        yield _out_of_range(figure, f"at least {low:g}" if low > figure.low else f"more than {above:g}", spot)
    if high < figure.high or below <= figure.high:
        yield _out_of_range(figure, f"at most {high:g}" if high < figure.high else f"less than {below:g}", spot, most=high)


def _out_of_range(figure: Figure, described: str, spot: Spot, most: float = 0) -> Difference:
    page = spot.where == f"request {Field.PAGE_SIZE}"
    return spot.differs(
        f"{figure.low:g}" if figure.low == figure.high else f"{figure.low:g} to {figure.high:g}",
        described,
        severity=Severity.BREAKS if page else Severity.LIMITS,
        repair=Setting(section="service.limits", key="page_size", value=int(most)) if page and 1 <= most < figure.high else None,
    )


def _text(text: Text, schema: Schema, spot: Spot) -> Iterator[Difference]:
    if not allowed(schema, "string"):
        yield spot.differs("a string", kinds(schema))
        return
    values = text.choices or text.samples
    if schema.enum is not None:
        yield from _enumerated(values, schema.enum, spot)
    for pattern in schema.patterns:
        yield from _pattern(text, values, pattern, spot)
    for name in schema.formats:
        if name in _FORMATS and name != text.format:
            yield spot.differs(f"a {text.format}" if text.format else "no format", f"format {name}")
    most, least = schema.bounds.get("maxLength", text.longest), schema.bounds.get("minLength", text.shortest)
    if most < text.longest or least > text.shortest:
        nothing = most < text.shortest or least > text.longest
        yield spot.differs(
            f"{text.shortest} to {text.longest} characters",
            f"{least:g} to {most:g}",
            severity=None if nothing else Severity.LIMITS,
            consequence=spot.consequence if nothing else f"{spot.consequence}; {_SOMETIMES}",
        )


def _enumerated(values: Sequence[str], enum: Sequence[object], spot: Spot) -> Iterator[Difference]:
    lower = {str(each).lower() for each in enum}
    if all(value in enum for value in values):
        return
    spelling = "spelled otherwise: " if all(value.lower() in lower for value in values) else "only "
    yield spot.differs(", ".join(values), f"{spelling}{_listed(enum)}")


def _pattern(text: Text, values: Sequence[str], pattern: str, spot: Spot) -> Iterator[Difference]:
    # Belgif and we write the same set of digits in two ways.
    if pattern.replace(r"\d", "[0-9]").strip("^$") == text.pattern.replace(r"\d", "[0-9]").strip("^$"):
        return
    compiled = _compiled(pattern)
    if compiled is None:
        yield unjudged(spot, f"the pattern {pattern[:100]} can't be tried here")
        return
    refused = [value for value in values if not compiled.search(value)]
    if not refused:
        yield spot.differs(
            text.pattern or "no pattern",
            pattern[:200],
            severity=Severity.INFORMATION,
            consequence=f"{_HARMLESS}: examples of ours match",
        )
    else:
        some = len(refused) < len(values) and not text.choices
        yield spot.differs(
            f"such as {', '.join(refused)}",
            f"pattern {pattern[:200]}",
            severity=Severity.LIMITS if some else None,
            consequence=f"{spot.consequence}; {_SOMETIMES}" if some else None,
        )


def _compiled(pattern: str) -> re.Pattern[str] | None:
    if len(pattern) > _LONGEST_PATTERN or _REPEATED_GROUP.search(pattern) or sum(map(pattern.count, "*+?{")) > _MOST_REPETITIONS:
        return None
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value)[:60] for value in list(values)[:20])
