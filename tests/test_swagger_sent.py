from __future__ import annotations

from typing import Any

import pytest

from kiosk.contract import Field
from kiosk.contract_calls import DIRECTION, EMPLOYER, SSIN, calls
from kiosk.contract_shapes import Figure, Listing, Member, Record, Text, Value
from kiosk.swagger.differences import Severity, Spot
from kiosk.swagger.schemas import Bundle, Node, References
from kiosk.swagger.sent import sent

BREAKS, LIMITS, INFORMATION = Severity
STREET = Text(samples=("Wetstraat",), longest=200)
NUMBER = Figure(whole=True, low=1, high=100)
DEGREES = Figure(whole=False, low=-180, high=180)
NAMED = Record(members=(Member(name=Field.SSIN, value=SSIN), Member(name=Field.CODE, value=STREET, needed=False)))


def compared(value: Value, schema: Any) -> list[tuple[str, str, Severity]]:
    references = References(Bundle(main="a", files={"a": {"loop": {"oneOf": [{"$ref": "#/loop"}]}}}))
    spot = Spot(call=calls()[0], references=references, where="request", consequence="refused")
    found = sent(value, (Node("a", schema),), spot)
    assert all(each.consequence and each.assumed for each in found)
    return [(each.where, each.described, each.severity) for each in found]


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (SSIN, {}),
        (SSIN, {"type": "string", "pattern": r"^\d{11}$", "format": "ssin", "minLength": 11, "maxLength": 11}),
        (DIRECTION, {"enum": ["out", "in", "break"]}),
        (STREET, {"type": ["string", "null"], "maxLength": 200, "minLength": 1}),
        (NUMBER, {"type": "integer", "minimum": 1, "maximum": 100}),
        (NUMBER, {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 101}),
        (DEGREES, {"type": "number", "minimum": -180, "maximum": 180, "exclusiveMinimum": False}),
        (Listing(of=SSIN, most=5), {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 5}),
        (NAMED, {"type": "object", "properties": {"ssin": {}, "code": {}}, "required": ["ssin"], "additionalProperties": False}),
        (NAMED, {"allOf": [{"properties": {"ssin": {}}}, {"properties": {"code": {}}, "additionalProperties": False}]}),
        (NAMED, {"anyOf": [{"type": "string"}, {"properties": {"ssin": {}, "code": {}}}]}),
        (
            EMPLOYER,
            {"oneOf": [{"properties": {name: {}}, "required": [name]} for name in ("enterpriseNumber", "foreignVatNumber")]},
        ),
        (NAMED, {"properties": {"ssin": {}, "code": {}, "id": {"readOnly": True}}, "required": ["id", "ssin"]}),
        (NAMED, True),
        (NAMED, {"type": "object"}),
    ],
)
def test_what_is_taken_makes_no_difference(value: Value, schema: Any) -> None:
    """A schema that takes all that is sent says nothing that would be told."""
    assert compared(value, schema) == []


@pytest.mark.parametrize(
    ("value", "schema", "told"),
    [
        (SSIN, False, ("request", "nothing at all", BREAKS)),
        (SSIN, {"pattern": "^[05]"}, ("request", "pattern ^[05]", INFORMATION)),
        (SSIN, {"pattern": "^5"}, ("request", "pattern ^5", LIMITS)),
        (DIRECTION, {"pattern": "^i"}, ("request", "pattern ^i", BREAKS)),
        (SSIN, {"pattern": "(?<"}, ("request", "the pattern (?< can't be tried here", LIMITS)),
        (SSIN, {"pattern": "a?" * 20}, ("request", f"the pattern {'a?' * 20} can't be tried here", LIMITS)),
        (SSIN, {"enum": [1, 2]}, ("request", "only 1, 2", BREAKS)),
        (SSIN, {"format": "uuid"}, ("request", "format uuid", BREAKS)),
        (STREET, {"minLength": 300}, ("request", "300 to 200", BREAKS)),
        (STREET, {"minLength": 5}, ("request", "5 to 200", LIMITS)),
        (NUMBER, {"type": "string"}, ("request", "string", BREAKS)),
        (DEGREES, {"type": "integer"}, ("request", "integer", BREAKS)),
        (NUMBER, {"enum": [1]}, ("request", "only 1", LIMITS)),
        (NUMBER, {"exclusiveMinimum": 1}, ("request", "more than 1", LIMITS)),
        (NUMBER, {"exclusiveMaximum": 100}, ("request", "less than 100", LIMITS)),
        (NUMBER, {"maximum": 99}, ("request", "at most 99", LIMITS)),
        (Listing(of=SSIN, most=5), {"type": "object"}, ("request", "object", BREAKS)),
        (Listing(of=SSIN, most=5), {"maxItems": 0}, ("request", "at most 0", BREAKS)),
        (Listing(of=SSIN, most=5), {"minItems": 2}, ("request", "at least 2", LIMITS)),
        (Listing(of=SSIN, most=5), {"items": {"type": "integer"}}, ("request[]", "integer", BREAKS)),
        (NAMED, {"type": "array"}, ("request", "array", BREAKS)),
        (NAMED, {"properties": {"ssin": {}}}, ("request code", "unknown", BREAKS)),
        (NAMED, {"additionalProperties": False}, ("request ssin", "unknown", BREAKS)),
        (
            NAMED,
            {"properties": {"ssin": {}}, "additionalProperties": True},
            ("request code", "not described, and not forbidden", INFORMATION),
        ),
        (NAMED, {"properties": {"insz": {}, "code": {}}}, ("request ssin", "unknown", BREAKS)),
        (NAMED, {"properties": {"ssin": {}, "statusCode": {}}}, ("request code", "unknown; perhaps it is now statusCode", BREAKS)),
        (NAMED, {"required": ["code"]}, ("request code", "required", BREAKS)),
        (NAMED, {"$ref": "#/loop"}, ("request", "alternatives without end", LIMITS)),
        (SSIN, {"$ref": "#/loop"}, ("request", "alternatives without end", LIMITS)),
        (
            EMPLOYER,
            {"oneOf": [{"properties": {"enterpriseNumber": {}}, "required": ["enterpriseNumber"]}, {"type": "string"}]},
            ("request foreignVatNumber", "unknown", BREAKS),
        ),
    ],
)
def test_what_is_not_taken_is_told(value: Value, schema: Any, told: tuple[str, str, Severity]) -> None:
    """Whatever of what is sent a schema does not take is told with its place and its weight."""
    if told[2] is INFORMATION and told[1].startswith("pattern "):
        told = (told[0], told[1].removeprefix("pattern "), told[2])
    assert told in compared(value, schema)


def test_the_alternative_that_fits_best_counts() -> None:
    """Of several ways to write an object that all differ, the nearest one is told, not all."""
    near = {"properties": {"ssin": {}, "code": {"type": "integer"}}}
    far = {"properties": {"x": {}}, "required": ["x"]}
    assert compared(NAMED, {"oneOf": [far, near]}) == [("request code", "integer", BREAKS)]
