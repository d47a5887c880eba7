"""The whole contract against the whole document, pure: where calls go, what they need, what they carry and what comes back."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from kiosk.contract import (
    MAX_BATCH,
    PAGE_SIZE,
    PROBLEM_JSON,
    PRODUCTION_API_URL,
    TOKEN_URL,
    TRACE_HEADER,
    Field,
    Paths,
)
from kiosk.contract_calls import BAD_REQUEST, PROBLEM, calls
from kiosk.contract_shapes import Call, Text
from kiosk.swagger.answers import answered
from kiosk.swagger.description import Described, Description, Parameter, describe
from kiosk.swagger.differences import Difference, Setting, Severity, Spot
from kiosk.swagger.schemas import Bundle, References
from kiosk.swagger.sent import sent, unjudged

_JSON: Final = "application/json"
_ALL: Final = "service"
#: Headers that every call has; their names are the same in any case (RFC 9110).
_OURS: Final = frozenset({"authorization", "accept", "content-type", TRACE_HEADER.lower()})
_NEAR: Final = 0.6
_ORDER: Final = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What this box would do: the contract's own values, or those that its configuration puts in their place."""

    api_url: str = PRODUCTION_API_URL
    token_url: str = TOKEN_URL
    paths: Paths = field(default_factory=Paths)
    batch: int = MAX_BATCH
    page_size: int = PAGE_SIZE


def compare(bundle: Bundle, expected: Expected) -> tuple[Description, tuple[Difference, ...]]:
    """Return the document in short, and everything in it that differs, what breaks first.

    Raises:
        UsageError: It is no description of a service, or is made to take for ever.
    """
    references = References(bundle)
    description = describe(bundle, references)
    base, operations = _based(description, expected)
    found = [*base, *_authorisation(description, expected)]
    rest = list(operations)
    wanted = calls(expected.batch, expected.page_size)
    matched = {call.name: _exact(call, expected, rest) for call in wanted}
    rest = [operation for operation in rest if operation not in matched.values()]
    for call in wanted:
        operation = matched[call.name] or _moved(call, expected, rest)
        if operation in rest:
            rest.remove(operation)
        found += _call(call, expected, operation, references)
    found += [_new(operation) for operation in rest]
    return description, tuple(sorted(dict.fromkeys(found), key=lambda each: _ORDER.index(each.severity)))


def _based(description: Description, expected: Expected) -> tuple[list[Difference], Sequence[Described]]:
    """Compare where the paths begin; a base that is only cut elsewhere is no difference."""
    ours = urlsplit(expected.api_url).path.rstrip("/")
    if not description.bases:
        told = _everywhere(
            "base path",
            assumed=ours,
            described="not said",
            consequence="harmless, if the service answers there",
            severity=Severity.INFORMATION,
        )
        return [told], description.operations
    for base in description.bases:
        path = urlsplit(base).path
        whole = [f"{path}{operation.path}" for operation in description.operations]
        if whole and all(each.startswith(f"{ours}/") for each in whole):
            moved = [replace(each, path=full.removeprefix(ours)) for each, full in zip(description.operations, whole, strict=True)]
            return [], moved
    return [_other_base(description.bases, expected.api_url)], description.operations


def _other_base(bases: Sequence[str], api_url: str) -> Difference:
    ours = urlsplit(api_url)
    url = bases[0] if bases[0].startswith("https://") else f"https://{ours.netloc}{urlsplit(bases[0]).path}"
    return _everywhere(
        "base path",
        assumed=ours.path.rstrip("/"),
        described=", ".join(urlsplit(base).path or "/" for base in bases),
        consequence="every call would be answered with 404, and the queue would wait",
        severity=Severity.BREAKS,
        repair=Setting(section="service", key="api_url", value=url),
    )


