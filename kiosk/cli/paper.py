"""The verbs that make something to print: the poster."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from kiosk.advice import Language
from kiosk.cli.common import configured
from kiosk.poster import Wall, Way, page
from kiosk.settings import Config, Driver

_OUT: Final = "A new file for its owner alone (0600); else standard output."


@click.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE.html", help=_OUT)
@click.option(
    "--lang",
    "languages",
    multiple=True,
    type=click.Choice([each.value for each in Language]),
    help="A page in this language; may be repeated. Else all four.",
)
@click.pass_context
def poster(context: click.Context, *, out: Path | None, languages: tuple[str, ...]) -> None:
    """Write what hangs beside the reader, a page of A4 in each language, to be printed from a browser.

    Where to tap, what each light means, the QR code and number of each declaration for when the box is dark, how to correct, and
    what is kept of whom for how long. It needs no daemon, and holds nothing of anybody.
    """
    from kiosk.exports import new_file

    config = configured(context, secrets=False)
    wall = _wall(config, datetime.now(UTC))
    text = page(wall, [Language(each) for each in dict.fromkeys(languages)] or list(Language))
    if out is None:
        click.echo(text, nl=False)
        return
    with new_file(out) as sheet:
        sheet.write(text)


def _wall(config: Config, now: datetime) -> Wall:
    today = now.astimezone(config.site.time_zone).date()
    ways = (
        Way(number=each.number.value, name=each.name, url=each.url)
        for each in config.declarations
        if each.valid_until is None or each.valid_until >= today
    )
    return Wall(
        site=config.site.name,
        environment=config.service.environment,
        local_only=config.site.local_only,
        contact=config.site.privacy_contact,
        ways=() if config.site.local_only else tuple(ways),
        retention=config.retention,
        eid_purpose=config.eid.purpose if any(each.driver is Driver.EID for each in config.readers) else None,
    )


VERBS: Final = (poster,)
