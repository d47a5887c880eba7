"""The OpenAPI document as the law of the double: it routes requests and finds what is wrong with their inputs.

The only file that knows ``jsonschema``. Errors become Belgif issues whose names say where: ``items[3].ssin``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from itertools import islice
from typing import Any, Final, cast

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from kiosk.simulator.instants import milliseconds
from kiosk.simulator.messages import Json, Operation, Request
from kiosk.simulator.problems import Issue, IssueType, Place, Refused, bad_request, method_not_allowed, not_found

#: More issues than this help nobody, and finding them all in a hostile body takes long.
_MOST_ISSUES: Final = 100
_METHODS: Final = frozenset({"get", "put", "post", "delete", "patch"})
_FORMATS: Final = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or milliseconds(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a request leads.

    Attributes:
        operation: What is asked.
        parameters: The values of the path's variables, checked.
        schema: The name of the body's schema, or None where no body is read.
        open: True where no token is needed.
    """

    operation: Operation
    parameters: Mapping[str, int]
    schema: str | None
    open: bool


def load(name: str) -> Json:
    """Read one of the JSON documents that lie beside this module."""
    document: Json = json.loads(resources.files(__package__).joinpath(name).read_text(encoding="utf-8"))
    return document


class Document:
    """An OpenAPI 3.1 document, or any that keeps its schemas under ``components``."""

    def __init__(self, content: Json) -> None:
        self.content = content
        # /presenceRegistrations/search fits the path of one registration too: concrete paths come first (OpenAPI 3.1, 4.8.8).
        paths = sorted(content.get("paths", {}).items(), key=lambda path: "{" in path[0])
        self._paths = [(_pattern(template), item) for template, item in paths]
        self._validators: dict[str, Draft202012Validator] = {}

    def route(self, method: str, path: str) -> Route:
        """Find the operation; raises ``Refused`` with 404, 405, or 400 for a path variable of the wrong kind."""
        for pattern, item in self._paths:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if method.lower() not in item or method != method.upper():
                raise Refused(method_not_allowed(name.upper() for name in item if name in _METHODS))
            return self._route(item[method.lower()], found.groupdict())
        raise Refused(not_found())

    def _route(self, operation: Json, variables: dict[str, str]) -> Route:
        body = operation.get("requestBody")
        schema = None if body is None else body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        parameters = {name: self._variable(operation, name, text) for name, text in variables.items()}
        name = Operation(operation["operationId"])
        return Route(operation=name, parameters=parameters, schema=schema, open=operation.get("security") == [])

    def _variable(self, operation: Json, name: str, text: str) -> int:
        """Read a path variable; every one of this service is an integer."""
        schema = next(parameter["schema"] for parameter in operation["parameters"] if parameter["name"] == name)
        value = int(text) if re.fullmatch("[0-9]{1,20}", text) else text
        if not isinstance(value, int) or any(self._validator(schema["$ref"].rsplit("/", 1)[1]).iter_errors(value)):
            issue = Issue(type=IssueType.SCHEMA_VIOLATION, name=name, detail="no valid id", place=Place.PATH, value=text)
            raise Refused(bad_request([issue]))
        return value

    def issues(self, schema: str, body: object) -> list[Issue]:
        """Return what is wrong with a body by the schema of this name; empty when nothing is."""
        errors = islice(self._validator(schema).iter_errors(body), _MOST_ISSUES)
        distinct = {(issue.name, issue.type): issue for error in errors for issue in _issues(error)}
        return list(distinct.values())[:_MOST_ISSUES]

    def _validator(self, schema: str) -> Draft202012Validator:
        if schema not in self._validators:
            whole = {"$ref": f"#/components/schemas/{schema}", "components": self.content["components"]}
            self._validators[schema] = Draft202012Validator(whole, format_checker=_FORMATS)
        return self._validators[schema]


def check_query(request: Request) -> None:
    """Refuse query parameters: no operation has any, and a Belgif service refuses unknown input."""
    if request.query:
        raise Refused(
            bad_request(
                Issue(type=IssueType.UNKNOWN_INPUT, name=name, detail="unknown query parameter", place=Place.QUERY)
                for name, _ in request.query[:_MOST_ISSUES]
            )
        )


def parse(body: bytes) -> object:
    """Read JSON strictly: UTF-8, no repeated names, no NaN; raises ``Refused`` with 400."""
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unrepeated, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        issue = Issue(type=IssueType.SCHEMA_VIOLATION, name="", detail="the body is no JSON")
        raise Refused(bad_request([issue])) from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> Json:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError("a number is beyond measure")
    return value


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)), re.DOTALL)


def _issues(error: ValidationError) -> Iterator[Issue]:
    """Turn one finding of the validator into issues; the validator's own message may repeat values, so it is not used."""
    where, instance, demanded = named(error.absolute_path), cast("Any", error.instance), cast("Any", error.validator_value)
    if error.validator == "additionalProperties":
        known = cast("Json", error.schema)["properties"]
        for extra in sorted(set(instance) - set(known)):
            yield Issue(type=IssueType.UNKNOWN_INPUT, name=_below(where, extra), detail="this member is not known")
    elif error.validator == "required":
        # One finding per missing name, each telling which only in its message: all are yielded, repeats dropped later.
        for missing in (name for name in demanded if name not in instance):
            yield Issue(type=IssueType.SCHEMA_VIOLATION, name=_below(where, missing), detail="this member is required")
    elif error.validator == "oneOf":
        names = ", ".join(name for branch in demanded for name in branch["required"])
        yield Issue(type=IssueType.EXACTLY_ONE_OF, name=where, detail=f"exactly one of these is expected: {names}")
    else:
        value = instance if isinstance(instance, str | int | float) else None
        yield Issue(
            type=IssueType.SCHEMA_VIOLATION, name=where, detail=f"the value does not satisfy: {error.validator}", value=value
        )


def named(path: Iterable[str | int]) -> str:
    """Write a path as Belgif names inputs: ``items[3].ssin``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