def _authorisation(description: Description, expected: Expected) -> Iterator[Difference]:
    """Compare how a token is got; that no scope is asked for is told where operations name some."""
    usable = [scheme for scheme in description.schemes if scheme.kind in {"oauth2", "http bearer", "openIdConnect"}]
    for scheme in description.schemes:
        if not usable:
            yield _everywhere(
                "security",
                assumed="OAuth client credentials, a bearer token",
                described=f"{scheme.name}: {scheme.kind or 'of no kind'}",
                consequence="every call would be answered with 401, and the queue would wait",
                severity=Severity.BREAKS,
            )
        if scheme in usable and scheme.token_url is not None:
            yield from _token_url(scheme.token_url, expected.token_url)


def _token_url(theirs: str, ours: str) -> Iterator[Difference]:
    # Environments differ by host only, and a description is written for one of them.
    if urlsplit(theirs).path != urlsplit(ours).path:
        yield _everywhere(
            "token URL",
            assumed=ours,
            described=theirs,
            consequence="no token would be had, if the service no longer answers at the old address",
            severity=Severity.LIMITS,
            repair=Setting(section="service", key="token_url", value=theirs) if theirs.startswith("https://") else None,
        )


def _everywhere(
    where: str, *, assumed: str, described: str, consequence: str, severity: Severity, repair: Setting | None = None
) -> Difference:
    return Difference(
        operation=_ALL,
        where=where,
        assumed=assumed,
        described=described,
        consequence=consequence,
        severity=severity,
        repair=repair,
    )


def _anonymous(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path).rstrip("/")


def _path(call: Call, expected: Expected) -> str:
    return str(getattr(expected.paths, call.name))


def _exact(call: Call, expected: Expected, operations: Sequence[Described]) -> Described | None:
    """The operation at our path: of our method, else of another."""
    here = [each for each in operations if _anonymous(each.path) == _anonymous(_path(call, expected))]
    return next((each for each in here if each.method == call.operation.method), here[0] if here else None)


def _moved(call: Call, expected: Expected, operations: Sequence[Described]) -> Described | None:
    """The operation elsewhere that ours has most likely become, by its method, its last word or its resemblance."""
    ours = _path(call, expected)
    word = ours.rpartition("/")[2].lower()

    def likeness(operation: Described) -> float:
        same = operation.path.rpartition("/")[2].lower() == word or word in operation.name.lower()
        return difflib.SequenceMatcher(None, ours.lower(), operation.path.lower()).ratio() + (0.5 if same else 0)

    fitting = [each for each in operations if each.method == call.operation.method and _holes(each.path) == _holes(ours)]
    best = max(fitting, key=likeness, default=None)
    return best if best is not None and likeness(best) >= _NEAR else None


def _holes(path: str) -> int:
    return path.count("{")


def _call(call: Call, expected: Expected, operation: Described | None, references: References) -> Iterator[Difference]:
    ours = _path(call, expected)
    spot = Spot(call=call, references=references, where="path", consequence=call.refused)
    if operation is None:
        yield spot.differs(f"{call.operation.method} {ours}", "no such operation")
        return
    for what in operation.unjudged:
        yield unjudged(spot, what)
    if _anonymous(operation.path) != _anonymous(ours):
        path = re.sub(r"\{[^}]*\}", "{id}", operation.path)
        guess = f"the call would be answered with 404, {call.refused}; that it moved there is a guess"
        yield spot.differs(
            ours, operation.path, consequence=guess, repair=Setting(section="service.paths", key=call.name, value=path)
        )
    if operation.method != call.operation.method:
        yield replace(spot, where="method").differs(call.operation.method, operation.method)
    yield from _parameters(call, operation, references)
    yield from _request(call, operation, references)
    yield from _answers(call, operation, references)
    yield from _needs(call, operation, references)


def _parameters(call: Call, operation: Described, references: References) -> Iterator[Difference]:
    for parameter in operation.parameters:
        spot = Spot(call=call, references=references, where=f"{parameter.place} {parameter.name}", consequence=call.refused)
        if parameter.place == "path":
            yield from _variable(parameter, spot)
        elif parameter.name.lower() in _OURS and parameter.place == "header":
            continue
        elif parameter.required:
            yield spot.differs("not sent", "required", severity=Severity.BREAKS)
        else:
            yield spot.differs("not sent", "may be sent", severity=Severity.INFORMATION, consequence="harmless")


