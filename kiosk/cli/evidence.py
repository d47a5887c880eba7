"""The verbs about the record."""

from __future__ import annotations

from typing import Final

import click

from kiosk.cli.common import ask, fields, json_option, show

#: A year of a large site takes a minute or so on a small box.
_PATIENCE_SECONDS: Final = 1800.0


@click.group()
def evidence() -> None:
    """The record of what was decided and done: verify."""


@evidence.command("verify")
@json_option
@click.pass_context
def evidence_verify(context: click.Context, *, as_json: bool) -> int:
    """Recompute the whole record: every entry that was removed, changed or moved is named; exit 1 where there is one."""
    result = ask(context, "evidence verify", {}, patience=_PATIENCE_SECONDS)
    show(result, as_json=as_json, text=lambda: fields(result))
    return 0 if result["ok"] else 1


VERBS: Final = (evidence,)
