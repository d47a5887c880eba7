"""Schemas of a document, resolved and merged, pure.

Understands what JSON Schema, OpenAPI 3.0 and Swagger 2.0 share; what is met and not understood is named, never passed over.
References lead within the files that were read (RFC 6901); none is ever fetched.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote

from kiosk.errors import UsageError

_MOST_STEPS: Final = 50_000
_LONGEST_CHAIN: Final = 50
_DEEPEST: Final = 8
_UPPER: Final = ("maxLength", "maximum", "maxItems")
_LOWER: Final = ("minLength", "minimum", "minItems")
#: Constraints that are not compared, so that a document that has them is not called the same.
_NOT_JUDGED: Final = frozenset(
    {
        "$anchor",
        "$dynamicRef",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "else",
        "if",
        "maxProperties",
        "minProperties",
        "multipleOf",
        "not",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the file in which it stands."""

    file: str
    value: object

    def get(self, name: str) -> Node:
        """The member of this name; its value is None where there is none."""
        return Node(self.file, mapping(self.value).get(name))


Nodes = tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The files of a description, parsed, by their paths; ``main`` is the one that begins it."""

    main: str
    files: Mapping[str, object]

    @property
    def root(self) -> Node:
        """The document itself."""
        return Node(self.main, self.files[self.main])


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a value may be.

    Attributes:
        types: The JSON types, or None for any.
        properties: For each member the schemas that all hold.
        required: Members that must be there.
        closed: Whether other members are forbidden; ``opened``: whether they are expressly allowed.
        enum: The only values, or None.
        patterns, formats: All that hold.
        bounds: ``minLength``, ``maxItems`` and so on.
        items: The schemas that hold for each element.
        choices: Groups of alternatives, of each group at least one holds.
        one_way: ``readOnly``: it stands in answers only; ``writeOnly``: in requests only.
        unjudged: Names of constraints, or sentences on references, that could not be taken into account.
    """

    types: frozenset[str] | None = None
    properties: Mapping[str, Nodes] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    closed: bool = False
    opened: bool = False
    enum: tuple[object, ...] | None = None
    patterns: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    bounds: Mapping[str, float] = field(default_factory=dict)
    items: Nodes = ()
    choices: tuple[Nodes, ...] = ()
    one_way: frozenset[str] = frozenset()
    unjudged: frozenset[str] = frozenset()


class References:
    """Follows references within a bundle, and merges schemas; a document that is made to take for ever is refused."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._steps = 0

    def follow(self, node: Node) -> Node | str:
        """Return what a node refers to in the end, itself where it is no reference, or why that can't be said."""
        for _ in range(_LONGEST_CHAIN):
            target = mapping(node.value).get("$ref")
            if not isinstance(target, str):
                return node
            found = self._target(node.file, target)
            if isinstance(found, str):
                return found
            node = found
        return "a reference leads back to itself"

    def schema(self, nodes: Nodes) -> Schema:
        """Merge the schemas that all hold for one value, references and ``allOf`` resolved.

        Raises:
            UsageError: The document is entangled beyond measure.
        """
        merged, pending, seen = Schema(), list(reversed(nodes)), set[int]()
        while pending:
            self._steps += 1
            if self._steps > _MOST_STEPS:
                raise UsageError("the description is entangled beyond measure", repair="download it anew; the real one is not")
            node = self.follow(pending.pop())
            if isinstance(node, str):
                merged = replace(merged, unjudged=merged.unjudged | {node})
            elif id(node.value) not in seen:
                seen.add(id(node.value))
                pending += [Node(node.file, part) for part in reversed(sequence(mapping(node.value).get("allOf")))]
                merged = _merge(merged, _own(node))
        return merged

    def folded(self, schema: Schema, depth: int = 0) -> Schema:
        """Return a schema with its alternatives laid together: everything that may be there, as a reader must see it."""
        flat = replace(schema, choices=())
        for group in schema.choices:
            if depth >= _DEEPEST:
                return replace(flat, unjudged=flat.unjudged | {"alternatives without end"})
            branches = [self.folded(self.schema((branch,)), depth + 1) for branch in group]
            for branch in branches:
                flat = replace(
                    flat,
                    properties={**branch.properties, **flat.properties},
                    items=flat.items or branch.items,
                    formats=flat.formats or branch.formats,
                    unjudged=flat.unjudged | branch.unjudged,
                )
            kinds = [branch.types for branch in branches]
            if None not in kinds:
                flat = replace(flat, types=_both(flat.types, frozenset().union(*(kind or frozenset() for kind in kinds))))
            values = [branch.enum for branch in branches if branch.enum is not None]
            if len(values) == len(branches) and flat.enum is None:
                flat = replace(flat, enum=tuple(value for each in values for value in each))
            flat = replace(flat, required=flat.required | frozenset.intersection(*(branch.required for branch in branches)))
        return flat

    def _target(self, file: str, reference: str) -> Node | str:
        path, _, pointer = reference.partition("#")
        if "://" in path or path.startswith("//"):
            return f"the reference {reference[:200]} leads to another host, which is not asked"
        name = posixpath.normpath(posixpath.join(posixpath.dirname(file), unquote(path))) if path else file
        if name not in self._bundle.files:
            return f"the reference {reference[:200]} leads to a file that is not here"
        value = self._bundle.files[name]
        for step in unquote(pointer).split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            value = mapping(value).get(key, _at(sequence(value), key))
        return f"the reference {reference[:200]} leads to nothing" if value is None else Node(name, value)


