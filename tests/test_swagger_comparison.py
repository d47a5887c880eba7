from __future__ import annotations

import copy
import json
import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.contract import Paths
from kiosk.errors import UsageError
from kiosk.swagger.comparison import Expected
from kiosk.swagger.differences import Difference, Severity, configuration, matters
from tests.descriptions import Alter, Json, altered, as_swagger, derived, differences, schemas

BREAKS, LIMITS, INFORMATION = Severity
REGISTER = "/presenceRegistrations/registerInBulk"
CONSULT = "/presenceRegistrations/{id}"
REFUSED = "the service would refuse the registrations"
UNREAD = "no answer would settle a registration"


def move(old: str, new: str) -> Alter:
    return lambda document: document["paths"].update({new: document["paths"].pop(old)})


def operation(document: Json, path: str = REGISTER) -> Json:
    found: Json
    (found,) = document["paths"][path].values()
    return found


def schema(name: str, **changes: object) -> Alter:
    return lambda document: schemas(document)[name].update(changes)


def member(schema_name: str, name: str, **changes: object) -> Alter:
    return lambda document: schemas(document)[schema_name]["properties"].update({name: changes})


def rename(schema_name: str, old: str, new: str) -> Alter:
    def alter(document: Json) -> None:
        found = schemas(document)[schema_name]
        found["properties"][new] = found["properties"].pop(old)
        found["required"] = [new if name == old else name for name in found["required"]]

    return alter


def drop(schema_name: str, name: str) -> Alter:
    def alter(document: Json) -> None:
        found = schemas(document)[schema_name]
        del found["properties"][name]
        found["required"] = [each for each in found["required"] if each != name]

    return alter


def demand(schema_name: str, name: str) -> Alter:
    def alter(document: Json) -> None:
        found = schemas(document)[schema_name]
        found["properties"][name] = {"type": "string"}
        found["required"].append(name)

    return alter


def items(name: str, **changes: object) -> Alter:
    return lambda document: schemas(document)[name]["properties"]["items"].update(changes)


def method(path: str, old: str, new: str) -> Alter:
    return lambda document: document["paths"][path].update({new: document["paths"][path].pop(old)})


def scope(document: Json) -> None:
    operation(document)["security"] = [{"socialSecurity": ["scope:presenceregistration:registrations:write"]}]


def wrap(document: Json) -> None:
    found = schemas(document)
    found["RegisterInBulkResponse"] = {
        "type": "object",
        "properties": {"result": {"$ref": "#/components/schemas/Inner"}},
        "required": ["result"],
    }
    found["Inner"] = derived()["components"]["schemas"]["RegisterInBulkResponse"]


def parameter(path: str, **fields: object) -> Alter:
    return lambda document: operation(document, path).setdefault("parameters", []).append(fields)


def answer(path: str, status: str, content: object) -> Alter:
    return lambda document: operation(document, path)["responses"].update({status: {"description": "x", "content": content}})


def media(document: Json) -> None:
    content = operation(document)["requestBody"]["content"]
    content["application/xml"] = content.pop("application/json")


def scheme(**changes: object) -> Alter:
    return lambda document: document["components"].update(securitySchemes={"s": changes})


def flows(url: str) -> dict[str, object]:
    return {"clientCredentials": {"tokenUrl": url, "scopes": {}}}


def without(document: Json, path: str) -> None:
    del document["paths"][path]


@pytest.mark.parametrize("spelled", [derived, lambda: as_swagger(derived())], ids=["OpenAPI 3.1", "Swagger 2.0"])
def test_what_is_assumed_shows_nothing_that_matters(spelled: Any) -> None:
    """A document that says what the contract assumes has no difference that matters, in either spelling."""
    found = differences(spelled())
    assert [each for each in found if each.severity is not INFORMATION] == []
    assert not matters(found)


