"""The configuration file that `provision` writes: the reference with its comments, filled in; one source for both. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Final

_HEADING: Final = re.compile(r"#?(\[\[?)([a-z_.]+)\]\]?")
_SETTING: Final = re.compile(r"#?([a-z_]+) = .*")

#: A section's keys with their TOML literals.
Table = Mapping[str, str]


def reference() -> str:
    """The commented configuration that explains every key."""
    return resources.files("kiosk").joinpath("kiosk.toml").read_text(encoding="utf-8")


def filled(sections: Mapping[str, Sequence[Table]]) -> str:
    """Write the reference with these sections in use and every other setting behind a mark.

    Args:
        sections: By name; a section in double brackets may have several tables, any other has one.
    """
    lines = list(_lines(reference(), sections))
    return "\n".join(lines) + "\n"


def _lines(text: str, sections: Mapping[str, Sequence[Table]]) -> Iterator[str]:
    name, open_tables = "", list[Table]()
    for line in text.splitlines():
        heading = _HEADING.fullmatch(line)
        setting = _SETTING.fullmatch(line)
        if heading is not None:
            yield from _others(name, open_tables[1:])
            name, open_tables = heading[2], list(sections.get(heading[2], ()))
            yield line.removeprefix("#") if open_tables else f"#{line.removeprefix('#')}"
        elif setting is not None:
            value = open_tables[0].get(setting[1]) if open_tables else None
            yield f"#{line.removeprefix('#')}" if value is None else f"{setting[1]} = {value}"
        else:
            yield line
    yield from _others(name, open_tables[1:])


def _others(name: str, tables: Sequence[Table]) -> Iterator[str]:
    """The second and every further table of a section that may repeat."""
    for table in tables:
        yield f"[[{name}]]"
        yield from (f"{key} = {value}" for key, value in table.items())
        yield ""


def literal(value: str | list[str]) -> str:
    """Write a TOML string, or an array of them."""
    if isinstance(value, list):
        return f"[{', '.join(literal(each) for each in value)}]"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def replaced(text: str, section: str, key: str, value: str, *, table: int | None = None) -> str:
    """Give a key of a section another TOML literal in a file that an admin may have written, keeping all its other lines.

    Args:
        text: The file.
        section: Its name.
        key: To change.
        value: TOML.
        table: Which one of a section in double brackets, from 0; None for one in single brackets.

    Raises:
        LookupError: The section has no such key in use.
    """
    lines = text.splitlines()
    number = _line_of(lines, section, key, table)
    if number is None:
        raise LookupError(f"{_heading(section, table)} {key}")
    lines[number] = f"{key} = {value}"
    return "\n".join(lines) + "\n"


def silenced(text: str, section: str, keys: Sequence[str], *, table: int | None = None) -> str:
    """Put keys of a section behind a mark, those that are in use; else as ``replaced``."""
    lines = text.splitlines()
    for key in keys:
        if (number := _line_of(lines, section, key, table)) is not None:
            lines[number] = f"#{lines[number].strip()}"
    return "\n".join(lines) + "\n"


def _heading(section: str, table: int | None) -> str:
    return f"[{section}]" if table is None else f"[[{section}]]"


def _line_of(lines: Sequence[str], section: str, key: str, table: int | None) -> int | None:
    """Which line gives a key of a section its value, or None."""
    inside, seen = False, -1
    for number, line in enumerate(lines):
        stripped = line.strip()
        if stripped.startswith("["):
            mine = stripped.partition("#")[0].strip() == _heading(section, table)
            seen += mine
            inside = mine and seen == (table or 0)
        elif inside and re.match(rf"{re.escape(key)}\s*=", stripped):
            return number
    return None
