from __future__ import annotations

from typing import Any

import pytest

from kiosk.errors import UsageError
from kiosk.swagger.schemas import Bundle, Node, References, Schema, mapping, sequence, texts

FILES: dict[str, object] = {
    "api/main.json": {
        "a/b": {"c~d": [{"type": "string"}, {"type": "integer"}]},
        "text": {"type": "string", "maxLength": 9},
        "loop": {"$ref": "#/loop"},
        "self": {"allOf": [{"$ref": "#/self"}, {"type": "object"}]},
    },
    "common/types.json": {"Number": {"$ref": "../api/main.json#/text"}},
}


def references() -> References:
    return References(Bundle(main="api/main.json", files=FILES))


def merged(*parts: Any) -> Schema:
    return references().schema(tuple(Node("api/main.json", part) for part in parts))


def folded(part: Any) -> Schema:
    found = references()
    return found.folded(found.schema((Node("api/main.json", part),)))


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("#/a~1b/c~0d/1", {"type": "integer"}),
        ("#/a~1b/c%7E0d/0", {"type": "string"}),
        ("../common/types.json#/Number", {"type": "string", "maxLength": 9}),
        ("#", FILES["api/main.json"]),
    ],
)
def test_a_reference_leads_to_what_it_names(reference: str, value: object) -> None:
    """Pointers are read as RFC 6901 has it, files are found from where the reference stands, chains are followed."""
    found = references().follow(Node("api/main.json", {"$ref": reference}))
    assert isinstance(found, Node)
    assert found.value == value


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("https://example.org/a.json#/x", "leads to another host, which is not asked"),
        ("//example.org/a.json", "leads to another host, which is not asked"),
        ("../secret.json", "leads to a file that is not here"),
        ("#/a~1b/c~0d/2", "leads to nothing"),
        ("#/text/type/x", "leads to nothing"),
        ("#/loop", "leads back to itself"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told(reference: str, told: str) -> None:
    """What can't be followed is named, and is no exception."""
    assert told in str(references().follow(Node("api/main.json", {"$ref": reference})))


def test_schemas_that_all_hold_are_merged() -> None:
    """Of several constraints the narrower counts; members and demands are added up."""
    one = {"type": ["string", "null"], "enum": ["a", "b"], "pattern": "^a", "minLength": 1, "maxLength": 9, "required": ["x"]}
    other = {"type": "string", "enum": ["b", "c"], "pattern": "b$", "minLength": 3, "maxLength": 20, "properties": {"x": {}}}
    found = merged({"allOf": [one, {"$ref": "#/text"}]}, other)
    assert (found.types, found.enum, found.patterns) == (frozenset({"string"}), ("b",), ("^a", "b$"))
    assert (dict(found.bounds), sorted(found.required), sorted(found.properties)) == (
        {"minLength": 3, "maxLength": 9},
        ["x"],
        ["x"],
    )


@pytest.mark.parametrize(
    ("one", "other", "types"),
    [
        ("integer", "number", {"integer"}),
        ("number", "integer", {"integer"}),
        ("integer", "integer", {"integer"}),
        ("string", "integer", set()),
    ],
)
def test_a_whole_number_is_a_number(one: str, other: str, types: list[str]) -> None:
    """What must be a number and a whole one is a whole one."""
    assert merged({"type": one}, {"type": other}).types == frozenset(types)


def test_the_spellings_of_versions_mean_the_same() -> None:
    """Exclusive bounds, nullable and const are read in each version's spelling."""
    assert merged({"maximum": 5, "exclusiveMaximum": True}).bounds == {"exclusiveMaximum": 5}
    assert merged({"exclusiveMinimum": 5, "exclusiveMaximum": False}).bounds == {"exclusiveMinimum": 5}
    assert merged({"type": "string", "nullable": True}).types == frozenset({"string", "null"})
    assert merged({"const": "x"}).enum == ("x",)
    assert merged(False).types == frozenset()
    assert merged(True) == Schema()


def test_what_is_not_understood_is_named() -> None:
    """Constraints that are not compared, and references that lead nowhere, are kept by name."""
    assert merged({"not": {}, "if": {}, "title": "x"}, {"$ref": "#/gone"}).unjudged == {
        "not",
        "if",
        "the reference #/gone leads to nothing",
    }


def test_a_schema_that_holds_itself_ends() -> None:
    """A schema that is part of itself adds nothing to itself."""
    assert merged({"$ref": "#/self"}).types == frozenset({"object"})
    assert folded({"oneOf": [{"$ref": "#/self"}, {"type": "array"}]}).types == frozenset({"object", "array"})


def test_alternatives_are_laid_together_for_a_reader() -> None:
    """A reader must understand whatever any alternative allows, and may rely only on what all demand."""
    one = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "c"]}
    other = {"type": "object", "properties": {"b": {}, "c": {}}, "required": ["b", "c"]}
    found = folded({"oneOf": [one, other]})
    assert (set(found.properties), set(found.required)) == ({"a", "b", "c"}, {"c"})
    assert found.types == frozenset({"object"})
    words = folded({"anyOf": [{"enum": ["x"]}, {"const": "y"}]})
    assert words.enum == ("x", "y")
    assert folded({"anyOf": [{"enum": ["x"]}, {}]}).enum is None


def test_alternatives_without_end_are_told() -> None:
    """An alternative that is its own alternative is named, and ends."""
    files: dict[str, object] = {"a": {"x": {"oneOf": [{"$ref": "#/x"}]}}}
    found = References(Bundle(main="a", files=files))
    assert found.folded(found.schema((Node("a", {"$ref": "#/x"}),))).unjudged == {"alternatives without end"}


def test_work_without_end_is_refused() -> None:
    """A document that would take for ever is refused in words."""
    found = references()
    with pytest.raises(UsageError, match="entangled beyond measure"):
        found.schema((Node("api/main.json", {"allOf": [{}] * 50_001}),))


def test_values_of_another_kind_are_empty() -> None:
    """Where an object or a list is expected, anything else counts as an empty one."""
    assert (mapping([1]), sequence({}), texts(3), texts("x"), texts(["x", 3])) == ({}, (), (), ("x",), ("x",))