#: The alteration, then of the difference that it must make: operation, where, described, consequence, severity, repair.
ALTERED: dict[str, tuple[Alter, str, str, str, str, Severity, str | None]] = {
    "path renamed": (
        move(REGISTER, "/registrations/bulkRegister"),
        "register",
        "path",
        "/registrations/bulkRegister",
        REFUSED,
        BREAKS,
        '[service.paths]\nregister = "/registrations/bulkRegister"',
    ),
    "variable of a moved path renamed": (
        move(CONSULT, "/registrations/{registrationId}"),
        "consult",
        "path",
        "/registrations/{registrationId}",
        "no registration could be looked at",
        BREAKS,
        '[service.paths]\nconsult = "/registrations/{id}"',
    ),
    "path gone": (
        lambda document: without(document, "/addresses/search"),
        "addresses",
        "path",
        "no such operation",
        "nothing else hangs on it",
        BREAKS,
        None,
    ),
    "method changed": (
        method("/presenceRegistrations/search", "post", "get"),
        "search",
        "method",
        "GET",
        "nothing could",
        BREAKS,
        None,
    ),
    "base path changed": (
        lambda document: document.update(servers=[{"url": "https://services.socialsecurity.be/REST/presenceRegistration/v2/"}]),
        "service",
        "base path",
        "/REST/presenceRegistration/v2",
        "404",
        BREAKS,
        '[service]\napi_url = "https://services.socialsecurity.be/REST/presenceRegistration/v2"',
    ),
    "member renamed": (
        rename("PresenceRegistrationItem", "registrationDate", "registrationDateTime"),
        "register",
        "request items[].registrationDate",
        "unknown; perhaps it is now registrationDateTime",
        f"{REFUSED} with unknownInput",
        BREAKS,
        None,
    ),
    "member required": (
        demand("PresenceRegistrationItem", "channel"),
        "register",
        "request items[].channel",
        "required",
        f"{REFUSED}: a required member is missing",
        BREAKS,
        None,
    ),
    "optional member becomes required": (
        lambda document: schemas(document)["SearchRequest"]["required"].append("ssin"),
        "search",
        "request ssin",
        "required",
        "nothing could be looked up",
        BREAKS,
        None,
    ),
    "member offered": (
        member("PresenceRegistrationItem", "reference", type="string"),
        "register",
        "request items[]",
        "may also hold reference",
        "harmless",
        INFORMATION,
        None,
    ),
    "enum upper case": (
        schema("RegistrationType", enum=["IN", "OUT"]),
        "register",
        "request items[].type",
        "spelled otherwise: IN, OUT",
        REFUSED,
        BREAKS,
        None,
    ),
    "enum lacks a value": (
        schema("RegistrationType", enum=["in"]),
        "register",
        "request items[].type",
        "only in",
        REFUSED,
        BREAKS,
        None,
    ),
    "enum of an answer has a new value": (
        schema("RegistrationType", enum=["in", "out", "break"]),
        "search",
        "answer items[].type",
        "also break",
        "nothing could be looked up",
        BREAKS,
        None,
    ),
    "pattern narrowed": (
        schema("EnterpriseNumber", pattern="^0[0-9]{9}$"),
        "register",
        "request items[].employer.enterpriseNumber",
        "pattern ^0[0-9]{9}$",
        f"{REFUSED}; this happens to some",
        LIMITS,
        None,
    ),
    "pattern of another form": (
        schema("Ssin", pattern=r"^\d{6}-\d{5}$"),
        "register",
        "request items[].ssin",
        r"pattern ^\d{6}-\d{5}$",
        REFUSED,
        BREAKS,
        None,
    ),
    "pattern that can't be tried": (
        schema("Ssin", pattern="^([0-9]+)+$"),
        "register",
        "request items[].ssin",
        "the pattern ^([0-9]+)+$ can't be tried here",
        "by hand",
        LIMITS,
        None,
    ),
    "format changed": (
        schema("Instant", format="date"),
        "register",
        "request items[].registrationDate",
        "format date",
        REFUSED,
        BREAKS,
        None,
    ),
    "text shortened": (
        member("Address", "streetName", type="string", maxLength=50),
        "register",
        "request items[].placeOfWork.address.streetName",
        "1 to 50",
        "this happens to some",
        LIMITS,
        None,
    ),
    "text too short for any": (
        schema("ContractualRelationshipReference", pattern="", minLength=1, maxLength=12),
        "register",
        "request items[].contractualRelationshipReference",
        "1 to 12",
        REFUSED,
        BREAKS,
        None,
    ),
    "type changed": (schema("Ssin", type="integer"), "register", "request items[].ssin", "integer", REFUSED, BREAKS, None),
    "numbers bounded": (
        member("Coordinates", "longitude", type="number", minimum=2, maximum=7),
        "register",
        "request items[].placeOfWork.coordinates.longitude",
        "at least 2",
        REFUSED,
        LIMITS,
        None,
    ),
    "maxItems lowered": (
        items("RegisterInBulkRequest", maxItems=50),
        "register",
        "request items",
        "at most 50",
        "halved until they are taken",
        LIMITS,
        "[service.limits]\nbatch = 50",
    ),
    "page size lowered": (
        member("SearchRequest", "pageSize", type="integer", minimum=1, maximum=50),
        "search",
        "request pageSize",
        "at most 50",
        "nothing could be looked up",
        BREAKS,
        "[service.limits]\npage_size = 50",
    ),
    "place only by coordinates": (
        drop("PlaceOfWork", "address"),
        "register",
        "request items[].placeOfWork.address",
        "unknown",
        "unknownInput",
        BREAKS,
        None,
    ),
    "scope named": (
        scope,
        "register",
        "security",
        "scope:presenceregistration:registrations:write",
        "403 missingScope",
        INFORMATION,
        None,
    ),
    "health needs a token": (
        lambda document: operation(document, "/health").update(security=[{"socialSecurity": []}]),
        "health",
        "security",
        "a token",
        "nothing else hangs on it",
        LIMITS,
        None,
    ),
    "token URL moved": (
        scheme(type="oauth2", flows=flows("https://services.socialsecurity.be/REST/oauth/v6/token")),
        "service",
        "token URL",
        "https://services.socialsecurity.be/REST/oauth/v6/token",
        "no token",
        LIMITS,
        '[service]\ntoken_url = "https://services.socialsecurity.be/REST/oauth/v6/token"',
    ),
    "another way in": (scheme(type="apiKey", name="k"), "service", "security", "s: apiKey", "401", BREAKS, None),
    "people log in": (
        scheme(type="oauth2", flows={"authorizationCode": {}}),
        "service",
        "security",
        "s: oauth2 without client credentials",
        "401",
        BREAKS,
        None,
    ),
    "answer wrapped": (wrap, "register", "answer items", "not there; perhaps it is now inside result", UNREAD, BREAKS, None),
    "answer's member renamed": (
        rename("CreatedPresenceRegistration", "id", "registrationId"),
        "register",
        "answer items[].createdPresenceRegistration.id",
        "not there; perhaps it is now registrationId",
        UNREAD,
        BREAKS,
        None,
    ),
    "answer's member of another type": (
        schema("RegistrationId", type="string", format="uuid"),
        "register",
        "answer items[].createdPresenceRegistration.id",
        "string",
        UNREAD,
        BREAKS,
        None,
    ),
    "id in a path of another kind": (
        schema("RegistrationId", type="string", format="uuid"),
        "consult",
        "path id",
        "format uuid",
        "no registration could be looked at",
        BREAKS,
        None,
    ),
    "id in a path of no kind": (
        schema("RegistrationId", type="object"),
        "consult",
        "path id",
        "object",
        "no registration could be looked at",
        BREAKS,
        None,
    ),
    "validity gone": (
        drop("CreatedPresenceRegistration", "validity"),
        "register",
        "answer items[].createdPresenceRegistration.validity",
        "not there",
        "every registration would stay pending here",
        LIMITS,
        None,
    ),
    "validity known": (
        schema("Validity", enum=["pending", "valid", "rejected"]),
        "search",
        "answer items[].validity",
        "pending, valid, rejected",
        "taken as good: valid; as bad news, with a task each: rejected",
        INFORMATION,
        None,
    ),
    "validity without good news that is known": (
        schema("Validity", enum=["pending", "GELDIG"]),
        "search",
        "answer items[].validity",
        "none that is known",
        "would be a task",
        LIMITS,
        None,
    ),
    "validity without pending": (
        schema("Validity", enum=["valid"]),
        "search",
        "answer items[].validity",
        "no such word",
        "would be taken as final",
        LIMITS,
        None,
    ),
    "reason of a refusal elsewhere": (
        lambda document: schemas(document).update(
            NotCreatedPresenceRegistration={"type": "object", "properties": {"explanation": {"type": "string"}}}
        ),
        "register",
        "answer items[].notCreatedPresenceRegistration",
        "only explanation",
        "the reason of a refusal would not be told",
        LIMITS,
        None,
    ),
    "answer of which nothing is said": (
        lambda document: schemas(document).update(SearchResponse={"type": "object"}),
        "search",
        "answer",
        "an object of which nothing is said",
        "try in simulation",
        LIMITS,
        None,
    ),
    "answer's member may be left out": (
        lambda document: schemas(document)["SearchResponse"].update(required=[]),
        "search",
        "answer items",
        "may be left out",
        "nothing could be looked up",
        INFORMATION,
        None,
    ),
    "answer is bare": (
        lambda document: schemas(document).update(SearchResponse=schemas(document)["SearchResponse"]["properties"]["items"]),
        "search",
        "answer",
        "an array",
        "understood too",
        INFORMATION,
        None,
    ),
    "answer is bare where that is not understood": (
        lambda document: schemas(document).update(CancelInBulkResponse={"type": "array", "items": {}}),
        "cancel",
        "answer",
        "array",
        "would not be seen to be done",
        BREAKS,
        None,
    ),
    "no answer": (
        lambda document: operation(document).update(responses={"202": {"description": "x"}}),
        "register",
        "answer",
        "202",
        UNREAD,
        BREAKS,
        None,
    ),
    "refusal in another form": (
        answer(REGISTER, "400", {"application/json": {"schema": {"type": "object"}}}),
        "register",
        "answer400",
        "application/json",
        "calls would be halved to find it",
        LIMITS,
        None,
    ),
    "refusal that names no item": (
        answer(REGISTER, "400", {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}),
        "register",
        "answer400",
        "only detail, status, title, type",
        "calls would be halved to find it",
        LIMITS,
        None,
    ),
    "error in another form": (
        answer(REGISTER, "503", {"text/html": {}}),
        "register",
        "answer503",
        "text/html",
        "a 503 would be judged by its status alone",
        LIMITS,
        None,
    ),
    "header required": (
        parameter(REGISTER, name="X-Sender", **{"in": "header"}, required=True, schema={"type": "string"}),
        "register",
        "header X-Sender",
        "required",
        REFUSED,
        BREAKS,
        None,
    ),
    "parameter offered": (
        parameter(REGISTER, name="dryRun", **{"in": "query"}, schema={"type": "boolean"}),
        "register",
        "query dryRun",
        "may be sent",
        "harmless",
        INFORMATION,
        None,
    ),
    "other media type": (media, "register", "request", "application/xml", "415", BREAKS, None),
    "no body": (lambda document: operation(document).pop("requestBody"), "register", "request", "no body", REFUSED, BREAKS, None),
    "operation new": (
        lambda document: document["paths"].update({"/stints": {"post": {"operationId": "registerStint", "responses": {}}}}),
        "POST /stints",
        "path",
        "registerStint is offered",
        "harmless",
        INFORMATION,
        None,
    ),
    "reference to another host": (
        schema("PresenceRegistrationItem", **{"$ref": "https://example.org/item.json"}),
        "register",
        "request items[]",
        "the reference https://example.org/item.json leads to another host, which is not asked",
        "by hand",
        LIMITS,
        None,
    ),
    "reference to nothing": (
        member("PresenceRegistrationItem", "ssin", **{"$ref": "#/components/schemas/Gone"}),
        "register",
        "request items[].ssin",
        "the reference #/components/schemas/Gone leads to nothing",
        "by hand",
        LIMITS,
        None,
    ),
    "reference in a circle": (
        schema("Ssin", **{"$ref": "#/components/schemas/Ssin"}),
        "register",
        "request items[].ssin",
        "a reference leads back to itself",
        "by hand",
        LIMITS,
        None,
    ),
    "constraint that is not compared": (
        schema("PresenceRegistrationItem", **{"not": {"required": ["x"]}}),
        "register",
        "request items[]",
        "not",
        "by hand",
        LIMITS,
        None,
    ),
}


