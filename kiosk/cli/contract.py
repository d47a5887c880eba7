"""The verbs about the service's contract: ``contract show`` and ``contract diff``; no network, and no configuration needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kiosk.cli.common import configured, json_option, show, table
from kiosk.config import locate

if TYPE_CHECKING:
    from kiosk.swagger.comparison import Expected

_MEMBERS: Final = ("member", "kind", "needed", "evidence")
_REGIMES: Final = ("regime", "enabled", "since", "owed", "announced", "channel", "evidence")


@click.group()
def contract() -> None:
    """What is known and assumed of the service, and what differs in its official description."""


@contract.command("show")
@json_option
@click.pass_context
def contract_show(context: click.Context, *, as_json: bool) -> None:
    """Print every operation, member and limit with how well it is known, and the sectors."""
    from kiosk.swagger import telling

    told = telling.contract(_expected(context))
    show(told, as_json=as_json, text=lambda: "\n\n".join((*map(_operation, told["items"]), _rest(told))))


@contract.command("diff")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def contract_diff(context: click.Context, *, file: Path, as_json: bool) -> int:
    """Compare with FILE, the official Swagger or OpenAPI description (JSON, YAML, or a zip); exit 1 when it matters."""
    from kiosk.swagger import telling
    from kiosk.swagger.comparison import compare
    from kiosk.swagger.reading import read

    told = telling.differences(*compare(read(file), _expected(context)))
    show(told, as_json=as_json, text=lambda: _differences(told))
    return 1 if told["matters"] else 0


def _expected(context: click.Context) -> Expected:
    """What the box's configuration makes of the contract; the contract itself where there is none."""
    from kiosk.swagger.comparison import Expected

    if context.obj is None and not locate(None, os.environ).exists():
        return Expected()
    service = configured(context, secrets=False).service
    return Expected(
        api_url=service.api_url,
        token_url=service.token_url,
        paths=service.paths,
        batch=service.limits.batch,
        page_size=service.limits.page_size,
    )


def _operation(item: dict[str, Any]) -> str:
    heading = f"{item['operation']}: {item['method']} {item['path']} ({item['evidence']})"
    return f"{heading}\n{table(item['members'], _MEMBERS, empty='')}"


def _rest(told: dict[str, Any]) -> str:
    limits, token = told["limits"], told["authorisation"]
    scopes = "unknown, none is asked for" if token["scopes"] is None else ", ".join(token["scopes"])
    needs = "\n".join(f"{each['regime']} needs: {'; '.join(each['needs'])}" for each in told["regimes"] if each["needs"])
    return "\n".join(
        (
            f"limits: {limits['batch']} items in a call, {limits['page_size']} in a page ({limits['evidence']})",
            f"token: {token['token_url']} ({token['evidence']}); scopes: {scopes}",
            "",
            table(told["regimes"], _REGIMES, empty=""),
            needs,
        )
    )


def _differences(told: dict[str, Any]) -> str:
    lines = [f"{told['document'] or 'the document'}, compared with what this program assumes:"]
    for each in told["items"]:
        lines += [
            f"{each['severity']:12}{each['operation']}, {each['where']}",
            f"            assumed: {each['assumed']}; described: {each['described']}",
            f"            {each['consequence']}",
        ]
    if not told["matters"]:
        lines.append("nothing that matters differs")
    if told["configuration"]:
        lines.append(f"\nput into the configuration what it can repair:\n\n{told['configuration']}")
    return "\n".join(lines)


VERBS: Final = (contract,)
