"""What all verbs share: finding the configuration, asking the daemon or the store, printing."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import click

from kiosk import control
from kiosk.advice import Language
from kiosk.config import load, locate
from kiosk.errors import KioskError, NoDaemon, StoreBusy, UsageError
from kiosk.settings import Config

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_F = TypeVar("_F", bound=Callable[..., Any])


def json_option(function: _F) -> _F:
    """Add ``--json`` to a verb that prints data."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")(function)


def language_option(function: _F) -> _F:
    """Add ``--lang`` to a verb that gives advice."""
    choice = click.Choice([each.value for each in Language])
    return click.option("--lang", type=choice, default=Language.EN.value, show_default=True, help="Language of advice.")(function)


def configured(context: click.Context, *, secrets: bool) -> Config:
    """Load the configuration that this run was given; ``secrets`` also looks at the keys."""
    return load(locate(context.obj, os.environ), os.environ, secrets=secrets)


def ask(
    context: click.Context, call: str, params: Mapping[str, object], *, writes: bool = False, patience: float = 60.0
) -> dict[str, Any]:
    """Have a desk call done: by the running daemon, or on the store itself when no daemon holds it.

    Args:
        context: Of the verb.
        call: The verb's words.
        params: JSON values.
        writes: Whether a missing store may be made for it.
        patience: Seconds to wait for the daemon's answer.

    Raises:
        KioskError: What the call raised.
    """
    config = configured(context, secrets=False)
    try:
        return control.ask(config.control.socket, call, params, timeout=patience)
    except NoDaemon as absent:
        from kiosk.calls import DESK_CALLS
        from kiosk.opening import borrowed_desk

        try:
            with borrowed_desk(configured(context, secrets=True), create=writes) as desk:
                done: dict[str, Any] = DESK_CALLS[call](desk, params)
                return done
        except StoreBusy as busy:
            raise NoDaemon(f"{busy.message}, and {absent.message}", repair=busy.repair) from None


def asker() -> dict[str, object]:
    """Who asks, for the record: the user of this process, also behind sudo."""
    behind = os.environ.get("SUDO_UID", "")
    uid = int(behind) if os.getuid() == 0 and behind.isdecimal() else os.getuid()
    try:
        return {"uid": uid, "user": pwd.getpwuid(uid).pw_name}
    except KeyError:
        return {"uid": uid, "user": ""}


def show(data: Mapping[str, object], *, as_json: bool, text: Callable[[], str]) -> None:
    """Print the data as one JSON document, or as text for a person."""
    click.echo(json.dumps(data, ensure_ascii=False) if as_json else text())


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], *, empty: str) -> str:
    """Rows as aligned columns with a heading, or ``empty``."""
    if not rows:
        return empty
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    heading = [column.replace("_", " ") for column in columns]
    widths = [max(len(line[index]) for line in (heading, *cells)) for index in range(len(columns))]
    return "\n".join(
        "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip() for line in (heading, *cells)
    )


def fields(data: Mapping[str, object]) -> str:
    """One thing as ``name: value`` lines; what is nested comes indented."""
    return "\n".join(_lines(data, ""))


def complain(error: KioskError) -> None:
    """Tell a failure on standard error."""
    click.echo(f"kiosk: {error}", err=True)


def read_stdin() -> bytes:
    """Everything on standard input."""
    return sys.stdin.buffer.read()


def _lines(data: Mapping[str, object], indent: str) -> list[str]:
    lines: list[str] = []
    for name, value in data.items():
        title = f"{indent}{name.replace('_', ' ')}:"
        if isinstance(value, Mapping):
            lines += [title, *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines.append(title)
            lines += [f"{indent}  - " + ", ".join(f"{key} {_cell(item)}" for key, item in entry.items()) for entry in value]
        else:
            lines.append(f"{title} {_cell(value)}")
    return lines


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case True:
            return "yes"
        case False:
            return "no"
        case list():
            return ", ".join(map(str, value)) or "-"
        case _:
            return str(value)


def decoded(data: bytes) -> str:
    """Decode standard input; raises ``UsageError`` unless it is UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8", repair="save it as UTF-8; names would be spoiled otherwise") from None