@pytest.mark.parametrize("name", ALTERED)
def test_each_alteration_is_reported(name: str) -> None:
    """Whatever the official document says otherwise is told with its place, its consequence, its weight and its repair."""
    alter, call, where, described, consequence, severity, repair = ALTERED[name]
    before = set(differences(derived()))
    found = [each for each in differences(altered(alter)) if each not in before]
    (told,) = [each for each in found if (each.operation, each.where, each.described) == (call, where, described)]
    assert consequence in told.consequence
    assert told.severity is severity
    assert (configuration([told]) or None) == repair


PARAMS = {"type": "array", "items": {"type": "object", "properties": {"in": {}, "name": {"type": "string"}, "reason": {}}}}
#: Alterations of what only OpenAPI 3 has, or the conversion into Swagger 2.0 does not carry over.
ONLY_IN_3 = {
    "base path changed",
    "token URL moved",
    "another way in",
    "people log in",
    "answer is bare where that is not understood",
    "header required",
    "parameter offered",
    "id in a path of another kind",
    "id in a path of no kind",
    "other media type",
    "refusal in another form",
    "refusal that names no item",
    "error in another form",
    "no answer",
    "reference to another host",
}


@pytest.mark.parametrize("name", [name for name in ALTERED if name not in ONLY_IN_3])
def test_each_alteration_is_reported_in_the_older_spelling(name: str) -> None:
    """A document in Swagger 2.0 is told the same differences as one in OpenAPI 3."""
    alter, call, where, described, _, severity, _ = ALTERED[name]
    spelled = described.replace("#/components/schemas/", "#/definitions/")
    found = [(each.operation, each.where, each.described, each.severity) for each in differences(as_swagger(altered(alter)))]
    assert (call, where, spelled, severity) in found


