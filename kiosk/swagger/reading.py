"""Opening a description: JSON, YAML, or a zip that holds them; the only door to PyYAML.

The file comes from outside, so it is not trusted to be small, shallow or what it says it is. What it refers to is read
from the same folder or zip, and from nowhere else.
"""

from __future__ import annotations

import io
import json
import lzma
import posixpath
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import yaml

from kiosk.errors import UsageError
from kiosk.swagger.schemas import Bundle, mapping

#: The descriptions of comparable services are below one million bytes.
_MOST_BYTES: Final = 20_000_000
_MOST_UNPACKED: Final = 60_000_000
_MOST_YAML: Final = 5_000_000
_MOST_FILES: Final = 500
#: Aliases may double what they stand for at each level; a description needs none.
_MOST_ALIASES: Final = 20
_ENDINGS: Final = (".json", ".yaml", ".yml")
_ELSEWHERE: Final = "download the file again from the service's page for employers"
_REGISTER: Final = "registerInBulk"

#: What zipfile lets through of a damaged, encrypted or rare one.
_ZIP_TROUBLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
)

_Open = Callable[[str], bytes | None]


def read(path: Path) -> Bundle:
    """Read a description with every file that it refers to.

    Raises:
        UsageError: It can't be read; says in words why.
    """
    data = _bytes(path)
    if not zipfile.is_zipfile(io.BytesIO(data)):
        folder = path.absolute().parent
        return _bundle(path.name, {path.name: _parsed(path.name, data)}, lambda name: _beside(folder, name))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            packed = _unpacked(path.name, archive)
    except _ZIP_TROUBLE as error:
        raise UsageError(
            f"{path}: this zip can't be opened: it is damaged, encrypted or of a rare kind", repair=_ELSEWHERE
        ) from error
    main, parsed = _chosen(path, packed)
    return _bundle(main, parsed, packed.get)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}", repair="name the file that you have downloaded") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(
            f"{path} has more than {_MOST_BYTES // 1_000_000} million bytes: no description is so long", repair=_ELSEWHERE
        )
    return data


def _unpacked(name: str, archive: zipfile.ZipFile) -> Mapping[str, bytes]:
    """Unpack the descriptions into memory; what a member says of its own size is not believed."""
    wanted = [member for member in archive.infolist() if _is_wanted(member.filename)]
    if not wanted or len(wanted) > _MOST_FILES:
        raise UsageError(f"{name}: the zip holds {len(wanted) or 'no'} JSON or YAML files", repair=_ELSEWHERE)
    found: dict[str, bytes] = {}
    left = _MOST_UNPACKED
    for member in wanted:
        with archive.open(member) as file:
            data = file.read(left + 1)
        left -= len(data)
        if left < 0:
            raise UsageError(f"{name}: the zip unpacks to more than {_MOST_UNPACKED // 1_000_000} million bytes", repair=_ELSEWHERE)
        found[posixpath.normpath(member.filename.replace("\\", "/").lstrip("/"))] = data
    return found


def _is_wanted(name: str) -> bool:
    # What begins with a dot is what macOS and editors keep beside a file.
    return name.lower().endswith(_ENDINGS) and not posixpath.basename(name).startswith(".")


def _chosen(path: Path, packed: Mapping[str, bytes]) -> tuple[str, dict[str, object]]:
    """Find the file of a zip that is the description: the one with registerInBulk, else the only one that has paths."""
    begins = [name for name in sorted(packed) if any(word in packed[name] for word in (b"swagger", b"openapi"))]
    # Whole libraries of common types begin like descriptions; reading them all takes long.
    likely = [name for name in begins if _REGISTER.encode() in packed[name]] or begins
    parsed: dict[str, object] = {}
    broken: list[UsageError] = []
    for name in likely:
        try:
            parsed[name] = _parsed(name, packed[name])
        except UsageError as error:
            broken.append(error)
    main = [name for name in parsed if mapping(mapping(parsed[name]).get("paths"))]
    if broken and not main:
        raise broken[0]
    # The same description is often there in both spellings.
    if len({posixpath.splitext(name)[0] for name in main}) != 1:
        told = f"several descriptions ({', '.join(main[:10])})" if main else "no Swagger or OpenAPI description"
        raise UsageError(f"{path}: the zip holds {told}", repair="unpack it, and name one file")
    return main[0], {main[0]: parsed[main[0]]}


def _beside(folder: Path, name: str) -> bytes | None:
    """Read a file of the same folder or below; links that lead out of it are not followed."""
    path = folder / name
    if not (path.is_file() and path.resolve().is_relative_to(folder.resolve())):
        return None
    return _bytes(path)


def _bundle(main: str, files: dict[str, object], opened: _Open) -> Bundle:
    """Read what the files refer to, and what that refers to, until nothing is new."""
    pending = [main]
    while pending:
        file = pending.pop()
        for reference in _references(files[file]):
            path = unquote(reference.partition("#")[0])
            name = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
            if not path or "://" in path or name in files or name.startswith(("../", "/")) or len(files) >= _MOST_FILES:
                continue
            data = opened(name)
            if data is not None:
                files[name] = _parsed(name, data)
                pending.append(name)
    return Bundle(main=main, files=files)


def _references(value: object) -> Iterator[str]:
    pending = [value]
    while pending:
        match pending.pop():
            case dict() as members:
                if isinstance(members.get("$ref"), str):
                    yield members["$ref"]
                pending += members.values()
            case list() as elements:
                pending += elements
            case _:
                pass


def _parsed(name: str, data: bytes) -> object:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not UTF-8 text", repair=_ELSEWHERE) from error
    try:
        return _plain(_document(name, text))
    except RecursionError as error:
        raise UsageError(f"{name} is nested beyond measure", repair=_ELSEWHERE) from error
    except ValueError as error:
        raise UsageError(f"{name} holds a number beyond measure", repair=_ELSEWHERE) from error


def _document(name: str, text: str) -> Any:
    if text.lstrip()[:1] not in {"{", "["}:
        return _yaml(name, text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        # YAML may begin with a brace too; of what is neither, the end of the name tells what was meant.
        if name.lower().endswith(".json"):
            raise UsageError(f"{name} is no JSON: {error.msg} in line {error.lineno}", repair=_ELSEWHERE) from error
        return _yaml(name, text)


def _yaml(name: str, text: str) -> Any:
    if len(text) > _MOST_YAML:
        raise UsageError(f"{name} has more than {_MOST_YAML // 1_000_000} million characters", repair="take the JSON file instead")
    try:
        aliases = sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader))
        if aliases <= _MOST_ALIASES:
            return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(
            f"{name} is neither JSON nor YAML: {error.problem or 'it makes no sense'}{line}", repair=_ELSEWHERE
        ) from error
    except Exception as error:  # PyYAML's constructors raise whatever a strange tag or value leads to; all is the file's fault
        raise UsageError(f"{name} is neither JSON nor YAML", repair=_ELSEWHERE) from error
    raise UsageError(f"{name} has more than {_MOST_ALIASES} YAML aliases", repair="take the JSON file instead")


def _plain(value: Any) -> object:
    """Make JSON of what YAML knows beyond it: names that are numbers (statuses), and dates."""
    match value:
        case dict():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple() | set():
            return [_plain(inner) for inner in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
