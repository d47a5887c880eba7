"""The operations of a Swagger 2.0 or OpenAPI 3 document in one form, pure. A document that is no such thing is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from kiosk.errors import UsageError
from kiosk.swagger.schemas import Bundle, Node, Nodes, References, mapping, sequence, texts

_METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_JSON: Final = "application/json"
_MOST_VALUES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A variable of the path or query, a header or a cookie."""

    name: str
    place: str
    required: bool
    schema: Nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """An operation as the document has it.

    Attributes:
        method: Upper case.
        path: With its variables in braces.
        name: ``operationId``, or empty.
        parameters: All, those of the path included.
        request: The schema of the body by media type; None where no body is taken.
        answers: For each status, as text, the schema of the body by media type; none where there is no body.
        scopes: The alternatives of what is needed: scheme and its scopes; empty: nothing is needed.
        unjudged: What could not be read, in sentences.
    """

    method: str
    path: str
    name: str
    parameters: tuple[Parameter, ...]
    request: Mapping[str, Nodes] | None
    answers: Mapping[str, Mapping[str, Nodes]]
    scopes: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """A way to be let in: ``kind`` as OpenAPI names it; the token URL where it has one, absolute where the document allows."""

    name: str
    kind: str
    token_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """The document in one form.

    Attributes:
        title: What the document calls itself, with its version.
        bases: Where the paths begin, without a closing slash; absolute or a path; empty where the document says nothing.
        operations: All of them.
        schemes: All of them.
    """

    title: str
    bases: tuple[str, ...]
    operations: tuple[Described, ...]
    schemes: tuple[Scheme, ...]


def describe(bundle: Bundle, references: References) -> Description:
    """Bring a document into one form.

    Raises:
        UsageError: It is no Swagger 2.0 and no OpenAPI 3 document.
    """
    root = bundle.root
    raw = mapping(root.value)
    # YAML reads an unquoted 2.0 as a number; the reader has made a text of what is no JSON only.
    version = str(raw.get("swagger", raw.get("openapi", "")))
    if not (version.startswith(("2", "3")) and isinstance(raw.get("paths"), dict)):
        raise UsageError(
            f"{bundle.main} is no Swagger 2.0 or OpenAPI 3 document: it names no such version, or has no paths",
            repair="download the Swagger file of presenceRegistration from the service's page for employers",
        )
    about = mapping(raw.get("info"))
    old = version.startswith("2")
    bases = tuple(dict.fromkeys(_old_bases(raw) if old else _bases(raw)))
    return Description(
        title=" ".join(str(about[name])[:100] for name in ("title", "version") if isinstance(about.get(name), str | int | float)),
        bases=bases,
        operations=tuple(_operations(root, references, old=old)),
        schemes=tuple(_schemes(root, references, bases, old=old)),
    )


def _bases(raw: Mapping[str, object]) -> Iterator[str]:
    for server in sequence(raw.get("servers")):
        urls = [str(mapping(server).get("url", "/"))]
        for name, variable in mapping(mapping(server).get("variables")).items():
            values = texts(mapping(variable).get("enum")) or texts(mapping(variable).get("default"))
            urls = [url.replace(f"{{{name}}}", value) for url in urls for value in values][:_MOST_VALUES] or urls
        yield from (url.rstrip("/") for url in urls)


def _old_bases(raw: Mapping[str, object]) -> Iterator[str]:
    host, base = raw.get("host"), str(raw.get("basePath", "")).rstrip("/")
    if isinstance(host, str) and host:
        for scheme in texts(raw.get("schemes")) or ("https",):
            yield f"{scheme}://{host}{base}"
    elif base:
        yield base


def _operations(root: Node, references: References, *, old: bool) -> Iterator[Described]:
    for path, item in mapping(root.get("paths").value).items():
        found = references.follow(Node(root.file, item))
        if isinstance(found, str):
            yield _unread(path, found)
            continue
        for method in _METHODS:
            if isinstance(found.get(method).value, dict):
                yield _operation(root, path, method, found, references, old=old)


def _unread(path: str, why: str) -> Described:
    return Described(method="ANY", path=path, name="", parameters=(), request=None, answers={}, scopes=(), unjudged=(why,))


