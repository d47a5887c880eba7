from __future__ import annotations

from typing import Any

import pytest

from kiosk.errors import UsageError
from kiosk.swagger.description import Described, Description, Parameter, Scheme, describe
from kiosk.swagger.schemas import Bundle, References
from tests.descriptions import as_swagger, derived


def described(document: Any) -> Description:
    bundle = Bundle(main="a.json", files={"a.json": document})
    return describe(bundle, References(bundle))


def one(item: Any, **more: Any) -> Described:
    (found,) = described({"openapi": "3.0.3", "paths": {"/x": item}, **more}).operations
    return found


def test_both_spellings_say_the_same() -> None:
    """Methods, paths, bodies and answers are the same whether the document is Swagger 2.0 or OpenAPI 3."""

    def told(description: Description) -> list[object]:
        return [
            (each.method, each.path, each.name, None if each.request is None else list(each.request), sorted(each.answers))
            for each in description.operations
        ]

    new, old = described(derived()), described(as_swagger(derived()))
    assert told(new) == told(old)
    assert (new.bases, old.bases) == (
        ("/REST/presenceRegistration/v1",),
        ("https://services.socialsecurity.be/REST/presenceRegistration/v1",),
    )
    assert old.title == "PresenceRegistration 1.2.0"


@pytest.mark.parametrize(
    ("document", "bases"),
    [
        ({"swagger": "2.0", "basePath": "/v1/"}, ("/v1",)),
        ({"swagger": "2.0", "host": "h", "schemes": ["http", "https"]}, ("http://h", "https://h")),
        ({"swagger": "2.0"}, ()),
        ({"openapi": "3.0.0", "servers": [{"url": "https://h/v1/"}, {}]}, ("https://h/v1", "")),
        (
            {"openapi": "3.0.0", "servers": [{"url": "https://{e}/v1", "variables": {"e": {"enum": ["a", "b"], "default": "a"}}}]},
            ("https://a/v1", "https://b/v1"),
        ),
        ({"openapi": "3.0.0", "servers": [{"url": "https://h/{v}", "variables": {"v": {}}}]}, ("https://h/{v}",)),
    ],
)
def test_where_paths_begin_is_read(document: Any, bases: tuple[str, ...]) -> None:
    """Host, base path, servers and their variables give the addresses below which the paths lie."""
    assert described({**document, "paths": {}}).bases == bases


def test_parameters_of_the_path_hold_for_its_operations() -> None:
    """A parameter given for a path holds for each of its operations, unless that says otherwise."""
    shared = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    item = {
        "parameters": [shared, {"name": "v", "in": "query"}],
        "get": {"parameters": [{"name": "v", "in": "query", "required": True}]},
    }
    (first, second) = one(item).parameters
    assert (first.name, first.place, first.required, first.schema[0].value) == ("id", "path", True, {"type": "string"})
    assert second.required


def test_references_to_parts_are_followed() -> None:
    """Paths, parameters, bodies and answers may stand elsewhere in the document; what leads nowhere is told."""
    parts = {
        "parameters": {"P": {"name": "p", "in": "query"}},
        "requestBodies": {"B": {"content": {"Application/JSON; charset=utf-8": {"schema": {}}}}},
        "responses": {"R": {"content": {"application/json": {}}}},
    }
    post = {
        "parameters": [{"$ref": "#/components/parameters/P"}, {"$ref": "#/components/parameters/Gone"}],
        "requestBody": {"$ref": "#/components/requestBodies/B"},
        "responses": {"200": {"$ref": "#/components/responses/R"}},
    }
    found = one({"post": post}, components=parts)
    assert [parameter.name for parameter in found.parameters] == ["p"]
    assert list(found.request or ()) == ["application/json"]
    assert list(found.answers["200"]) == ["application/json"]
    assert found.unjudged == ("the reference #/components/parameters/Gone leads to nothing",)
    gone = one({"$ref": "https://example.org/paths.json"})
    assert (gone.method, gone.unjudged) == (
        "ANY",
        ("the reference https://example.org/paths.json leads to another host, which is not asked",),
    )


@pytest.mark.parametrize(
    ("security", "of_all", "scopes"),
    [
        (None, [{"s": ["a"]}], ((("s", ("a",)),),)),
        ([], [{"s": ["a"]}], ()),
        ([{"s": ["b"]}, {"t": []}], [{"s": ["a"]}], ((("s", ("b",)),), (("t", ()),))),
        ([{"s": ["b"]}, {}], None, ()),
    ],
    ids=["of all", "none", "its own", "may be left out"],
)
def test_what_an_operation_needs_is_its_own_or_everybodys(security: Any, of_all: Any, scopes: Any) -> None:
    """An operation's own demands replace those of the document; an empty alternative means that nothing is needed."""
    operation = {"responses": {}} if security is None else {"responses": {}, "security": security}
    assert one({"get": operation}, **({} if of_all is None else {"security": of_all})).scopes == scopes


@pytest.mark.parametrize(
    ("raw", "kind", "url"),
    [
        ({"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "/t"}}}, "oauth2", "https://h/t"),
        ({"type": "oauth2", "flows": {"implicit": {}}}, "oauth2 without client credentials", None),
        ({"type": "http", "scheme": "Bearer"}, "http bearer", None),
        ({"type": "apiKey"}, "apiKey", None),
    ],
)
def test_ways_to_be_let_in_are_read(raw: Any, kind: str, url: str | None) -> None:
    """The kind of each scheme and where its tokens come from are read, relative to the service."""
    document = {
        "openapi": "3.0.0",
        "servers": [{"url": "https://h/v1"}],
        "paths": {},
        "components": {"securitySchemes": {"s": raw}},
    }
    assert described(document).schemes == (Scheme(name="s", kind=kind, token_url=url),)


def test_the_older_spelling_of_a_scheme_is_read() -> None:
    """Swagger 2.0 names the flow in the scheme itself; a scheme that leads nowhere is left out."""
    schemes = {"a": {"type": "oauth2", "flow": "application", "tokenUrl": "https://t"}, "b": {"type": "oauth2", "flow": "implicit"}}
    found = described({"swagger": "2.0", "paths": {}, "securityDefinitions": {**schemes, "c": {"$ref": "#/gone"}}}).schemes
    assert [(scheme.name, scheme.kind) for scheme in found] == [("a", "oauth2"), ("b", "oauth2 without client credentials")]


def test_a_parameter_of_the_older_spelling_is_its_own_schema() -> None:
    """In Swagger 2.0 type and pattern stand in the parameter itself, and the body is one of them."""
    parameters = [
        {"name": "id", "in": "path", "required": True, "type": "integer"},
        {"name": "b", "in": "body", "schema": {"x": 1}},
    ]
    operation = {"parameters": parameters, "consumes": ["Text/XML;charset=UTF-8"], "responses": {"204": {}}}
    (found,) = described({"swagger": "2.0", "paths": {"/x": {"put": operation}}}).operations
    assert [(each.name, each.schema[0].get("type").value) for each in found.parameters] == [("id", "integer")]
    assert {kind: nodes[0].value for kind, nodes in (found.request or {}).items()} == {"text/xml": {"x": 1}}
    assert found.answers == {"204": {}}
    assert isinstance(found.parameters[0], Parameter)


@pytest.mark.parametrize("document", [{"swagger": "1.2", "paths": {}}, {"openapi": "3.0.0", "paths": []}, [], None])
def test_something_else_is_refused(document: Any) -> None:
    """What names no version that is known, or has no paths, is told to be something else."""
    with pytest.raises(UsageError, match=r"a\.json is no Swagger 2\.0 or OpenAPI 3 document"):
        described(document)
