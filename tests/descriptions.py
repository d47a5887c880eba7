"""Descriptions of the service for tests: the double's own document, as it is, altered, or in another spelling.

The double's document is what the contract is assumed to be, written down once more by somebody else's rules; an alteration
is what the official one may turn out to be.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from kiosk.simulator.document import load
from kiosk.swagger.comparison import Expected, compare
from kiosk.swagger.differences import Difference
from kiosk.swagger.schemas import Bundle

Json = dict[str, Any]
Alter = Callable[[Json], object]


def derived() -> Json:
    """The double's document, to be altered."""
    return copy.deepcopy(load("openapi.json"))


def altered(alter: Alter) -> Json:
    """The double's document with one alteration."""
    document = derived()
    alter(document)
    return document


def differences(document: Json, expected: Expected | None = None, **files: Json) -> tuple[Difference, ...]:
    """What differs in a document; ``files`` lie beside it, named without their ending."""
    named: dict[str, object] = {f"{name}.json": content for name, content in files.items()}
    bundle = Bundle(main="openapi.json", files={"openapi.json": document, **named})
    return compare(bundle, expected or Expected())[1]


def schemas(document: Json) -> Json:
    """The schemas of an OpenAPI 3 document."""
    found: Json = document["components"]["schemas"]
    return found


def as_swagger(document: Json) -> Json:
    """Write an OpenAPI 3 document as Swagger 2.0."""
    text = copy.deepcopy(document)
    operations = [operation for item in text["paths"].values() for operation in item.values()]
    for operation in operations:
        for parameter in operation.get("parameters", []):
            parameter |= {"type": "integer", "format": "int64"}
            del parameter["schema"]
        if "requestBody" in operation:
            schema = operation.pop("requestBody")["content"]["application/json"]["schema"]
            operation.setdefault("parameters", []).append({"in": "body", "name": "body", "required": True, "schema": schema})
        for status, answer in operation["responses"].items():
            found = text["components"]["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
            content = found.get("content", {})
            kind = "application/json" if "application/json" in content else next(iter(content), None)
            operation["responses"][status] = {"description": "x", **({"schema": content[kind]["schema"]} if kind else {})}
        operation["produces"] = ["application/json", "application/problem+json"]
    swagger: Json = _references(
        {
            "swagger": "2.0",
            "info": {"title": "PresenceRegistration", "version": "1.2.0"},
            "host": "services.socialsecurity.be",
            "basePath": "/REST/presenceRegistration/v1",
            "schemes": ["https"],
            "consumes": ["application/json"],
            "paths": text["paths"],
            "definitions": text["components"]["schemas"],
            "securityDefinitions": {
                "socialSecurity": {
                    "type": "oauth2",
                    "flow": "application",
                    "tokenUrl": "https://services.socialsecurity.be/REST/oauth/v5/token",
                    "scopes": {},
                }
            },
            "security": [{"socialSecurity": []}],
        }
    )
    return swagger


def _references(value: Any) -> Any:
    match value:
        case dict():
            return {name: _references(inner) for name, inner in value.items()}
        case list():
            return [_references(inner) for inner in value]
        case str():
            return value.replace("#/components/schemas/", "#/definitions/")
        case _:
            return value
