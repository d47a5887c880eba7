"""The verbs that ask the service: ``registrations`` and ``outbox reconcile``. They change nothing there."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Final

import click

from kiosk.cli.book import outbox
from kiosk.cli.common import ask, fields, json_option, language_option, read_stdin, show, table

_SHOWN: Final = ("id", "direction", "registration_date", "registration", "holder", "insz", "validity", "cancelled", "remarks")
_FOUND: Final = ("kind", "registration", "registration_id", "holder", "direction", "registration_date", "what")
#: A day of 10,000 registrations is some hundred pages.
_PATIENCE_SECONDS: Final = 900.0
_DATE: Final = click.DateTime(["%Y-%m-%d"])


@click.group()
def registrations() -> None:
    """What the service holds: search, show."""


@registrations.command("search")
@click.option("--from", "begins", type=_DATE, help="First day, by the site's clock; today if left out.")
@click.option("--to", "ends", type=_DATE, help="Last day; today if left out. At most 31 days.")
@click.option("--holder", type=click.IntRange(1), metavar="ID", help="Only this person, under every INSZ he ever had.")
@click.option("--insz", type=click.Choice(["-"]), help="Only this person: asked without echo, or read from standard input.")
@click.option("--employer", metavar="NUMBER", help="Only this enterprise or foreign VAT number.")
@click.option("--declaration", metavar="NUMBER", help="Only under this declaration of works, of subcontractors too.")
@language_option
@json_option
@click.pass_context
def registrations_search(
    context: click.Context, /, *, begins: datetime | None, ends: datetime | None, insz: str | None, as_json: bool, **given: object
) -> None:
    """Print what the service holds of some days, also by other channels and of subcontractors' workers."""
    if insz is not None:
        given["insz"] = click.prompt("INSZ", hide_input=True) if sys.stdin.isatty() else read_stdin().decode("ascii", "replace")
    params = {**given, "from": _day(begins), "to": _day(ends)}
    result = ask(context, "registrations search", params, patience=_PATIENCE_SECONDS)

    def text() -> str:
        shown = table(result["items"], _SHOWN, empty="the service shows none")
        return shown + (f"\n{result['left_out']} more: narrow the search" if result["left_out"] else "")

    show(result, as_json=as_json, text=text)


@registrations.command("show")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--employer", metavar="NUMBER", help="Whose registration it is, where he has his own credential.")
@language_option
@json_option
@click.pass_context
def registrations_show(context: click.Context, *, number: int, employer: str | None, lang: str, as_json: bool) -> None:
    """Print one registration as the service holds it, by the service's ID, with its history."""
    params: dict[str, object] = {"id": number, "employer": employer, "lang": lang}
    result = ask(context, "registrations show", params, patience=_PATIENCE_SECONDS)
    show(result, as_json=as_json, text=lambda: fields(result))


@outbox.command("reconcile")
@click.argument("day", metavar="DATE", type=_DATE)
@json_option
@click.pass_context
def outbox_reconcile(context: click.Context, *, day: datetime, as_json: bool) -> None:
    """Compare a day (2026-11-02) with the service: only there, only here, different, duplicate. Nothing is sent."""
    result = ask(context, "outbox reconcile", {"day": _day(day)}, patience=_PATIENCE_SECONDS)

    def text() -> str:
        counted = {name: value for name, value in result.items() if name != "items"}
        return f"{fields(counted)}\n{table(result['items'], _FOUND, empty='nothing is unexplained')}"

    show(result, as_json=as_json, text=text)


def _day(given: datetime | None) -> str | None:
    return None if given is None else given.replace(tzinfo=UTC).date().isoformat()


VERBS: Final = (registrations,)