def test_the_older_problem_of_belgif_is_understood() -> None:
    """A refusal that names the item in ``invalidParams``, without types, is told from the others as well."""
    old = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"type": "object", "properties": {"invalidParams": PARAMS}}]}
    assert not matters(differences(altered(answer(REGISTER, "400", {"application/problem+json": {"schema": old}}))))


def test_our_own_headers_are_no_difference() -> None:
    """A document may demand the headers that every call has."""
    alter = parameter(REGISTER, name="BelGov-Trace-Id", **{"in": "header"}, required=True, schema={"type": "string"})
    assert differences(altered(alter)) == differences(derived())


@pytest.mark.parametrize("name", [name for name, (*_, repair) in ALTERED.items() if repair])
def test_the_lines_printed_repair_what_they_promise(name: str) -> None:
    """With the printed lines in the configuration the difference is gone."""
    alter, call, where, *_ = ALTERED[name]
    document = altered(alter)
    told = [each for each in differences(document) if (each.operation, each.where) == (call, where)]
    left = [each for each in differences(document, repaired(told)) if (each.operation, each.where) == (call, where)]
    assert [each for each in left if each.severity is not INFORMATION] == []


def repaired(told: list[Difference]) -> Expected:
    service = tomllib.loads(configuration(told))["service"]
    return Expected(
        api_url=service.get("api_url", Expected().api_url),
        token_url=service.get("token_url", Expected().token_url),
        paths=Paths(**service.get("paths", {})),
        batch=service.get("limits", {}).get("batch", Expected().batch),
        page_size=service.get("limits", {}).get("page_size", Expected().page_size),
    )