def _variable(parameter: Parameter, spot: Spot) -> Iterator[Difference]:
    """What is in the path is text on its way: a number must be taken there, however the document spells that."""
    schema = spot.references.schema(parameter.schema)
    if schema.types is None or "string" in schema.types:
        yield from sent(Text(samples=("1", "17611"), longest=16), parameter.schema, spot)
    elif not schema.types & {"integer", "number"}:
        yield spot.differs("the number of a registration", " or ".join(sorted(schema.types)))


def _request(call: Call, operation: Described, references: References) -> Iterator[Difference]:
    spot = Spot(call=call, references=references, where="request", consequence=call.refused)
    if call.request is None or operation.request is None:
        if (call.request is None) != (operation.request is None):
            yield spot.differs("no body" if call.request is None else "a JSON body", "a body" if operation.request else "no body")
        return
    nodes = next((nodes for kind, nodes in operation.request.items() if kind in {_JSON, "*/*"}), None)
    if nodes is None:
        yield spot.differs(_JSON, ", ".join(operation.request) or "no media type", consequence=f"{call.refused} (415)")
    else:
        yield from sent(call.request, nodes, spot)


def _answers(call: Call, operation: Described, references: References) -> Iterator[Difference]:
    done = [status for status in operation.answers if status.upper() in {"200", "201", "202", "203", "2XX", "DEFAULT"}]
    spot = Spot(call=call, references=references, where="answer", consequence=call.unread)
    spoken = [(status, nodes) for status in sorted(done) for kind, nodes in operation.answers[status].items() if "json" in kind]
    if not spoken:
        yield spot.differs("200 with JSON", ", ".join(sorted(operation.answers)) or "no answer at all")
    else:
        yield from answered(call.answer, spoken[0][1], spot, bare=Field.ITEMS in call.answer.names)
    for status, content in operation.answers.items():
        # Health tells that the service is down in its own form (Belgif).
        own = not call.token and status == str(HTTPStatus.SERVICE_UNAVAILABLE.value)
        if status.isdecimal() and int(status) >= HTTPStatus.BAD_REQUEST and not own:
            yield from _refusal(call, status, content.get(PROBLEM_JSON), tuple(content), references)


def _refusal(call: Call, status: str, nodes: object, kinds: tuple[str, ...], references: References) -> Iterator[Difference]:
    named = status == "400" and call.request is not None
    consequence = BAD_REQUEST.without if named else f"a {status} would be judged by its status alone"
    spot = Spot(call=call, references=references, where=f"answer{status}", consequence=consequence, vital=False)
    if isinstance(nodes, tuple):
        found = answered(BAD_REQUEST if named else PROBLEM, nodes, spot)
        yield from (each for each in found if each.severity is not Severity.INFORMATION)
    elif kinds:
        yield spot.differs(PROBLEM_JSON, ", ".join(kinds))


def _needs(call: Call, operation: Described, references: References) -> Iterator[Difference]:
    """Tell which scopes the client must have; none is asked for, so that it gets all that it has (facts, section 1.3)."""
    spot = Spot(call=call, references=references, where="security", consequence=call.refused)
    scopes = sorted({scope for alternative in operation.scopes for _, names in alternative for scope in names})
    if scopes:
        yield spot.differs(
            "scopes unknown, none asked for",
            ", ".join(scopes),
            severity=Severity.INFORMATION,
            consequence="the client must have it in Chaman: without it the call is answered with 403 missingScope",
        )
    if operation.scopes and not call.token:
        yield spot.differs("no token", "a token", severity=Severity.LIMITS)


def _new(operation: Described) -> Difference:
    return Difference(
        operation=f"{operation.method} {operation.path}",
        where="path",
        assumed="not used",
        described=operation.unjudged[0] if operation.unjudged else f"{operation.name or 'an operation'} is offered",
        consequence="harmless: nothing calls it",
        severity=Severity.INFORMATION,
    )
