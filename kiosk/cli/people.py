"""The verbs about badges and holders. No INSZ is ever an argument: it would stand in the process list."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import click

from hardware.formats import Format
from kiosk import control
from kiosk.advice import Language
from kiosk.badge_lines import decode_csv
from kiosk.cli.common import (
    ask,
    asker,
    configured,
    decoded,
    fields,
    json_option,
    language_option,
    read_stdin,
    show,
    table,
)
from kiosk.errors import UsageError
from kiosk.identifiers import EID, CardId
from kiosk.model import Direction

_BADGES: Final = ("id", "holder", "card", "technology", "trust", "name", "insz", "language", "local", "added_at", "revoked_at")
#: What the daemon waits for a card, and for the disk.
_ENROL_PATIENCE_SECONDS: Final = 60.0
#: Everything about somebody who tapped for years, on a small box.
_EXPORT_PATIENCE_SECONDS: Final = 600.0
_LOANS: Final = ("id", "card", "holder", "until", "lost", "added_at")
_UNKNOWN: Final = ("id", "card", "tapped_at", "reader", "technology", "trust")
#: A badge's id has fewer digits than the shortest card, four bytes in hexadecimal.
_SHORTEST_CARD: Final = 8


@click.group()
def badge() -> None:
    """Badges: add, enrol, import, link, list, loans, revoke, unknown."""


@badge.command("add")
@json_option
@click.pass_context
def badge_add(context: click.Context, *, as_json: bool) -> None:
    """Give badges to people: asks on a terminal, else reads one JSON object per line on standard input.

    Fields: card (or the word eid: his identity card) and insz, both required, name, language, enterprise_number,
    foreign_vat_number, declaration, personnel_number, capacity (employee, self_employed, agency or trainee), local (yes:
    nothing is owed for this person, a visitor for instance). The same INSZ again adds a badge to that holder. Several lines
    apply all or nothing.
    """
    lines: list[object] = [_asked()] if sys.stdin.isatty() else list(decoded(read_stdin()).split("\n"))
    result = ask(context, "badge add", {"lines": lines}, writes=True)
    show(
        result,
        as_json=as_json,
        text=lambda: table(result["items"], ("line", "id", "holder", "card", "added"), empty="nothing added"),
    )


@badge.command("enrol")
@click.option("--reader", help="Only this reader's next card; else whichever comes first.")
@click.option("--loan", is_flag=True, help="A card to lend, of nobody: whoever shows his identity card may take one.")
@json_option
@click.pass_context
def badge_enrol(context: click.Context, *, reader: str | None, loan: bool, as_json: bool) -> None:
    """Make a badge of the next card at a reader of the running daemon, within 30 seconds; it is no tap.

    Asks who it is for on a terminal, else reads one JSON object on standard input, with the fields of `badge add` but card.
    """
    person: dict[str, object] = {"loan": True} if loan else _asked_who() if sys.stdin.isatty() else _object(decoded(read_stdin()))
    if not as_json:
        click.echo("lay the card on the reader", err=True)
    params = {**person, **({} if reader is None else {"reader": reader})}
    config = configured(context, secrets=False)
    try:
        result = control.ask(config.control.socket, "badge enrol", params, timeout=_ENROL_PATIENCE_SECONDS)
    except KeyboardInterrupt:
        # Else the next worker's card would become this person's badge.
        control.ask(config.control.socket, "badge enrol-stop", {})
        raise
    show(result, as_json=as_json, text=lambda: fields(result))


@badge.command("import")
@click.argument("file", metavar="FILE")
@click.option("--preview", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--written", type=click.Choice([each.value for each in Format]), help="How another system wrote the cards' numbers.")
@json_option
@click.pass_context
def badge_import(context: click.Context, *, file: str, preview: bool, written: str | None, as_json: bool) -> None:
    """Give badges to people from a CSV file (or - for standard input), all or nothing.

    UTF-8, separated by ; or , with a heading of the same names as `badge add`. A list whose numbers are probably written in
    another way (byte-reversed, decimal) is refused with the option that takes it; --preview shows what it would become.
    """
    text = decode_csv(read_stdin() if file == "-" else _file(Path(file)))
    given = {"text": text, "preview": preview, **({} if written is None else {"written": written})}
    result = ask(context, "badge import", given, writes=True)
    if result["doubt"] is not None and not as_json:
        option = "" if result["written"] is None else f"; what follows is what --written {result['written']} makes of it"
        click.echo(f"kiosk: {result['doubt']}{option}", err=True)
    show(
        result,
        as_json=as_json,
        text=lambda: table(result["items"], ("line", "id", "holder", "card", "added"), empty="nothing added"),
    )


@badge.command("list")
@json_option
@click.pass_context
def badge_list(context: click.Context, *, as_json: bool) -> None:
    """Print the roster: every badge with its holder, numbers masked."""
    result = ask(context, "badge list", {})
    show(result, as_json=as_json, text=lambda: table(result["items"], _BADGES, empty="no badges yet; add one: kiosk badge add"))


@badge.command("unknown")
@json_option
@click.pass_context
def badge_unknown(context: click.Context, *, as_json: bool) -> None:
    """Print the newest taps of cards that nobody knows, each with the number that `badge link` takes."""
    result = ask(context, "badge unknown", {})
    show(result, as_json=as_json, text=lambda: table(result["items"], _UNKNOWN, empty="every card that was laid on is known"))


@badge.command("loans")
@json_option
@click.pass_context
def badge_loans(context: click.Context, *, as_json: bool) -> None:
    """Print the cards to lend, and who has one until when."""
    result = ask(context, "badge loans", {})
    show(
        result,
        as_json=as_json,
        text=lambda: table(result["items"], _LOANS, empty="no cards to lend; make one: kiosk badge enrol --loan"),
    )


@badge.command("link")
@click.argument("tap", metavar="TAP", type=click.IntRange(1))
@click.option("--holder", "number", type=click.IntRange(1), required=True, help="Whose card it is.")
@click.option("--direction", type=click.Choice([each.value for each in Direction]), help="What the past tap was: in or out.")
@click.option("--loan", is_flag=True, help="Only lent: until he taps OUT, and for a shift at most.")
@json_option
@click.pass_context
def badge_link(context: click.Context, *, tap: int, number: int, direction: str | None, loan: bool, as_json: bool) -> None:
    """Give an unknown card that was laid on (TAP, see `badge unknown`) to a person.

    It is his badge from now on. With --direction his past tap is registered too, at its own time, once he has laid the card
    on again himself; what he sees at a tap of today is not changed by it.
    """
    result = ask(context, "badge link", {"tap": tap, "holder": number, "direction": direction, "loan": loan}, writes=True)
    show(result, as_json=as_json, text=lambda: _linked(result))


@badge.command("revoke")
@click.argument("which", metavar="ID|CARD")
@json_option
@click.pass_context
def badge_revoke(context: click.Context, *, which: str, as_json: bool) -> None:
    """Take a lost badge out of use: by its id from `badge list`, or by the card's number (- asks for it, out of sight)."""
    if which == "-":
        which = click.prompt("card", hide_input=True) if sys.stdin.isatty() else decoded(read_stdin()).strip()
    params: dict[str, object] = {"id": int(which)} if which.isdecimal() and len(which) < _SHORTEST_CARD else {"card": which}
    result = ask(context, "badge revoke", params, writes=True)
    show(result, as_json=as_json, text=lambda: fields(result))