def test_what_breaks_comes_first() -> None:
    """A reader meets what stops the box before what is good to know."""

    def alter(document: Json) -> None:
        for name in ("maxItems lowered", "enum upper case", "operation new"):
            ALTERED[name][0](document)

    weights = [each.severity for each in differences(altered(alter))]
    assert weights == sorted(weights, key=tuple(Severity).index)
    assert set(weights) == set(Severity)


def test_a_moved_operation_is_compared_all_the_same() -> None:
    """An operation that has moved and changed too is told both."""

    def alter(document: Json) -> None:
        ALTERED["path renamed"][0](document)
        ALTERED["enum upper case"][0](document)

    found = {(each.operation, each.where) for each in differences(altered(alter)) if each.severity is BREAKS}
    assert {("register", "path"), ("register", "request items[].type")} <= found


def test_a_base_that_is_only_cut_elsewhere_is_no_difference() -> None:
    """Where base and paths together are the same addresses, nothing has moved."""

    def alter(document: Json) -> None:
        document["servers"] = [{"url": "https://{host}/REST", "variables": {"host": {"default": "services.socialsecurity.be"}}}]
        document["paths"] = {f"/presenceRegistration/v1{path}": item for path, item in document["paths"].items()}

    assert not matters(differences(altered(alter)))


