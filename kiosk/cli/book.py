"""The verbs about the book: ``outbox`` and ``tasks``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from kiosk.advice import Language
from kiosk.cli.common import ask, asker, configured, fields, json_option, language_option, show, table
from kiosk.durable import write_new
from kiosk.errors import UsageError
from kiosk.model import State

_ROWS: Final = (
    "id",
    "state",
    "direction",
    "tapped_at",
    "insz",
    "registration_id",
    "confirmed_at",
    "validity",
    "reason",
    "attempts",
)
_TASKS: Final = ("id", "kind", "until", "days_left", "registration", "holder", "opened_at", "note", "advice", "who")
_STATES: Final = [state.value for state in State]


@click.group()
def outbox() -> None:
    """The book of registrations: list, show, retry, release, cancel, resolve, reconcile."""


@outbox.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only rows in this state.")
@json_option
@click.pass_context
def outbox_list(context: click.Context, *, state: str | None, as_json: bool) -> None:
    """Print every registration with its state."""
    params: dict[str, object] = {} if state is None else {"state": state}
    part = ask(context, "outbox list", params)
    items = list(part["items"])
    # The daemon tells a long book in parts: neither its memory nor a tap has to bear the whole.
    while part["next"] is not None:
        part = ask(context, "outbox list", {**params, "after": part["next"]})
        items += part["items"]
    show({"items": items}, as_json=as_json, text=lambda: table(items, _ROWS, empty="nothing in the book"))


@outbox.command("show")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@language_option
@json_option
@click.pass_context
def outbox_show(context: click.Context, *, number: int, lang: str, as_json: bool) -> None:
    """Print everything about one registration, with advice where the service remarked something."""
    _one(context, "outbox show", {"id": number, "lang": lang}, as_json=as_json)


@outbox.command("retry")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@json_option
@click.pass_context
def outbox_retry(context: click.Context, *, number: int, as_json: bool) -> None:
    """Refused: build it again from the tap and the corrected roster, and queue it. Unknown: look it up now."""
    _one(context, "outbox retry", {"id": number}, as_json=as_json)


@outbox.command("release")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--group", is_flag=True, help="Resume the whole paused employer and declaration of this row.")
@json_option
@click.pass_context
def outbox_release(context: click.Context, *, number: int, group: bool, as_json: bool) -> None:
    """Held: send it at its own time, once its reason is gone or may be waived."""
    _one(context, "outbox release", {"id": number, "group": group}, as_json=as_json)


@outbox.command("cancel")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why, in a few words; kept as evidence. No names or numbers of people.")
@json_option
@click.pass_context
def outbox_cancel(context: click.Context, *, number: int, reason: str, as_json: bool) -> None:
    """Don't send a registration that is queued, held or refused; have one that is accepted cancelled at the service.

    The tap stays recorded.
    """
    _one(context, "outbox cancel", {"id": number, "reason": reason}, as_json=as_json)


@outbox.command("resolve")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--found", type=click.IntRange(1), metavar="REGISTRATION_ID", help="The service holds it under this id.")
@click.option("--absent", is_flag=True, help="The service does not hold it: send it again.")
@json_option
@click.pass_context
def outbox_resolve(context: click.Context, *, number: int, found: int | None, absent: bool, as_json: bool) -> None:
    """Settle an unknown registration by hand, after looking at the service's own site."""
    if (found is None) == (not absent):
        raise click.UsageError("give either --found REGISTRATION_ID or --absent")
    _one(context, "outbox resolve", {"id": number, **({"absent": True} if absent else {"found": found})}, as_json=as_json)


def _one(context: click.Context, call: str, params: dict[str, object], *, as_json: bool) -> None:
    result = ask(context, call, params)
    show(result, as_json=as_json, text=lambda: fields(result))


@click.group(invoke_without_command=True)
@language_option
@json_option
@click.pass_context
def tasks(context: click.Context, *, lang: str, as_json: bool) -> None:
    """Print what needs a human, and what to do; `tasks close ID` notes that one has seen to it."""
    if context.invoked_subcommand is None:
        result = ask(context, "tasks", {"lang": lang})
        show(result, as_json=as_json, text=lambda: table(_by_urgency(result["items"]), _TASKS, empty="nothing needs a human"))


def _by_urgency(items: Sequence[Mapping[str, Any]]) -> list[dict[str, object]]:
    """The shortest time left first, those without a last day at the end; days that are over say so."""
    ordered = sorted(items, key=lambda task: (task["days_left"] is None, task["days_left"] or 0, task["id"]))
    return [{**task, "days_left": _left(task["days_left"])} for task in ordered]


def _left(days: int | None) -> str | int | None:
    return f"OVERDUE ({-days})" if days is not None and days < 0 else days


@tasks.command("close")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@json_option
@click.pass_context
def tasks_close(context: click.Context, *, number: int, as_json: bool) -> None:
    """Note that a human has seen to a task; it changes no registration."""
    _one(context, "tasks close", {"id": number}, as_json=as_json)


@tasks.command("sheet")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="A new file for its owner alone; else it is printed.")
@click.option("--reveal", is_flag=True, help="With INSZ and name; needs --reason.")
@click.option("--reason", help="Why, in a few words; kept sealed. No names or numbers of people.")
@language_option
@json_option
@click.pass_context
def tasks_sheet(
    context: click.Context, *, number: int, out: Path | None, reveal: bool, reason: str | None, lang: str, as_json: bool
) -> None:
    """Write one page for a task: what happened, what is missing (a line for a pen), until when, and who must ask the NSSO."""
    from kiosk.sheet import page

    if reveal and not reason:
        raise click.UsageError("--reveal needs --reason TEXT: why INSZ and name are handed out")
    asked: dict[str, object] = {"id": number, "lang": lang, "reveal": reveal, "reason": reason, **asker()}
    config = configured(context, secrets=False)
    if out is not None and out.exists():
        raise UsageError(f"{out}: is there already", repair="name a new file")
    result = ask(context, "tasks sheet", asked)

    def text() -> str:
        return page(result, site=config.site.name, zone=config.site.time_zone, language=Language(lang))

    if out is None:
        show(result, as_json=as_json, text=text)
        return
    write_new(out, (json.dumps(result, ensure_ascii=False) if as_json else text()).encode(errors="backslashreplace"))


VERBS: Final = (outbox, tasks)