@click.group()
def holder() -> None:
    """The person behind badges: show, edit, replace-insz, export, forget."""


@holder.command("show")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@json_option
@click.pass_context
def holder_show(context: click.Context, *, number: int, as_json: bool) -> None:
    """Print what the roster knows and knew of a holder, INSZ masked."""
    result = ask(context, "holder show", {"holder": number})
    show(result, as_json=as_json, text=lambda: fields(result))


@holder.command("edit")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@json_option
@click.pass_context
def holder_edit(context: click.Context, *, number: int, as_json: bool) -> None:
    """Correct a holder from now on: reads one JSON object on standard input.

    Fields: name, language, enterprise_number, foreign_vat_number, declaration, personnel_number, capacity, local; an
    empty one is cleared, one left out stays. What was decided at an IN holds until its OUT.
    """
    given = _object(decoded(read_stdin()))
    result = ask(context, "holder edit", {**given, "holder": number}, writes=True)
    show(result, as_json=as_json, text=lambda: fields(result))


@holder.command("replace-insz")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@json_option
@click.pass_context
def holder_replace_insz(context: click.Context, *, number: int, as_json: bool) -> None:
    """Give a holder a new INSZ (a BIS number became a national one): asked without echo, or read from standard input."""
    insz = click.prompt("new INSZ", hide_input=True) if sys.stdin.isatty() else decoded(read_stdin()).strip()
    result = ask(context, "holder replace-insz", {"holder": number, "insz": insz}, writes=True)
    show(result, as_json=as_json, text=lambda: fields(result))


