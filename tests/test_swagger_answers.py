from __future__ import annotations

from typing import Any

import pytest

from kiosk.contract import Field
from kiosk.contract_calls import DIRECTION, MOMENT, NUMBER, REFUSAL, REMARKS, VALIDITY
from kiosk.contract_calls import calls as all_calls
from kiosk.contract_shapes import Listing, Member, Record, Text, Value
from kiosk.swagger.answers import answered
from kiosk.swagger.differences import Severity, Spot
from kiosk.swagger.schemas import Bundle, Node, References

BREAKS, LIMITS, INFORMATION = Severity
READ = Record(members=(Member(name=Field.ID, value=NUMBER), VALIDITY, REMARKS))
PAGE = Record(members=(Member(name=Field.ITEMS, value=Listing(of=READ)),))


def compared(value: Value, schema: Any, *, bare: bool = False) -> list[tuple[str, str, Severity]]:
    references = References(Bundle(main="a", files={"a": {}}))
    spot = Spot(call=all_calls()[0], references=references, where="answer", consequence="not understood")
    found = answered(value, (Node("a", schema),), spot, bare=bare)
    assert all(each.consequence and each.assumed for each in found)
    return [(each.where, each.described, each.severity) for each in found]


def holding(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


REGISTRATION = holding(id={"type": "integer"}, validity={"type": "string"}, remarks={"type": "array", "items": {"type": "string"}})


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (READ, REGISTRATION),
        (READ, {"allOf": [holding(id={}), {"properties": {"validity": {}, "remarks": {}}}]}),
        (READ, {"oneOf": [REGISTRATION, holding(id={"type": "number"}, validity={}, remarks={})]}),
        (DIRECTION, {"type": "string", "enum": ["IN", "OUT", None]}),
        (MOMENT, {"type": "string", "format": "date-time"}),
        (Text(), {"type": "string", "format": "date"}),
        (REFUSAL, holding(issues={"type": "array", "items": holding(type={}, code={})})),
    ],
)
def test_what_is_understood_makes_no_difference(value: Value, schema: Any) -> None:
    """An answer that is understood whole is nothing to tell."""
    assert compared(value, schema) == []


@pytest.mark.parametrize(
    ("value", "schema", "told"),
    [
        (READ, {"type": "array"}, ("answer", "array", BREAKS)),
        (READ, {"type": "object"}, ("answer", "an object of which nothing is said", LIMITS)),
        (READ, holding(validity={}, remarks={}), ("answer id", "not there", BREAKS)),
        (READ, holding(id={"writeOnly": True}, validity={}, remarks={}), ("answer id", "not there", BREAKS)),
        (READ, holding(id={}, remarks={}), ("answer validity", "not there", LIMITS)),
        (READ, {**REGISTRATION, "required": []}, ("answer id", "may be left out", INFORMATION)),
        (READ, holding(id={"type": "string"}, validity={}, remarks={}), ("answer id", "string", BREAKS)),
        (READ, holding(id={}, validity={"type": "object"}, remarks={}), ("answer validity", "object", LIMITS)),
        (READ, holding(id={}, validity={}, remarks={"type": "string"}), ("answer remarks", "string", LIMITS)),
        (READ, holding(id={}, validity={}, remarks={}, more={}), ("answer", "also holds more", INFORMATION)),
        (READ, {"$ref": "#/gone"}, ("answer", "the reference #/gone leads to nothing", LIMITS)),
        (DIRECTION, {"enum": ["in", "out", "pause"]}, ("answer", "also pause", BREAKS)),
        (MOMENT, {"type": "string", "format": "date"}, ("answer", "format date", BREAKS)),
        (MOMENT, {"type": "integer"}, ("answer", "integer", BREAKS)),
        (REFUSAL, holding(message={}), ("answer", "only message", LIMITS)),
        (PAGE, holding(data=holding(items={})), ("answer items", "not there; perhaps it is now inside data", BREAKS)),
        (PAGE, holding(items={"type": "object"}), ("answer items", "object", BREAKS)),
    ],
)
def test_what_is_not_understood_is_told(value: Value, schema: Any, told: tuple[str, str, Severity]) -> None:
    """Whatever of an answer would not be understood is told, by what hangs on it."""
    assert told in compared(value, schema)


def test_a_remark_may_be_an_object() -> None:
    """A remark that is no text is read too, by its code or as it came; a number is not."""
    text = {"type": "array", "items": {"type": "object"}}
    assert compared(READ, holding(id={}, validity={}, remarks=text)) == []
    told = compared(READ, holding(id={}, validity={}, remarks={"type": "array", "items": {"type": "integer"}}))
    assert told == [("answer remarks[]", "integer", LIMITS)]


def test_a_bare_array_is_understood_where_the_client_does() -> None:
    """Some calls read an array in place of an object with items; what is in it is compared all the same."""
    schema = {"type": "array", "items": holding(validity={}, remarks={})}
    assert compared(PAGE, schema, bare=True) == [("answer", "an array", INFORMATION), ("answer[] id", "not there", BREAKS)]
    assert compared(PAGE, schema) == [("answer", "array", BREAKS)]


def test_final_values_are_told_as_they_would_be_taken() -> None:
    """Once the document names the values of validity, it is told which are good news here and which are not."""
    record = holding(id={}, validity={"type": "string", "enum": ["pending", "OK", "cancelled", "refused"]}, remarks={})
    assert compared(READ, record) == [("answer validity", "pending, OK, cancelled, refused", INFORMATION)]
