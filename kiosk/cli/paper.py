"""The verbs that make something to print or to hand on: the poster, the month for payroll."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from kiosk.advice import Language
from kiosk.cli.common import ask, asker, configured, json_option, language_option
from kiosk.errors import UsageError
from kiosk.settings import Config, Driver

if TYPE_CHECKING:
    from kiosk.payroll import Frame
    from kiosk.poster import Wall

#: A year of a large site takes a minute or so on a small box.
_PATIENCE_SECONDS: Final = 1800.0
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
    from kiosk.poster import page

    config = configured(context, secrets=False)
    wall = _wall(config, datetime.now(UTC))
    text = page(wall, [Language(each) for each in dict.fromkeys(languages)] or list(Language))
    if out is None:
        click.echo(text, nl=False)
        return
    with new_file(out) as sheet:
        sheet.write(text)


def _wall(config: Config, now: datetime) -> Wall:
    from kiosk.poster import Wall, Way

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


@click.command()
@click.option("--month", metavar="YYYY-MM", help="Which; else the last one that is over, by the site's clock.")
@click.option("--format", "form", type=click.Choice(["csv", "xlsx", "html", "json"]), default="csv", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help=_OUT)
@click.option("--names", is_flag=True, help="With the people's names; that they were asked for is in the record.")
@language_option
@json_option
@click.pass_context
def report(
    context: click.Context, /, *, month: str | None, form: str, out: Path | None, names: bool, lang: str, as_json: bool
) -> None:
    """Write a month's presences for payroll: in, out, breaks and sums by person, site and declaration, every gap as a gap.

    Nothing is filled in. People stand in it by personnel number, or by their holder's number without one; never by INSZ. The
    notes in it say what may be missing: rows that were purged, taps whose time is not known.
    """
    from kiosk.exports import new_file
    from kiosk.payroll import Format, gather, last_month, written

    chosen = Format.JSON if as_json else Format(form)
    if chosen is Format.XLSX and out is None:
        raise UsageError("--format xlsx needs --out FILE.xlsx", repair="a workbook is nothing to look at in a terminal")
    config = configured(context, secrets=False)
    frame = _frame(config, Language(lang))
    asked = {"month": month or last_month(datetime.now(frame.zone)), "names": names, **asker()}
    desk = partial(ask, context, patience=_PATIENCE_SECONDS)
    if out is None:
        click.echo(written(gather(desk, asked, frame), chosen, frame), nl=False)
        return
    with new_file(out) as sheet:
        sheet.put(written(gather(desk, asked, frame), chosen, frame))


def _frame(config: Config, language: Language) -> Frame:
    from kiosk.payroll import Frame

    return Frame(
        site=config.site.name,
        zone=config.site.time_zone,
        environment=config.service.environment,
        retention=config.retention,
        language=language,
    )


VERBS: Final = (poster, report)
