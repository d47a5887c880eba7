"""The verb about the site: move."""

from __future__ import annotations

from typing import Any, Final

import click

from kiosk.cli.common import CONTEXT, configured, json_option, show, table
from kiosk.errors import UsageError
from kiosk.identifiers import DeclarationNumber

_STAYS: Final = ("holder", "registration", "since")


@click.group(context_settings=CONTEXT)
def site() -> None:
    """Where the box stands."""


@site.command()
@click.argument("place")
@click.option("--declaration", metavar="NUMBER", help="The declaration of works there; takes the place of the only one.")
@click.option("--leave-open", is_flag=True, help="Move although people are inside: a task asks for the OUT of each.")
@json_option
@click.pass_context
def move(context: click.Context, *, place: str, declaration: str | None, leave_open: bool, as_json: bool) -> None:
    """Tell the box that it stands at PLACE ("50.8466, 4.3670") from now on; while no daemon runs. Recorded with both places."""
    from kiosk.provision import moving
    from kiosk.provision.questions import read_place

    try:
        to = read_place(place)
    except ValueError as error:
        raise UsageError(f"PLACE: {error}") from None
    try:
        number = None if declaration is None else DeclarationNumber.parse(declaration)
    except ValueError as error:
        raise UsageError(f"--declaration: {error}") from None
    result = moving.move(configured(context, secrets=True), to, declaration=number, leave_open=leave_open)
    show(result, as_json=as_json, text=lambda: _text(result))


def _text(result: dict[str, Any]) -> str:
    lines = ["The box stands there from its next start on: `kiosk check`, then start the daemon."]
    if result["declaration"] is not None:
        lines.append(f"It registers for {result['declaration']}; name, link and days of the former one are behind a # now.")
    if result["open_stays"]:
        lines += ["A task asks for the OUT of:", table(result["open_stays"], _STAYS, empty="")]
    return "\n".join(lines)


VERBS: Final = (site,)