def _operation(root: Node, path: str, method: str, item: Node, references: References, *, old: bool) -> Described:
    node = item.get(method)
    raw = mapping(node.value)
    unjudged: list[str] = []
    parameters, body = _parameters(item, node, references, unjudged)
    request: Mapping[str, Nodes] | None
    if old:
        media = texts(raw.get("consumes")) or texts(mapping(root.value).get("consumes")) or (_JSON,)
        request = {_media(kind): (body.get("schema"),) for kind in media} if body is not None else None
    else:
        content = _followed(node.get("requestBody"), references, unjudged)
        request = _content(content) if mapping(content.value) else None
    return Described(
        method=method.upper(),
        path=path,
        name=str(raw.get("operationId", "")),
        parameters=parameters,
        request=request,
        answers=_answers(root, node, references, unjudged, old=old),
        scopes=_scopes(raw["security"] if isinstance(raw.get("security"), list) else root.get("security").value),
        unjudged=tuple(dict.fromkeys(unjudged)),
    )


def _scopes(demanded: object) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]:
    alternatives = [mapping(each) for each in sequence(demanded)]
    # An empty alternative says that nothing is needed.
    if not all(alternatives):
        return ()
    return tuple(tuple((str(name), texts(scopes)) for name, scopes in each.items()) for each in alternatives)


def _followed(node: Node, references: References, unjudged: list[str]) -> Node:
    found = references.follow(node)
    if isinstance(found, str):
        unjudged.append(found)
        return Node(node.file, None)
    return found


def _parameters(
    item: Node, operation: Node, references: References, unjudged: list[str]
) -> tuple[tuple[Parameter, ...], Node | None]:
    """Return the parameters, those of the operation instead of the path's of the same name, and Swagger 2.0's body."""
    found: dict[tuple[str, str], Parameter] = {}
    body = None
    for owner in (item, operation):
        for part in sequence(owner.get("parameters").value):
            node = _followed(Node(owner.file, part), references, unjudged)
            name, place = str(node.get("name").value), str(node.get("in").value)
            if place == "body":
                body = node
            elif mapping(node.value):
                schema = node.get("schema") if node.get("schema").value is not None else node
                required = node.get("required").value is True
                found[name, place] = Parameter(name=name, place=place, required=required, schema=(schema,))
    return tuple(found.values()), body


def _answers(
    root: Node, operation: Node, references: References, unjudged: list[str], *, old: bool
) -> Mapping[str, Mapping[str, Nodes]]:
    produced = texts(operation.get("produces").value) or texts(root.get("produces").value) or (_JSON,)
    found: dict[str, Mapping[str, Nodes]] = {}
    for status, answer in mapping(operation.get("responses").value).items():
        node = _followed(Node(operation.file, answer), references, unjudged)
        if not old:
            found[status] = _content(node)
        elif node.get("schema").value is not None:
            found[status] = {_media(kind): (node.get("schema"),) for kind in produced}
        else:
            found[status] = {}
    return found


def _content(node: Node) -> Mapping[str, Nodes]:
    content = node.get("content")
    return {_media(kind): (content.get(kind).get("schema"),) for kind in mapping(content.value)}


def _media(kind: str) -> str:
    """A media type without its parameters, which are no part of what it is (RFC 9110)."""
    return kind.partition(";")[0].strip().lower()


def _schemes(root: Node, references: References, bases: tuple[str, ...], *, old: bool) -> Iterator[Scheme]:
    home = root.get("securityDefinitions") if old else root.get("components").get("securitySchemes")
    base = next((each for each in bases if "://" in each), "")
    for name in mapping(home.value):
        node = references.follow(home.get(name))
        if isinstance(node, str):
            continue
        raw = mapping(node.value)
        flow = raw if old else mapping(mapping(raw.get("flows")).get("clientCredentials"))
        kind = str(raw.get("type", ""))
        if kind == "http":
            kind = f"http {str(raw.get('scheme', '')).lower()}"
        elif kind == "oauth2" and not (flow and str(raw.get("flow", "application")) == "application"):
            kind = "oauth2 without client credentials"
        url = flow.get("tokenUrl")
        yield Scheme(name=name, kind=kind, token_url=urljoin(f"{base}/", url) if isinstance(url, str) else None)
