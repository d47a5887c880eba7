"""The verbs about identity cards."""

from __future__ import annotations

from typing import Final

import click

from kiosk.advice import Language
from kiosk.cli.common import configured, json_option, show
from kiosk.eid_notice import notice
from kiosk.errors import Declined


@click.group()
def eid() -> None:
    """Identity cards as badges: what to hang beside their reader."""


@eid.command("notice")
@click.option("--lang", type=click.Choice([each.value for each in Language]), help="This language only; else all four.")
@json_option
@click.pass_context
def eid_notice(context: click.Context, *, lang: str | None, as_json: bool) -> None:
    """Print what people must know before they put their card in: what is read, what for, and that a badge does as well."""
    config = configured(context, secrets=False)
    if config.eid.purpose is None:
        raise Declined("[eid] purpose says nothing yet", repair="write there in a sentence what identity cards are read for")
    items = [
        {
            "language": language.value,
            "text": notice(
                language,
                site=config.site.name,
                purpose=config.eid.purpose,
                registrations_days=config.retention.registrations_days,
                evidence_days=config.retention.evidence_days,
            ),
        }
        for language in Language
        if lang in (None, language.value)
    ]
    show({"items": items}, as_json=as_json, text=lambda: "\n\n".join(item["text"] for item in items))


VERBS: Final = (eid,)
