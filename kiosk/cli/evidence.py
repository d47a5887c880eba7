"""The verbs about the record."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import click

from kiosk.advice import Language
from kiosk.cli.common import ask, asker, configured, fields, json_option, language_option, show

#: A year of a large site takes a minute or so on a small box.
_PATIENCE_SECONDS: Final = 1800.0
_DATE: Final = click.DateTime(["%Y-%m-%d"])


@click.group()
def evidence() -> None:
    """The record of what was decided and done: verify, export."""


@evidence.command("verify")
@click.argument("path", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path))
@click.option("--key", metavar="HEX", help="The public key that must have signed an export (`kiosk check` shows a box's own).")
@json_option
@click.pass_context
def evidence_verify(context: click.Context, *, path: Path | None, key: str | None, as_json: bool) -> int:
    """Recompute the record of this box, or an export: every entry that was removed, changed or moved is named; exit 1 then.

    An export needs neither configuration nor store.
    """
    if path is not None:
        from kiosk.testimony import examine

        result = examine(path, key=None if key is None else key.lower())
    elif key is not None:
        raise click.UsageError("--key goes with the FOLDER of an export")
    else:
        result = ask(context, "evidence verify", {}, patience=_PATIENCE_SECONDS)
    show(result, as_json=as_json, text=lambda: fields(result))
    return 0 if result["ok"] else 1


@evidence.command("export")
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
@click.option("--holder", type=click.IntRange(1), metavar="ID", help="Only this person.")
@click.option("--from", "begins", type=_DATE, help="First day, by the site's clock.")
@click.option("--until", "ends", type=_DATE, help="Last day.")
@click.option("--today", is_flag=True, help="This site, today.")
@click.option("--reveal", is_flag=True, help="With names and numbers; needs --reason.")
@click.option("--reason", help="Why, in a few words; kept sealed. No names or numbers of people.")
@language_option
@json_option
@click.pass_context
def evidence_export(
    context: click.Context,
    /,
    *,
    folder: Path,
    begins: datetime | None,
    ends: datetime | None,
    lang: str,
    as_json: bool,
    **given: object,
) -> None:
    """Write a new FOLDER for an inspector: a report, the whole chain, its signatures, and a verifier that needs no kiosk.

    Numbers are masked and names left out without --reveal. That it was asked for stands in the record before it is written.
    """
    from kiosk.exports import export_evidence

    if given["reveal"] and not given["reason"]:
        raise click.UsageError("--reveal needs --reason TEXT: why names and numbers are handed out")
    config = configured(context, secrets=False)
    result = export_evidence(
        folder,
        partial(ask, context, patience=_PATIENCE_SECONDS),
        {**given, "from": _day(begins), "until": _day(ends), **asker()},
        site=config.site.name,
        zone=config.site.time_zone,
        language=Language(lang),
    )
    show(result, as_json=as_json, text=lambda: fields(result))


def _day(given: datetime | None) -> str | None:
    return None if given is None else given.replace(tzinfo=UTC).date().isoformat()


VERBS: Final = (evidence,)