def _at(elements: Sequence[object], index: str) -> object:
    places = {str(place): element for place, element in enumerate(elements)}
    return places.get(index)


def mapping(value: object) -> Mapping[str, object]:
    """The value, if it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[object]:
    """The value, if it is an array; else an empty one."""
    return value if isinstance(value, list) else ()


def texts(value: object) -> tuple[str, ...]:
    """The strings of an array, or the one string that stands alone."""
    return (value,) if isinstance(value, str) else tuple(each for each in sequence(value) if isinstance(each, str))


def _own(node: Node) -> Schema:
    """Read one schema, without what it refers to."""
    if node.value is False:
        return Schema(types=frozenset())
    raw = mapping(node.value)
    extra = raw.get("additionalProperties")
    types = frozenset(texts(raw.get("type"))) or None
    if types is not None and (raw.get("nullable") is True or raw.get("x-nullable") is True):
        types |= {"null"}
    values = raw.get("enum")
    return Schema(
        types=types,
        properties={str(name): (Node(node.file, part),) for name, part in mapping(raw.get("properties")).items()},
        required=frozenset(texts(raw.get("required"))),
        closed=extra is False,
        opened=extra is True or isinstance(extra, dict),
        enum=(raw["const"],) if "const" in raw else tuple(sequence(values)) if isinstance(values, list) else None,
        patterns=texts(raw.get("pattern"))[:1],
        formats=texts(raw.get("format"))[:1],
        bounds=_bounds(raw),
        items=(Node(node.file, raw["items"]),) if isinstance(raw.get("items"), dict) else (),
        choices=tuple(
            tuple(Node(node.file, branch) for branch in sequence(raw.get(kind)))
            for kind in ("oneOf", "anyOf")
            if sequence(raw.get(kind))
        ),
        one_way=frozenset(name for name in ("readOnly", "writeOnly") if raw.get(name) is True),
        unjudged=frozenset(raw) & _NOT_JUDGED,
    )


def _bounds(raw: Mapping[str, object]) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for name in (*_UPPER, *_LOWER):
        value = raw.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
    # A boolean makes the bound beside it exclusive (Swagger 2.0, OpenAPI 3.0); a number is a bound of its own (3.1).
    for name, beside in (("exclusiveMaximum", "maximum"), ("exclusiveMinimum", "minimum")):
        value = raw.get(name)
        if value is True and beside in found:
            found[name] = found.pop(beside)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
    return found


def _merge(one: Schema, other: Schema) -> Schema:
    names = {**one.properties, **other.properties}
    return Schema(
        types=_both(one.types, other.types),
        properties={name: one.properties.get(name, ()) + other.properties.get(name, ()) for name in names},
        required=one.required | other.required,
        closed=one.closed or other.closed,
        opened=one.opened or other.opened,
        enum=_common(one.enum, other.enum),
        patterns=one.patterns + other.patterns,
        formats=one.formats + other.formats,
        bounds={
            name: (min if "max" in name.lower() else max)(each.bounds[name] for each in (one, other) if name in each.bounds)
            for name in {**one.bounds, **other.bounds}
        },
        items=one.items + other.items,
        choices=one.choices + other.choices,
        one_way=one.one_way | other.one_way,
        unjudged=one.unjudged | other.unjudged,
    )


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    # Every integer is a number too.
    return (one & other) | ({"integer"} if "integer" in one ^ other and "number" in one | other else frozenset())


def _common(one: tuple[object, ...] | None, other: tuple[object, ...] | None) -> tuple[object, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(value for value in one if value in other)
