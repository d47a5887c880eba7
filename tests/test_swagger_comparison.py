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
from tests.alterations import ALTERED, ONLY_IN_3, REGISTER, answer, parameter
from tests.descriptions import Json, altered, as_swagger, derived, differences, schemas

BREAKS, LIMITS, INFORMATION = Severity


@pytest.mark.parametrize("spelled", [derived, lambda: as_swagger(derived())], ids=["OpenAPI 3.1", "Swagger 2.0"])
def test_what_is_assumed_shows_nothing_that_matters(spelled: Any) -> None:
    """A document that says what the contract assumes has no difference that matters, in either spelling."""
    found = differences(spelled())
    assert [each for each in found if each.severity is not INFORMATION] == []
    assert not matters(found)


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


@pytest.mark.parametrize("name", [name for name in ALTERED if name not in ONLY_IN_3])
def test_each_alteration_is_reported_in_the_older_spelling(name: str) -> None:
    """A document in Swagger 2.0 is told the same differences as one in OpenAPI 3."""
    alter, call, where, described, _, severity, _ = ALTERED[name]
    spelled = described.replace("#/components/schemas/", "#/definitions/")
    found = [(each.operation, each.where, each.described, each.severity) for each in differences(as_swagger(altered(alter)))]
    assert (call, where, spelled, severity) in found


PARAMS = {"type": "array", "items": {"type": "object", "properties": {"in": {}, "name": {"type": "string"}, "reason": {}}}}


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
