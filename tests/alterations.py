"""What the official description may turn out to say otherwise: each way of altering it, and what must be told of that."""

from __future__ import annotations

from kiosk.swagger.differences import Severity
from tests.descriptions import Alter, Json, derived, schemas

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
        f"{REFUSED} (unknownInput)",
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
        lambda document: schemas(document).update(HealthStatus={"type": "array", "items": {}}),
        "health",
        "answer",
        "array",
        "nothing else hangs on it",
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