def test_a_document_without_a_base_says_nothing_about_it() -> None:
    """No base is told, and is no mistake."""
    (told,) = [each for each in differences(altered(lambda document: document.pop("servers"))) if each.where == "base path"]
    assert (told.described, told.severity) == ("not said", INFORMATION)


def test_schemas_in_another_file_are_followed() -> None:
    """References lead into the files beside the document, and from there back."""
    document = derived()
    common = {"components": {"schemas": schemas(document).copy()}}
    for name in list(schemas(document)):
        schemas(document)[name] = {"$ref": f"common.json#/components/schemas/{name}"}
    assert not matters(differences(document, common=common))
    common["components"]["schemas"]["RegistrationType"] = {"type": "string", "enum": ["IN", "OUT"]}
    assert matters(differences(document, common=common))
    missing = {each.described for each in differences(document) if each.severity is LIMITS}
    assert "the reference common.json#/components/schemas/RegisterInBulkRequest leads to a file that is not here" in missing


@pytest.mark.parametrize("document", [{}, {"openapi": "3.1.0"}, {"openapi": "1.0", "paths": {}}, {"paths": {}}, [], "text", None])
def test_what_is_no_description_is_refused_in_words(document: Any) -> None:
    """A file that is something else is named as such, with what to do."""
    with pytest.raises(UsageError, match=r"is no Swagger 2\.0 or OpenAPI 3 document"):
        differences(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


#: What leads in circles, or says that nothing is allowed.
STRANGE = [{"$ref": "#/components/schemas/Ssin"}, {"$ref": "#"}, {"oneOf": [{"$ref": "#"}]}, {"allOf": [{"$ref": "#"}]}, False]


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_document_makes_it_stumble(data: st.DataObject) -> None:
    """Whatever stands where in a document, it is compared or refused in words."""
    document: Any = derived()
    for _ in range(data.draw(st.integers(1, 4))):
        holder: Any = document
        name: Any = data.draw(st.sampled_from(sorted(holder)))
        for _depth in range(data.draw(st.integers(0, 9))):
            inner = holder[name]
            if not isinstance(inner, dict | list) or not inner:
                break
            holder, name = inner, data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        holder[name] = copy.deepcopy(data.draw(JSON | st.sampled_from(STRANGE)))
    try:
        json.dumps([each.described for each in differences(document)])
    except UsageError as refused:
        assert refused.repair  # noqa: PT017  either outcome is fine


@given(JSON)
def test_no_json_makes_it_stumble(document: Any) -> None:
    """Whatever JSON is given for a description is refused in words, unless it is one."""
    for given_ in (document, {"openapi": "3.0.0", "paths": document}, {"swagger": "2.0", "paths": {"/x": document}}):
        try:
            assert isinstance(differences(given_), tuple)
        except UsageError as refused:
            assert refused.repair  # noqa: PT017  either outcome is fine


def test_a_document_made_to_take_for_ever_is_refused() -> None:
    """References that double at each level end in words, and soon."""
    document = derived()
    found = schemas(document)
    for level in range(40):
        found[f"L{level}"] = {"oneOf": [{"allOf": [{"$ref": f"#/components/schemas/L{level + 1}"}]} for _ in range(3)]}
    found["L40"] = {"type": "string"}
    found["Ssin"] = {"$ref": "#/components/schemas/L0"}
    found["SearchResponse"] = {"$ref": "#/components/schemas/L0"}
    try:
        assert matters(differences(document))
    except UsageError as refused:
        assert "entangled beyond measure" in refused.message  # noqa: PT017  either outcome is fine