@holder.command("export")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why, in a few words; kept sealed. No names or numbers of people.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Without ending; holder-ID here if left out.")
@language_option
@json_option
@click.pass_context
def holder_export(context: click.Context, *, number: int, reason: str, out: Path | None, lang: str, as_json: bool) -> None:
    """Write FILE.html and FILE.json with everything that this box holds of a person, for him (GDPR, article 15).

    His own data are in clear: hand them to nobody else. That it was asked for stands in the record first.
    """
    from kiosk.disclosure import export_person

    result = export_person(
        out or Path(f"holder-{number}"),
        partial(ask, context, patience=_EXPORT_PATIENCE_SECONDS),
        {"holder": number, "reason": reason, **asker()},
        retention=configured(context, secrets=False).retention,
        language=Language(lang),
    )
    show(result, as_json=as_json, text=lambda: fields(result))


@holder.command("forget")
@click.argument("number", metavar="ID", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why, in a few words; kept sealed. No names or numbers of people.")
@click.option("--preview", is_flag=True, help="Tell what would go, and change nothing.")
@click.option("--although-recent", is_flag=True, help="Also within the 30 days in which RSZ corrects his last registration.")
@json_option
@click.pass_context
def holder_forget(context: click.Context, *, number: int, reason: str, preview: bool, although_recent: bool, as_json: bool) -> None:
    """Let a person go: everything about him on this box, for good. Says what keeps him where he can't be let go of yet."""
    given = {"holder": number, "reason": reason, "preview": preview, "recent": although_recent}
    result = ask(context, "holder forget", given, writes=True)
    show(result, as_json=as_json, text=lambda: _let_go(result))


def _linked(result: Mapping[str, Any]) -> str:
    told = [f"card {result['card']} is a badge of holder {result['holder']} now"]
    if result["registration"] is not None:
        told.append(
            f"registration {result['registration']} for the past tap is held: let the person lay the card on once more before"
            f" {result['until']}, then it goes by itself"
        )
    return "\n".join(told)


def _let_go(result: Mapping[str, Any]) -> str:
    rows = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in result["rows"].items() if count)
    told = [f"{'gone' if result['forgotten'] else 'would go'}: {rows or 'nothing was left'}"]
    told += [f"stays: {each}" for each in result["stays"]]
    told += [f"still holds his data, delete it yourself: {name}" for name in result["copies"]]
    return "\n".join(told)


def _asked() -> dict[str, object]:
    card = click.prompt("card (hexadecimal; eid: an identity card)")
    person = _asked_who()
    try:
        if card.strip().lower() != EID:
            CardId.parse_badge(card)
    except ValueError as error:
        raise UsageError(f"card: {error}") from None
    return {"card": card, **person}


def _asked_who() -> dict[str, object]:
    answers = {
        "insz": click.prompt("INSZ (national or BIS number, not shown)", hide_input=True),
        "name": click.prompt("name", default="", show_default=False),
        "language": click.prompt("language (nl, fr, de, en)", default="", show_default=False),
        "enterprise_number": click.prompt("enterprise number (empty: the default employer)", default="", show_default=False),
    }
    return {name: value for name, value in answers.items() if value}


def _object(text: str) -> dict[str, object]:
    import json

    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise UsageError(
            "standard input must be one JSON object", repair='for instance: echo \'{"language": "fr"}\' | kiosk holder edit 3'
        )
    return given


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", repair="name a CSV file, or - for standard input") from None


VERBS: Final = (badge, holder)
